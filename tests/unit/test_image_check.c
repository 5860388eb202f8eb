/* What an image is: its identity, its header, whether it can be used, whether it is whole; and paths inside it, resolved both ways. */
#include "test_image.h"

#include "image/check.h"
#include "image/redoxfs.h"
#include "image/resolve.h"

#include <endian.h>
#include <sys/statvfs.h>

enum { BLOCK = 4096, RING = 256 };

static uint64_t u64_at(int fd, off_t offset)
{
	uint64_t v = 0;

	assert_int_equal(pread(fd, &v, sizeof(v), offset), sizeof(v));
	return le64toh(v);
}

/* The newest generation, by looking at all slots and believing every one. */
static uint64_t newest_by_hand(int fd, off_t offset, off_t *ret_slot)
{
	uint64_t newest = 0;

	for (off_t slot = 0; slot < RING; slot++) {
		char signature[8];
		uint64_t generation;

		assert_int_equal(pread(fd, signature, 8, offset + slot * BLOCK), 8);
		generation = u64_at(fd, offset + slot * BLOCK + 40);
		if (memcmp(signature, "RedoxFS", 8) != 0 || generation < newest)
			continue;
		newest = generation;
		*ret_slot = slot;
	}
	return newest;
}

static uint64_t free_by_mount(struct rig *rig)
{
	CLEANUP_FREE char *copy = xasprintf("%s/free.img", rig->dir), *point = xasprintf("%s/free.mnt", rig->dir), *log = xasprintf("%s/free.log", rig->dir);
	struct image_mount_args args = { .config = &rig->config, .image = copy, .point = point, .log = log };
	struct image_mount *mount = NULL;
	struct statvfs st;

	copy_file(rig->image, copy);
	assert_ok(rig, image_mount_start(&args, &mount, &rig->err));
	assert_int_equal(statvfs(point, &st), 0);
	assert_ok(rig, image_mount_stop(&mount, &rig->err));
	return (uint64_t)st.f_bfree * st.f_frsize;
}

static void newest_generation_wins(void **state)
{
	struct rig *rig = *state;
	struct image_redoxfs header;
	CLEANUP_CLOSE int fd = -1;
	uint64_t newest, room = 0;
	off_t slot = -1;

	NEED_REDOXFS();
	fd = open(rig->image, O_RDWR | O_CLOEXEC);
	newest = newest_by_hand(fd, 0, &slot);
	assert_true(newest > 3);
	assert_int_equal(image_redoxfs_read(fd, &header), 0);
	assert_int_equal(header.generation, newest);
	assert_int_equal(header.offset, 0);
	assert_int_equal(header.version, 8);
	assert_int_equal(header.size, (uint64_t)IMAGE_MB << 20);
	assert_int_equal(strlen(header.uuid), 32);
	/* As a mount of it says, of 4 KiB each. */
	assert_int_equal(image_redoxfs_free(fd, &header, &room), 0);
	assert_int_equal(room, free_by_mount(rig));
	header.alloc[1]++;
	assert_int_equal(image_redoxfs_free(fd, &header, &room), -EUCLEAN);
	header.version = 7;
	assert_int_equal(image_redoxfs_free(fd, &header, &room), -ENOTSUP);
	header.version = 8;
	/* A torn newest header is no header: the one before counts, as for redoxfs. */
	assert_int_equal(pwrite(fd, "torn", 4, slot * BLOCK + 100), 4);
	assert_int_equal(image_redoxfs_read(fd, &header), 0);
	assert_int_equal(header.generation, newest - 1);
	/* The ring begins where its slot 0 would be, whichever slot is found first. */
	assert_int_equal(pwrite(fd, (char[2 * BLOCK]){ 0 }, 2 * BLOCK, 0), 2 * BLOCK);
	assert_int_equal(image_redoxfs_read(fd, &header), 0);
	assert_int_equal(header.offset, 0);
	assert_int_equal(header.generation, newest - 1);
}

static void ring_that_went_round_is_read_right(void **state)
{
	struct rig *rig = *state;
	struct image_redoxfs header;
	struct image_identity id;
	CLEANUP_CLOSE int fd = -1;
	struct image_put put;
	int64_t us;
	off_t slot;

	NEED_REDOXFS();
	/* Each write is a generation; 128 KiB of a file is one write. */
	write_file(at("many"), 'm', 40000, 0644);
	rig_begin(rig, NULL);
	for (int i = 0; i < 120; i++) {
		char dst[64];

		snprintf(dst, sizeof(dst), "/etc/many%d", i);
		assert_ok(rig, image_txn_put(rig->txn, at("many"), dst, "x", 0644, &put, &rig->err));
		image_put_clear(&put);
	}
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	fd = open(rig->image, O_RDONLY | O_CLOEXEC);
	assert_int_equal(image_redoxfs_read(fd, &header), 0);
	assert_true(header.generation > RING);
	assert_int_equal(header.offset, 0);
	assert_int_equal(header.generation, newest_by_hand(fd, 0, &slot));
}

