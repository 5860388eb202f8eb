/* Every event there and back; and whatever comes in that is none is refused without harm. The mutations are seeded: a failure can be seen again. */
#include "server/codec.h"
#include "server/wire.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#define COLORED "\033[1;31merror\033[0m: mismatched \"types\"\n  --> src/caf\xc3\xa9.rs:1:1\n\ttab\\ \x01\x7f\n"
#define NO_UTF8 "drivers/n\xff\xc0\xafon\xed\xa0\x80utf8"

/* -- the events -------------------------------------------------------------------------------------------------------------------------------- */

static void make_plan(struct refresh_plan *plan)
{
	struct refresh_step *steps = xcalloc(3, sizeof(*steps));
	struct refresh_removal *removals = xcalloc(2, sizeof(*removals));

	steps[0] = (struct refresh_step){ .subject = REFRESH_NO_STEP, .name = "netd", .why = xstrdup("src/lib.rs, through " NO_UTF8) };
	strvec_add(&steps[0].dests, "/usr/lib/drivers");
	strvec_add(&steps[0].dests, "/usr/bin/" NO_UTF8);
	steps[1] = (struct refresh_step){ .subject = REFRESH_NO_STEP, .name = "conf", .is_asset = true, .one_off = true };
	steps[2] = (struct refresh_step){ .subject = REFRESH_NO_STEP, .name = NO_UTF8, .is_asset = true, .is_file = true };
	removals[0] = (struct refresh_removal){
		.path = xstrdup("/usr/bin/old"), .owner = xstrdup("package old"), .hash = xstrdup("abc"), .why = xstrdup("gone"), .after = 0
	};
	removals[1] = (struct refresh_removal){
		.path = xstrdup("/" NO_UTF8), .owner = xstrdup("asset x"), .after = REFRESH_NO_STEP, .owner_gone = true
	};
	*plan = (struct refresh_plan){ .steps = steps,
				       .n_steps = 3,
				       .cap = 3,
				       .n_builds = 1,
				       .removals = removals,
				       .n_removals = 2,
				       .cap_removals = 2,
				       .n_nowhere = 4,
				       .n_elsewhere = 5,
				       .first_time = true,
				       .unchecked = true };
	strvec_add(&plan->waiting, "later");
	strvec_add(&plan->stale, "netd");
	strvec_add(&plan->failed, "bad");
	strvec_add(&plan->held, "held-one");
	strvec_add(&plan->held, NO_UTF8);
}

static struct refresh_activation activation_array[] = {
	{ .package = (char *)"netd",
	  .need = REFRESH_NEED_CONSOLE,
	  .lines = { .v = (char *[]){ (char *)"restart", (char *)NO_UTF8, NULL }, .n = 2 } },
	{ .package = (char *)NO_UTF8, .need = REFRESH_NEED_REBOOT },
	{ .asset = (char *)"conf", .need = REFRESH_NEED_NONE },
};
static const struct refresh_activations activations = { .v = activation_array, .n = N_ELEMENTS(activation_array) };
static const struct refresh_activations no_activations;

