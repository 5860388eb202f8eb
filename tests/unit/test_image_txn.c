/* One transaction from begin to commit or abort, on real RedoxFS: what gets into the image, what never reaches the host, what stays as it was. */
#include "test_image.h"

#include "base/clock.h"

static void commit(struct rig *rig)
{
	struct image_identity id, now;
	int64_t swapped_us = 0;
	char *note = NULL;

	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_ok(rig, image_txn_commit(&rig->txn, &swapped_us, &note, &rig->err));
	assert_null(rig->txn);
	assert_null(note);
	assert_true(swapped_us > 0);
	assert_ok(rig, image_identity_read(rig->image, rig->config.format, &now, &rig->err));
	assert_true(image_identity_same(&id, &now));
}

static void no_temp_in(struct rig *rig, const char *dir)
{
	char path[512];
	CLEANUP(cleanup_closedir) DIR *d = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s%s", rig->names.mnt, dir);
	d = opendir(path);
	assert_non_null(d);
	while ((entry = readdir(d)))
		assert_false(str_starts(entry->d_name, ".reinject"));
}

static void written_file_is_in_the_swapped_image(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char now[HASH_HEX_SIZE];
	struct stat before, after, st;

	NEED_REDOXFS();
	assert_int_equal(chmod(rig->image, 0640), 0);
	assert_int_equal(chown(rig->image, 77, 88), 0);
	assert_int_equal(stat(rig->image, &before), 0);
	rig_begin(rig, NULL);
	assert_ok(rig, image_txn_room(rig->txn, FILE_SIZE, &rig->err));
	assert_ok(rig, rig_put(rig, 'n', "/usr/lib/drivers", "netd", &put));
	assert_int_equal(put.result, IMAGE_PUT_WRITTEN);
	assert_string_equal(put.path, "/usr/lib/drivers/netd");
	assert_int_equal(put.bytes, FILE_SIZE);
	assert_int_equal(put.mode, 0755);
	assert_int_equal(image_txn_n_written(rig->txn), 1);
	no_temp_in(rig, "/usr/lib/drivers");
	assert_image_same(rig);
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, now));
	assert_string_equal(now, put.new_hash);
	/* The one before is kept, byte for byte; the new one has its mode and owner. */
	assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
	assert_string_equal(now, rig->before);
	assert_int_equal(stat(rig->image, &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, 77);
	assert_int_equal(after.st_gid, 88);
	assert_int_not_equal(after.st_ino, before.st_ino);
	assert_false(fs_exists(rig->names.shadow));
	image_put_clear(&put);
}

static void identical_file_is_left_alone(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'b', "/usr/lib/drivers/netd", "x", &put));
	assert_int_equal(put.result, IMAGE_PUT_IDENTICAL);
	assert_string_equal(put.old_hash, put.new_hash);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	image_put_clear(&put);
}

static bool compare(struct rig *rig, const char *src, const char *dst)
{
	bool identical = false;

	assert_ok(rig, image_txn_compare(rig->txn, src, dst, "x", &identical, &rig->err));
	return identical;
}

static void comparing_tells_what_a_put_would_do(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char same[256], other[256];
	bool identical;

	NEED_REDOXFS();
	snprintf(same, sizeof(same), "%s/same", rig->dir);
	snprintf(other, sizeof(other), "%s/other", rig->dir);
	write_file(same, 'b', FILE_SIZE, 0755);
	write_file(other, 'n', FILE_SIZE, 0755);
	rig_begin(rig, NULL);
	assert_true(compare(rig, same, "/usr/lib/drivers/netd"));
	assert_false(compare(rig, other, "/usr/lib/drivers/netd"));
	assert_false(compare(rig, same, "/etc/conf"));
	assert_false(compare(rig, same, "/etc/not-yet"));
	assert_int_equal(image_txn_compare(rig->txn, same, "/nothere/", "x", &identical, &rig->err), -ENOENT);
	assert_int_equal(image_txn_compare(rig->txn, rig->dir, "/etc/conf", "x", &identical, &rig->err), -EISDIR);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	/* A file that changed since it was compared is read again. */
	write_file(other, 'm', FILE_SIZE, 0755);
	assert_ok(rig, image_txn_put(rig->txn, other, "/usr/lib/drivers/netd", "x", 0755, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_WRITTEN);
	image_put_clear(&put);
	assert_true(compare(rig, other, "/usr/lib/drivers/netd"));
	assert_false(compare(rig, same, "/usr/lib/drivers/netd"));
	/* What is put after a comparison is what is sealed. */
	assert_ok(rig, image_txn_put(rig->txn, same, "/usr/lib/drivers/netd", "x", 0755, &put, &rig->err));
	assert_int_equal(put.bytes, FILE_SIZE);
	image_put_clear(&put);
	commit(rig);
}

static void new_file_belongs_to_root(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat st;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/etc/", "fresh", &put));
	assert_string_equal(put.path, "/etc/fresh");
	assert_string_equal(put.old_hash, "");
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/etc/fresh", &st, NULL));
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 0);
	image_put_clear(&put);
}

