/* The header of an initfs, good and bad, in files made byte for byte; that the real packer makes such files is tests/e2e/initfs.bats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image/initfs.h"
#include "lib/scratch.h"

enum { PAGE = 4096, TABLE = 2 * PAGE, SIZE = 3 * PAGE, TEXT = 0x3000, TEXT_SIZE = 0x500, ENTRY = 0x3010 };

struct box {
	char *dir, *path;
	unsigned char bytes[SIZE];
	size_t n;
};

static void put(struct box *box, size_t at, uint64_t value, size_t size, bool big)
{
	for (size_t i = 0; i < size; i++)
		box->bytes[at + (big ? size - 1 - i : i)] = (unsigned char)(value >> 8 * i);
}

/* An ELF file with one segment, at @at. */
static void put_elf(struct box *box, size_t at, bool wide, bool big)
{
	size_t header = wide ? 64 : 52, width = wide ? 8 : 4;

	memcpy(box->bytes + at, "\177ELF", 4);
	box->bytes[at + 4] = wide ? 2 : 1;
	box->bytes[at + 5] = big ? 2 : 1;
	put(box, at + 24, ENTRY, width, big);
	put(box, at + (wide ? 32 : 28), header, width, big);
	put(box, at + (wide ? 54 : 42), wide ? 56 : 32, 2, big);
	put(box, at + (wide ? 56 : 44), 1, 2, big);
	put(box, at + header, 1, 4, big);
	put(box, at + header + (wide ? 4 : 24), 5, 4, big);
	put(box, at + header + (wide ? 16 : 8), TEXT, width, big);
	put(box, at + header + (wide ? 40 : 20), TEXT_SIZE, width, big);
}

static void put_initfs(struct box *box)
{
	memset(box->bytes, 0, sizeof(box->bytes));
	box->n = SIZE;
	memcpy(box->bytes, "RedoxFtw", 8);
	put(box, 0x08, TABLE, 4, false);
	put(box, 0x0c, 1700000000, 8, false);
	put(box, 0x14, 5, 4, false);
	put(box, 0x18, 7, 2, false);
	put(box, 0x1a, ENTRY, 8, false);
	put(box, 0x22, SIZE, 8, false);
	put(box, 0x2a, PAGE, 2, false);
	put_elf(box, PAGE, true, false);
}

static int check(struct box *box, struct err *err)
{
	*err = ERR_INIT;
	assert_int_equal(fs_write_atomic(box->path, box->bytes, box->n, 0644, NULL), 0);
	return image_initfs_check(box->path, err);
}

static void refused(struct box *box, int code, const char *words)
{
	struct err err;

	assert_int_equal(check(box, &err), code);
	if (!strstr(err.message, words))
		fail_msg("'%s' does not say '%s'", err.message, words);
	assert_true(err.hint[0] != '\0');
	put_initfs(box);
}

static int setup(void **state)
{
	struct box *box = xcalloc(1, sizeof(*box));

	box->dir = scratch_make();
	box->path = xasprintf("%s/initfs", box->dir);
	put_initfs(box);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	scratch_remove(box->dir);
	free(box->path);
	free(box);
	return 0;
}

static void every_field_is_read_from_its_place(void **state)
{
	struct box *box = *state;
	struct image_initfs initfs;
	struct err err;

	assert_int_equal(check(box, &err), 0);
	assert_int_equal(image_initfs_read(box->path, &initfs, &err), 0);
	assert_int_equal(initfs.inode_table, TABLE);
	assert_int_equal(initfs.seconds, 1700000000);
	assert_int_equal(initfs.nanoseconds, 5);
	assert_int_equal(initfs.n_inodes, 7);
	assert_int_equal(initfs.entry, ENTRY);
	assert_int_equal(initfs.size, SIZE);
	assert_int_equal(initfs.file_size, SIZE);
	assert_int_equal(initfs.page_size, PAGE);
	assert_true(initfs.has_bootstrap);
	assert_int_equal(initfs.bootstrap_entry, ENTRY);
	assert_int_equal(initfs.text_start, TEXT);
	assert_int_equal(initfs.text_end, TEXT + TEXT_SIZE);
}

static void an_entry_of_all_ones_is_refused(void **state)
{
	struct box *box = *state;

	put(box, 0x1a, UINT64_MAX, 8, false);
	refused(box, -ENOEXEC, "packed without its bootstrap");
	put(box, 0x1a, UINT64_MAX, 8, false);
	put(box, PAGE + 24, UINT64_MAX, 8, false);
	refused(box, -ENOEXEC, "packed without its bootstrap");
}

