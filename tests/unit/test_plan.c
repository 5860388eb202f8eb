/* The plan is pure, so every case is a table: states of packages and records in, steps out. */
#include "refresh/plan.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#define N_PACKAGES 4

struct world {
	struct config config;
	struct config_package packages[N_PACKAGES];
	struct config_asset assets[1];
	struct watcher_look look;
	struct watcher_subject subjects[N_PACKAGES + 1];
	struct refresh_records records;
	struct refresh_record record_array[8];
	struct refresh_content content_array[8];
	struct watcher_source_state source;
};

/* Packages a, b (with a fingerprint of their name's letter), lib (no destination), early (initfs only), and one asset. */
static void make_world(struct world *w)
{
	static const char *const names[] = { "a", "b", "early", "lib" };
	static const char *const dests[] = { "/usr/bin", "/usr/lib/drivers", "initfs:/bin", NULL };

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < N_PACKAGES; i++) {
		w->packages[i].name = (char *)names[i];
		if (dests[i])
			strvec_add(&w->packages[i].dests, dests[i]);
		w->subjects[i].name = xasprintf("package %s", names[i]);
		w->subjects[i].index = i;
		memset(w->subjects[i].fingerprint, names[i][0], HASH_HEX_SIZE - 1);
	}
	w->assets[0].name = (char *)"conf";
	w->assets[0].path = (char *)"etc/conf.toml";
	strvec_add(&w->assets[0].dests, "/etc/conf");
	w->subjects[N_PACKAGES] = (struct watcher_subject){ .name = xstrdup("asset conf"), .is_asset = true };
	memset(w->subjects[N_PACKAGES].fingerprint, 'z', HASH_HEX_SIZE - 1);
	w->config.file = (char *)"reinject.ini";
	w->config.packages = w->packages;
	w->config.n_packages = N_PACKAGES;
	w->config.assets = w->assets;
	w->config.n_assets = 1;
	w->look.subjects = w->subjects;
	w->look.n_subjects = N_PACKAGES + 1;
	w->look.sources = &w->source;
	w->look.n_sources = 1;
	w->source.settled = true;
	w->records.v = w->record_array;
	w->records.contents = w->content_array;
}

static void drop_world(struct world *w)
{
	for (size_t i = 0; i < N_PACKAGES; i++)
		strvec_clear(&w->packages[i].dests);
	strvec_clear(&w->assets[0].dests);
	for (size_t i = 0; i <= N_PACKAGES; i++)
		free(w->subjects[i].name);
}

static void record(struct world *w, size_t subject, bool same, const char *state, int64_t run)
{
	static char other[] = "another fingerprint";

	w->record_array[w->records.n++] = (struct refresh_record){
		.subject = w->subjects[subject].name,
		.fingerprint = same ? w->subjects[subject].fingerprint : other,
		.state = (char *)state,
		.run = run,
	};
}

static void plan_all(struct world *w, bool retry, struct refresh_plan *plan)
{
	struct refresh_request request = { .retry = retry };
	struct err err = ERR_INIT;

	assert_int_equal(refresh_plan_make(&w->config, &w->look, &w->records, &request, plan, &err), 0);
}

static int plan_one(struct world *w, const char *name, const char *dest, struct refresh_plan *plan, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	struct refresh_request request = { .packages = &names, .dest = dest };

	strvec_add(&names, name);
	return refresh_plan_make(&w->config, &w->look, &w->records, &request, plan, err);
}

static void first_time_everything_with_a_place_is_stale(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	plan_all(&w, false, &plan);
	assert_int_equal(plan.n_steps, 3);
	assert_int_equal(plan.n_builds, 2);
	assert_string_equal(plan.steps[0].name, "a");
	assert_string_equal(plan.steps[1].name, "b");
	assert_string_equal(plan.steps[2].name, "conf");
	assert_true(plan.steps[2].is_asset);
	assert_true(plan.first_time);
	assert_int_equal(plan.n_nowhere, 0);
	assert_int_equal(plan.n_elsewhere, 1);
	assert_string_equal(plan.steps[0].why, "first time");
	refresh_plan_clear(&plan);
	drop_world(&w);
}

