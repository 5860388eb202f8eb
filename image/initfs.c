#include "image/initfs.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A kernel that jumps into nowhere says nothing that would lead back to the packer, so the header is looked at before the file goes into an image. */

/* Offsets in the header, little-endian and packed. */
enum {
	AT_INODE_TABLE = 0x08,
	AT_SECONDS = 0x0c,
	AT_NANOSECONDS = 0x14,
	AT_N_INODES = 0x18,
	AT_ENTRY = 0x1a,
	AT_SIZE = 0x22,
	AT_PAGE_SIZE = 0x2a,
	HEADER_SIZE = 0x2c,
	INODE_SIZE = 20,
};
static const char magic[8] = { 'R', 'e', 'd', 'o', 'x', 'F', 't', 'w' };

/* Where an ELF file says what is executed, by class. System V ABI, 'ELF header' and 'Program header'. */
static const struct elf_layout {
	size_t header, entry, tables, entry_size, count, width; /* in the file's header; bytes of an address */
	size_t flags, address, memory, program;                 /* in a program header, and its least size */
} layouts[] = {
	{ 52, 24, 28, 42, 44, 4, 24, 8, 20, 32 },
	{ 64, 24, 32, 54, 56, 8, 4, 16, 40, 56 },
};
enum { ELF_MAX_HEADER = 64, ELF_MAX_PROGRAM = 56, PT_LOAD = 1, PF_X = 1, LITTLE = 1, BIG = 2 };

/* A part of a file: an ELF file of its own, or one in an initfs. */
struct part {
	int fd; /* borrowed, but by what open_part() has opened */
	uint64_t start, size;
};

static void close_part(struct part *part)
{
	cleanup_close(&part->fd);
}

struct elf_entry {
	uint64_t entry;
	uint64_t text_start, text_end; /* the executable segment around @around; both 0: none */
};

static uint64_t number(const unsigned char *bytes, size_t at, size_t size, unsigned int order)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)bytes[at + i] << 8 * (order == BIG ? size - 1 - i : i);
	return value;
}

/* All @n bytes at @at of the part, or -ENOEXEC when it is shorter. */
static int read_at(const struct part *part, uint64_t at, unsigned char *ret, size_t n)
{
	ssize_t got;

	if (at > part->size || n > part->size - at)
		return -ENOEXEC;
	do
		got = pread(part->fd, ret, n, (off_t)(part->start + at));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -ENOEXEC;
}

/* Looks for the segment that is loaded, executed, and holds @around. */
static int find_text(const struct part *part, const unsigned char *header, const struct elf_layout *layout, uint64_t around, struct elf_entry *ret)
{
	unsigned int order = header[5];
	uint64_t at = number(header, layout->tables, layout->width, order);
	uint64_t size = number(header, layout->entry_size, 2, order), count = number(header, layout->count, 2, order);

	if (count > 0 && size < layout->program)
		return -ENOEXEC;
	for (uint64_t i = 0; i < count; i++) {
		unsigned char program[ELF_MAX_PROGRAM];
		uint64_t start, length;
		int r = at > part->size ? -ENOEXEC : read_at(part, at + i * size, program, layout->program);

		if (r < 0)
			return r;
		start = number(program, layout->address, layout->width, order);
		length = number(program, layout->memory, layout->width, order);
		if (number(program, 0, 4, order) != PT_LOAD || !(number(program, layout->flags, 4, order) & PF_X))
			continue;
		/* One that leads over the end of all addresses is nobody's code. */
		if (around >= start && around - start < length && length <= UINT64_MAX - start)
			*ret = (struct elf_entry){ .entry = ret->entry, .text_start = start, .text_end = start + length };
	}
	return 0;
}

/* @around: NULL for the ELF's own entry. -ENOEXEC: no ELF file, or a cut one. */
static int read_elf(const struct part *part, const uint64_t *around, struct elf_entry *ret)
{
	unsigned char header[ELF_MAX_HEADER] = { 0 };
	struct elf_entry found = { 0 };
	const struct elf_layout *layout;
	int r = read_at(part, 0, header, layouts[0].header);

	if (r < 0)
		return r;
	if (memcmp(header, "\177ELF", 4) != 0 || header[4] < 1 || header[4] > 2 || header[5] < LITTLE || header[5] > BIG)
		return -ENOEXEC;
	layout = &layouts[header[4] - 1];
	r = read_at(part, 0, header, layout->header);
	if (r < 0)
		return r;
	found.entry = number(header, layout->entry, layout->width, header[5]);
	r = find_text(part, header, layout, around ? *around : found.entry, &found);
	if (r == 0)
		*ret = found;
	return r;
}