static void replaced_file_keeps_mode_and_owner(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat st;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/etc/conf", "x", &put));
	assert_int_equal(put.mode, 0640);
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/etc/conf", &st, NULL));
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_size, FILE_SIZE);
	image_put_clear(&put);
}

struct old_content {
	char hash[HASH_HEX_SIZE], read[HASH_HEX_SIZE];
	unsigned int n;
	int answer;
};

static int take_old_content(void *data, int fd, const char *hash, struct err *err)
{
	struct old_content *old = data;

	(void)err;
	old->n++;
	memcpy(old->hash, hash, HASH_HEX_SIZE);
	assert_int_equal(hash_fd(fd, old->read, NULL), 0);
	return old->answer;
}

static void old_content_is_handed_over_first(void **state)
{
	struct rig *rig = *state;
	struct old_content old = { .answer = 0 };
	struct image_txn_hooks hooks = { .on_old = take_old_content, .data = &old };
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_ok(rig, rig_put(rig, 'b', "/usr/lib/drivers/netd", "x", &put));
	assert_int_equal(old.n, 0);
	image_put_clear(&put);
	assert_ok(rig, rig_put(rig, 'n', "/usr/lib/drivers/netd", "x", &put));
	assert_int_equal(old.n, 1);
	assert_string_equal(old.hash, put.old_hash);
	assert_string_equal(old.read, put.old_hash);
	assert_string_not_equal(put.old_hash, put.new_hash);
	image_put_clear(&put);
	old.answer = -ENOMEM;
	assert_int_equal(rig_put(rig, 'm', "/usr/bin/tool", "x", &put), -ENOMEM);
	assert_int_equal(image_txn_n_written(rig->txn), 1);
}

