/* What a run that was killed leaves behind, at each stage, and what the next one makes of it. */
#include "test_image.h"

#include "image/shadow.h"
#include "image/swap.h"

#include <limits.h>
#include <sys/syscall.h>

/* How many more exchanges succeed; after them the disk takes no more. This takes the place of the C library's function for the whole program. */
static int exchanges_left = INT_MAX;

int renameat2(int old_dir, const char *old_name, int new_dir, const char *new_name, unsigned int flags)
{
	if ((flags & RENAME_EXCHANGE) && exchanges_left-- <= 0) {
		errno = EROFS;
		return -1;
	}
	return (int)syscall(SYS_renameat2, old_dir, old_name, new_dir, new_name, flags);
}

static void begin_in_child(struct rig *rig, const struct image_txn_hooks *hooks)
{
	if (image_lock(rig->image, 0, NULL, &rig->lock, &rig->err) < 0 ||
	    image_txn_begin(&rig->config, rig->lock, rig->state, hooks, NULL, &rig->txn, &rig->err) < 0)
		_exit(1);
}

static void seal_in_child(struct rig *rig, struct image_identity *ret)
{
	struct image_put put;

	begin_in_child(rig, NULL);
	if (rig_put(rig, 'n', "/usr/bin/tool", "x", &put) < 0 || image_txn_seal(rig->txn, ret, &rig->err) < 0)
		_exit(1);
}

static void die_while_copying(struct rig *rig)
{
	struct image_note note = { .stage = IMAGE_NOTE_WORKING };

	if (image_lock(rig->image, 0, NULL, &rig->lock, &rig->err) < 0 || image_note_write(rig->names.lock, &note, NULL) < 0)
		_exit(1);
	write_file(rig->names.shadow, 's', 100000, 0600);
}

static void die_while_mounted(struct rig *rig)
{
	begin_in_child(rig, NULL);
}

static void die_while_mounted_after_a_put(struct rig *rig)
{
	struct image_put put;

	begin_in_child(rig, NULL);
	if (rig_put(rig, 'n', "/usr/bin/tool", "x", &put) < 0)
		_exit(1);
}

static void kill_started(void *data, pid_t pid, bool started)
{
	pid_t *daemon = data;

	if (started)
		*daemon = pid;
}

static void die_with_the_daemon(struct rig *rig)
{
	pid_t daemon = 0;
	struct image_txn_hooks hooks = { .on_child = kill_started, .data = &daemon };

	begin_in_child(rig, &hooks);
	kill(daemon, SIGKILL);
	(void)!proc_wait_gone(daemon, 5000);
}

static void die_when_sealed(struct rig *rig)
{
	struct image_identity id;

	seal_in_child(rig, &id);
}

static void write_intent(struct rig *rig, const struct image_identity *shadow)
{
	struct image_note note = { .stage = IMAGE_NOTE_SWAPPING, .shadow = *shadow, .drop = !rig->config.keep_previous };

	if (image_identity_read(rig->image, rig->config.format, 0, &note.from, NULL) < 0 || image_note_write(rig->names.lock, &note, NULL) < 0)
		_exit(1);
}

static void die_before_the_exchange(struct rig *rig)
{
	struct image_identity id;

	seal_in_child(rig, &id);
	write_intent(rig, &id);
}

static void die_after_the_exchange(struct rig *rig)
{
	struct image_identity id;

	seal_in_child(rig, &id);
	write_intent(rig, &id);
	if (fs_exchange(rig->names.shadow, rig->image) < 0)
		_exit(1);
}

static void die_after_the_link(struct rig *rig)
{
	struct image_identity id;

	seal_in_child(rig, &id);
	write_intent(rig, &id);
	if (link(rig->image, rig->names.prev) < 0)
		_exit(1);
}

static void die_when_all_is_done(struct rig *rig)
{
	die_after_the_exchange(rig);
	if (rename(rig->names.shadow, rig->names.prev) < 0)
		_exit(1);
}

