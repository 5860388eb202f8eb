#include "watcher/commit.h"

#include "base/fs.h"
#include "watcher/changes.h"
#include "watcher/look.h"

#include <errno.h>
#include <limits.h>

/* The parts of a question outlive it: what is affected is decided without I/O, on what was read here. */

void watcher_changed_clear(struct watcher_changed *part)
{
	strvec_clear(&part->paths);
	strvec_clear(&part->folders);
	cargo_lock_clear(&part->before);
	cargo_lock_clear(&part->after);
	*part = (struct watcher_changed){ 0 };
}

static int parse_lock(struct str *text, int read, struct cargo_lock *ret, bool *ret_there, struct err *err)
{
	*ret_there = read == 0;
	if (read == -ENOENT)
		return 0;
	return read < 0 ? read : cargo_lock_parse(str_text(text), text->len, ret, err);
}

static int read_lock(const struct watcher_repo *repo, const char *source, const git_oid *commit, struct cargo_lock *ret, bool *ret_there,
		     struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", source, WATCHER_LOCK_FILE);
	CLEANUP(str_clear) struct str text = { 0 };
	int r;

	if (commit)
		r = watcher_changes_file(repo, commit, WATCHER_LOCK_FILE, &text, err);
	else
		r = fs_read(path, INT_MAX, &text, err);
	return parse_lock(&text, r, ret, ret_there, err);
}

void watcher_changed_finish(struct watcher_changed *part, const struct watcher_repo *repo, const char *source, const git_oid *before, const git_oid *after,
			 struct watcher_affected_change *change)
{
	bool was = false, is = false;
	int r;

	change->paths = &part->paths;
	change->folders = &part->folders;
	if (!strvec_has(&part->paths, WATCHER_LOCK_FILE))
		return;
	r = read_lock(repo, source, before, &part->before, &was, &part->problem);
	if (r == 0)
		r = read_lock(repo, source, after, &part->after, &is, &part->problem);
	change->lock_before = was ? &part->before : NULL;
	change->lock_after = is ? &part->after : NULL;
	/* Everything may be affected then. */
	change->lock_problem = r < 0 ? part->problem.message : NULL;
}

int watcher_commit_affected(const struct watcher_graph *graph, struct watcher_repo *const *repos, const struct pkgmap *said, const git_oid *commit,
			    struct watcher_affected *ret, struct err *err)
{
	size_t n = graph->config->n_sources;
	CLEANUP_FREE struct watcher_affected_change *changes = xcalloc(n, sizeof(*changes));
	CLEANUP_FREE struct watcher_changed *parts = xcalloc(n, sizeof(*parts));
	struct watcher_affected_question question = { .graph = graph, .said = said, .changes = changes };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		git_oid parent;

		if (!repos[i])
			continue;
		r = watcher_changes_of_commit(repos[i], commit, &parts[i].paths, &parent, err);
		if (r == 0)
			watcher_changed_finish(&parts[i], repos[i], graph->config->sources[i].path, &parent, commit, &changes[i]);
	}
	if (r == 0)
		watcher_affected_find(&question, ret);
	for (size_t i = 0; i < n; i++)
		watcher_changed_clear(&parts[i]);
	return r;
}
