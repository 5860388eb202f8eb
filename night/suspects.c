#include "night/suspects.h"

#include "watcher/changes.h"
#include "watcher/commit.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

/* Subjects are numbered as changes->subjects; the groups are made by joining numbers. */

struct finding {
	const struct config *config;
	const struct refresh_changes *changes;
	struct watcher_graph *graph;  /* owned */
	struct watcher_repo **repos;  /* owned; as config->sources: the user's own */
	size_t *group;                /* owned; as subjects: the number of another of its group, or its own */
	size_t *order;                /* owned; as subjects: 1 + the number of the first commit; 0: none */
	struct strvec *commits;       /* owned; as subjects */
	size_t n_commits;
};

static void finding_clear(struct finding *finding)
{
	for (size_t i = 0; finding->repos && i < finding->config->n_sources; i++)
		watcher_repo_free(finding->repos[i]);
	for (size_t i = 0; finding->commits && i < finding->changes->n_subjects; i++)
		strvec_clear(&finding->commits[i]);
	free(finding->repos);
	free(finding->group);
	free(finding->order);
	free(finding->commits);
	watcher_graph_free(finding->graph);
}

void night_suspects_clear(struct night_suspects *suspects)
{
	for (size_t i = 0; i < suspects->n; i++) {
		strvec_clear(&suspects->v[i].subjects);
		strvec_clear(&suspects->v[i].commits);
	}
	free(suspects->v);
	*suspects = (struct night_suspects){ 0 };
}

/* -- who belongs together ----------------------------------------------------------------------------------------------------------------------- */

static size_t group_of(const struct finding *finding, size_t subject)
{
	while (finding->group[subject] != subject)
		subject = finding->group[subject];
	return subject;
}

static void join(struct finding *finding, size_t a, size_t b)
{
	finding->group[group_of(finding, a)] = group_of(finding, b);
}

static bool is_concerned(const struct watcher_affected *affected, const char *subject)
{
	if (str_starts(subject, "package "))
		return affected->all || strvec_has(&affected->affected, subject + strlen("package "));
	return str_starts(subject, "asset ") && strvec_has(&affected->assets, subject + strlen("asset "));
}

static void take_commit(struct finding *finding, const struct watcher_affected *affected, const char *text)
{
	const struct refresh_changes *changes = finding->changes;
	size_t first = changes->n_subjects;

	finding->n_commits++;
	for (size_t i = 0; i < changes->n_subjects; i++) {
		if (!is_concerned(affected, changes->subjects[i].subject))
			continue;
		strvec_add(&finding->commits[i], text);
		if (finding->order[i] == 0)
			finding->order[i] = finding->n_commits;
		if (first < changes->n_subjects)
			join(finding, i, first);
		else
			first = i;
	}
}

static bool has_member(const struct refresh_changes *changes, const char *subject)
{
	for (size_t i = 0; i < changes->n; i++)
		if (str_eq(changes->v[i].owner, subject) && refresh_is_in_initfs(changes->v[i].path))
			return true;
	return false;
}

/* One that was packed of another folder is taken whole, or not at all. */
static void join_members(struct finding *finding)
{
	const struct refresh_changes *changes = finding->changes;
	size_t first = changes->n_subjects;

	for (size_t i = 0; changes->is_initfs_moved && i < changes->n_subjects; i++) {
		if (!has_member(changes, changes->subjects[i].subject))
			continue;
		if (first < changes->n_subjects)
			join(finding, i, first);
		else
			first = i;
	}
}

/* -- commits ------------------------------------------------------------------------------------------------------------------------------------- */

/* The commit that the good image was made of: 40 digits after 'SOURCE='. NULL when that is not known. */
static char *commit_then(const struct refresh_changes *changes, const struct config_source *source)
{
	CLEANUP_FREE char *key = xasprintf("%s=", source->name);

	for (const char *word = changes->commits; word && *word; word += strcspn(word, " "), word += strspn(word, " "))
		if (str_starts(word, key) && strcspn(word + strlen(key), " ") == GIT_OID_HEXSZ)
			return xstrndup(word + strlen(key), GIT_OID_HEXSZ);
	return NULL;
}

static bool is_same_repo(const struct finding *finding, size_t a, size_t b)
{
	return str_eq(git_repository_commondir(watcher_repo_git(finding->repos[a])), git_repository_commondir(watcher_repo_git(finding->repos[b])));
}

