/* Another file under the image's name, an older state of the same one, a lock that somebody deleted: none of it passes for what we left. */
#include "test_image.h"

#include "image/swap.h"

#include <poll.h>

static struct image_identity known_as(struct rig *rig)
{
	struct image_identity id;

	assert_ok(rig, image_identity_of(&rig->config, &id, &rig->err));
	return id;
}

static void in_place_begin(struct rig *rig)
{
	rig->config.mode = CONFIG_IMAGE_IN_PLACE;
	rig_begin(rig, NULL);
}

/* Another file, by rename: as `mv new.img x.img` does it. */
static void replace(struct rig *rig)
{
	char other[256];

	snprintf(other, sizeof(other), "%s/other.img", rig->dir);
	copy_file(fixture_base, other);
	assert_int_equal(rename(other, rig->image), 0);
}

static void in_place_what_our_mount_alone_wrote_is_what_it_was(void **state)
{
	struct rig *rig = *state;
	struct image_identity before, after;

	NEED_REDOXFS();
	rig->config.mode = CONFIG_IMAGE_IN_PLACE;
	before = known_as(rig);
	in_place_begin(rig);
	rig_abort(rig);
	after = known_as(rig);
	assert_true(image_identity_same(&before, &after));
}

static void in_place_another_file_is_another_image(void **state)
{
	struct rig *rig = *state;
	struct image_identity before, after;

	NEED_REDOXFS();
	rig->config.mode = CONFIG_IMAGE_IN_PLACE;
	before = known_as(rig);
	in_place_begin(rig);
	replace(rig);
	/* While it is held, and afterwards. */
	after = known_as(rig);
	assert_false(image_identity_same(&before, &after));
	rig_abort(rig);
	after = known_as(rig);
	assert_false(image_identity_same(&before, &after));
}

/* A run that died while it held the image leaves a note that says so. */
static void hold_and_die(struct rig *rig)
{
	in_place_begin(rig);
}

static void unmount_left(struct rig *rig)
{
	struct image_holders holders = { 0 };

	assert_int_equal(umount2(rig->names.mnt, 0), 0);
	for (int i = 0; i < 1000; i++) {
		assert_ok(rig, image_holders_find(rig->image, &holders, &rig->err));
		if (holders.n == 0)
			return;
		image_holders_clear(&holders);
		poll(NULL, 0, 10);
	}
	fail_msg("the daemon of the dead run stays");
}

static void in_place_an_older_state_after_a_killed_run_is_another_image(void **state)
{
	struct rig *rig = *state;
	struct image_identity id, before, after;
	struct image_put put;
	int64_t us;

	NEED_REDOXFS();
	in_place_begin(rig);
	assert_ok(rig, rig_put(rig, 'n', "/usr/lib/drivers", "netd", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	image_commit_forget(rig->image);
	before = known_as(rig);
	image_unlock(TAKE_PTR(rig->lock));
	in_dying_child(rig, hold_and_die);
	rig_lock(rig);
	after = known_as(rig);
	assert_true(image_identity_same(&before, &after));
	image_unlock(TAKE_PTR(rig->lock));
	in_dying_child(rig, hold_and_die);
	/* Its user unmounts what it left, and copies an older image into the same file. */
	unmount_left(rig);
	copy_file(fixture_base, rig->image);
	rig_lock(rig);
	after = known_as(rig);
	assert_false(image_identity_same(&before, &after));
}

static void live_a_generation_that_has_fallen_shows(void **state)
{
	struct rig *rig = *state;
	struct image_identity before, after;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	in_place_begin(rig);
	rig_abort(rig);
	rig->config.mode = CONFIG_IMAGE_LIVE;
	before = known_as(rig);
	assert_int_equal(before.mtime_ns, 0);
	copy_file(fixture_base, rig->image);
	after = known_as(rig);
	assert_int_equal(before.ino, after.ino);
	assert_true(after.generation < before.generation);
}

/* @sealed: how far the run has come when somebody deletes its lock file. */
static void without_its_lock(struct rig *rig, bool sealed)
{
	struct image_identity id;
	struct image_put put;
	int64_t us;
	int r;

	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/lib/drivers", "netd", &put));
	image_put_clear(&put);
	if (sealed)
		assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_int_equal(unlink(rig->names.lock), 0);
	r = sealed ? image_txn_commit(&rig->txn, &us, NULL, &rig->err) : image_txn_seal(rig->txn, &id, &rig->err);
	assert_int_equal(r, -EBUSY);
	assert_int_equal(rig->err.class, ERR_BUSY);
	assert_says(rig, "deleted");
	rig_abort(rig);
	assert_image_same(rig);
	/* It may be another run's by now. */
	assert_true(fs_exists(rig->names.shadow));
	image_unlock(TAKE_PTR(rig->lock));
	rig_lock(rig);
	assert_false(fs_exists(rig->names.shadow));
}

static void a_lock_that_was_deleted_before_the_seal_ends_it(void **state)
{
	NEED_REDOXFS();
	without_its_lock(*state, false);
}

static void a_lock_that_was_deleted_before_the_swap_ends_it(void **state)
{
	NEED_REDOXFS();
	without_its_lock(*state, true);
}

static void only_what_was_proved_is_swapped_in(void **state)
{
	struct rig *rig = *state;
	struct image_identity from, shadow;
	int64_t us;
	int r;

	NEED_REDOXFS();
	copy_file(rig->image, rig->names.shadow);
	assert_ok(rig, image_identity_read(rig->image, rig->config.format, 0, &from, &rig->err));
	assert_ok(rig, image_identity_read(rig->names.shadow, rig->config.format, 0, &shadow, &rig->err));
	assert_int_equal(rename(rig->names.shadow, rig->names.prev), 0);
	write_file(rig->names.shadow, 'x', FILE_SIZE, 0644);
	r = image_swap(&(struct image_swap){ .names = &rig->names, .from = &from, .shadow = &shadow }, &us, NULL, &rig->err);
	assert_int_equal(r, -EBUSY);
	assert_image_same(rig);
}

static int run(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
		TEST(in_place_what_our_mount_alone_wrote_is_what_it_was),
		TEST(in_place_another_file_is_another_image),
		TEST(in_place_an_older_state_after_a_killed_run_is_another_image),
		TEST(live_a_generation_that_has_fallen_shows),
		TEST(a_lock_that_was_deleted_before_the_seal_ends_it),
		TEST(a_lock_that_was_deleted_before_the_swap_ends_it),
		TEST(only_what_was_proved_is_swapped_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