static const struct refresh_event examples[] = {
	{ .type = REFRESH_EVENT_CHANGE, .run = 7 },
	{ .type = REFRESH_EVENT_PLAN, .run = INT64_MAX },
	{ .type = REFRESH_EVENT_BUILDING, .run = 7, .subject = "netd", .text = "src/main.rs", .position = 1, .of = 67 },
	{ .type = REFRESH_EVENT_TICK, .run = 7 },
	{ .type = REFRESH_EVENT_PROGRESS, .text = "   Compiling netd v0.1.0 (" NO_UTF8 ")" },
	{ .type = REFRESH_EVENT_DIAGNOSTIC, .text = COLORED },
	{ .type = REFRESH_EVENT_DIAGNOSTIC, .text = COLORED NO_UTF8 },
	{ .type = REFRESH_EVENT_BUILD, .run = 7, .subject = "netd", .result = "ok", .ms = 1234 },
	{ .type = REFRESH_EVENT_BUILD, .run = 7, .subject = "netd", .result = "fresh" },
	{ .type = REFRESH_EVENT_BUILD, .run = 7, .subject = "netd", .result = "failed", .ms = 1, .text = "cargo exited with 101" },
	{ .type = REFRESH_EVENT_PUT, .run = 7, .subject = "netd", .path = "/usr/bin/" NO_UTF8, .result = "written", .bytes = INT64_MAX },
	{ .type = REFRESH_EVENT_PUT, .run = 7, .subject = "netd", .path = "/usr/bin/netd", .result = "identical" },
	{ .type = REFRESH_EVENT_REMOVE, .run = 7, .subject = "package old", .path = "/old", .result = "removed", .text = "gone", .bytes = 5 },
	{ .type = REFRESH_EVENT_REMOVE, .run = 7, .path = "/old", .result = "absent" },
	{ .type = REFRESH_EVENT_REMOVE, .run = 7, .path = "/old", .result = "kept" },
	{ .type = REFRESH_EVENT_SWAP, .run = 7, .path = "/home/u/disk.img", .ms = 212 },
	{ .type = REFRESH_EVENT_ADOPT, .run = 7, .subject = "package netd", .result = "adopted" },
	{ .type = REFRESH_EVENT_ADOPT, .run = 7, .subject = "asset conf", .result = "absent", .path = "/etc/conf" },
	{ .type = REFRESH_EVENT_SWAP, .run = 7, .path = "/d", .activations = &activations },
	{ .type = REFRESH_EVENT_SWAP, .run = 7, .path = "/d", .activations = &no_activations },
	{ .type = REFRESH_EVENT_READY, .bytes = 412, .text = "2 sources" },
	{ .type = REFRESH_EVENT_STATE, .result = "building", .subject = "netd" },
	{ .type = REFRESH_EVENT_STATE, .result = "waiting" },
	{ .type = REFRESH_EVENT_NOTE, .text = "" },
	{ .type = REFRESH_EVENT_WARNING, .subject = "netd", .text = "no folder '/x'", .hint = "make it" },
	{ .type = REFRESH_EVENT_DONE, .run = 7, .result = "ok", .ms = 99 },
	{ .type = REFRESH_EVENT_DONE, .run = 7, .result = "failed", .text = "no room", .is_whole_run = true, .ms = -1 },
	{ .type = REFRESH_EVENT_DONE, .run = 7, .result = "cancelled", .is_whole_run = true },
	{ .type = REFRESH_EVENT_DONE, .result = "nothing" },
};

static bool has_plan(enum refresh_event_type type)
{
	return type == REFRESH_EVENT_CHANGE || type == REFRESH_EVENT_PLAN;
}

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

static char *long_text(const char *unit, size_t n)
{
	struct str s = { 0 };

	while (s.len < n)
		str_add(&s, unit);
	return str_take(&s);
}

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

static int read_line(const char *text, struct server_line *ret, struct err *err)
{
	size_t n = strlen(text);

	return server_wire_read(text, n > 0 && text[n - 1] == '\n' ? n - 1 : n, ret, err);
}

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

/* -- what a stranger may say ------------------------------------------------------------------------------------------------------------------- */