/* A commit of several sources is asked of all of them at once. */
static int walk(struct finding *finding, size_t source, const char *range, struct cancel *cancel, struct err *err)
{
	size_t n = finding->config->n_sources;
	CLEANUP_FREE struct watcher_repo **repos = xcalloc(n, sizeof(struct watcher_repo *));
	CLEANUP(watcher_commits_clear) struct watcher_commits commits = { 0 };
	int r = watcher_changes_range(finding->repos[source], range, &commits, err);

	for (size_t i = 0; i < n; i++)
		repos[i] = is_same_repo(finding, source, i) ? finding->repos[i] : NULL;
	for (size_t i = 0; r == 0 && i < commits.n; i++) {
		CLEANUP(watcher_affected_clear) struct watcher_affected affected = { 0 };
		CLEANUP_FREE char *text = watcher_changes_describe(finding->repos[source], &commits.v[i]);

		if (cancel_requested(cancel))
			return err_set(err, -ECANCELED, "interrupted!");
		if (watcher_changes_is_merge(finding->repos[source], &commits.v[i]))
			continue;
		r = watcher_commit_affected(finding->graph, repos, NULL, &commits.v[i], &affected, err);
		if (r == 0)
			take_commit(finding, &affected, text);
	}
	return r;
}

static bool is_walked(const struct finding *finding, size_t source)
{
	for (size_t i = 0; i < source; i++)
		if (is_same_repo(finding, i, source))
			return true;
	return false;
}

static int walk_all(struct finding *finding, struct cancel *cancel, bool *ret_known, struct err *err)
{
	const struct config *config = finding->config;
	int r = watcher_graph_load(config, cancel, &finding->graph, err);

	for (size_t i = 0; r == 0 && i < config->n_sources; i++)
		r = watcher_repo_open(config_source_home(&config->sources[i]), &finding->repos[i], err);
	*ret_known = true;
	for (size_t i = 0; r == 0 && i < config->n_sources; i++) {
		CLEANUP_FREE char *then = commit_then(finding->changes, &config->sources[i]);
		CLEANUP_FREE char *range = xasprintf("%s..%s", then ? then : "", config->sources[i].commit);

		if (is_walked(finding, i))
			continue;
		/* One that was rebased away and pruned is as good as unknown. */
		if (!then || walk(finding, i, range, cancel, err) < 0)
			*ret_known = false;
		if (cancel_requested(cancel))
			return err_set(err, -ECANCELED, "interrupted!");
	}
	return r;
}

/* -- groups --------------------------------------------------------------------------------------------------------------------------------------- */

static void add_commits(struct night_suspect *suspect, const struct strvec *commits)
{
	for (size_t i = 0; i < commits->n; i++)
		if (!strvec_has(&suspect->commits, commits->v[i]))
			strvec_add(&suspect->commits, commits->v[i]);
}

static size_t order_of_group(const struct finding *finding, size_t group)
{
	size_t order = SIZE_MAX;

	for (size_t i = 0; i < finding->changes->n_subjects; i++)
		if (group_of(finding, i) == group && finding->order[i] < order)
			order = finding->order[i];
	return order;
}

static void take_group(const struct finding *finding, size_t group, struct night_suspects *ret)
{
	struct night_suspect *suspect;

	grow_array(&ret->v, &ret->cap, ret->n, sizeof(*ret->v));
	suspect = &ret->v[ret->n++];
	*suspect = (struct night_suspect){ 0 };
	for (size_t i = 0; i < finding->changes->n_subjects; i++) {
		if (group_of(finding, i) != group)
			continue;
		strvec_add(&suspect->subjects, finding->changes->subjects[i].subject);
		add_commits(suspect, &finding->commits[i]);
	}
}

static void take_groups(const struct finding *finding, struct night_suspects *ret)
{
	for (size_t order = 0; order <= finding->n_commits; order++)
		for (size_t i = 0; i < finding->changes->n_subjects; i++)
			if (group_of(finding, i) == i && order_of_group(finding, i) == order)
				take_group(finding, i, ret);
}

int night_suspects_find(const struct config *config, const struct refresh_changes *changes, struct cancel *cancel, struct night_suspects *ret,
			struct err *err)
{
	CLEANUP(finding_clear) struct finding finding = { .config = config, .changes = changes };
	size_t n = changes->n_subjects;
	int r;

	finding.repos = xcalloc(config->n_sources, sizeof(*finding.repos));
	finding.group = xcalloc(n, sizeof(*finding.group));
	finding.order = xcalloc(n, sizeof(*finding.order));
	finding.commits = xcalloc(n, sizeof(*finding.commits));
	for (size_t i = 0; i < n; i++)
		finding.group[i] = i;
	r = walk_all(&finding, cancel, &ret->since_known, err);
	if (r < 0)
		return r;
	join_members(&finding);
	take_groups(&finding, ret);
	return 0;
}
