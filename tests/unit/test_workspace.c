/* The workspace as cargo resolves it. Cargo is a script here that prints what a file has, so that old cargos, broken ones and graphs through a registry
 * can be had without one; tests/e2e/affected.bats has the real one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "cargo/workspace.h"
#include "watcher/graph.h"
#include "watcher/look.h"

#include "lib/scratch.h"

static const char script[] = "#!/bin/sh\n"
			     "echo \"$*\" >>\"$0.runs\"\n"
			     "case \" $* \" in *' --no-deps '*) file=declared ;; *) file=resolved ;; esac\n"
			     "[ -f $file.json ] || { echo 'error: the lock file needs to be updated' >&2; exit 101; }\n"
			     "exec sed \"s|@|$PWD|g\" $file.json\n";

#define REGISTRY "registry+https://github.com/rust-lang/crates.io-index"

#define MEMBER(name, dir, bins)                                                                                                                 \
	"{\"id\":\"" name "\",\"name\":\"" name "\",\"version\":\"0.1.0\",\"source\":null,\"manifest_path\":\"@/" dir "/Cargo.toml\","          \
	"\"targets\":[{\"kind\":[\"lib\"],\"name\":\"x\"}" bins "]}"
#define FOREIGN(name, version)                                                                                                                  \
	"{\"id\":\"" name "-" version "\",\"name\":\"" name "\",\"version\":\"" version "\",\"source\":\"" REGISTRY                             \
	"\",\"manifest_path\":\"/registry/" name "/Cargo.toml\",\"targets\":[]}"
#define BIN(name)       ",{\"kind\":[\"bin\"],\"name\":\"" name "\"}"
#define DEP(pkg, kinds) "{\"pkg\":\"" pkg "\",\"dep_kinds\":[" kinds "]}"
#define KIND(kind)      "{\"kind\":" kind ",\"target\":null}"
#define NORMAL          KIND("null")
#define DEV             KIND("\"dev\"")
#define BUILD           KIND("\"build\"")
#define NODE(id, ...)   "{\"id\":\"" id "\",\"deps\":[" __VA_ARGS__ "]}"

/* app > event (registry) > scheme (a [patch] of a registry's package by a folder); app > codegen for its build script; app > helper for its tests alone;
 * log 0.3 for its tests, log 0.4 for itself; scheme > outside, a folder of nobody's. */
static const char
	resolved[] =
		"{\"workspace_root\":\"@\",\"workspace_members\":[\"app\",\"codegen\",\"helper\",\"scheme\"],\"packages\":[" MEMBER(
			"app", "drivers/app", BIN("appd") BIN("app-ctl")) "," MEMBER("codegen", "codegen", "") "," MEMBER("helper",
															  "helper", "") "," MEMBER("scheme", "scheme", "") "," MEMBER("outside", "../outside", "") "," FOREIGN("event", "1.0.0") "," FOREIGN("log", "0.3.9") "," FOREIGN("log", "0.4.2") "," FOREIGN("env", "1.0.0") "],\"resolve\":{\"nodes\":[" NODE("app",
																																												       DEP("event-1.0.0", NORMAL) "," DEP("codegen", BUILD) "," DEP("helper",
																																																				    DEV) "," DEP("log-0.3.9",
																																																						 DEV) "," DEP("log-0.4.2", NORMAL "," DEV) "," DEP("env-1.0.0",
																																																												   DEV)) "," NODE("codegen") "," NODE("helper",
																																																																      DEP("scheme", NORMAL)) "," NODE("scheme", DEP("outside", NORMAL)) "," NODE("outside") "," NODE("event-1.0.0", DEP("scheme",
																																																																															NORMAL)) "," NODE("log-0.3.9") "," NODE("log-0.4.2") "," NODE("env-1.0.0") "]}}";