static void test_a_wish_that_makes_no_sense_is_refused(void **state)
{
	static const char *const wishes[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"reinject\":1}",
		"{\"wish\":\"refresh\"}",
		"{\"reinject\":true,\"wish\":\"refresh\"}",
		"{\"reinject\":1,\"wish\":\"dance\"}",
		"{\"reinject\":1,\"wish\":7}",
		"{\"reinject\":1,\"wish\":\"refresh\"} x",
		"{\"reinject\":1,\"wish\":\"refresh\",\"wish\":\"build\"}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"retry\":1}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":\"netd\"}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[null]}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[\"\"]}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[\"--config\"]}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[\"/etc\"]}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[\"a\\nb\"]}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[\"a\\u0000b\"]}",
		"{\"reinject\":1,\"wish\":\"build\"}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[]}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":\"usr\"}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":\"/usr/../etc\"}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":\"/..\"}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":{\"hex\":\"2f2e2e\"}}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":{\"hex\":\"2f00\"}}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":{\"hex\":\"2f2\"}}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"dest\":{\"hex\":\"2fG0\"}}",
		"{\"reinject\":1,\"wish\":\"build\",\"packages\":[\"a\"],\"retry\":true}",
		"{\"reinject\":1,\"wish\":\"refresh\",\"dest\":\"/usr\"}",
		"{\"reinject\":1,\"wish\":\"status\",\"packages\":[\"a\"]}",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(wishes); i++) {
		struct server_wish wish = { 0 };
		struct err err = ERR_INIT;

		if (server_wire_read_wish(wishes[i], strlen(wishes[i]), &wish, &err) != -EPROTO)
			fail_msg("taken: %s", wishes[i]);
		assert_true(err.message[0]);
		assert_null(wish.packages.v);
		assert_null(wish.dest);
	}
}

static void test_a_long_package_name_and_too_many_of_them_are_refused(void **state)
{
	CLEANUP(server_wish_clear) struct server_wish wish = { 0 };
	CLEANUP_FREE char *name = long_text("n", 256);
	CLEANUP_FREE char *named = xasprintf("{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[\"%s\"]}", name);
	CLEANUP_FREE char *names = long_text("\"n\",", 5000 * 4);
	CLEANUP_FREE char *many = xasprintf("{\"reinject\":1,\"wish\":\"refresh\",\"packages\":[%s\"n\"]}", names);
	CLEANUP_FREE char *blanks = long_text(" ", SERVER_WIRE_MAX_WISH);
	CLEANUP_FREE char *wide = xasprintf("{\"reinject\":1,\"wish\":\"refresh\"%s}", blanks);

	(void)state;
	assert_int_equal(server_wire_read_wish(named, strlen(named), &wish, NULL), -EPROTO);
	assert_int_equal(server_wire_read_wish(many, strlen(many), &wish, NULL), -EPROTO);
	assert_int_equal(server_wire_read_wish(wide, strlen(wide), &wish, NULL), -EPROTO);
	strvec_copy(&wish.packages, &(struct strvec){ .v = (char *[]){ blanks, NULL }, .n = 1 });
	assert_int_equal(server_wire_add_wish(&(struct str){ 0 }, &wish), -EMSGSIZE);
}

/* Each of these would have cli/ui print nonsense, or worse, follow a NULL. */
static void test_lines_that_lack_what_their_readers_need_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"{",
		"{}",
		"[1]",
		"\"event\"",
		"{\"event\":\"dance\"}",
		"{\"event\":3}",
		"{\"event\":\"plan\"}",
		"{\"event\":\"plan\",\"plan\":[]}",
		"{\"event\":\"plan\",\"plan\":{}}",
		"{\"event\":\"change\"}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[{}],\"removals\":[]}}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[{\"name\":\"a\",\"kind\":\"cow\"}],\"removals\":[]}}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[],\"removals\":[],\"builds\":1}}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[],\"removals\":[{\"path\":\"/a\"}]}}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[],\"removals\":[{\"path\":\"/a\",\"owner\":\"file\",\"after\":0}]}}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[],\"removals\":[],\"stale\":[1]}}",
		"{\"event\":\"plan\",\"plan\":{\"steps\":[],\"removals\":[],\"nowhere\":-1}}",
		"{\"event\":\"building\",\"subject\":\"a\"}",
		"{\"event\":\"building\",\"text\":\"a\"}",
		"{\"event\":\"building\",\"subject\":\"a\",\"text\":\"b\",\"position\":-1}",
		"{\"event\":\"building\",\"subject\":\"a\",\"text\":\"b\",\"of\":99999999999}",
		"{\"event\":\"progress\"}",
		"{\"event\":\"note\"}",
		"{\"event\":\"warning\",\"text\":null}",
		"{\"event\":\"diagnostic\",\"text\":5}",
		"{\"event\":\"build\",\"subject\":\"a\"}",
		"{\"event\":\"build\",\"subject\":\"a\",\"result\":\"written\"}",
		"{\"event\":\"build\",\"result\":\"ok\"}",
		"{\"event\":\"put\",\"result\":\"written\"}",
		"{\"event\":\"put\",\"path\":\"/a\",\"result\":\"written\",\"bytes\":-1}",
		"{\"event\":\"put\",\"path\":\"/a\",\"result\":\"written\",\"bytes\":1.5}",
		"{\"event\":\"swap\"}",
		"{\"event\":\"swap\",\"path\":\"/a\",\"result\":\"ok\"}",
		"{\"event\":\"adopt\",\"result\":\"adopted\"}",
		"{\"event\":\"adopt\",\"result\":\"adopted\",\"subject\":\"netd\"}",
		"{\"event\":\"done\"}",
		"{\"event\":\"done\",\"result\":\"good\"}",
		"{\"event\":\"state\"}",
		"{\"event\":\"state\",\"result\":\"asleep\"}",
		"{\"event\":\"swap\",\"path\":\"/a\",\"activations\":{}}",
		"{\"event\":\"swap\",\"path\":\"/a\",\"activations\":[{}]}",
		"{\"event\":\"swap\",\"path\":\"/a\",\"activations\":[{\"package\":\"a\",\"need\":\"sleep\"}]}",
		"{\"event\":\"swap\",\"path\":\"/a\",\"activations\":[{\"need\":\"none\"}]}",
		"{\"event\":\"tick\",\"result\":\"ok\"}",
		"{\"event\":\"done\",\"result\":\"ok\",\"run\":\"1\"}",
		"{\"event\":\"done\",\"result\":\"ok\",\"is_whole_run\":1}",
		"{\"reinject\":1}",
		"{\"reinject\":\"1\",\"config\":\"/a\",\"digest\":\"\"}",
		"{\"reinject\":1,\"config\":\"/a\"}",
		"{\"reinject\":1,\"config\":7,\"digest\":\"d\"}",
		"{\"reply\":1}",
		"{\"end\":-1}",
		"{\"end\":256}",
		"{\"end\":\"0\"}",
		"{\"end\":1,\"code\":-5}",
		"{\"end\":1,\"class\":1}",
		"{\"end\":1,\"code\":5,\"class\":1}",
		"{\"end\":1,\"code\":-5000,\"class\":1}",
		"{\"end\":1,\"code\":-5,\"class\":4}",
		"{\"end\":0,\"code\":-5,\"class\":1}",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lines); i++) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };
		struct err err = ERR_INIT;

		if (read_line(lines[i], &line, &err) != -EPROTO)
			fail_msg("taken: %s", lines[i]);
		assert_true(err.message[0]);
	}
}

