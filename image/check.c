#include "image/check.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "image/file.h"
#include "image/names.h"
#include "image/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	E2FSCK_ERRORS = 4, /* the bit of e2fsck(8)'s exit status that means 'errors are left', not 'could not run' */
	NEVER_RAN = 126,   /* and more: so end a loader, a shell and e2fsck when the program could not run, or was killed below them */
};

static int tell_redoxfs(int fd, const struct stat *st, const char *path, uint64_t block, struct strvec *ret_facts, struct err *err)
{
	struct image_redoxfs header;
	uint64_t room;
	int r = image_file_read_redoxfs_at(fd, path, block, &header, err);

	if (r < 0)
		return image_file_unusable(path, r, err);
	strvec_addf(ret_facts, "RedoxFS version %" PRIu64 " at byte %" PRIu64 ", %.1f MB, generation %" PRIu64 ", UUID %s",
		    header.version, header.offset, (double)header.size / 1e6, header.generation, header.uuid);
	if (image_redoxfs_free(fd, &header, &room) == 0)
		strvec_addf(ret_facts, "%.1f MB of %.1f MB are free in it", (double)room / 1e6, (double)header.size / 1e6);
	if (header.offset + header.size > (uint64_t)st->st_size)
		return err_set(err, -EUCLEAN, "image '%s' is cut short: its file system needs %" PRIu64 " bytes, the file has %" PRIu64 "!",
			       path, header.offset + header.size, (uint64_t)st->st_size);
	return 0;
}

static int tell_file(const struct config_image *config, const char *path, uint64_t *ret_size, struct strvec *ret_facts, struct err *err)
{
	struct stat st;
	CLEANUP_CLOSE int fd = image_file_open(path, &st, err);
	int r;

	if (fd < 0)
		return image_file_unusable(path, fd, err);
	*ret_size = (uint64_t)st.st_size;
	strvec_addf(ret_facts, "'%s' has %.1f MB, %.1f MB of them on the disk", path, (double)st.st_size / 1e6, (double)st.st_blocks * 512 / 1e6);
	if (config->format == CONFIG_IMAGE_REDOXFS)
		return tell_redoxfs(fd, &st, path, config->block, ret_facts, err);
	r = image_file_check_format(fd, path, config->format, err);
	return r < 0 ? image_file_unusable(path, r, err) : 0;
}

static int tell_holders(const char *path, struct image_holders *holders, struct strvec *ret_facts, struct err *err)
{
	int r = image_holders_find(path, holders, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < holders->n; i++) {
		const struct image_holder *h = &holders->v[i];

		if (h->pid > 0)
			strvec_addf(ret_facts, "%s (process %d) %s", h->program ? h->program : "a program", (int)h->pid, h->how);
		else
			strvec_addf(ret_facts, "%s %s", h->program ? h->program : "a program of another user", h->how);
	}
	if (holders->n == 0)
		strvec_add(ret_facts, "nobody holds it");
	return 0;
}

/* A checker at work. What it prints says in its last line what it found. */
struct work {
	struct cancel *cancel;
	int scratch; /* > 2: the file that it writes is its standard input, and has no name */
	struct strvec lines;
};

static void add_line(void *data, const char *line, size_t n)
{
	struct work *work = data;
	size_t from = n;

	/* A progress line that was written over itself many times. */
	while (from > 0 && line[from - 1] != '\r')
		from--;
	line += from;
	n -= from;
	if (n > 0 && work->lines.n < 1000)
		strvec_add_n(&work->lines, line, n);
}

static char *last_word(const struct work *work)
{
	return xstrdup(work->lines.n > 0 ? work->lines.v[work->lines.n - 1] : "it said nothing");
}

/* Who was killed, or never came to run, has judged nothing: that is no damage. */
static int say_unchecked(const char *program, const char *path, const struct proc_result *result, struct err *err)
{
	CLEANUP_FREE char *how = proc_describe(result);

	err_set(err, -EIO, "image '%s' could not be checked: %s %s!", path, program, how);
	err_hint(err, "see why (the kernel's log tells when memory ran out), then: reinject image check --deep");
	return -EIO;
}

/* Runs @argv, which checks image @path. Returns its exit status, or -errno; -EIO when it came to no verdict. */
static int run_checker(char *const *argv, const char *path, struct work *work, struct err *err)
{
	struct proc_spec spec = {
		.argv = argv, .input_fd = work->scratch, .on_stdout = add_line, .on_stderr = add_line, .data = work, .cancel = work->cancel
	};
	struct proc_result result;
	int r = proc_run(&spec, &result, err);

	if (r == -ENOENT)
		err_class_set(err, ERR_ENVIRONMENT, r, "cannot find program '%s', which checks the image", argv[0]);
	if (r < 0)
		return r;
	return result.signalled || result.status >= NEVER_RAN ? say_unchecked(argv[0], path, &result, err) : result.status;
}

/* redoxfs-clone lies beside the redoxfs that the configuration names by a path, else on PATH. */
static char *clone_program(const struct config_image *config)
{
	CLEANUP_FREE char *dir = NULL, *beside = NULL;

	if (config->tool && strchr(config->tool, '/')) {
		dir = fs_dirname(config->tool);
		beside = xasprintf("%s/redoxfs-clone", dir);
		if (fs_exists(beside))
			return TAKE_PTR(beside);
	}
	return xstrdup("redoxfs-clone");
}

static int read_free(int fd, uint64_t *ret_free, uint64_t *ret_size)
{
	struct image_redoxfs header;
	int r = image_redoxfs_read(fd, &header);

	if (r == 0)
		*ret_size = header.size;
	return r < 0 ? r : image_redoxfs_free(fd, &header, ret_free);
}

