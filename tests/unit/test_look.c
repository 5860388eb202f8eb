/* Fingerprints: what makes a package stale, and what must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "watcher/look.h"

#include "lib/gitbox.h"

static const char ini[] = "[source base]\n"
			  "path = repo\n"
			  "shared = Cargo.toml .cargo rust-toolchain.toml\n"
			  "ignore = rust\n"
			  "[source more]\n"
			  "path = more\n"
			  "[package common]\n"
			  "paths = drivers/common\n"
			  "bins =\n"
			  "[package netd]\n"
			  "paths = drivers/netd\n"
			  "uses = drivers/common\n"
			  "dest = /usr/lib/drivers\n"
			  "[package initfs]\n"
			  "paths = initfs\n"
			  "dest = initfs:/bin\n"
			  "[package tools]\n"
			  "paths = initfs/tools\n"
			  "dest = /usr/bin\n"
			  "[package kernel]\n"
			  "paths = kernel\n"
			  "command = make kernel\n"
			  "artifact = kernel/out\n"
			  "dest = /boot/\n"
			  "[package gui]\n"
			  "source = more\n"
			  "paths = gui\n"
			  "dest = /usr/bin\n"
			  "[asset netd-config]\n"
			  "path = drivers/netd/config.toml\n"
			  "dest = /etc/pcid.d/netd.toml\n";

struct box {
	struct gitbox *git;
	struct config *config;
	struct pkgmap *map;
	struct watcher *watcher;
	struct watcher_look *before, *now;
	char *more; /* owned; the other source */
};

static void close_config(struct box *box)
{
	watcher_free(TAKE_PTR(box->watcher));
	pkgmap_free(TAKE_PTR(box->map));
	config_free(TAKE_PTR(box->config));
}

static void open_config(struct box *box)
{
	struct config_args args = { .dir = box->git->dir };
	struct config_problems problems = { 0 };
	struct err err = ERR_INIT;

	close_config(box);
	if (config_load(&args, &box->config, &problems, &err) < 0)
		fail_msg("%s %s", err.message, problems.errors.n ? problems.errors.v[0] : "");
	config_problems_clear(&problems);
	box->map = pkgmap_new(box->config);
	if (watcher_open(box->config, box->map, &box->watcher, &err) < 0)
		fail_msg("%s", err.message);
}

static void commit_more(struct box *box)
{
	gitbox_git(box->git, "-C", box->more, "add", "-A");
	gitbox_git(box->git, "-C", box->more, "commit", "-q", "--allow-empty", "-m", "x");
}

static int setup(void **data)
{
	static const char *const files[] = { "Cargo.toml",
					     "Cargo.lock",
					     ".cargo/config.toml",
					     "drivers/common/src/lib.rs",
					     "drivers/netd/src/main.rs",
					     "drivers/netd/config.toml",
					     "initfs/src/main.rs",
					     "initfs/tools/src/main.rs",
					     "kernel/main.c",
					     "rust/huge",
					     "drivers/common-not/lib.rs" };
	struct box *box = xcalloc(1, sizeof(*box));

	box->git = gitbox_make();
	box->more = xasprintf("%s/more", box->git->dir);
	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		scratch_write(box->git->repo, files[i], files[i]);
	gitbox_commit(box->git);
	gitbox_git(box->git, "init", "-q", "--template=", box->more);
	scratch_write(box->more, "gui/main.rs", "1");
	scratch_write(box->more, "Cargo.lock", "1");
	commit_more(box);
	scratch_write(box->git->dir, "reinject.ini", ini);
	open_config(box);
	*data = box;
	return 0;
}

static int teardown(void **data)
{
	struct box *box = *data;

	watcher_look_free(box->before);
	watcher_look_free(box->now);
	close_config(box);
	gitbox_free(box->git);
	free(box->more);
	free(box);
	return 0;
}

static struct watcher_look *look(struct box *box, const char *build_inputs)
{
	struct watcher_look *ret = NULL;
	struct err err = ERR_INIT;

	if (watcher_look(box->watcher, build_inputs, &ret, &err) < 0)
		fail_msg("%s", err.message);
	watcher_look_free(box->before);
	box->before = box->now;
	box->now = ret;
	return ret;
}

static const struct watcher_subject *subject(struct box *box, const char *name)
{
	for (size_t i = 0; i < box->now->n_subjects; i++)
		if (str_eq(box->now->subjects[i].name, name))
			return &box->now->subjects[i];
	fail_msg("no subject %s", name);
	return NULL;
}

