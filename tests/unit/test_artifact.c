/* Binaries as they come: whole, cut, for another machine, none at all; and what strip leaves of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cargo/artifact.h"

struct fixture {
	char dir[64];
	struct config config;
	struct str self; /* our own bytes: an ELF file with symbols */
	char *path;      /* DIR/binary */
	char *out;       /* DIR/out */
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/reinject-test-artifact.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(fs_read("/proc/self/exe", 1 << 28, &f->self, NULL), 0);
	f->path = xasprintf("%s/binary", f->dir);
	f->out = xasprintf("%s/out", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fs_remove_tree(f->dir, NULL), 0);
	str_clear(&f->self);
	free(f->path);
	free(f->out);
	free(f);
	return 0;
}

static void write_file(const char *path, const void *bytes, size_t n, mode_t mode)
{
	assert_int_equal(fs_write_atomic(path, bytes, n, mode, NULL), 0);
}

static off_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_size;
}

static void test_reads_itself(void **state)
{
	struct fixture *f = *state;
	struct artifact_elf elf, host;

	assert_int_equal(artifact_elf_read("/proc/self/exe", &elf, &f->err), 0);
	assert_true(artifact_elf_expected(NULL, &host));
	assert_int_equal(elf.class, host.class);
	assert_int_equal(elf.data, host.data);
	assert_int_equal(elf.machine, host.machine);
	assert_int_equal(artifact_check("/proc/self/exe", NULL, &f->err), 0);
	assert_int_equal(artifact_check("/proc/self/exe", "mips64-unknown-none", &f->err), 0);
}

static void test_expected_machines(void **state)
{
	static const struct {
		const char *target;
		unsigned int class, machine;
	} known[] = {
		{ "x86_64-unknown-redox", 2, 62 },     { "/src/aarch64-unknown-redox-clif.json", 2, 183 },
		{ "i586-unknown-redox", 1, 3 },        { "i686-unknown-redox", 1, 3 },
		{ "riscv64gc-unknown-redox", 2, 243 }, { "/some-dir/x86_64.json", 2, 62 },
	};
	struct artifact_elf elf;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(known); i++) {
		assert_true(artifact_elf_expected(known[i].target, &elf));
		assert_int_equal(elf.class, known[i].class);
		assert_int_equal(elf.data, 1);
		assert_int_equal(elf.machine, known[i].machine);
	}
	assert_false(artifact_elf_expected("sparc64-unknown-linux", &elf));
	assert_false(artifact_elf_expected("aarch64_be-unknown-linux", &elf));
}

static void test_wrong_machine(void **state)
{
	struct fixture *f = *state;
	bool on_arm = strncmp(f->self.buf + 18, "\xb7\0", 2) == 0;
	struct artifact_elf elf;

	assert_int_equal(artifact_check("/proc/self/exe", on_arm ? "x86_64-x" : "aarch64-unknown-redox-clif.json", &f->err), -ENOEXEC);
	assert_non_null(strstr(f->err.message, on_arm ? "needs x86-64 (64 bit)" : "needs AArch64 (64 bit)"));
	f->self.buf[5] = 2; /* the other byte order turns 62 into 62 << 8, and its tables out of the file */
	write_file(f->path, f->self.buf, f->self.len, 0755);
	assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), -ENOEXEC);
}

static void test_no_elf(void **state)
{
	struct fixture *f = *state;
	struct artifact_elf elf = { .machine = 4711 };

	write_file(f->path, "#!/bin/sh\n# a script that is longer than any header would have to be, so only the magic tells\n", 90, 0755);
	assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), -ENOEXEC);
	write_file(f->path, "", 0, 0755);
	assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), -ENOEXEC);
	assert_int_equal(artifact_elf_read(f->dir, &elf, &f->err), -ENOEXEC);
	assert_int_equal(artifact_elf_read("/nonexistent", &elf, &f->err), -ENOENT);
	assert_int_equal(elf.machine, 4711);
}

static void test_cut_file(void **state)
{
	struct fixture *f = *state;
	const size_t cuts[] = { 20, 51, 63, 64, 4096, f->self.len / 2, f->self.len - 1 };
	struct artifact_elf elf;

	for (size_t i = 0; i < N_ELEMENTS(cuts); i++) {
		write_file(f->path, f->self.buf, cuts[i], 0755);
		assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), -ENOEXEC);
	}
	write_file(f->path, f->self.buf, f->self.len, 0755);
	assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), 0);
}

