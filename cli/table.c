/* The table of verbs, in the order of the help and of the manual. Apart from main(), so that the manual's generator can link it. */
#include "cli/cli.h"

extern const struct cli_verb cmd_init, cmd_doctor, cmd_refresh, cmd_watch, cmd_hooks, cmd_build, cmd_inject, cmd_adopt, cmd_rollback, cmd_boot,
	cmd_nightly, cmd_extract, cmd_status, cmd_log, cmd_show, cmd_report, cmd_symbols, cmd_affected, cmd_config, cmd_image, cmd_initfs,
	cmd_service, cmd_bisect, cmd_help;

const struct cli_verb *const cli_verbs[] = {
	&cmd_init,     &cmd_doctor, &cmd_refresh, &cmd_watch,   &cmd_hooks,   &cmd_build, &cmd_inject, &cmd_adopt,  &cmd_rollback,
	&cmd_bisect,   &cmd_boot,   &cmd_nightly, &cmd_extract, &cmd_status,  &cmd_log,   &cmd_show,   &cmd_report, &cmd_symbols,
	&cmd_affected, &cmd_config, &cmd_image,   &cmd_initfs,  &cmd_service, &cmd_help,  NULL,
};