/* The subjects whose fingerprints differ between the last two looks, separated by blanks, 'package ' and 'asset ' left out. */
static void assert_changed(struct box *box, const char *want)
{
	CLEANUP(strvec_clear) struct strvec changed = { 0 };
	CLEANUP_FREE char *text = NULL;

	assert_int_equal(box->before->n_subjects, box->now->n_subjects);
	for (size_t i = 0; i < box->now->n_subjects; i++) {
		assert_string_equal(box->before->subjects[i].name, box->now->subjects[i].name);
		if (!str_eq(box->before->subjects[i].fingerprint, box->now->subjects[i].fingerprint))
			strvec_add(&changed, strchr(box->now->subjects[i].name, ' ') + 1);
	}
	text = strvec_join(&changed, " ");
	assert_string_equal(text, want);
}

static void assert_why(struct box *box, const char *name, const char *want)
{
	const struct watcher_subject *s = subject(box, name);

	if (!str_eq(s->why, want))
		fail_msg("%s: %s, not %s", name, s->why ? s->why : "-", want ? want : "-");
}

/* -- tests ------------------------------------------------------------------------------------------------------------------------------------ */

static void test_order_and_state(void **data)
{
	struct box *box = *data;
	struct watcher_look *now = look(box, "b1");
	CLEANUP_FREE char *head = gitbox_output(box->git, (char *const[]){ "git", "rev-parse", "HEAD", NULL });

	assert_int_equal(now->n_subjects, 7);
	assert_string_equal(now->subjects[0].name, "package common");
	assert_string_equal(now->subjects[6].name, "asset netd-config");
	assert_true(now->subjects[6].is_asset);
	assert_int_equal(now->subjects[6].index, 0);
	for (size_t i = 0; i < now->n_subjects; i++) {
		assert_int_equal(strlen(now->subjects[i].fingerprint), 64);
		assert_null(now->subjects[i].why);
		assert_false(now->subjects[i].missing);
	}
	assert_int_equal(now->n_sources, 2);
	assert_string_equal(now->sources[0].head, head);
	assert_int_equal(now->sources[0].n_dirty, 0);
}

static void test_the_same_for_another_process(void **data)
{
	struct box *box = *data;

	scratch_write(box->git->repo, "drivers/common/src/lib.rs", "2");
	look(box, "b1");
	open_config(box);
	look(box, "b1");
	assert_changed(box, "");
	/* Saved, staged, committed: one content. */
	gitbox_git(box->git, "add", "-A");
	look(box, "b1");
	assert_changed(box, "");
	gitbox_commit(box->git);
	look(box, "b1");
	assert_changed(box, "");
	assert_why(box, "package common", NULL);
}

static void test_a_library_concerns_who_uses_it(void **data)
{
	struct box *box = *data;

	look(box, "b1");
	scratch_write(box->git->repo, "drivers/common/src/lib.rs", "2");
	scratch_write(box->git->repo, "drivers/common-not/lib.rs", "2");
	scratch_write(box->git->repo, "README", "2");
	look(box, "b1");
	assert_changed(box, "common netd");
	assert_why(box, "package common", "drivers/common/src/lib.rs");
	assert_why(box, "package netd", "drivers/common/src/lib.rs, through common");
	assert_why(box, "package tools", NULL);
	assert_int_equal(box->now->sources[0].n_dirty, 1);
	scratch_write(box->git->repo, "drivers/common/src/a.rs", "2");
	scratch_write(box->git->repo, "drivers/netd/src/main.rs", "2");
	look(box, "b1");
	assert_changed(box, "common netd");
	assert_why(box, "package netd", "drivers/netd/src/main.rs and 2 more");
	assert_why(box, "package common", "drivers/common/src/a.rs and 1 more");
	assert_int_equal(box->now->sources[0].n_dirty, 3);
}

static void test_packages_that_nest(void **data)
{
	struct box *box = *data;

	look(box, "b1");
	scratch_write(box->git->repo, "initfs/tools/src/main.rs", "2");
	look(box, "b1");
	assert_changed(box, "tools");
	assert_why(box, "package initfs", NULL);
	assert_why(box, "package tools", "initfs/tools/src/main.rs");
	scratch_write(box->git->repo, "initfs/src/main.rs", "2");
	look(box, "b1");
	assert_changed(box, "initfs");
	gitbox_commit(box->git);
	look(box, "b1");
	assert_changed(box, "");
}

