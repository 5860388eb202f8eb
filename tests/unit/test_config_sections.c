/* The configuration section by section: what each must have, and what follows from it. */
#include "test_config.h"

static void sources_are_named(void **state)
{
	struct fixture *f = *state;

	loads(f, "[package p]\npaths = .\n[source two]\npath = ../t\n[source one]\n[package a]\nsource = one\npaths = x/ ./y//z/\n[asset "
		 "q]\nsource = one\npath = "
		 "./q\ndest = /q\n");
	is(f, f->config->sources[0].path, "/tmp/t");
	is(f, f->config->sources[1].path, "@");
	assert_int_equal(f->config->packages[0].source, 1);
	items_are(f, &f->config->packages[0].paths, "x|y/z");
	assert_int_equal(f->config->packages[1].source, 0);
	items_are(f, &f->config->packages[1].paths, "");
	assert_int_equal(f->config->packages[1].paths.n, 1);
	assert_int_equal(f->config->assets[0].source, 1);
	is(f, f->config->assets[0].path, "q");
	FAILS(f,
	      "[source a]\npath = x\n[source b]\npath = y/../x\n[package p]\npaths = p\nsource = c\n[asset q]\npath = q\ndest = /q\nsource = "
	      "d\n",
	      ":4: [source b] is the same folder as [source a]", ":7: there is no [source c]; known: a, b", ":11: there is no [source d]");
	FAILS(f, "[source a]\nignore = ../x\nshared = /y\n", ":2: ignore: '../x' leads out of the source",
	      ":3: shared: expected a path relative");
}

static void targets_are_looked_for(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "[source s]\npath = src\n[source t]\n[build]\ntarget = t/x.json\n";

	loads(f, text);
	is(f, f->config->build.target, "@/src/t/x.json");
	put(f, "t/x.json", "");
	loads(f, text);
	is(f, f->config->build.target, "@/t/x.json");
	put(f, "src/t/x.json", "");
	loads(f, text);
	is(f, f->config->build.target, "@/src/t/x.json");
	loads(f, "[build]\ntarget = aarch64-unknown-redox\n");
	is(f, f->config->build.target, "aarch64-unknown-redox");
	loads(f, "[build]\ntarget = /a/../b.json\n");
	is(f, f->config->build.target, "/b.json");
}

static void images_have_kinds(void **state)
{
	struct fixture *f = *state;

	loads(f, "[image]\nformat = ext4\nmode = in-place\nkeep_previous = no\nmount_timeout_ms = 100\n");
	is(f, f->config->image.tool, "fuse2fs");
	assert_int_equal(f->config->image.mode, CONFIG_IMAGE_IN_PLACE);
	assert_false(f->config->image.keep_previous);
	assert_int_equal(f->config->image.mount_timeout_ms, 100);
	loads(f, "[image]\ntool = ./redoxfs\nmode = live\nmount_point = m\n");
	is(f, f->config->image.tool, "@/redoxfs");
	assert_int_equal(f->config->image.mode, CONFIG_IMAGE_LIVE);
	loads(f, "[image]\nformat = custom\nmount = ./m 'x y' ${IMAGE} ${MOUNT_POINT}\nunmount = umount ${MOUNT_POINT}\n");
	items_are(f, &f->config->image.mount, "@/m|x y|${IMAGE}|${MOUNT_POINT}");
	items_are(f, &f->config->image.unmount, "umount|${MOUNT_POINT}");
	assert_null(f->config->image.tool);
	FAILS(f, "[image]\nformat = custom\nmode = live\nmount = x\n", ":2: format = custom needs 'unmount'",
	      ":3: mode = live needs 'mount_point'");
	FAILS(f, "[initfs]\nmax_size = 4096\n", ":1: [initfs] needs 'dir'");
	WARNS(f, "[image]\nmount = x\n", "@/reinject.ini:2: 'mount' is used with format = custom only");
}

static void packages_have_binaries_and_places(void **state)
{
	struct fixture *f = *state;
	const struct config_package *p;

	loads(f, "[destinations]\ndrivers/net/* = /net\ndrivers/** = /usr/lib/drivers initfs:/d\n"
		 "[package a]\npaths = drivers/net/a zzz\n[package b]\npaths = drivers/x/b\ndest = /b\n[package c]\npaths = other/c drivers/c\n"
		 "[package d]\npaths = drivers/d\nbins =\n[package e]\npaths = drivers/net/deep/e\nbins = e1 e2\ncopy = /x/e3 initfs:/y/e4\n"
		 "[package f]\npaths = drivers/f\ndest =\n[package drivers]\npaths = drivers\n");
	p = f->config->packages;
	items_are(f, &p[0].bins, "a");
	items_are(f, &p[0].dests, "/net");
	is(f, p[0].activate, "reboot");
	assert_false(p[0].invalidates_all);
	items_are(f, &p[1].dests, "/b");
	assert_int_equal(p[2].dests.n, 0);
	assert_int_equal(p[3].bins.n + p[3].dests.n, 0);
	is(f, p[4].name, "drivers");
	assert_int_equal(p[4].dests.n, 0);
	items_are(f, &p[5].dests, "/usr/lib/drivers|initfs:/d");
	items_are(f, &p[5].bins, "e1|e2");
	items_are(f, &p[5].copies, "/x/e3|initfs:/y/e4");
	assert_int_equal(p[6].dests.n, 0);
	loads(f, "[package a]\npaths = a\n[destinations]\n** = share:/all/\n");
	items_are(f, &f->config->packages[0].dests, "share:/all/");
	FAILS(f, "[package a]\npaths =\nbins = x/y .. z z\ncopy = /x/\n", ":2: paths: expected at least one folder",
	      ":3: bins: expected names of files, found 'x/y'", ":3: bins: expected names of files, found '..'", ":3: bins: 'z' stands twice",
	      ":4: copy: '/x/' is a folder");
	FAILS(f, "[destinations]\na = b\nc = /..\n[package x]\npaths = ../x\nuses = /y\n", ":2: a: expected a place", ":3: c: '/..' holds '..'",
	      ":5: paths: '../x' leads out", ":6: uses: expected a path relative");
}

