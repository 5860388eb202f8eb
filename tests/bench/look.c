/* bench/look - one look at all packages in a process that holds the index: DIR ROUNDS. A line 'MILLISECONDS' for each look after the first on stdout,
 * the first one's time and the memory then on stderr. */
#include "base/clock.h"
#include "refresh/session.h"

#include <stdio.h>
#include <string.h>

static int fail(const struct err *err)
{
	fprintf(stderr, "bench: %s\n", err->message);
	return 1;
}

static int look(struct refresh_session *session, double *ret_ms, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	int64_t before = clock_us();
	int r = refresh_session_look(session, &look, err);

	*ret_ms = (double)(clock_us() - before) / 1e3;
	return r;
}

int main(int argc, char **argv)
{
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(cancel_clear) struct cancel cancel = { .fds = { -1, -1 } };
	struct config_args config_args = { .dir = argc == 3 ? argv[1] : "." };
	struct refresh_session_args args = { .read_only = true };
	struct err err = ERR_INIT;
	double ms;

	if (argc != 3)
		return 2;
	if (config_load(&config_args, &config, &problems, &err) < 0 || refresh_session_open(config, &args, &cancel, &session, NULL, &err) < 0 ||
	    look(session, &ms, &err) < 0)
		return fail(&err);
	fprintf(stderr, "first %.1f\n", ms);
	for (long i = strtol(argv[2], NULL, 10); i > 0; i--) {
		if (look(session, &ms, &err) < 0)
			return fail(&err);
		printf("%.2f\n", ms);
	}
	return 0;
}
