/* An image that gets a half-written binary, or one for the host, is found out at the next boot only; here it costs a look at a header. */
#include "cargo/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/proc.h"

/* System V ABI, 'ELF header': offsets in the file's first bytes. */
enum {
	ELF_CLASS = 4,
	ELF_DATA = 5,
	ELF_MACHINE = 18,
	ELF32_SIZE = 52,
	ELF64_SIZE = 64,
	ELF32_TABLES = 28, /* e_phoff, e_shoff as u32 */
	ELF64_TABLES = 32, /* the same as u64 */
	ELF32_COUNTS = 42, /* e_phentsize, e_phnum, e_shentsize, e_shnum as u16 */
	ELF64_COUNTS = 54,
};

/* 'Note section', and binutils' NT_GNU_BUILD_ID. A longer note segment than this is a core file's. */
enum { NOTE_HEADER = 12, NT_GNU_BUILD_ID = 3, MAX_NOTES = 1 << 20, MIN_BUILD_ID = 2, MAX_BUILD_ID = 64 };

/* Where program headers and section headers say that there are notes: offsets in one entry, by class. */
static const struct note_table {
	uint64_t type; /* PT_NOTE, SHT_NOTE */
	size_t tables; /* which of the two tables: 0 program headers, 1 sections */
	size_t type_at;
	struct {
		size_t entry, offset, size, align;
	} of[2]; /* 32 bit, 64 bit */
} note_tables[] = {
	{ 4, 0, 0, { { 32, 4, 16, 28 }, { 56, 8, 32, 48 } } },
	{ 7, 1, 4, { { 40, 16, 20, 32 }, { 64, 24, 32, 48 } } },
};

static const struct {
	const char *arch;
	const char *name;
	struct artifact_elf elf;
} machines[] = {
	{ "x86_64", "x86-64", { 2, 1, 62 } },  { "aarch64", "AArch64", { 2, 1, 183 } },  { "i586", "i386", { 1, 1, 3 } },
	{ "i686", "i386", { 1, 1, 3 } },       { "riscv64gc", "RISC-V", { 2, 1, 243 } }, { "riscv64", "RISC-V", { 2, 1, 243 } },
	{ "arm64", "AArch64", { 2, 1, 183 } },
};

static uint64_t elf_number(const unsigned char *header, unsigned int data, size_t at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)header[at + i] << 8 * (data == 2 ? size - 1 - i : i);
	return value;
}

/* The section headers are what linkers write last, so a file that was cut has lost them. */
static bool tables_inside(const unsigned char *header, const struct artifact_elf *elf, uint64_t size)
{
	size_t tables = elf->class == 2 ? ELF64_TABLES : ELF32_TABLES, counts = elf->class == 2 ? ELF64_COUNTS : ELF32_COUNTS;
	size_t width = elf->class == 2 ? 8 : 4;

	for (size_t i = 0; i < 2; i++) {
		uint64_t start = elf_number(header, elf->data, tables + i * width, width);
		uint64_t length = elf_number(header, elf->data, counts + 4 * i, 2) * elf_number(header, elf->data, counts + 4 * i + 2, 2);

		if (start > size || length > size - start)
			return false;
	}
	return true;
}

static int parse_header(const unsigned char *header, size_t n, uint64_t size, struct artifact_elf *ret)
{
	struct artifact_elf elf;

	if (n < ELF32_SIZE || memcmp(header, "\177ELF", 4) != 0)
		return -ENOEXEC;
	elf.class = header[ELF_CLASS];
	elf.data = header[ELF_DATA];
	elf.machine = (unsigned int)elf_number(header, elf.data, ELF_MACHINE, 2);
	if (elf.class < 1 || elf.class > 2 || elf.data < 1 || elf.data > 2 || (elf.class == 2 && n < ELF64_SIZE))
		return -ENOEXEC;
	if (!tables_inside(header, &elf, size))
		return -ENOEXEC;
	*ret = elf;
	return 0;
}

/* An ELF file, open, with the header that was found good. */
struct elf_file {
	int fd; /* owned */
	uint64_t size;
	unsigned char header[ELF64_SIZE];
	struct artifact_elf elf;
};

static void elf_file_close(struct elf_file *file)
{
	cleanup_close(&file->fd);
}

static int elf_file_open(const char *path, struct elf_file *ret, struct err *err)
{
	struct stat st;
	ssize_t n;

	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -ENOEXEC, "'%s' is no regular file!", path);
	ret->size = (uint64_t)st.st_size;
	n = pread(ret->fd, ret->header, sizeof(ret->header), 0);
	if (n < 0)
		return err_set(err, -errno, "cannot read '%s'", path);
	if (parse_header(ret->header, (size_t)n, ret->size, &ret->elf) < 0)
		return err_set(err, -ENOEXEC, "'%s' (%lld bytes) is no ELF file, or only the beginning of one!", path, (long long)st.st_size);
	return 0;
}

