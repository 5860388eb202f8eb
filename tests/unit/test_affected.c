/* What changed, from real repositories with git as the oracle; and what that means, by the rules of watcher/affected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "watcher/affected.h"
#include "watcher/changes.h"
#include "watcher/look.h"

#include "lib/gitbox.h"

/* -- watcher/changes -------------------------------------------------------------------------------------------------------------------------- */

static int setup_git(void **state)
{
	*state = gitbox_make();
	return 0;
}

static int teardown_git(void **state)
{
	gitbox_free(*state);
	return 0;
}

static struct watcher_repo *open_repo(const char *path)
{
	struct watcher_repo *repo = NULL;
	struct err err = ERR_INIT;

	if (watcher_repo_open(path, &repo, &err) < 0)
		fail_msg("%s", err.message);
	return repo;
}

static void words(const struct strvec *list, const char *expected)
{
	CLEANUP_FREE char *got = strvec_join(list, " ");

	assert_string_equal(got, expected);
}

static void changed(struct gitbox *box, const char *folder, const char *rev, const char *expected)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", box->repo, folder);
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = open_repo(path);
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	git_oid commit, parent;

	assert_int_equal(watcher_changes_resolve(repo, rev, &commit, NULL), 0);
	assert_int_equal(watcher_changes_of_commit(repo, &commit, &paths, &parent, NULL), 0);
	words(&paths, expected);
}

static void since(struct gitbox *box, const char *rev, const char *expected)
{
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = open_repo(box->repo);
	CLEANUP(strvec_clear) struct strvec paths = { 0 }, ignore = { 0 };
	git_oid commit = { 0 };

	strvec_add(&ignore, "rust");
	if (rev)
		assert_int_equal(watcher_changes_resolve(repo, rev, &commit, NULL), 0);
	assert_int_equal(watcher_changes_since(repo, &commit, &ignore, &paths, NULL), 0);
	words(&paths, expected);
}

static void make_history(struct gitbox *box)
{
	scratch_write(box->repo, "a", "a\n");
	scratch_write(box->repo, "sub/b", "b\n");
	scratch_write(box->repo, "sub/deep/c", "c\n");
	scratch_write(box->repo, "rust/x", "x\n");
	scratch_write(box->repo, ".gitignore", "*.log\n");
	gitbox_commit(box);
	gitbox_git(box, "mv", "sub/b", "sub/d");
	gitbox_commit(box);
	gitbox_git(box, "checkout", "-q", "-b", "side");
	scratch_write(box->repo, "a", "side\n");
	gitbox_commit(box);
	gitbox_git(box, "checkout", "-q", "main");
	gitbox_git(box, "rm", "-q", "sub/deep/c");
	gitbox_commit(box);
	gitbox_git(box, "merge", "-q", "--no-ff", "-m", "m", "side");
}

static void a_commit_is_compared_with_its_first_parent(void **state)
{
	struct gitbox *box = *state;

	make_history(box);
	changed(box, "", "HEAD~3", ".gitignore a rust/x sub/b sub/deep/c");
	changed(box, "", "HEAD~2", "sub/b sub/d");
	changed(box, "", "HEAD~1", "sub/deep/c");
	changed(box, "", "HEAD", "a");
	changed(box, "", "HEAD^2", "a");
	/* A source in a folder of its repository knows that folder alone. */
	changed(box, "sub", "HEAD~3", "b deep/c");
	changed(box, "sub", "HEAD~2", "b d");
	changed(box, "sub", "HEAD", "");
}