static void removal_takes_only_what_is_ours(void **state)
{
	struct rig *rig = *state;
	struct old_content old = { .answer = 0 };
	struct image_txn_hooks hooks = { .on_old = take_old_content, .data = &old };
	struct image_put put;
	struct stat st;
	char hash[HASH_HEX_SIZE], none[HASH_HEX_SIZE];

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_ok(rig, image_txn_hash(rig->txn, "/no/such/folder/x", none, &rig->err));
	assert_string_equal(none, "");
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib", none, &rig->err));
	assert_string_equal(none, "");
	assert_ok(rig, image_txn_remove(rig->txn, "/etc/no-such", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_ABSENT);
	image_put_clear(&put);
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/lib", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_FOREIGN);
	image_put_clear(&put);
	assert_ok(rig, image_txn_remove(rig->txn, "/etc/conf", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_FOREIGN);
	image_put_clear(&put);
	/* A link to it is none either. */
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/bin/netd-link", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_FOREIGN);
	image_put_clear(&put);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	assert_int_equal(old.n, 0);
	assert_ok(rig, image_txn_remove(rig->txn, "/usr/lib/drivers/netd", hash, &put, &rig->err));
	assert_int_equal(put.result, IMAGE_PUT_REMOVED);
	assert_string_equal(put.old_hash, hash);
	assert_string_equal(put.new_hash, "");
	assert_string_equal(old.read, hash);
	image_put_clear(&put);
	assert_int_equal(image_txn_n_written(rig->txn), 1);
	commit(rig);
	assert_false(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, NULL));
	assert_true(look_inside(rig, rig->image, "/etc/conf", &st, NULL));
}

static void removal_whose_content_cannot_be_kept_does_not_happen(void **state)
{
	struct rig *rig = *state;
	struct old_content old = { .answer = -ENOSPC };
	struct image_txn_hooks hooks = { .on_old = take_old_content, .data = &old };
	struct image_put put;
	char hash[HASH_HEX_SIZE];

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_int_equal(image_txn_remove(rig->txn, "/usr/lib/drivers/netd", hash, &put, &rig->err), -ENOSPC);
	assert_int_equal(image_txn_n_written(rig->txn), 0);
	assert_ok(rig, image_txn_hash(rig->txn, "/usr/lib/drivers/netd", hash, &rig->err));
	assert_string_not_equal(hash, "");
}

static void links_stay_in_the_image(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat st;
	char *target = NULL, *other = NULL;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	/* A folder by an absolute link. */
	assert_ok(rig, image_txn_target(rig->txn, "/bin", "newtool", &target, &rig->err));
	assert_string_equal(target, "/bin/newtool");
	free(target);
	assert_ok(rig, rig_put(rig, 'n', "/bin", "newtool", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_locate(rig->txn, "/bin/newtool", &target, &rig->err));
	assert_ok(rig, image_txn_locate(rig->txn, "/usr/bin/newtool", &other, &rig->err));
	assert_string_equal(target, other);
	free(target);
	free(other);
	assert_ok(rig, image_txn_locate(rig->txn, "/usr/bin/no-such", &target, &rig->err));
	assert_null(target);
	/* A link as the last name: the file behind it is replaced, the link stays. */
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/netd-link", "x", &put));
	image_put_clear(&put);
	/* These lead to the host for whoever follows them there; in the image there is no such folder. */
	assert_int_equal(rig_put(rig, 'n', "/escape/", "pwned", &put), -ENOENT);
	assert_int_equal(rig_put(rig, 'n', "/climb/", "pwned", &put), -ENOENT);
	assert_int_equal(rig_put(rig, 'n', "/escape/pwned", "x", &put), -ENOENT);
	assert_false(fs_exists(at("host/pwned")));
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/usr/bin/newtool", &st, NULL));
	assert_true(look_inside(rig, rig->image, "/usr/bin/netd-link", &st, NULL));
	assert_true(S_ISLNK(st.st_mode));
	assert_true(look_inside(rig, rig->image, "/usr/lib/drivers/netd", &st, target = xcalloc(1, HASH_HEX_SIZE)));
	assert_string_not_equal(target, "");
	free(target);
}

static void refused(struct rig *rig, const char *dst, const char *name, int code, enum err_class class, const char *says)
{
	struct image_put put;

	rig->err = ERR_INIT;
	assert_int_equal(rig_put(rig, 'n', dst, name, &put), code);
	assert_int_equal(rig->err.class, class);
	assert_says(rig, says);
	/* The check says the same without a file to put. */
	rig->err = ERR_INIT;
	assert_int_equal(image_txn_check(rig->txn, dst, name, &rig->err), code);
	assert_int_equal(rig->err.class, class);
	assert_says(rig, says);
}

static void bad_destinations_are_refused(void **state)
{
	struct rig *rig = *state;
	char longest[300] = "/etc/";

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	refused(rig, "/usr/lib/nothere/", "x", -ENOENT, ERR_FAILED, "the image has no folder '/usr/lib/nothere/'");
	refused(rig, "/usr/lib/nothere/file", "x", -ENOENT, ERR_FAILED, "no folder '/usr/lib/nothere'");
	refused(rig, "/usr/../etc/x", "x", -EINVAL, ERR_USAGE, "'..'");
	refused(rig, "/usr/..", "x", -EINVAL, ERR_USAGE, "'..'");
	refused(rig, "etc/x", "x", -EINVAL, ERR_USAGE, "must begin with '/'");
	refused(rig, "/etc/", "..", -EINVAL, ERR_USAGE, "'..'");
	refused(rig, "/etc/", "a/b", -EINVAL, ERR_USAGE, "no name");
	refused(rig, "/etc/a:b", "x", -EINVAL, ERR_USAGE, "':'");
	refused(rig, "/etc/\xff", "x", -EINVAL, ERR_USAGE, "UTF-8");
	refused(rig, "/etc/conf/", "x", -ENOTDIR, ERR_FAILED, "is no folder");
	refused(rig, "/etc/conf/below", "x", -ENOTDIR, ERR_FAILED, "is no folder");
	memset(longest + 5, 'x', 253);
	refused(rig, longest, "x", -EINVAL, ERR_USAGE, "252 bytes");
	/* All of that must have left the daemon alive and the shadow as good as new. */
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

static void setuid_target_is_refused(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char file[512];

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	snprintf(file, sizeof(file), "%s/usr/bin/tool", rig->names.mnt);
	assert_int_equal(chmod(file, 04755), 0);
	assert_int_equal(rig_put(rig, 'n', "/usr/bin/tool", "x", &put), -EPERM);
	assert_says(rig, "setuid");
	assert_int_equal(image_txn_n_written(rig->txn), 0);
}

static void place_is_checked_without_writing(void **state)
{
	struct rig *rig = *state;
	char path[512];

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, image_txn_check(rig->txn, "/usr/bin/tool", "x", &rig->err));
	assert_ok(rig, image_txn_check(rig->txn, "/usr/bin/", "fresh", &rig->err));
	assert_ok(rig, image_txn_check(rig->txn, "/usr/bin/netd-link", "x", &rig->err));
	snprintf(path, sizeof(path), "%s/usr/bin/fresh", rig->names.mnt);
	assert_false(fs_exists(path));
	/* Nothing was written, so the shadow is still a copy. */
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	rig_begin(rig, NULL);
	snprintf(path, sizeof(path), "%s/usr/bin/tool", rig->names.mnt);
	assert_int_equal(chmod(path, 02755), 0);
	snprintf(path, sizeof(path), "%s/etc/round", rig->names.mnt);
	assert_int_equal(symlink("round", path), 0);
	snprintf(path, sizeof(path), "%s/etc/to-folder", rig->names.mnt);
	assert_int_equal(symlink("../usr/bin", path), 0);
	snprintf(path, sizeof(path), "%s/usr/bin/folder", rig->names.mnt);
	assert_int_equal(mkdir(path, 0755), 0);
	refused(rig, "/usr/bin/tool", "x", -EPERM, ERR_FAILED, "setuid");
	refused(rig, "/etc/to-folder", "tool", -EPERM, ERR_FAILED, "setuid");
	refused(rig, "/etc/round", "x", -ELOOP, ERR_FAILED, "/etc/round");
	refused(rig, "/usr/bin", "folder", -EISDIR, ERR_FAILED, "is a folder");
}

static void source_must_be_a_file(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_int_equal(image_txn_put(rig->txn, rig->dir, "/etc/x", "x", 0644, &put, &rig->err), -EISDIR);
	assert_int_equal(image_txn_put(rig->txn, "/dev/null", "/etc/x", "x", 0644, &put, &rig->err), -EINVAL);
	assert_int_equal(image_txn_put(rig->txn, at("nothere"), "/etc/x", "x", 0644, &put, &rig->err), -ENOENT);
}

static void full_image_changes_nothing(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	write_file(at("large"), 'l', (size_t)(IMAGE_MB + 4) << 20, 0644);
	rig_begin(rig, NULL);
	assert_int_equal(image_txn_room(rig->txn, (uint64_t)IMAGE_MB << 20, &rig->err), -ENOSPC);
	assert_says(rig, "is full");
	assert_int_equal(image_txn_put(rig->txn, at("large"), "/usr/bin/tool", "x", 0755, &put, &rig->err), -ENOSPC);
	assert_says(rig, "no room for '/usr/bin/tool'");
	no_temp_in(rig, "/usr/bin");
	rig_abort(rig);
	assert_image_same(rig);
	/* Something was written into it, so it is no copy any more. */
	assert_false(fs_exists(rig->names.shadow));
	unlink(at("large"));
}

static void full_host_leaves_no_shadow(void **state)
{
	struct rig *rig = *state;
	char dir[256], image[300];

	NEED_REDOXFS();
	snprintf(dir, sizeof(dir), "%s/small", rig->dir);
	snprintf(image, sizeof(image), "%s/x.img", dir);
	mkdir(dir, 0755);
	assert_int_equal(mount("tmpfs", dir, "tmpfs", 0, "size=9m"), 0);
	copy_file(rig->image, image);
	rig->config.path = image;
	assert_ok(rig, image_lock(image, 0, NULL, &rig->lock, &rig->err));
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -ENOSPC);
	assert_says(rig, "no space for a copy");
	snprintf(image, sizeof(image), "%s/x.img.shadow", dir);
	assert_false(fs_exists(image));
	image_unlock(TAKE_PTR(rig->lock));
	assert_int_equal(umount2(dir, 0), 0);
}

static void abort_leaves_the_image_as_it_was(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	rig_abort(rig);
	assert_image_same(rig);
	assert_false(fs_exists(rig->names.shadow));
	assert_false(fs_exists(rig->names.mnt));
	assert_false(fs_exists(rig->names.prev));
}

static void unused_shadow_is_kept_and_used_again(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	struct stat kept, again;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_int_equal(stat(rig->names.shadow, &kept), 0);
	image_unlock(TAKE_PTR(rig->lock));
	/* The next run's recovery must not take it for a half-made one. */
	rig_begin(rig, NULL);
	assert_int_equal(rig->notes.n, 0);
	assert_int_equal(stat(rig->names.shadow, &again), 0);
	assert_int_equal(again.st_ino, kept.st_ino);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_int_equal(stat(rig->image, &again), 0);
	assert_int_equal(again.st_ino, kept.st_ino);
}

static void assert_owner(struct rig *rig, uid_t uid, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(rig->image, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, uid + 1);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void own_image(struct rig *rig, uid_t uid, mode_t mode)
{
	assert_int_equal(chown(rig->image, uid, uid + 1), 0);
	assert_int_equal(chmod(rig->image, mode), 0);
}

/* A chown or chmod of the image is no other image, but must outlive the swap, whenever it came. */
static void owner_and_mode_of_the_present_image_are_kept(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	struct stat kept, shadow;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_int_equal(stat(rig->names.shadow, &kept), 0);
	own_image(rig, 100, 0600);
	rig_begin(rig, NULL);
	assert_int_equal(stat(rig->names.shadow, &shadow), 0);
	assert_int_equal(shadow.st_ino, kept.st_ino);
	assert_int_equal(shadow.st_uid, 100);
	assert_int_equal(shadow.st_mode & 07777, 0600);
	own_image(rig, 200, 0640);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_owner(rig, 200, 0640);
	/* Even between seal and commit. */
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'm', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	own_image(rig, 300, 0604);
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	assert_owner(rig, 300, 0604);
}

static void recovery_deletes_the_kept_shadow(struct rig *rig)
{
	strvec_clear(&rig->notes);
	image_unlock(TAKE_PTR(rig->lock));
	rig_lock(rig);
	assert_int_equal(rig->notes.n, 1);
	assert_false(fs_exists(rig->names.shadow));
}

static void kept_shadow_of_a_changed_image_is_not_used(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	assert_int_equal(utimensat(AT_FDCWD, rig->image, NULL, 0), 0);
	recovery_deletes_the_kept_shadow(rig);
	/* Nor is one that somebody wrote into. */
	rig_begin(rig, NULL);
	rig_abort(rig);
	assert_true(fs_exists(rig->names.shadow));
	assert_int_equal(utimensat(AT_FDCWD, rig->names.shadow, NULL, 0), 0);
	recovery_deletes_the_kept_shadow(rig);
}

static void changed_image_is_not_swapped_away(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	int64_t us;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_int_equal(utimensat(AT_FDCWD, rig->image, NULL, 0), 0);
	assert_int_equal(image_txn_commit(&rig->txn, &us, NULL, &rig->err), -EBUSY);
	assert_int_equal(rig->err.class, ERR_BUSY);
	assert_says(rig, "changed by somebody else");
	rig_abort(rig);
	assert_image_same(rig);
	assert_false(fs_exists(rig->names.shadow));
}

static void writer_at_the_last_moment_stops_the_swap(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	int64_t us;
	int status, fds[2];
	pid_t pid;

	NEED_REDOXFS();
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_ok(rig, image_txn_seal(rig->txn, &id, &rig->err));
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		char c = open(rig->image, O_RDWR | O_CLOEXEC) >= 0;

		(void)!write(fds[1], &c, 1);
		pause();
	}
	assert_int_equal(read(fds[0], &status, 1), 1);
	assert_int_equal(image_txn_commit(&rig->txn, &us, NULL, &rig->err), -EBUSY);
	assert_says(rig, "open for writing");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	/* Nothing is lost: the same transaction can be committed once the writer has gone. */
	assert_ok(rig, image_txn_commit(&rig->txn, &us, NULL, &rig->err));
	close(fds[0]);
	close(fds[1]);
}

static void previous_image_can_be_done_without(void **state)
{
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig->config.keep_previous = false;
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_false(fs_exists(rig->names.prev));
	assert_false(fs_exists(rig->names.shadow));
}

static void link_to_the_image_stays_a_link(void **state)
{
	struct rig *rig = *state;
	struct image_put put;
	char link[256];
	struct stat st;

	NEED_REDOXFS();
	snprintf(link, sizeof(link), "%s/link.img", rig->dir);
	assert_int_equal(symlink("x.img", link), 0);
	rig->config.path = link;
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	commit(rig);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_true(fs_exists(rig->names.prev));
}

static pid_t last_daemon;

static void remember_daemon(void *data, pid_t pid, bool started)
{
	(void)data;
	last_daemon = started ? pid : 0;
}

static int kill_daemon(void *data, int fd, const char *hash, struct err *err)
{
	(void)data;
	(void)fd;
	(void)hash;
	(void)err;
	return kill(last_daemon, SIGKILL);
}

static void killed_daemon_is_said_and_cleaned_up(void **state)
{
	struct image_txn_hooks hooks = { .on_child = remember_daemon, .on_old = kill_daemon };
	struct rig *rig = *state;
	struct image_put put;

	NEED_REDOXFS();
	rig_begin(rig, &hooks);
	assert_true(last_daemon > 0);
	assert_true(rig_put(rig, 'n', "/usr/bin/tool", "x", &put) < 0);
	assert_says(rig, "was ended by signal 9");
	rig_abort(rig);
	assert_int_equal(last_daemon, 0);
	assert_false(image_mounts_has(rig->names.mnt));
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

static void failing_mount_is_said(void **state)
{
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_lock(rig);
	rig->config.tool = (char *)"redoxfs-that-is-not-there";
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -ENOENT);
	assert_int_equal(rig->err.class, ERR_ENVIRONMENT);
	rig->config.tool = (char *)"false";
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -EIO);
	assert_says(rig, "exited with 1");
	assert_false(fs_exists(rig->names.shadow));
	assert_false(fs_exists(rig->names.mnt));
	assert_image_same(rig);
}