int artifact_elf_read(const char *path, struct artifact_elf *ret, struct err *err)
{
	CLEANUP(elf_file_close) struct elf_file file = { .fd = -1 };
	int r = elf_file_open(path, &file, err);

	if (r < 0)
		return r;
	*ret = file.elf;
	return 0;
}

/* The build-id among @n bytes of notes, as hex, or NULL. Each note: the sizes of its name and content, a type, then both, padded to @align. */
static char *find_build_id(const unsigned char *notes, size_t n, unsigned int data, size_t align)
{
	size_t at = 0;

	while (n - at >= NOTE_HEADER) {
		uint64_t name_size = elf_number(notes, data, at, 4), size = elf_number(notes, data, at + 4, 4);
		uint64_t type = elf_number(notes, data, at + 8, 4);
		uint64_t content = at + (NOTE_HEADER + name_size + align - 1) / align * align;
		char *hex;

		/* 32-bit sizes in 64-bit sums: nothing wraps. */
		if (at + NOTE_HEADER + name_size > n || content + size > n)
			return NULL;
		if (type == NT_GNU_BUILD_ID && name_size == 4 && memcmp(notes + at + NOTE_HEADER, "GNU", 4) == 0 && size >= MIN_BUILD_ID &&
		    size <= MAX_BUILD_ID) {
			hex = xrealloc(NULL, 2 * size + 1);
			hex_encode(notes + content, size, hex);
			return hex;
		}
		content += (size + align - 1) / align * align;
		if (content > n)
			return NULL;
		at = content;
	}
	return NULL;
}

static char *read_notes(const struct elf_file *file, uint64_t offset, uint64_t size, size_t align)
{
	CLEANUP_FREE unsigned char *notes = NULL;

	if (size < NOTE_HEADER || size > MAX_NOTES || offset > file->size || size > file->size - offset)
		return NULL;
	notes = xrealloc(NULL, size);
	if (pread(file->fd, notes, size, (off_t)offset) != (ssize_t)size)
		return NULL;
	return find_build_id(notes, size, file->elf.data, align);
}

/* Looks through one of the two header tables, which tables_inside() has seen to lie in the file. */
static char *search_table(const struct elf_file *file, const struct note_table *table)
{
	size_t wide = file->elf.class == 2, width = wide ? 8 : 4, entry = table->of[wide].entry;
	uint64_t start = elf_number(file->header, file->elf.data, (wide ? ELF64_TABLES : ELF32_TABLES) + table->tables * width, width);
	size_t counts = (wide ? ELF64_COUNTS : ELF32_COUNTS) + 4 * table->tables;
	uint64_t stride = elf_number(file->header, file->elf.data, counts, 2), n = elf_number(file->header, file->elf.data, counts + 2, 2);
	char *found = NULL;

	for (uint64_t i = 0; stride >= entry && i < n && !found; i++) {
		unsigned char bytes[ELF64_SIZE];

		if (pread(file->fd, bytes, entry, (off_t)(start + i * stride)) != (ssize_t)entry)
			return NULL;
		if (elf_number(bytes, file->elf.data, table->type_at, 4) == table->type)
			found = read_notes(file, elf_number(bytes, file->elf.data, table->of[wide].offset, width),
					   elf_number(bytes, file->elf.data, table->of[wide].size, width),
					   elf_number(bytes, file->elf.data, table->of[wide].align, width) == 8 ? 8 : 4);
	}
	return found;
}

int artifact_build_id(const char *path, char **ret, struct err *err)
{
	CLEANUP(elf_file_close) struct elf_file file = { .fd = -1 };
	char *found = NULL;
	int r = elf_file_open(path, &file, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < N_ELEMENTS(note_tables) && !found; i++)
		found = search_table(&file, &note_tables[i]);
	*ret = found;
	return 0;
}

bool artifact_elf_expected(const char *target, struct artifact_elf *ret)
{
	const char *name = target && *target ? fs_basename(target) : NULL;
	struct utsname host;
	size_t n;

	if (!name) {
		if (uname(&host) < 0)
			return false;
		name = host.machine;
	}
	n = strcspn(name, "-.");
	for (size_t i = 0; i < N_ELEMENTS(machines); i++) {
		if (strlen(machines[i].arch) == n && strncmp(machines[i].arch, name, n) == 0) {
			*ret = machines[i].elf;
			return true;
		}
	}
	return false;
}

