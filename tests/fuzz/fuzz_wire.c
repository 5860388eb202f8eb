/* What comes in on the watch's socket, from either side. A line that is taken can be said again, and means the same. */
#include "fuzz.h"

#include "server/wire.h"

static void check_wish(const char *text, size_t n)
{
	struct server_wish wish = { 0 }, again = { 0 };
	struct str said = { 0 };

	if (server_wire_read_wish(text, n, &wish, NULL) == 0 && server_wire_add_wish(&said, &wish) == 0) {
		FUZZ_CHECK(said.len > 0 && said.buf[said.len - 1] == '\n' && !memchr(said.buf, '\n', said.len - 1));
		FUZZ_CHECK(server_wire_read_wish(said.buf, said.len - 1, &again, NULL) == 0);
		FUZZ_CHECK(again.kind == wish.kind && again.retry == wish.retry && again.wait_s == wish.wait_s);
		FUZZ_CHECK(strvec_same(&again.packages, &wish.packages) && str_eq(again.dest, wish.dest));
	}
	server_wish_clear(&wish);
	server_wish_clear(&again);
	str_clear(&said);
}

static int say(struct str *to, const struct server_line *line)
{
	switch (line->type) {
	case SERVER_LINE_GREETING:
		return server_wire_add_greeting(to, &line->greeting);
	case SERVER_LINE_EVENT:
		return server_wire_add_event(to, &line->event);
	case SERVER_LINE_END:
		return server_wire_add_end(to, line->status, &line->err);
	case SERVER_LINE_REPLY:
		return server_wire_add_reply(to, json_incref(line->reply));
	default:
		return server_wire_add_alive(to);
	}
}

static void check_status(struct server_line *line)
{
	struct server_watch_status status = { 0 };

	if (line->type == SERVER_LINE_REPLY && server_wire_read_status(line, &status, NULL) == 0)
		FUZZ_CHECK(server_watch_state_name(status.state) && status.run >= 0);
}

/* Once said by us, it must come back, and be said in the same words again. */
static void check_line(const char *text, size_t n)
{
	struct server_line line = { 0 }, again = { 0 };
	struct str said = { 0 }, twice = { 0 };

	if (server_wire_read(text, n, &line, NULL) == 0 && say(&said, &line) == 0) {
		check_status(&line);
		FUZZ_CHECK(server_wire_read(said.buf, said.len - 1, &again, NULL) == 0 && again.type == line.type);
		FUZZ_CHECK(say(&twice, &again) == 0 && str_eq(str_text(&said), str_text(&twice)));
	}
	server_line_clear(&line);
	server_line_clear(&again);
	str_clear(&said);
	str_clear(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	check_wish((const char *)data, n);
	check_line((const char *)data, n);
	return 0;
}