static void mount_that_never_comes_is_given_up(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"60", NULL };
	struct rig *rig = *state;

	NEED_REDOXFS();
	rig_lock(rig);
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 2 };
	rig->config.mount_timeout_ms = 100;
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err), -ETIMEDOUT);
	assert_says(rig, "was not ready within 100 ms");
	assert_false(fs_exists(rig->names.mnt));
	assert_image_same(rig);
}

static void ask_in_a_while(void *data, pid_t pid, bool started)
{
	(void)data;
	(void)pid;
	if (started)
		ualarm(50000, 0);
}

static struct cancel *alarm_cancel;

static void on_alarm(int signal)
{
	cancel_request(alarm_cancel, signal);
}

static void waiting_for_a_mount_listens_to_a_signal(void **state)
{
	char *argv[] = { (char *)"sleep", (char *)"60", NULL };
	struct image_txn_hooks hooks = { .on_child = ask_in_a_while };
	struct sigaction action = { .sa_handler = on_alarm }, before;
	struct rig *rig = *state;
	struct cancel cancel;
	int64_t start;

	NEED_REDOXFS();
	assert_ok(rig, cancel_init(&cancel, &rig->err));
	alarm_cancel = &cancel;
	sigaction(SIGALRM, &action, &before);
	rig_lock(rig);
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 2 };
	rig->config.mount_timeout_ms = 30000;
	start = clock_ms();
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, &hooks, &cancel, &rig->txn, &rig->err), -ECANCELED);
	assert_true(clock_ms() - start < 5000);
	assert_int_equal(rig->err.class, ERR_INTERRUPTED);
	assert_false(fs_exists(rig->names.mnt));
	assert_image_same(rig);
	sigaction(SIGALRM, &before, NULL);
	cancel_clear(&cancel);
}

