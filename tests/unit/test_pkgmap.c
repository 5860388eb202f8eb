#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "config/pkgmap.h"

/* A configuration made by hand: only what the map reads. Rows end with an empty name. */
struct row {
	const char *name, *paths, *uses;
	bool all;
	size_t source;
};

static void split(const char *text, struct strvec *ret)
{
	while (text && *text) {
		size_t n = strcspn(text, " ");

		strvec_add_n(ret, text, n);
		text += n + (text[n] == ' ');
	}
}

static struct config *make_config(const struct row *rows)
{
	struct config *config = xcalloc(1, sizeof(*config));

	for (config->n_packages = 0; rows[config->n_packages].name; config->n_packages++)
		;
	config->packages = xcalloc(config->n_packages, sizeof(*config->packages));
	for (size_t i = 0; i < config->n_packages; i++) {
		config->packages[i].name = xstrdup(rows[i].name);
		config->packages[i].source = rows[i].source;
		config->packages[i].invalidates_all = rows[i].all;
		split(rows[i].paths, &config->packages[i].paths);
		split(rows[i].uses, &config->packages[i].uses);
	}
	config->sources = xcalloc(2, sizeof(*config->sources));
	config->n_sources = 2;
	split("Cargo.toml .cargo", &config->sources[0].shared);
	split("rust vendor/old", &config->sources[0].ignore);
	return config;
}

static void owner_is(const struct pkgmap *map, size_t source, const char *path, size_t expected)
{
	size_t got = pkgmap_owner(map, source, path);

	if (got != expected)
		fail_msg("'%s' belongs to %zd, expected %zd", path, (ssize_t)got, (ssize_t)expected);
}

static void the_longest_path_owns(void **state)
{
	const struct row rows[] = {
		{ "common", "drivers/common", NULL, false, 0 },
		{ "inner", "drivers/common/inner x/y", NULL, false, 0 },
		{ "other", "drivers/common", NULL, false, 1 },
		{ "twin", "drivers/common", NULL, false, 0 },
		{ 0 },
	};
	CLEANUP(config_freep) struct config *config = make_config(rows);
	CLEANUP(pkgmap_freep) struct pkgmap *map = pkgmap_new(config);

	(void)state;
	owner_is(map, 0, "drivers/common", 0);
	owner_is(map, 0, "drivers/common/src/lib.rs", 0);
	owner_is(map, 0, "drivers/common/inner", 1);
	owner_is(map, 0, "drivers/common/inner/a/b/c", 1);
	owner_is(map, 0, "drivers/common/inner2", 0);
	owner_is(map, 0, "drivers/commonx/a", PKGMAP_NONE);
	owner_is(map, 0, "drivers", PKGMAP_NONE);
	owner_is(map, 0, "x/y/z", 1);
	owner_is(map, 0, "x", PKGMAP_NONE);
	owner_is(map, 0, "", PKGMAP_NONE);
	owner_is(map, 1, "drivers/common/a", 2);
	owner_is(map, 1, "x/y", PKGMAP_NONE);
	assert_true(pkgmap_depends(map, 3, 0));
	assert_false(pkgmap_depends(map, 0, 3));
	assert_false(pkgmap_depends(map, 2, 0));
}

static void the_root_owns_the_rest(void **state)
{
	const struct row rows[] = { { "root", NULL, NULL, false, 0 }, { "sub", "sub", NULL, false, 0 }, { 0 } };
	CLEANUP(config_freep) struct config *config = make_config(rows);
	struct pkgmap *map;

	(void)state;
	strvec_add(&config->packages[0].paths, "");
	map = pkgmap_new(config);
	owner_is(map, 0, "src/main.rs", 0);
	owner_is(map, 0, "sub/main.rs", 1);
	owner_is(map, 0, "", 0);
	owner_is(map, 1, "src/main.rs", PKGMAP_NONE);
	pkgmap_free(map);
	pkgmap_free(NULL);
}

