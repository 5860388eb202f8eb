#include "image/good.h"

#include "base/fs.h"
#include "image/holders.h"
#include "image/names.h"
#include "image/still.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int image_good_path(const char *path, char **ret, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	int r = image_names_init(&names, path, err);

	if (r == 0)
		*ret = xasprintf("%s.good", names.image);
	return r;
}

static int copy(const char *from, const char *to, const char *dir, const struct cancel *cancel, struct err *err)
{
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
	struct stat st;
	int r;

	if (in < 0 || fstat(in, &st) < 0)
		return err_set(err, -errno, "cannot read '%s'", from);
	if (unlink(to) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot delete '%s'", to);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(err, -errno, "cannot make '%s'", to);
	image_names_give(out, dir);
	r = fs_copy_sparse(in, out, cancel, NULL);
	if (r == 0 && fchmod(out, st.st_mode & 0777) < 0)
		r = -errno;
	if (r == 0)
		r = fs_sync(out);
	return r < 0 ? err_set(err, r, "cannot copy '%s' to '%s'", from, to) : 0;
}

/* A copy of what somebody writes meanwhile is of no use: it is one only when @from was @known before, and has not moved after. */
static int copy_known(const char *from, const char *to, const char *dir, const struct image_identity *known, const struct config_image *config,
		      const struct cancel *cancel, struct err *err)
{
	struct image_still before, after;
	int r = image_still_look(from, config, &before, err);
	bool same = r == 0 && image_identity_same(&before.id, known);

	if (same)
		r = copy(from, to, dir, cancel, err);
	if (same && r == 0)
		r = image_still_look(from, config, &after, err);
	if (r == 0 && !(same && image_still_same(&before, &after)))
		r = err_set(err, -ESTALE, "'%s' was written meanwhile!", from);
	return r;
}

/* Whether a second name is enough: not for a file that somebody may write, as a machine without snapshot=on does. */
static int may_link(const char *from, const struct config_image *config, bool *ret, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	bool is_still = config->mode == CONFIG_IMAGE_SHADOW;
	int r = is_still ? image_holders_find(from, &holders, err) : 0;

	for (size_t i = 0; i < holders.n; i++)
		is_still = is_still && !holders.v[i].may_write;
	if (r == 0)
		*ret = is_still;
	return r;
}

/* That @path is what was @booted, to the last write. */
static int check_same(const char *path, const struct config_image *config, const struct image_identity *booted, struct image_identity *ret,
		      struct err *err)
{
	int r = image_identity_read(path, config->format, config->block, ret, err);

	if (r == 0 && !image_identity_same(ret, booted))
		r = err_set(err, -ESTALE, "the image was replaced or written while it booted!");
	return r;
}

/* A link where that is enough and allowed. @ret: what it is. */
static int make(const struct image_good_args *args, const char *from, const char *to, const char *dir, bool link_it, struct image_identity *ret,
		struct err *err)
{
	const struct config_image *config = args->config;
	int r;

	if (unlink(to) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot delete '%s'", to);
	/* Between the look and the link another swap may have come. */
	if (link_it && link(from, to) == 0)
		return check_same(to, config, args->booted, ret, err);
	r = copy_known(from, to, dir, args->booted, config, args->cancel, err);
	return r < 0 ? r : image_identity_read(to, config->format, config->block, ret, err);
}

/* The image before has the file that was looked at, but the machine may have opened the new one: it is known only while somebody has it open. */
static int check_booted_previous(const struct image_names *names, const struct image_identity *booted, struct err *err)
{
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	int r = image_identity_is_of(names->prev, booted) ? image_holders_find(names->prev, &holders, err) :
					       err_set(err, -ESTALE, "the image that was booted is not there any more!");

	if (r == 0 && holders.n == 0)
		r = err_set(err, -ESTALE, "it was replaced meanwhile, and nobody has the one before open: which one booted is not known!");
	return r;
}

static int put_in_place(const char *temporary, const char *path, const char *dir, struct err *err)
{
	if (rename(temporary, path) < 0)
		return err_set(err, -errno, "cannot rename '%s' to '%s'", temporary, path);
	return fs_sync_dir(dir) < 0 ? err_set(err, -EIO, "cannot sync folder '%s'", dir) : 0;
}

static int tell(const struct image_good_args *args, const struct image_identity *good, struct err *err)
{
	return args->on_ready ? args->on_ready(args->data, good, err) : 0;
}

static int replace(const struct image_good_args *args, const char *from, const char *good, const char *dir, bool link_it, struct err *err)
{
	CLEANUP_FREE char *temporary = xasprintf("%s.new", good);
	struct image_identity id;
	int r = make(args, from, temporary, dir, link_it, &id, err);

	if (r == 0)
		r = tell(args, &id, err);
	if (r == 0)
		r = put_in_place(temporary, good, dir, err);
	if (r < 0)
		(void)!unlink(temporary);
	return r;
}

int image_good_keep(const struct image_good_args *args, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE char *good = NULL;
	struct image_identity id;
	const char *from;
	bool link_it = false;
	int r = image_names_init(&names, args->path, err);

	if (r < 0)
		return r;
	good = xasprintf("%s.good", names.image);
	from = image_identity_is_of(names.image, args->booted) ? names.image : names.prev;
	if (from == names.prev)
		r = check_booted_previous(&names, args->booted, err);
	if (r == 0)
		r = may_link(from, args->config, &link_it, err);
	if (r < 0)
		return r;
	if (!link_it || !image_identity_is_of(good, args->booted))
		return replace(args, from, good, names.dir, link_it, err);
	r = check_same(good, args->config, args->booted, &id, err);
	return r < 0 ? r : tell(args, &id, err);
}

/* -- one file, two names ----------------------------------------------------------------------------------------------------------------------- */

/* With the same content, in a file of its own. */
static int part(const struct image_names *names, const char *path, const struct config_image *config, const struct cancel *cancel, struct err *err)
{
	CLEANUP_FREE char *temporary = xasprintf("%s.new", path);
	struct image_identity now;
	int r = image_identity_read(names->image, config->format, config->block, &now, err);

	if (r < 0 || !image_identity_is_of(path, &now))
		return r;
	r = copy_known(names->image, temporary, names->dir, &now, config, cancel, err);
	if (r == 0)
		r = put_in_place(temporary, path, names->dir, err);
	if (r == 0)
		return 0;
	(void)!unlink(temporary);
	err_wrap(err, r, "'%s' is another name of the image's own file, and would be changed with it", path);
	err_hint(err, "make room for a copy of it there, or delete that name");
	return r;
}

int image_good_part(const char *path, const struct config_image *config, const struct cancel *cancel, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP_FREE char *good = NULL;
	int r = image_names_init(&names, path, err);

	if (r < 0)
		return r;
	good = xasprintf("%s.good", names.image);
	r = part(&names, good, config, cancel, err);
	return r == 0 ? part(&names, names.prev, config, cancel, err) : r;
}