static void custom_commands_mount_and_unmount(void **state)
{
	char *mount_argv[] = { (char *)"redoxfs", (char *)"${IMAGE}", (char *)"${MOUNT_POINT}", NULL };
	char *unmount_argv[] = { (char *)"umount", (char *)"${MOUNT_POINT}", NULL };
	struct rig *rig = *state;
	struct image_put put;
	char hash[HASH_HEX_SIZE];

	NEED_REDOXFS();
	/* Without -d it goes into the background, as `mount -o loop` would: there is no child to wait for. */
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = mount_argv, .n = 3 };
	rig->config.unmount = (struct strvec){ .v = unmount_argv, .n = 2 };
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	commit(rig);
	rig->config.format = CONFIG_IMAGE_REDOXFS;
	assert_true(look_inside(rig, rig->image, "/usr/bin/tool", NULL, hash));
	assert_string_equal(hash, put.new_hash);
	image_put_clear(&put);
}

static void daemon_that_fails_at_its_end_spoils_the_shadow(void **state)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"redoxfs -d \"$0\" \"$1\"; exit 3", (char *)"${IMAGE}", (char *)"${MOUNT_POINT}",
			 NULL };
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;

	NEED_REDOXFS();
	rig->config.format = CONFIG_IMAGE_CUSTOM;
	rig->config.mount = (struct strvec){ .v = argv, .n = 5 };
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
	image_put_clear(&put);
	assert_int_equal(image_txn_seal(rig->txn, &id, &rig->err), -EIO);
	assert_says(rig, "exited with 3");
	rig_abort(rig);
	assert_false(fs_exists(rig->names.shadow));
	assert_image_same(rig);
}