static void recover(struct rig *rig)
{
	rig_lock(rig);
	assert_false(image_mounts_has(rig->names.mnt));
	assert_false(fs_exists(rig->names.mnt));
	assert_false(fs_exists(rig->names.shadow));
}

static void no_daemon_left(struct rig *rig)
{
	CLEANUP(image_daemons_clear) struct image_daemons daemons = { 0 };

	assert_ok(rig, image_daemons_find(rig->image, NULL, &daemons, &rig->err));
	assert_int_equal(daemons.n, 0);
}

static void a_transaction_works(struct rig *rig)
{
	struct image_identity id;
	struct image_put put;
	int64_t us;

	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'z', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
}

static void before_the_swap(struct rig *rig, void (*die)(struct rig *rig), size_t notes)
{
	in_dying_child(rig, die);
	recover(rig);
	assert_int_equal(rig->notes.n, notes);
	assert_image_same(rig);
	assert_false(fs_exists(rig->names.prev));
	no_daemon_left(rig);
	/* Recovery leaves nothing for a second one to do. */
	strvec_clear(&rig->notes);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_int_equal(rig->notes.n, 0);
	a_transaction_works(rig);
}

static void after_the_swap(struct rig *rig, void (*die)(struct rig *rig))
{
	char now[HASH_HEX_SIZE], src[256], want[HASH_HEX_SIZE];

	in_dying_child(rig, die);
	recover(rig);
	assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
	assert_string_equal(now, rig->before);
	snprintf(src, sizeof(src), "%s/src-n", rig->dir);
	assert_int_equal(hash_file(src, want, NULL), 0);
	assert_true(look_inside(rig, rig->image, "/usr/bin/tool", NULL, now));
	assert_string_equal(now, want);
	a_transaction_works(rig);
}

static void nothing_left_is_nothing_done(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	recover(rig);
	assert_int_equal(rig->notes.n, 0);
	assert_image_same(rig);
}

static void half_made_shadow_is_deleted(void **state)
{
	NEED_REDOXFS();
	before_the_swap(*state, die_while_copying, 1);
}

static void mounted_shadow_is_unmounted(void **state)
{
	NEED_REDOXFS();
	/* The mount, the daemon, the shadow. */
	before_the_swap(*state, die_while_mounted, 3);
}

static void mounted_shadow_with_a_put_is_unmounted(void **state)
{
	NEED_REDOXFS();
	before_the_swap(*state, die_while_mounted_after_a_put, 3);
}

static void stale_mount_is_cleared(void **state)
{
	NEED_REDOXFS();
	before_the_swap(*state, die_with_the_daemon, 2);
}

static void sealed_shadow_is_given_up(void **state)
{
	NEED_REDOXFS();
	before_the_swap(*state, die_when_sealed, 1);
}

static void intent_without_a_swap_is_given_up(void **state)
{
	NEED_REDOXFS();
	before_the_swap(*state, die_before_the_exchange, 1);
}

static void link_without_a_rename_is_taken_back(void **state)
{
	NEED_REDOXFS();
	before_the_swap(*state, die_after_the_link, 1);
}

static void half_way_swap_is_completed(void **state)
{
	NEED_REDOXFS();
	after_the_swap(*state, die_after_the_exchange);
}

static void finished_swap_stays(void **state)
{
	NEED_REDOXFS();
	after_the_swap(*state, die_when_all_is_done);
}

static void old_image_goes_when_none_is_kept(void **state)
{
	struct rig *rig = *state;
	char now[HASH_HEX_SIZE];

	NEED_REDOXFS();
	rig->config.keep_previous = false;
	in_dying_child(rig, die_after_the_exchange);
	recover(rig);
	assert_false(fs_exists(rig->names.prev));
	assert_int_equal(hash_file(rig->image, now, NULL), 0);
	assert_string_not_equal(now, rig->before);
}

