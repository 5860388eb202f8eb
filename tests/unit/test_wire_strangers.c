/* What a stranger may say to the socket: lines and wishes that make no sense, that are too long, or that were right before they were mutated. */
#include "test_wire.h"

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