/* Somebody, or a fault of the file system, changes a file after it was put: only reading back can see that. */
static void what_reads_back_differently_is_not_swapped_in(void **state)
{
	struct rig *rig = *state;
	struct image_identity id;
	struct image_put put;
	char file[512];

	NEED_REDOXFS();
	for (int what = 0; what < 3; what++) {
		CLEANUP_CLOSE int fd = -1;

		rig_begin(rig, NULL);
		assert_ok(rig, rig_put(rig, 'n', "/usr/bin/tool", "x", &put));
		image_put_clear(&put);
		snprintf(file, sizeof(file), "%s/usr/bin/tool", rig->names.mnt);
		fd = open(file, O_WRONLY | O_CLOEXEC);
		if (what == 0)
			assert_int_equal(pwrite(fd, "!", 1, FILE_SIZE / 2), 1);
		else if (what == 1)
			assert_int_equal(ftruncate(fd, FILE_SIZE - 1), 0);
		else
			assert_int_equal(fchmod(fd, 0600), 0);
		cleanup_close(&fd);
		assert_int_equal(image_txn_seal(rig->txn, &id, &rig->err), -EIO);
		assert_says(rig, what < 2 ? "reads back from the image as something else" : "another mode");
		rig_abort(rig);
		assert_image_same(rig);
	}
}