static void modes_links_submodules_and_bytes_are_changes(void **state)
{
	struct gitbox *box = *state;

	scratch_write(box->repo, "mode", "x\n");
	scratch_write(box->repo, "kind", "x\n");
	scratch_write(box->repo, "tree/in", "x\n");
	gitbox_commit(box);
	{
		CLEANUP_FREE char *mode = xasprintf("%s/mode", box->repo), *kind = xasprintf("%s/kind", box->repo);
		CLEANUP_FREE char *tree = xasprintf("%s/tree", box->repo);

		assert_int_equal(chmod(mode, 0755), 0);
		assert_int_equal(unlink(kind), 0);
		assert_int_equal(symlink("mode", kind), 0);
		assert_int_equal(fs_remove_tree(tree, NULL), 0);
		scratch_write(box->repo, "tree", "a file now\n");
		scratch_write(box->repo, "b\xe9\xff", "x\n");
	}
	since(box, "HEAD", "b\xe9\xff kind mode tree tree/in");
	gitbox_commit(box);
	changed(box, "", "HEAD", "b\xe9\xff kind mode tree tree/in");
	since(box, "HEAD", "");
	gitbox_git(box, "-c", "protocol.file.allow=always", "submodule", "add", "-q", "./", "module");
	gitbox_commit(box);
	changed(box, "", "HEAD", ".gitmodules module");
}

static void the_work_tree_counts_as_it_is(void **state)
{
	struct gitbox *box = *state;

	make_history(box);
	since(box, "HEAD", "");
	scratch_write(box->repo, "new/untracked", "x\n");
	scratch_write(box->repo, "x.log", "ignored\n");
	scratch_write(box->repo, "rust/x", "never looked at\n");
	scratch_write(box->repo, "staged", "x\n");
	gitbox_git(box, "add", "staged");
	gitbox_git(box, "rm", "-q", "--cached", "a");
	scratch_write(box->repo, "sub/d", "edited\n");
	since(box, "HEAD", "new/untracked staged sub/d");
	/* Since a commit before the rename, and the deletion taken back. */
	scratch_write(box->repo, "sub/deep/c", "c\n");
	since(box, "HEAD~3", "a new/untracked staged sub/b sub/d");
	since(box, NULL, ".gitignore a new/untracked staged sub/d sub/deep/c");
	/* A tracked file that .gitignore names. */
	gitbox_git(box, "add", "-f", "x.log");
	since(box, "HEAD", "new/untracked staged sub/d sub/deep/c x.log");
}

static void before_the_first_commit_all_is_new(void **state)
{
	struct gitbox *box = *state;

	scratch_write(box->repo, "a", "x\n");
	since(box, NULL, "a");
}

static void range_is(struct gitbox *box, const char *range, const char *const *expected)
{
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = open_repo(box->repo);
	CLEANUP(watcher_commits_clear) struct watcher_commits commits = { 0 };
	size_t n = 0;

	assert_int_equal(watcher_changes_range(repo, range, &commits, NULL), 0);
	for (; expected[n]; n++) {
		git_oid oid;

		assert_int_equal(watcher_changes_resolve(repo, expected[n], &oid, NULL), 0);
		assert_in_range(n, 0, commits.n - 1);
		if (!git_oid_equal(&oid, &commits.v[n]))
			fail_msg("%s: number %zu is not %s", range, n, expected[n]);
	}
	assert_int_equal(commits.n, n);
}

static void ranges_are_gits_parents_first(void **state)
{
	struct gitbox *box = *state;

	make_history(box);
	range_is(box, "HEAD~3..HEAD~1", (const char *const[]){ "HEAD~2", "HEAD~1", NULL });
	range_is(box, "HEAD~1..", (const char *const[]){ "side", "HEAD", NULL });
	range_is(box, "..HEAD~1", (const char *const[]){ NULL });
	range_is(box, "side", (const char *const[]){ "HEAD~3", "HEAD~2", "side", NULL });
	range_is(box, "HEAD..HEAD", (const char *const[]){ NULL });
}