static void an_entry_outside_the_bootstrap_is_refused(void **state)
{
	struct box *box = *state;
	static const uint64_t outside[] = { 0, TEXT - 1, TEXT + TEXT_SIZE };

	for (size_t i = 0; i < N_ELEMENTS(outside); i++) {
		put(box, 0x1a, outside[i], 8, false);
		put(box, PAGE + 24, outside[i], 8, false);
		refused(box, -ENOEXEC, "has no code");
	}
	put(box, 0x1a, ENTRY + 4, 8, false);
	refused(box, -ENOEXEC, "its bootstrap at 0x3010");
	put(box, PAGE + 64 + 4, 6, 4, false); /* not executable */
	refused(box, -ENOEXEC, "has no code");
	put(box, PAGE + 64, 2, 4, false); /* not loaded */
	refused(box, -ENOEXEC, "has no code");
	put(box, PAGE + 64 + 40, UINT64_MAX, 8, false); /* longer than there are addresses */
	refused(box, -ENOEXEC, "has no code");
	memcpy(box->bytes + PAGE, "#!/b", 4);
	refused(box, -ENOEXEC, "holds no bootstrap");
	put(box, 0x2a, 0, 2, false);
	refused(box, -ENOEXEC, "holds no bootstrap");
}

static void a_file_that_is_cut_is_refused(void **state)
{
	struct box *box = *state;

	box->n = SIZE - 1;
	refused(box, -ENOEXEC, "its header says 12288");
	put(box, 0x22, SIZE + 1, 8, false);
	refused(box, -ENOEXEC, "has 12288 bytes");
	box->n = 0x2b;
	refused(box, -EINVAL, "is no initfs");
	box->n = 0;
	refused(box, -EINVAL, "is no initfs");
	put(box, 0x08, SIZE - 7 * 20 + 1, 4, false);
	refused(box, -ENOEXEC, "table");
	put(box, 0x18, 0, 2, false);
	refused(box, -ENOEXEC, "table");
	/* The program headers of its bootstrap lie behind its end. */
	put(box, PAGE + 32, SIZE, 8, false);
	refused(box, -ENOEXEC, "holds no bootstrap");
	put(box, 0, 'r', 1, false);
	refused(box, -EINVAL, "is no initfs");
}

static void a_bootstrap_may_be_of_any_class_and_order(void **state)
{
	struct box *box = *state;
	struct err err;

	for (int kind = 0; kind < 4; kind++) {
		put_initfs(box);
		memset(box->bytes + PAGE, 0, PAGE);
		put_elf(box, PAGE, kind & 1, kind & 2);
		assert_int_equal(check(box, &err), 0);
		memmove(box->bytes, box->bytes + PAGE, PAGE);
		assert_int_equal(fs_write_atomic(box->path, box->bytes, PAGE, 0644, NULL), 0);
		assert_int_equal(image_initfs_check_bootstrap(box->path, &err), 0);
	}
}

static void no_bootstrap_is_said_with_what_to_do(void **state)
{
	struct box *box = *state;
	CLEANUP_FREE char *absent = xasprintf("%s/absent", box->dir);
	struct err err = ERR_INIT;

	assert_int_equal(image_initfs_check_bootstrap(absent, &err), -ENOENT);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	assert_non_null(strstr(err.message, "no bootstrap"));
	assert_non_null(strstr(err.hint, "[initfs]"));
	scratch_write(box->dir, "initfs", "no program");
	err = ERR_INIT;
	assert_int_equal(image_initfs_check_bootstrap(box->path, &err), -ENOEXEC);
	assert_int_equal(err.class, ERR_ENVIRONMENT);
	err = ERR_INIT;
	assert_int_equal(image_initfs_check_bootstrap(box->dir, &err), -EINVAL);
	assert_int_equal(image_initfs_check(absent, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_field_is_read_from_its_place, setup, teardown),
		cmocka_unit_test_setup_teardown(an_entry_of_all_ones_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(an_entry_outside_the_bootstrap_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_cut_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bootstrap_may_be_of_any_class_and_order, setup, teardown),
		cmocka_unit_test_setup_teardown(no_bootstrap_is_said_with_what_to_do, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
