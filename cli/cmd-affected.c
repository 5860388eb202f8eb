/* Which packages own these changes. Needs sources and cargo, neither an image nor a journal. */
#include "cli/cli.h"
#include "cli/json.h"
#include "cli/print.h"

#include "base/fs.h"
#include "base/log.h"
#include "watcher/affected.h"
#include "watcher/changes.h"
#include "watcher/commit.h"
#include "watcher/look.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct asking {
	struct cli_context *ctx;
	const struct config *config;
	struct watcher_graph *graph;
	struct pkgmap *said;         /* with --explain */
	struct watcher_repo **repos; /* as config->sources; opened when asked for */
	struct watcher_changed *parts;  /* likewise */
	bool several;                /* one answer for each of several commits */
	struct strvec names;         /* without --json: what is affected, for the end */
};

static void asking_clear(struct asking *asking)
{
	for (size_t i = 0; i < asking->config->n_sources; i++) {
		watcher_repo_free(asking->repos[i]);
		watcher_changed_clear(&asking->parts[i]);
	}
	free(asking->repos);
	free(asking->parts);
	pkgmap_free(asking->said);
	watcher_graph_free(asking->graph);
	strvec_clear(&asking->names);
}

static int open_repo(struct asking *asking, size_t source, struct err *err)
{
	return asking->repos[source] ? 0 : watcher_repo_open(asking->config->sources[source].path, &asking->repos[source], err);
}

/* The folder that relative paths of the command line start from: -C, else the working folder. */
static char *start_folder(const struct asking *asking)
{
	const char *given = cli_args_value(asking->ctx->args, "directory");
	char here[PATH_MAX];

	if (!getcwd(here, sizeof(here)))
		return xstrdup("/");
	return fs_absolute(here, given ? given : ".");
}

/* The source that the absolute @path lies in, with its path there, a pointer into @path; the innermost of several. */
static size_t find_source(const struct config *config, const char *path, const char **ret)
{
	size_t found = PKGMAP_NONE, longest = 0;

	for (size_t i = 0; i < config->n_sources; i++) {
		size_t n = strlen(config->sources[i].path);

		if (!path_under(path, config->sources[i].path) || (found != PKGMAP_NONE && n <= longest))
			continue;
		found = i;
		longest = n;
		*ret = path[n] == '/' ? path + n + 1 : path + n;
	}
	return found;
}

/* -- answers ---------------------------------------------------------------------------------------------------------------------------------- */

static json_t *reasons_json(const struct watcher_affected *affected)
{
	json_t *array = json_array();

	for (size_t i = 0; i < affected->n_reasons; i++) {
		const struct watcher_affected_reason *reason = &affected->reasons[i];

		json_array_append_new(array, json_pack("{s:o, s:s, s:o, s:I, s:o}", "name", cli_json_string(reason->name), "rule",
						       watcher_affected_rule_name(reason->rule), "path", cli_json_string(reason->path), "more",
						       (json_int_t)reason->n_more, "way", cli_json_string(reason->way)));
	}
	return array;
}

static void print_json(const struct asking *asking, const char *commit, const struct watcher_affected *affected)
{
	json_t *line = json_pack("{s:o, s:o, s:o, s:o, s:o, s:b}", "commit", commit ? json_string(commit) : json_null(), "direct",
				 cli_json_strings(&affected->direct), "affected", cli_json_strings(&affected->affected), "assets",
				 cli_json_strings(&affected->assets), "unowned", cli_json_strings(&affected->unowned), "all", affected->all);

	if (asking->said)
		json_object_set_new(line, "why", reasons_json(affected));
	cli_json_print(line);
}

static void print_reason(const struct watcher_affected_reason *reason)
{
	CLEANUP_FREE char *more = reason->n_more ? xasprintf(" and %zu more", reason->n_more) : xstrdup("");

	switch (reason->rule) {
	case WATCHER_AFFECTED_OWNER:
		cli_print_line("%s: owns %s%s", reason->name, reason->path, more);
		break;
	case WATCHER_AFFECTED_ASSET:
		cli_print_line("asset %s: is %s", reason->name, reason->path);
		break;
	case WATCHER_AFFECTED_SHARED:
		cli_print_line("%s: %s%s is shared", reason->name ? reason->name : "every package", reason->path, more);
		break;
	case WATCHER_AFFECTED_LOCK:
		cli_print_line("%s: %s, %s", reason->name, reason->path, reason->way);
		break;
	default:
		cli_print_line("%s: %s%s, through %s (%s)", reason->name, reason->path, more, reason->way,
			       watcher_affected_rule_name(reason->rule));
	}
}