static void unknown_revisions_are_wrong_use(void **state)
{
	static const char *const ranges[] = { "nosuch", "nosuch..HEAD", "HEAD..nosuch", "HEAD...HEAD", "", "HEAD:a", "HEAD^{tree}" };
	struct gitbox *box = *state;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;

	make_history(box);
	repo = open_repo(box->repo);
	for (size_t i = 0; i < N_ELEMENTS(ranges); i++) {
		struct watcher_commits commits = { 0 };
		struct err err = ERR_INIT;

		if (watcher_changes_range(repo, ranges[i], &commits, &err) != -EINVAL || err.class != ERR_USAGE)
			fail_msg("'%s' was taken", ranges[i]);
		assert_null(commits.v);
	}
}

static void files_of_commits_are_read(void **state)
{
	struct gitbox *box = *state;
	CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
	CLEANUP(str_clear) struct str text = { 0 };
	git_oid commit, none = { 0 };

	make_history(box);
	repo = open_repo(box->repo);
	assert_int_equal(watcher_changes_resolve(repo, "HEAD~3", &commit, NULL), 0);
	assert_int_equal(watcher_changes_file(repo, &commit, "sub/b", &text, NULL), 0);
	assert_string_equal(str_text(&text), "b\n");
	assert_int_equal(watcher_changes_file(repo, &commit, "sub", &text, NULL), -ENOENT);
	assert_int_equal(watcher_changes_file(repo, &commit, "nosuch", &text, NULL), -ENOENT);
	assert_int_equal(watcher_changes_file(repo, &none, "sub/b", &text, NULL), -ENOENT);
}

/* -- watcher/affected ------------------------------------------------------------------------------------------------------------------------- */

static const char ini[] = "[source base]\npath = src\nshared = Cargo.toml .cargo\nignore = rust\n"
			  "[package common]\npaths = drivers/common\nbins =\n"
			  "[package netd]\npaths = drivers/netd\nuses = drivers/common protocols\n"
			  "[package inner]\npaths = drivers/netd/inner\n"
			  "[package twin]\npaths = drivers/netd\n"
			  "[package kernel]\npaths = kernel\ncommand = make\nartifact = kernel/out\ninvalidates = *\n"
			  "[package firmware]\npaths = firmware\nuses = drivers/netd\ncommand = make\nartifact = firmware/out\n"
			  "[asset netd-config]\npath = drivers/netd/config.toml\ndest = /etc/netd.toml\n"
			  "[asset rc]\npath = init.rc\ndest = /etc/\n";

static const char lock_text[] = "[[package]]\nname = \"netd\"\nversion = \"1.0.0\"\ndependencies = [\n \"x\",\n]\n\n"
				"[[package]]\nname = \"stranger\"\nversion = \"1.0.0\"\ndependencies = [\n \"x\",\n]\n\n"
				"[[package]]\nname = \"x\"\nversion = \"1.0.0\"\nsource = \"registry\"\n";

struct world {
	char *dir;
	struct config *config;
	struct watcher_graph *graph;
	struct pkgmap *said;
	struct watcher_affected got;
};

static int setup_world(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	struct err err = ERR_INIT;
	struct config_args args;

	world->dir = scratch_make();
	scratch_write(world->dir, "src/.keep", "");
	scratch_write(world->dir, "reinject.ini", ini);
	args = (struct config_args){ .dir = world->dir };
	if (config_load(&args, &world->config, &problems, &err) < 0)
		fail_msg("%s", problems.errors.n ? problems.errors.v[0] : err.message);
	assert_int_equal(watcher_graph_load(world->config, NULL, &world->graph, NULL), 0);
	world->said = pkgmap_new(world->config);
	*state = world;
	return 0;
}

static int teardown_world(void **state)
{
	struct world *world = *state;

	watcher_affected_clear(&world->got);
	pkgmap_free(world->said);
	watcher_graph_free(world->graph);
	config_free(world->config);
	scratch_remove(world->dir);
	free(world);
	return 0;
}

static void find(struct world *world, const struct watcher_affected_change *change)
{
	struct watcher_affected_question question = { .graph = world->graph, .said = world->said, .changes = change };

	watcher_affected_clear(&world->got);
	watcher_affected_find(&question, &world->got);
}

