/* Darwin has no call that resolves below a root: the walk by hand, which the tests on Linux run too, is all there is. Compiled by `make check-darwin`;
 * nothing of it was run on a Mac: not what O_SYMLINK gives for links in a macFUSE mount, on which fs_hold() stands. */
#include "image/resolve.h"

int image_resolve_dir(int root, const char *path)
{
	return image_resolve_walk(root, path);
}

int image_resolve_any(int root, const char *path)
{
	return image_resolve_walk_any(root, path);
}
