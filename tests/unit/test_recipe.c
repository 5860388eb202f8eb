/* The places that build recipes name: the shapes of such scripts, and what must not be believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cargo/recipe.h"

#include "lib/scratch.h"

#include <stdio.h>
#include <string.h>

/* 'NAME: PLACES; ...' in the order in which they were met. */
static char *places(const char *script, const char *machine)
{
	CLEANUP(cargo_rules_clear) struct cargo_rules rules = { 0 };
	struct str s = { 0 };

	cargo_recipe_follow(script, machine, &rules);
	for (size_t i = 0; i < rules.programs.n; i++) {
		CLEANUP_FREE char *dests = strvec_join(&rules.programs.v[i].dests, " ");

		str_printf(&s, "%s%s: %s", i > 0 ? "; " : "", rules.programs.v[i].pattern, dests);
	}
	return str_take(&s);
}

static void gives(const char *script, const char *machine, const char *expected)
{
	CLEANUP_FREE char *found = places(script, machine);

	assert_string_equal(found, expected);
}

#define TO_BIN(name) "cp -v \"target/${TARGET}/release/" name "\" \"${COOKBOOK_STAGE}/usr/bin\"\n"

static void test_a_copy(void **state)
{
	(void)state;
	gives(TO_BIN("netd"), "aarch64", "netd: /usr/bin");
	gives("cp -v \\\n  \"target/$T/x/netd\" \\\n  \"${COOKBOOK_STAGE}/usr/bin/netd\" # a comment ; cp\n", "aarch64", "netd: /usr/bin");
	gives("cp target/a/one target/a/two \"${COOKBOOK_STAGE}/usr/bin/\"", "aarch64", "one: /usr/bin/; two: /usr/bin/");
	gives("cp target/r/netd ${COOKBOOK_STAGE}/usr/bin/other", "aarch64", "netd: /usr/bin/other");
	gives("cp target/r/initd \"${COOKBOOK_BUILD}/initfs/bin\"; cp 'target/r/initd' \"${COOKBOOK_STAGE}/sbin\"", "aarch64",
	      "initd: initfs:/bin /sbin");
	gives(TO_BIN("a") TO_BIN("a"), "aarch64", "a: /usr/bin");
}

static void test_lists_and_loops(void **state)
{
	(void)state;
	gives("for p in one two; do\n    build --path \"${S}/${p}/Cargo.toml\" ${flags}\n" TO_BIN("${p}") "done\n", "aarch64",
	      "one: /usr/bin; two: /usr/bin");
	gives("L=(\n  one # the first\n  two\n)\nL+=(three)\nrun $(for b in \"${L[@]}\"; do echo \"-p\" \"(${b}\"; done)\n"
	      "for b in \"${L[@]}\"\ndo\n" TO_BIN("${b}") "done\n",
	      "aarch64", "one: /usr/bin; two: /usr/bin; three: /usr/bin");
	gives("find x | while read f\ndo\n d=\"$(basename \"$(dirname \"$f\")\")\"\n" TO_BIN("${d}") TO_BIN("d") "done\n" TO_BIN("e"), "aarch64",
	      "e: /usr/bin");
}

static void test_conditions(void **state)
{
	static const char script[] = "for b in inputd pcid xhcid; do\n"
				     "  if [[ \"${b}\" == \"inputd\" || \"${b}\" == pcid* ]]; then\n" TO_BIN(
					     "${b}") "  else\n    cp target/r/${b} \"${COOKBOOK_STAGE}/usr/lib/drivers\"\n  fi\ndone\n";

	(void)state;
	gives(script, "aarch64", "inputd: /usr/bin; pcid: /usr/bin; xhcid: /usr/lib/drivers");
	gives("if [[ a == b ]]; then\n" TO_BIN("a") "elif [[ a == a ]]; then\n" TO_BIN("b") "elif [[ c == c ]]; then\n" TO_BIN(
		      "c") "else\n" TO_BIN("d") "fi\n" TO_BIN("e"),
	      "aarch64", "b: /usr/bin; e: /usr/bin");
	/* What cannot be known: neither. */
	gives("if [ -e x ]; then\n" TO_BIN("a") "else\n" TO_BIN("b") "fi\n" TO_BIN("c"), "aarch64", "c: /usr/bin");
	gives("if [[ a == a && -e x ]]; then\n" TO_BIN("a") "fi\n" TO_BIN("c"), "aarch64", "c: /usr/bin");
}