static void split(const char *text, struct strvec *ret)
{
	while (*text) {
		size_t n = strcspn(text, " ");

		strvec_add_n(ret, text, n);
		text += n + (text[n] == ' ');
	}
}

static void find_paths(struct world *world, const char *list)
{
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	split(list, &paths);
	find(world, &(struct watcher_affected_change){ .paths = &paths });
}

static void each_path_by_its_rule(void **state)
{
	static const struct {
		const char *paths, *direct, *affected, *assets, *unowned;
	} rows[] = {
		{ "", "", "", "", "" },
		{ "drivers/common/src/lib.rs", "common", "common firmware netd twin", "", "" },
		{ "drivers/netd/src/main.rs", "netd", "firmware netd twin", "", "" },
		/* `uses = drivers/netd` names a package's folder: of packages that nest in it none is meant. */
		{ "drivers/netd/inner/src/main.rs", "inner", "inner", "", "" },
		{ "drivers/netd/config.toml", "netd", "firmware netd twin", "netd-config", "" },
		{ "init.rc", "", "", "rc", "" },
		{ "README.md drivers/README.md", "", "", "", "README.md drivers/README.md" },
		{ "drivers/netdx/a", "", "", "", "drivers/netdx/a" },
		{ "protocols/p.h", "", "firmware netd twin", "", "" },
		{ "rust/src/lib.rs", "", "", "", "" },
		{ "drivers/common rust", "common", "common firmware netd twin", "", "" },
		{ "firmware/a init.rc b", "firmware", "firmware", "rc", "b" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		find_paths(world, rows[i].paths);
		words(&world->got.direct, rows[i].direct);
		words(&world->got.affected, rows[i].affected);
		words(&world->got.assets, rows[i].assets);
		words(&world->got.unowned, rows[i].unowned);
		assert_false(world->got.all);
	}
}

static void a_shared_file_affects_all_and_makes_no_owner(void **state)
{
	struct world *world = *state;

	find_paths(world, ".cargo/config.toml drivers/netd/inner/x");
	words(&world->got.direct, "inner");
	words(&world->got.affected, "common firmware inner kernel netd twin");
	words(&world->got.unowned, "");
	assert_true(world->got.all);
}

static void what_invalidates_all_affects_all_without_being_shared(void **state)
{
	struct world *world = *state;

	find_paths(world, "kernel/main.c");
	words(&world->got.direct, "kernel");
	words(&world->got.affected, "common firmware inner kernel netd twin");
	assert_false(world->got.all);
	assert_int_equal(world->got.reasons[1].rule, WATCHER_AFFECTED_INVALIDATES);
}

static void a_lock_affects_whose_closure_differs(void **state)
{
	struct world *world = *state;
	CLEANUP(cargo_lock_clear) struct cargo_lock before = { 0 }, after = { 0 };
	CLEANUP_FREE char *text = xasprintf("%s%s", lock_text, "checksum = \"aa\"\n");
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	struct watcher_affected_change change = { .paths = &paths, .lock_before = &before, .lock_after = &after };

	strvec_add(&paths, WATCHER_LOCK_FILE);
	assert_int_equal(cargo_lock_parse(lock_text, strlen(lock_text), &before, NULL), 0);
	assert_int_equal(cargo_lock_parse(text, strlen(text), &after, NULL), 0);
	find(world, &change);
	words(&world->got.direct, "");
	/* Neither who is not in the map, nor who only uses netd's folder. */
	words(&world->got.affected, "netd");
	words(&world->got.unowned, "");
	assert_int_equal(world->got.n_reasons, 1);
	assert_string_equal(world->got.reasons[0].way, "x 1.0.0 from elsewhere");
	change.lock_after = &before;
	find(world, &change);
	words(&world->got.affected, "");
	/* Unread it may be anything; what has a command of its own is not cargo's. */
	change.lock_problem = "it is cut";
	find(world, &change);
	words(&world->got.affected, "common inner netd twin");
	/* A member's own lock is a file like any other. */
	strvec_clear(&paths);
	strvec_add(&paths, "drivers/common/Cargo.lock");
	find(world, &change);
	words(&world->got.direct, "common");
}

static void a_folder_stands_for_all_in_it(void **state)
{
	static const struct {
		const char *folder, *direct, *assets, *unowned;
		bool all;
	} rows[] = {
		{ "drivers", "common inner netd", "netd-config", "", false },
		{ "drivers/netd", "inner netd", "netd-config", "", false },
		{ "drivers/netd/src", "netd", "", "", false },
		{ "doc", "", "", "doc", false },
		{ "rust", "", "", "", false },
		{ "", "common firmware inner kernel netd", "netd-config rc", "", true },
	};
	struct world *world = *state;

	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		CLEANUP(strvec_clear) struct strvec folders = { 0 };

		strvec_add(&folders, rows[i].folder);
		find(world, &(struct watcher_affected_change){ .folders = &folders });
		words(&world->got.direct, rows[i].direct);
		words(&world->got.assets, rows[i].assets);
		words(&world->got.unowned, rows[i].unowned);
		assert_int_equal(world->got.all, rows[i].all);
	}
}

