/* A packer of initfs for the tests, where the real redox-initfs-ar is not at hand: the same words on the command line, the same format
 * (docs/facts/redoxfs.md, 'initfs'), and the same silence when there is no bootstrap. Files and folders only. */
#include <dirent.h>
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { PAGE = 4096, INODE = 20, ENTRY = 8, MAX_INODES = 4096, FOLDER = 1 };

static unsigned char *image;
static uint64_t used, limit = 64 << 20;
static unsigned char inodes[MAX_INODES][INODE];
static unsigned int n_inodes = 1;

static void die(const char *what, const char *path)
{
	fprintf(stderr, "Error: %s: %s\n", what, path);
	exit(1);
}

static void put(unsigned char *at, uint64_t value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

static uint64_t reserve(uint64_t n)
{
	uint64_t at = used;

	if (used + n > limit)
		die("bump allocation failed", "max limit reached");
	used = (used + n + PAGE - 1) / PAGE * PAGE;
	image = realloc(image, used + PAGE);
	memset(image + at, 0, used - at);
	return at;
}

static uint64_t add_file(const char *path, uint64_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint64_t at;

	if (!file || fstat(fileno(file), &st) < 0)
		die("failed to open", path);
	at = reserve((uint64_t)st.st_size);
	if (fread(image + at, 1, (size_t)st.st_size, file) != (size_t)st.st_size)
		die("failed to read", path);
	fclose(file);
	*ret_size = (uint64_t)st.st_size;
	return at;
}

static void set_inode(unsigned int n, unsigned int kind, mode_t mode, uint64_t at, uint64_t size)
{
	put(inodes[n], kind << 28 | (mode & 0xfff), 4);
	put(inodes[n] + 4, size, 4);
	put(inodes[n] + 8, at, 4);
}

static void add_folder(unsigned int inode, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort), used_entries = 0;
	struct stat st;
	uint64_t table;

	if (n < 0 || stat(path, &st) < 0)
		die("failed to read directory", path);
	table = reserve((uint64_t)(n - 2) * ENTRY);
	for (int i = 0; i < n; i++) {
		size_t length = strlen(entries[i]->d_name);
		char below[4096];
		uint64_t at, size;
		unsigned int child;
		struct stat entry;

		if (strcmp(entries[i]->d_name, ".") == 0 || strcmp(entries[i]->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		if (stat(below, &entry) < 0 || n_inodes == MAX_INODES)
			die("failed to add", below);
		child = n_inodes++;
		if (S_ISDIR(entry.st_mode)) {
			add_folder(child, below);
		} else {
			at = add_file(below, &size);
			set_inode(child, 0, entry.st_mode, at, size);
		}
		at = reserve(length);
		memcpy(image + at, entries[i]->d_name, length);
		put(image + table + (uint64_t)used_entries * ENTRY, child, 2);
		put(image + table + (uint64_t)used_entries * ENTRY + 2, length, 2);
		put(image + table + (uint64_t)used_entries++ * ENTRY + 4, at, 4);
	}
	set_inode(inode, FOLDER, st.st_mode, table, (uint64_t)used_entries * ENTRY);
}

static unsigned int count(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	unsigned int sum = 0;

	for (int i = 0; i < n; i++) {
		char below[4096];
		struct stat st;

		snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		if (strcmp(entries[i]->d_name, ".") != 0 && strcmp(entries[i]->d_name, "..") != 0 && stat(below, &st) == 0)
			sum += 1 + (S_ISDIR(st.st_mode) ? count(below) : 0);
	}
	return sum;
}

/* -- the other way: --extract IMAGE DIR ------------------------------------------------------------------------------------------------------ */

static uint64_t get(uint64_t at, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value |= (uint64_t)image[at + i] << 8 * i;
	return value;
}

static void extract(uint64_t table, uint64_t inode, const char *to)
{
	uint64_t at = table + inode * INODE, word = get(at, 4), size = get(at + 4, 4), data = get(at + 8, 4);

	if (word >> 28 == FOLDER) {
		mkdir(to, 0755);
		for (uint64_t i = 0; i < size / ENTRY; i++) {
			uint64_t entry = data + i * ENTRY;
			char below[8192];

			snprintf(below, sizeof(below), "%s/%.*s", to, (int)get(entry + 2, 2), (char *)image + get(entry + 4, 4));
			extract(table, get(entry, 2), below);
		}
	} else {
		FILE *file = fopen(to, "wb");

		if (!file || fwrite(image + data, 1, size, file) != size || fclose(file) != 0 || chmod(to, word & 0777) < 0)
			die("failed to write", to);
	}
}

int main(int argc, char **argv)
{
	const char *output = NULL, *words[2] = { NULL, NULL };
	uint64_t size, entry = UINT64_MAX, table;
	int n = 0;
	struct timespec now;
	FILE *file;

	if (argc == 4 && strcmp(argv[1], "--extract") == 0) {
		add_file(argv[2], &size);
		extract(get(8, 4), 0, argv[3]);
		return 0;
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--max-size") == 0 || strcmp(argv[i], "-m") == 0)
			limit = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--output") == 0 || strcmp(argv[i], "-o") == 0)
			output = argv[++i];
		else if (n < 2)
			words[n++] = argv[i];
	}
	if (!output || !words[0])
		die("usage", "small-initfs-ar [--max-size BYTES] --output OUT DIR [BOOTSTRAP]");
	reserve(PAGE);
	if (words[1]) {
		uint64_t at = add_file(words[1], &size);

		memcpy(&entry, image + at + offsetof(Elf64_Ehdr, e_entry), sizeof(entry));
	}
	table = reserve((uint64_t)(count(words[0]) + 1) * INODE);
	add_folder(0, words[0]);
	memcpy(image + table, inodes, (size_t)n_inodes * INODE);
	clock_gettime(CLOCK_REALTIME, &now);
	memcpy(image, "RedoxFtw", 8);
	put(image + 0x08, table, 4);
	put(image + 0x0c, (uint64_t)now.tv_sec, 8);
	put(image + 0x14, (uint64_t)now.tv_nsec, 4);
	put(image + 0x18, n_inodes, 2);
	put(image + 0x1a, entry, 8);
	put(image + 0x22, used, 8);
	put(image + 0x2a, PAGE, 2);
	file = fopen(output, "wb");
	if (!file || fwrite(image, 1, used, file) != used || fclose(file) != 0)
		die("failed to write", output);
	free(image);
	return 0;
}