/* A 32-bit big-endian file whose tables fit exactly, and one byte less. */
static void test_32_bit_big_endian(void **state)
{
	unsigned char elf32[52 + 32 + 40] = { 0x7f, 'E', 'L', 'F', 1, 2, 1 };
	struct fixture *f = *state;
	struct artifact_elf elf;

	elf32[19] = 20; /* PowerPC */
	elf32[31] = 52, elf32[35] = 52 + 32;
	elf32[43] = 32, elf32[45] = 1, elf32[47] = 40, elf32[49] = 1;
	write_file(f->path, elf32, sizeof(elf32), 0755);
	assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), 0);
	assert_int_equal(elf.class, 1);
	assert_int_equal(elf.data, 2);
	assert_int_equal(elf.machine, 20);
	assert_int_equal(artifact_check(f->path, "x86_64-unknown-redox", &f->err), -ENOEXEC);
	assert_non_null(strstr(f->err.message, "machine 20 (32 bit, big-endian)"));
	write_file(f->path, elf32, sizeof(elf32) - 1, 0755);
	assert_int_equal(artifact_elf_read(f->path, &elf, &f->err), -ENOEXEC);
}

static void test_strip_strips(void **state)
{
	static char strip[] = "llvm-strip";
	struct fixture *f = *state;
	CLEANUP(str_clear) struct str after = { 0 };

	f->config.build.strip = strip;
	write_file(f->path, f->self.buf, f->self.len, 0755);
	write_file(f->out, "old", 3, 0600);
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), 0);
	assert_true(size_of(f->out) < size_of(f->path) * 3 / 4);
	assert_int_equal(artifact_check(f->out, NULL, &f->err), 0);
	assert_int_equal(fs_read(f->path, 1 << 28, &after, NULL), 0);
	assert_int_equal(after.len, f->self.len);
	assert_memory_equal(after.buf, f->self.buf, f->self.len);
}

static void test_strip_none_copies(void **state)
{
	static char none[] = "none", empty[] = "";
	char *const values[] = { none, empty, NULL };
	struct fixture *f = *state;
	struct stat st;

	for (size_t i = 0; i < N_ELEMENTS(values); i++) {
		CLEANUP(str_clear) struct str copy = { 0 };

		f->config.build.strip = values[i];
		write_file(f->path, f->self.buf, f->self.len, 0754);
		assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), 0);
		assert_int_equal(fs_read(f->out, 1 << 28, &copy, NULL), 0);
		assert_int_equal(copy.len, f->self.len);
		assert_memory_equal(copy.buf, f->self.buf, f->self.len);
		assert_int_equal(stat(f->out, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0754);
	}
}

static void write_script(const char *path, const char *body)
{
	CLEANUP_FREE char *text = xasprintf("#!/bin/sh\n%s\n", body);

	write_file(path, text, strlen(text), 0755);
}

static void test_strip_fails(void **state)
{
	static char missing[] = "no-such-strip-program";
	struct fixture *f = *state;
	CLEANUP_FREE char *strip = xasprintf("%s/my strip", f->dir);

	write_file(f->path, f->self.buf, f->self.len, 0755);
	f->config.build.strip = strip;
	write_script(strip, "echo part >\"$3\"; echo first >&2; echo 'the last word' >&2; exit 3");
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), -EIO);
	assert_non_null(strstr(f->err.message, "exited with 3"));
	assert_true(str_ends(f->err.message, ": the last word"));
	assert_false(fs_exists(f->out));
	write_script(strip, "exit 0");
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), -EIO);
	f->config.build.strip = missing;
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), -ENOENT);
	assert_int_equal(f->err.class, ERR_ENVIRONMENT);
	assert_true(f->err.hint[0] != '\0');
	assert_int_equal(artifact_strip(&f->config, "/nonexistent", f->out, NULL, &f->err), -ENOENT);
	assert_int_equal(f->err.class, ERR_FAILED);
}

static void test_strip_notices_another_cargo(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *strip = xasprintf("%s/strip", f->dir);

	write_file(f->path, f->self.buf, f->self.len, 0755);
	f->config.build.strip = strip;
	write_script(strip, "cp \"$1\" \"$3\"; cp \"$1\" \"$1.new\"; mv \"$1.new\" \"$1\"");
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), -ESTALE);
	assert_false(fs_exists(f->out));
}

static void test_strip_cancelled(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *strip = xasprintf("%s/strip", f->dir), *fifo = xasprintf("%s/fifo", f->dir);
	CLEANUP(cancel_clear) struct cancel cancel;

	assert_int_equal(cancel_init(&cancel, NULL), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	write_file(f->path, f->self.buf, f->self.len, 0755);
	f->config.build.strip = strip;
	write_script(strip, "echo part >\"$3\"; read -r line <\"${1%/*}/fifo\"");
	cancel_request(&cancel, SIGINT);
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, &cancel, &f->err), -ECANCELED);
	assert_false(fs_exists(f->out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reads_itself, setup, teardown),
		cmocka_unit_test(test_expected_machines),
		cmocka_unit_test_setup_teardown(test_wrong_machine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_elf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_32_bit_big_endian, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strip_strips, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strip_none_copies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strip_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strip_notices_another_cargo, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strip_cancelled, setup, teardown),
	};

	return cmocka_run_group_tests_name("cargo/artifact", tests, NULL, NULL);
}
