/* The generated map, from workspaces made by hand: what each shape of them becomes, word for word. What cargo itself makes of such shapes is tests/e2e/init.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cargo/generate.h"
#include "cargo/metadata.h"
#include "config/ini_reader.h"
#include "config/schema.h"

#include "lib/scratch.h"

struct box {
	char *dir; /* owned; one/ and two/ are sources */
	struct config config;
	struct config_source sources[2];
	struct cargo_workspace workspaces[2];
	struct cargo_rules rules;
	struct strvec problems;
	char *body;
};

static int setup(void **state)
{
	static const char *const names[] = { "one", "two" };
	struct box *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	scratch_write(box->dir, "one/.keep", "");
	scratch_write(box->dir, "two/.keep", "");
	for (size_t i = 0; i < 2; i++) {
		box->sources[i] = (struct config_source){ .name = (char *)names[i], .path = xasprintf("%s/%s", box->dir, names[i]) };
		box->workspaces[i].root = xstrdup(box->sources[i].path);
		box->workspaces[i].state = CARGO_WORKSPACE_GOOD;
	}
	box->config = (struct config){ .sources = box->sources, .n_sources = 1, .build.target = (char *)"x/aarch64-unknown-redox-clif.json" };
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	for (size_t i = 0; i < 2; i++) {
		cargo_workspace_clear(&box->workspaces[i]);
		strvec_clear(&box->sources[i].ignore);
		free(box->sources[i].path);
	}
	cargo_rules_clear(&box->rules);
	strvec_clear(&box->problems);
	free(box->body);
	scratch_remove(box->dir);
	free(box);
	return 0;
}

/* A member with its manifest; @bins are separated by commas. @folder may lead out of the source. */
static size_t member(struct box *box, size_t source, const char *name, const char *folder, const char *bins)
{
	CLEANUP_FREE char *manifest = xasprintf("%s/%s/Cargo.toml", box->sources[source].name, folder);
	CLEANUP_FREE char *joined = xasprintf("%s/%s", box->sources[source].path, folder), *dir = fs_absolute("/", joined);
	CLEANUP_FREE char *copy = xstrdup(bins);
	char *rest = copy;
	size_t crate;

	scratch_write(box->dir, manifest, "[package]\n");
	crate = cargo_metadata_crate(&box->workspaces[source], name, dir);
	box->workspaces[source].crates[crate].member = true;
	for (char *bin = strsep(&rest, ","); bin; bin = strsep(&rest, ","))
		if (*bin)
			strvec_add(&box->workspaces[source].crates[crate].bins, bin);
	return crate;
}

static void depend(struct box *box, size_t crate, size_t dependency)
{
	cargo_metadata_depend(&box->workspaces[0], crate, dependency);
}

static void rules(struct box *box, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/rules.ini", box->dir);
	struct err err = ERR_INIT;

	scratch_write(box->dir, "rules.ini", text);
	if (cargo_rules_load(path, &box->rules, &err) < 0)
		fail_msg("%s", err.message);
}

static void generate(struct box *box)
{
	free(box->body);
	strvec_clear(&box->problems);
	box->body = cargo_generate_body(&box->config, box->workspaces, &box->rules, &box->problems);
}

static void gives(struct box *box, const char *expected)
{
	generate(box);
	assert_string_equal(box->body, expected);
	assert_int_equal(box->problems.n, 0);
}

static void test_members_by_name(void **state)
{
	struct box *box = *state;
	size_t netd = member(box, 0, "netd", "drivers/net/netd", "netd"), proto = member(box, 0, "proto", "proto", "");

	depend(box, netd, member(box, 0, "common", "drivers/common", ""));
	depend(box, netd, proto);
	gives(box, "[package common]\npaths = drivers/common\nbins =\n\n"
		   "[package netd]\npaths = drivers/net/netd\nuses = drivers/common proto\nbins = netd\n\n"
		   "[package proto]\npaths = proto\nbins =\n");
}