static void shared_ignored_and_assets(void **state)
{
	const struct row rows[] = { { "a", "a", NULL, false, 0 }, { 0 } };
	CLEANUP(config_freep) struct config *config = make_config(rows);
	struct pkgmap *map;

	(void)state;
	config->assets = xcalloc(1, sizeof(*config->assets));
	config->n_assets = 1;
	config->assets[0].path = xstrdup("a/config.toml");
	map = pkgmap_new(config);
	assert_true(pkgmap_is_shared(map, 0, "Cargo.toml"));
	assert_true(pkgmap_is_shared(map, 0, ".cargo/config.toml"));
	assert_false(pkgmap_is_shared(map, 0, "a/Cargo.toml"));
	assert_false(pkgmap_is_shared(map, 0, ".cargox"));
	assert_false(pkgmap_is_shared(map, 1, "Cargo.toml"));
	assert_true(pkgmap_is_ignored(map, 0, "rust/a/b"));
	assert_true(pkgmap_is_ignored(map, 0, "vendor/old"));
	assert_false(pkgmap_is_ignored(map, 0, "vendor"));
	assert_false(pkgmap_is_ignored(map, 0, "rusty"));
	assert_int_equal(pkgmap_asset(map, 0, "a/config.toml"), 0);
	assert_int_equal(pkgmap_asset(map, 1, "a/config.toml"), PKGMAP_NONE);
	assert_int_equal(pkgmap_asset(map, 0, "a/config.toml/x"), PKGMAP_NONE);
	assert_int_equal(pkgmap_asset(map, 0, "a"), PKGMAP_NONE);
	owner_is(map, 0, "a/config.toml", 0);
	pkgmap_free(map);
}

static void inputs_are(const struct pkgmap *map, const struct config *config, size_t package, const char *expected)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(map, package);
	CLEANUP(str_clear) struct str got = { 0 };

	for (size_t i = 0; i < inputs->n; i++)
		str_printf(&got, "%s%s:%s", i > 0 ? " " : "", inputs->v[i].path, config->packages[inputs->v[i].through].name);
	assert_string_equal(str_text(&got), expected);
}

static void way_is(const struct pkgmap *map, size_t package, size_t dependency, const char *expected)
{
	CLEANUP_FREE char *way = pkgmap_way(map, package, dependency);

	assert_string_equal(way, expected);
}

static void inputs_come_through_packages(void **state)
{
	const struct row rows[] = {
		{ "common", "drivers/common", NULL, false, 0 },
		{ "driver-network", "net/driver", "drivers/common/src data", false, 0 },
		{ "netd", "net/netd", "net/driver data", false, 0 },
		{ "z", "z", NULL, false, 0 },
		{ 0 },
	};
	CLEANUP(config_freep) struct config *config = make_config(rows);
	CLEANUP(pkgmap_freep) struct pkgmap *map = pkgmap_new(config);

	(void)state;
	inputs_are(map, config, 0, "drivers/common:common");
	inputs_are(map, config, 2, "data:netd drivers/common:common drivers/common/src:driver-network net/driver:driver-network net/netd:netd");
	assert_true(pkgmap_depends(map, 2, 0));
	assert_true(pkgmap_depends(map, 2, 2));
	assert_false(pkgmap_depends(map, 0, 2));
	assert_false(pkgmap_depends(map, 2, 3));
	way_is(map, 2, 0, "common > driver-network > netd");
	way_is(map, 2, 1, "driver-network > netd");
	way_is(map, 2, 2, "");
	way_is(map, 0, 2, "");
	way_is(map, 2, 3, "");
}

static void cycles_and_invalidates(void **state)
{
	const struct row rows[] = {
		{ "a", "a", "b", false, 0 },
		{ "b", "b", "c", false, 0 },
		{ "c", "c", "a", false, 0 },
		{ "d", "d", NULL, false, 1 },
		{ "relibc", "relibc", "libs", true, 0 },
		{ "x", "x", "x/sub", true, 0 },
		{ 0 },
	};
	CLEANUP(config_freep) struct config *config = make_config(rows);
	CLEANUP(pkgmap_freep) struct pkgmap *map = pkgmap_new(config);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++)
			assert_true(pkgmap_depends(map, i, j));
	for (size_t i = 0; i < 6; i++) {
		assert_true(pkgmap_depends(map, i, 4));
		assert_true(pkgmap_depends(map, i, 5));
	}
	assert_false(pkgmap_depends(map, 4, 0));
	inputs_are(map, config, 3, "libs:relibc relibc:relibc x:x x/sub:x d:d");
	assert_int_equal(pkgmap_inputs(map, 3)->v[4].source, 1);
	way_is(map, 0, 2, "c > b > a");
	way_is(map, 3, 4, "relibc > d");
}