static void test_shared_files_and_lock(void **data)
{
	struct box *box = *data;

	look(box, "b1");
	scratch_write(box->git->repo, "Cargo.toml", "2");
	look(box, "b1");
	assert_changed(box, "common initfs kernel netd tools");
	assert_why(box, "package tools", "Cargo.toml");
	scratch_write(box->git->repo, ".cargo/new", "2");
	look(box, "b1");
	assert_changed(box, "common initfs kernel netd tools");
	/* cargo's lock is nothing to a package that cargo does not build. */
	scratch_write(box->git->repo, "Cargo.lock", "2");
	look(box, "b1");
	assert_changed(box, "common initfs netd tools");
	assert_why(box, "package tools", "Cargo.toml and 2 more");
	assert_why(box, "package kernel", "Cargo.toml and 1 more");
	assert_why(box, "package gui", NULL);
	scratch_write(box->more, "Cargo.lock", "2");
	look(box, "b1");
	assert_changed(box, "gui");
	assert_why(box, "package gui", "Cargo.lock");
	assert_int_equal(box->now->sources[1].n_dirty, 1);
	/* Many workspaces have their lock in .gitignore. */
	gitbox_git(box->git, "-C", box->more, "rm", "-q", "--cached", "-f", "Cargo.lock");
	scratch_write(box->more, ".gitignore", "Cargo.lock\n");
	commit_more(box);
	look(box, "b1");
	scratch_write(box->more, "Cargo.lock", "3");
	look(box, "b1");
	assert_changed(box, "gui");
	look(box, "b1");
	assert_changed(box, "");
}

static void test_build_inputs_concern_cargo_only(void **data)
{
	struct box *box = *data;

	look(box, "b1");
	look(box, "b2");
	assert_changed(box, "common gui initfs netd tools");
}

static void test_ignored_folders(void **data)
{
	struct box *box = *data;

	look(box, "b1");
	scratch_write(box->git->repo, "rust/huge", "2");
	scratch_write(box->git->repo, "rust/new", "2");
	look(box, "b1");
	assert_changed(box, "");
	assert_int_equal(box->now->sources[0].n_dirty, 0);
}

static void set_file_mode(struct box *box, const char *name, mode_t mode)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", box->git->repo, name);

	assert_int_equal(chmod(path, mode), 0);
}

static void test_assets(void **data)
{
	struct box *box = *data;
	CLEANUP_FREE char *path = xasprintf("%s/drivers/netd/config.toml", box->git->repo), *aim = xasprintf("%s/aim", box->git->dir);

	look(box, "b1");
	scratch_write(box->git->repo, "drivers/netd/config.toml", "2");
	look(box, "b1");
	assert_changed(box, "netd netd-config");
	assert_why(box, "asset netd-config", "drivers/netd/config.toml");
	/* Its mode in the image is not this one. */
	set_file_mode(box, "drivers/netd/config.toml", 0755);
	look(box, "b1");
	assert_changed(box, "netd");
	/* A link: what it leads to is copied. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink(aim, path), 0);
	look(box, "b1");
	scratch_write(box->git->dir, "aim", "1");
	look(box, "b1");
	assert_changed(box, "netd-config");
	/* One that git ignores. */
	assert_int_equal(unlink(path), 0);
	gitbox_commit(box->git);
	scratch_write(box->git->repo, ".gitignore", "config.toml\n");
	look(box, "b1");
	assert_true(subject(box, "asset netd-config")->missing);
	for (const char *text = "12"; *text; text++) {
		scratch_write(box->git->repo, "drivers/netd/config.toml", text);
		look(box, "b1");
		assert_changed(box, "netd-config");
		assert_false(subject(box, "asset netd-config")->missing);
	}
}

static void test_missing(void **data)
{
	struct box *box = *data;
	CLEANUP_FREE char *dir = xasprintf("%s/drivers/netd", box->git->repo);

	look(box, "b1");
	assert_int_equal(fs_remove_tree(dir, NULL), 0);
	look(box, "b1");
	assert_changed(box, "netd netd-config");
	assert_true(subject(box, "package netd")->missing);
	assert_true(subject(box, "asset netd-config")->missing);
	assert_false(subject(box, "package common")->missing);
	assert_why(box, "package netd", "drivers/netd/config.toml and 1 more");
}

static void reload_with(struct box *box, const char *from, const char *to)
{
	CLEANUP(str_clear) struct str s = { 0 };
	const char *at = strstr(ini, from);

	assert_non_null(at);
	str_add_n(&s, ini, (size_t)(at - ini));
	str_add(&s, to);
	str_add(&s, at + strlen(from));
	scratch_write(box->git->dir, "reinject.ini", s.buf);
	open_config(box);
	look(box, "b1");
}