/* A restore keeps it whatever is configured. */
static void old_image_stays_when_that_swap_was_to_keep_it(void **state)
{
	struct rig *rig = *state;
	char prev[HASH_HEX_SIZE];

	NEED_REDOXFS();
	in_dying_child(rig, die_after_the_exchange);
	rig->config.keep_previous = false;
	recover(rig);
	assert_int_equal(hash_file(rig->names.prev, prev, NULL), 0);
	assert_string_equal(prev, rig->before);
}

static void shadow_without_a_note_is_deleted(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	in_dying_child(rig, die_while_mounted);
	/* Somebody tidied up: neither journal nor note, but a living daemon. */
	unlink(rig->names.lock);
	recover(rig);
	assert_int_equal(rig->notes.n, 3);
	assert_image_same(rig);
}

static void garbled_note_is_no_note(void **state)
{
	struct rig *rig = *state;
	struct image_note note = { .stage = IMAGE_NOTE_KEPT };

	NEED_REDOXFS();
	rig_lock(rig);
	assert_ok(rig, image_note_write(rig->names.lock, &note, &rig->err));
	image_note_read(rig->names.lock, &note);
	assert_int_equal(note.stage, IMAGE_NOTE_KEPT);
	assert_int_equal(truncate(rig->names.lock, 100), 0);
	image_note_read(rig->names.lock, &note);
	assert_int_equal(note.stage, IMAGE_NOTE_NONE);
	write_file(rig->names.lock, 'g', 512, 0644);
	image_note_read(rig->names.lock, &note);
	assert_int_equal(note.stage, IMAGE_NOTE_NONE);
	copy_file(rig->image, rig->names.shadow);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_false(fs_exists(rig->names.shadow));
}

static void busy_mount_is_said(void **state)
{
	struct rig *rig = *state;
	int fd;

	NEED_REDOXFS();
	in_dying_child(rig, die_while_mounted);
	fd = open(rig->names.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	rig->config.mount_timeout_ms = 100;
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
	assert_int_equal(image_recover(&rig->config, &rig->notes, &rig->err), -EBUSY);
	assert_says(rig, "left mounted");
	assert_int_equal(rig->err.class, ERR_BUSY);
	assert_true(strstr(rig->err.hint, "fuser") != NULL);
	assert_true(image_mounts_has(rig->names.mnt));
	close(fd);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_image_same(rig);
}

/* A seal that cannot unmount, then the abort: redoxfs still serves the shadow, which must stay for recovery to see it. */
static void shadow_that_is_still_served_is_left_to_recovery(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_note note;
	struct image_put put;
	int fd;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	fd = open(rig->names.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	rig->config.mount_timeout_ms = 100;
	assert_int_equal(image_txn_seal(rig->txn, &id, &rig->err), -EBUSY);
	assert_int_equal(rig->err.class, ERR_BUSY);
	rig_abort(rig);
	assert_true(image_mounts_has(rig->names.mnt));
	assert_true(fs_exists(rig->names.shadow));
	image_note_read(rig->names.lock, &note);
	assert_int_equal(note.stage, IMAGE_NOTE_WORKING);
	close(fd);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_false(image_mounts_has(rig->names.mnt));
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
	a_transaction_works(rig);
}

/* The swap itself needs no file system in the image. */
static void swap_setup(struct rig *rig, struct image_identity *from, struct image_identity *shadow)
{
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	write_file(rig->image, 'o', 1000, 0644);
	assert_int_equal(image_names_init(&rig->names, rig->image, NULL), 0);
	write_file(rig->names.shadow, 'n', 1000, 0644);
	write_file(rig->names.prev, 'p', 1000, 0644);
	assert_ok(rig, image_lock(rig->image, 0, NULL, &rig->lock, &rig->err));
	assert_ok(rig, image_identity_read(rig->image, rig->config.format, 0, from, &rig->err));
	assert_ok(rig, image_identity_read(rig->names.shadow, rig->config.format, 0, shadow, &rig->err));
}

static void assert_inode(const char *path, const struct image_identity *id)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_ino, id->ino);
}