static char *describe_elf(const struct artifact_elf *elf)
{
	const char *order = elf->data == 2 ? ", big-endian" : "";

	for (size_t i = 0; i < N_ELEMENTS(machines); i++)
		if (machines[i].elf.machine == elf->machine)
			return xasprintf("%s (%d bit%s)", machines[i].name, elf->class == 2 ? 64 : 32, order);
	return xasprintf("machine %u (%d bit%s)", elf->machine, elf->class == 2 ? 64 : 32, order);
}

int artifact_check(const char *path, const char *target, struct err *err)
{
	CLEANUP_FREE char *is = NULL, *wanted = NULL;
	struct artifact_elf elf, expected;
	int r = artifact_elf_read(path, &elf, err);

	if (r < 0)
		return r;
	if (!artifact_elf_expected(target, &expected))
		return 0;
	if (elf.class == expected.class && elf.data == expected.data && elf.machine == expected.machine)
		return 0;
	is = describe_elf(&elf);
	wanted = describe_elf(&expected);
	return err_set(err, -ENOEXEC, "'%s' is for %s, but %s needs %s!", path, is, target && *target ? target : "this host", wanted);
}

static int copy_binary(const char *binary, const char *out, const struct cancel *cancel, struct err *err)
{
	CLEANUP_CLOSE int from = open(binary, O_RDONLY | O_CLOEXEC);
	CLEANUP_CLOSE int to = -1;
	struct stat st;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return err_set(err, -errno, "cannot open '%s'", binary);
	to = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	if (to < 0)
		return err_set(err, -errno, "cannot make '%s'", out);
	r = fs_copy_sparse(from, to, cancel, NULL);
	if (r == 0 && fchmod(to, st.st_mode & 0777) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "cannot copy '%s' to '%s'", binary, out) : 0;
}

static void keep_last_line(void *data, const char *line, size_t n)
{
	struct str *last = data;

	if (n == 0)
		return;
	str_reset(last);
	str_add_n(last, line, n);
}

static int no_strip(const char *strip, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "cannot run '%s': there is no such program", strip);
	err_hint(err, "install it (Debian's package llvm has llvm-strip), or name another with `strip =` in [build]");
	return -ENOENT;
}

static bool is_strip(const char *strip)
{
	return strip && *strip && !str_eq(strip, "none");
}

int artifact_strip_check(const struct config *config, struct err *err)
{
	CLEANUP_FREE char *found = is_strip(config->build.strip) ? fs_find_program(config->build.strip) : NULL;

	return found || !is_strip(config->build.strip) ? 0 : no_strip(config->build.strip, err);
}

static int run_strip(const char *strip, const char *binary, const char *out, struct cancel *cancel, struct err *err)
{
	CLEANUP(str_clear) struct str last = { 0 };
	CLEANUP_FREE char *how = NULL;
	const char *argv[] = { strip, binary, "-o", out, NULL };
	const struct proc_spec spec = { .argv = (char *const *)argv, .on_stderr = keep_last_line, .data = &last, .cancel = cancel };
	struct proc_result result;
	int r = proc_run(&spec, &result, err);

	if (r == -ENOENT)
		return no_strip(strip, err);
	if (r < 0)
		return r;
	if (!result.signalled && result.status == 0)
		return fs_exists(out) ? 0 : err_set(err, -EIO, "'%s' made no file of '%s'!", strip, binary);
	how = proc_describe(&result);
	return err_set(err, -EIO, "'%s' %s for '%s'%s%s!", strip, how, binary, last.len ? ": " : "", str_text(&last));
}

static bool same_binary(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && fs_mtime_same(a, b);
}

static int strip_or_copy(const char *strip, const char *binary, const char *out, struct cancel *cancel, struct err *err)
{
	struct stat before, after;
	int r;

	if (stat(binary, &before) < 0)
		return err_set(err, -errno, "cannot read '%s'", binary);
	if (unlink(out) < 0 && errno != ENOENT)
		return err_set(err, -errno, "cannot replace '%s'", out);
	if (!is_strip(strip))
		r = copy_binary(binary, out, cancel, err);
	else
		r = run_strip(strip, binary, out, cancel, err);
	if (r < 0)
		return r;
	if (stat(binary, &after) < 0 || !same_binary(&before, &after))
		return err_set(err, -ESTALE, "'%s' was replaced by another cargo while it was stripped!", binary);
	return 0;
}

int artifact_strip(const struct config *config, const char *binary, const char *out, struct cancel *cancel, struct err *err)
{
	int r = strip_or_copy(config->build.strip, binary, out, cancel, err);

	if (r < 0)
		unlink(out);
	return r;
}
