/* A program that a package's own `command` names is not among them: where that is missing, one package fails and the others go on. */
#include "refresh/tools.h"

#include "cargo/artifact.h"
#include "cargo/build.h"

static int check_cargo(const struct config *config, const struct config_package *package, struct err *err)
{
	CLEANUP(cargo_command_clear) struct cargo_command command = { 0 };
	int r = cargo_command_init(config, package, NULL, &command, err);

	return r < 0 ? r : cargo_build_check(&command, err);
}

int refresh_tools_check(const struct config *config, const struct watcher_look *look, const struct refresh_plan *plan, struct err *err)
{
	bool checked = false;
	int r = plan->n_builds > 0 ? artifact_strip_check(config, err) : 0;

	for (size_t i = 0; r == 0 && !checked && i < plan->n_steps; i++) {
		const struct config_package *package = &config->packages[look->subjects[plan->steps[i].subject].index];

		if (plan->steps[i].is_asset || package->command.n > 0)
			continue;
		r = check_cargo(config, package, err);
		checked = true;
	}
	return r;
}