static void what_the_image_holds_is_left_alone(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	record(&w, 0, true, "fresh", 1);
	record(&w, 1, false, "fresh", 2);
	record(&w, N_PACKAGES, true, "fresh", 1);
	plan_all(&w, false, &plan);
	assert_int_equal(plan.n_steps, 1);
	assert_string_equal(plan.steps[0].name, "b");
	assert_string_equal(plan.steps[0].why, "changed since run 2");
	assert_int_equal(plan.stale.n, 1);
	refresh_plan_clear(&plan);
	drop_world(&w);
}

static void what_differs_is_said(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	w.subjects[0].since = (char *)"common/src/lib.rs, through common";
	record(&w, 0, false, "fresh", 1);
	plan_all(&w, false, &plan);
	assert_string_equal(plan.steps[0].why, "common/src/lib.rs, through common");
	refresh_plan_clear(&plan);
	drop_world(&w);
}

static void failed_and_held_wait_for_a_change_or_retry(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	record(&w, 0, false, "fresh", 1);
	record(&w, 0, true, "failed", 3);
	record(&w, 1, true, "held", 3);
	record(&w, N_PACKAGES, true, "fresh", 1);
	plan_all(&w, false, &plan);
	assert_int_equal(plan.n_steps, 0);
	assert_int_equal(plan.stale.n, 0);
	assert_string_equal(plan.failed.v[0], "a");
	assert_string_equal(plan.held.v[0], "b");
	refresh_plan_clear(&plan);
	plan_all(&w, true, &plan);
	assert_int_equal(plan.n_steps, 2);
	refresh_plan_clear(&plan);
	drop_world(&w);
}

/* An edit that failed and was then undone: the image still holds the old content. */
static void going_back_to_what_the_image_holds_is_fresh(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	record(&w, 0, false, "failed", 4);
	record(&w, 0, true, "fresh", 1);
	record(&w, 1, true, "fresh", 1);
	record(&w, N_PACKAGES, true, "fresh", 1);
	plan_all(&w, false, &plan);
	assert_int_equal(plan.n_steps, 0);
	assert_int_equal(plan.failed.n, 0);
	refresh_plan_clear(&plan);
	drop_world(&w);
}

static void an_image_changed_outside_is_to_be_checked(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	record(&w, 0, true, "fresh", 1);
	record(&w, 1, true, "doubted", 1);
	record(&w, N_PACKAGES, true, "fresh", 1);
	w.records.image_unknown = true;
	plan_all(&w, false, &plan);
	assert_true(plan.unchecked);
	assert_int_equal(plan.n_steps, 1);
	assert_string_equal(plan.steps[0].name, "b");
	assert_string_equal(plan.steps[0].why, "the image does not have it as run 1 left it");
	refresh_plan_clear(&plan);
	w.records.image_unknown = false;
	plan_all(&w, false, &plan);
	assert_false(plan.unchecked);
	refresh_plan_clear(&plan);
	drop_world(&w);
}

/* -- what is gone ------------------------------------------------------------------------------------------------------------------------- */

static void content(struct world *w, const char *path, const char *owner)
{
	w->content_array[w->records.n_contents++] =
		(struct refresh_content){ .path = (char *)path, .owner = (char *)owner, .hash = (char *)"1234" };
}

/* Everything fresh, nothing gone: the world from which each case departs. */
static void make_settled_world(struct world *w)
{
	make_world(w);
	strvec_add(&w->packages[0].bins, "a");
	strvec_add(&w->packages[1].bins, "b1");
	strvec_add(&w->packages[1].bins, "b2");
	record(w, 0, true, "fresh", 1);
	record(w, 1, true, "fresh", 1);
	record(w, N_PACKAGES, true, "fresh", 1);
	content(w, "/usr/bin/a", "package a");
	content(w, "/usr/lib/drivers/b1", "package b");
	content(w, "/usr/lib/drivers/b2", "package b");
	content(w, "/etc/conf", "asset conf");
}

