/* cli/ui - what a run tells, as lines for a person (stderr) or JSON lines for a program (stdout).
 *
 * For a person: one line for each thing that happened; on a terminal a live line below them while something runs. rustc's diagnostics pass through as
 * they are, without their colours where colour is off.
 * Threads: the run's. */
#ifndef REINJECT_CLI_UI_H
#define REINJECT_CLI_UI_H

#include "cli/cli.h"
#include "refresh/event.h"

#include <jansson.h>

struct cli_ui {
	bool json;
	bool live; /* stderr is a terminal, and not quiet */
	bool quiet;
	bool live_shown; /* a live line stands there and must be wiped first */
	char *building;  /* what is being built, NULL when nothing is */
	char *doing;     /* cargo's last status line */
	char *idle;      /* watch: what the live line says between rounds; NULL: nothing */
	size_t position, of;
	int64_t since_ms;
	unsigned int n_written, n_identical, n_removed, n_adopted, n_absent;
	bool swapped;
	int64_t failed_run; /* the run as a whole could not be done; its error is not printed yet. 0: none */
};

/** @ctx must outlive it. */
void cli_ui_init(struct cli_ui *ui, const struct cli_context *ctx);
void cli_ui_clear(struct cli_ui *ui);

/** The refresh_event_fn; @data is the struct cli_ui. */
void cli_ui_event(void *data, const struct refresh_event *event);

/** Shows the live line, where there is one, for what is no build: '@what  3.1 s  @doing'. */
void cli_ui_live(struct cli_ui *ui, const char *what, const char *doing);

/** What rustc says, in its colours where they are wanted. */
void cli_ui_print_diagnostic(const char *text);

/** Takes the live line away. */
void cli_ui_wipe(struct cli_ui *ui);

/** [{"package", "needs", "lines"}], with "asset" where no package owns it. The caller owns it. */
json_t *cli_ui_activations_json(const struct refresh_activations *activations);

/** Prints the error of a run that could not be done with @code, and what became of the image. */
void cli_ui_failed(const struct cli_ui *ui, int code, const struct err *err);

#endif
