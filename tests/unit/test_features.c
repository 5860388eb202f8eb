/* Which programs cargo builds of a package, by what it says of the package and of the whole. tests/e2e/required-features.bats asks a real cargo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "cargo/features.h"
#include "cargo/json.h"

#define BIN(name, required) "{\"kind\":[\"bin\"],\"name\":\"" name "\",\"required-features\":[" required "]}"

/* @edition of a package in the root, which is the one that is judged; @resolve: the graph. */
#define WHOLE(folder, edition, resolve)                                                                                                         \
	"{\"workspace_root\":\"/w\",\"resolve\":" resolve ",\"packages\":[{\"id\":\"p\",\"name\":\"p\",\"edition\":\"" edition                  \
	"\",\"manifest_path\":\"/w" folder "/Cargo.toml\",\"features\":{\"default\":[\"base\"],\"base\":[],\"tools\":[\"base\",\"with-dep\"],"  \
	"\"with-dep\":[\"my-dep/fast\"],\"my-dep\":[\"dep:my-dep\"],\"weak\":[\"my-dep?/fast\"],\"lent\":[]},\"targets\":["                     \
	"{\"kind\":[\"bin\"],\"name\":\"plain\"},{\"kind\":[\"lib\"],\"name\":\"p\",\"required-features\":[\"no\"]}," BIN(                      \
		"base",                                                                                                                         \
		"\"base\"") "," BIN("tools",                                                                                                    \
				    "\"base\",\"tools\"") "," BIN("dep",                                                                        \
								  "\"my-dep\"") "," BIN("fast",                                                 \
											"\"my-dep/fast\"") "," BIN("lent",                      \
														   "\"lent\"") "," BIN("two",   \
																       "\"tool" \
																       "s\","   \
																       "\"lent" \
																       "\"") "]}]}"
#define RESOLVED(features, fast)                                                                                                                \
	"{\"nodes\":[{\"id\":\"d\",\"features\":[" fast "]},{\"id\":\"p\",\"features\":[" features                                              \
	"],\"deps\":[{\"name\":\"my_dep\",\"pkg\":\"d\"},{\"name\":\"other\",\"pkg\":\"d\"}]}]}"
#define ALL_ON "\"base\",\"default\",\"lent\",\"my-dep\",\"tools\",\"weak\",\"with-dep\""

static void give(struct strvec *to, const char *words)
{
	for (; *words; words += strspn(words, " ")) {
		strvec_add_n(to, words, strcspn(words, " "));
		words += strcspn(words, " ");
	}
}

/* @asked: cargo_args. */
static void builds_with(const char *whole, const char *features, const char *asked, const char *expected)
{
	json_t *root = json_loads(whole, 0, NULL);
	struct config_build build = { 0 };
	struct cargo_features judged = { .package = json_array_get(json_object_get(root, "packages"), 0), .root = root, .build = &build };
	CLEANUP(strvec_clear) struct strvec bins = { 0 }, off = { 0 };
	CLEANUP_FREE char *list = NULL;

	assert_non_null(root);
	give(&build.features, features);
	give(&build.cargo_args, asked);
	cargo_features_bins(&judged, &bins, &off);
	list = strvec_join(&bins, " ");
	if (strcmp(list, expected) != 0)
		fail_msg("features '%s', cargo_args '%s': %s, and not %s", features, asked, list, expected);
	assert_int_equal(bins.n + off.n, 7);
	strvec_clear(&build.features);
	strvec_clear(&build.cargo_args);
	json_decref(root);
}

static void builds(const char *whole, const char *asked, const char *expected)
{
	builds_with(whole, "", asked, expected);
}

static void what_the_package_turns_on_is_built(void **state)
{
	static const char whole[] = WHOLE("/p", "2021", RESOLVED(ALL_ON, ""));

	(void)state;
	/* The whole has all of them on, for others' sake. */
	builds(whole, "", "base plain");
	builds(whole, "--locked --features tools", "base dep fast plain tools");
	builds(whole, "--features=weak", "base plain");
	builds(whole, "-F lent", "base lent plain");
	builds(whole, "-Fp/lent", "base lent plain");
	builds(whole, "-F=lent,other/tools", "base lent plain");
	builds(whole, "--features my-dep/fast", "base dep fast plain");
	builds(whole, "--no-default-features", "plain");
	builds(whole, "--no-default-features --features lent --features base", "base lent plain");
	builds(whole, "--all-features", "base dep fast lent plain tools two");
	builds(whole, "--features", "base plain");
	builds_with(whole, "lent tools", "", "base dep fast lent plain tools two");
	builds_with(whole, "lent", "--no-default-features", "lent plain");
}

static void cargo_has_to_have_it_too(void **state)
{
	(void)state;
	builds(WHOLE("/p", "2021", RESOLVED("\"default\",\"base\"", "")), "--features=tools", "base fast plain");
	builds(WHOLE("/p", "2021", RESOLVED("\"default\",\"base\"", "\"fast\"")), "", "base fast plain");
}

static void in_an_unresolved_graph_the_table_tells(void **state)
{
	(void)state;
	builds(WHOLE("/p", "2021", "null"), "", "base fast plain");
	builds(WHOLE("/p", "2021", "null"), "-F tools", "base dep fast plain tools");
}

static void an_old_root_may_keep_what_is_asked_for(void **state)
{
	(void)state;
	builds(WHOLE("", "2018", RESOLVED("\"default\",\"base\"", "")), "--no-default-features", "base plain");
	builds(WHOLE("", "2021", RESOLVED("\"default\",\"base\"", "")), "--no-default-features", "plain");
	/* Nothing is asked for: then the table tells. */
	builds(WHOLE("", "2018", RESOLVED(ALL_ON, "")), "", "base plain");
}

static void what_is_off_says_what_it_needs(void **state)
{
	json_t *root = json_loads(WHOLE("/p", "2021", RESOLVED(ALL_ON, "")), 0, NULL);
	struct config_build build = { 0 };
	struct cargo_features judged = { .package = json_array_get(json_object_get(root, "packages"), 0), .root = root, .build = &build };
	CLEANUP(strvec_clear) struct strvec bins = { 0 }, off = { 0 };
	CLEANUP_FREE char *list = NULL;

	(void)state;
	cargo_features_bins(&judged, &bins, &off);
	list = strvec_join(&off, "; ");
	assert_string_equal(list, "dep: it needs my-dep; fast: it needs my-dep/fast; lent: it needs lent; tools: it needs tools; "
				  "two: it needs tools lent");
	json_decref(root);
}

static void words_are_those_of_cargo_metadata(void **state)
{
	struct config_build build = { 0 };
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	CLEANUP_FREE char *list = NULL;

	(void)state;
	give(&build.features, "a b/c");
	give(&build.cargo_args, "--locked -F d --all-features -j 2 --features e,f -Fg -F=h --no-default-features --features");
	cargo_features_words(&build, &words);
	list = strvec_join(&words, " ");
	assert_string_equal(list, "--features=a,b/c --features=d --all-features --features=e,f --features=g --features=h --no-default-features");
	strvec_clear(&build.features);
	strvec_clear(&build.cargo_args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_package_turns_on_is_built),     cmocka_unit_test(cargo_has_to_have_it_too),
		cmocka_unit_test(in_an_unresolved_graph_the_table_tells), cmocka_unit_test(an_old_root_may_keep_what_is_asked_for),
		cmocka_unit_test(what_is_off_says_what_it_needs),         cmocka_unit_test(words_are_those_of_cargo_metadata),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
