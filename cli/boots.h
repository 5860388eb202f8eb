/* cli/boots - how a boot's verdict is printed, by whichever verb has made it. */
#ifndef REINJECT_CLI_BOOTS_H
#define REINJECT_CLI_BOOTS_H

#include "cli/json.h"
#include "boot/machine.h"

/** {"event":"boot","result":"up|failed|timeout","ms":N, ...}; the caller owns it. */
json_t *cli_boot_json(const struct boot_verdict *verdict);

/** As lines on stderr: the verdict, the console's last lines when it is not up, checks that failed. */
void cli_boot_tell(const struct boot_verdict *verdict);

#endif