static void swap_without_exchange(void **state)
{
	struct rig *rig = *state;
	struct image_identity from, shadow;
	char *note = NULL;
	int64_t us;

	image_names_clear(&rig->names);
	swap_setup(rig, &from, &shadow);
	assert_ok(rig, image_swap(
			       &(struct image_swap){
				       .names = &rig->names, .from = &from, .shadow = &shadow, .keep_previous = true, .no_exchange = true },
			       &us, &note, &rig->err));
	assert_null(note);
	assert_inode(rig->image, &shadow);
	assert_inode(rig->names.prev, &from);
	assert_false(fs_exists(rig->names.shadow));
}

static void swap_that_cannot_finish_is_taken_back(void **state)
{
	struct rig *rig = *state;
	struct image_identity from, shadow;
	int64_t us;

	image_names_clear(&rig->names);
	swap_setup(rig, &from, &shadow);
	/* A folder in the place of IMAGE.prev: the old image cannot take that name. */
	assert_int_equal(unlink(rig->names.prev), 0);
	assert_int_equal(mkdir(rig->names.prev, 0755), 0);
	assert_true(image_swap(&(struct image_swap){ .names = &rig->names, .from = &from, .shadow = &shadow, .keep_previous = true }, &us, NULL,
			       &rig->err) < 0);
	assert_says(rig, "taken back");
	assert_inode(rig->image, &from);
	assert_inode(rig->names.shadow, &shadow);
	assert_true(image_swap(
			    &(struct image_swap){
				    .names = &rig->names, .from = &from, .shadow = &shadow, .keep_previous = true, .no_exchange = true },
			    &us, NULL, &rig->err) < 0);
	assert_inode(rig->image, &from);
}

static void assert_stage(struct rig *rig, enum image_note_stage stage)
{
	struct image_note note;

	image_note_read(rig->names.lock, &note);
	assert_int_equal(note.stage, stage);
}

static void swap_that_cannot_be_taken_back_is_left_to_recovery(void **state)
{
	struct rig *rig = *state;
	struct image_identity from, shadow;
	int64_t us;
	int r;

	image_names_clear(&rig->names);
	swap_setup(rig, &from, &shadow);
	assert_int_equal(unlink(rig->names.prev), 0);
	assert_int_equal(mkdir(rig->names.prev, 0755), 0);
	exchanges_left = 1;
	r = image_swap(&(struct image_swap){ .names = &rig->names, .from = &from, .shadow = &shadow, .keep_previous = true }, &us, NULL,
		       &rig->err);
	exchanges_left = INT_MAX;
	assert_int_equal(r, -ENOTRECOVERABLE);
	assert_says(rig, "could not be taken back");
	assert_says(rig, rig->names.shadow);
	assert_stage(rig, IMAGE_NOTE_SWAPPING);
	assert_inode(rig->image, &shadow);
	assert_inode(rig->names.shadow, &from);
	/* Once there is room for IMAGE.prev, the swap is completed; nothing was lost. */
	assert_int_equal(rmdir(rig->names.prev), 0);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_inode(rig->image, &shadow);
	assert_inode(rig->names.prev, &from);
	assert_stage(rig, IMAGE_NOTE_NONE);
}

/* The image is the old one again, but the new one has got no further than IMAGE.prev. */
static void half_an_undo_is_settled_by_recovery(void **state)
{
	struct rig *rig = *state;
	struct image_identity from, shadow;
	struct image_note note = { .stage = IMAGE_NOTE_SWAPPING };

	image_names_clear(&rig->names);
	swap_setup(rig, &from, &shadow);
	note.from = from;
	note.shadow = shadow;
	assert_ok(rig, image_note_write(rig->names.lock, &note, &rig->err));
	assert_int_equal(rename(rig->names.shadow, rig->names.prev), 0);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_inode(rig->image, &from);
	assert_false(fs_exists(rig->names.prev));
	assert_stage(rig, IMAGE_NOTE_NONE);
}