static void test_machines_and_functions(void **state)
{
	static const char script[] = "B=(init)\nvirt()\n{\n  B+=(blkd)\n}\npc() {\n  B+=(ps2d)\n  virt\n}\narm()\n{\n  case \"${BOARD}\" in\n"
				     "    raspi3b*)\n      B+=(sdhcid)\n    ;;\n    *)\n      #qemu\n      virt\n    ;;\n  esac\n}\n"
				     "case \"${TARGET}\" in\n  i586-unknown-redox | x86_64-unknown-redox)\n    pc\n    ;;\n  "
				     "aarch64-unknown-redox)\n    arm\n    ;;\n"
				     "  *)\n    ;;\nesac\n"
				     "for b in \"${B[@]}\"\ndo\n  case \"${b}\" in\n    init | ps2d)\n      cp \"target/r/${b}\" "
				     "\"${COOKBOOK_BUILD}/initfs/bin\"\n      ;;\n"
				     "    *)\n      cp \"target/r/${b}\" \"${COOKBOOK_BUILD}/initfs/lib/drivers\"\n      ;;\n  esac\ndone\n";

	(void)state;
	gives(script, "aarch64", "init: initfs:/bin; blkd: initfs:/lib/drivers");
	gives(script, "x86_64", "init: initfs:/bin; ps2d: initfs:/bin; blkd: initfs:/lib/drivers");
	gives(script, "riscv64gc", "init: initfs:/bin");
}

/* A wrong place is worse than none. */
static void test_what_is_not_believed(void **state)
{
	(void)state;
	gives("cp \"target/r/${unknown}\" \"${COOKBOOK_STAGE}/usr/bin\"", "aarch64", "");
	gives("cp target/r/a \"${COOKBOOK_STAGE}/${where}\"", "aarch64", "");
	gives("cp target/r/a /usr/bin", "aarch64", "");
	gives("cp \"${COOKBOOK_SOURCE}/a.toml\" \"${COOKBOOK_STAGE}/etc\"", "aarch64", "");
	gives("cp target/r/* \"${COOKBOOK_STAGE}/usr/bin\"", "aarch64", "");
	gives("echo cp target/r/a \"${COOKBOOK_STAGE}/usr/bin\"", "aarch64", "");
	gives("f() {\n" TO_BIN("a") "}\n", "aarch64", "");
}

static void test_damaged_scripts_end(void **state)
{
	static const char *const scripts[] = {
		"f() { f\nf\n}\nf\n",
		"for",
		"for a in",
		"for a in b; do",
		"if",
		"if [[",
		"if [[ a == ",
		"case",
		"case x in",
		"case x in a",
		"case x in a)",
		"L=(",
		"f()",
		"f() {",
		"}",
		"fi\ndone\nesac\n;;",
		"$(",
		"\"",
		"'",
		"\\",
		"${",
		"\"${",
		"$(echo \\",
		"cp",
		"cp target/",
		"while",
		";;;;",
		"()()",
		"L=(a a a a a a a a a a)\nfor a in \"${L[@]}\"; do for b in \"${L[@]}\"; do for c in \"${L[@]}\"; do for d in \"${L[@]}\"; do "
		"for e in \"${L[@]}\"; do for f in \"${L[@]}\"; do g; done; done; done; done; done; done\n",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(scripts); i++)
		gives(scripts[i], "aarch64", "");
	/* Behind something that ends nothing it goes on. */
	gives("done\n" TO_BIN("a"), "aarch64", "a: /usr/bin");
}