static void test_unknown_keys_are_passed_over(void **state)
{
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(read_line("{\"event\":\"done\",\"result\":\"ok\",\"weather\":[1,{\"a\":2}]}", &line, &err), 0);
}

static void test_a_line_over_the_limit_is_not_even_parsed(void **state)
{
	CLEANUP_FREE char *blanks = long_text(" ", SERVER_WIRE_MAX);
	CLEANUP(server_line_clear) struct server_line line = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	memcpy(blanks, "{\"alive\":true}", 14);
	assert_int_equal(server_wire_read(blanks, SERVER_WIRE_MAX, &line, &err), -EPROTO);
	assert_null(line.root);
	assert_int_equal(server_wire_read(blanks, SERVER_WIRE_MAX - 1, &line, &err), 0);
}

static void test_what_is_nested_without_end_is_refused(void **state)
{
	CLEANUP_FREE char *brackets = long_text("[", SERVER_WIRE_MAX - 100);
	CLEANUP_FREE char *line = xasprintf("{\"event\":%s", brackets);
	CLEANUP_FREE char *wish = xasprintf("{\"reinject\":1,\"packages\":%.60000s", brackets);
	CLEANUP(server_line_clear) struct server_line got = { 0 };
	struct server_wish none = { 0 };

	(void)state;
	assert_int_equal(server_wire_read(line, strlen(line), &got, NULL), -EPROTO);
	assert_int_equal(server_wire_read_wish(wish, strlen(wish), &none, NULL), -EPROTO);
}

/* -- mutations --------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static const char *const words[] = { "null",    "-1",   "{}", "[]", "\"\"", "true", "1e9", "99999999999999999999", "{\"hex\":\"ff\"}",
				     "\\u0000", "\xff", "\"" };

static void mutate(struct str *text, uint64_t *seed)
{
	for (uint64_t n = 1 + random_next(seed) % 4; n > 0 && text->len > 2; n--) {
		size_t at = random_next(seed) % text->len, m = random_next(seed) % 12;
		const char *word = words[random_next(seed) % N_ELEMENTS(words)];
		CLEANUP_FREE char *rest = NULL;

		if (m < 4) {
			text->buf[at] = (char)(random_next(seed) % 256);
			continue;
		}
		/* A piece is left out, or replaced by what is JSON elsewhere. */
		rest = xstrndup(text->buf + at, text->len - at);
		text->len = at;
		if (m < 8)
			str_add(text, word);
		str_add(text, rest + (strlen(rest) < m ? strlen(rest) : m));
	}
}

