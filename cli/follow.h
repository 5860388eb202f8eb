/* cli/follow - beside a running watch the verbs do not work themselves: they hand their wish over and follow (server/client).
 *
 * A watch that has another configuration or another image is no help, and one that does not answer cannot be waited for: the verb goes on alone
 * then, and is busy (75) only if that watch happens to hold the image. */
#ifndef REINJECT_CLI_FOLLOW_H
#define REINJECT_CLI_FOLLOW_H

#include "cli/ui.h"
#include "server/client.h"
#include "refresh/run.h"

/** Hands @request of @verb ('refresh', 'build') over and prints by @ui what comes of it. Returns 1 with @ret when the watch has done it; 0 when there
 * is none to do it, and nothing was done; or the error that the run ended with. */
int cli_follow(struct cli_context *ctx, const char *verb, const struct refresh_request *request, struct cli_ui *ui, enum refresh_result *ret,
	       struct err *err) MUST_CHECK;

/** What is known of the watch, for `status`. */
struct cli_watch {
	pid_t pid;     /* 0: none runs for this configuration */
	bool answered; /* else only the pid is known */
	struct server_watch_status status;
	struct server_client *client; /* owned; status borrows from it */
};

/** Asks within half a second. A watch that cannot be asked is a warning, not an error. */
void cli_watch_ask(struct cli_context *ctx, struct cli_watch *ret);
void cli_watch_clear(struct cli_watch *watch);

/** {"pid":N,"state":"idle|building|paused|waiting|unknown","doing":TEXT|null,"run":N|null,"since_ms":N|null}, or null. */
json_t *cli_watch_json(const struct cli_watch *watch);
void cli_watch_print(const struct cli_watch *watch);

#endif