static void ext4_goes_the_same_way(void **state)
{
	const char *mkfs[] = { "mkfs.ext4", "-q", "-d", at("tree"), NULL, NULL };
	CLEANUP_FREE char *fuse2fs = fs_find_program("fuse2fs"), *mkfs_found = fs_find_program("mkfs.ext4");
	struct rig *rig = *state;
	struct image_put put;
	char hash[HASH_HEX_SIZE];
	struct stat st;

	NEED_REDOXFS();
	if (!fuse2fs || !mkfs_found) {
		print_message("skipped: fuse2fs or mkfs.ext4 is missing\n");
		skip();
	}
	assert_int_equal(truncate(rig->image, 0), 0);
	assert_int_equal(truncate(rig->image, (off_t)IMAGE_MB << 20), 0);
	mkfs[4] = rig->image;
	assert_int_equal(run_program(mkfs), 0);
	rig->config.format = CONFIG_IMAGE_EXT4;
	rig_begin(rig, NULL);
	assert_ok(rig, rig_put(rig, 'n', "/etc/conf", "x", &put));
	commit(rig);
	assert_true(look_inside(rig, rig->image, "/etc/conf", &st, hash));
	assert_string_equal(hash, put.new_hash);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_uid, 12);
	image_put_clear(&put);
}

static void interrupted_transaction_undoes_itself(void **state)
{
	struct rig *rig = *state;
	struct cancel cancel;
	struct image_put put;

	NEED_REDOXFS();
	assert_ok(rig, cancel_init(&cancel, &rig->err));
	rig_lock(rig);
	assert_ok(rig, image_txn_begin(&rig->config, rig->lock, rig->state, NULL, &cancel, &rig->txn, &rig->err));
	cancel_request(&cancel, SIGINT);
	assert_int_equal(rig_put(rig, 'n', "/usr/bin/tool", "x", &put), -ECANCELED);
	rig_abort(rig);
	assert_int_equal(image_txn_begin(&rig->config, rig->lock, rig->state, NULL, &cancel, &rig->txn, &rig->err), -ECANCELED);
	assert_false(image_mounts_has(rig->names.mnt));
	assert_image_same(rig);
	cancel_clear(&cancel);
}

#ifdef REINJECT_FAULTS
static int remove_one(struct rig *rig)
{
	struct image_put put = { 0 };
	char hash[HASH_HEX_SIZE];
	int r = image_txn_hash(rig->txn, "/etc/conf", hash, &rig->err);

	if (r == 0)
		r = image_txn_remove(rig->txn, "/etc/conf", hash, &put, &rig->err);
	image_put_clear(&put);
	return r;
}

/* Comes by every fault point whose name begins with txn- or put-. */
static int whole_transaction(struct rig *rig)
{
	struct image_identity id;
	struct image_put put = { 0 };
	int64_t us;
	int r = image_txn_begin(&rig->config, rig->lock, rig->state, NULL, NULL, &rig->txn, &rig->err);

	if (r == 0)
		r = rig_put(rig, 'n', "/usr/bin/tool", "x", &put);
	image_put_clear(&put);
	if (r == 0)
		r = remove_one(rig);
	if (r == 0)
		r = image_txn_seal(rig->txn, &id, &rig->err);
	if (r == 0)
		r = image_txn_commit(&rig->txn, &us, NULL, &rig->err);
	rig_abort(rig);
	return r;
}

static void lock_and_go(struct rig *rig)
{
	if (image_lock(rig->image, 0, NULL, &rig->lock, &rig->err) == 0)
		(void)whole_transaction(rig);
}

