/* The image: from outside by its header, its holders and what lies beside it; from inside in the shadow, opened once for two checks. */
#include "setup/doctor_internal.h"

#include "base/fs.h"
#include "cargo/artifact.h"
#include "image/file.h"
#include "image/initfs.h"
#include "image/mount.h"
#include "image/mounts.h"
#include "image/names.h"
#include "image/shadow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { BLOCK = 4096, MAX_CRATES = 1 << 20, MIN_FREE = 16 << 20, MAX_DEPTH = 64, UNMOUNT_LIMIT_MS = 5000 };

/* Leaked space is told of when it is a fifth of the image; in a very small one the file system's own blocks are nearly that. */
#define MUCH_LEAKED (UINT64_C(4) << 20)

static bool has_image(const struct doctor *doctor, struct setup_doctor_finding *finding)
{
	if (doctor->config->image.path && fs_exists(doctor->config->image.path))
		return true;
	doctor_skip(finding, "there is no image");
	return false;
}

/* -- the program that mounts ------------------------------------------------------------------------------------------------------------------ */

/* redoxfs does not tell its version; cargo, which installed it, wrote it down two folders above. The caller frees it. */
static char *version_of(const char *program)
{
	CLEANUP_FREE char *real = realpath(program, NULL), *dir = real ? fs_dirname(real) : NULL;
	CLEANUP_FREE char *list = dir ? fs_absolute(dir, "../.crates.toml") : NULL;
	CLEANUP(str_clear) struct str text = { 0 };
	const char *p;

	if (!list || fs_read(list, MAX_CRATES, &text, NULL) < 0)
		return NULL;
	p = strstr(str_text(&text), "\"redoxfs ");
	p = p ? p + strlen("\"redoxfs ") : NULL;
	return p ? xstrndup(p, strcspn(p, " \"")) : NULL;
}

void doctor_look_tool(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const struct config_image *image = &doctor->config->image;
	CLEANUP_FREE char *path = image->tool ? fs_find_program(image->tool) : NULL, *version = path ? version_of(path) : NULL;

	if (image->format == CONFIG_IMAGE_CUSTOM) {
		doctor_skip(finding, "commands of your own mount the image");
	} else if (!path) {
		doctor_fail(finding, "there is no '%s'", image->tool ? image->tool : "");
		doctor_mend(finding, false, "%s",
			    image->format == CONFIG_IMAGE_EXT4 ? "apt-get install fuse2fs, or [image] tool = its path"
							       : "cargo install redoxfs --version 0.9.0 --locked, or [image] tool = its path");
	} else if (version && !str_starts(version, "0.9.")) {
		doctor_warn(finding, "'%s' is version %s; reinject was tried with 0.9", path, version);
		doctor_mend(finding, false, "cargo install redoxfs --version 0.9.0 --locked");
	} else {
		doctor_ok(finding, "%s%s%s", path, version ? ", version " : "", version ? version : "");
	}
}

/* -- from outside ----------------------------------------------------------------------------------------------------------------------------- */

static void tell_redoxfs(const char *path, uint64_t block, struct setup_doctor_finding *finding)
{
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(path, &st, NULL);
	struct image_redoxfs header;

	if (fd < 0 || image_redoxfs_read_at(fd, block, &header) < 0)
		return;
	if (header.version != 8) {
		doctor_warn(finding, "'%s' has RedoxFS of on-disk version %llu; reinject was tried with 8", path,
			    (unsigned long long)header.version);
		doctor_mend(finding, false, "make it anew with redoxfs 0.9, or use a redoxfs of the image's own version");
	} else if (header.offset > (uint64_t)st.st_size || header.size > (uint64_t)st.st_size - header.offset) {
		unsigned long long end = header.offset + header.size;

		doctor_fail(finding, "'%s' is cut: its file system should reach to byte %llu, and the file ends at %llu", path, end,
			    (unsigned long long)st.st_size);
		doctor_mend(finding, false, "take IMAGE.prev or a copy");
	}
}

void doctor_look_image(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const struct config_image *image = &doctor->config->image;
	struct err err = ERR_INIT;

	if (!image->path) {
		doctor_fail(finding, "the configuration names no image");
		doctor_mend(finding, false, "in [image]: path = the disk image");
		return;
	}
	if (image_check_file(image, &err) < 0) {
		doctor_take(finding, SETUP_DOCTOR_FAILURE, &err);
		return;
	}
	if (image->format == CONFIG_IMAGE_REDOXFS)
		tell_redoxfs(image->path, image->block, finding);
	doctor_ok(finding, "%s", image->path);
}