static void test_settings(void **data)
{
	struct box *box = *data;
	static const struct {
		const char *from, *to, *changed;
	} cases[] = {
		{ "dest = /usr/lib/drivers\n", "dest = /usr/lib\n", "netd" },
		{ "dest = /usr/lib/drivers\n", "dest = /usr/lib/drivers\nactivate = none\n", "" },
		{ "dest = /usr/lib/drivers\n", "dest = /usr/lib/drivers\nbins = netd netd2\n", "netd" },
		{ "dest = /usr/lib/drivers\n", "dest = /usr/lib/drivers\nbins = netd\n", "" },
		{ "dest = /usr/lib/drivers\n", "dest = /usr/lib/drivers\ncopy = /usr/lib/netd2\n", "netd" },
		{ "command = make kernel\n", "command = make 'kernel'\n", "" },
		{ "command = make kernel\n", "command = make -s kernel\n", "kernel" },
		{ "artifact = kernel/out\n", "artifact = kernel/out2\n", "kernel" },
		{ "dest = /etc/pcid.d/netd.toml\n", "dest = /etc/netd.toml\n", "netd-config" },
		{ "uses = drivers/common\n", "uses = drivers/common initfs/tools\n", "netd" },
		{ "path = more\n", "path = ./more/\n", "" },
	};

	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		reload_with(box, "", "");
		reload_with(box, cases[i].from, cases[i].to);
		assert_changed(box, cases[i].changed);
	}
}

static void test_a_file_is_counted_once(void **data)
{
	struct box *box = *data;

	reload_with(box, "uses = drivers/common\n", "uses = drivers drivers/common drivers/common/src\n");
	scratch_write(box->git->repo, "drivers/common/src/lib.rs", "2");
	look(box, "b1");
	assert_why(box, "package netd", "drivers/common/src/lib.rs, through common");
}

static void test_lists_are_unambiguous(void **data)
{
	struct box *box = *data;

	reload_with(box, "dest = /usr/lib/drivers\n", "dest = /a /b\n");
	reload_with(box, "dest = /usr/lib/drivers\n", "dest = /a\\ /b\n");
	assert_changed(box, "netd");
	reload_with(box, "dest = /usr/lib/drivers\n", "dest = /a /b/netd\n");
	reload_with(box, "dest = /usr/lib/drivers\n", "dest = /a\ncopy = /b/netd\n");
	assert_changed(box, "netd");
}

static void test_parts_name_the_difference(void **data)
{
	struct box *box = *data;
	const struct watcher_subject *old, *new;
	size_t n = 0;

	look(box, "b1");
	scratch_write(box->git->repo, "drivers/common/src/lib.rs", "2");
	look(box, "b1");
	new = subject(box, "package netd");
	old = &box->before->subjects[new - box->now->subjects];
	assert_int_equal(old->n_parts, new->n_parts);
	for (size_t i = 0; i < new->n_parts; i++) {
		assert_string_equal(old->parts[i].label, new->parts[i].label);
		if (str_eq(old->parts[i].value, new->parts[i].value))
			continue;
		assert_string_equal(new->parts[i].label, "tree base:drivers/common");
		n++;
	}
	assert_int_equal(n, 1);
}

static void test_source_without_repository(void **data)
{
	struct box *box = *data;
	CLEANUP_FREE char *git = xasprintf("%s/.git", box->more);
	struct err err = ERR_INIT;

	watcher_free(TAKE_PTR(box->watcher));
	assert_int_equal(fs_remove_tree(git, NULL), 0);
	assert_int_equal(watcher_open(box->config, box->map, &box->watcher, &err), -ENOENT);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	assert_non_null(strstr(err.message, box->more));
	assert_non_null(strstr(err.hint, "git init"));
}

/* A cargo that knows no workspace, as the real one says of these trees, which it takes a tenth of a second for. */
static int setup_cargo(void **data)
{
	char *dir = scratch_make(); /* teardown_cargo has it */
	CLEANUP_FREE char *cargo = xasprintf("%s/cargo", dir), *path = xasprintf("%s:%s", dir, getenv("PATH"));

	scratch_write(dir, "cargo", "#!/bin/sh\nexit 101\n");
	assert_int_equal(chmod(cargo, 0755), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
	*data = dir;
	return 0;
}

static int teardown_cargo(void **data)
{
	scratch_remove(*data);
	return 0;
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_order_and_state),
		TEST(test_the_same_for_another_process),
		TEST(test_a_library_concerns_who_uses_it),
		TEST(test_packages_that_nest),
		TEST(test_shared_files_and_lock),
		TEST(test_build_inputs_concern_cargo_only),
		TEST(test_ignored_folders),
		TEST(test_assets),
		TEST(test_missing),
		TEST(test_settings),
		TEST(test_a_file_is_counted_once),
		TEST(test_lists_are_unambiguous),
		TEST(test_parts_name_the_difference),
		TEST(test_source_without_repository),
	};

	umask(022);
	return cmocka_run_group_tests(tests, setup_cargo, teardown_cargo);
}
