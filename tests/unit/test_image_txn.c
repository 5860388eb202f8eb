/* One transaction from begin to commit or abort, on real RedoxFS: what gets into the image, and that it stays as it was when anything fails. */
#include "test_image.h"

static void written_file_is_in_the_swapped_image(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char now[HASH_HEX_SIZE];
	struct stat before, after, st;

	NEED_REDOXFS();
	assert_int_equal(chmod(rig->image, 0640), 0);
	assert_int_equal(chown(rig->image, 77, 88), 0);
	assert_int_equal(stat(rig->image, &before), 0);
	rig_begin(rig, NULL);
	assert_ok(rig, image_txn_room(rig->txn, FILE_SIZE, &rig->err));
	assert_ok(rig, rig_put(rig, 'n', "/usr/lib/drivers", "netd", &put));
	assert_int_equal(put.result, IMAGE_PUT_WRITTEN);
	assert_string_equal(put.path, "/usr/lib/drivers/netd");
	assert_int_equal(put.bytes, FILE_SIZE);
	assert_int_equal(put.mode, 0755);
	assert_int_equal(image_txn_n_written(rig->txn), 1);
	no_temp_in(rig, "/usr/lib/drivers");
	assert_image_same(rig);
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, now));
	assert_string_equal(now, put.new_hash);
	/* The one before is kept, byte for byte; the new one has its mode and owner. */
	assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
	assert_string_equal(now, rig->before);
	assert_int_equal(stat(rig->image, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, 77);
	assert_int_equal(after.st_gid, 88);
	assert_int_not_equal(after.st_ino, before.st_ino);
	assert_false(fs_exists(rig->names.shadow));
	image_put_clear(&put);
}

static void identical_file_is_left_alone(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'b', "/usr/lib/drivers/netd", "x", &put));
	assert_int_equal(put.result, IMAGE_PUT_IDENTICAL);
	assert_string_equal(put.old_hash, put.new_hash);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	image_put_clear(&put);
}

static bool compare(struct rig *rig, const char *src, const char *dst)
{
	bool identical = false;

	assert_ok(rig, image_txn_compare(rig->txn, src, dst, "x", &identical, &rig->err));
	return identical;
}

