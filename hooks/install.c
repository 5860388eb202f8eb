#include "hooks/install.h"

#include "base/fault.h"
#include "base/fs.h"
#include "hooks/configured.h"
#include "hooks/files.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { LOCK_LIMIT_MS = 10000, LOCK_PAUSE_MS = 20, MAX_EDITED = 1000 };

const char *hooks_state_name(enum hooks_state state)
{
	static const char *const names[] = { "absent", "installed", "outdated", "edited", "foreign", "shadowed" };

	return names[state];
}

/* One event while it is worked on: where ours is, or is to be, and what was there before. */
struct place {
	const struct hooks_target *target;
	const char *event;
	int dir;                      /* borrowed */
	char *name, *before;          /* owned: EVENT or EVENT.legacy; EVENT.before-reinject */
	struct hooks_file file, kept; /* what stands there */
	struct strvec *notes;
};

static void place_clear(struct place *place)
{
	free(place->name);
	free(place->before);
	hooks_file_clear(&place->file);
	hooks_file_clear(&place->kept);
}

static int place_read(struct place *place, struct err *err)
{
	CLEANUP_FREE char *legacy = xasprintf("%s.legacy", place->event);
	CLEANUP(hooks_file_clear) struct hooks_file behind = { 0 };
	int r;

	place->name = xstrdup(place->event);
	place->before = xasprintf("%s" HOOKS_SHIM_BEFORE, place->event);
	r = hooks_file_read(place->dir, place->event, &place->file, err);
	if (r == 0)
		r = hooks_file_read(place->dir, place->before, &place->kept, err);
	if (r == 0 && place->file.kind == HOOKS_FILE_FOREIGN)
		r = hooks_file_read(place->dir, legacy, &behind, err);
	if (r < 0 || behind.kind != HOOKS_FILE_OURS)
		return r;
	hooks_file_clear(&place->file);
	place->file = behind;
	behind = (struct hooks_file){ 0 };
	free(place->name);
	place->name = TAKE_PTR(legacy);
	return 0;
}

/* -- the folder and its lock ----------------------------------------------------------------------------------------------------------------------- */

static int lock_repository(const struct hooks_folder *folder, int *ret, struct err *err)
{
	CLEANUP_CLOSE int fd = open(folder->common, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s'", folder->common);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_PAUSE_MS) {
		if (errno != EWOULDBLOCK)
			return err_set(err, -errno, "cannot lock '%s'", folder->common);
		if (waited >= LOCK_LIMIT_MS)
			return err_class_set(err, ERR_BUSY, -EBUSY, "another install is busy with '%s'", folder->common);
		/* No event tells when a flock is given up. */
		(void)poll(NULL, 0, LOCK_PAUSE_MS);
	}
	*ret = TAKE_FD(fd);
	return 0;
}

static int give_to_owner(const struct hooks_folder *folder, const char *path)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (stat(folder->common, &st) < 0)
		return -errno;
	return st.st_uid != 0 && lchown(path, st.st_uid, st.st_gid) < 0 ? -errno : 0;
}

static int open_folder(const struct hooks_folder *folder, bool make, bool *ret_made, int *ret, struct err *err)
{
	int fd = open(folder->own, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdir(folder->own, 0777) < 0)
			r = -errno;
		if (r == 0)
			r = give_to_owner(folder, folder->own);
		*ret_made = r == 0;
		fd = r == 0 ? open(folder->own, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	}
	if (fd < 0)
		return err_set(err, r < 0 ? r : -errno, "cannot open hooks folder '%s'", folder->own);
	*ret = fd;
	return 0;
}

static int require_writable(const struct hooks_folder *folder, struct err *err)
{
	const char *path = fs_exists(folder->own) ? folder->own : folder->common;
	int r = access(path, W_OK | X_OK) < 0 ? -errno : 0;

	if (r == 0)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, r, "cannot write into '%s': %s", path, strerror(-r));
	err_hint(err, "make the folder writable for whoever commits there, then install again");
	return r;
}

/* -- one hook -------------------------------------------------------------------------------------------------------------------------------------- */

static int save_edited(const struct place *place, struct err *err)
{
	const char *state = place->target->project.state;
	int r = place->file.shim.is_edited ? journal_state_prepare(state, err) : 1;

	if (r == 0)
		r = journal_state_make_dir(state, "edited-hooks", err);
	for (unsigned int i = 1; r == 0; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/edited-hooks/%s-%u", state, place->event, i);

		if (fs_exists(path) && i < MAX_EDITED)
			continue;
		r = fs_write_for_owner(path, str_text(&place->file.text), place->file.text.len, 0600, err);
		if (r == 0)
			strvec_addf(place->notes, "hook %s was edited by hand; what it was is kept as '%s'", place->event, path);
		r = r < 0 ? r : 1;
	}
	return r < 0 ? r : 0;
}

/* Where the program is gone, the hook that others still have goes on naming it. */
static const char *program_of(const struct place *place)
{
	return place->target->program ? place->target->program : place->file.shim.program;
}

