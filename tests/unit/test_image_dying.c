/* A process that has been killed has an image open for a moment longer, without a name: it is waited for, and nobody is sent away because of it. */
#include "test_image.h"

enum { MEMORY = 192 << 20, PAGE = 4096 };

/* Has @path open for writing, and so much memory that its end takes a while. */
static pid_t start_holder(const char *path)
{
	int fds[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char *memory = malloc(MEMORY);

		for (size_t i = 0; memory && i < MEMORY; i += PAGE)
			memory[i] = 1;
		byte = memory && open(path, O_RDWR | O_CLOEXEC) >= 0;
		(void)!write(fds[1], &byte, 1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	close(fds[0]);
	close(fds[1]);
	return pid;
}

static void one_that_dies_has_a_name_or_is_waited_for(void **state)
{
	struct rig *rig = *state;
	bool gone = false;
	pid_t pid;

	NEED_REDOXFS();
	pid = start_holder(rig->image);
	kill(pid, SIGKILL);
	while (!gone) {
		CLEANUP(image_holders_clear) struct image_holders holders = { 0 };

		assert_ok(rig, image_holders_find(rig->image, &holders, &rig->err));
		gone = holders.n == 0;
		for (size_t i = 0; i < holders.n; i++)
			assert_non_null(holders.v[i].program);
	}
	waitpid(pid, NULL, 0);
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_that_dies_has_a_name_or_is_waited_for, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
