/* What the tests of watcher/events share, beside lib/eventbox. */
#ifndef REINJECT_TESTS_TEST_EVENTS_H
#define REINJECT_TESTS_TEST_EVENTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/eventbox.h"

static inline int setup(void **data)
{
	*data = eventbox_make();
	return 0;
}

static inline int setup_started(void **data)
{
	setup(data);
	eventbox_start(*data);
	return 0;
}

static inline int teardown(void **data)
{
	eventbox_free(*data);
	return 0;
}

static inline void move(struct eventbox *box, const char *from, const char *to)
{
	CLEANUP_FREE char *a = xasprintf("%s/%s", box->git->dir, from), *b = xasprintf("%s/%s", box->git->dir, to);

	assert_int_equal(rename(a, b), 0);
}

static inline void remove_tree(struct eventbox *box, const char *path)
{
	CLEANUP_FREE char *full = xasprintf("%s/%s", box->git->dir, path);

	assert_int_equal(fs_remove_tree(full, NULL), 0);
}

static inline void expect_restart(struct eventbox *box)
{
	eventbox_wait(box, eventbox_has_restart, NULL);
	eventbox_forget(box);
	eventbox_restart(box);
	assert_int_equal(watcher_events_problems(box->events)->n, 0);
}

#endif