/* 1 when it was written. */
static int write_shim(struct place *place, struct err *err)
{
	CLEANUP_FREE char *text = hooks_shim_text(&place->file.shim, place->event, program_of(place));
	bool is_right = place->file.kind == HOOKS_FILE_OURS && str_eq(text, str_text(&place->file.text)) &&
			(place->file.st.st_mode & 0111) == 0111;
	int r = is_right ? 0 : hooks_file_write(place->dir, place->name, text, err);

	return r < 0 ? r : !is_right;
}

static int refuse_second(const struct place *place, struct err *err)
{
	CLEANUP_FREE char *line = hooks_shim_line(&place->target->project, place->target->program);

	err_class_set(err, ERR_ENVIRONMENT, -EEXIST, "hook %s in '%s' was replaced by another tool, and an earlier one is still kept as '%s'",
		      place->event, place->target->folder->own, place->before);
	err_hint(err, "add this line to the hook that is there: %s", line);
	return -EEXIST;
}

static int keep(struct place *place, struct err *err)
{
	if (hooks_file_same(&place->file, &place->kept)) /* an install was killed here */
		return 0;
	if (place->kept.kind != HOOKS_FILE_NONE)
		return refuse_second(place, err);
	strvec_addf(place->notes, "hook %s was there before: it is kept as '%s' and runs first", place->event, place->before);
	return hooks_file_keep(place->dir, place->name, place->before, err);
}

/* 1 when something was written. */
static int install_one(struct place *place, bool made_folder, struct err *err)
{
	int r = place_read(place, err);

	if (r == 0 && place->file.kind == HOOKS_FILE_FOREIGN)
		r = keep(place, err);
	if (r == 0 && place->file.kind == HOOKS_FILE_OURS)
		r = save_edited(place, err);
	if (r < 0)
		return r;
	hooks_shim_add(&place->file.shim, &place->target->project);
	place->file.shim.made_folder = place->file.shim.made_folder || made_folder;
	return write_shim(place, err);
}

static int put_back(const struct place *place, struct err *err)
{
	bool is_folder = place->kept.kind != HOOKS_FILE_NONE && S_ISDIR(place->kept.st.st_mode);
	int r = 0;

	/* A folder takes no file's place; git runs none, so nothing is missed meanwhile. */
	if (place->kept.kind == HOOKS_FILE_NONE || is_folder)
		r = hooks_file_remove(place->dir, place->name, err);
	if (r < 0 || place->kept.kind == HOOKS_FILE_NONE)
		return r;
	return hooks_file_rename(place->dir, place->before, place->name, err);
}

static int refuse_unknown(const struct place *place, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "hook '%s/%s' serves another project as well, and the program that it runs is not known",
		      place->target->folder->own, place->name);
	err_hint(err, "put reinject-hook beside reinject (`make install`), then uninstall again");
	return -ENOENT;
}

static int take_out(struct place *place, struct err *err)
{
	int r;

	if (!hooks_shim_remove(&place->file.shim, &place->target->project) && place->file.shim.n > 0)
		return 0;
	if (place->file.shim.n > 0 && !program_of(place))
		return refuse_unknown(place, err);
	r = save_edited(place, err);
	if (r < 0)
		return r;
	if (place->file.shim.n > 0)
		return write_shim(place, err);
	r = put_back(place, err);
	return r < 0 ? r : 1;
}

/* What is ours no more, or not yet: beside a hook of somebody else's. */
static int clear_beside(const struct place *place, struct err *err)
{
	int r;

	if (place->kept.kind == HOOKS_FILE_NONE)
		return 0;
	if (!hooks_file_same(&place->file, &place->kept)) {
		strvec_addf(place->notes, "hook %s was replaced by another tool; the one from before stays as '%s'", place->event,
			    place->before);
		return 0;
	}
	r = hooks_file_remove(place->dir, place->before, err);
	return r < 0 ? r : 1;
}

static int uninstall_one(struct place *place, bool *made_folder, struct err *err)
{
	CLEANUP_FREE char *temp = NULL;
	int r = place_read(place, err);

	if (r < 0)
		return r;
	*made_folder = *made_folder || place->file.shim.made_folder;
	temp = xasprintf("%s.reinject-new", place->event);
	r = hooks_file_remove(place->dir, temp, err);
	if (r < 0)
		return r;
	if (place->file.kind == HOOKS_FILE_OURS)
		return take_out(place, err);
	if (place->file.kind == HOOKS_FILE_FOREIGN)
		return clear_beside(place, err);
	if (place->kept.kind == HOOKS_FILE_NONE)
		return 0;
	r = put_back(place, err);
	return r < 0 ? r : 1;
}

/* -- all of them --------------------------------------------------------------------------------------------------------------------------------- */