/* The same in a whole transaction: its abort must not take the old image for the shadow. */
static void old_image_in_the_shadows_place_is_not_deleted(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char now[HASH_HEX_SIZE];
	int64_t us;
	int r;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_int_equal(mkdir(rig->names.prev, 0755), 0);
	exchanges_left = 1;
	r = image_txn_commit(&rig->txn, &us, NULL, &rig->err);
	exchanges_left = INT_MAX;
	assert_int_equal(r, -ENOTRECOVERABLE);
	rig_abort(rig);
	assert_int_equal(hash_file(rig->names.shadow, now, NULL), 0);
	assert_string_equal(now, rig->before);
	assert_stage(rig, IMAGE_NOTE_SWAPPING);
	assert_int_equal(rmdir(rig->names.prev), 0);
	assert_ok(rig, image_recover(&rig->config, &rig->notes, &rig->err));
	assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
	assert_string_equal(now, rig->before);
}

/* As an ordinary user over a file of somebody else's, link(2) is forbidden. */
static void swap_where_links_are_forbidden(void **state)
{
	struct rig *rig = *state;
	struct image_identity from, shadow;
	CLEANUP(str_clear) struct str protected = { 0 };
	char *note = NULL;
	int64_t us;
	int status;
	pid_t pid;

	if (geteuid() != 0 || fs_read("/proc/sys/fs/protected_hardlinks", 16, &protected, NULL) < 0 || protected.buf[0] != '1') {
		print_message("skipped: links to foreign files are not forbidden here, or not root\n");
		skip();
	}
	image_names_clear(&rig->names);
	swap_setup(rig, &from, &shadow);
	image_unlock(TAKE_PTR(rig->lock));
	assert_int_equal(unlink(rig->names.prev), 0);
	assert_int_equal(chown(rig->dir, 65534, 65534), 0);
	assert_int_equal(chown(rig->names.lock, 65534, 65534), 0);
	pid = fork();
	if (pid == 0) {
		struct image_swap swap = { .names = &rig->names, .from = &from, .shadow = &shadow, .keep_previous = true, .no_exchange = true };

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(1);
		if (image_swap(&swap, &us, &note, &rig->err) < 0)
			_exit(2);
		_exit(note && strstr(note, "was not kept") ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_inode(rig->image, &shadow);
	assert_false(fs_exists(rig->names.prev));
}

#define RECOVER_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		RECOVER_TEST(nothing_left_is_nothing_done),
		RECOVER_TEST(half_made_shadow_is_deleted),
		RECOVER_TEST(mounted_shadow_is_unmounted),
		RECOVER_TEST(mounted_shadow_with_a_put_is_unmounted),
		RECOVER_TEST(stale_mount_is_cleared),
		RECOVER_TEST(sealed_shadow_is_given_up),
		RECOVER_TEST(intent_without_a_swap_is_given_up),
		RECOVER_TEST(link_without_a_rename_is_taken_back),
		RECOVER_TEST(half_way_swap_is_completed),
		RECOVER_TEST(finished_swap_stays),
		RECOVER_TEST(old_image_goes_when_none_is_kept),
		RECOVER_TEST(old_image_stays_when_that_swap_was_to_keep_it),
		RECOVER_TEST(shadow_without_a_note_is_deleted),
		RECOVER_TEST(garbled_note_is_no_note),
		RECOVER_TEST(busy_mount_is_said),
		RECOVER_TEST(shadow_that_is_still_served_is_left_to_recovery),
		RECOVER_TEST(swap_without_exchange),
		RECOVER_TEST(swap_that_cannot_finish_is_taken_back),
		RECOVER_TEST(swap_that_cannot_be_taken_back_is_left_to_recovery),
		RECOVER_TEST(half_an_undo_is_settled_by_recovery),
		RECOVER_TEST(old_image_in_the_shadows_place_is_not_deleted),
		RECOVER_TEST(swap_where_links_are_forbidden),
	};

	return cmocka_run_group_tests_name("image recover", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
