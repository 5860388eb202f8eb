/* What goes over the socket comes back as it was. */
#include "test_wire.h"

/* -- the events -------------------------------------------------------------------------------------------------------------------------------- */

static void expect_text(const char *got, const char *expected)
{
	if (!str_eq(got, expected))
		fail_msg("got '%s', expected '%s'", got ? got : "NULL", expected ? expected : "NULL");
}

static void expect_strings(const struct strvec *got, const struct strvec *expected)
{
	assert_int_equal(got->n, expected->n);
	for (size_t i = 0; i < got->n; i++)
		expect_text(got->v[i], expected->v[i]);
}

static void expect_steps(const struct refresh_plan *got, const struct refresh_plan *expected)
{
	assert_int_equal(got->n_steps, expected->n_steps);
	for (size_t i = 0; i < got->n_steps; i++) {
		const struct refresh_step *a = &got->steps[i], *b = &expected->steps[i];

		expect_text(a->name, b->name);
		expect_text(a->why, b->why);
		expect_strings(&a->dests, &b->dests);
		assert_int_equal(a->subject, REFRESH_NO_STEP);
		assert_int_equal(a->is_asset, b->is_asset);
		assert_int_equal(a->is_file, b->is_file);
		assert_int_equal(a->one_off, b->one_off);
	}
}

static void expect_plan(const struct refresh_plan *got, const struct refresh_plan *expected)
{
	expect_steps(got, expected);
	assert_int_equal(got->n_removals, expected->n_removals);
	for (size_t i = 0; i < got->n_removals; i++) {
		const struct refresh_removal *a = &got->removals[i], *b = &expected->removals[i];

		expect_text(a->path, b->path);
		expect_text(a->owner, b->owner);
		expect_text(a->hash, b->hash);
		expect_text(a->why, b->why);
		assert_true(a->after == b->after);
		assert_int_equal(a->owner_gone, b->owner_gone);
	}
	expect_strings(&got->waiting, &expected->waiting);
	expect_strings(&got->stale, &expected->stale);
	expect_strings(&got->failed, &expected->failed);
	expect_strings(&got->held, &expected->held);
	assert_int_equal(got->n_builds, expected->n_builds);
	assert_int_equal(got->n_nowhere, expected->n_nowhere);
	assert_int_equal(got->n_elsewhere, expected->n_elsewhere);
	assert_int_equal(got->first_time, expected->first_time);
	assert_int_equal(got->unchecked, expected->unchecked);
}

static void expect_activations(const struct refresh_activations *got, const struct refresh_activations *expected)
{
	assert_int_equal(got->n, expected->n);
	for (size_t i = 0; i < got->n; i++) {
		expect_text(got->v[i].package, expected->v[i].package);
		expect_text(got->v[i].asset, expected->v[i].asset);
		assert_int_equal(got->v[i].need, expected->v[i].need);
		expect_strings(&got->v[i].lines, &expected->v[i].lines);
	}
}

static void expect_event(const struct refresh_event *got, const struct refresh_event *expected)
{
	assert_int_equal(got->type, expected->type);
	assert_true(got->run == expected->run);
	expect_text(got->subject, expected->subject);
	expect_text(got->result, expected->result);
	expect_text(got->text, expected->text);
	expect_text(got->hint, expected->hint);
	expect_text(got->path, expected->path);
	assert_true(got->bytes == expected->bytes);
	assert_true(got->ms == expected->ms);
	assert_int_equal(got->is_whole_run, expected->is_whole_run);
	assert_int_equal(got->position, expected->position);
	assert_int_equal(got->of, expected->of);
	assert_int_equal(got->plan != NULL, expected->plan != NULL);
	if (got->plan)
		expect_plan(got->plan, expected->plan);
	assert_int_equal(got->activations != NULL, expected->activations != NULL);
	if (got->activations)
		expect_activations(got->activations, expected->activations);
}

/* Writes and reads; the line must be one. */
static void there_and_back(const struct refresh_event *event, struct server_line *line)
{
	CLEANUP(str_clear) struct str text = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(server_wire_add_event(&text, event), 0);
	assert_ptr_equal(memchr(text.buf, '\n', text.len), text.buf + text.len - 1);
	assert_true(text.len <= SERVER_WIRE_MAX);
	if (server_wire_read(text.buf, text.len - 1, line, &err) < 0)
		fail_msg("%s: %s", err.message, text.buf);
	assert_int_equal(line->type, SERVER_LINE_EVENT);
}

