/* Where a transaction may put a file: links stay in the image, and what would lead out of it, or spoil what is there, is refused. */
#include "test_image.h"

static void links_stay_in_the_image(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat st;
	char *target = NULL, *other = NULL;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	/* A folder by an absolute link. */
	assert_ok(rig, image_txn_target(rig->txn, "/bin", "newtool", &target, &rig->err));
	assert_string_equal(target, "/bin/newtool");
	free(target);
	assert_ok(rig, rig_put(rig, 'n', "/bin", "newtool", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_locate(rig->txn, "/bin/newtool", &target, &rig->err));
	assert_ok(rig, image_txn_locate(rig->txn, "/usr/bin/newtool", &other, &rig->err));
	assert_string_equal(target, other);
	free(target);
	free(other);
	assert_ok(rig, image_txn_locate(rig->txn, "/usr/bin/no-such", &target, &rig->err));
	assert_null(target);
	/* A link as the last name: the file behind it is replaced, the link stays. */
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/netd-link", "x", &put));
	image_put_clear(&put);
	/* These lead to the host for whoever follows them there; in the image there is no such folder. */
	assert_int_equal(rig_put(rig, 'n', "/escape/", "pwned", &put), -ENOENT);
	assert_int_equal(rig_put(rig, 'n', "/climb/", "pwned", &put), -ENOENT);
	assert_int_equal(rig_put(rig, 'n', "/escape/pwned", "x", &put), -ENOENT);
	assert_false(fs_exists(at("host/pwned")));
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/usr/bin/newtool", &st, NULL));
	assert_true(look_inside(rig, rig->image, "/usr/bin/netd-link", &st, NULL));
	assert_true(S_ISLNK(st.st_mode));
	assert_true(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, target = xcalloc(1, HASH_HEX_SIZE)));
	assert_string_not_equal(target, "");
	free(target);
}

static void refused(struct rig *rig, const char *dst, const char *name, int code, enum err_class class, const char *says)
{
	struct image_put put;

	rig->err = ERR_INIT;
	assert_int_equal(rig_put(rig, 'n', dst, name, &put), code);
	assert_int_equal(rig->err.class, class);
	assert_says(rig, says);
	/* The check says the same without a file to put. */
	rig->err = ERR_INIT;
	assert_int_equal(image_txn_check(rig->txn, dst, name, &rig->err), code);
	assert_int_equal(rig->err.class, class);
	assert_says(rig, says);
}

static void bad_destinations_are_refused(void **state)
{
	struct rig *rig = *state;
	char longest[300] = "/etc/";

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	refused(rig, "/usr/lib/nothere/", "x", -ENOENT, ERR_FAILED, "the image has no folder '/usr/lib/nothere/'");
	refused(rig, "/usr/lib/nothere/file", "x", -ENOENT, ERR_FAILED, "no folder '/usr/lib/nothere'");
	refused(rig, "/usr/../etc/x", "x", -EINVAL, ERR_USAGE, "'..'");
	refused(rig, "/usr/..", "x", -EINVAL, ERR_USAGE, "'..'");
	refused(rig, "etc/x", "x", -EINVAL, ERR_USAGE, "must begin with '/'");
	refused(rig, "/etc/", "..", -EINVAL, ERR_USAGE, "'..'");
	refused(rig, "/etc/", "a/b", -EINVAL, ERR_USAGE, "no name");
	refused(rig, "/etc/a:b", "x", -EINVAL, ERR_USAGE, "':'");
	refused(rig, "/etc/\xff", "x", -EINVAL, ERR_USAGE, "UTF-8");
	refused(rig, "/etc/conf/", "x", -ENOTDIR, ERR_FAILED, "is no folder");
	refused(rig, "/etc/conf/below", "x", -ENOTDIR, ERR_FAILED, "is no folder");
	memset(longest + 5, 'x', 253);
	refused(rig, longest, "x", -EINVAL, ERR_USAGE, "252 bytes");
	/* All of that must have left the daemon alive and the shadow as good as new. */
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

static void setuid_target_is_refused(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char file[512];

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	snprintf(file, sizeof(file), "%s/usr/bin/tool", rig->names.mnt);
	assert_int_equal(chmod(file, 04755), 0);
	assert_int_equal(rig_put(rig, 'n', "/usr/bin/tool", "x", &put), -EPERM);
	assert_says(rig, "setuid");
	assert_int_equal(image_txn_n_written(rig->txn), 0);
}

static void place_is_checked_without_writing(void **state)
{
	struct rig *rig = *state;
	char path[512];

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, image_txn_check(rig->txn, "/usr/bin/tool", "x", &rig->err));
	assert_ok(rig, image_txn_check(rig->txn, "/usr/bin/", "fresh", &rig->err));
	assert_ok(rig, image_txn_check(rig->txn, "/usr/bin/netd-link", "x", &rig->err));
	snprintf(path, sizeof(path), "%s/usr/bin/fresh", rig->names.mnt);
	assert_false(fs_exists(path));
	/* Nothing was written, so the shadow is still a copy. */
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	rig_begin(rig, NULL);
	snprintf(path, sizeof(path), "%s/usr/bin/tool", rig->names.mnt);
	assert_int_equal(chmod(path, 02755), 0);
	snprintf(path, sizeof(path), "%s/etc/round", rig->names.mnt);
	assert_int_equal(symlink("round", path), 0);
	snprintf(path, sizeof(path), "%s/etc/to-folder", rig->names.mnt);
	assert_int_equal(symlink("../usr/bin", path), 0);
	snprintf(path, sizeof(path), "%s/usr/bin/folder", rig->names.mnt);
	assert_int_equal(mkdir(path, 0755), 0);
	refused(rig, "/usr/bin/tool", "x", -EPERM, ERR_FAILED, "setuid");
	refused(rig, "/etc/to-folder", "tool", -EPERM, ERR_FAILED, "setuid");
	refused(rig, "/etc/round", "x", -ELOOP, ERR_FAILED, "/etc/round");
	refused(rig, "/usr/bin", "folder", -EISDIR, ERR_FAILED, "is a folder");
}

static void source_must_be_a_file(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_int_equal(image_txn_put(rig->txn, rig->dir, "/etc/x", "x", 0644, &put, &rig->err), -EISDIR);
	assert_int_equal(image_txn_put(rig->txn, "/dev/null", "/etc/x", "x", 0644, &put, &rig->err), -EINVAL);
	assert_int_equal(image_txn_put(rig->txn, at("nothere"), "/etc/x", "x", 0644, &put, &rig->err), -ENOENT);
}

#define TXN_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		TXN_TEST(links_stay_in_the_image),          TXN_TEST(bad_destinations_are_refused), TXN_TEST(setuid_target_is_refused),
		TXN_TEST(place_is_checked_without_writing), TXN_TEST(source_must_be_a_file),
	};

	return cmocka_run_group_tests_name("image places", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
