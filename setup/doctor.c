/* The table, and the walk over it. The order is that in which a refresh needs things. */
#include "setup/doctor_internal.h"

#include "base/fs.h"
#include "base/near.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct check {
	const char *name, *why;
	doctor_look_fn *look;
	doctor_fix_fn *fix; /* NULL: only a command is told */
};

static const struct check checks[] = {
	{ "configuration", "all else is read from it, and it names programs that are run", doctor_look_configuration, doctor_fix_configuration },
	{ "map", "what the workspace has and the map lacks is never built", doctor_look_map, doctor_fix_map },
	{ "repository", "what is stale is read from git's trees and index", doctor_look_repository, NULL },
	{ "clock", "cargo takes a file of the future for changed, or another for unchanged", doctor_look_clock, NULL },
	{ "toolchain", "it compiles every package", doctor_look_toolchain, NULL },
	{ "target", "rustc's own link objects clash with relibc's ('CRT objects not found')", doctor_look_target, doctor_fix_target },
	{ "backend", "a codegen backend loads only with the toolchain that it was built for", doctor_look_backend, NULL },
	{ "relibc", "every program is linked with these objects", doctor_look_relibc, NULL },
	{ "libgcc_eh", "the linker asks for it, and an empty one will do", doctor_look_libgcc, doctor_fix_libgcc },
	{ "strip", "what goes into the image is stripped first", doctor_look_strip, NULL },
	{ "sccache", "the compiler cache, which refuses incremental builds", doctor_look_sccache, NULL },
	{ "mount-program", "it opens the image", doctor_look_tool, NULL },
	{ "fuse", "the image is mounted through it", doctor_look_fuse, NULL },
	{ "image", "it is what a refresh writes", doctor_look_image, NULL },
	{ "room", "a copy of the image is worked on, beside it", doctor_look_room, NULL },
	{ "leftovers", "a mount or a copy that a dead run left is in the way", doctor_look_leftovers, doctor_fix_leftovers },
	{ "holders", "two writers destroy an image", doctor_look_holders, NULL },
	{ "content", "a full image takes no file, and RedoxFS leaks space at each replacement", doctor_look_content, NULL },
	{ "initfs", "without its bootstrap the kernel jumps to ff..ff", doctor_look_initfs, NULL },
	{ "boot-script", "it starts the image", doctor_look_boot, doctor_fix_boot },
	{ "qemu", "the boot script runs it", doctor_look_qemu, NULL },
	{ "inotify", "folders beyond the limit are polled, which is slower", doctor_look_inotify, NULL },
};

bool setup_doctor_check(size_t i, const char **ret_name, const char **ret_why)
{
	if (i >= N_ELEMENTS(checks))
		return false;
	*ret_name = checks[i].name;
	*ret_why = checks[i].why;
	return true;
}

static void set(struct setup_doctor_finding *finding, enum setup_doctor_status status, const char *format, va_list args)
{
	char *text = NULL;

	if (finding->said && finding->status != SETUP_DOCTOR_SKIPPED && (status == SETUP_DOCTOR_SKIPPED || status < finding->status))
		return;
	if (vasprintf(&text, format, args) < 0)
		return;
	free(finding->said);
	finding->said = text;
	finding->status = status;
}

#define SETTER(name, status)                                                                                                                    \
	void name(struct setup_doctor_finding *finding, const char *format, ...)                                                                \
	{                                                                                                                                       \
		va_list args;                                                                                                                   \
                                                                                                                                                \
		va_start(args, format);                                                                                                         \
		set(finding, status, format, args);                                                                                             \
		va_end(args);                                                                                                                   \
	}
SETTER(doctor_ok, SETUP_DOCTOR_OK)
SETTER(doctor_skip, SETUP_DOCTOR_SKIPPED)
SETTER(doctor_warn, SETUP_DOCTOR_WARNING)
SETTER(doctor_fail, SETUP_DOCTOR_FAILURE)

void doctor_mend(struct setup_doctor_finding *finding, bool fixable, const char *format, ...)
{
	va_list args;

	free(finding->command);
	finding->command = NULL;
	finding->fixable = fixable;
	va_start(args, format);
	if (vasprintf(&finding->command, format, args) < 0)
		finding->command = NULL;
	va_end(args);
}

