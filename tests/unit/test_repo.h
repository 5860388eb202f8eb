/* What the tests of watcher/repo share: a look, and git's own word for what it must give. */
#ifndef REINJECT_TESTS_TEST_REPO_H
#define REINJECT_TESTS_TEST_REPO_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watcher/repo.h"

#include "lib/gitbox.h"

#ifdef __SANITIZE_ADDRESS__
/* libgit2 1.5.1 forgets one match for each repository with extensions that it opens. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2";
}
#endif

static inline int setup(void **data)
{
	*data = gitbox_make();
	return 0;
}

static inline int teardown(void **data)
{
	gitbox_free(*data);
	return 0;
}

static inline struct watcher_repo *open_repo(const char *path)
{
	struct watcher_repo *repo = NULL;
	struct err err = ERR_INIT;

	if (watcher_repo_open(path, &repo, &err) < 0)
		fail_msg("%s", err.message);
	return repo;
}

/* @paths and @ignore: separated by blanks; NULL is none. */
static inline size_t look(struct watcher_repo *repo, const char *paths, const char *ignore)
{
	CLEANUP(strvec_clear) struct strvec watch = { 0 }, skip = { 0 };
	const char *const texts[] = { paths, ignore ? ignore : "" };
	struct strvec *const lists[] = { &watch, &skip };
	struct err err = ERR_INIT;
	size_t n = 999;

	for (int i = 0; i < 2; i++) {
		const char *s = texts[i];

		for (size_t len; *s; s += len + (s[len] == ' ')) {
			len = strcspn(s, " ");
			strvec_add_n(lists[i], s, len);
		}
	}
	if (!*paths)
		strvec_add(&watch, "");
	if (watcher_repo_look(repo, &watch, &skip, &n, &err) < 0)
		fail_msg("%s", err.message);
	return n;
}

static inline git_oid tree_of(struct watcher_repo *repo, const char *path)
{
	struct err err = ERR_INIT;
	git_oid oid;

	memset(&oid, 0x77, sizeof(oid));
	if (watcher_repo_tree(repo, path, NULL, &oid, &err) < 0)
		fail_msg("%s", err.message);
	return oid;
}

static inline bool same(const git_oid *a, const git_oid *b)
{
	return git_oid_equal(a, b) == 1;
}

static inline char *dirty_of(struct watcher_repo *repo, const char *path)
{
	CLEANUP(strvec_clear) struct strvec v = { 0 };

	assert_int_equal(watcher_repo_dirty(repo, path, &v, NULL), 0);
	return strvec_join(&v, " ");
}

static inline void assert_oracle(struct gitbox *box, struct watcher_repo *repo, const char *const *paths, size_t n, const char *without,
				 const char *note)
{
	CLEANUP_FREE char *tree = gitbox_oracle(box, without);

	for (size_t i = 0; i < n; i++) {
		git_oid have, want, id = tree_of(repo, paths[i]);
		uint32_t mode = 1, want_mode = gitbox_oracle_entry(box, tree, paths[i], &want);

		assert_int_equal(watcher_repo_entry(repo, paths[i], &mode, &have, NULL), 0);
		/* The ID of a file covers its mode, that of a folder is git's. */
		if (mode == 040000 && !same(&have, &id))
			fail_msg("%s: '%s' has two IDs", note, paths[i]);
		if (!same(&have, &want) || mode != want_mode) {
			CLEANUP_FREE char *dirty = dirty_of(repo, paths[i]);
			char hex[2][GIT_OID_HEXSZ + 1];

			fail_msg("%s: '%s' is %s for us, %s for git; dirty: %s", note, paths[i], git_oid_tostr(hex[0], sizeof(hex[0]), &have),
				 git_oid_tostr(hex[1], sizeof(hex[1]), &want), dirty);
		}
	}
}

#define ASSERT_ORACLE(box, repo, without, ...)                                                                                                  \
	assert_oracle(box, repo, (const char *const[]){ __VA_ARGS__ }, N_ELEMENTS(((const char *[]){ __VA_ARGS__ })), without, __func__)

static inline void remove_path(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(fs_remove_tree(path, NULL), 0);
}

static inline void link_to(const char *dir, const char *name, const char *target)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(symlink(target, path), 0);
}

static inline void set_mode(const char *dir, const char *name, mode_t mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	assert_int_equal(chmod(path, mode), 0);
}

/* Names that git sorts one way, bytes another, and a folder tree a third. */
static inline void write_sample(struct gitbox *box)
{
	static const char *const names[] = {
		"a/one", "a/b/two", "a/b/three", "a-b/four", "a.b", "a0/five", "c/d/e/six", "c/d/[x]*?", "n\xff\x01m/\xe9t\xe9", "!n/x"
	};

	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		scratch_write(box->repo, names[i], names[i]);
}

#endif