static void test_order_of_cargo_is_nothing(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *first = NULL;
	size_t a, b, c;

	a = member(box, 0, "a", "a", "z,y");
	b = member(box, 0, "b", "b", "");
	c = member(box, 0, "c", "c", "");
	depend(box, a, b);
	depend(box, a, c);
	strvec_sort_unique(&box->workspaces[0].crates[a].bins);
	generate(box);
	first = xstrdup(box->body);
	cargo_workspace_clear(&box->workspaces[0]);
	c = member(box, 0, "c", "c", "");
	b = member(box, 0, "b", "b", "");
	a = member(box, 0, "a", "a", "y,z");
	depend(box, a, c);
	depend(box, a, b);
	generate(box);
	assert_string_equal(box->body, first);
}

/* A root package, one nested in another, a cycle (by dev-dependencies cargo allows it), a package that is in a folder of another name. */
static void test_nested_and_rooted(void **state)
{
	struct box *box = *state;
	size_t root = member(box, 0, "base", ".", "base"), outer = member(box, 0, "initfs", "initfs", "");
	size_t inner = member(box, 0, "redox-initfs-tools", "initfs/tools", "ar,dump");

	depend(box, inner, outer);
	depend(box, outer, inner);
	depend(box, inner, root);
	gives(box, "[package base]\npaths = .\nbins = base\n\n"
		   "[package initfs]\npaths = initfs\nuses = initfs/tools\nbins =\n\n"
		   "[package redox-initfs-tools]\npaths = initfs/tools\nuses = . initfs\nbins = ar dump\n");
}

/* What is no member has no section, but is used; what lies outside the source is the look's. */
static void test_no_members(void **state)
{
	struct box *box = *state;
	size_t app = member(box, 0, "app", "app", "app"), excluded = member(box, 0, "excluded", "excluded", "");

	box->workspaces[0].crates[excluded].member = false;
	depend(box, app, excluded);
	depend(box, app, member(box, 0, "far", "../far", ""));
	generate(box);
	assert_string_equal(box->body, "[package app]\npaths = app\nuses = excluded\nbins = app\n");
	assert_int_equal(box->problems.n, 1);
	assert_non_null(strstr(box->problems.v[0], "'far'"));
	assert_non_null(strstr(box->problems.v[0], "outside the source"));
}

static void test_blanks_and_letters(void **state)
{
	struct box *box = *state;
	size_t app = member(box, 0, "app", "Treiber für; alles/a b", "app");

	depend(box, app, member(box, 0, "lib", "gemeinsam é", ""));
	gives(box, "[package app]\npaths = Treiber\\ für\\;\\ alles/a\\ b\nuses = gemeinsam\\ é\nbins = app\n\n"
		   "[package lib]\npaths = gemeinsam\\ é\nbins =\n");
}

/* An INI has no way to hold a name that would be expanded, nor a line without end. */
static void test_impossible_folders(void **state)
{
	struct box *box = *state;
	struct str folder = { 0 };

	for (size_t i = 0; i < 30; i++)
		str_add(&folder, "folder7");
	member(box, 0, "long", folder.buf, "");
	member(box, 0, "tilde", "~x", "");
	member(box, 0, "variable", "a${B}", "");
	str_clear(&folder);
	generate(box);
	assert_string_equal(box->body, "");
	assert_int_equal(box->problems.n, 3);
}

static void test_long_lists_go_on(void **state)
{
	struct box *box = *state;
	CLEANUP(config_report_clear) struct config_report report = { 0 };
	CLEANUP(config_ini_clear) struct config_ini ini = { 0 };
	CLEANUP_FREE char *path = xasprintf("%s/packages.ini", box->dir);
	CLEANUP(strvec_clear) struct strvec bins = { 0 };
	size_t crate = member(box, 0, "simple-coreutils", "simple-coreutils", "");

	for (int i = 0; i < 60; i++)
		strvec_addf(&box->workspaces[0].crates[crate].bins, "a-rather-long-program-%02d", i);
	generate(box);
	scratch_write(box->dir, "packages.ini", box->body);
	assert_int_equal(config_ini_read(path, &ini, &report, NULL), 0);
	assert_int_equal(report.n_notes, 0);
	schema_split_list(config_ini_find(&ini, "package simple-coreutils", "bins")->value, &bins);
	assert_int_equal(bins.n, 60);
	assert_string_equal(bins.v[59], "a-rather-long-program-59");
}

