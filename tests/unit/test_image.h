/* What the tests of image/ share: a folder of their own, a RedoxFS image made once, and a supervisor that cleans up whatever a test left, also when
 * it crashed. Use: `int main(void) { return fixture_main(run); }`, where run() calls cmocka_run_group_tests(). */
#ifndef REINJECT_TESTS_TEST_IMAGE_H
#define REINJECT_TESTS_TEST_IMAGE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/proc.h"
#include "image/holders.h"
#include "image/mount.h"
#include "image/mounts.h"
#include "image/names.h"
#include "image/note.h"
#include "image/txn.h"

#define UNUSED __attribute__((unused))

enum { IMAGE_MB = 16, FILE_SIZE = 300000 };

static char fixture_dir[64];        /* /tmp/reinject-image-XXXXXX */
static char fixture_base[96];       /* the image that each test copies */
static const char *fixture_missing; /* why the tests with a real file system are skipped */

#define NEED_REDOXFS()                                                                                                                          \
	do {                                                                                                                                    \
		if (fixture_missing) {                                                                                                          \
			print_message("%s\n", fixture_missing);                                                                                 \
			skip();                                                                                                                 \
		}                                                                                                                               \
	} while (0)

/* A path in the fixture's folder; a few at a time. */
static UNUSED const char *at(const char *name)
{
	static char paths[16][256];
	static unsigned int next;
	char *path = paths[next++ % 16];

	snprintf(path, sizeof(paths[0]), "%s/%s", fixture_dir, name);
	return path;
}

static UNUSED void write_file(const char *path, char fill, size_t n, mode_t mode)
{
	CLEANUP_FREE char *bytes = xrealloc(NULL, n);
	unsigned int seed = (unsigned char)fill;

	/* Noise, or RedoxFS would compress it. */
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		bytes[i] = (char)(seed >> 16);
	}
	assert_int_equal(fs_write_atomic(path, bytes, n, mode, NULL), 0);
}

static UNUSED void copy_file(const char *from, const char *to)
{
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int out = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(in >= 0 && out >= 0);
	assert_int_equal(fs_copy_sparse(in, out, NULL, NULL), 0);
}

static UNUSED int run_program(const char *const *argv)
{
	struct proc_spec spec = { .argv = (char *const *)argv };
	struct proc_result result;

	if (proc_run(&spec, &result, NULL) < 0 || result.signalled)
		return -1;
	return result.status;
}

static void make_tree(const char *tree, const char *host)
{
	char path[256], target[256];

#define IN_TREE(name) (snprintf(path, sizeof(path), "%s/%s", tree, name), path)
	(void)!fs_make_dirs(IN_TREE("usr/bin"), 0755, NULL);
	(void)!fs_make_dirs(IN_TREE("usr/lib/drivers"), 0755, NULL);
	(void)!fs_make_dirs(IN_TREE("etc"), 0755, NULL);
	write_file(IN_TREE("usr/bin/tool"), 'a', FILE_SIZE, 0755);
	write_file(IN_TREE("usr/lib/drivers/netd"), 'b', FILE_SIZE, 0755);
	write_file(IN_TREE("etc/conf"), 'c', 5000, 0640);
	(void)!chown(IN_TREE("etc/conf"), 12, 34);
	(void)!symlink("/usr/bin", IN_TREE("bin"));
	(void)!symlink("../lib/drivers/netd", IN_TREE("usr/bin/netd-link"));
	(void)!symlink(host, IN_TREE("escape"));
	snprintf(target, sizeof(target), "../../../../../../../..%s", host);
	(void)!symlink(target, IN_TREE("climb"));
#undef IN_TREE
}

static const char *make_base(void)
{
	const char *tree = at("tree");
	const char *ar[] = { "redoxfs-ar", fixture_base, tree, NULL };
	CLEANUP_FREE char *redoxfs = fs_find_program("redoxfs"), *redoxfs_ar = fs_find_program("redoxfs-ar");
	CLEANUP_CLOSE int fd = -1;

	if (geteuid() != 0)
		return "skipped: mounting needs root";
	if (!redoxfs || !redoxfs_ar)
		return "skipped: redoxfs is not on PATH (make deps installs it)";
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return "skipped: /dev/fuse cannot be opened";
	mkdir(at("host"), 0755);
	make_tree(tree, at("host"));
	fd = open(fixture_base, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, (off_t)IMAGE_MB << 20) < 0 || run_program(ar) != 0)
		return "skipped: redoxfs-ar made no image";
	return NULL;
}