static int compare_reasons(const void *a, const void *b)
{
	const struct watcher_affected_reason *x = a, *y = b;
	int r = strcmp(x->name ? x->name : "", y->name ? y->name : "");

	if (r == 0)
		r = (int)x->rule - (int)y->rule;
	return r == 0 ? strcmp(x->path, y->path) : r;
}

static void print_reasons(const struct asking *asking, const char *commit, struct watcher_affected *affected)
{
	if (asking->several)
		cli_print_line("commit %s", commit);
	if (affected->n_reasons > 1)
		qsort(affected->reasons, affected->n_reasons, sizeof(*affected->reasons), compare_reasons);
	for (size_t i = 0; i < affected->n_reasons; i++)
		print_reason(&affected->reasons[i]);
	for (size_t i = 0; i < affected->unowned.n; i++)
		cli_print_line("nobody: %s", affected->unowned.v[i]);
}

/* @commit: NULL for the work tree. */
static void answer(struct asking *asking, const char *commit, struct watcher_affected *affected)
{
	if (asking->ctx->json)
		print_json(asking, commit, affected);
	else if (asking->said)
		print_reasons(asking, commit, affected);
	else
		strvec_copy(&asking->names, &affected->affected);
	if (asking->ctx->json || asking->said || asking->ctx->args->positional.n == 0)
		return;
	for (size_t i = 0; i < affected->unowned.n; i++)
		log_info("nobody owns '%s'", affected->unowned.v[i]);
}

/* One answer for all that the parts hold. */
static void answer_changes(struct asking *asking, const struct watcher_affected_change *changes)
{
	CLEANUP(watcher_affected_clear) struct watcher_affected affected = { 0 };
	struct watcher_affected_question question = { .graph = asking->graph, .said = asking->said, .changes = changes };

	watcher_affected_find(&question, &affected);
	answer(asking, NULL, &affected);
}

/* -- questions -------------------------------------------------------------------------------------------------------------------------------- */

/* Fills @change for a source whose paths are in its part, against the work tree. */
static void finish_part(struct asking *asking, size_t source, const git_oid *before, struct watcher_affected_change *change)
{
	watcher_changed_finish(&asking->parts[source], asking->repos[source], asking->config->sources[source].path, before, NULL, change);
}

/* True when @a's and @b's repository is the same one, so that a commit is one of both. */
static bool is_same_repo(const struct asking *asking, size_t a, size_t b)
{
	return str_eq(git_repository_commondir(watcher_repo_git(asking->repos[a])),
		      git_repository_commondir(watcher_repo_git(asking->repos[b])));
}

/* The source that a revision on the command line is looked up in: the one we stand in, else the first. */
static int main_source(struct asking *asking, size_t *ret, struct err *err)
{
	CLEANUP_FREE char *folder = start_folder(asking), *real = realpath(folder, NULL);
	const char *unused;
	size_t found = find_source(asking->config, folder, &unused);

	if (found == PKGMAP_NONE && real)
		found = find_source(asking->config, real, &unused);
	*ret = found == PKGMAP_NONE ? 0 : found;
	return open_repo(asking, *ret, err);
}

/* All sources that lie in the repository of @source. */
static int open_same(struct asking *asking, size_t source, struct err *err)
{
	for (size_t i = 0; i < asking->config->n_sources; i++) {
		int r = open_repo(asking, i, err);

		if (r < 0)
			return r;
		if (i != source && !is_same_repo(asking, source, i)) {
			watcher_repo_free(asking->repos[i]);
			asking->repos[i] = NULL;
		}
	}
	return 0;
}

static int answer_commit(struct asking *asking, const git_oid *commit, struct err *err)
{
	CLEANUP(watcher_affected_clear) struct watcher_affected affected = { 0 };
	char name[GIT_OID_HEXSZ + 1];
	int r = watcher_commit_affected(asking->graph, asking->repos, asking->said, commit, &affected, err);

	git_oid_tostr(name, sizeof(name), commit);
	if (r < 0)
		return err_wrap(err, r, "commit %s", name);
	answer(asking, name, &affected);
	return 0;
}

/* The source that is asked about, with all others of its repository. */
static int open_main(struct asking *asking, size_t *ret, struct err *err)
{
	int r = main_source(asking, ret, err);

	return r == 0 ? open_same(asking, *ret, err) : r;
}

static int find_commit(struct asking *asking, const char *rev, git_oid *ret, struct err *err)
{
	size_t source;
	int r = open_main(asking, &source, err);

	return r == 0 ? watcher_changes_resolve(asking->repos[source], rev, ret, err) : r;
}

