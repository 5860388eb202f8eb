/* The header of an initfs and the ELF behind it: good ones only where the entry lies in the file's own code. */
#include "fuzz.h"

#include "cargo/artifact.h"
#include "image/initfs.h"

static void check_elf(const char *path)
{
	CLEANUP_FREE char *id = NULL;
	struct artifact_elf elf = { 0 };
	struct err err = ERR_INIT;
	int r = artifact_elf_read(path, &elf, &err);

	FUZZ_CHECK(r < 0 || (elf.class <= 255 && elf.data <= 255));
	if (artifact_build_id(path, &id, &err) == 0)
		FUZZ_CHECK(!id || (strlen(id) % 2 == 0 && strspn(id, "0123456789abcdef") == strlen(id)));
	(void)!image_initfs_check_bootstrap(path, &err);
}

/* The interesting part of the first page is its head: the input's first 64 bytes are that, the rest comes behind the page. */
static char *spread(const uint8_t *data, size_t n)
{
	CLEANUP(str_clear) struct str bytes = { 0 };
	size_t head = n < 64 ? n : 64;
	static const char zeros[4096];

	str_add_n(&bytes, data, head);
	str_add_n(&bytes, zeros, sizeof(zeros) - head);
	str_add_n(&bytes, data + head, n - head);
	return fuzz_file("initfs", bytes.buf, bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *plain = fuzz_file("plain", data, n), *path = spread(data, n);
	struct image_initfs initfs;
	struct err err = ERR_INIT;

	check_elf(plain);
	(void)!image_initfs_check(plain, &err);
	if (image_initfs_read(path, &initfs, &err) < 0)
		return 0;
	FUZZ_CHECK(initfs.text_start <= initfs.text_end);
	if (image_initfs_judge(path, &initfs, &err) < 0)
		return 0;
	FUZZ_CHECK(initfs.has_bootstrap && initfs.size == initfs.file_size && initfs.inode_table < initfs.size);
	FUZZ_CHECK(initfs.entry != IMAGE_INITFS_NO_ENTRY && initfs.entry >= initfs.text_start && initfs.entry < initfs.text_end);
	return 0;
}
