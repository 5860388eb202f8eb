/* What a transaction does not take on trust: that it was sealed, that its source stood still, that its name for a new file is free, that a copy it wrote
 * into can be used again. On real RedoxFS. */
#include "test_image.h"

static void unsealed_transaction_is_not_committed(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_int_equal(image_txn_commit(&rig->txn, &us, NULL, &rig->err), -EINVAL);
	assert_says(rig, "is not sealed");
	assert_non_null(rig->txn);
	rig_abort(rig);
	assert_image_same(rig);
}

static int grow_source(void *data, int fd, const char *hash, struct err *err)
{
	CLEANUP_CLOSE int source = open(data, O_WRONLY | O_APPEND | O_CLOEXEC);

	(void)fd;
	(void)hash;
	(void)err;
	assert_true(source >= 0);
	assert_int_equal(write(source, "more", 4), 4);
	return 0;
}

/* A compiler that still writes: half of the old and half of the new file must not pass for either. */
static void source_that_changes_meanwhile_is_refused(void **state)
{
	struct rig *rig = *state;
	char source[256];
	struct image_txn_hooks hooks = { .on_old = grow_source, .data = source };
	struct image_put put;

	NEED_REDOXFS();
	snprintf(source, sizeof(source), "%s/src-n", rig->dir);
	rig_begin(rig, &hooks);
	assert_int_equal(rig_put(rig, 'n', "/usr/bin/tool", "x", &put), -EAGAIN);
	assert_says(rig, "changed while it was put");
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	rig_abort(rig);
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

/* What a killed run has left by chance has our process ID in its name. */
static void name_of_a_new_file_may_be_taken(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char name[64], path[96], hash[HASH_HEX_SIZE];
	struct stat st;
	int64_t us;

	NEED_REDOXFS();
	snprintf(name, sizeof(name), ".reinject-%d", (int)getpid());
	snprintf(path, sizeof(path), "/usr/bin/%s", name);
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'o', "/usr/bin", name, &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin", "new", &put));
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	assert_true(look_inside(rig, rig->image, "/usr/bin/new", &st, hash));
	assert_string_equal(hash, put.new_hash);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_false(look_inside(rig, rig->image, path, &st, hash));
	image_put_clear(&put);
}

/* A copy in which a file was removed is no copy of the image any more; used again, it would take the file away without a word. */
static void copy_that_lacks_a_file_is_not_kept(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char hash[HASH_HEX_SIZE];
	struct stat st;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/lib/drivers/netd", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_REMOVED);
	image_put_clear(&put);
	rig_abort(rig);
	assert_false(fs_exists(rig->names.shadow));
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	assert_true(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, hash));
}

/* The digests of one transaction are kept by what a file looks like: what was written since is another file. */
static void source_that_changed_since_is_read_again(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char source[256], other[256], hash[HASH_HEX_SIZE];
	struct stat st;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin", "one", &put));
	image_put_clear(&put);
	snprintf(source, sizeof(source), "%s/src-n", rig->dir);
	/* The same file, of the same size. */
	snprintf(other, sizeof(other), "%s/src-m", rig->dir);
	write_file(other, 'm', FILE_SIZE, 0755);
	copy_file(other, source);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin", "two", &put));
	assert_int_equal(hash_file(source, hash, NULL), 0);
	assert_string_equal(put.new_hash, hash);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	assert_true(look_inside(rig, rig->image, "/usr/bin/two", &st, hash));
	assert_string_equal(put.new_hash, hash);
	image_put_clear(&put);
}

static void file_that_was_removed_and_is_there_again_is_not_swapped_in(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char file[512], hash[HASH_HEX_SIZE];

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/lib/drivers/netd", hash, &put, &rig->err));
	image_put_clear(&put);
	snprintf(file, sizeof(file), "%s/usr/lib/drivers/netd", rig->names.mnt);
	write_file(file, 'b', FILE_SIZE, 0755);
	assert_int_equal(image_txn_seal(rig->txn, &id, &rig->err), -EIO);
	assert_says(rig, "is in the image again");
	rig_abort(rig);
	assert_image_same(rig);
}

#define DOUBT_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		DOUBT_TEST(unsealed_transaction_is_not_committed),   DOUBT_TEST(source_that_changes_meanwhile_is_refused),
		DOUBT_TEST(name_of_a_new_file_may_be_taken),         DOUBT_TEST(copy_that_lacks_a_file_is_not_kept),
		DOUBT_TEST(source_that_changed_since_is_read_again), DOUBT_TEST(file_that_was_removed_and_is_there_again_is_not_swapped_in),
	};

	return cmocka_run_group_tests_name("image doubt", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
