/* Binaries as they come: whole, cut, for another machine, none at all; and what strip leaves of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"
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

/* -- build-ids ----------------------------------------------------------------------------------------------------------------------------- */

/* A program made by this machine's compiler, with @flags for its linker; false where there is none. */
static bool compile(struct fixture *f, const char *flags)
{
	CLEANUP_FREE char *source = xasprintf("%s/source.c", f->dir);
	const char *argv[] = { "cc", "-o", f->path, source, flags, NULL };
	struct proc_spec spec = { .argv = (char *const *)argv };
	struct proc_result result;

	write_file(source, "int main(void) { return 0; }\n", 29, 0644);
	return proc_run(&spec, &result, NULL) == 0 && !result.signalled && result.status == 0;
}

static char *build_id_of(struct fixture *f)
{
	char *id = NULL;

	assert_int_equal(artifact_build_id(f->path, &id, &f->err), 0);
	return id;
}

static void test_build_id_of_a_linker(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *id = NULL, *sha1 = NULL, *none = NULL, *stripped = NULL;

	if (!compile(f, "-Wl,--build-id=0x0123456789abcdef0123"))
		skip();
	id = build_id_of(f);
	assert_string_equal(id, "0123456789abcdef0123");
	assert_true(compile(f, "-Wl,--build-id=sha1"));
	sha1 = build_id_of(f);
	assert_int_equal(strlen(sha1), 40);
	/* What strip leaves can be told by the same name. */
	assert_int_equal(artifact_strip(&f->config, f->path, f->out, NULL, &f->err), 0);
	assert_int_equal(artifact_build_id(f->out, &stripped, &f->err), 0);
	assert_string_equal(stripped, sha1);
	assert_true(compile(f, "-Wl,--build-id=none"));
	none = build_id_of(f);
	assert_null(none);
}

static void put_number(unsigned char *at, bool big, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (unsigned char)(value >> 8 * (big ? size - 1 - i : i));
}

struct note_file {
	bool wide, big, section;
	uint64_t align, offset, size; /* as the table says; the notes are at 256 */
	const unsigned char *notes;
	size_t n_notes;
};

/* An ELF file with one table of one entry. */
static void write_notes(struct fixture *f, const struct note_file *note)
{
	unsigned char bytes[1024] = "\177ELF";
	bool wide = note->wide, big = note->big;
	size_t width = wide ? 8 : 4, entry = note->section ? (wide ? 64 : 40) : (wide ? 56 : 32), table = 128;
	unsigned char *counts = bytes + (wide ? 54 : 42) + (note->section ? 4 : 0);

	bytes[4] = wide ? 2 : 1;
	bytes[5] = big ? 2 : 1;
	put_number(bytes + (wide ? 32 : 28) + (note->section ? width : 0), big, table, width);
	put_number(counts, big, entry, 2);
	put_number(counts + 2, big, 1, 2);
	put_number(bytes + table + (note->section ? 4 : 0), big, note->section ? 7 : 4, 4);
	put_number(bytes + table + (note->section ? (wide ? 24 : 16) : (wide ? 8 : 4)), big, note->offset, width);
	put_number(bytes + table + (note->section ? (wide ? 32 : 20) : (wide ? 32 : 16)), big, note->size, width);
	put_number(bytes + table + (note->section ? (wide ? 48 : 32) : (wide ? 48 : 28)), big, note->align, width);
	memcpy(bytes + 256, note->notes, note->n_notes);
	write_file(f->path, bytes, 256 + note->n_notes, 0755);
}

/* One note at @at; returns where the next begins. */
static size_t add_note(unsigned char *notes, size_t at, bool big, uint64_t type, const char *name, uint64_t size, size_t align)
{
	size_t name_size = strlen(name) + 1, content = at + (12 + name_size + align - 1) / align * align;

	put_number(notes + at, big, name_size, 4);
	put_number(notes + at + 4, big, size, 4);
	put_number(notes + at + 8, big, type, 4);
	memcpy(notes + at + 12, name, name_size);
	for (size_t i = 0; i < size && i < 64; i++)
		notes[content + i] = (unsigned char)(0xa0 + i);
	return content + (size + align - 1) / align * align;
}