static void failure_at_any_point_leaves_the_image(void **state)
{
	struct rig *rig = *state;
	char fault[64];

	NEED_REDOXFS();
	rig_lock(rig);
	for (size_t i = 0; fault_names[i]; i++) {
		if (!str_starts(fault_names[i], "txn-") && !str_starts(fault_names[i], "put-"))
			continue;
		snprintf(fault, sizeof(fault), "%s:EINVAL", fault_names[i]);
		setenv("REINJECT_FAULT", fault, 1);
		assert_int_equal(whole_transaction(rig), -EINVAL);
		assert_image_same(rig);
		assert_false(fs_exists(rig->names.mnt));
		assert_true(!fs_exists(rig->names.shadow) || strcmp(fault_names[i], "txn-mounted") == 0);
	}
	unsetenv("REINJECT_FAULT");
	assert_ok(rig, whole_transaction(rig));
}

static void death_at_any_point_is_put_right(void **state)
{
	struct rig *rig = *state;
	char now[HASH_HEX_SIZE];

	NEED_REDOXFS();
	for (size_t i = 0; fault_names[i]; i++) {
		bool swapped = strcmp(fault_names[i], "txn-swapped") == 0 || strcmp(fault_names[i], "txn-done") == 0;

		if (!str_starts(fault_names[i], "txn-") && !str_starts(fault_names[i], "put-"))
			continue;
		setenv("REINJECT_FAULT", fault_names[i], 1);
		in_dying_child(rig, lock_and_go);
		unsetenv("REINJECT_FAULT");
		rig_lock(rig);
		assert_false(fs_exists(rig->names.mnt));
		assert_false(fs_exists(rig->names.shadow));
		if (!swapped) {
			assert_image_same(rig);
		} else {
			assert_int_equal(hash_file(rig->names.prev, now, NULL), 0);
			assert_string_equal(now, rig->before);
			copy_file(rig->names.prev, rig->image);
			unlink(rig->names.prev);
		}
		image_unlock(TAKE_PTR(rig->lock));
	}
}
#endif

#define TXN_TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup, rig_teardown)

static int run(void)
{
	const struct CMUnitTest tests[] = {
		TXN_TEST(written_file_is_in_the_swapped_image),
		TXN_TEST(identical_file_is_left_alone),
		TXN_TEST(comparing_tells_what_a_put_would_do),
		TXN_TEST(new_file_belongs_to_root),
		TXN_TEST(replaced_file_keeps_mode_and_owner),
		TXN_TEST(old_content_is_handed_over_first),
		TXN_TEST(links_stay_in_the_image),
		TXN_TEST(bad_destinations_are_refused),
		TXN_TEST(setuid_target_is_refused),
		TXN_TEST(removal_takes_only_what_is_ours),
		TXN_TEST(removal_whose_content_cannot_be_kept_does_not_happen),
		TXN_TEST(place_is_checked_without_writing),
		TXN_TEST(source_must_be_a_file),
		TXN_TEST(full_image_changes_nothing),
		TXN_TEST(full_host_leaves_no_shadow),
		TXN_TEST(abort_leaves_the_image_as_it_was),
		TXN_TEST(unused_shadow_is_kept_and_used_again),
		TXN_TEST(owner_and_mode_of_the_present_image_are_kept),
		TXN_TEST(kept_shadow_of_a_changed_image_is_not_used),
		TXN_TEST(changed_image_is_not_swapped_away),
		TXN_TEST(writer_at_the_last_moment_stops_the_swap),
		TXN_TEST(previous_image_can_be_done_without),
		TXN_TEST(link_to_the_image_stays_a_link),
		TXN_TEST(killed_daemon_is_said_and_cleaned_up),
		TXN_TEST(failing_mount_is_said),
		TXN_TEST(mount_that_never_comes_is_given_up),
		TXN_TEST(waiting_for_a_mount_listens_to_a_signal),
		TXN_TEST(custom_commands_mount_and_unmount),
		TXN_TEST(daemon_that_fails_at_its_end_spoils_the_shadow),
		TXN_TEST(what_reads_back_differently_is_not_swapped_in),
		TXN_TEST(ext4_goes_the_same_way),
		TXN_TEST(interrupted_transaction_undoes_itself),
#ifdef REINJECT_FAULTS
		TXN_TEST(failure_at_any_point_leaves_the_image),
		TXN_TEST(death_at_any_point_is_put_right),
#endif
	};

	return cmocka_run_group_tests_name("image txn", tests, NULL, NULL);
}

int main(void)
{
	return fixture_main(run);
}