#define DECLARE(name, dir, deps)                                                                                                                \
	"{\"id\":\"" name "\",\"name\":\"" name "\",\"version\":\"0.1.0\",\"source\":null,\"manifest_path\":\"@/" dir "/Cargo.toml\","          \
	"\"targets\":[],\"dependencies\":[" deps "]}"
#define PATH_DEP(name, dir, rest) "{\"name\":\"" name "\",\"path\":\"@/" dir "\"," rest "}"

static const char declared[] =
	"{\"workspace_root\":\"@\",\"workspace_members\":[\"app\",\"codegen\",\"helper\",\"scheme\"],\"resolve\":null,\"packages\":[" DECLARE(
		"app", "drivers/app",
		PATH_DEP("codegen", "codegen", "\"kind\":\"build\"") "," PATH_DEP("helper", "helper", "\"kind\":\"dev\"") "," PATH_DEP(
			"extra", "extra",
			"\"kind\":null,\"optional\":true") ",{\"name\":\"event\",\"kind\":null,\"source\":\"" REGISTRY
							   "\"}") "," DECLARE("codegen", "codegen",
									      "") "," DECLARE("helper", "helper",
											      PATH_DEP("scheme", "scheme",
												       "\"kind\":null")) "," DECLARE("scheme",
																     "scheme",
																     "") "]}";

static const char lock[] =
	"version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"codegen\",\n \"event\",\n \"helper\",\n]\n\n"
	"[[package]]\nname = \"codegen\"\nversion = \"0.1.0\"\n\n"
	"[[package]]\nname = \"event\"\nversion = \"1.0.0\"\nsource = \"" REGISTRY "\"\nchecksum = \"aa\"\ndependencies = [\n \"scheme\",\n]\n\n"
	"[[package]]\nname = \"helper\"\nversion = \"0.1.0\"\ndependencies = [\n \"scheme\",\n]\n\n"
	"[[package]]\nname = \"scheme\"\nversion = \"0.1.0\"\n";

struct box {
	char *dir; /* owned; src/, bin/, state/ */
	struct config config;
	struct config_source source;
	struct cargo_workspace workspace;
};

static int setup(void **state)
{
	static const char *const manifests[] = { "", "drivers/app/", "codegen/", "helper/", "scheme/", "extra/", "../outside/" };
	struct box *box = xcalloc(1, sizeof(*box));
	struct timespec past[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

	box->dir = scratch_make();
	for (size_t i = 0; i < N_ELEMENTS(manifests); i++) {
		CLEANUP_FREE char *name = xasprintf("src/%sCargo.toml", manifests[i]), *path = xasprintf("%s/%s", box->dir, name);

		if (i == 0)
			scratch_write(box->dir, "src/.keep", "");
		scratch_write(box->dir, name, "# a manifest\n");
		assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	}
	scratch_write(box->dir, "bin/cargo", script);
	scratch_write(box->dir, "src/resolved.json", resolved);
	scratch_write(box->dir, "src/declared.json", declared);
	scratch_write(box->dir, "src/Cargo.lock", lock);
	scratch_write(box->dir, "state/.keep", "");
	{
		CLEANUP_FREE char *cargo = xasprintf("%s/bin/cargo", box->dir), *path = xasprintf("%s/src/Cargo.lock", box->dir);

		assert_int_equal(chmod(cargo, 0755), 0);
		assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
	}
	box->source = (struct config_source){ .name = xstrdup("base"), .path = xasprintf("%s/src", box->dir) };
	box->config = (struct config){ .sources = &box->source, .n_sources = 1, .state = xasprintf("%s/state", box->dir) };
	strvec_addf(&box->config.build.env, "PATH=%s/bin:/usr/bin:/bin", box->dir);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	cargo_workspace_clear(&box->workspace);
	strvec_clear(&box->config.build.env);
	strvec_clear(&box->config.build.features);
	strvec_clear(&box->config.build.cargo_args);
	free(box->config.state);
	free(box->source.name);
	free(box->source.path);
	scratch_remove(box->dir);
	free(box);
	return 0;
}

static void load(struct box *box, enum cargo_workspace_state expected)
{
	struct err err = ERR_INIT;

	cargo_workspace_clear(&box->workspace);
	if (cargo_workspace_load(&box->config, 0, NULL, &box->workspace, &err) < 0)
		fail_msg("%s", err.message);
	if (box->workspace.state != expected)
		fail_msg("state %d: %s", (int)box->workspace.state, box->workspace.problem ? box->workspace.problem : "no problem");
	assert_int_equal(box->workspace.problem != NULL, expected != CARGO_WORKSPACE_GOOD);
}

/* How often cargo was called, and the count starts anew. */
static size_t runs(const struct box *box)
{
	CLEANUP_FREE char *path = xasprintf("%s/bin/cargo.runs", box->dir);
	CLEANUP(str_clear) struct str text = { 0 };
	size_t n = 0;

	if (fs_read(path, 1 << 20, &text, NULL) < 0)
		return 0;
	for (size_t i = 0; i < text.len; i++)
		n += text.buf[i] == '\n';
	unlink(path);
	return n;
}

static void remove_file(const struct box *box, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", box->dir, name);

	assert_int_equal(unlink(path), 0);
}

static const struct cargo_crate *crate(const struct box *box, const char *name)
{
	for (size_t i = 0; i < box->workspace.n_crates; i++)
		if (str_eq(box->workspace.crates[i].name, name))
			return &box->workspace.crates[i];
	fail_msg("no crate '%s'", name);
	return NULL;
}

static void depends(const struct box *box, const char *name, const char *expected)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_FREE char *got = NULL;
	const struct cargo_crate *c = crate(box, name);

	for (size_t i = 0; i < c->n_deps; i++)
		strvec_add(&names, box->workspace.crates[c->deps[i]].name);
	strvec_sort_unique(&names);
	got = strvec_join(&names, " ");
	assert_string_equal(got, expected);
}