static void comparing_tells_what_a_put_would_do(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char same[256], other[256];
	bool identical;

	NEED_REDOXFS();
	snprintf(same, sizeof(same), "%s/same", rig->dir);
	snprintf(other, sizeof(other), "%s/other", rig->dir);
	write_file(same, 'b', FILE_SIZE, 0755);
	write_file(other, 'n', FILE_SIZE, 0755);
	rig_begin(rig, NULL);
	assert_true(compare(rig, same, "/usr/lib/drivers/netd"));
	assert_false(compare(rig, other, "/usr/lib/drivers/netd"));
	assert_false(compare(rig, same, "/etc/conf"));
	assert_false(compare(rig, same, "/etc/not-yet"));
	assert_int_equal(image_txn_compare(rig->txn, same, "/nothere/", "x", &identical, &rig->err), -ENOENT);
	assert_int_equal(image_txn_compare(rig->txn, rig->dir, "/etc/conf", "x", &identical, &rig->err), -EISDIR);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	/* A file that changed since it was compared is read again. */
	write_file(other, 'm', FILE_SIZE, 0755);
	assert_ok(rig, image_txn_put(rig->txn, other, "/usr/lib/drivers/netd", "x", 0755, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_WRITTEN);
	image_put_clear(&put);
	assert_true(compare(rig, other, "/usr/lib/drivers/netd"));
	assert_false(compare(rig, same, "/usr/lib/drivers/netd"));
	/* What is put after a comparison is what is sealed. */
	assert_ok(rig, image_txn_put(rig->txn, same, "/usr/lib/drivers/netd", "x", 0755, &put, &rig->err));
	assert_int_equal(put.bytes, FILE_SIZE);
	image_put_clear(&put);
	commit(rig);
}

static void new_file_belongs_to_root(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat st;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/etc/", "fresh", &put));
	assert_string_equal(put.path, "/etc/fresh");
	assert_string_equal(put.old_hash, "");
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/etc/fresh", &st, NULL));
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
	image_put_clear(&put);
}

static void replaced_file_keeps_mode_and_owner(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat st;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/etc/conf", "x", &put));
	assert_int_equal(put.mode, 0640);
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/etc/conf", &st, NULL));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_size, FILE_SIZE);
	image_put_clear(&put);
}

struct old_content {
	char hash[HASH_HEX_SIZE], read[HASH_HEX_SIZE];
	unsigned int n;
	int answer;
};

static int take_old_content(void *data, int fd, const char *hash, struct err *err)
{
	struct old_content *old = data;

	(void)err;
	old->n++;
	memcpy(old->hash, hash, HASH_HEX_SIZE);
	assert_int_equal(hash_fd(fd, old->read, NULL), 0);
	return old->answer;
}

static void old_content_is_handed_over_first(void **state)
{
	struct rig *rig = *state;
	struct old_content old = { .answer = 0 };
	struct image_txn_hooks hooks = { .on_old = take_old_content, .data = &old };
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_ok(rig, rig_put(rig, 'b', "/usr/lib/drivers/netd", "x", &put));
	assert_int_equal(old.n, 0);
	image_put_clear(&put);
	assert_ok(rig, rig_put(rig, 'n', "/usr/lib/drivers/netd", "x", &put));
	assert_int_equal(old.n, 1);
	assert_string_equal(old.hash, put.old_hash);
	assert_string_equal(old.read, put.old_hash);
	assert_string_not_equal(put.old_hash, put.new_hash);
	image_put_clear(&put);
	old.answer = -ENOMEM;
	assert_int_equal(rig_put(rig, 'm', "/usr/bin/tool", "x", &put), -ENOMEM);
	assert_int_equal(image_txn_n_written(rig->txn), 1);
}

static void removal_takes_only_what_is_ours(void **state)
{
	struct rig *rig = *state;
	struct old_content old = { .answer = 0 };
	struct image_txn_hooks hooks = { .on_old = take_old_content, .data = &old };
	struct image_put put;
	struct stat st;
	char hash[HASH_HEX_SIZE], none[HASH_HEX_SIZE];

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_ok(rig, image_txn_hash(rig->txn, "/no/such/folder/x", none, &rig->err));
	assert_string_equal(none, "");
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib", none, &rig->err));
	assert_string_equal(none, "");
	assert_ok(rig, image_txn_remove(rig->txn, "/etc/no-such", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_ABSENT);
	image_put_clear(&put);
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/lib", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_FOREIGN);
	image_put_clear(&put);
	assert_ok(rig, image_txn_remove(rig->txn, "/etc/conf", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_FOREIGN);
	image_put_clear(&put);
	/* A link to it is none either. */
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/bin/netd-link", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_FOREIGN);
	image_put_clear(&put);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	assert_int_equal(old.n, 0);
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/lib/drivers/netd", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_REMOVED);
	assert_string_equal(put.old_hash, hash);
	assert_string_equal(put.new_hash, "");
	assert_string_equal(old.read, hash);
	image_put_clear(&put);
	assert_int_equal(image_txn_n_written(rig->txn), 1);
	commit(rig);
	assert_false(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, NULL));
	assert_true(look_inside(rig, rig->image, "/etc/conf", &st, NULL));
}

static void removal_whose_content_cannot_be_kept_does_not_happen(void **state)
{
	struct rig *rig = *state;
	struct old_content old = { .answer = -ENOSPC };
	struct image_txn_hooks hooks = { .on_old = take_old_content, .data = &old };
	struct image_put put;
	char hash[HASH_HEX_SIZE];

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_int_equal(image_txn_remove(rig->txn, "/usr/lib/drivers/netd", hash, &put, &rig->err), -ENOSPC);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_string_not_equal(hash, "");
}

/* Somebody, or a fault of the file system, changes a file after it was put: only reading back can see that. */
static void what_reads_back_differently_is_not_swapped_in(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char file[512];

	NEED_REDOXFS();
	for (int what = 0; what < 3; what++) {
		CLEANUP_CLOSE int fd = -1;

		rig_begin(rig, NULL);
		assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
		image_put_clear(&put);
		snprintf(file, sizeof(file), "%s/usr/bin/tool", rig->names.mnt);
		fd = open(file, O_WRONLY | O_CLOEXEC);
		if (what == 0)
			assert_int_equal(pwrite(fd, "!", 1, FILE_SIZE / 2), 1);
		else if (what == 1)
			assert_int_equal(ftruncate(fd, FILE_SIZE - 1), 0);
		else
			assert_int_equal(fchmod(fd, 0600), 0);
		cleanup_close(&fd);
		assert_int_equal(image_txn_seal(rig->txn, &id, &rig->err), -EIO);
		assert_says(rig, what < 2 ? "reads back from the image as something else" : "another mode");
		rig_abort(rig);
		assert_image_same(rig);
	}
}

static void ext4_goes_the_same_way(void **state)
{
	const char *mkfs[] = { "mkfs.ext4", "-q", "-d", at("tree"), NULL, NULL };
	CLEANUP_FREE char *fuse2fs = fs_find_program("fuse2fs"), *mkfs_found = fs_find_program("mkfs.ext4");
	struct rig *rig = *state;
	struct image_put put;
	char hash[HASH_HEX_SIZE];
	struct stat st;

	NEED_REDOXFS();
	if (!fuse2fs || !mkfs_found) {
		print_message("skipped: fuse2fs or mkfs.ext4 is missing\n");
		skip();
	}
	assert_int_equal(truncate(rig->image, 0), 0);
	assert_int_equal(truncate(rig->image, (off_t)IMAGE_MB << 20), 0);
	mkfs[4] = rig->image;
	assert_int_equal(run_program(mkfs), 0);
	rig->config.format = CONFIG_IMAGE_EXT4;
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/etc/conf", "x", &put));
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/etc/conf", &st, hash));
	assert_string_equal(hash, put.new_hash);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, 12);
	image_put_clear(&put);
}

static void interrupted_transaction_undoes_itself(void **state)
{
	struct rig *rig = *state;
	struct cancel cancel;
	struct image_put put;

	NEED_REDOXFS();
	assert_ok(rig, cancel_init(&cancel, &rig->err));
	rig_lock(rig);
	assert_ok(rig, image_txn_begin(&rig->config, rig->lock, rig->state, NULL, &cancel, &rig->txn, &rig->err));
	cancel_request(&cancel, SIGINT);
	assert_int_equal(rig_put(rig, 'n', "/usr/bin/tool", "x", &put), -ECANCELED);
	rig_abort(rig);
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, &cancel, &rig->txn, &rig->err), -ECANCELED);
	assert_false(image_mounts_has(rig->names.mnt));
	assert_image_same(rig);
	cancel_clear(&cancel);
}