const char *doctor_word(struct doctor *doctor, const char *text)
{
	str_reset(&doctor->word);
	str_add_c(&doctor->word, '\'');
	for (; *text; text++)
		if (*text == '\'')
			str_add(&doctor->word, "'\\''");
		else
			str_add_c(&doctor->word, *text);
	str_add_c(&doctor->word, '\'');
	return str_text(&doctor->word);
}

void doctor_take(struct setup_doctor_finding *finding, enum setup_doctor_status status, const struct err *err)
{
	if (status == SETUP_DOCTOR_FAILURE)
		doctor_fail(finding, "%s", err->message);
	else
		doctor_warn(finding, "%s", err->message);
	if (err->hint[0])
		doctor_mend(finding, false, "%s", err->hint);
}

static void finding_clear(struct setup_doctor_finding *finding)
{
	free(finding->said);
	free(finding->command);
}

static void look(const struct check *check, struct doctor *doctor, struct setup_doctor_finding *ret)
{
	finding_clear(ret);
	*ret = (struct setup_doctor_finding){ .name = check->name, .why = check->why };
	if (!doctor->config && check->look != doctor_look_configuration)
		doctor_skip(ret, "there is no configuration to go by");
	else
		check->look(doctor, ret);
	if (!ret->said)
		doctor_ok(ret, "nothing wrong");
}

/* Looks, mends, looks again: what counts is that it is right then. */
static void treat(const struct check *check, struct doctor *doctor, bool fix, struct setup_doctor_finding *ret)
{
	struct err err = ERR_INIT;
	int r;

	look(check, doctor, ret);
	if (!fix || !ret->fixable || !check->fix || ret->status == SETUP_DOCTOR_OK || ret->status == SETUP_DOCTOR_SKIPPED)
		return;
	r = check->fix(doctor, &err);
	look(check, doctor, ret);
	ret->fixed = r == 0 && ret->status == SETUP_DOCTOR_OK;
	if (r < 0) {
		CLEANUP_FREE char *before = TAKE_PTR(ret->said);

		doctor_fail(ret, "%s; it could not be mended: %s", before, err.message);
	}
}

static int unknown_check(const char *name, struct err *err)
{
	struct near near = { .word = name, .n = strlen(name) };

	for (size_t i = 0; i < N_ELEMENTS(checks); i++)
		near_offer(&near, checks[i].name, strlen(checks[i].name));
	if (near.best)
		err_class_set(err, ERR_USAGE, -EINVAL, "there is no check '%s'; did you mean '%s'?", name, near.best);
	else
		err_class_set(err, ERR_USAGE, -EINVAL, "there is no check '%s'", name);
	err_hint(err, "`reinject doctor -v` names them all");
	return -EINVAL;
}

static int check_names(const struct strvec *names, struct err *err)
{
	for (size_t i = 0; i < names->n; i++) {
		size_t j = 0;

		while (j < N_ELEMENTS(checks) && strcmp(checks[j].name, names->v[i]) != 0)
			j++;
		if (j == N_ELEMENTS(checks))
			return unknown_check(names->v[i], err);
	}
	return 0;
}

static void doctor_clear(struct doctor *doctor)
{
	doctor_image_close(doctor);
	str_clear(&doctor->word);
}

int setup_doctor_run(const struct setup_doctor_args *args, size_t *ret_n_failures, struct err *err)
{
	CLEANUP(doctor_clear)
	struct doctor doctor = {
		.config = args->config, .problem = args->problem, .hint = args->hint, .warnings = args->warnings, .cancel = args->cancel
	};
	size_t n = 0;
	int r = check_names(args->only, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < N_ELEMENTS(checks); i++) {
		CLEANUP(finding_clear) struct setup_doctor_finding finding = { 0 };

		if (args->only->n > 0 && !strvec_has(args->only, checks[i].name))
			continue;
		treat(&checks[i], &doctor, args->fix, &finding);
		/* What it was amid has found nothing. */
		if (cancel_requested(args->cancel))
			return err_class_set(err, ERR_INTERRUPTED, -ECANCELED, "interrupted");
		n += finding.status == SETUP_DOCTOR_FAILURE;
		args->on_finding(args->data, &finding);
	}
	*ret_n_failures = n;
	return 0;
}