static void folders_that_hold_packages(void **state)
{
	const struct row rows[] = {
		{ "all", "all", "drivers", false, 0 },
		{ "one", "drivers/one", NULL, false, 0 },
		{ "outer", "outer", NULL, false, 0 },
		{ "inner", "outer/inner", NULL, false, 0 },
		{ "user", "user", "outer", false, 0 },
		{ "elsewhere", "drivers/x", NULL, false, 1 },
		{ 0 },
	};
	CLEANUP(config_freep) struct config *config = make_config(rows);
	CLEANUP(pkgmap_freep) struct pkgmap *map = pkgmap_new(config);

	(void)state;
	assert_true(pkgmap_depends(map, 0, 1));
	assert_false(pkgmap_depends(map, 0, 5));
	assert_true(pkgmap_depends(map, 4, 2));
	assert_false(pkgmap_depends(map, 4, 3));
}

/* The oracle: everything by the plainest words, over random trees of short names. */
static char *random_path(unsigned int *seed)
{
	struct str s = { 0 };

	for (int i = rand_r(seed) % 4; i >= 0; i--)
		str_printf(&s, "%s%c", s.len > 0 ? "/" : "", "abcd"[rand_r(seed) % 4]);
	return str_take(&s);
}

static size_t plain_owner(const struct config *config, size_t source, const char *path)
{
	size_t best = PKGMAP_NONE, best_length = 0;

	for (size_t i = 0; i < config->n_packages; i++)
		for (size_t j = 0; j < config->packages[i].paths.n; j++) {
			const char *p = config->packages[i].paths.v[j];

			if (config->packages[i].source != source || !path_under(path, p) || strlen(p) <= best_length)
				continue;
			best = i;
			best_length = strlen(p);
		}
	return best;
}

static bool plain_edge(const struct config *config, size_t from, size_t to)
{
	const struct config_package *a = &config->packages[from], *b = &config->packages[to];

	if (b->invalidates_all)
		return true;
	for (size_t i = 0; i < a->paths.n; i++)
		if (plain_owner(config, a->source, a->paths.v[i]) == to)
			return true;
	for (size_t i = 0; i < a->uses.n; i++) {
		bool own = false;

		if (plain_owner(config, a->source, a->uses.v[i]) == to)
			return true;
		for (size_t j = 0; j < config->n_packages; j++)
			own = own || (config->packages[j].source == a->source && strvec_has(&config->packages[j].paths, a->uses.v[i]));
		for (size_t j = 0; !own && a->source == b->source && j < b->paths.n; j++)
			if (path_under(b->paths.v[j], a->uses.v[i]))
				return true;
	}
	return false;
}

/* Warshall's closure of plain_edge(); @reach has n * n elements. */
static void plain_closure(const struct config *config, bool *reach)
{
	size_t n = config->n_packages;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			reach[i * n + j] = i == j || plain_edge(config, i, j);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++)
				reach[i * n + j] |= reach[i * n + k] && reach[k * n + j];
}

static void check_inputs(const struct config *config, const struct pkgmap *map, const bool *reach, size_t package)
{
	const struct pkgmap_inputs *inputs = pkgmap_inputs(map, package);
	CLEANUP(strvec_clear) struct strvec expected = { 0 };

	for (size_t i = 0; i < config->n_packages; i++) {
		const struct config_package *p = &config->packages[i];

		for (size_t j = 0; reach[package * config->n_packages + i] && j < p->paths.n + p->uses.n; j++)
			strvec_addf(&expected, "%zu %s", p->source, j < p->paths.n ? p->paths.v[j] : p->uses.v[j - p->paths.n]);
	}
	strvec_sort_unique(&expected);
	assert_int_equal(inputs->n, expected.n);
	for (size_t i = 0; i < inputs->n; i++) {
		CLEANUP_FREE char *got = xasprintf("%zu %s", inputs->v[i].source, inputs->v[i].path);
		const struct config_package *through = &config->packages[inputs->v[i].through];

		assert_string_equal(got, expected.v[i]);
		assert_true(strvec_has(&through->paths, inputs->v[i].path) || strvec_has(&through->uses, inputs->v[i].path));
		assert_true(reach[package * config->n_packages + inputs->v[i].through]);
	}
}

