#include "image/redoxfs.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	BLOCK = 4096,
	RING = 256,          /* headers in the ring */
	SCAN_BLOCKS = 65536, /* how far redoxfs looks */
	CHUNK_BLOCKS = 64,   /* what is read at once */
	MAX_NAME = 252,
};

/* Offsets in a header. */
enum { AT_VERSION = 8, AT_UUID = 16, AT_SIZE = 32, AT_GENERATION = 40, AT_ALLOC = 64, AT_HASH = BLOCK - 8, HASHED = BLOCK - 24 };

/* The layout that is known to end in a hash; other versions are judged by their signature. */
static const uint64_t known_version = 8;

/* Compilers make one load of it. */
static uint64_t get_u64(const unsigned char *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 |
	       (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

static uint64_t diffuse(uint64_t x)
{
	x *= UINT64_C(0x6eed0e9da4d94a4f);
	x ^= (x >> 32) >> (x >> 60);
	return x * UINT64_C(0x6eed0e9da4d94a4f);
}

/* SeaHash (seahash 4.1) of @n bytes, a multiple of 8: four lanes that take a word each in turn. */
static uint64_t seahash(const unsigned char *p, size_t n)
{
	uint64_t lane[4] = { UINT64_C(0x16f11fe89b0d677c), UINT64_C(0xb480a793d8e6c86c), UINT64_C(0x6fe2e5aaf078ebc9),
			     UINT64_C(0x14f994a4c5259381) };

	for (size_t i = 0; i < n / 8; i++)
		lane[i % 4] = diffuse(lane[i % 4] ^ get_u64(p + 8 * i));
	return diffuse(lane[0] ^ lane[1] ^ lane[2] ^ lane[3] ^ n);
}

static bool header_valid(const unsigned char *block)
{
	if (memcmp(block, "RedoxFS", 8) != 0)
		return false;
	return get_u64(block + AT_VERSION) != known_version || get_u64(block + AT_HASH) == seahash(block, HASHED);
}

/* As pread, but for interruptions and short reads before the end. */
static ssize_t read_blocks(int fd, unsigned char *buffer, size_t size, uint64_t offset)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pread(fd, buffer + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* The first valid header from block @from to before @to; @buffer holds CHUNK_BLOCKS. */
static int find_first(int fd, uint64_t from, uint64_t to, unsigned char *buffer, uint64_t *ret_block, uint64_t *ret_generation)
{
	for (uint64_t block = from; block < to; block += CHUNK_BLOCKS) {
		ssize_t n = read_blocks(fd, buffer, (size_t)CHUNK_BLOCKS * BLOCK, block * BLOCK);

		if (n < BLOCK)
			return n < 0 ? (int)n : -ENODATA;
		for (uint64_t i = 0; i < (uint64_t)n / BLOCK; i++) {
			if (!header_valid(buffer + i * BLOCK))
				continue;
			*ret_block = block + i;
			*ret_generation = get_u64(buffer + i * BLOCK + AT_GENERATION);
			return 0;
		}
	}
	return -ENODATA;
}

static void take_header(const unsigned char *block, struct image_redoxfs *ret)
{
	ret->version = get_u64(block + AT_VERSION);
	ret->size = get_u64(block + AT_SIZE);
	ret->generation = get_u64(block + AT_GENERATION);
	ret->alloc[0] = get_u64(block + AT_ALLOC);
	ret->alloc[1] = get_u64(block + AT_ALLOC + 8);
	hex_encode(block + AT_UUID, 16, ret->uuid);
}

/* The newest header of the ring that begins at byte @offset. */
static int read_ring(int fd, uint64_t offset, unsigned char *buffer, struct image_redoxfs *ret)
{
	struct image_redoxfs newest = { .offset = offset };
	bool found = false;
	ssize_t n = read_blocks(fd, buffer, (size_t)RING * BLOCK, offset);

	if (n < 0)
		return (int)n;
	for (size_t i = 0; i < (size_t)n / BLOCK; i++) {
		const unsigned char *slot = buffer + i * BLOCK;

		if (!header_valid(slot) || (found && get_u64(slot + AT_GENERATION) <= newest.generation))
			continue;
		take_header(slot, &newest);
		newest.block = offset / BLOCK + i;
		found = true;
	}
	if (!found)
		return -ENODATA;
	*ret = newest;
	return 0;
}

int image_redoxfs_read_at(int fd, uint64_t first, struct image_redoxfs *ret)
{
	CLEANUP_FREE unsigned char *buffer = xrealloc(NULL, (size_t)RING * BLOCK);
	uint64_t block = 0, generation = 0;
	int r = find_first(fd, first, first > 0 ? first + RING : SCAN_BLOCKS, buffer, &block, &generation);

	if (r < 0)
		return r;
	/* Header G stands in slot G % 256. A header whose ring would begin before the image is a fragment; one of another ring is not the one that was meant. */
	if (block < generation % RING || (first > 0 && block - generation % RING != first))
		return -ENODATA;
	return read_ring(fd, (block - generation % RING) * BLOCK, buffer, ret);
}

int image_redoxfs_read(int fd, struct image_redoxfs *ret)
{
	return image_redoxfs_read_at(fd, 0, ret);
}

/* A block of the log: where the one before it is, as in the header, then entries of a first block and how many of them are free from then on (more than
 * 0) or taken (less). The order does not matter to the sum. An address has the block's number above its lowest eight bits. */
int image_redoxfs_free(int fd, const struct image_redoxfs *header, uint64_t *ret)
{
	CLEANUP_FREE unsigned char *block = xrealloc(NULL, BLOCK);
	uint64_t address = header->alloc[0], hash = header->alloc[1], n_blocks = header->size / BLOCK;
	int64_t sum = 0;

	if (header->version != known_version)
		return -ENOTSUP;
	/* As many blocks of log as the file system has in all would be a circle. */
	for (uint64_t n = 0; address >> 8 != 0; n++) {
		ssize_t got = n < n_blocks ? read_blocks(fd, block, BLOCK, header->offset + (address >> 8) * BLOCK) : -EUCLEAN;

		if (got < 0)
			return (int)got;
		if (got != BLOCK || seahash(block, BLOCK) != hash)
			return -EUCLEAN;
		for (size_t at = 16; at < BLOCK; at += 16)
			if (__builtin_add_overflow(sum, (int64_t)get_u64(block + at + 8), &sum))
				return -EUCLEAN;
		address = get_u64(block);
		hash = get_u64(block + 8);
	}
	if (sum < 0 || (uint64_t)sum > n_blocks)
		return -EUCLEAN;
	*ret = (uint64_t)sum * BLOCK;
	return 0;
}

/* Bytes that the UTF-8 sequence at @s has, 0 when it is none: overlong forms, surrogates and what lies beyond U+10FFFF are none. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	static const struct {
		unsigned char first, last, low, high; /* of the first byte; of the second */
		size_t n;
	} forms[] = {
		{ 0x01, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t f = 0; f < N_ELEMENTS(forms); f++) {
		if (s[0] < forms[f].first || s[0] > forms[f].last || n < forms[f].n)
			continue;
		for (size_t i = 1; i < forms[f].n; i++)
			if (s[i] < (i == 1 ? forms[f].low : 0x80) || s[i] > (i == 1 ? forms[f].high : 0xbf))
				return 0;
		return forms[f].n;
	}
	return 0;
}

const char *image_redoxfs_name_problem(const char *name, size_t n)
{
	const unsigned char *s = (const unsigned char *)name;

	if (n > MAX_NAME)
		return "is longer than the 252 bytes that RedoxFS has for a name";
	if (memchr(name, ':', n))
		return "has a ':', which RedoxFS does not take";
	for (size_t i = 0; i < n;) {
		size_t step = utf8_sequence(s + i, n - i);

		if (step == 0)
			return "is not UTF-8, which RedoxFS needs";
		i += step;
	}
	return NULL;
}