/* Everything below the folder: mounts, processes that serve or hold them, files. */
static void fixture_clean(void)
{
	CLEANUP(str_clear) struct str table = { 0 };
	char *rest = NULL;

	if (fs_read("/proc/self/mountinfo", 16u << 20, &table, NULL) == 0) {
		for (char *line = strtok_r(table.buf, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			char point[4096];

			if (sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 && path_under(point, fixture_dir))
				umount2(point, MNT_DETACH);
		}
	}
	(void)!fs_remove_tree(fixture_dir, NULL);
}

/* Kills what the tests left running: it has become our child, wherever its session is. */
static void kill_orphans(void)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *path = xasprintf("/proc/%s/stat", entry->d_name);
		CLEANUP(str_clear) struct str stat = { 0 };
		const char *p;
		int parent;

		if (fs_read(path, 4096, &stat, NULL) < 0)
			continue;
		p = strrchr(str_text(&stat), ')');
		if (p && sscanf(p, ") %*c %d", &parent) == 1 && parent == (int)getpid())
			kill((pid_t)atoi(entry->d_name), SIGKILL);
	}
}

static void on_end_signal(int signal)
{
	(void)signal;
}

/* Ctrl-C, or a pipe that nobody reads any more, ends the tests, not the cleaning up. */
static void outlive_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_end_signal };

	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* The tests run in a child, so that a crash of theirs is cleaned up too; what they leave running is killed by the group. */
