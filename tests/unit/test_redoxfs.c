/* The log of allocations of a RedoxFS image, made block by block: what it sums up to, and logs that no file system has. Real ones are in tests/e2e. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/scratch.h"

/* For its hash: a log whose hashes are wrong is not looked into. */
#include "image/redoxfs.c" /* NOLINT(bugprone-suspicious-include) */

enum { LOG_AT = 2, N_BLOCKS = 100 };

struct box {
	char *dir;
	int fd;
	unsigned char block[BLOCK];
	struct image_redoxfs header;
};

static int setup(void **state)
{
	struct box *box = xcalloc(1, sizeof(*box));
	CLEANUP_FREE char *path = NULL;

	box->dir = scratch_make();
	path = xasprintf("%s/image", box->dir);
	box->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(box->fd >= 0);
	box->header = (struct image_redoxfs){ .version = 8, .size = (uint64_t)N_BLOCKS * BLOCK };
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	close(box->fd);
	scratch_remove(box->dir);
	free(box);
	return 0;
}

static void put(struct box *box, size_t at, int64_t value)
{
	uint64_t little = htole64((uint64_t)value);

	memcpy(box->block + at, &little, sizeof(little));
}

/* Writes the block as the end of the log and asks. */
static int room(struct box *box, uint64_t *ret)
{
	assert_int_equal(pwrite(box->fd, box->block, BLOCK, (off_t)LOG_AT * BLOCK), BLOCK);
	box->header.alloc[0] = LOG_AT << 8;
	box->header.alloc[1] = seahash(box->block, BLOCK);
	return image_redoxfs_free(box->fd, &box->header, ret);
}

static void entries_add_up(void **state)
{
	struct box *box = *state;
	uint64_t n = 7;

	put(box, 24, 10);
	put(box, 40, -3);
	assert_int_equal(room(box, &n), 0);
	assert_int_equal(n, (uint64_t)7 * BLOCK);
	box->header.alloc[1]++;
	assert_int_equal(image_redoxfs_free(box->fd, &box->header, &n), -EUCLEAN);
}

static void what_no_file_system_has_is_refused(void **state)
{
	/* The last would wrap around to 5. */
	static const int64_t wrong[][3] = { { -1 }, { N_BLOCKS, 1 }, { INT64_MAX, 1 }, { INT64_MIN, -1 }, { INT64_MAX, INT64_MAX, 7 } };
	struct box *box = *state;
	uint64_t n = 7;

	for (size_t i = 0; i < N_ELEMENTS(wrong); i++) {
		put(box, 24, wrong[i][0]);
		put(box, 40, wrong[i][1]);
		put(box, 56, wrong[i][2]);
		assert_int_equal(room(box, &n), -EUCLEAN);
	}
	assert_int_equal(n, 7);
}

static void a_log_that_leads_nowhere_ends(void **state)
{
	struct box *box = *state;
	uint64_t n = 7;

	put(box, 0, (int64_t)N_BLOCKS << 20);
	assert_int_equal(room(box, &n), -EUCLEAN);
	box->header.version = 9;
	assert_int_equal(room(box, &n), -ENOTSUP);
	box->header = (struct image_redoxfs){ .version = 8 };
	assert_int_equal(image_redoxfs_free(box->fd, &box->header, &n), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(entries_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(what_no_file_system_has_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_log_that_leads_nowhere_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