static void test_two_sources(void **state)
{
	struct box *box = *state;

	box->config.n_sources = 2;
	member(box, 0, "app", "app", "app");
	member(box, 1, "app", "app", "app");
	member(box, 1, "tool", "tool", "tool");
	generate(box);
	assert_string_equal(box->body, "[package app]\nsource = one\npaths = app\nbins = app\n\n"
				       "[package tool]\nsource = two\npaths = tool\nbins = tool\n");
	assert_int_equal(box->problems.n, 1);
	assert_non_null(strstr(box->problems.v[0], "source 'two'"));
}

/* A graph of before: of what was renamed only the new name, of what was moved only the new folder. */
static void test_last_good_graph(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *gone = xasprintf("%s/one/old", box->dir);
	size_t app = member(box, 0, "app", "app", "app"), renamed = member(box, 0, "oldname", "same", "");

	depend(box, app, member(box, 0, "moved", "old", ""));
	depend(box, app, renamed);
	assert_int_equal(fs_remove_tree(gone, NULL), 0);
	depend(box, app, member(box, 0, "moved", "new", ""));
	member(box, 0, "newname", "same", "newname");
	gives(box, "[package app]\npaths = app\nuses = new same\nbins = app\n\n"
		   "[package moved]\npaths = new\nbins =\n\n"
		   "[package newname]\npaths = same\nbins = newname\n");
}

static const char some_rules[] = "[destinations]\ndrivers/** = /usr/lib/drivers\n"
				 "[package inputd]\ndest = /usr/bin initfs:/bin\n"
				 "[package zero*]\ndest = initfs:/bin\ncopy = initfs:/bin/nulld\nactivate = none\n"
				 "[package ps2d]\ndest = initfs:/bin\nmachines = x86_64 i686\n"
				 "[package armd]\ndest = initfs:/bin\nmachines = aarch64\n"
				 "[asset rc]\npath = {machine}-board/init.rc init.rc\ndest = initfs:/etc/init.rc\n"
				 "[asset pcid-{package}]\nin = drivers/**\npath = config.toml\ndest = /etc/pcid.d/{package}.toml\n";

static void test_places_by_rule(void **state)
{
	struct box *box = *state;

	rules(box, some_rules);
	member(box, 0, "inputd", "drivers/inputd", "inputd");
	member(box, 0, "zerod", "zerod", "zerod");
	member(box, 0, "ps2d", "drivers/ps2d", "ps2d");
	member(box, 0, "armd", "drivers/armd", "armd");
	gives(box, "[destinations]\ndrivers/** = /usr/lib/drivers\n\n"
		   "[package armd]\npaths = drivers/armd\nbins = armd\ndest = initfs:/bin\n\n"
		   "[package inputd]\npaths = drivers/inputd\nbins = inputd\ndest = /usr/bin initfs:/bin\n\n"
		   "[package ps2d]\npaths = drivers/ps2d\nbins = ps2d\n; only for x86_64 i686\ndest =\n\n"
		   "[package zerod]\npaths = zerod\nbins = zerod\ndest = initfs:/bin\ncopy = initfs:/bin/nulld\nactivate = none\n");
}

/* What is read elsewhere says where; what else the rule says stays, and a program that is only half named is the rule's. */
static void test_places_of_programs(void **state)
{
	struct box *box = *state;

	rules(box, some_rules);
	cargo_rules_add_program(&box->rules, "zd", "/sbin");
	cargo_rules_add_program(&box->rules, "zd", "initfs:/sbin");
	cargo_rules_add_program(&box->rules, "zd", "/sbin");
	cargo_rules_add_program(&box->rules, "psd", "/bin");
	cargo_rules_add_program(&box->rules, "a", "/bin");
	cargo_rules_add_program(&box->rules, "b", "/sbin");
	member(box, 0, "zerod", "zerod", "zd");
	member(box, 0, "ps2d", "drivers/ps2d", "psd");
	member(box, 0, "inputd", "inputd", "a,other");
	member(box, 0, "odd", "odd", "a,b");
	gives(box, "[destinations]\ndrivers/** = /usr/lib/drivers\n\n"
		   "[package inputd]\npaths = inputd\nbins = a other\ndest = /usr/bin initfs:/bin\n\n"
		   "[package odd]\npaths = odd\nbins = a b\n\n"
		   "[package ps2d]\npaths = drivers/ps2d\nbins = psd\ndest = /bin\n\n"
		   "[package zerod]\npaths = zerod\nbins = zd\ndest = /sbin initfs:/sbin\ncopy = initfs:/bin/nulld\nactivate = none\n");
}

