/* What the tests of server/wire share: an event of each kind, and a plan. */
#ifndef REINJECT_TESTS_TEST_WIRE_H
#define REINJECT_TESTS_TEST_WIRE_H

#include "server/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

#include <errno.h>
#include <string.h>

#define COLORED "\033[1;31merror\033[0m: mismatched \"types\"\n  --> src/caf\xc3\xa9.rs:1:1\n\ttab\\ \x01\x7f\n"
#define NO_UTF8 "drivers/n\xff\xc0\xafon\xed\xa0\x80utf8"

static inline void make_plan(struct refresh_plan *plan)
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

static inline bool has_plan(enum refresh_event_type type)
{
	return type == REFRESH_EVENT_CHANGE || type == REFRESH_EVENT_PLAN;
}

static inline char *long_text(const char *unit, size_t n)
{
	struct str s = { 0 };

	while (s.len < n)
		str_add(&s, unit);
	return str_take(&s);
}

static inline int read_line(const char *text, struct server_line *ret, struct err *err)
{
	size_t n = strlen(text);

	return server_wire_read(text, n > 0 && text[n - 1] == '\n' ? n - 1 : n, ret, err);
}

#endif