static void test_every_event_comes_back_as_it_was(void **state)
{
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	bool seen[REFRESH_EVENT_DONE + 1] = { false };

	(void)state;
	make_plan(&plan);
	for (size_t i = 0; i < N_ELEMENTS(examples); i++) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };
		struct refresh_event event = examples[i];

		event.plan = has_plan(event.type) ? &plan : NULL;
		seen[event.type] = true;
		there_and_back(&event, &line);
		expect_event(&line.event, &event);
	}
	for (size_t i = 0; i < N_ELEMENTS(seen); i++)
		assert_true(seen[i]);
}

static void test_an_empty_plan(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	struct refresh_plan plan = { 0 };
	struct refresh_event event = { .type = REFRESH_EVENT_PLAN, .plan = &plan };

	(void)state;
	there_and_back(&event, &line);
	expect_event(&line.event, &event);
}

/* -- what is too long -------------------------------------------------------------------------------------------------------------------------- */

static void test_a_long_text_is_cut_and_says_so(void **state)
{
	static const char *const units[] = { "a", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x01", "\xff" };

	(void)state;
	/* Wherever the cut falls: the units begin at each of four places. */
	for (size_t i = 0; i < 4 * N_ELEMENTS(units); i++) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };
		const char *unit = units[i / 4];
		CLEANUP_FREE char *rest = long_text(unit, 300 << 10);
		CLEANUP_FREE char *text = xasprintf("%.*s%s", (int)(i % 4), "xxx", rest);
		struct refresh_event event = { .type = REFRESH_EVENT_DIAGNOSTIC, .text = text, .subject = text, .hint = text, .path = text };

		there_and_back(&event, &line);
		assert_non_null(strstr(line.event.text, "[the rest was left out]"));
		assert_true(str_ends(line.event.text, "\n"));
		assert_true(strlen(line.event.text) > 127 << 10);
		assert_true(strlen(line.event.text) <= 128 << 10);
		/* A character is not broken: everything before the mark is whole units. */
		assert_int_equal((strstr(line.event.text, "\033[0m...") - line.event.text - (ptrdiff_t)(i % 4)) % (ptrdiff_t)strlen(unit), 0);
	}
}

static void test_a_long_plan_goes_without_its_whys(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	CLEANUP_FREE char *why = long_text("why ", 8000);
	struct refresh_event event = { .type = REFRESH_EVENT_PLAN, .plan = &plan };

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		grow_array(&plan.steps, &plan.cap, plan.n_steps, sizeof(*plan.steps));
		plan.steps[plan.n_steps++] = (struct refresh_step){ .name = "netd", .why = xstrdup(why) };
	}
	there_and_back(&event, &line);
	assert_int_equal(line.plan.n_steps, 200);
	assert_null(line.plan.steps[199].why);
}

static void test_a_plan_that_is_too_long_even_so_is_an_error(void **state)
{
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	CLEANUP(str_clear) struct str text = { 0 };
	CLEANUP_FREE char *name = long_text("n", 8000);
	struct refresh_event event = { .type = REFRESH_EVENT_PLAN, .plan = &plan };

	(void)state;
	for (size_t i = 0; i < 200; i++)
		strvec_add(&plan.stale, name);
	assert_int_equal(server_wire_add_event(&text, &event), -EMSGSIZE);
	assert_int_equal(text.len, 0);
}

/* -- the other lines --------------------------------------------------------------------------------------------------------------------------- */

static void test_greeting(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str text = { 0 };
	struct server_greeting greeting = { .pid = 4711, .config = "/a/" NO_UTF8 "/reinject.ini", .image = NULL, .digest = "d1" };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(server_wire_add_greeting(&text, &greeting), 0);
	assert_int_equal(read_line(text.buf, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_GREETING);
	assert_int_equal(line.greeting.pid, 4711);
	expect_text(line.greeting.config, greeting.config);
	expect_text(line.greeting.image, NULL);
	expect_text(line.greeting.digest, "d1");
}

static void test_another_version_is_refused_with_a_sentence(void **state)
{
	static const char *const versions[] = { "2", "99999999999" };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(versions); i++) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };
		CLEANUP(server_wish_clear) struct server_wish wish = { 0 };
		CLEANUP_FREE char *greeting = xasprintf("{\"reinject\":%s,\"something\":\"new\"}", versions[i]);
		CLEANUP_FREE char *asked = xasprintf("{\"reinject\":%s,\"wish\":\"dance\"}", versions[i]);

		assert_int_equal(read_line(greeting, &line, &err), -EPROTONOSUPPORT);
		assert_non_null(strstr(err.message, versions[i]));
		assert_int_equal(err.class, ERR_ENVIRONMENT);
		assert_true(err.hint[0]);
		assert_int_equal(server_wire_read_wish(asked, strlen(asked), &wish, &err), -EPROTONOSUPPORT);
	}
}