static int open_part(const char *path, struct part *ret, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is no regular file!", path);
	*ret = (struct part){ .fd = TAKE_FD(fd), .size = (uint64_t)st.st_size };
	return 0;
}

static void parse(const unsigned char *header, struct image_initfs *ret)
{
	*ret = (struct image_initfs){
		.inode_table = (uint32_t)number(header, AT_INODE_TABLE, 4, LITTLE),
		.n_inodes = (uint16_t)number(header, AT_N_INODES, 2, LITTLE),
		.seconds = number(header, AT_SECONDS, 8, LITTLE),
		.nanoseconds = (uint32_t)number(header, AT_NANOSECONDS, 4, LITTLE),
		.entry = number(header, AT_ENTRY, 8, LITTLE),
		.size = number(header, AT_SIZE, 8, LITTLE),
		.page_size = (uint16_t)number(header, AT_PAGE_SIZE, 2, LITTLE),
	};
}

/* The packer puts the bootstrap at the next page after the header. */
static int read_bootstrap(const struct part *file, struct image_initfs *initfs)
{
	struct part part = { .fd = file->fd, .start = initfs->page_size };
	struct elf_entry found = { 0 };
	int r;

	if (initfs->page_size < HEADER_SIZE || initfs->page_size > file->size)
		return 0;
	part.size = file->size - part.start;
	r = read_elf(&part, &initfs->entry, &found);
	if (r < 0)
		return r == -ENOEXEC ? 0 : r;
	initfs->has_bootstrap = true;
	initfs->bootstrap_entry = found.entry;
	initfs->text_start = found.text_start;
	initfs->text_end = found.text_end;
	return 0;
}

int image_initfs_read(const char *path, struct image_initfs *ret, struct err *err)
{
	unsigned char header[HEADER_SIZE];
	CLEANUP(close_part) struct part file = { .fd = -1 };
	struct image_initfs initfs;
	int r = open_part(path, &file, err);

	if (r < 0)
		return r;
	r = read_at(&file, 0, header, sizeof(header));
	if (r == -ENOEXEC || (r == 0 && memcmp(header, magic, sizeof(magic)) != 0)) {
		err_set(err, -EINVAL, "'%s' is no initfs: it does not begin with 'RedoxFtw'!", path);
		err_hint(err, "redox-initfs-ar makes one; `reinject initfs` packs it as [initfs] says");
		return -EINVAL;
	}
	if (r == 0)
		parse(header, &initfs);
	if (r == 0)
		r = read_bootstrap(&file, &initfs);
	if (r < 0)
		return err_set(err, r, "cannot read '%s'", path);
	initfs.file_size = file.size;
	*ret = initfs;
	return 0;
}

static int refuse_entry(const char *path, const struct image_initfs *initfs, struct err *err)
{
	if (initfs->entry == IMAGE_INITFS_NO_ENTRY)
		err_set(err, -ENOEXEC, "initfs '%s' has no entry point: it was packed without its bootstrap!", path);
	else if (!initfs->has_bootstrap)
		err_set(err, -ENOEXEC, "initfs '%s' holds no bootstrap: there is no ELF file behind its header!", path);
	else if (initfs->entry != initfs->bootstrap_entry)
		err_set(err, -ENOEXEC, "initfs '%s' begins at 0x%" PRIx64 ", its bootstrap at 0x%" PRIx64 "!", path, initfs->entry,
			initfs->bootstrap_entry);
	else
		err_set(err, -ENOEXEC, "initfs '%s' begins at 0x%" PRIx64 ", where its bootstrap has no code!", path, initfs->entry);
	err_hint(err, "the kernel would jump to 0x%" PRIx64 " and crash; give redox-initfs-ar the bootstrap ELF ([initfs] bootstrap)", initfs->entry);
	return -ENOEXEC;
}