static void tell_room(uint64_t free_bytes, uint64_t blocks, const char *dir, struct setup_doctor_finding *finding)
{
	uint64_t needed = blocks + IMAGE_SHADOW_LEAVES_FREE;

	if (free_bytes < needed)
		doctor_fail(finding, "%llu MB are free beside the image, and a copy of it needs %llu MB", (unsigned long long)free_bytes >> 20,
			    (unsigned long long)needed >> 20);
	else if (free_bytes < 2 * blocks)
		doctor_warn(finding, "%llu MB are free beside the image: the copy (%llu MB) waits for the build",
			    (unsigned long long)free_bytes >> 20, (unsigned long long)blocks >> 20);
	else
		doctor_ok(finding, "%llu MB are free beside the image", (unsigned long long)free_bytes >> 20);
	if (finding->status != SETUP_DOCTOR_OK)
		doctor_mend(finding, false, "make room on the file system of '%s' (cargo clean, old copies of the image)", dir);
}

void doctor_look_room(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const struct config_image *image = &doctor->config->image;
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	uint64_t free_bytes;
	struct stat st;

	if (!has_image(doctor, finding) || image_names_init(&names, image->path, NULL) < 0)
		return;
	if (image->mode != CONFIG_IMAGE_SHADOW)
		doctor_ok(finding, "no copy is made with this mode");
	else if (stat(names.image, &st) < 0 || fs_free_bytes(names.dir, &free_bytes) < 0)
		doctor_warn(finding, "the room beside '%s' cannot be told: %s", image->path, strerror(errno));
	else if (image_shadow_is_kept(&names, image->format))
		doctor_ok(finding, "a copy is ready, and %llu MB are free", (unsigned long long)free_bytes >> 20);
	else
		tell_room(free_bytes, (uint64_t)st.st_blocks * 512, names.dir, finding);
}

/* Dead mounts of anybody's, where the image and the configuration are. */
static void find_dead(const struct doctor *doctor, const char *image_dir, struct strvec *ret)
{
	CLEANUP_FREE char *config_dir = realpath(doctor->config->dir, NULL);

	image_mounts_find_dead(image_dir, ret);
	if (config_dir)
		image_mounts_find_dead(config_dir, ret);
	strvec_sort_unique(ret);
}

/* IMAGE.mnt exists only while a run goes on. */
void doctor_look_leftovers(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP(strvec_clear) struct strvec dead = { 0 };
	pid_t pid;

	if (!has_image(doctor, finding) || image_names_init(&names, doctor->config->image.path, NULL) < 0)
		return;
	find_dead(doctor, names.dir, &dead);
	if (image_lock_holder(names.image, &pid)) {
		doctor_ok(finding, "a run goes on (process %d)", (int)pid);
	} else if (image_mounts_has(names.mnt) || fs_exists(names.mnt)) {
		doctor_fail(finding, "'%s' is still there, though nothing runs", names.mnt);
		doctor_mend(finding, true, "reinject refresh, which begins by putting this right");
	} else if (fs_exists(names.steps)) {
		/* Not for us to end: the journal must learn of it, too. */
		doctor_warn(finding, "a run ended while it changed '%s': '%s' tells what is left to do", names.image, names.steps);
		doctor_mend(finding, false, "reinject refresh, which begins by putting this right");
	} else if (dead.n > 0) {
		doctor_fail(finding, "the daemon of the mount '%s' is dead", dead.v[0]);
		doctor_mend(finding, true, "umount %s", doctor_word(doctor, dead.v[0]));
	} else {
		doctor_ok(finding, "nothing is left of dead runs");
	}
}

/* Nobody can use a dead mount any more: a plain unmount takes nothing from anybody. */
static int clear_dead(const struct doctor *doctor, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(doctor->config->image.path), *real = realpath(dir, NULL);
	CLEANUP(strvec_clear) struct strvec dead = { 0 };
	struct config_image plain = { .format = CONFIG_IMAGE_REDOXFS };
	int r = 0;

	find_dead(doctor, real ? real : dir, &dead);
	for (size_t i = 0; r == 0 && i < dead.n; i++)
		r = image_mount_clear(dead.v[i], &plain, doctor->config->image.path, UNMOUNT_LIMIT_MS, err);
	return r;
}

int doctor_fix_leftovers(struct doctor *doctor, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	struct image_lock *lock = NULL;
	int r = image_lock(doctor->config->image.path, 0, doctor->cancel, &lock, err);

	if (r < 0)
		return r;
	r = image_recover(&doctor->config->image, &notes, err);
	image_unlock(lock);
	return r < 0 ? r : clear_dead(doctor, err);
}