static void test_an_end_keeps_code_class_sentence_and_hint(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str text = { 0 };
	struct err err = ERR_INIT, said = ERR_INIT;

	(void)state;
	err_class_set(&said, ERR_BUSY, -EBUSY, "image '%s' is in use", NO_UTF8);
	err_hint(&said, "wait");
	assert_int_equal(server_wire_add_end(&text, 75, &said), 0);
	assert_int_equal(read_line(text.buf, &line, &err), 0);
	assert_int_equal(line.type, SERVER_LINE_END);
	assert_int_equal(line.status, 75);
	assert_int_equal(line.err.code, -EBUSY);
	assert_int_equal(line.err.class, ERR_BUSY);
	expect_text(line.err.message, said.message);
	expect_text(line.err.hint, "wait");
}

static void test_an_end_without_an_error(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	CLEANUP(str_clear) struct str text = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(server_wire_add_end(&text, 1, &err), 0);
	assert_int_equal(read_line(text.buf, &line, &err), 0);
	assert_int_equal(line.status, 1);
	assert_int_equal(line.err.class, 0);
	assert_int_equal(line.err.code, 0);
}

static void test_status(void **state)
{
	static const enum server_watch_state states[] = { SERVER_WATCH_IDLE, SERVER_WATCH_BUILDING, SERVER_WATCH_PAUSED, SERVER_WATCH_WAITING };
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(states); i++) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };
		CLEANUP(str_clear) struct str text = { 0 };
		struct server_watch_status status = {
			.pid = 5, .state = states[i], .doing = i ? "netd" : NULL, .run = (int64_t)i, .since_ms = 9
		};
		struct server_watch_status got = { 0 };

		assert_int_equal(server_wire_add_reply(&text, server_wire_status(&status)), 0);
		assert_int_equal(read_line(text.buf, &line, &err), 0);
		assert_int_equal(server_wire_read_status(&line, &got, &err), 0);
		assert_int_equal(got.pid, 5);
		assert_int_equal(got.state, states[i]);
		expect_text(got.doing, status.doing);
		assert_int_equal(got.run, i);
		assert_int_equal(got.since_ms, 9);
	}
}

static void test_a_wish_comes_back_as_it_was(void **state)
{
	CLEANUP(server_wish_clear) struct server_wish wish = { .kind = SERVER_WISH_BUILD, .wait_s = 86400, .dest = xstrdup("/usr/" NO_UTF8) };
	CLEANUP(server_wish_clear) struct server_wish got = { 0 };
	CLEANUP(str_clear) struct str text = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	strvec_add(&wish.packages, "netd");
	strvec_add(&wish.packages, "odd_pkg");
	assert_int_equal(server_wire_add_wish(&text, &wish), 0);
	assert_int_equal(server_wire_read_wish(text.buf, text.len - 1, &got, &err), 0);
	assert_int_equal(got.kind, SERVER_WISH_BUILD);
	expect_strings(&got.packages, &wish.packages);
	expect_text(got.dest, wish.dest);
	assert_int_equal(got.wait_s, wish.wait_s);
	assert_false(got.retry);
}

static void test_each_kind_of_wish(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	for (int kind = SERVER_WISH_REFRESH; kind <= SERVER_WISH_WAIT; kind++) {
		CLEANUP(server_wish_clear)
		struct server_wish wish = { .kind = (enum server_wish_kind)kind, .retry = kind == SERVER_WISH_REFRESH };
		CLEANUP(server_wish_clear) struct server_wish got = { 0 };
		CLEANUP(str_clear) struct str text = { 0 };

		if (kind == SERVER_WISH_BUILD)
			strvec_add(&wish.packages, "netd");
		assert_int_equal(server_wire_add_wish(&text, &wish), 0);
		assert_int_equal(server_wire_read_wish(text.buf, text.len - 1, &got, &err), 0);
		assert_int_equal(got.kind, kind);
		assert_int_equal(got.retry, wish.retry);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_event_comes_back_as_it_was),
		cmocka_unit_test(test_an_empty_plan),
		cmocka_unit_test(test_a_long_text_is_cut_and_says_so),
		cmocka_unit_test(test_a_long_plan_goes_without_its_whys),
		cmocka_unit_test(test_a_plan_that_is_too_long_even_so_is_an_error),
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_another_version_is_refused_with_a_sentence),
		cmocka_unit_test(test_an_end_keeps_code_class_sentence_and_hint),
		cmocka_unit_test(test_an_end_without_an_error),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_a_wish_comes_back_as_it_was),
		cmocka_unit_test(test_each_kind_of_wish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