static int fixture_main(int (*run)(void))
{
	int status = 0;
	pid_t pid;

	snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/reinject-image-XXXXXX");
	if (!mkdtemp(fixture_dir))
		return 1;
	chmod(fixture_dir, 0755);
	snprintf(fixture_base, sizeof(fixture_base), "%s/base.img", fixture_dir);
	/* Orphans of the tests become ours, so that none is left. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		fixture_missing = make_base();
		exit(run());
	}
	outlive_signals();
	if (waitpid(pid, &status, 0) < 0)
		status = SIGTERM;
	kill(-pid, SIGKILL);
	fixture_clean();
	kill_orphans();
	while (waitpid(-1, NULL, 0) > 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* A fresh image with its configuration, in a folder of its own. */
struct rig {
	char dir[128], image[160], state[160];
	struct config_image config;
	struct image_names names;
	struct image_lock *lock;
	struct image_txn *txn;
	struct strvec notes;
	struct err err;
	char before[HASH_HEX_SIZE]; /* of the image */
};

static UNUSED int rig_setup(void **state)
{
	static unsigned int n;
	struct rig *rig = xcalloc(1, sizeof(*rig));

	*state = rig;
	snprintf(rig->dir, sizeof(rig->dir), "%s/rig%u", fixture_dir, n++);
	snprintf(rig->image, sizeof(rig->image), "%s/x.img", rig->dir);
	snprintf(rig->state, sizeof(rig->state), "%s/state", rig->dir);
	mkdir(rig->dir, 0755);
	rig->config = (struct config_image){
		.path = rig->image,
		.format = CONFIG_IMAGE_REDOXFS,
		.keep_previous = true,
		.mount_timeout_ms = 10000,
		.answer_timeout_ms = 60000,
	};
	if (fixture_missing)
		return 0;
	copy_file(fixture_base, rig->image);
	assert_int_equal(image_names_init(&rig->names, rig->image, NULL), 0);
	assert_int_equal(hash_file(rig->image, rig->before, NULL), 0);
	return 0;
}

static UNUSED int rig_teardown(void **state)
{
	struct rig *rig = *state;
	int r = 0;

	image_txn_abort(rig->txn);
	image_unlock(rig->lock);
	strvec_clear(&rig->notes);
	if (rig->names.mnt && (image_mounts_has(rig->names.mnt) || fs_exists(rig->names.mnt))) {
		print_error("a mount or its folder was left: %s\n", rig->names.mnt);
		r = -1;
	}
	image_names_clear(&rig->names);
	(void)!fs_remove_tree(rig->dir, NULL);
	free(rig);
	return r;
}

#define assert_ok(rig, call)                                                                                                                    \
	do {                                                                                                                                    \
		int _r = (call);                                                                                                                \
		if (_r < 0)                                                                                                                     \
			fail_msg("%s: %d: %s", #call, _r, (rig)->err.message);                                                                  \
	} while (0)

#define assert_says(rig, text)                                                                                                                  \
	do {                                                                                                                                    \
		if (!strstr((rig)->err.message, text))                                                                                          \
			fail_msg("'%s' does not say '%s'", (rig)->err.message, text);                                                           \
	} while (0)

static UNUSED void rig_lock(struct rig *rig)
{
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
}

static UNUSED void rig_begin(struct rig *rig, const struct image_txn_hooks *hooks)
{
	if (!rig->lock)
		rig_lock(rig);
	assert_ok(rig, image_txn_begin(&rig->config, rig->lock, rig->state, hooks, NULL, &rig->txn, &rig->err));
}

static UNUSED void rig_abort(struct rig *rig)
{
	image_txn_abort(TAKE_PTR(rig->txn));
}

static UNUSED void assert_image_same(struct rig *rig)
{
	char now[HASH_HEX_SIZE];

	assert_int_equal(hash_file(rig->image, now, NULL), 0);
	assert_string_equal(now, rig->before);
}

/* Puts a file of this fill and returns what the put said. */
static UNUSED int rig_put(struct rig *rig, char fill, const char *dst, const char *name, struct image_put *ret)
{
	char src[256];

	snprintf(src, sizeof(src), "%s/src-%c", rig->dir, fill);
	if (!fs_exists(src))
		write_file(src, fill, FILE_SIZE, 0755);
	return image_txn_put(rig->txn, src, dst, name, 0755, ret, &rig->err);
}

/* Nothing of ours that was not renamed in its place lies in @dir of the shadow. */
static UNUSED void no_temp_in(struct rig *rig, const char *dir)
{
	char path[512];
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s%s", rig->names.mnt, dir);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)))
		assert_false(str_starts(entry->d_name, ".reinject"));
}

/* What must succeed, and what it must leave: a swapped image whose identity is the sealed one. */
static UNUSED void commit(struct rig *rig)
{
	struct image_identity id, now;
	int64_t swapped_us = 0;
	char *note = NULL;

	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &swapped_us, &note, &rig->err));
	assert_null(rig->txn);
	assert_null(note);
	assert_true(swapped_us > 0);
	assert_ok(rig, image_identity_read(rig->image, rig->config.format, 0, &now, &rig->err));
	assert_true(image_identity_same(&id, &now));
}

/* Opens a copy of @image by a daemon of its own and looks at @path: false when absent. */
static UNUSED bool look_inside(struct rig *rig, const char *image, const char *path, struct stat *ret_st, char ret_hash[HASH_HEX_SIZE])
{
	char copy[256], point[256], log[256], file[512];
	struct image_mount_args args = { .config = &rig->config, .image = copy, .point = point, .log = log };
	struct image_mount *mount = NULL;
	struct stat st;
	bool found;

	snprintf(copy, sizeof(copy), "%s/look.img", rig->dir);
	snprintf(point, sizeof(point), "%s/look.mnt", rig->dir);
	snprintf(log, sizeof(log), "%s/look.log", rig->dir);
	copy_file(image, copy);
	assert_ok(rig, image_mount_start(&args, &mount, &rig->err));
	snprintf(file, sizeof(file), "%s%s", point, path);
	found = lstat(file, &st) == 0;
	if (found && ret_st)
		*ret_st = st;
	if (found && ret_hash)
		(void)!hash_file(file, ret_hash, NULL);
	assert_ok(rig, image_mount_stop(&mount, &rig->err));
	unlink(copy);
	return found;
}

/* Runs @fn in a child that then dies as by kill -9, whatever it holds. */
static UNUSED void in_dying_child(struct rig *rig, void (*fn)(struct rig *rig))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		fn(rig);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

#endif
