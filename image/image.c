#include "image/image.h"

#include "base/fs.h"
#include "image/file.h"
#include "image/names.h"
#include "image/note.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int image_identity_read(const char *path, enum config_image_format format, uint64_t block, struct image_identity *ret, struct err *err)
{
	struct image_identity id = { 0 };
	struct image_redoxfs header;
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(path, &st, err);
	int r;

	if (fd < 0)
		return fd;
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	id.size = (uint64_t)st.st_size;
	id.mtime_ns = (int64_t)fs_mtime(&st).tv_sec * 1000000000 + fs_mtime(&st).tv_nsec;
	if (format == CONFIG_IMAGE_REDOXFS) {
		r = image_file_read_redoxfs_at(fd, path, block, &header, err);
		if (r < 0)
			return r;
		memcpy(id.uuid, header.uuid, sizeof(id.uuid));
		id.generation = header.generation;
	}
	*ret = id;
	return 0;
}

/* By the note: what was @id before mounts of ours, which change a file system's header and nothing in it. */
static void see_through_mounts(const struct config_image *config, struct image_identity *id)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	struct image_note note;

	if (image_names_init(&names, config->path, NULL) < 0)
		return;
	image_note_read(names.lock, &note);
	if ((note.stage == IMAGE_NOTE_HOLDING && image_identity_may_follow(id, &note.from)) ||
	    (note.stage == IMAGE_NOTE_TOUCHED && image_identity_same(&note.shadow, id)))
		*id = note.from;
}

int image_identity_of(const struct config_image *config, struct image_identity *ret, struct err *err)
{
	struct image_identity id;
	int r = image_identity_read(config->path, config->format, config->block, &id, err);

	if (r < 0)
		return r;
	if (config->mode == CONFIG_IMAGE_IN_PLACE)
		see_through_mounts(config, &id);
	if (config->mode == CONFIG_IMAGE_LIVE)
		id.mtime_ns = 0;
	*ret = id;
	return 0;
}

bool image_identity_same(const struct image_identity *a, const struct image_identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns && strcmp(a->uuid, b->uuid) == 0 &&
	       a->generation == b->generation;
}

bool image_identity_may_follow(const struct image_identity *now, const struct image_identity *known)
{
	return now->dev == known->dev && now->ino == known->ino && now->size == known->size && strcmp(now->uuid, known->uuid) == 0 &&
	       now->generation >= known->generation;
}

bool image_identity_is_of(const char *path, const struct image_identity *id)
{
	struct stat st;

	return lstat(path, &st) == 0 && (uint64_t)st.st_dev == id->dev && st.st_ino == id->ino;
}

static bool in_group(gid_t gid)
{
	CLEANUP_FREE gid_t *groups = NULL;
	int n = getgroups(0, NULL);

	if (gid == getegid())
		return true;
	groups = xcalloc(n > 0 ? (size_t)n : 1, sizeof(*groups));
	n = getgroups(n > 0 ? n : 0, groups);
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static char *user_name(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
		return xstrdup(found->pw_name);
	return xasprintf("user %u", (unsigned int)uid);
}

/* An ordinary user's copy of a root-owned image would silently become his by the rename. */
static int check_owner(const char *path, const struct stat *st, struct err *err)
{
	CLEANUP_FREE char *owner = NULL;

	if (geteuid() == 0 || (st->st_uid == geteuid() && in_group(st->st_gid)))
		return 0;
	owner = user_name(st->st_uid);
	err_class_set(err, ERR_ENVIRONMENT, -EPERM, "image '%s' belongs to %s (group %u): the new image could not keep that", path, owner,
		      (unsigned int)st->st_gid);
	err_hint(err, "run reinject by sudo, or make the image yours: sudo chown %u:%u '%.700s'", (unsigned int)geteuid(),
		 (unsigned int)getegid(), path);
	return -EPERM;
}

static int check_folder(const struct image_names *names, bool shadow, struct err *err)
{
	int r;

	if (access(names->dir, W_OK | X_OK) == 0)
		return 0;
	r = -errno;
	err_class_set(err, ERR_ENVIRONMENT, r, "folder '%s' cannot be written: %s in it (%s)", names->dir,
		      shadow ? "the copy of the image is made" : "what is done to the image is noted", strerror(-r));
	err_hint(err, "run reinject as the folder's owner, or by sudo");
	return r;
}

static int check_content(const struct config_image *config, const struct image_names *names, struct stat *ret_stat, struct err *err)
{
	CLEANUP_CLOSE int fd = image_file_open(names->image, ret_stat, err);

	return fd < 0 ? fd : image_file_check(fd, names->image, config, err);
}

int image_check_file(const struct config_image *config, struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	struct stat st;
	int r;

	if (!config->path)
		return err_class_set(err, ERR_USAGE, -EINVAL, "the configuration names no image: set path in [image]");
	r = image_names_init(&names, config->path, err);
	if (r >= 0)
		r = check_content(config, &names, &st, err);
	if (r < 0)
		return image_file_unusable(config->path, r, err);
	r = check_owner(names.image, &st, err);
	return r < 0 ? r : check_folder(&names, config->mode == CONFIG_IMAGE_SHADOW, err);
}