/* Sixty lines would make 2^60 of it. What was met before counts. */
static void test_a_script_that_doubles_ends(void **state)
{
	static const char *const grows[] = { "L+=(\"${L[@]}\")\n", "L=(${L[@]} ${L[@]})\n", "W=\"$W$W\"\n", "double\n" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(grows); i++) {
		CLEANUP(str_clear) struct str script = { 0 };

		str_add(&script, "L=(one two)\nW=word\ndouble() {\n L+=(\"${L[@]}\")\n}\n" TO_BIN("netd"));
		for (int n = 0; n < 60; n++)
			str_add(&script, grows[i]);
		gives(str_text(&script), "aarch64", "netd: /usr/bin");
	}
}

static void test_a_deep_script_ends(void **state)
{
	struct str s = { 0 };
	CLEANUP_FREE char *text = NULL;

	(void)state;
	for (int i = 0; i < 100000; i++)
		str_add(&s, "$(\"");
	text = str_take(&s);
	gives(text, "aarch64", "");
	for (int i = 0; i < 20000; i++)
		str_add(&s, "if [[ a == a ]]; then\n");
	free(text);
	text = str_take(&s);
	gives(text, "aarch64", "");
}

/* Every beginning of a script, and every one with a letter less. */
static void test_cut_scripts_end(void **state)
{
	static const char script[] =
		"A=(x y)\nf() { case \"${TARGET}\" in a*|b) A+=(z) ;; *) g ;; esac; }\nf\nfor i in \"${A[@]}\"; do if [[ $i == x ]]; then "
		"cp \"target/$i\" \"${COOKBOOK_STAGE}/b/$i\"; else :; fi; done | while read q; do $(x \"(\" ')'); done\n";

	(void)state;
	gives(script, "aarch64", "x: /b");
	for (size_t i = 0; i < strlen(script); i++) {
		CLEANUP_FREE char *cut = xstrndup(script, i), *without = xasprintf("%.*s%s", (int)i, script, script + i + 1);
		CLEANUP_FREE char *a = places(cut, "aarch64"), *b = places(without, "aarch64");

		assert_true(strlen(a) < 100 && strlen(b) < 100);
	}
}

static void test_files(void **state)
{
	CLEANUP(cargo_rules_clear) struct cargo_rules rules = { 0 };
	CLEANUP(strvec_clear) struct strvec files = { 0 };
	CLEANUP_FREE char *source = NULL;
	char *dir = scratch_make();

	(void)state;
	scratch_write(dir, "core/base/source/Cargo.toml", "");
	source = xasprintf("%s/core/base/source", dir);
	cargo_recipe_read(source, "aarch64", &rules, &files);
	assert_int_equal(files.n, 0);
	scratch_write(dir, "core/base/recipe.toml", "[build]\nscript = \"\"\"\n" TO_BIN("a") "\"\"\"\n");
	scratch_write(dir, "core/base-initfs/recipe.toml",
		      "[source]\nsame_as = \"../base\"\n[build]\nscript = \"\"\"\ncp target/r/a \"${COOKBOOK_BUILD}/initfs/bin\"\n\"\"\"\n");
	scratch_write(dir, "core/another/recipe.toml", "[source]\nsame_as = \"../base-x\"\n[build]\nscript = \"\"\"\n" TO_BIN("b") "\"\"\"\n");
	scratch_write(dir, "core/kernel/recipe.toml", "[build]\nscript = \"\"\"\n" TO_BIN("kernel") "\"\"\"\n");
	cargo_recipe_read(source, "aarch64", &rules, &files);
	assert_int_equal(files.n, 2);
	assert_int_equal(rules.programs.n, 1);
	assert_int_equal(rules.n_places, 2);
	assert_string_equal(cargo_rules_find_program(&rules, "a")->dests.v[0], "/usr/bin");
	assert_string_equal(cargo_rules_find_program(&rules, "a")->dests.v[1], "initfs:/bin");
	assert_null(cargo_rules_find_program(&rules, "b"));
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_copy),
		cmocka_unit_test(test_lists_and_loops),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_machines_and_functions),
		cmocka_unit_test(test_what_is_not_believed),
		cmocka_unit_test(test_damaged_scripts_end),
		cmocka_unit_test(test_a_deep_script_ends),
		cmocka_unit_test(test_a_script_that_doubles_ends),
		cmocka_unit_test(test_cut_scripts_end),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
