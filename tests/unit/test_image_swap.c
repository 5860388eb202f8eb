/* What becomes of the shadow: too little room, an end without a commit, an image that changed meanwhile, the swap and what it keeps. */
#include "test_image.h"

static void full_image_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	write_file(at("large"), 'l', (size_t)(IMAGE_MB + 4) << 20, 0644);
	rig_begin(rig, NULL);
	assert_int_equal(image_txn_room(rig->txn, (uint64_t)IMAGE_MB << 20, &rig->err), -ENOSPC);
	assert_says(rig, "is full");
	assert_int_equal(image_txn_put(rig->txn, at("large"), "/usr/bin/tool", "x", 0755, &put, &rig->err), -ENOSPC);
	assert_says(rig, "no room for '/usr/bin/tool'");
	no_temp_in(rig, "/usr/bin");
	rig_abort(rig);
	assert_image_same(rig);
	/* Something was written into it, so it is no copy any more. */
	assert_false(fs_exists(rig->names.shadow));
	unlink(at("large"));
}

static void full_host_leaves_no_shadow(void **state)
{
	struct rig *rig = *state;
	char dir[256], image[300];

	NEED_REDOXFS();
	snprintf(dir, sizeof(dir), "%s/small", rig->dir);
	snprintf(image, sizeof(image), "%s/x.img", dir);
	mkdir(dir, 0755);
	assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=9m"), 0);
	copy_file(rig->image, image);
	rig->config.path = image;
	assert_ok(rig, image_lock(image, 0, NULL, &rig->lock, &rig->err));
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -ENOSPC);
	assert_says(rig, "no space for a copy");
	snprintf(image, sizeof(image), "%s/x.img.shadow", dir);
	assert_false(fs_exists(image));
	image_unlock(TAKE_PTR(rig->lock));
	assert_int_equal(umount2(dir, 0), 0);
}

static void abort_leaves_the_image_as_it_was(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	rig_abort(rig);
	assert_image_same(rig);
	assert_false(fs_exists(rig->names.shadow));
	assert_false(fs_exists(rig->names.mnt));
	assert_false(fs_exists(rig->names.prev));
}

static void unused_shadow_is_kept_and_used_again(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat kept, again;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_int_equal(stat(rig->names.shadow, &kept), 0);
	image_unlock(TAKE_PTR(rig->lock));
	/* The next run's recovery must not take it for a half-made one. */
	rig_begin(rig, NULL);
	assert_int_equal(rig->notes.n, 0);
	assert_int_equal(stat(rig->names.shadow, &again), 0);
	assert_int_equal(again.st_ino, kept.st_ino);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_int_equal(stat(rig->image, &again), 0);
	assert_int_equal(again.st_ino, kept.st_ino);
}

static void assert_owner(struct rig *rig, uid_t uid, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(rig->image, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, uid + 1);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void own_image(struct rig *rig, uid_t uid, mode_t mode)
{
	assert_int_equal(chown(rig->image, uid, uid + 1), 0);
	assert_int_equal(chmod(rig->image, mode), 0);
}

/* A chown or chmod of the image is no other image, but must outlive the swap, whenever it came. */
static void owner_and_mode_of_the_present_image_are_kept(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	struct stat kept, shadow;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_int_equal(stat(rig->names.shadow, &kept), 0);
	own_image(rig, 100, 0600);
	rig_begin(rig, NULL);
	assert_int_equal(stat(rig->names.shadow, &shadow), 0);
	assert_int_equal(shadow.st_ino, kept.st_ino);
	assert_int_equal(shadow.st_uid, 100);
	assert_int_equal(shadow.st_mode & 07777, 0600);
	own_image(rig, 200, 0640);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_owner(rig, 200, 0640);
	/* Even between seal and commit. */
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'm', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	own_image(rig, 300, 0604);
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	assert_owner(rig, 300, 0604);
}

static void recovery_deletes_the_kept_shadow(struct rig *rig)
{
	strvec_clear(&rig->notes);
	image_unlock(TAKE_PTR(rig->lock));
	rig_lock(rig);
	assert_int_equal(rig->notes.n, 1);
	assert_false(fs_exists(rig->names.shadow));
}

static void kept_shadow_of_a_changed_image_is_not_used(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	assert_int_equal(utimensat(AT_FDCWD, rig->image, NULL, 0), 0);
	recovery_deletes_the_kept_shadow(rig);
	/* Nor is one that somebody wrote into. */
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	assert_int_equal(utimensat(AT_FDCWD, rig->names.shadow, NULL, 0), 0);
	recovery_deletes_the_kept_shadow(rig);
}

static void changed_image_is_not_swapped_away(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_int_equal(utimensat(AT_FDCWD, rig->image, NULL, 0), 0);
	assert_int_equal(image_txn_commit(&rig->txn, &us, NULL, &rig->err), -EBUSY);
	assert_int_equal(rig->err.class, ERR_BUSY);
	assert_says(rig, "changed by somebody else");
	rig_abort(rig);
	assert_image_same(rig);
	assert_false(fs_exists(rig->names.shadow));
}

static void writer_at_the_last_moment_stops_the_swap(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	int64_t us;
	int status, fds[2];
	pid_t pid;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char c = open(rig->image, O_RDWR | O_CLOEXEC) >= 0;

		(void)!write(fds[1], &c, 1);
		pause();
	}
	assert_int_equal(read(fds[0], &status, 1), 1);
	assert_int_equal(image_txn_commit(&rig->txn, &us, NULL, &rig->err), -EBUSY);
	assert_says(rig, "open for writing");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* Nothing is lost: the same transaction can be committed once the writer has gone. */
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	close(fds[0]);
	close(fds[1]);
}

static void previous_image_can_be_done_without(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig->config.keep_previous = false;
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_false(fs_exists(rig->names.prev));
	assert_false(fs_exists(rig->names.shadow));
}

static void link_to_the_image_stays_a_link(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char link[256];
	struct stat st;

	NEED_REDOXFS();
	snprintf(link, sizeof(link), "%s/link.img", rig->dir);
	assert_int_equal(symlink("x.img", link), 0);
	rig->config.path = link;
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(fs_exists(rig->names.prev));
}

#define TXN_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		TXN_TEST(full_image_changes_nothing),
		TXN_TEST(full_host_leaves_no_shadow),
		TXN_TEST(abort_leaves_the_image_as_it_was),
		TXN_TEST(unused_shadow_is_kept_and_used_again),
		TXN_TEST(owner_and_mode_of_the_present_image_are_kept),
		TXN_TEST(kept_shadow_of_a_changed_image_is_not_used),
		TXN_TEST(changed_image_is_not_swapped_away),
		TXN_TEST(writer_at_the_last_moment_stops_the_swap),
		TXN_TEST(previous_image_can_be_done_without),
		TXN_TEST(link_to_the_image_stays_a_link),
	};

	return cmocka_run_group_tests_name("image swap", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