static struct config *random_config(unsigned int *seed)
{
	struct config *config;
	struct row rows[12] = { 0 };
	int n = 1 + rand_r(seed) % 10;

	for (int i = 0; i < n; i++)
		rows[i] = (struct row){ .name = "x", .all = rand_r(seed) % 20 == 0, .source = rand_r(seed) % 5 == 0 };
	config = make_config(rows);
	for (int i = 0; i < n; i++) {
		for (int j = rand_r(seed) % 3; j >= 0; j--)
			strvec_take(&config->packages[i].paths, random_path(seed));
		for (int j = rand_r(seed) % 3; j > 0; j--)
			strvec_take(&config->packages[i].uses, random_path(seed));
	}
	return config;
}

static void it_agrees_with_a_plain_oracle(void **state)
{
	unsigned int seed = 1234;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		CLEANUP(config_freep) struct config *config = random_config(&seed);
		CLEANUP(pkgmap_freep) struct pkgmap *map = pkgmap_new(config);
		size_t n = config->n_packages;
		CLEANUP_FREE bool *reach = xcalloc(n * n, sizeof(*reach));

		plain_closure(config, reach);
		for (int i = 0; i < 20; i++) {
			CLEANUP_FREE char *path = random_path(&seed);
			size_t source = (size_t)rand_r(&seed) % 2;

			owner_is(map, source, path, plain_owner(config, source, path));
		}
		for (size_t i = 0; i < n; i++) {
			for (size_t j = 0; j < n; j++) {
				CLEANUP_FREE char *way = pkgmap_way(map, i, j);

				if (pkgmap_depends(map, i, j) != reach[i * n + j])
					fail_msg("round %d: %zu depends on %zu: %d", round, i, j, reach[i * n + j]);
				assert_int_equal(*way != '\0', i != j && reach[i * n + j]);
			}
			check_inputs(config, map, reach, i);
		}
	}
}

/* 70 packages, 56,000 paths: a look has 150 ms for everything. The limit is generous, for sanitizers and slow hosts. */
static void it_is_fast(void **state)
{
	struct row rows[71] = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(pkgmap_freep) struct pkgmap *map = NULL;
	size_t n_owned = 0;
	int64_t start;

	(void)state;
	for (size_t i = 0; i < 70; i++)
		rows[i] = (struct row){ .name = "x" };
	config = make_config(rows);
	for (int i = 0; i < 70; i++) {
		strvec_addf(&config->packages[i].paths, "drivers/group%d/package-number-%d", i % 7, i);
		strvec_addf(&config->packages[i].uses, "drivers/group%d/package-number-%d", (i + 1) % 7, (i + 1) % 70);
	}
	start = clock_us();
	map = pkgmap_new(config);
	for (int i = 0; i < 56000; i++) {
		char path[128];

		snprintf(path, sizeof(path), "drivers/group%d/package-number-%d/src/some/module/file-%d.rs", i % 7, i % 140, i);
		n_owned += pkgmap_owner(map, 0, path) != PKGMAP_NONE;
	}
	assert_int_equal(n_owned, 56000 / 2);
	assert_in_range(clock_us() - start, 0, 2000000);
	print_message("56,000 owners in %d us\n", (int)(clock_us() - start));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_path_owns),         cmocka_unit_test(the_root_owns_the_rest),
		cmocka_unit_test(shared_ignored_and_assets),     cmocka_unit_test(inputs_come_through_packages),
		cmocka_unit_test(cycles_and_invalidates),        cmocka_unit_test(folders_that_hold_packages),
		cmocka_unit_test(it_agrees_with_a_plain_oracle), cmocka_unit_test(it_is_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
