/* cli/verbs - what the verbs that refresh, build or inject do alike. */
#ifndef REINJECT_CLI_VERBS_H
#define REINJECT_CLI_VERBS_H

#include "cli/cli.h"
#include "refresh/run.h"

/** --wait-lock and -n, for the tables of the verbs that change an image. */
#define CLI_OPTION_WAIT_LOCK                                                                                                                    \
	{                                                                                                                                       \
		"wait-lock", 0, "SECONDS", "wait so long for another run that holds the image (0)"                                              \
	}
#define CLI_OPTION_DRY_RUN                                                                                                                      \
	{                                                                                                                                       \
		"dry-run", 'n', NULL, "print what would be done, and do nothing; with -v the command lines too"                                 \
	}

/** The seconds of --wait-lock. */
int cli_wait_lock(const struct cli_context *ctx, uint32_t *ret, struct err *err) MUST_CHECK;

/** Opens the session for change, telling what was recovered. */
int cli_open_session(struct cli_context *ctx, bool read_only, struct refresh_session **ret, struct err *err) MUST_CHECK;

/** Runs @request, or with -n prints its plan; sets ctx->status. */
int cli_refresh(struct cli_context *ctx, const char *verb, const struct refresh_request *request, struct err *err) MUST_CHECK;

/** A run of another kind than a refresh, of what @what says. */
typedef int cli_do_fn(struct refresh_session *session, const void *what, const struct refresh_args *args, enum refresh_result *ret,
		      struct err *err);

/** Does it with the image locked, telling what happens; sets ctx->status. */
int cli_do(struct cli_context *ctx, const char *verb, cli_do_fn *fn, const void *what, struct err *err) MUST_CHECK;

/** Checks a destination's words before anything is done: absolute, without '..'. Class ERR_USAGE. */
int cli_check_dest(const struct cli_context *ctx, const char *dest, struct err *err) MUST_CHECK;

#endif