static void commands_have_artifacts(void **state)
{
	struct fixture *f = *state;

	loads(f, "[package kernel]\npaths = kernel\ncommand = make -j R=${REINJECT_RUN}\nartifact = build/./kernel\ninvalidates = *\n");
	items_are(f, &f->config->packages[0].command, "make|-j|R=${REINJECT_RUN}");
	is(f, f->config->packages[0].artifact, "build/kernel");
	assert_true(f->config->packages[0].invalidates_all);
	FAILS(f,
	      "[package a]\npaths = a\ncommand = x\n[package b]\npaths = b\nartifact = y\n[package c]\npaths = c\ncommand = x 'y\nartifact = a\n"
	      "[package d]\npaths = d\nbins = d e\ncommand = x\nartifact = y\ninvalidates = all\n",
	      ":3: [package a] has a 'command', so it needs the 'artifact'", ":6: [package b] has an 'artifact', so it needs the 'command'",
	      ":9: command: a quote (') is not closed", ":13: [package d] has a 'command', which makes one binary, not 2",
	      ":16: invalidates: expected *, found 'all'");
}

static void assets_are_complete(void **state)
{
	struct fixture *f = *state;

	FAILS(f, "[asset a]\n[asset b]\npath = x\ndest =\n[asset c]\npath =\ndest = /c\n[asset d]\npath = x\ndest = /d\n",
	      ":1: [asset a] needs 'path'", ":1: [asset a] needs 'dest'", ":4: dest: expected at least one place", ":6: path: expected a file",
	      ":8: [asset d] is the same file as [asset b]");
	loads(f,
	      "[asset b]\npath = b/config.toml\ndest = /etc/b.toml initfs:/etc/b.toml\n[asset a]\npath = a/config.toml\ndest = /etc/a.toml\n");
	is(f, f->config->assets[0].name, "a");
	items_are(f, &f->config->assets[1].dests, "/etc/b.toml|initfs:/etc/b.toml");
	assert_int_equal(f->config->assets[1].line, 1);
}

static void no_two_files_for_one_place(void **state)
{
	struct fixture *f = *state;

	FAILS(f, "[package a]\npaths = a\nbins = x y\ndest = /usr/bin\n[package b]\npaths = b\nbins = x\ndest = /usr//bin/\n",
	      ":5: binary 'x' of [package b] goes to '/usr/bin/x', and so does binary 'x' of [package a] (@/reinject.ini:1)");
	FAILS(f, "[package zerod]\npaths = z\ndest = initfs:/bin\n[package a]\npaths = a\nbins = b\ncopy = initfs:/bin/zerod\n",
	      "goes to 'initfs:/bin/zerod'");
	FAILS(f, "[package a]\npaths = a\ncopy = /x\n[package b]\npaths = b\ncopy = /x\n", ":4: the copy of [package b] goes to '/x'");
	FAILS(f, "[package a]\npaths = a\ndest = /usr/bin /usr/bin/\n", ":1: binary 'a' of [package a] goes to '/usr/bin/a'");
	FAILS(f, "[asset a]\npath = a/config.toml\ndest = /etc\n[asset b]\npath = b/config.toml\ndest = /etc\n",
	      ":4: [asset b] goes to '/etc/config.toml'");
	FAILS(f, "[package a]\npaths = a\ndest = /usr/bin/\n[package b]\npaths = b\ndest = /usr/bin/a\n", "goes to '/usr/bin/a'");
	loads(f, "[package a]\npaths = a\ndest = /usr/bin initfs:/usr/bin share:/usr/bin\n[package b]\npaths = b\ndest = /usr/bin\ncopy = "
		 "/usr/bin/c\n"
		 "[package lib]\npaths = lib\nbins =\n[asset a]\npath = a.toml\ndest = /etc/x.toml\n[package nowhere]\npaths = n\nbins = a\n");
}

static void what_is_missing_is_a_warning(void **state)
{
	struct fixture *f = *state;

	put(f, "here/x", "");
	WARNS(f,
	      "[package a]\npaths = here gone\n[asset b]\npath = here/x\ndest = /b\n[asset c]\npath = here/y\ndest = /c\n[package d]\npaths = "
	      ".\n",
	      "@/reinject.ini:1: [package a]: folder 'gone' is missing", "@/reinject.ini:6: [asset c]: file 'here/y' is missing");
	WARNS(f, "[source s]\npath = no\n[package a]\npaths = gone\n", "@/reinject.ini:1: [source s]: folder '@/no' is missing");
	WARNS(f, "[package a]\npaths = here\nbins =\ndest = /x\n", "@/reinject.ini:1: [package a] is a library");
	assert_int_equal(f->config->packages[0].dests.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sources_are_named),          TEST(targets_are_looked_for),
		TEST(images_have_kinds),          TEST(packages_have_binaries_and_places),
		TEST(commands_have_artifacts),    TEST(assets_are_complete),
		TEST(no_two_files_for_one_place), TEST(what_is_missing_is_a_warning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