static void drop_settled_world(struct world *w)
{
	strvec_clear(&w->packages[0].bins);
	strvec_clear(&w->packages[1].bins);
	drop_world(w);
}

static void expect_removals(struct world *w, const char *paths)
{
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	CLEANUP(strvec_clear) struct strvec found = { 0 };
	CLEANUP_FREE char *text = NULL;

	plan_all(w, false, &plan);
	for (size_t i = 0; i < plan.n_removals; i++)
		strvec_addf(&found, "%s%s%s", plan.removals[i].path, plan.removals[i].after == REFRESH_NO_STEP ? "" : ">",
			    plan.removals[i].owner_gone ? "!" : "");
	text = strvec_join(&found, " ");
	assert_string_equal(text, paths);
}

static void what_is_wanted_stays(void **state)
{
	struct world w;

	(void)state;
	make_settled_world(&w);
	content(&w, "/tmp/mine", "file");
	expect_removals(&w, "");
	/* As a folder, and as a file's own name; with slashes to spare. */
	free(w.assets[0].dests.v[0]);
	w.assets[0].dests.v[0] = xstrdup("/etc/");
	w.content_array[3].path = (char *)"/etc//conf.toml";
	expect_removals(&w, "");
	drop_settled_world(&w);
}

static void a_section_that_left_is_gone_when_all_is_settled(void **state)
{
	struct world w;

	(void)state;
	make_settled_world(&w);
	content(&w, "/usr/bin/old", "package old");
	content(&w, "/etc/old.toml", "asset old");
	expect_removals(&w, "/usr/bin/old! /etc/old.toml!");
	w.source.settled = false;
	expect_removals(&w, "");
	w.source.settled = true;
	/* A renamed package that wants the same place. */
	w.content_array[4].path = (char *)"/usr/bin/a";
	expect_removals(&w, "/etc/old.toml!");
	drop_settled_world(&w);
}

static void a_folder_that_left_is_gone_when_its_source_is_settled(void **state)
{
	struct world w;

	(void)state;
	make_settled_world(&w);
	w.subjects[1].missing = true;
	expect_removals(&w, "/usr/lib/drivers/b1! /usr/lib/drivers/b2!");
	w.source.settled = false;
	expect_removals(&w, "");
	drop_settled_world(&w);
}

static void what_moved_is_removed_after_it_has_arrived(void **state)
{
	struct world w;

	(void)state;
	make_settled_world(&w);
	free(w.packages[0].dests.v[0]);
	w.packages[0].dests.v[0] = xstrdup("/usr/sbin");
	/* Fresh there already. */
	expect_removals(&w, "/usr/bin/a");
	w.record_array[0].fingerprint = (char *)"another";
	expect_removals(&w, "/usr/bin/a>");
	/* What was tried and failed has not arrived. */
	record(&w, 0, true, "failed", 2);
	expect_removals(&w, "");
	/* Nowhere to go at all. */
	strvec_clear(&w.packages[0].dests);
	expect_removals(&w, "/usr/bin/a!");
	drop_settled_world(&w);
}

static void a_plan_for_one_package_removes_nothing(void **state)
{
	struct world w;
	struct refresh_plan plan;
	struct err err = ERR_INIT;

	(void)state;
	make_settled_world(&w);
	content(&w, "/usr/bin/old", "package old");
	assert_int_equal(plan_one(&w, "a", NULL, &plan, &err), 0);
	assert_int_equal(plan.n_removals, 0);
	refresh_plan_clear(&plan);
	drop_settled_world(&w);
}

static void a_named_package_is_built_whatever_its_state(void **state)
{
	struct world w;
	struct refresh_plan plan;
	struct err err = ERR_INIT;

	(void)state;
	make_world(&w);
	record(&w, 0, true, "fresh", 1);
	assert_int_equal(plan_one(&w, "a", NULL, &plan, &err), 0);
	assert_int_equal(plan.n_steps, 1);
	assert_false(plan.steps[0].one_off);
	refresh_plan_clear(&plan);
	assert_int_equal(plan_one(&w, "a", "/usr/bin", &plan, &err), 0);
	assert_false(plan.steps[0].one_off);
	refresh_plan_clear(&plan);
	assert_int_equal(plan_one(&w, "lib", "/tmp/x", &plan, &err), 0);
	assert_true(plan.steps[0].one_off);
	assert_string_equal(plan.steps[0].dests.v[0], "/tmp/x");
	refresh_plan_clear(&plan);
	drop_world(&w);
}