static void test_build_id_of_every_kind(void **state)
{
	struct fixture *f = *state;

	for (unsigned int kind = 0; kind < 16; kind++) {
		bool big = kind & 1;
		size_t align = kind & 8 ? 8 : 4;
		unsigned char notes[256] = { 0 };
		size_t at = add_note(notes, 0, big, 1, "GNU", 5, align),
		       n = add_note(notes, add_note(notes, at, big, 3, "stapsdt", 9, align), big, 3, "GNU", 6, align);
		struct note_file note = {
			.big = big, .wide = kind & 2, .section = kind & 4, .align = align, .offset = 256, .size = n, .notes = notes, .n_notes = n
		};
		CLEANUP_FREE char *id = NULL;

		write_notes(f, &note);
		id = build_id_of(f);
		if (!id)
			fail_msg("kind %u has no build-id", kind);
		assert_string_equal(id, "a0a1a2a3a4a5");
	}
}

static void nothing_in(struct fixture *f, const struct note_file *note, const char *what)
{
	CLEANUP_FREE char *id = NULL;

	write_notes(f, note);
	id = build_id_of(f);
	if (id)
		fail_msg("%s: found %s", what, id);
}

static void test_build_id_that_is_damaged(void **state)
{
	struct fixture *f = *state;
	unsigned char notes[256] = { 0 };
	size_t n = add_note(notes, 0, false, 3, "GNU", 20, 4);
	const struct note_file good = { .wide = true, .align = 4, .offset = 256, .size = n, .notes = notes, .n_notes = n };
	struct note_file bad = good;
	CLEANUP_FREE char *id = NULL;

	write_notes(f, &good);
	id = build_id_of(f);
	assert_int_equal(strlen(id), 40);
	for (bad.size = 0; bad.size < n; bad.size++)
		nothing_in(f, &bad, "a segment that is cut");
	bad = good;
	for (bad.n_notes = 0; bad.n_notes < n; bad.n_notes++)
		nothing_in(f, &bad, "a file that is cut");
	bad = good;
	bad.offset = UINT64_MAX - 8;
	nothing_in(f, &bad, "an offset that wraps");
	bad.offset = 257 + n;
	nothing_in(f, &bad, "an offset behind the end");
	bad = good;
	bad.size = UINT64_MAX;
	nothing_in(f, &bad, "a size without end");
	for (size_t i = 0; i < 8; i++) {
		unsigned char saved = notes[i];

		notes[i] = 0xff;
		nothing_in(f, &good, "a size of a name or content that leads out");
		notes[i] = saved;
	}
	add_note(notes, 0, false, 3, "GNU", 1, 4);
	nothing_in(f, &good, "an id of one byte, which is no path for gdb");
	n = add_note(notes, 0, false, 3, "GNU", 65, 4);
	bad = good;
	bad.size = bad.n_notes = n;
	nothing_in(f, &bad, "an id that is too long");
}

static void test_build_id_of_no_elf(void **state)
{
	struct fixture *f = *state;
	char *id = NULL;

	write_file(f->path, "#!/bin/sh\n", 10, 0755);
	assert_int_equal(artifact_build_id(f->path, &id, &f->err), -ENOEXEC);
	assert_int_equal(artifact_build_id("/nonexistent", &id, &f->err), -ENOENT);
	assert_null(id);
}

/* Whatever byte is wrong, it must be an answer; the sanitizers watch. */
static void test_build_id_with_any_byte_wrong(void **state)
{
	struct fixture *f = *state;
	CLEANUP(str_clear) struct str bytes = { 0 };

	if (!compile(f, "-Wl,--build-id=sha1"))
		skip();
	assert_int_equal(fs_read(f->path, 1 << 24, &bytes, NULL), 0);
	for (size_t i = 0; i < 1200 && i < bytes.len; i++) {
		CLEANUP_CLOSE int fd = open(f->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		CLEANUP_FREE char *id = NULL;
		char saved = bytes.buf[i];
		int r;

		bytes.buf[i] = (char)~saved;
		assert_true(fd >= 0);
		assert_int_equal(fs_write_all(fd, bytes.buf, bytes.len), 0);
		r = artifact_build_id(f->out, &id, &f->err);
		assert_true(r == 0 || r == -ENOEXEC);
		bytes.buf[i] = saved;
	}
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
		cmocka_unit_test_setup_teardown(test_build_id_of_a_linker, setup, teardown),
		cmocka_unit_test_setup_teardown(test_build_id_of_every_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_build_id_that_is_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_build_id_of_no_elf, setup, teardown),
		cmocka_unit_test_setup_teardown(test_build_id_with_any_byte_wrong, setup, teardown),
	};

	return cmocka_run_group_tests_name("cargo/artifact", tests, NULL, NULL);
}