/* A place for what has no binary would only make a warning. */
static void test_no_place_for_a_library(void **state)
{
	struct box *box = *state;

	rules(box, "[package inputd]\ndest = /usr/bin\n");
	member(box, 0, "inputd", "inputd", "");
	gives(box, "[package inputd]\npaths = inputd\nbins =\n");
}

static void test_assets_that_are_there(void **state)
{
	struct box *box = *state;

	rules(box, some_rules);
	member(box, 0, "xhcid", "drivers/usb/xhcid", "xhcid");
	member(box, 0, "tool", "tool", "tool");
	scratch_write(box->dir, "one/drivers/usb/xhcid/config.toml", "");
	scratch_write(box->dir, "one/tool/config.toml", "");
	scratch_write(box->dir, "one/init.rc", "");
	generate(box);
	assert_non_null(strstr(box->body, "\n[asset rc]\npath = init.rc\ndest = initfs:/etc/init.rc\n\n"
					  "[asset pcid-xhcid]\npath = drivers/usb/xhcid/config.toml\ndest = /etc/pcid.d/xhcid.toml\n"));
	assert_null(strstr(box->body, "pcid-tool"));
	scratch_write(box->dir, "one/aarch64-board/init.rc", "");
	generate(box);
	assert_non_null(strstr(box->body, "[asset rc]\npath = aarch64-board/init.rc\n"));
}

static void test_wrong_rules(void **state)
{
	static const struct {
		const char *text, *said;
	} table[] = {
		{ "[package a]\ndset = /x\n", ":2: a rule for a package has no key 'dset'" },
		{ "[asset a]\npath = x\n", ":1: [asset a] needs 'path' and 'dest'" },
		{ "[image]\npath = x\n", ":1: a rule file has no [image]" },
		{ "nonsense\n", ":1: " },
	};
	struct box *box = *state;
	CLEANUP_FREE char *path = xasprintf("%s/rules.ini", box->dir);

	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		struct err err = ERR_INIT;

		scratch_write(box->dir, "rules.ini", table[i].text);
		assert_int_equal(cargo_rules_load(path, &box->rules, &err), -EINVAL);
		assert_int_equal(err.class, ERR_USAGE);
		if (!strstr(err.message, table[i].said))
			fail_msg("%s", err.message);
	}
}

/* The rules that come with the program are found beside a test's binary no more than beside any other, so they are named. */
static void test_own_rules(void **state)
{
	struct box *box = *state;
	struct err err = ERR_INIT;

	if (cargo_rules_load("config/rules/redox.ini", &box->rules, &err) < 0)
		fail_msg("%s", err.message);
	assert_string_equal(cargo_rules_match(&box->rules.packages, "redox_netstack")->dests.v[0], "/usr/bin");
	assert_string_equal(cargo_rules_match(&box->rules.packages, "zerod")->copies.v[0], "initfs:/bin/nulld");
	assert_null(cargo_rules_match(&box->rules.packages, "virtio-netd"));
	assert_string_equal(cargo_rules_match(&box->rules.destinations, "drivers/net/virtio-netd")->dests.v[0], "/usr/lib/drivers");
}

