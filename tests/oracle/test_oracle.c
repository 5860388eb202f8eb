/* What is stale, by thousands of changes: after each of them the program's look, from a watcher that lives as long as `reinject watch` does, against an
 * oracle that hashes everything (oracle/truth.h says what it knows, and what cannot be known).
 *
 * ORACLE_SEED     repeats a run; without it the clock decides. The seed is printed.
 * ORACLE_CHANGES  how many, 2000 without it.
 * ORACLE_VERBOSE  prints each change. */
#include "oracle/change.h"
#include "oracle/verdict.h"

#include "base/clock.h"
#include "cargo/build.h"

enum { CHANGES = 2000, FRESH_EVERY = 10, UNCACHED_EVERY = 100, ENOUGH_FAULTS = 20 };

struct run {
	struct world *world;
	struct config *config;
	struct pkgmap *map;
	struct watcher *watcher;
	struct watcher_look *look, *last;
	struct tree tree;
	struct truth *truth, *before;
	struct changer changer;
	struct verdict verdict;
	char build_inputs[HASH_HEX_SIZE];
	unsigned long seed;
	int64_t started_ms, change_ms, look_ms, truth_ms; /* where the time goes */
};

static unsigned long number_from(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoul(value, NULL, 10) : otherwise;
}

static struct watcher *open_watcher(const struct run *run)
{
	CLEANUP(strvec_clear) struct strvec inputs = { 0 };
	struct watcher *watcher = NULL;
	struct err err = ERR_INIT;

	if (watcher_open(run->config, run->map, &watcher, &err) < 0)
		fail_msg("%s", err.message);
	strvec_add(&inputs, run->world->registered);
	for (size_t i = 0; i < run->config->n_packages; i++)
		if (world_crate_named(run->world, run->config->packages[i].name) == WORLD_REGISTERED)
			watcher_set_inputs(watcher, i, &inputs);
	return watcher;
}

static struct watcher_look *look_by(const struct run *run, struct watcher *watcher)
{
	struct watcher_look *look = NULL;
	struct err err = ERR_INIT;

	if (watcher_look(watcher, run->build_inputs, &look, &err) < 0)
		fail_msg("change %zu (%s): %s", run->verdict.step, run->verdict.change, err.message);
	return look;
}

static int setup(void **state)
{
	struct run *run = xcalloc(1, sizeof(*run));
	struct config_problems problems = { 0 };
	struct config_args args = { 0 };
	struct err err = ERR_INIT;

	*state = run;
	run->seed = number_from("ORACLE_SEED", (unsigned long)clock_wall_ms() % 1000000);
	printf("oracle: seed %lu\n", run->seed);
	fflush(stdout);
	run->world = world_make(run->seed);
	args.dir = run->world->git->dir;
	if (config_load(&args, &run->config, &problems, &err) < 0)
		fail_msg("%s %s", err.message, problems.errors.n ? problems.errors.v[0] : "");
	config_problems_clear(&problems);
	assert_int_equal(run->config->n_packages, WORLD_PACKAGES);
	run->map = pkgmap_new(run->config);
	assert_int_equal(cargo_inputs_hash(run->config, run->build_inputs, &err), 0);
	run->watcher = open_watcher(run);
	run->truth = xcalloc(1, sizeof(*run->truth));
	run->before = xcalloc(1, sizeof(*run->before));
	run->changer = (struct changer){ .world = run->world, .tree = &run->tree };
	run->verdict = (struct verdict){ .world = run->world, .config = run->config, .change = "the start" };
	return 0;
}

static int teardown(void **state)
{
	struct run *run = *state;

	change_clear(&run->changer);
	verdict_clear(&run->verdict);
	tree_clear(&run->tree);
	watcher_look_free(run->look);
	watcher_look_free(run->last);
	watcher_free(run->watcher);
	pkgmap_free(run->map);
	config_free(run->config);
	free(run->truth);
	free(run->before);
	world_free(run->world);
	free(run);
	return 0;
}

static void look_and_judge(struct run *run, bool first)
{
	struct truth *kept = run->before;
	int64_t start = clock_ms(), middle;

	watcher_look_free(run->last);
	run->last = run->look;
	run->look = look_by(run, run->watcher);
	middle = clock_ms();
	run->before = run->truth;
	run->truth = kept;
	tree_read(run->world, &run->tree);
	truth_read(run->world, &run->tree, first ? NULL : run->before, run->look->problems.n > 0, run->truth);
	run->changer.settled = run->truth->settled;
	verdict_give(&run->verdict, run->last, run->before, run->look, run->truth);
	run->look_ms += middle - start;
	run->truth_ms += clock_ms() - middle;
}

/* What a new process would see: with the graph as it was kept, or with none kept. */
static void compare_fresh(struct run *run, bool uncached)
{
	CLEANUP_FREE char *cache = xasprintf("%s/state/cargo/base.json", run->world->git->dir);
	CLEANUP(watcher_freep) struct watcher *fresh = open_watcher(run);
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;

	if (uncached)
		unlink(cache);
	look = look_by(run, fresh);
	verdict_compare(&run->verdict, run->look, look,
			uncached ? "another thing to a new process without a kept graph" : "another thing to a new process");
}

static void one_change(struct run *run)
{
	int64_t start = clock_ms();
	size_t stale = run->verdict.n_stale;
	const char *name = change_make(&run->changer);
	CLEANUP_FREE char *words = xasprintf("%s %s", name, str_text(&run->changer.said));

	run->change_ms += clock_ms() - start;
	run->verdict.step++;
	run->verdict.change = words;
	look_and_judge(run, false);
	if (getenv("ORACLE_VERBOSE"))
		printf("%zu: %zu stale, %zu files%s: %s\n", run->verdict.step, run->verdict.n_stale - stale, run->tree.n,
		       run->truth->settled ? "" : ", not settled", words);
	if (run->verdict.step % FRESH_EVERY == 0)
		compare_fresh(run, run->truth->settled && run->verdict.step % UNCACHED_EVERY == 0);
	run->verdict.change = "";
}

static void no_change_is_missed_and_nothing_is_named_in_vain(void **state)
{
	struct run *run = *state;
	size_t n = number_from("ORACLE_CHANGES", CHANGES);
	const struct verdict *v = &run->verdict;

	run->started_ms = clock_ms();
	look_and_judge(run, true);
	while (v->step < n && verdict_faults(v) < ENOUGH_FAULTS)
		one_change(run);
	printf("oracle: %zu stale in all, %zu states that came back, %zu changes while the graph was not known; changes %.0f s, looks %.0f s, "
	       "oracle %.0f s\n",
	       v->n_stale, v->n_back, v->n_unsettled, (double)run->change_ms / 1000, (double)run->look_ms / 1000, (double)run->truth_ms / 1000);
	printf("oracle: %zu changes, %d packages, seed %lu: %zu missed, %zu named in vain (%.0f s)\n", v->step, WORLD_PACKAGES, run->seed,
	       v->missed, v->in_vain, (double)(clock_ms() - run->started_ms) / 1000);
	if (verdict_faults(v) > 0)
		fail_msg("%zu faults; ORACLE_SEED=%lu repeats this run", verdict_faults(v), run->seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_change_is_missed_and_nothing_is_named_in_vain, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