static void words(const struct strvec *list, const char *expected)
{
	CLEANUP_FREE char *got = strvec_join(list, ",");

	assert_string_equal(got, expected);
}

static void expect_resolved(const struct box *box)
{
	CLEANUP_FREE char *dir = xasprintf("%s/src/drivers/app", box->dir);

	assert_int_equal(box->workspace.n_crates, 5);
	depends(box, "app", "codegen scheme");
	depends(box, "helper", "scheme");
	depends(box, "scheme", "outside");
	words(&crate(box, "app")->bins, "app-ctl,appd");
	words(&crate(box, "app")->dev_only, "env,env 1.0.0,helper,helper 0.1.0,log 0.3.9");
	assert_string_equal(crate(box, "app")->dir, dir);
	assert_true(crate(box, "app")->member);
	assert_false(crate(box, "outside")->member);
	assert_null(cargo_workspace_find(&box->workspace, "outside"));
	assert_int_equal(strlen(crate(box, "app")->closure), 64);
	assert_string_equal(crate(box, "outside")->closure, "");
}

static void the_graph_leads_through_a_registry_and_not_to_tests(void **state)
{
	struct box *box = *state;

	load(box, CARGO_WORKSPACE_GOOD);
	expect_resolved(box);
	assert_int_equal(runs(box), 1);
}

static void what_is_cached_is_the_same_and_asks_no_cargo(void **state)
{
	struct box *box = *state;

	load(box, CARGO_WORKSPACE_GOOD);
	(void)runs(box);
	load(box, CARGO_WORKSPACE_GOOD);
	expect_resolved(box);
	assert_int_equal(runs(box), 0);
}

static void what_another_program_has_cached_is_none(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *path = xasprintf("%s/state/cargo/base.json", box->dir);
	CLEANUP(str_clear) struct str text = { 0 };

	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(fs_read(path, 1 << 20, &text, NULL), 0);
	assert_true(str_starts(str_text(&text), "{\"format\":2,"));
	text.buf[strlen("{\"format\":")] = '1';
	scratch_write(box->dir, "state/cargo/base.json", str_text(&text));
	(void)runs(box);
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(runs(box), 1);
}

