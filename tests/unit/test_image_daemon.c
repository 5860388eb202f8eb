/* The daemon that serves a mount: one that dies, fails, or never comes, and the user's own commands in its place. */
#include "test_image.h"

#include "base/clock.h"

static pid_t last_daemon;

static void remember_daemon(void *data, pid_t pid, bool started)
{
	(void)data;
	last_daemon = started ? pid : 0;
}

static int kill_daemon(void *data, int fd, const char *hash, struct err *err)
{
	(void)data;
	(void)fd;
	(void)hash;
	(void)err;
	return kill(last_daemon, SIGKILL);
}

static void killed_daemon_is_said_and_cleaned_up(void **state)
{
	struct image_txn_hooks hooks = { .on_child = remember_daemon, .on_old = kill_daemon };
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_true(last_daemon > 0);
	assert_true(rig_put(rig, 'n', "/usr/bin/tool", "x", &put) < 0);
	assert_says(rig, "was ended by signal 9");
	rig_abort(rig);
	assert_int_equal(last_daemon, 0);
	assert_false(image_mounts_has(rig->names.mnt));
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

static void failing_mount_is_said(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_lock(rig);
	rig->config.tool = (char *)"redoxfs-that-is-not-there";
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -ENOENT);
	assert_int_equal(rig->err.class, ERR_ENVIRONMENT);
	rig->config.tool = (char *)"false";
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -EIO);
	assert_says(rig, "exited with 1");
	assert_false(fs_exists(rig->names.shadow));
	assert_false(fs_exists(rig->names.mnt));
	assert_image_same(rig);
}

static void mount_that_never_comes_is_given_up(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"60", NULL };
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_lock(rig);
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 2 };
	rig->config.mount_timeout_ms = 100;
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -ETIMEDOUT);
	assert_says(rig, "was not ready within 100 ms");
	assert_false(fs_exists(rig->names.mnt));
	assert_image_same(rig);
}

static void ask_in_a_while(void *data, pid_t pid, bool started)
{
	(void)data;
	(void)pid;
	if (started)
		ualarm(50000, 0);
}

static struct cancel *alarm_cancel;

static void on_alarm(int signal)
{
	cancel_request(alarm_cancel, signal);
}

static void waiting_for_a_mount_listens_to_a_signal(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"60", NULL };
	struct image_txn_hooks hooks = { .on_child = ask_in_a_while };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct rig *rig = *state;
	struct cancel cancel;
	int64_t start;

	NEED_REDOXFS();
	assert_ok(rig, cancel_init(&cancel, &rig->err));
	alarm_cancel = &cancel;
	sigaction(SIGALRM, &action, &before);
	rig_lock(rig);
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 2 };
	rig->config.mount_timeout_ms = 30000;
	start = clock_ms();
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, &hooks, &cancel, &rig->txn, &rig->err), -ECANCELED);
	assert_true(clock_ms() - start < 5000);
	assert_int_equal(rig->err.class, ERR_INTERRUPTED);
	assert_false(fs_exists(rig->names.mnt));
	assert_image_same(rig);
	sigaction(SIGALRM, &before, NULL);
	cancel_clear(&cancel);
}

static void custom_commands_mount_and_unmount(void **state)
{
	char *mount_argv[] = { (char *)"redoxfs", (char *)"${IMAGE}", (char *)"${MOUNT_POINT}", NULL };
	char *unmount_argv[] = { (char *)"umount", (char *)"${MOUNT_POINT}", NULL };
	struct rig *rig = *state;
	struct image_put put;
	char hash[HASH_HEX_SIZE];

	NEED_REDOXFS();
	/* Without -d it goes into the background, as `mount -o loop` would: there is no child to wait for. */
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = mount_argv, .n = 3 };
	rig->config.unmount = (struct strvec){ .v = unmount_argv, .n = 2 };
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	commit(rig);
	rig->config.format = CONFIG_IMAGE_REDOXFS;
	assert_true(look_inside(rig, rig->image, "/usr/bin/tool", NULL, hash));
	assert_string_equal(hash, put.new_hash);
	image_put_clear(&put);
}

/* It may have any name, and end after its mount has: whatever writes to the shadow is waited for. */
static void what_serves_in_the_background_is_waited_for(void **state)
{
	char *mount_argv[] = { (char *)"sh",
			       (char *)"-c",
			       (char *)"redoxfs \"$0\" \"$1\" && { sleep 0.7 9<>\"$0\" & }",
			       (char *)"${IMAGE}",
			       (char *)"${MOUNT_POINT}",
			       NULL };
	char *unmount_argv[] = { (char *)"umount", (char *)"${MOUNT_POINT}", NULL };
	CLEANUP(image_holders_clear) struct image_holders holders = { 0 };
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;

	NEED_REDOXFS();
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = mount_argv, .n = 5 };
	rig->config.unmount = (struct strvec){ .v = unmount_argv, .n = 2 };
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_holders_find(rig->names.shadow, &holders, &rig->err));
	assert_int_equal(holders.n, 0);
	rig_abort(rig);
}

static void daemon_that_fails_at_its_end_spoils_the_shadow(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"redoxfs -d \"$0\" \"$1\"; exit 3", (char *)"${IMAGE}", (char *)"${MOUNT_POINT}",
			 NULL };
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;

	NEED_REDOXFS();
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 5 };
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_int_equal(image_txn_seal(rig->txn, &id, &rig->err), -EIO);
	assert_says(rig, "exited with 3");
	rig_abort(rig);
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

#define TXN_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		TXN_TEST(killed_daemon_is_said_and_cleaned_up),
		TXN_TEST(failing_mount_is_said),
		TXN_TEST(mount_that_never_comes_is_given_up),
		TXN_TEST(waiting_for_a_mount_listens_to_a_signal),
		TXN_TEST(what_serves_in_the_background_is_waited_for),
		TXN_TEST(custom_commands_mount_and_unmount),
		TXN_TEST(daemon_that_fails_at_its_end_spoils_the_shadow),
	};

	return cmocka_run_group_tests_name("image daemon", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