/* The folder of a mount is in the sentence. */
static void tell_holder(const struct config_image *image, const struct image_holders *holders, const struct err *err,
			struct setup_doctor_finding *finding)
{
	doctor_take(finding, SETUP_DOCTOR_FAILURE, err);
	if (image->mode == CONFIG_IMAGE_SHADOW && holders->n == 1 && holders->v[0].is_mount && !holders->v[0].is_loop)
		doctor_mend(finding, false, "umount it; or, if you keep it mounted, in [image]: mode = live and mount_point = that folder");
}

void doctor_look_holders(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const struct config_image *image = &doctor->config->image;
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	struct err err = ERR_INIT;

	if (!has_image(doctor, finding))
		return;
	if (image_holders_find(image->path, &holders, &err) < 0)
		doctor_take(finding, SETUP_DOCTOR_WARNING, &err);
	else if (image_holders_refuse_for(image, 0, &holders, &err) < 0)
		tell_holder(image, &holders, &err, finding);
	else if (holders.n > 0)
		doctor_ok(finding, "%s (process %d) %s, which does no harm", holders.v[0].program ? holders.v[0].program : "somebody",
			  (int)holders.v[0].pid, holders.v[0].how);
	else
		doctor_ok(finding, "nobody has the image open");
}

/* -- from inside ------------------------------------------------------------------------------------------------------------------------------ */

void doctor_image_close(struct doctor *doctor)
{
	image_txn_abort(doctor->txn);
	image_unlock(doctor->lock);
	doctor->txn = NULL;
	doctor->lock = NULL;
	if (doctor->scratch)
		(void)!fs_remove_tree(doctor->scratch, NULL);
	free(doctor->scratch);
	doctor->scratch = NULL;
}

static int begin(struct doctor *doctor, struct err *err)
{
	const char *base = getenv("TMPDIR");
	int r;

	doctor->scratch = xasprintf("%s/reinject-doctor.XXXXXX", base && *base ? base : "/tmp");
	if (!mkdtemp(doctor->scratch)) {
		r = err_set(err, -errno, "cannot make '%s'", doctor->scratch);
		free(doctor->scratch);
		doctor->scratch = NULL;
		return r;
	}
	r = image_lock(doctor->config->image.path, 0, doctor->cancel, &doctor->lock, err);
	return r < 0 ? r : image_txn_begin(&doctor->config->image, doctor->lock, doctor->scratch, NULL, doctor->cancel, &doctor->txn, err);
}

/* Only when nothing is in the way that another check has told of. */
static bool open_image(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	struct setup_doctor_finding before = { 0 };
	struct err err = ERR_INIT;
	bool fits;

	if (doctor->txn)
		return true;
	if (doctor->config->image.mode == CONFIG_IMAGE_IN_PLACE) {
		doctor_skip(finding, "without a copy the image would have to be mounted itself");
		return false;
	}
	doctor_look_image(doctor, &before);
	doctor_look_room(doctor, &before);
	doctor_look_leftovers(doctor, &before);
	doctor_look_holders(doctor, &before);
	fits = before.status != SETUP_DOCTOR_FAILURE && has_image(doctor, finding);
	free(before.said);
	free(before.command);
	if (!fits) {
		doctor_skip(finding, "the image cannot be opened, see above");
		return false;
	}
	if (begin(doctor, &err) == 0)
		return true;
	doctor_image_close(doctor);
	if (err.class == ERR_BUSY)
		doctor_skip(finding, "%s", err.message);
	else
		doctor_take(finding, SETUP_DOCTOR_FAILURE, &err);
	return false;
}

/* What the files below @fd (taken over) take, whole blocks and one for each node. */
static uint64_t sum_files(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	uint64_t sum = 0;

	if (!dir)
		close(fd);
	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		struct stat st;
		int below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += BLOCK + ((uint64_t)st.st_size + BLOCK - 1) / BLOCK * BLOCK;
		if (!S_ISDIR(st.st_mode) || depth >= MAX_DEPTH)
			continue;
		below = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		sum += below < 0 ? 0 : sum_files(below, depth + 1);
	}
	if (dir)
		closedir(dir);
	return sum;
}