static void without_a_state_folder_nothing_is_written(void **state)
{
	struct box *box = *state;

	remove_file(box, "state/.keep");
	assert_int_equal(rmdir(box->config.state), 0);
	load(box, CARGO_WORKSPACE_GOOD);
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(runs(box), 2);
	assert_false(fs_exists(box->config.state));
}

static void what_no_manifest_names_asks_cargo_when_it_counts(void **state)
{
	static const struct {
		const char *write, *unlink;
		size_t runs;
	} steps[] = {
		{ .write = "src/drivers/app/src/bin/tool/util.rs" },
		{ .write = "src/drivers/app/src/bin/tool/main.rs", .runs = 1 },
		{ .write = "src/drivers/app/src/bin/tool/more.rs" },
		{ .unlink = "src/drivers/app/src/bin/tool/main.rs", .runs = 1 },
		{ .write = "src/drivers/app/src/bin/notes" },
		{ .write = "src/kinds/audio/notes" },
		{ .write = "src/kinds/audio/ac97d/Cargo.toml", .runs = 1 },
		{ .write = "src/kinds/sound/Cargo.toml" },
		{ .write = "src/kinds/net/virtd/Cargo.toml", .runs = 1 },
		{ .write = "src/late/first/Cargo.toml", .runs = 1 },
		{ .write = "src/commented/first/Cargo.toml" },
		{ .unlink = "src/kinds/net/virtd/Cargo.toml", .runs = 1 },
	};
	struct box *box = *state;
	struct timespec past[2] = { { .tv_sec = 1000000001 }, { .tv_sec = 1000000001 } };
	CLEANUP_FREE char *manifest = xasprintf("%s/src/Cargo.toml", box->dir);

	scratch_write(box->dir, "src/Cargo.toml",
		      "description = \"\" # what it's for\n# \"commented/*\"\nmembers = [\"drivers/*\", 'kinds/*/*',\n\t\"late/*\"]\n[x]\ny = \"1.*\"\n");
	assert_int_equal(utimensat(AT_FDCWD, manifest, past, 0), 0);
	load(box, CARGO_WORKSPACE_GOOD);
	load(box, CARGO_WORKSPACE_GOOD);
	(void)runs(box);
	for (size_t i = 0; i < N_ELEMENTS(steps); i++) {
		const char *name = steps[i].write ? steps[i].write : steps[i].unlink;

		if (steps[i].write)
			scratch_write(box->dir, name, "");
		else
			remove_file(box, name);
		load(box, CARGO_WORKSPACE_GOOD);
		if (runs(box) != steps[i].runs)
			fail_msg("step %zu, '%s': expected %zu runs of cargo", i, name, steps[i].runs);
	}
}

static void any_file_that_took_part_asks_cargo_again(void **state)
{
	static const char *const files[] = { "src/Cargo.toml",
					     "src/Cargo.lock",
					     "src/drivers/app/Cargo.toml",
					     "outside/Cargo.toml",
					     "src/.cargo/config.toml",
					     "src/drivers/app/src/bin/second.rs",
					     "src/drivers/app/src/main.rs",
					     "src/drivers/globbed/Cargo.toml",
					     ".cargo/config.toml",
					     ".cargo/config",
					     "home/config.toml" };
	struct box *box = *state;

	strvec_addf(&box->config.build.env, "CARGO_HOME=%s/home", box->dir);
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", box->dir, files[i]);
		struct timespec past[2] = { { .tv_sec = 1000000001 }, { .tv_sec = 1000000001 } };

		load(box, CARGO_WORKSPACE_GOOD);
		load(box, CARGO_WORKSPACE_GOOD);
		(void)runs(box);
		scratch_write(box->dir, files[i], "version = 4\n");
		assert_int_equal(utimensat(AT_FDCWD, path, past, 0), 0);
		load(box, CARGO_WORKSPACE_GOOD);
		if (runs(box) != 1)
			fail_msg("'%s' changed, and cargo was not asked", files[i]);
	}
	strvec_add(&box->config.build.features, "fast");
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(runs(box), 1);
	strvec_add(&box->config.build.cargo_args, "--all-features");
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(runs(box), 1);
	/* What has nothing to do with the graph. */
	strvec_add(&box->config.build.cargo_args, "--frozen");
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(runs(box), 0);
}

