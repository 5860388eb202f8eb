#include "image/hand.h"

#include "base/fs.h"
#include "base/proc.h"
#include "image/good.h"
#include "image/holders.h"
#include "image/mount.h"
#include "image/mounts.h"
#include "image/names.h"
#include "image/process.h"
#include "image/shadow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What a user does by a script with a sleep and, when it is busy, by force; here with waiting for what is waited for. */

enum { EXIT_LIMIT_MS = 60000 };

/* As mountinfo has it: absolute, links resolved. The folder need not exist yet, the one above must. */
static char *real_point(const char *point)
{
	CLEANUP_FREE char *dir = NULL, *real = realpath(point, NULL);

	if (real)
		return TAKE_PTR(real);
	dir = fs_dirname(point);
	real = realpath(dir, NULL);
	return real ? xasprintf("%s/%s", real, fs_basename(point)) : xstrdup(point);
}

int image_hand_mount(const struct config_image *config, const char *point, const char *log, struct cancel *cancel, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE char *real = real_point(point);
	struct image_mount_args args = { .config = config, .point = real, .is_users = true, .log = log, .cancel = cancel };
	struct image_mount *mount = NULL;
	int r = image_names_init(&names, config->path, err);

	if (r == 0)
		r = image_check_file(config, err);
	if (r == 0)
		r = image_holders_find(names.image, &holders, err);
	if (r == 0)
		r = image_holders_refuse(names.image, &holders, err);
	if (r == 0 && image_mounts_has(real))
		r = err_class_set(err, ERR_BUSY, -EBUSY, "something else is mounted at '%s'", real);
	if (r == 0)
		r = image_good_part(names.image, config, cancel, err);
	if (r < 0)
		return r;
	args.image = names.image;
	r = image_mount_start(&args, &mount, err);
	if (r == 0)
		image_mount_leave(&mount);
	return r;
}

struct users {
	const char *point;
	struct strvec *names;
};

static void add_user(void *data, pid_t pid)
{
	struct users *users = data;
	CLEANUP_FREE char *visible = NULL;
	char program[64];

	if (!image_process_uses(pid, users->point))
		return;
	proc_name_of(pid, program, sizeof(program));
	visible = str_visible(program[0] ? program : "a program");
	strvec_addf(users->names, "%s (process %d)", visible, (int)pid);
}

/* Who stands in @point or has a file in it open: 'bash (process 4711)'. Only those that we may look into. A descriptor that we have inherited is our
 * caller's, who has it too. */
static void find_users(const char *point, struct strvec *ret)
{
	struct users users = { .point = point, .names = ret };

	image_process_each(add_user, &users);
}

static int say_users(const char *point, int r, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec users = { 0 };
	CLEANUP_FREE char *list = NULL;

	find_users(point, &users);
	list = strvec_join(&users, ", ");
	if (users.n > 0)
		err_class_set(err, ERR_BUSY, r, "'%s' is in use by %s", point, list);
	err_hint(err, "let them leave it, then run this again; it is never unmounted by force, which would damage the image");
	return r;
}

static int wait_for_daemons(const struct image_daemons *daemons, const char *point, struct err *err)
{
	for (size_t i = 0; i < daemons->n; i++) {
		const struct image_daemon *daemon = &daemons->v[i];
		CLEANUP_FREE char *real = daemon->mount_point ? real_point(daemon->mount_point) : NULL;

		if (real && strcmp(real, point) != 0)
			continue;
		if (proc_wait_gone(daemon->pid, EXIT_LIMIT_MS) < 0)
			return err_set(err, -ETIMEDOUT, "'%s' is unmounted, but its daemon (process %d) has not ended!", point, (int)daemon->pid);
	}
	return 0;
}

int image_hand_unmount(const struct config_image *config, const char *point, uint32_t wait_s, struct err *err)
{
	CLEANUP(image_daemons_clear) struct image_daemons daemons = { 0 };
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE char *real = real_point(point);
	int r = image_names_init(&names, config->path, err);

	if (r == 0 && !image_mounts_has(real))
		r = err_class_set(err, ERR_USAGE, -ENOENT, "nothing is mounted at '%s'", real);
	if (r == 0)
		r = image_daemons_find(names.image, config->tool, &daemons, err);
	if (r < 0)
		return r;
	r = image_mount_clear(real, config, names.image, wait_s > 0 ? wait_s * 1000 : 1, err);
	if (r == -EBUSY)
		return say_users(real, r, err);
	if (r == 0)
		r = wait_for_daemons(&daemons, real, err);
	/* Its daemon never does. */
	return r == 0 ? image_shadow_sync(names.image, err) : r;
}