static int say_full(const char *path, const char *dir, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -ENOSPC, "image '%s' could not be checked: the disk of '%s' has no room for a copy of its files",
		      path, dir);
	err_hint(err, "free some room there; IMAGE.prev and cargo's target folder are the usual large ones");
	return -ENOSPC;
}

static bool has_room(const char *dir, uint64_t need)
{
	uint64_t room;

	return fs_free_bytes(dir, &room) < 0 || room >= need + IMAGE_SHADOW_LEAVES_FREE;
}

/* Nameless from the start, so that whoever is killed leaves nothing: it is gone with the last who has it open. */
static int open_scratch(const char *path, uint64_t size, struct err *err)
{
	CLEANUP_FREE char *name = xasprintf("%s.check-XXXXXX", path);
	CLEANUP_CLOSE int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0 || unlink(name) < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_set(err, -errno, "cannot make '%s'", name);
	return TAKE_FD(fd);
}

/* The first is read, the second written: its own usage text has them the wrong way round. @dir: on whose disk. */
static int run_clone(const struct config_image *config, const char *from, const char *to, const char *dir, struct work *work, struct err *err)
{
	CLEANUP_FREE char *program = clone_program(config);
	char *argv[] = { program, (char *)from, (char *)to, NULL };
	int r = run_checker(argv, from, work, err);

	/* It calls a full disk an I/O error, as it does a damaged block. */
	return r > 0 && !has_room(dir, 0) ? say_full(from, dir, err) : r;
}

int image_check_clone(const struct config_image *config, const char *from, const char *to, struct cancel *cancel, struct err *err)
{
	CLEANUP_FREE char *said = NULL, *dir = fs_dirname(to);
	struct work work = { .cancel = cancel };
	int r = run_clone(config, from, to, dir, &work, err);

	said = last_word(&work);
	strvec_clear(&work.lines);
	return r > 0 ? err_set(err, -EUCLEAN, "image '%s' is damaged: %s!", from, said) : r;
}

/* What the clone has more of, leaked. A block or two are the file system's own affair. */
static void tell_leaked(int image, int clone, struct strvec *ret_facts)
{
	uint64_t now, clean, size = 0, clone_size = 0;

	if (read_free(image, &now, &size) == 0 && read_free(clone, &clean, &clone_size) == 0 && size == clone_size && clean > now + (64 << 10))
		strvec_addf(ret_facts, "%.1f MB of its room have leaked through replaced files; `reinject image compact` gets them back",
			    (double)(clean - now) / 1e6);
}

static int check_by_clone(const struct config_image *config, const char *path, uint64_t size, struct work *work, struct strvec *ret_facts,
			  struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(path);
	uint64_t fs_size = 0, room = 0;
	struct stat st;
	CLEANUP_CLOSE int image = image_file_open(path, &st, err), scratch = -1;
	bool known = image >= 0 && read_free(image, &room, &fs_size) == 0 && room <= fs_size;
	int r;

	if (image < 0)
		return image;
	if (!has_room(dir, known ? fs_size - room : 0))
		return say_full(path, dir, err);
	/* As large as the file system, so that both have the same room. */
	scratch = open_scratch(path, fs_size > 0 ? fs_size : size, err);
	if (scratch < 0)
		return scratch;
	work->scratch = scratch;
	r = run_clone(config, path, "/dev/fd/0", dir, work, err);
	if (r == 0)
		tell_leaked(image, scratch, ret_facts);
	return r;
}

static int check_deep(const struct config_image *config, const char *path, uint64_t size, struct cancel *cancel, struct strvec *ret_facts,
		      struct err *err)
{
	CLEANUP_FREE char *said = NULL;
	struct work work = { .cancel = cancel };
	char *e2fsck[] = { "e2fsck", "-fn", (char *)path, NULL };
	int64_t start = clock_ms();
	bool ext4 = config->format == CONFIG_IMAGE_EXT4;
	int r = ext4 ? run_checker(e2fsck, path, &work, err) : check_by_clone(config, path, size, &work, ret_facts, err);

	said = last_word(&work);
	strvec_clear(&work.lines);
	if (r < 0)
		return r;
	if (r == 0) {
		strvec_addf(ret_facts, "%s in %lld ms", ext4 ? "e2fsck finds no fault" : "every block was read and its hash is right",
			    (long long)(clock_ms() - start));
		return 0;
	}
	if (ext4 && !(r & E2FSCK_ERRORS))
		return err_set(err, -EIO, "image '%s' could not be checked: e2fsck exited with %d: %s!", path, r, said);
	return err_set(err, -EUCLEAN, "image '%s' is damaged: %s!", path, said);
}

int image_check_run(const struct config_image *config, const char *path, bool deep, struct cancel *cancel, struct strvec *ret_facts,
		    struct err *err)
{
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	const char *asked = path ? path : config->path;
	uint64_t size = 0;
	int r;

	if (!asked)
		return err_class_set(err, ERR_USAGE, -EINVAL, "the configuration names no image: set path in [image]");
	r = image_names_init(&names, asked, err);
	if (r < 0)
		return image_file_unusable(asked, r, err);
	r = tell_file(config, names.image, &size, ret_facts, err);
	if (r < 0)
		return r;
	r = tell_holders(names.image, &holders, ret_facts, err);
	if (r < 0 || !deep)
		return r;
	r = image_holders_refuse(names.image, &holders, err);
	if (r < 0)
		return r;
	if (config->format == CONFIG_IMAGE_CUSTOM) {
		strvec_add(ret_facts, "no full check is known for format = custom");
		return 0;
	}
	if (config->block > 0) {
		strvec_add(ret_facts, "no full check is known for [image] block: redoxfs-clone searches the file system by itself");
		return 0;
	}
	return check_deep(config, names.image, size, cancel, ret_facts, err);
}