static int ask_commits(struct asking *asking, const char *range, struct err *err)
{
	CLEANUP(watcher_commits_clear) struct watcher_commits commits = { 0 };
	size_t source;
	int r = open_main(asking, &source, err);

	if (r == 0)
		r = watcher_changes_range(asking->repos[source], range, &commits, err);
	asking->several = true;
	for (size_t i = 0; r == 0 && i < commits.n; i++)
		r = cancel_requested(asking->ctx->cancel) ? -ECANCELED : answer_commit(asking, &commits.v[i], err);
	return r;
}

static int ask_commit(struct asking *asking, const char *rev, struct err *err)
{
	git_oid commit;
	int r = find_commit(asking, rev, &commit, err);

	return r < 0 ? r : answer_commit(asking, &commit, err);
}

static int head_of(const struct asking *asking, size_t source, git_oid *ret, struct err *err)
{
	char name[GIT_OID_HEXSZ + 1];
	int r = watcher_repo_head(asking->repos[source], name, err);

	*ret = (git_oid){ 0 };
	return r == 0 && name[0] && git_oid_fromstr(ret, name) < 0 ? -EIO : r;
}

/* The work tree of every open source, against @commit, or against each one's HEAD (NULL). */
static int answer_work_tree(struct asking *asking, const git_oid *commit, struct err *err)
{
	size_t n = asking->config->n_sources;
	CLEANUP_FREE struct watcher_affected_change *changes = xcalloc(n, sizeof(*changes));
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP(strvec_clear) struct strvec ignore = { 0 };
		git_oid from;

		if (!asking->repos[i])
			continue;
		watcher_look_ignored(asking->config, i, &ignore);
		r = head_of(asking, i, &from, err);
		if (r == 0)
			r = watcher_changes_since(asking->repos[i], commit ? commit : &from, &ignore, &asking->parts[i].paths, err);
		if (r == 0)
			finish_part(asking, i, commit ? commit : &from, &changes[i]);
	}
	if (r == 0)
		answer_changes(asking, changes);
	return r;
}

static int ask_since(struct asking *asking, const char *rev, struct err *err)
{
	git_oid commit;
	int r = find_commit(asking, rev, &commit, err);

	return r < 0 ? r : answer_work_tree(asking, &commit, err);
}

static int ask_now(struct asking *asking, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < asking->config->n_sources; i++)
		r = open_repo(asking, i, err);
	return r < 0 ? r : answer_work_tree(asking, NULL, err);
}

/* A path as given, from @folder; where that lies in no source, or is not there, from the first source, as `git diff --name-only` prints them. */
static char *locate(const struct config *config, const char *folder, const char *given, size_t *ret_source)
{
	CLEANUP_FREE char *path = fs_absolute(folder, given), *dir = fs_dirname(path), *real = realpath(dir, NULL);
	CLEANUP_FREE char *resolved = real ? fs_absolute(real, fs_basename(path)) : xstrdup(path);
	CLEANUP_FREE char *in_source = fs_absolute(config->sources[0].path, given);
	const char *there = NULL;

	*ret_source = find_source(config, path, &there);
	if (*ret_source == PKGMAP_NONE)
		*ret_source = find_source(config, resolved, &there);
	if (given[0] != '/' && (*ret_source == PKGMAP_NONE || (!fs_exists(path) && fs_exists(in_source))))
		*ret_source = find_source(config, in_source, &there);
	return *ret_source == PKGMAP_NONE ? NULL : xstrdup(there);
}

static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Scripts give names of files that were deleted, too: an answer all the same, but not without a word. */
static int tell_absent(struct asking *asking, size_t source, const char *path, const char *given, struct err *err)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", asking->config->sources[source].path, path);
	char value[WATCHER_FILE_SIZE] = "";
	git_oid head;
	int r = fs_exists(full) ? 0 : open_repo(asking, source, err);

	if (r < 0 || fs_exists(full))
		return r;
	r = head_of(asking, source, &head, err);
	if (r == 0)
		r = watcher_changes_value(asking->repos[source], &head, path, value, err);
	if (r == 0 && value[0] == '\0')
		log_warning("there is no '%s', neither in the work tree of source '%s' nor in its last commit: is it spelt right?", given,
			    asking->config->sources[source].name);
	return r;
}

static int add_path(struct asking *asking, const char *folder, const char *given, struct err *err)
{
	const struct config *config = asking->config;
	size_t source;
	CLEANUP_FREE char *path = locate(config, folder, given, &source);
	CLEANUP_FREE char *full = NULL;

	if (!path) {
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' lies in no source", given);
		err_hint(err, "the first source is '%s'", config->sources[0].path);
		return -EINVAL;
	}
	full = xasprintf("%s/%s", config->sources[source].path, path);
	/* A link to a folder is a file to git. */
	if (!*path || (fs_is_dir(full) && !is_link(full)))
		strvec_add(&asking->parts[source].folders, path);
	else
		strvec_add(&asking->parts[source].paths, path);
	if (!*path)
		strvec_add(&asking->parts[source].paths, WATCHER_LOCK_FILE);
	return tell_absent(asking, source, path, given, err);
}