/* It may have been read before or after: the next time cargo is asked again. */
static void a_file_written_while_cargo_ran_is_not_taken_for_read(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *path = xasprintf("%s/src/Cargo.toml", box->dir);
	struct timespec future[2] = { { .tv_sec = time(NULL) + 1000 }, { .tv_sec = time(NULL) + 1000 } };

	assert_int_equal(utimensat(AT_FDCWD, path, future, 0), 0);
	load(box, CARGO_WORKSPACE_GOOD);
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(runs(box), 2);
}

static void a_broken_cache_is_none(void **state)
{
	static const char *const texts[] = { "",
					     "{",
					     "[]",
					     "{\"format\":2,\"key\":\"\"}",
					     "{\"format\":99,\"key\":\"x\",\"root\":\"/\"}",
					     "{\"format\":2,\"key\":\"x\",\"root\":\"/\",\"crates\":[{\"name\":\"a\"}]}" };
	struct box *box = *state;

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		scratch_write(box->dir, "state/cargo/base.json", texts[i]);
		load(box, CARGO_WORKSPACE_GOOD);
		expect_resolved(box);
	}
}

static void while_cargo_refuses_the_last_good_graph_stays(void **state)
{
	struct box *box = *state;
	char closure[HASH_HEX_SIZE];

	load(box, CARGO_WORKSPACE_GOOD);
	memcpy(closure, crate(box, "app")->closure, sizeof(closure));
	remove_file(box, "src/resolved.json");
	scratch_write(box->dir, "src/drivers/app/Cargo.toml", "# edited\n");
	scratch_write(box->dir, "src/Cargo.lock", "version = 4\n");
	load(box, CARGO_WORKSPACE_LAST_GOOD);
	assert_non_null(strstr(box->workspace.problem, "lock file needs to be updated"));
	depends(box, "app", "codegen scheme");
	depends(box, "scheme", "outside");
	assert_string_equal(crate(box, "app")->closure, closure);
	/* What the manifests declare by now is added. */
	{
		CLEANUP_FREE char *text = xasprintf("%s", declared);
		char *optional = strstr(text, "\"optional\":true");

		memcpy(optional, "\"optional\":null", strlen("\"optional\":null"));
		scratch_write(box->dir, "src/declared.json", text);
	}
	load(box, CARGO_WORKSPACE_LAST_GOOD);
	depends(box, "app", "codegen extra scheme");
	remove_file(box, "src/declared.json");
	load(box, CARGO_WORKSPACE_LAST_GOOD);
	depends(box, "app", "codegen scheme");
	/* And it is good again as soon as cargo is. */
	scratch_write(box->dir, "src/resolved.json", resolved);
	load(box, CARGO_WORKSPACE_GOOD);
	assert_string_equal(crate(box, "app")->closure, "");
}

static void without_a_last_good_one_manifests_and_lock_say_what_they_can(void **state)
{
	struct box *box = *state;
	char closure[HASH_HEX_SIZE];

	load(box, CARGO_WORKSPACE_GOOD);
	memcpy(closure, crate(box, "app")->closure, sizeof(closure));
	remove_file(box, "state/cargo/base.json");
	remove_file(box, "src/resolved.json");
	load(box, CARGO_WORKSPACE_DECLARED);
	assert_non_null(strstr(box->workspace.problem, "[patch]"));
	depends(box, "app", "codegen extra scheme");
	assert_string_equal(crate(box, "app")->closure, closure);
	scratch_write(box->dir, "src/Cargo.lock", "<<<<<<<\n");
	load(box, CARGO_WORKSPACE_DECLARED);
	depends(box, "app", "codegen extra");
	assert_string_equal(crate(box, "app")->closure, "");
}