static int install_files(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err)
{
	CLEANUP_CLOSE int dir = -1;
	bool made_folder = false;
	int r = require_writable(target->folder, err);

	if (r == 0)
		r = open_folder(target->folder, true, &made_folder, &dir, err);
	for (size_t i = 0; r >= 0 && hooks_events[i]; i++) {
		CLEANUP(place_clear) struct place place = { .target = target, .event = hooks_events[i], .dir = dir, .notes = notes };

		r = install_one(&place, made_folder, err);
		*ret_n += r > 0;
	}
	return r < 0 ? r : 0;
}

static int uninstall_files(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err)
{
	CLEANUP_CLOSE int dir = -1;
	bool made_folder = false;
	size_t n_before = *ret_n;
	int r = fs_is_dir(target->folder->own) ? open_folder(target->folder, false, NULL, &dir, err) : 0;

	for (size_t i = 0; r >= 0 && dir >= 0 && hooks_events[i]; i++) {
		CLEANUP(place_clear) struct place place = { .target = target, .event = hooks_events[i], .dir = dir, .notes = notes };

		r = uninstall_one(&place, &made_folder, err);
		*ret_n += r > 0;
	}
	if (r < 0)
		return r;
	/* What anybody else has put there since keeps it. */
	if (made_folder && *ret_n > n_before && rmdir(target->folder->own) < 0 && errno != ENOTEMPTY && errno != EEXIST)
		return err_set(err, -errno, "cannot remove '%s'", target->folder->own);
	return 0;
}

static int install_configured(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && hooks_events[i]; i++) {
		r = hooks_configured_install(target, hooks_events[i], err);
		*ret_n += r > 0;
	}
	/* Those of an older git would run too. */
	return r < 0 ? r : uninstall_files(target, notes, ret_n, err);
}

static int refuse_shadowed(const struct hooks_target *target, struct err *err)
{
	CLEANUP_FREE char *line = hooks_shim_line(&target->project, target->program);

	err_class_set(err, ERR_ENVIRONMENT, -EEXIST, "git looks for the hooks of '%s' in '%s', which another tool owns: nothing was written",
		      target->folder->top, target->folder->dir);
	err_hint(err, "add this line to its hooks post-commit, post-merge, post-checkout and post-rewrite: %s", line);
	return -EEXIST;
}

int hooks_install(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err)
{
	CLEANUP_CLOSE int lock = -1;
	int r;

	*ret_n = 0;
	if (target->folder->is_shadowed && !target->folder->is_configured)
		return refuse_shadowed(target, err);
	r = lock_repository(target->folder, &lock, err);
	if (r < 0)
		return r;
	return target->folder->is_configured ? install_configured(target, notes, ret_n, err) : install_files(target, notes, ret_n, err);
}

int hooks_uninstall(const struct hooks_target *target, struct strvec *notes, size_t *ret_n, struct err *err)
{
	CLEANUP_CLOSE int lock = -1;
	int r = lock_repository(target->folder, &lock, err);

	*ret_n = 0;
	for (size_t i = 0; r >= 0 && hooks_events[i]; i++) {
		r = hooks_configured_uninstall(target, hooks_events[i], err);
		*ret_n += r > 0;
	}
	return r < 0 ? r : uninstall_files(target, notes, ret_n, err);
}

static enum hooks_state state_of(struct place *place)
{
	struct hooks_file *file = &place->file;
	CLEANUP_FREE char *text = NULL;

	if (file->kind == HOOKS_FILE_NONE)
		return HOOKS_ABSENT;
	if (file->kind == HOOKS_FILE_FOREIGN)
		return HOOKS_FOREIGN;
	if (file->shim.is_edited)
		return HOOKS_EDITED;
	if (!hooks_shim_has(&file->shim, &place->target->project))
		return HOOKS_ABSENT;
	hooks_shim_add(&file->shim, &place->target->project);
	text = place->target->program ? hooks_shim_text(&file->shim, place->event, place->target->program) : xstrdup(str_text(&file->text));
	if ((file->st.st_mode & 0111) == 0 || !str_eq(text, str_text(&file->text)))
		return HOOKS_OUTDATED;
	return HOOKS_INSTALLED;
}

int hooks_inspect(const struct hooks_target *target, const char *event, struct hooks_report *ret, struct err *err)
{
	CLEANUP(place_clear) struct place place = { .target = target, .event = event, .dir = -1 };
	CLEANUP_CLOSE int dir = -1;
	int r;

	if (target->folder->is_configured)
		return hooks_configured_inspect(target, event, ret, err);
	*ret = (struct hooks_report){ .state = HOOKS_ABSENT, .is_program = target->program != NULL };
	if (target->folder->is_shadowed)
		ret->state = HOOKS_SHADOWED;
	if (target->folder->is_shadowed || !fs_is_dir(target->folder->own))
		return 0;
	r = open_folder(target->folder, false, NULL, &dir, err);
	place.dir = dir;
	if (r >= 0)
		r = place_read(&place, err);
	if (r < 0)
		return r;
	ret->state = state_of(&place);
	ret->is_kept = place.kept.kind != HOOKS_FILE_NONE && place.file.kind == HOOKS_FILE_OURS;
	return 0;
}