static int ask_paths(struct asking *asking, const struct strvec *paths, struct err *err)
{
	size_t n = asking->config->n_sources;
	CLEANUP_FREE struct watcher_affected_change *changes = xcalloc(n, sizeof(*changes));
	CLEANUP_FREE char *folder = start_folder(asking);
	int r = 0;

	for (size_t i = 0; r == 0 && i < paths->n; i++)
		r = add_path(asking, folder, paths->v[i], err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		git_oid head = { 0 };

		if (strvec_has(&asking->parts[i].paths, WATCHER_LOCK_FILE))
			r = open_repo(asking, i, err);
		if (r == 0 && asking->repos[i])
			r = head_of(asking, i, &head, err);
		if (r == 0)
			finish_part(asking, i, &head, &changes[i]);
	}
	if (r == 0)
		answer_changes(asking, changes);
	return r;
}

/* -- the verb --------------------------------------------------------------------------------------------------------------------------------- */

extern const struct cli_verb cmd_affected;

static int ask(struct asking *asking, struct err *err)
{
	const struct cli_args *args = asking->ctx->args;
	const char *since = cli_args_value(args, "since"), *commit = cli_args_value(args, "commit"), *range = cli_args_value(args, "commits");

	if ((since != NULL) + (commit != NULL) + (range != NULL) + (args->positional.n > 0) > 1)
		return cli_usage_error(&cmd_affected, err, "only one of --since, --commit, --commits and paths can be asked for");
	if (range)
		return ask_commits(asking, range, err);
	if (commit)
		return ask_commit(asking, commit, err);
	if (since)
		return ask_since(asking, since, err);
	return args->positional.n > 0 ? ask_paths(asking, &args->positional, err) : ask_now(asking, err);
}

static int load(struct asking *asking, struct err *err)
{
	int r = watcher_graph_load(asking->config, asking->ctx->cancel, &asking->graph, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < asking->graph->problems.n; i++)
		log_warning("%s", asking->graph->problems.v[i]);
	for (size_t i = 0; i < asking->graph->outside.n; i++)
		log_warning("'%s' is a path dependency, and lies in no source: it is not watched", asking->graph->outside.v[i]);
	if (cli_args_has(asking->ctx->args, "explain"))
		asking->said = pkgmap_new(asking->config);
	return 0;
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(asking_clear) struct asking asking = { .ctx = ctx, .config = ctx->config };
	int r;

	asking.repos = xcalloc(ctx->config->n_sources, sizeof(*asking.repos));
	asking.parts = xcalloc(ctx->config->n_sources, sizeof(*asking.parts));
	r = load(&asking, err);
	if (r == 0)
		r = ask(&asking, err);
	if (r < 0)
		return r;
	strvec_sort_unique(&asking.names);
	for (size_t i = 0; i < asking.names.n; i++)
		cli_print_line("%s", asking.names.v[i]);
	return 0;
}

static const struct cli_option options[] = {
	{ .name = "since", .value = "REV", .help = "what differs between REV and the work tree, uncommitted and untracked files included" },
	{ .name = "commit", .value = "REV", .help = "what this commit changed, against its first parent" },
	{ .name = "commits", .value = "A..B", .help = "the same for each of these commits, oldest first; REV: all ancestors of it" },
	{ .name = "explain", .help = "say by which rule, and through which crate" },
	{ 0 },
};

const struct cli_verb cmd_affected = {
	.name = "affected",
	.usage = "[--since REV | --commit REV | --commits A..B | PATH...] [--explain]",
	.summary = "which packages own these changes, and which would be built anew",
	.description = "Without arguments: what differs between HEAD and the work tree. Affected are the packages that own a changed file, "
		       "those that are\n"
		       "built from them (by `uses` and by cargo's graph as it is now), and those whose part of Cargo.lock changed. Files below "
		       "an `ignore`\n"
		       "folder count as if they were not there. A folder as PATH stands for all that lies in it; a PATH that is not found from "
		       "the working\n"
		       "folder is taken from the first source. Of several sources, a revision is one of the source that the working folder (-C) "
		       "lies in, else\n"
		       "of the first. Nothing is built, and no image is needed.",
	.operands = "FILE...",
	.options = options,
	.max_args = -1,
	.run = run,
};