static void without_any_cargo_nothing_is_known_and_that_is_said(void **state)
{
	struct box *box = *state;

	remove_file(box, "src/resolved.json");
	remove_file(box, "src/declared.json");
	load(box, CARGO_WORKSPACE_UNKNOWN);
	assert_int_equal(box->workspace.n_crates, 0);
	remove_file(box, "bin/cargo");
	strvec_clear(&box->config.build.env);
	strvec_add(&box->config.build.env, "PATH=/nonexistent");
	load(box, CARGO_WORKSPACE_UNKNOWN);
	/* A source that is no workspace has no problem. */
	remove_file(box, "src/Cargo.toml");
	cargo_workspace_clear(&box->workspace);
	assert_int_equal(cargo_workspace_load(&box->config, 0, NULL, &box->workspace, NULL), 0);
	assert_int_equal(box->workspace.state, CARGO_WORKSPACE_UNKNOWN);
	assert_null(box->workspace.problem);
}

static void what_is_no_metadata_is_refused(void **state)
{
	static const char *const texts[] = {
		"nonsense", "{}", "{\"workspace_root\":\"@\",\"workspace_members\":[],\"packages\":[{}]}",
		"{\"workspace_root\":\"@\",\"workspace_members\":[],\"packages\":[]}",
		"{\"workspace_root\":\"@\",\"workspace_members\":[],\"packages\":[],\"resolve\":{\"nodes\":[{\"id\":\"x\"}]}}"
	};
	struct box *box = *state;

	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		scratch_write(box->dir, "src/resolved.json", texts[i]);
		load(box, CARGO_WORKSPACE_DECLARED);
	}
}

static void the_toolchain_and_the_features_are_handed_on(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *path = xasprintf("%s/bin/cargo.runs", box->dir);
	CLEANUP(str_clear) struct str text = { 0 };

	box->config.build.toolchain = (char[]){ "nightly" };
	strvec_add(&box->config.build.features, "a");
	strvec_add(&box->config.build.features, "b");
	strvec_add(&box->config.build.cargo_args, "--frozen");
	strvec_add(&box->config.build.cargo_args, "--no-default-features");
	load(box, CARGO_WORKSPACE_GOOD);
	assert_int_equal(fs_read(path, 1000, &text, NULL), 0);
	assert_string_equal(str_text(&text), "+nightly metadata --format-version=1 --offline --locked --features=a,b --no-default-features\n");
}

/* -- with the configuration's map -------------------------------------------------------------------------------------------------------------- */

static void crates_without_a_package_become_inputs(void **state)
{
	struct box *box = *state;
	struct config_package packages[2] = { { .name = (char[]){ "app" } }, { .name = (char[]){ "scheme" } } };
	CLEANUP(watcher_graph_freep) struct watcher_graph *graph = NULL;
	const struct pkgmap_inputs *inputs;
	char id[HASH_HEX_SIZE];

	strvec_add(&packages[0].paths, "drivers/app");
	strvec_add(&packages[1].paths, "scheme");
	box->config.packages = packages;
	box->config.n_packages = 2;
	assert_int_equal(watcher_graph_load(&box->config, NULL, &graph, NULL), 0);
	inputs = pkgmap_inputs(graph->map, 0);
	assert_int_equal(inputs->n, 3);
	assert_string_equal(inputs->v[0].path, "codegen");
	assert_string_equal(inputs->v[1].path, "drivers/app");
	assert_string_equal(inputs->v[2].path, "scheme");
	assert_true(pkgmap_depends(graph->map, 0, 1));
	assert_int_equal(graph->outside.n, 1);
	assert_true(str_ends(graph->outside.v[0], "/outside"));
	assert_string_equal(watcher_graph_crate(graph, 1)->name, "scheme");
	memcpy(id, graph->id, sizeof(id));
	watcher_graph_free(graph);
	/* The cache gives the same. */
	assert_int_equal(watcher_graph_load(&box->config, NULL, &graph, NULL), 0);
	assert_string_equal(graph->id, id);
	watcher_graph_freep(&graph);
	/* Behind a crate without a package the way goes on. */
	box->config.n_packages = 1;
	assert_int_equal(watcher_graph_load(&box->config, NULL, &graph, NULL), 0);
	assert_int_equal(pkgmap_inputs(graph->map, 0)->n, 3);
	assert_int_equal(graph->outside.n, 1);
	assert_string_not_equal(graph->id, id);
	watcher_graph_freep(&graph);
	strvec_clear(&packages[0].paths);
	strvec_clear(&packages[1].paths);
}

