/* An image that is replaced as a whole by the copy of another file: which must not be written meanwhile, whoever does it and however. */
#include "test_image.h"

#include "image/whole.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>

enum { MORE_MB = 96 };

struct writing {
	const char *path;
	bool only_times; /* nothing but what a writer leaves who puts the mtime back */
	atomic_bool begun, stop;
	pthread_t thread;
};

static void *keep_writing(void *data)
{
	struct writing *writing = data;
	CLEANUP_CLOSE int fd = open(writing->path, O_RDWR | O_CLOEXEC);
	struct stat st;
	char byte;

	if (fd < 0 || fstat(fd, &st) < 0 || pread(fd, &byte, 1, st.st_size / 2) != 1)
		return NULL;
	while (!writing->stop) {
		if (!writing->only_times)
			(void)!pwrite(fd, &byte, 1, st.st_size / 2);
		else
			(void)futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim });
		writing->begun = true;
		sched_yield(); /* under valgrind one thread runs at a time, and one that never rests is the one */
	}
	return NULL;
}

static void start_writing(struct writing *writing)
{
	assert_int_equal(pthread_create(&writing->thread, NULL, keep_writing, writing), 0);
	while (!writing->begun)
		sched_yield();
}

static void stop_writing(struct writing *writing)
{
	writing->stop = true;
	pthread_join(writing->thread, NULL);
}

/* Longer than the image, so that its copy takes its time. */
static const char *make_good(struct rig *rig)
{
	static char good[192];
	CLEANUP_FREE char *bytes = xcalloc(1 << 20, 1);
	CLEANUP_CLOSE int fd = -1;

	snprintf(good, sizeof(good), "%s.good", rig->image);
	copy_file(rig->image, good);
	fd = open(good, O_WRONLY | O_APPEND | O_CLOEXEC);
	for (int i = 0; i < MORE_MB; i++)
		assert_int_equal(write(fd, bytes, 1 << 20), 1 << 20);
	return good;
}

static int copy_whole(struct rig *rig, const char *from, struct image_whole **ret)
{
	struct image_whole_args args = { .config = &rig->config, .lock = rig->lock, .state = rig->state };

	return image_whole_copy(&args, from, ret, &rig->err);
}

static void refused_while_written(struct rig *rig, bool only_times)
{
	struct writing writing = { .path = make_good(rig), .only_times = only_times };
	struct image_whole *whole = NULL;
	int r;

	start_writing(&writing);
	r = copy_whole(rig, writing.path, &whole);
	stop_writing(&writing);
	assert_int_equal(r, -EBUSY);
	assert_null(whole);
	assert_int_equal(rig->err.class, ERR_BUSY);
	assert_says(rig, "changed while it was being copied");
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

static void file_that_is_written_is_not_copied(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_lock(rig);
	refused_while_written(rig, false);
}

static void file_whose_times_are_put_back_is_not_copied(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_lock(rig);
	refused_while_written(rig, true);
}

/* Another process opens @path for writing as soon as the copy of it has begun. */
static pid_t open_in_the_middle(struct rig *rig, const char *path)
{
	int watch = inotify_init1(IN_CLOEXEC);
	char events[4096];
	pid_t pid;

	assert_true(inotify_add_watch(watch, rig->dir, IN_MODIFY) >= 0);
	pid = fork();
	if (pid == 0) {
		struct inotify_event *event = (void *)events;

		do
			(void)!read(watch, events, sizeof(events));
		while (!strstr(event->name, ".shadow"));
		(void)!open(path, O_RDWR | O_CLOEXEC);
		pause();
	}
	close(watch);
	return pid;
}

static void writer_that_comes_in_the_middle_is_seen(void **state)
{
	struct rig *rig = *state;
	struct image_whole *whole = NULL;
	const char *good;
	pid_t pid;
	int r;

	NEED_REDOXFS();
	rig_lock(rig);
	good = make_good(rig);
	pid = open_in_the_middle(rig, good);
	r = copy_whole(rig, good, &whole);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(r, -EBUSY);
	assert_says(rig, "open for writing");
	assert_image_same(rig);
}

static void file_that_is_still_takes_the_place_of_the_image(void **state)
{
	struct rig *rig = *state;
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	char now[HASH_HEX_SIZE], kept[HASH_HEX_SIZE];
	struct image_identity id;
	const char *good;
	int64_t us;

	NEED_REDOXFS();
	rig_lock(rig);
	good = make_good(rig);
	assert_ok(rig, copy_whole(rig, good, &whole));
	assert_ok(rig, image_whole_seal(whole, &id, &rig->err));
	assert_ok(rig, image_whole_commit(&whole, &us, NULL, &rig->err));
	assert_int_equal(hash_file(rig->image, now, NULL), 0);
	assert_int_equal(hash_file(good, kept, NULL), 0);
	assert_string_equal(now, kept);
	assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
	assert_string_equal(now, rig->before);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(file_that_is_written_is_not_copied, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(file_whose_times_are_put_back_is_not_copied, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(writer_that_comes_in_the_middle_is_seen, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(file_that_is_still_takes_the_place_of_the_image, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
