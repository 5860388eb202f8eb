/* The ring of headers, found as redoxfs finds it (a partition table is just blocks that are none), and the log of allocations behind it.
 * Input: pieces of 96 bytes, each one block of a small image: its number, flags, and what stands at its head. Hashes can be made right, or nothing but
 * signatures would ever be seen. */
#include "fuzz.h"

/* For seahash() and the layout, which are nobody's business but its own. */
#include "image/redoxfs.c" /* NOLINT(bugprone-suspicious-include) */

enum { PIECE = 96, MAX_BLOCKS = 700, PUT_SIGNATURE = 1, PUT_VERSION = 2, PUT_HASH = 4, POINT = 8 };

static void put_u64(unsigned char *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

/* Makes the 16 bytes at @at an address and the hash of what stands there. */
static void point(int fd, unsigned char *at)
{
	unsigned char block[BLOCK] = { 0 };
	uint64_t number = get_u64(at) % MAX_BLOCKS;

	(void)!pread(fd, block, BLOCK, (off_t)(number * BLOCK));
	put_u64(at, number << 8);
	put_u64(at + 8, seahash(block, BLOCK));
}

static void put_block(int fd, const uint8_t *piece)
{
	unsigned char block[BLOCK] = { 0 };
	uint64_t number = (piece[0] | (uint64_t)piece[1] << 8) % MAX_BLOCKS;
	bool is_header = piece[2] & PUT_SIGNATURE;

	memcpy(block, piece + 4, PIECE - 4);
	if (is_header)
		memcpy(block, "RedoxFS", 8);
	if (piece[2] & PUT_VERSION)
		put_u64(block + AT_VERSION, known_version);
	if (piece[2] & POINT)
		point(fd, block + (is_header ? AT_ALLOC : 0));
	if (piece[2] & PUT_HASH)
		put_u64(block + AT_HASH, seahash(block, HASHED));
	FUZZ_CHECK(pwrite(fd, block, BLOCK, (off_t)(number * BLOCK)) == BLOCK);
}

static void check_header(int fd, const struct image_redoxfs *header)
{
	uint64_t room = 0;

	FUZZ_CHECK(header->offset % BLOCK == 0 && header->block >= header->offset / BLOCK && header->block < header->offset / BLOCK + RING);
	FUZZ_CHECK(strlen(header->uuid) == 32);
	if (image_redoxfs_free(fd, header, &room) == 0)
		FUZZ_CHECK(header->version == known_version && room <= header->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *path = fuzz_file("image", "", 0);
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	struct image_redoxfs found, again;

	FUZZ_CHECK(fd >= 0);
	for (size_t at = 0; at + PIECE <= n && at < 64 * (size_t)PIECE; at += PIECE)
		put_block(fd, data + at);
	/* What is left makes an end in the middle of a block. */
	if (n % PIECE > 0)
		FUZZ_CHECK(pwrite(fd, data + n - n % PIECE, n % PIECE, lseek(fd, 0, SEEK_END)) > 0);
	if (image_redoxfs_read(fd, &found) < 0)
		return 0;
	check_header(fd, &found);
	if (found.offset > 0)
		FUZZ_CHECK(image_redoxfs_read_at(fd, found.offset / BLOCK, &again) == 0 && again.block == found.block);
	return 0;
}
