/* Files of the workspace's that cargo or the tree has written, or a merge has mangled: Cargo.lock, a .d file, the script of a recipe. */
#include "fuzz.h"

#include "cargo/depinfo.h"
#include "cargo/lock.h"
#include "cargo/recipe.h"

static void check_lock(const char *text, size_t n)
{
	CLEANUP(strvec_clear) struct strvec differ = { 0 };
	CLEANUP(cargo_lock_clear) struct cargo_lock lock = { 0 };
	struct err err = ERR_INIT;

	if (cargo_lock_parse(text, n, &lock, &err) < 0) {
		FUZZ_CHECK(err.message[0]);
		return;
	}
	for (size_t i = 0; i < lock.n_packages; i++) {
		char digest[HASH_HEX_SIZE];

		cargo_lock_closure(&lock, lock.packages[i].name, NULL, digest);
		for (size_t j = 0; j < lock.packages[i].dependencies.n; j++)
			FUZZ_CHECK(lock.packages[i].edges[j] < lock.n_packages);
	}
	cargo_lock_compare(&lock, &lock, NULL, &differ);
	FUZZ_CHECK(differ.n == 0);
}

static void check_depinfo(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *path = fuzz_file("binary.d", data, n), *binary = xstrndup(path, strlen(path) - 2);
	CLEANUP(strvec_clear) struct strvec inputs = { 0 };

	if (cargo_depinfo_read(binary, "/ws", &inputs, NULL) < 0)
		return;
	for (size_t i = 0; i < inputs.n; i++)
		FUZZ_CHECK(inputs.v[i][0] == '/');
}

static void check_recipe(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *script = fuzz_text(data, n);
	CLEANUP(cargo_rules_clear) struct cargo_rules rules = { 0 };

	cargo_recipe_follow(script, "aarch64", &rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check_lock((const char *)data, n);
	check_depinfo(data, n);
	check_recipe(data, n);
	return 0;
}