static void tell_space(const struct doctor *doctor, const struct statvfs *vfs, uint64_t in_files, struct setup_doctor_finding *finding)
{
	uint64_t size = (uint64_t)vfs->f_blocks * vfs->f_frsize, available = (uint64_t)vfs->f_bavail * vfs->f_frsize;
	uint64_t used = size - (uint64_t)vfs->f_bfree * vfs->f_frsize, leaked = used > in_files ? used - in_files : 0;

	if (available < MIN_FREE) {
		doctor_fail(finding, "only %llu KB are free in the image", (unsigned long long)available >> 10);
		doctor_mend(finding, false, "remove files from it, or make it larger (redoxfs-clone into a larger one)");
	} else if (doctor->config->image.format == CONFIG_IMAGE_REDOXFS && leaked > MUCH_LEAKED && leaked > size / 5) {
		doctor_warn(finding, "%llu MB of the image are in no file: RedoxFS has leaked them", (unsigned long long)leaked >> 20);
		doctor_mend(finding, false, "reinject image compact");
	} else {
		doctor_ok(finding, "%llu MB are free in the image, %llu MB in no file", (unsigned long long)available >> 20,
			  (unsigned long long)leaked >> 20);
	}
}

void doctor_look_content(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	struct err err = ERR_INIT;
	struct statvfs vfs;
	struct stat st;
	int fd;

	if (!open_image(doctor, finding))
		return;
	fd = image_txn_open_path(doctor->txn, "/", &st, &err);
	if (fd < 0 || fstatvfs(fd, &vfs) < 0) {
		doctor_fail(finding, "the image's root cannot be read: %s", fd < 0 ? err.message : strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	tell_space(doctor, &vfs, sum_files(fd, 0), finding);
}

/* -- initfs ----------------------------------------------------------------------------------------------------------------------------------- */

/* An error's sentence names the file as it is called in the image, not as it is reached here. */
static void tell_header(int fd, const char *dest, struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *reached = xasprintf("/dev/fd/%d", fd);
	struct image_initfs initfs;
	struct err err = ERR_INIT;
	int r = image_initfs_read(reached, &initfs, &err);

	if (r == -EINVAL)
		err_set(&err, r, "'%s' in the image is no initfs: it does not begin with 'RedoxFtw'!", dest);
	else if (r == 0)
		r = image_initfs_judge(dest, &initfs, &err);
	if (r < 0) {
		doctor_take(finding, SETUP_DOCTOR_FAILURE, &err);
		doctor_mend(finding, false, "reinject initfs, which packs it with its bootstrap");
	}
}

static void look_at_initfs(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const char *dest = doctor->config->initfs.dest;
	struct err err = ERR_INIT;
	struct stat st;
	CLEANUP_CLOSE int fd = image_txn_open_path(doctor->txn, dest, &st, &err);

	if (fd < 0) {
		doctor_warn(finding, "%s", err.message);
		doctor_mend(finding, false, "[initfs] dest = its place in the image");
		return;
	}
	tell_header(fd, dest, finding);
	doctor_ok(finding, "'%s' has its bootstrap", dest);
}

static bool look_at_parts(const struct config *config, struct setup_doctor_finding *finding)
{
	const struct config_initfs *initfs = &config->initfs;
	struct err err = ERR_INIT;

	if (!fs_is_dir(initfs->dir)) {
		doctor_fail(finding, "the initfs's folder '%s' is missing", initfs->dir);
		doctor_mend(finding, false, "[initfs] dir = the folder with its content");
	} else if (!initfs->tool || access(initfs->tool, X_OK) < 0) {
		doctor_fail(finding, "'%s' cannot be run", initfs->tool ? initfs->tool : "[initfs] tool");
		doctor_mend(finding, false, "cargo build --release -p redox-initfs-tools, and [initfs] tool = redox-initfs-ar");
	} else if (!initfs->bootstrap || !fs_exists(initfs->bootstrap)) {
		doctor_fail(finding, "the bootstrap ELF '%s' is missing", initfs->bootstrap ? initfs->bootstrap : "[initfs] bootstrap");
		doctor_mend(finding, false, "build it (bootstrap/build-cranelift.sh), and [initfs] bootstrap = its path");
	} else if (artifact_check(initfs->bootstrap, config->build.target, &err) < 0 ||
		   image_initfs_check_bootstrap(initfs->bootstrap, &err) < 0) {
		doctor_take(finding, SETUP_DOCTOR_FAILURE, &err);
	} else {
		return true;
	}
	return false;
}

void doctor_look_initfs(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	if (!doctor->config->initfs.dir)
		doctor_skip(finding, "the configuration has no [initfs]");
	else if (look_at_parts(doctor->config, finding) && open_image(doctor, finding))
		look_at_initfs(doctor, finding);
}