static void file_system_in_a_partition_is_found_and_used(void **state)
{
	struct rig *rig = *state;
	char whole[256], hash[HASH_HEX_SIZE];
	struct image_redoxfs header;
	struct image_identity id;
	struct image_put put;
	int64_t us;
	const off_t offset = 4096 * 512;

	NEED_REDOXFS();
	snprintf(whole, sizeof(whole), "%s/whole.img", rig->dir);
	{
		CLEANUP_CLOSE int in = open(rig->image, O_RDONLY | O_CLOEXEC);
		CLEANUP_CLOSE int out = open(whole, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		static char buffer[1 << 20];
		ssize_t n;

		for (off_t at_byte = 0; (n = pread(in, buffer, sizeof(buffer), at_byte)) > 0; at_byte += n)
			assert_int_equal(pwrite(out, buffer, (size_t)n, offset + at_byte), n);
		assert_int_equal(image_redoxfs_read(out, &header), 0);
		assert_int_equal(header.offset, offset);
	}
	assert_int_equal(rename(whole, rig->image), 0);
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	assert_true(look_inside(rig, rig->image, "/usr/bin/tool", NULL, hash));
	assert_string_equal(hash, put.new_hash);
	image_put_clear(&put);
}

static void identity_changes_with_the_file(void **state)
{
	struct rig *rig = *state;
	struct image_identity a, b;

	NEED_REDOXFS();
	assert_ok(rig, image_identity_read(rig->image, CONFIG_IMAGE_REDOXFS, 0, &a, &rig->err));
	assert_ok(rig, image_identity_read(rig->image, CONFIG_IMAGE_REDOXFS, 0, &b, &rig->err));
	assert_true(image_identity_same(&a, &b));
	assert_true(a.generation > 0);
	assert_int_equal(strlen(a.uuid), 32);
	b = a, b.generation++;
	assert_false(image_identity_same(&a, &b));
	b = a, b.uuid[5] ^= 1;
	assert_false(image_identity_same(&a, &b));
	b = a, b.mtime_ns++;
	assert_false(image_identity_same(&a, &b));
	b = a, b.ino++;
	assert_false(image_identity_same(&a, &b));
	b = a, b.size++;
	assert_false(image_identity_same(&a, &b));
	/* A mount and an unmount alone write to the image. */
	look_inside(rig, rig->image, "/", NULL, NULL);
	assert_ok(rig, image_identity_read(rig->image, CONFIG_IMAGE_CUSTOM, 0, &b, &rig->err));
	assert_string_equal(b.uuid, "");
	assert_int_equal(b.generation, 0);
}

static void unusable_files_are_refused(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(image_check_file(&(struct config_image){ .path = NULL }, &rig->err), -EINVAL);
	assert_int_equal(rig->err.class, ERR_USAGE);
	rig->config.path = (char *)at("nothere.img");
	assert_int_equal(image_check_file(&rig->config, &rig->err), -ENOENT);
	rig->config.path = rig->dir;
	assert_int_equal(image_check_file(&rig->config, &rig->err), -EINVAL);
	rig->config.path = rig->image;
	write_file(rig->image, 'w', 2000000, 0644);
	assert_int_equal(image_check_file(&rig->config, &rig->err), -EINVAL);
	assert_says(rig, "holds no RedoxFS");
	rig->config.format = CONFIG_IMAGE_EXT4;
	assert_int_equal(image_check_file(&rig->config, &rig->err), -EINVAL);
	assert_says(rig, "holds no ext4");
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	assert_ok(rig, image_check_file(&rig->config, &rig->err));
	assert_int_equal(truncate(rig->image, 100), 0);
	rig->config.format = CONFIG_IMAGE_REDOXFS;
	assert_int_equal(image_check_file(&rig->config, &rig->err), -EINVAL);
}

/* A refresh and a look at the image say the same of what is no image: the code, the class, the sentence, and what to do. */
static void check_and_refresh_refuse_alike(void **state)
{
	static const enum config_image_format formats[] = { CONFIG_IMAGE_REDOXFS, CONFIG_IMAGE_EXT4 };
	struct rig *rig = *state;
	const char *paths[] = { at("nothere.img"), rig->dir, rig->image };

	write_file(rig->image, 'w', 2000000, 0644);
	for (size_t p = 0; p < N_ELEMENTS(paths); p++) {
		for (size_t f = 0; f < N_ELEMENTS(formats); f++) {
			struct err other = ERR_INIT;
			int r;

			rig->err = ERR_INIT;
			rig->config.path = (char *)paths[p];
			rig->config.format = formats[f];
			r = image_check_file(&rig->config, &rig->err);
			assert_true(r < 0);
			assert_int_equal(image_check_run(&rig->config, NULL, false, NULL, &rig->notes, &other), r);
			assert_int_equal(rig->err.class, ERR_ENVIRONMENT);
			assert_int_equal(other.class, ERR_ENVIRONMENT);
			assert_string_equal(other.message, rig->err.message);
			assert_string_equal(other.hint, rig->err.hint);
			assert_true(other.hint[0] != '\0');
		}
	}
	rig->config.path = NULL;
	assert_int_equal(image_check_run(&rig->config, NULL, false, NULL, &rig->notes, &rig->err), -EINVAL);
	assert_int_equal(rig->err.class, ERR_USAGE);
}

/* Runs image_check_file() as an ordinary user; returns the class of the error. */
static int class_as_nobody(struct rig *rig)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct err err = ERR_INIT;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		_exit(image_check_file(&rig->config, &err) < 0 && err.hint[0] ? (int)err.class : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void foreign_image_is_refused_with_a_remedy(void **state)
{
	struct rig *rig = *state;

	if (geteuid() != 0)
		skip();
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	write_file(rig->image, 'w', 1000, 0644);
	assert_int_equal(chmod(rig->dir, 0777), 0);
	assert_int_equal(class_as_nobody(rig), ERR_ENVIRONMENT);
	assert_int_equal(chown(rig->image, 65534, 65534), 0);
	assert_int_equal(class_as_nobody(rig), 0);
	assert_int_equal(chmod(rig->dir, 0755), 0);
	assert_int_equal(class_as_nobody(rig), ERR_ENVIRONMENT);
}

static void names_are_judged_as_redoxfs_does(void **state)
{
	static const char umlauts[] = "gr\xc3\xb6\xc3\x9f"
				      "e \xe2\x82\xac \xf0\x9f\x98\x80";
	char longest[260];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_null(image_redoxfs_name_problem("netd", 4));
	assert_null(image_redoxfs_name_problem(umlauts, strlen(umlauts)));
	assert_null(image_redoxfs_name_problem(longest, 252));
	assert_non_null(image_redoxfs_name_problem(longest, 253));
	assert_non_null(image_redoxfs_name_problem("a:b", 3));
	assert_non_null(image_redoxfs_name_problem("\xff", 1));
	assert_non_null(image_redoxfs_name_problem("\xc0\xaf", 2));
	assert_non_null(image_redoxfs_name_problem("\xed\xa0\x80", 3));
	assert_non_null(image_redoxfs_name_problem("\xf4\x90\x80\x80", 4));
	assert_non_null(image_redoxfs_name_problem("cut \xe2\x82", 6));
}

static bool has_fact(const struct strvec *facts, const char *text)
{
	for (size_t i = 0; i < facts->n; i++)
		if (strstr(facts->v[i], text))
			return true;
	return false;
}

static void whole_image_passes_the_full_check(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	assert_ok(rig, image_check_run(&rig->config, NULL, true, NULL, &rig->notes, &rig->err));
	assert_true(has_fact(&rig->notes, "RedoxFS version 8 at byte 0, 16.8 MB"));
	assert_true(has_fact(&rig->notes, "nobody holds it"));
	assert_true(has_fact(&rig->notes, "every block was read"));
	assert_image_same(rig);
}

static void damaged_image_fails_the_full_check(void **state)
{
	struct rig *rig = *state;
	CLEANUP_CLOSE int fd = -1;
	char hash[HASH_HEX_SIZE];
	static char block[BLOCK];
	size_t flipped = 0;

	NEED_REDOXFS();
	fd = open(rig->image, O_RDWR | O_CLOEXEC);
	/* The noise of a file's content has no zero block; every tenth block that holds something gets a flipped byte. */
	for (off_t at_byte = (off_t)(RING + 10) * BLOCK; pread(fd, block, BLOCK, at_byte) == BLOCK && flipped < 10; at_byte += 10 * BLOCK) {
		if (block[100] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0)
			continue;
		block[100] ^= 1;
		assert_int_equal(pwrite(fd, block, BLOCK, at_byte), BLOCK);
		flipped++;
	}
	assert_true(flipped > 0);
	assert_int_equal(hash_file(rig->image, hash, NULL), 0);
	assert_int_equal(image_check_run(&rig->config, NULL, true, NULL, &rig->notes, &rig->err), -EUCLEAN);
	assert_says(rig, "is damaged");
	memcpy(rig->before, hash, sizeof(hash));
	assert_image_same(rig);
}

static void cut_image_is_seen_without_the_full_check(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	assert_int_equal(truncate(rig->image, 2 << 20), 0);
	assert_int_equal(image_check_run(&rig->config, NULL, false, NULL, &rig->notes, &rig->err), -EUCLEAN);
	assert_says(rig, "cut short");
}

static void ext4_is_checked_by_e2fsck(void **state)
{
	struct rig *rig = *state;
	const char *mkfs[] = { "mkfs.ext4", "-q", rig->image, NULL };
	CLEANUP_FREE char *found = fs_find_program("mkfs.ext4");
	CLEANUP_CLOSE int fd = -1;

	if (!found)
		skip();
	fd = open(rig->image, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 16 << 20), 0);
	assert_int_equal(run_program(mkfs), 0);
	rig->config.format = CONFIG_IMAGE_EXT4;
	assert_ok(rig, image_check_file(&rig->config, &rig->err));
	assert_ok(rig, image_check_run(&rig->config, NULL, true, NULL, &rig->notes, &rig->err));
	/* The group descriptors follow the superblock. */
	assert_int_equal(pwrite(fd, "garbagegarbagegarbage", 21, 1024 * 2), 21);
	assert_int_equal(image_check_run(&rig->config, NULL, true, NULL, &rig->notes, &rig->err), -EUCLEAN);
}

/* A root with links in all directions; each path by the kernel and by hand, which must agree. */
static void both_ways_of_resolving_agree(void **state)
{
	static const struct {
		const char *path;
		const char *is; /* the folder in the root, or NULL */
		int code;
	} cases[] = {
		{ "/", "", 0 },
		{ "", "", 0 },
		{ "/usr/bin", "usr/bin", 0 },
		{ "usr//bin/", "usr/bin", 0 },
		{ "/bin", "usr/bin", 0 },
		{ "/usr/bin/../lib", "usr/lib", 0 },
		{ "/../../..", "", 0 },
		{ "/up", "", 0 },
		{ "/chain", "usr/bin", 0 },
		{ "/usr/lib/abs", "usr/bin", 0 },
		{ "/bin/../lib", "usr/lib", 0 },
		{ "/outside", NULL, -ENOENT },
		{ "/climb", NULL, -ENOENT },
		{ "/loop", NULL, -ELOOP },
		{ "/file", NULL, -ENOTDIR },
		{ "/file/x", NULL, -ENOTDIR },
		{ "/nothere", NULL, -ENOENT },
	};
	struct rig *rig = *state;
	char path[300], target[300];
	CLEANUP_CLOSE int root = -1;

#define IN_ROOT(name) (snprintf(path, sizeof(path), "%s/root/%s", rig->dir, name), path)
	assert_int_equal(fs_make_dirs(IN_ROOT("usr/bin"), 0755, NULL), 0);
	assert_int_equal(fs_make_dirs(IN_ROOT("usr/lib"), 0755, NULL), 0);
	write_file(IN_ROOT("file"), 'f', 10, 0644);
	assert_int_equal(symlink("/usr/bin", IN_ROOT("bin")), 0);
	assert_int_equal(symlink("/usr/bin", IN_ROOT("usr/lib/abs")), 0);
	assert_int_equal(symlink("../../../../..", IN_ROOT("up")), 0);
	assert_int_equal(symlink("usr/../bin", IN_ROOT("chain")), 0);
	assert_int_equal(symlink("loop", IN_ROOT("loop")), 0);
	assert_int_equal(symlink(rig->dir, IN_ROOT("outside")), 0);
	snprintf(target, sizeof(target), "../../../../../../..%s", rig->dir);
	assert_int_equal(symlink(target, IN_ROOT("climb")), 0);
	root = open(IN_ROOT(""), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		for (int by_hand = 0; by_hand < 2; by_hand++) {
			CLEANUP_CLOSE int fd = by_hand ? image_resolve_walk(root, cases[i].path) : image_resolve_dir(root, cases[i].path);
			struct stat want, got;

			if (!cases[i].is) {
				assert_int_equal(fd, cases[i].code);
				continue;
			}
			assert_true(fd >= 0);
			assert_int_equal(fstat(fd, &got), 0);
			assert_int_equal(stat(IN_ROOT(cases[i].is), &want), 0);
			assert_int_equal(got.st_ino, want.st_ino);
		}
	}
#undef IN_ROOT
}

/* What is no folder is found too, by the last name only; and a link to the host's file means the image's. */
static void both_ways_find_files(void **state)
{
	static const struct {
		const char *path, *is;
		int code;
	} cases[] = {
		{ "/file", "file", 0 },
		{ "etc/../file", "file", 0 },
		{ "/etc", "etc", 0 },
		{ "/", "", 0 },
		{ "/absolute", "etc/passwd", 0 },
		{ "/climb", "etc/passwd", 0 },
		{ "/etc/to-link", "etc/passwd", 0 },
		{ "/folder/passwd", "etc/passwd", 0 },
		{ "/folder", "etc", 0 },
		{ "/pipe", "pipe", 0 },
		{ "/file/", NULL, -ENOTDIR },
		{ "/file/x", NULL, -ENOTDIR },
		{ "/file/..", NULL, -ENOTDIR },
		{ "/etc/none", NULL, -ENOENT },
		{ "/dangling", NULL, -ENOENT },
		{ "/loop", NULL, -ELOOP },
	};
	struct rig *rig = *state;
	char path[300];
	CLEANUP_CLOSE int root = -1;

#define IN_ROOT(name) (snprintf(path, sizeof(path), "%s/root/%s", rig->dir, name), path)
	assert_int_equal(fs_make_dirs(IN_ROOT("etc"), 0755, NULL), 0);
	write_file(IN_ROOT("file"), 'f', 10, 0644);
	write_file(IN_ROOT("etc/passwd"), 'p', 10, 0644);
	assert_int_equal(symlink("/etc/passwd", IN_ROOT("absolute")), 0);
	assert_int_equal(symlink("../../../../../../../../etc/passwd", IN_ROOT("climb")), 0);
	assert_int_equal(symlink("/absolute", IN_ROOT("etc/to-link")), 0);
	assert_int_equal(symlink("etc", IN_ROOT("folder")), 0);
	assert_int_equal(symlink("/nothing", IN_ROOT("dangling")), 0);
	assert_int_equal(symlink("loop", IN_ROOT("loop")), 0);
	assert_int_equal(mkfifo(IN_ROOT("pipe"), 0600), 0);
	root = open(IN_ROOT(""), O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root >= 0);
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		for (int by_hand = 0; by_hand < 2; by_hand++) {
			CLEANUP_CLOSE int fd = by_hand ? image_resolve_walk_any(root, cases[i].path) : image_resolve_any(root, cases[i].path);
			struct stat want, got;

			if (!cases[i].is && fd != cases[i].code)
				fail_msg("'%s' gives %d", cases[i].path, fd);
			if (!cases[i].is)
				continue;
			if (fd < 0)
				fail_msg("'%s' gives %d", cases[i].path, fd);
			assert_int_equal(fstat(fd, &got), 0);
			assert_int_equal(stat(IN_ROOT(cases[i].is), &want), 0);
			assert_int_equal(got.st_ino, want.st_ino);
		}
	}
#undef IN_ROOT
}

#define CHECK_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		CHECK_TEST(newest_generation_wins),
		CHECK_TEST(ring_that_went_round_is_read_right),
		CHECK_TEST(file_system_in_a_partition_is_found_and_used),
		CHECK_TEST(identity_changes_with_the_file),
		CHECK_TEST(unusable_files_are_refused),
		CHECK_TEST(check_and_refresh_refuse_alike),
		CHECK_TEST(foreign_image_is_refused_with_a_remedy),
		cmocka_unit_test(names_are_judged_as_redoxfs_does),
		CHECK_TEST(whole_image_passes_the_full_check),
		CHECK_TEST(damaged_image_fails_the_full_check),
		CHECK_TEST(cut_image_is_seen_without_the_full_check),
		CHECK_TEST(ext4_is_checked_by_e2fsck),
		CHECK_TEST(both_ways_of_resolving_agree),
		CHECK_TEST(both_ways_find_files),
	};

	return cmocka_run_group_tests_name("image check", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