int image_initfs_judge(const char *path, const struct image_initfs *initfs, struct err *err)
{
	uint64_t table = (uint64_t)initfs->n_inodes * INODE_SIZE;

	if (initfs->size != initfs->file_size) {
		err_set(err, -ENOEXEC, "initfs '%s' has %" PRIu64 " bytes, its header says %" PRIu64 "!", path, initfs->file_size, initfs->size);
		err_hint(err, "it was cut short or written over; pack it again: reinject initfs");
		return -ENOEXEC;
	}
	if (initfs->n_inodes == 0 || initfs->inode_table > initfs->size || table > initfs->size - initfs->inode_table) {
		err_set(err, -ENOEXEC, "initfs '%s' has its table of %u inodes outside itself!", path, initfs->n_inodes);
		err_hint(err, "it is damaged; pack it again: reinject initfs");
		return -ENOEXEC;
	}
	if (initfs->text_end > 0 && initfs->entry == initfs->bootstrap_entry && initfs->entry != IMAGE_INITFS_NO_ENTRY)
		return 0;
	return refuse_entry(path, initfs, err);
}

int image_initfs_check(const char *path, struct err *err)
{
	struct image_initfs initfs;
	int r = image_initfs_read(path, &initfs, err);

	return r < 0 ? r : image_initfs_judge(path, &initfs, err);
}

/* All but the time. Returns 1 when they are the same. */
static int is_same(int a, int b, uint64_t size)
{
	enum { CHUNK = 64 << 10, FROM = AT_SECONDS, TO = AT_N_INODES };
	CLEANUP_FREE unsigned char *x = xrealloc(NULL, CHUNK), *y = xrealloc(NULL, CHUNK);
	struct part parts[2] = { { .fd = a, .size = size }, { .fd = b, .size = size } };

	for (uint64_t at = 0; at < size; at += CHUNK) {
		size_t n = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
		int r = read_at(&parts[0], at, x, n);

		if (r == 0)
			r = read_at(&parts[1], at, y, n);
		if (r < 0)
			return r;
		if (at == 0 && n >= HEADER_SIZE)
			memcpy(x + FROM, y + FROM, TO - FROM);
		if (memcmp(x, y, n) != 0)
			return 0;
	}
	return 1;
}

int image_initfs_take_time(const char *path, int other, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char time[AT_N_INODES - AT_SECONDS];
	struct part part = { .fd = other };
	struct stat a, b;
	int r;

	if (fd < 0 || fstat(fd, &a) < 0 || fstat(other, &b) < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	if (a.st_size != b.st_size || a.st_size < HEADER_SIZE)
		return 0;
	r = is_same(fd, other, (uint64_t)a.st_size);
	part.size = (uint64_t)b.st_size;
	if (r == 1)
		r = read_at(&part, AT_SECONDS, time, sizeof(time));
	else if (r == 0)
		return 0;
	if (r == 0 && pwrite(fd, time, sizeof(time), AT_SECONDS) != sizeof(time))
		r = -EIO;
	return r < 0 ? err_set(err, r, "cannot compare '%s' with the initfs in the image", path) : 0;
}

int image_initfs_check_bootstrap(const char *path, struct err *err)
{
	CLEANUP(close_part) struct part file = { .fd = -1 };
	struct elf_entry found = { 0 };
	int r = open_part(path, &file, err);

	if (r == 0)
		r = read_elf(&file, NULL, &found);
	if (r == 0 && found.text_end == 0)
		r = -ENOEXEC;
	if (r == -ENOEXEC)
		err_set(err, r, "the initfs's bootstrap '%s' is no ELF program with an entry point in its code!", path);
	else if (r < 0 && file.fd < 0)
		err_wrap(err, r, "the initfs has no bootstrap");
	else if (r < 0)
		err_set(err, r, "cannot read the initfs's bootstrap '%s'", path);
	if (r < 0 && err) {
		err->class = ERR_ENVIRONMENT;
		err_hint(err, "build it, or correct `bootstrap` in [initfs]: without it the kernel jumps to 0xffffffffffffffff");
	}
	return r;
}