/* A process that lives long looks again after manifests have changed. */
static void a_look_takes_up_a_new_graph(void **state)
{
	struct box *box = *state;
	char *const init[] = { "git", "init", "-q", "--template=", NULL };
	struct config_package packages[1] = { { .name = (char[]){ "app" } } };
	CLEANUP(watcher_freep) struct watcher *watcher = NULL;
	CLEANUP(pkgmap_freep) struct pkgmap *map = NULL;
	static const char *const before[] = { "codegen", "drivers/app", "scheme" }, *const after[] = { "codegen", "drivers/app" };

	strvec_add(&packages[0].paths, "drivers/app");
	box->config.packages = packages;
	box->config.n_packages = 1;
	free(scratch_run(init, box->source.path, NULL));
	map = pkgmap_new(&box->config);
	assert_int_equal(watcher_open(&box->config, map, &watcher, NULL), 0);
	for (int round = 0; round < 3; round++) {
		CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
		const char *const *expected = round < 2 ? before : after;
		size_t n = 0;

		if (round == 2) {
			CLEANUP_FREE char *text = xstrdup(resolved);
			char *dep = strstr(text, NODE("event-1.0.0", DEP("scheme", NORMAL)));

			memcpy(strstr(dep, "\"pkg\":\"scheme\""), "\"pkg\":\"nobody\"", strlen("\"pkg\":\"scheme\""));
			scratch_write(box->dir, "src/resolved.json", text);
			scratch_write(box->dir, "src/Cargo.toml", "# edited\n");
		}
		assert_int_equal(watcher_look(watcher, "", &look, NULL), 0);
		for (size_t i = 0; i < look->subjects[0].n_parts; i++) {
			const char *label = look->subjects[0].parts[i].label;

			if (!str_starts(label, "tree base:"))
				continue;
			assert_true(n < (round < 2 ? N_ELEMENTS(before) : N_ELEMENTS(after)));
			assert_string_equal(label + strlen("tree base:"), expected[n++]);
		}
		assert_int_equal(n, round < 2 ? N_ELEMENTS(before) : N_ELEMENTS(after));
	}
	strvec_clear(&packages[0].paths);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_graph_leads_through_a_registry_and_not_to_tests),
		TEST(what_is_cached_is_the_same_and_asks_no_cargo),
		TEST(what_another_program_has_cached_is_none),
		TEST(without_a_state_folder_nothing_is_written),
		TEST(any_file_that_took_part_asks_cargo_again),
		TEST(what_no_manifest_names_asks_cargo_when_it_counts),
		TEST(a_file_written_while_cargo_ran_is_not_taken_for_read),
		TEST(a_broken_cache_is_none),
		TEST(while_cargo_refuses_the_last_good_graph_stays),
		TEST(without_a_last_good_one_manifests_and_lock_say_what_they_can),
		TEST(without_any_cargo_nothing_is_known_and_that_is_said),
		TEST(what_is_no_metadata_is_refused),
		TEST(the_toolchain_and_the_features_are_handed_on),
		TEST(crates_without_a_package_become_inputs),
		TEST(a_look_takes_up_a_new_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