static void test_head(void **state)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	CLEANUP_FREE char *file = NULL, *edited = NULL, *other = NULL;
	const char *body;
	bool resolved;

	(void)state;
	strvec_add(&notes, "source one: 1 members");
	strvec_add(&notes, "a note\nof two lines");
	file = cargo_generate_file("[package a]\npaths = a\n", &notes, true);
	assert_int_equal(cargo_generate_parse(file, &body, &resolved), CARGO_GENERATED_INTACT);
	assert_string_equal(body, "[package a]\npaths = a\n");
	assert_true(resolved);
	assert_non_null(strstr(file, "reinject " REINJECT_VERSION));
	assert_non_null(strstr(file, "; a note\\x0aof two lines\n"));

	edited = xasprintf("%s; mine\n", file);
	assert_int_equal(cargo_generate_parse(edited, NULL, NULL), CARGO_GENERATED_EDITED);
	free(edited);
	edited = xstrdup(file);
	*strstr(edited, "members") = 'M';
	assert_int_equal(cargo_generate_parse(edited, NULL, NULL), CARGO_GENERATED_EDITED);

	/* Above the checksum, too. */
	free(edited);
	edited = xasprintf("%.*s\n[package b]%s", (int)strcspn(file, "\n"), file, strchr(file, '\n'));
	assert_int_equal(cargo_generate_parse(edited, NULL, NULL), CARGO_GENERATED_EDITED);

	assert_int_equal(cargo_generate_parse("; mine\n[package a]\n", NULL, NULL), CARGO_GENERATED_NOT);
	assert_int_equal(cargo_generate_parse("", NULL, NULL), CARGO_GENERATED_NOT);
	other = cargo_generate_file("", &notes, false);
	assert_int_equal(cargo_generate_parse(other, &body, &resolved), CARGO_GENERATED_INTACT);
	assert_string_equal(body, "");
	assert_false(resolved);
}

static void test_difference(void **state)
{
	static const char before[] = "[package a]\npaths = a\nbins =\n\n[package b]\npaths = b\nbins = b\n\n[package c]\npaths = c\nbins =\n";
	static const struct {
		const char *after, *said;
	} table[] = {
		{ before, "" },
		{ "[package a]\npaths = a\nbins =\n\n[package b]\npaths = b\nbins = b\n", "gone: c" },
		{ "[package a]\npaths = x\nbins =\n\n[package b]\npaths = b\nbins = b b2\n\n[package c]\npaths = c\nbins =\n\n[asset d]\npath = "
		  "d\n",
		  "new: asset d; moved: a (a to x); changed: b" },
		{ "[package aa]\npaths = a\nbins =\n\n[package b]\npaths = b\nbins = b\n\n[package c]\npaths = c\nbins =\n",
		  "new: aa; gone: a" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		CLEANUP_FREE char *said = cargo_generate_difference(before, table[i].after);

		assert_string_equal(said, table[i].said);
	}
}

static void test_strangers(void **state)
{
	struct box *box = *state;
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	CLEANUP_FREE char *text = NULL;

	member(box, 0, "app", "app", "app");
	scratch_write(box->dir, "one/Cargo.toml", "[workspace]\n");
	scratch_write(box->dir, "one/bootstrap/Cargo.toml", "[package]\n");
	scratch_write(box->dir, "one/app/fuzz/Cargo.toml", "[package]\n[workspace]\n");
	scratch_write(box->dir, "one/target/CACHEDIR.TAG", "");
	scratch_write(box->dir, "one/target/package/Cargo.toml", "[package]\n");
	scratch_write(box->dir, "one/rust/Cargo.toml", "[package]\n");
	strvec_add(&box->sources[0].ignore, "rust");
	cargo_generate_notes(&box->config, box->workspaces, &notes);
	text = strvec_join(&notes, "\n");
	assert_string_equal(text,
			    "source one: 1 members\n  of no package (no member): bootstrap\n  of no package (a workspace of its own): app/fuzz");
}

static void test_machine(void **state)
{
	static const char *const table[][2] = {
		{ "aarch64-unknown-redox", "aarch64" },
		{ "/a/b-c/x86_64-unknown-redox-clif.json", "x86_64" },
		{ "i686.json", "i686" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(table); i++) {
		CLEANUP_FREE char *machine = cargo_generate_machine(table[i][0]);

		assert_string_equal(machine, table[i][1]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_members_by_name),
		TEST(test_order_of_cargo_is_nothing),
		TEST(test_nested_and_rooted),
		TEST(test_no_members),
		TEST(test_blanks_and_letters),
		TEST(test_impossible_folders),
		TEST(test_long_lists_go_on),
		TEST(test_two_sources),
		TEST(test_last_good_graph),
		TEST(test_places_by_rule),
		TEST(test_places_of_programs),
		TEST(test_no_place_for_a_library),
		TEST(test_assets_that_are_there),
		TEST(test_wrong_rules),
		TEST(test_own_rules),
		TEST(test_head),
		TEST(test_difference),
		TEST(test_strangers),
		TEST(test_machine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
