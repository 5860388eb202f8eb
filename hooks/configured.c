#include "hooks/configured.h"

#include "base/fault.h"
#include "base/fs.h"
#include "base/hash.h"

#include <errno.h>
#include <string.h>

static char *section_of(const struct hooks_target *target, const char *event)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	char digest[HASH_HEX_SIZE];

	hash_field(hash, "state", target->project.state);
	hash_field(hash, "top", target->project.top);
	hash_end(hash, digest);
	return xasprintf("hook.reinject-%.8s-%s", digest, event);
}

/* 1 when it is set. */
static int get(const struct hooks_target *target, const char *key, struct str *ret, struct err *err)
{
	const char *args[] = { "config", "--local", "--get-all", key, NULL };
	struct err own = ERR_INIT;
	int r = hooks_folder_git(target->folder, args, ret, &own);

	if (r < 0 || r > 1) {
		if (err)
			*err = own;
		return r < 0 ? r : -EIO;
	}
	return r == 0;
}

static int run(const struct hooks_target *target, const char *const *args, struct err *err)
{
	int r = hooks_folder_git(target->folder, args, NULL, err);

	return r > 0 ? -EIO : r;
}

/* 1 when it was written. */
static int set(const struct hooks_target *target, const char *key, const char *value, struct err *err)
{
	CLEANUP(str_clear) struct str now = { 0 };
	const char *args[] = { "config", "--local", "--replace-all", key, value, NULL };
	int r = get(target, key, &now, err);

	if (r < 0 || (r == 1 && str_eq(str_text(&now), value)))
		return r < 0 ? r : 0;
	r = run(target, args, err);
	return r < 0 ? r : 1;
}

int hooks_configured_install(const struct hooks_target *target, const char *event, struct err *err)
{
	CLEANUP_FREE char *section = section_of(target, event), *command_key = xasprintf("%s.command", section);
	CLEANUP_FREE char *event_key = xasprintf("%s.event", section);
	CLEANUP_FREE char *command = hooks_shim_command(&target->project, event, target->program);
	int n = set(target, command_key, command, err), r;

	if (n < 0)
		return n;
	r = FAULT("hooks-command");
	if (r < 0)
		return err_set(err, r, "cannot set '%s'", event_key);
	r = set(target, event_key, event, err);
	return r < 0 ? r : n > 0 || r > 0;
}

int hooks_configured_uninstall(const struct hooks_target *target, const char *event, struct err *err)
{
	CLEANUP_FREE char *section = section_of(target, event), *command_key = xasprintf("%s.command", section);
	CLEANUP_FREE char *event_key = xasprintf("%s.event", section);
	CLEANUP(str_clear) struct str text = { 0 };
	int has_event = get(target, event_key, &text, err), has_command, r;

	if (has_event < 0)
		return has_event;
	has_command = get(target, command_key, &text, err);
	if (has_command < 0)
		return has_command;
	if (!has_event && !has_command)
		return 0;
	if (has_event) {
		r = run(target, (const char *[]){ "config", "--local", "--unset-all", event_key, NULL }, err);
		if (r >= 0)
			r = FAULT("hooks-event");
		if (r < 0)
			return r;
	}
	if (has_command) {
		r = run(target, (const char *[]){ "config", "--local", "--remove-section", section, NULL }, err);
		if (r < 0)
			return r;
	}
	return 1;
}

int hooks_configured_inspect(const struct hooks_target *target, const char *event, struct hooks_report *ret, struct err *err)
{
	CLEANUP_FREE char *section = section_of(target, event), *command_key = xasprintf("%s.command", section);
	CLEANUP_FREE char *event_key = xasprintf("%s.event", section);
	CLEANUP_FREE char *command = target->program ? hooks_shim_command(&target->project, event, target->program) : NULL;
	CLEANUP(str_clear) struct str command_now = { 0 }, event_now = { 0 };
	int has_command = get(target, command_key, &command_now, err), has_event;

	if (has_command < 0)
		return has_command;
	has_event = get(target, event_key, &event_now, err);
	if (has_event < 0)
		return has_event;
	*ret = (struct hooks_report){ .state = HOOKS_INSTALLED, .is_program = target->program != NULL };
	if (!has_event)
		ret->state = HOOKS_ABSENT;
	else if (!has_command || !str_eq(str_text(&event_now), event) || (command && !str_eq(str_text(&command_now), command)))
		ret->state = HOOKS_EDITED;
	return 0;
}