static void unknown_and_homeless_names_are_wrong_use(void **state)
{
	struct world w;
	struct refresh_plan plan;
	struct err err = ERR_INIT;

	(void)state;
	make_world(&w);
	assert_int_equal(plan_one(&w, "nosuch", NULL, &plan, &err), -ENOENT);
	assert_int_equal(err.class, ERR_USAGE);
	assert_non_null(strstr(err.message, "nosuch"));
	assert_int_equal(plan_one(&w, "conf", NULL, &plan, &err), -ENOENT);
	assert_int_equal(plan_one(&w, "lib", NULL, &plan, &err), -EINVAL);
	assert_int_equal(err.class, ERR_USAGE);
	drop_world(&w);
}

static void a_missing_folder_is_not_built(void **state)
{
	struct world w;
	struct refresh_plan plan;

	(void)state;
	make_world(&w);
	w.subjects[0].missing = true;
	plan_all(&w, false, &plan);
	assert_string_equal(plan.steps[0].name, "b");
	assert_int_equal(plan.states[0], REFRESH_MISSING);
	refresh_plan_clear(&plan);
	drop_world(&w);
}

/* As watcher_is_before() counts them: b is made by a command, early and lib invalidate nothing. */
static void what_others_are_built_from_comes_first(void **state)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	struct refresh_request request = { .packages = &names };
	struct refresh_plan plan;
	struct world w;

	(void)state;
	make_world(&w);
	strvec_add(&w.packages[3].dests, "/lib");
	w.subjects[0].n_before = 2;
	w.subjects[3].n_before = 1;
	plan_all(&w, false, &plan);
	assert_int_equal(plan.n_steps, 4);
	assert_string_equal(plan.steps[0].name, "b");
	assert_string_equal(plan.steps[1].name, "lib");
	assert_string_equal(plan.steps[2].name, "a");
	assert_string_equal(plan.steps[3].name, "conf");
	refresh_plan_clear(&plan);
	/* Also where they are named the other way round; what does not matter stays as it was named. */
	strvec_add(&names, "a");
	strvec_add(&names, "lib");
	strvec_add(&names, "b");
	w.subjects[1].n_before = 1;
	assert_int_equal(refresh_plan_make(&w.config, &w.look, &w.records, &request, &plan, NULL), 0);
	assert_string_equal(plan.steps[0].name, "lib");
	assert_string_equal(plan.steps[1].name, "b");
	assert_string_equal(plan.steps[2].name, "a");
	refresh_plan_clear(&plan);
	strvec_clear(&w.packages[3].dests);
	drop_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_time_everything_with_a_place_is_stale),
		cmocka_unit_test(what_the_image_holds_is_left_alone),
		cmocka_unit_test(what_differs_is_said),
		cmocka_unit_test(failed_and_held_wait_for_a_change_or_retry),
		cmocka_unit_test(going_back_to_what_the_image_holds_is_fresh),
		cmocka_unit_test(an_image_changed_outside_is_to_be_checked),
		cmocka_unit_test(what_is_wanted_stays),
		cmocka_unit_test(a_section_that_left_is_gone_when_all_is_settled),
		cmocka_unit_test(a_folder_that_left_is_gone_when_its_source_is_settled),
		cmocka_unit_test(what_moved_is_removed_after_it_has_arrived),
		cmocka_unit_test(a_plan_for_one_package_removes_nothing),
		cmocka_unit_test(a_named_package_is_built_whatever_its_state),
		cmocka_unit_test(unknown_and_homeless_names_are_wrong_use),
		cmocka_unit_test(a_missing_folder_is_not_built),
		cmocka_unit_test(what_others_are_built_from_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
