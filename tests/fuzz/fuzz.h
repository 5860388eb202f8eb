/* fuzz/fuzz - what the fuzz targets share.
 *
 * A target is one file, fuzz_NAME.c, whose LLVMFuzzerTestOneInput() hands the bytes to a reader and says with FUZZ_CHECK what must be true of whatever
 * comes back; a crash, a sanitizer's word, a leak or more than some seconds are failures by themselves. Its kept inputs are corpus/NAME/, its words
 * (optional) NAME.dict; tools/fuzz.sh builds nothing, it runs them.
 * New targets: write the file; the Makefile finds it. An input that broke something joins the corpus, under a name that says what it broke. */
#ifndef REINJECT_TESTS_FUZZ_H
#define REINJECT_TESTS_FUZZ_H

#include "base/fs.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_CHECK(what)                                                                                                                        \
	do {                                                                                                                                    \
		if (!(what)) {                                                                                                                  \
			fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #what);                                                    \
			abort();                                                                                                                \
		}                                                                                                                               \
	} while (0)

static char fuzz_folder[256];

static inline void fuzz_folder_remove(void)
{
	(void)!fs_remove_tree(fuzz_folder, NULL);
}

/* A folder for this process, gone at its end; tools/fuzz.sh removes what a crash leaves. */
static inline const char *fuzz_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (fuzz_folder[0])
		return fuzz_folder;
	snprintf(fuzz_folder, sizeof(fuzz_folder), "%s/reinject-fuzz.XXXXXX", base && *base ? base : "/tmp");
	FUZZ_CHECK(mkdtemp(fuzz_folder));
	atexit(fuzz_folder_remove);
	return fuzz_folder;
}

/* Makes these bytes the file @name in fuzz_dir(); returns its path, which the caller frees. */
static inline char *fuzz_file(const char *name, const void *bytes, size_t n)
{
	char *path = xasprintf("%s/%s", fuzz_dir(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	FUZZ_CHECK(fd >= 0 && fs_write_all(fd, bytes, n) == 0);
	close(fd);
	return path;
}

/* The bytes as a text with a NUL behind it; the caller frees it. NULs within end it early, which is what a reader of texts would see. */
static inline char *fuzz_text(const uint8_t *data, size_t n)
{
	return xstrndup((const char *)data, n);
}

#endif