#ifdef REINJECT_FAULTS
static int remove_one(struct rig *rig)
{
	struct image_put put = { 0 };
	char hash[HASH_HEX_SIZE];
	int r = image_txn_hash(rig->txn, "/etc/conf", hash, &rig->err);

	if (r == 0)
		r = image_txn_remove(rig->txn, "/etc/conf", hash, &put, &rig->err);
	image_put_clear(&put);
	return r;
}

/* Comes by every fault point whose name begins with txn- or put-. */
static int whole_transaction(struct rig *rig)
{
	struct image_identity id;
	struct image_put put = { 0 };
	int64_t us;
	int r = image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err);

	if (r == 0)
		r = rig_put(rig, 'n', "/usr/bin/tool", "x", &put);
	image_put_clear(&put);
	if (r == 0)
		r = remove_one(rig);
	if (r == 0)
		r = image_txn_seal(rig->txn, &id, &rig->err);
	if (r == 0)
		r = image_txn_commit(&rig->txn, &us, NULL, &rig->err);
	rig_abort(rig);
	return r;
}

static void lock_and_go(struct rig *rig)
{
	if (image_lock(rig->image, 0, NULL, &rig->lock, &rig->err) == 0)
		(void)whole_transaction(rig);
}

static void failure_at_any_point_leaves_the_image(void **state)
{
	struct rig *rig = *state;
	char fault[64];

	NEED_REDOXFS();
	rig_lock(rig);
	for (size_t i = 0; fault_names[i]; i++) {
		if (!str_starts(fault_names[i], "txn-") && !str_starts(fault_names[i], "put-"))
			continue;
		snprintf(fault, sizeof(fault), "%s:EINVAL", fault_names[i]);
		setenv("REINJECT_FAULT", fault, 1);
		assert_int_equal(whole_transaction(rig), -EINVAL);
		assert_image_same(rig);
		assert_false(fs_exists(rig->names.mnt));
		assert_true(!fs_exists(rig->names.shadow) || strcmp(fault_names[i], "txn-mounted") == 0);
	}
	unsetenv("REINJECT_FAULT");
	assert_ok(rig, whole_transaction(rig));
}

static void death_at_any_point_is_put_right(void **state)
{
	struct rig *rig = *state;
	char now[HASH_HEX_SIZE];

	NEED_REDOXFS();
	for (size_t i = 0; fault_names[i]; i++) {
		bool swapped = strcmp(fault_names[i], "txn-swapped") == 0 || strcmp(fault_names[i], "txn-done") == 0;

		if (!str_starts(fault_names[i], "txn-") && !str_starts(fault_names[i], "put-"))
			continue;
		setenv("REINJECT_FAULT", fault_names[i], 1);
		in_dying_child(rig, lock_and_go);
		unsetenv("REINJECT_FAULT");
		rig_lock(rig);
		assert_false(fs_exists(rig->names.mnt));
		assert_false(fs_exists(rig->names.shadow));
		if (!swapped) {
			assert_image_same(rig);
		} else {
			assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
			assert_string_equal(now, rig->before);
			copy_file(rig->names.prev, rig->image);
			unlink(rig->names.prev);
		}
		image_unlock(TAKE_PTR(rig->lock));
	}
}
#endif

#define TXN_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		TXN_TEST(written_file_is_in_the_swapped_image),
		TXN_TEST(identical_file_is_left_alone),
		TXN_TEST(comparing_tells_what_a_put_would_do),
		TXN_TEST(new_file_belongs_to_root),
		TXN_TEST(replaced_file_keeps_mode_and_owner),
		TXN_TEST(old_content_is_handed_over_first),
		TXN_TEST(removal_takes_only_what_is_ours),
		TXN_TEST(removal_whose_content_cannot_be_kept_does_not_happen),
		TXN_TEST(what_reads_back_differently_is_not_swapped_in),
		TXN_TEST(ext4_goes_the_same_way),
		TXN_TEST(interrupted_transaction_undoes_itself),
#ifdef REINJECT_FAULTS
		TXN_TEST(failure_at_any_point_leaves_the_image),
		TXN_TEST(death_at_any_point_is_put_right),
#endif
	};

	return cmocka_run_group_tests_name("image txn", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
