/* /proc/self/mountinfo, which a container or a strange mount point may make look like anything. */
#include "fuzz.h"

#include "image/mounts.h"

static bool count(void *data, const struct image_mount_entry *mount)
{
	size_t *left = data;

	FUZZ_CHECK(mount->point && mount->type && mount->source);
	FUZZ_CHECK(*left > 0);
	--*left;
	return *left == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *text = fuzz_text(data, n);
	size_t left = n + 2;

	image_mounts_each_in(text, count, &left);
	return 0;
}