static void reasons_name_rule_and_way(void **state)
{
	struct world *world = *state;
	size_t n = 0;

	find_paths(world, "drivers/common/a drivers/common/b protocols/p.h");
	for (size_t i = 0; i < world->got.n_reasons; i++) {
		const struct watcher_affected_reason *reason = &world->got.reasons[i];

		if (str_eq(reason->name, "common")) {
			assert_int_equal(reason->rule, WATCHER_AFFECTED_OWNER);
			assert_int_equal(reason->n_more, 1);
			n++;
		} else if (str_eq(reason->name, "netd") && str_eq(reason->folder, "drivers/common")) {
			assert_int_equal(reason->rule, WATCHER_AFFECTED_USES);
			assert_string_equal(reason->way, "common > netd");
			n++;
		} else if (str_eq(reason->name, "netd")) {
			assert_string_equal(reason->way, "protocols/ > netd");
			n++;
		}
	}
	assert_int_equal(n, 3);
}

static void many_paths_take_no_time(void **state)
{
	struct world *world = *state;
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	int64_t start;

	for (int i = 0; i < 56000; i++)
		strvec_addf(&paths, "some/deep/folder/%d/of/files/%d", i % 4000, i);
	start = clock_ms();
	find(world, &(struct watcher_affected_change){ .paths = &paths });
	/* 60 ms as measured. */
	assert_in_range(clock_ms() - start, 0, 2000);
	assert_int_equal(world->got.unowned.n, 56000);
}

int main(void)
{
#define GIT(name)   cmocka_unit_test_setup_teardown(name, setup_git, teardown_git)
#define WORLD(name) cmocka_unit_test_setup_teardown(name, setup_world, teardown_world)
	const struct CMUnitTest tests[] = {
		GIT(a_commit_is_compared_with_its_first_parent),
		GIT(modes_links_submodules_and_bytes_are_changes),
		GIT(the_work_tree_counts_as_it_is),
		GIT(before_the_first_commit_all_is_new),
		GIT(ranges_are_gits_parents_first),
		GIT(unknown_revisions_are_wrong_use),
		GIT(files_of_commits_are_read),
		WORLD(each_path_by_its_rule),
		WORLD(a_shared_file_affects_all_and_makes_no_owner),
		WORLD(what_invalidates_all_affects_all_without_being_shared),
		WORLD(a_lock_affects_whose_closure_differs),
		WORLD(a_folder_stands_for_all_in_it),
		WORLD(reasons_name_rule_and_way),
		WORLD(many_paths_take_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