/* What cli/ui relies on, followed to its end: under ASan a dangling text is seen. */
static size_t use(const struct server_line *line)
{
	const struct refresh_event *event = &line->event;
	const char *texts[] = {
		event->subject, event->result, event->text, event->hint, event->path, line->greeting.config, line->greeting.image
	};
	size_t n = 0;

	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		n += texts[i] ? strlen(texts[i]) : 0;
	for (size_t i = 0; i < line->plan.n_steps; i++)
		n += strlen(line->plan.steps[i].name);
	for (size_t i = 0; i < line->plan.n_removals; i++) {
		assert_true(line->plan.removals[i].after == REFRESH_NO_STEP || line->plan.removals[i].after < line->plan.n_steps);
		n += strlen(line->plan.removals[i].path) + strlen(line->plan.removals[i].owner);
	}
	for (size_t i = 0; i < line->activations.n; i++) {
		assert_true(line->activations.v[i].need <= REFRESH_NEED_NONE);
		n += line->activations.v[i].lines.n;
	}
	return n + strlen(line->err.message);
}

static void add_seeds(struct strvec *seeds)
{
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	CLEANUP(str_clear) struct str text = { 0 };
	struct server_greeting greeting = { .pid = 1, .config = "/c", .image = "/i", .digest = "d" };
	struct server_wish wish = { .kind = SERVER_WISH_BUILD,
				    .dest = (char *)"/usr/bin",
				    .packages = { .v = (char *[]){ (char *)"a", NULL }, .n = 1 } };
	struct err err = ERR_INIT;

	make_plan(&plan);
	err_set(&err, -EIO, "it failed");
	for (size_t i = 0; i < N_ELEMENTS(examples); i++) {
		struct refresh_event event = examples[i];

		event.plan = has_plan(event.type) ? &plan : NULL;
		assert_int_equal(server_wire_add_event(&text, &event), 0);
		strvec_take(seeds, str_take(&text));
	}
	assert_int_equal(server_wire_add_greeting(&text, &greeting), 0);
	strvec_take(seeds, str_take(&text));
	assert_int_equal(server_wire_add_end(&text, 1, &err), 0);
	strvec_take(seeds, str_take(&text));
	assert_int_equal(server_wire_add_reply(&text, server_wire_status(&(struct server_watch_status){ .pid = 1, .doing = "a" })), 0);
	strvec_take(seeds, str_take(&text));
	assert_int_equal(server_wire_add_wish(&text, &wish), 0);
	strvec_take(seeds, str_take(&text));
}

static void test_mutated_lines_do_no_harm(void **state)
{
	CLEANUP(strvec_clear) struct strvec seeds = { 0 };
	uint64_t seed = 0x5eed5eed5eed5eedULL;
	size_t taken = 0, refused = 0, used = 0;

	(void)state;
	add_seeds(&seeds);
	for (size_t i = 0; i < 20000; i++) {
		CLEANUP(server_line_clear) struct server_line line = { 0 };
		CLEANUP(server_wish_clear) struct server_wish wish = { 0 };
		CLEANUP(str_clear) struct str text = { 0 };
		struct server_watch_status status = { 0 };
		struct err err = ERR_INIT;

		str_add(&text, seeds.v[i % seeds.n]);
		mutate(&text, &seed);
		if (server_wire_read(text.buf, text.len, &line, &err) == 0) {
			taken++;
			used += use(&line);
			if (line.type == SERVER_LINE_REPLY)
				(void)!server_wire_read_status(&line, &status, &err);
		} else {
			refused++;
			assert_true(err.message[0]);
		}
		if (server_wire_read_wish(text.buf, text.len, &wish, &err) == 0)
			assert_true(wish.kind <= SERVER_WISH_WAIT);
	}
	/* Mutations that are all refused, or none, would prove nothing. */
	assert_true(taken > 500);
	assert_true(refused > 5000);
	assert_true(used > 0);
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
		cmocka_unit_test(test_a_wish_that_makes_no_sense_is_refused),
		cmocka_unit_test(test_a_long_package_name_and_too_many_of_them_are_refused),
		cmocka_unit_test(test_lines_that_lack_what_their_readers_need_are_refused),
		cmocka_unit_test(test_unknown_keys_are_passed_over),
		cmocka_unit_test(test_a_line_over_the_limit_is_not_even_parsed),
		cmocka_unit_test(test_what_is_nested_without_end_is_refused),
		cmocka_unit_test(test_mutated_lines_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
