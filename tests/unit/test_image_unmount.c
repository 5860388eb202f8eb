/* When a mount may be ended. redoxfs dies of an unmount that comes while it has a request in its hands, once in some thousand times; so a stand-in, which
 * speaks just enough FUSE to serve one file, does so each time: it keeps the news of a closed file until something else comes. */
#include "test_image.h"

#include <linux/fuse.h>
#include <poll.h>

/* -- the stand-in ---------------------------------------------------------------------------------------------------------------------------------- */

enum { FILE_NODE = 2, ABORTED = 7, KEEP_MS = 5000 };

static char content[] = "what is in the file\n";

static void answer(int fd, const struct fuse_in_header *in, int error, const void *body, size_t n)
{
	char bytes[4096];
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + n), .error = error, .unique = in->unique };

	memcpy(bytes, &out, sizeof(out));
	if (n > 0)
		memcpy(bytes + sizeof(out), body, n);
	(void)!write(fd, bytes, out.len);
}

static struct fuse_attr attr_of(uint64_t node)
{
	bool root = node == FUSE_ROOT_ID;

	return (struct fuse_attr){
		.ino = node, .size = root ? 0 : sizeof(content) - 1, .mode = root ? S_IFDIR | 0755 : S_IFREG | 0644, .nlink = 1, .blksize = 512
	};
}

/* Exits when the mount is gone while the request is still here. */
static void keep_a_while(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, KEEP_MS) <= 0 || (p.revents & POLLERR))
		_exit(ABORTED);
}

static void serve_one(int fd, const struct fuse_in_header *in)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096 };
	struct fuse_attr_out attr = { .attr = attr_of(in->nodeid) };
	struct fuse_entry_out entry = { .nodeid = FILE_NODE, .attr = attr_of(FILE_NODE) };
	struct fuse_open_out opened = { .fh = 1, .open_flags = FOPEN_DIRECT_IO };
	const struct fuse_read_in *reading = (const void *)(in + 1);

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fd, in, 0, &init, sizeof(init));
		break;
	case FUSE_GETATTR:
		answer(fd, in, 0, &attr, sizeof(attr));
		break;
	case FUSE_LOOKUP:
		answer(fd, in, 0, &entry, sizeof(entry));
		break;
	case FUSE_OPEN:
		answer(fd, in, 0, &opened, sizeof(opened));
		break;
	case FUSE_READ:
		answer(fd, in, 0, content, reading->offset == 0 ? sizeof(content) - 1 : 0);
		break;
	case FUSE_RELEASE:
		keep_a_while(fd);
		answer(fd, in, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	default:
		answer(fd, in, -ENOSYS, NULL, 0);
		break;
	}
}

static int serve(const char *point)
{
	static char request[FUSE_MIN_READ_BUFFER * 2] __attribute__((aligned(8)));
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char options[128];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0 || mount("stand-in", point, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
		return 1;
	for (;;) {
		ssize_t n = read(fd, request, sizeof(request));

		if (n < 0 && errno == ENODEV)
			return 0;
		if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
			return 1;
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve_one(fd, (const void *)request);
	}
}

/* -- the tests --------------------------------------------------------------------------------------------------------------------------------------- */

static void read_and_close(struct image_mount *mount, struct rig *rig)
{
	char buffer[64];
	int root = image_mount_open_root(mount, &rig->err), file;

	assert_true(root >= 0);
	file = openat(root, "file", O_RDONLY | O_CLOEXEC);
	assert_true(file >= 0);
	assert_int_equal(read(file, buffer, sizeof(buffer)), sizeof(content) - 1);
	close(root);
	close(file);
}

static void what_was_closed_is_told_before_the_unmount(void **state)
{
	struct rig *rig = *state;
	char self[4096] = "", log[256];
	char *argv[] = { self, (char *)"--serve", (char *)"${MOUNT_POINT}", NULL };
	struct image_mount_args args = { .config = &rig->config, .image = rig->image, .point = rig->names.mnt, .log = log };

	NEED_REDOXFS();
	snprintf(log, sizeof(log), "%s/log", rig->dir);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 3 };
	for (int i = 0; i < 5; i++) {
		struct image_mount *mount = NULL;

		assert_ok(rig, image_mount_start(&args, &mount, &rig->err));
		read_and_close(mount, rig);
		assert_ok(rig, image_mount_stop(&mount, &rig->err));
	}
}

static int run(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_closed_is_told_before_the_unmount, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	return argc == 3 && strcmp(argv[1], "--serve") == 0 ? serve(argv[2]) : fixture_main(run);
}
