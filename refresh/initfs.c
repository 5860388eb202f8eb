#include "refresh/initfs.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/initfs.h"
#include "journal/blobs.h"
#include "refresh/initfs_pack.h"
#include "refresh/initfs_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A kernel boots from the whole of an initfs, so all of it is made anew from what is known, never patched. */

#define PREFIX    "initfs:"
#define STATE_ROW PREFIX /* not the path of a member */

struct refresh_initfs {
	struct refresh_initfs_member *members; /* owned */
	size_t n, cap;
	char *tree, *packed; /* owned: the folder and the file that is made from it, on the host */
	char state[HASH_HEX_SIZE], state_before[HASH_HEX_SIZE];
	char put_before[HASH_HEX_SIZE]; /* the packed file that is known to be in the image; '' when there is none */
	uint64_t size;                  /* of the packed file */
	bool is_packed, is_given_up;
};

void refresh_initfs_free(struct refresh_initfs *initfs)
{
	if (!initfs)
		return;
	for (size_t i = 0; i < initfs->n; i++)
		refresh_initfs_member_clear(&initfs->members[i]);
	free(initfs->members);
	free(initfs->tree);
	free(initfs->packed);
	free(initfs);
}

static const char *find_hash(const struct refresh_records *records, const char *path)
{
	for (size_t i = 0; i < records->n_contents; i++)
		if (str_eq(records->contents[i].path, path))
			return records->contents[i].hash;
	return NULL;
}

bool refresh_initfs_has_moved(const struct config *config, const struct refresh_records *records)
{
	const char *before = find_hash(records, STATE_ROW);
	char now[HASH_HEX_SIZE];

	/* What cannot be read now is for the next packing to complain about. */
	return config->initfs.dir && before && refresh_initfs_tree_state(&config->initfs, now, NULL) == 0 && strcmp(before, now) != 0;
}

/* -- is there anything to do? ----------------------------------------------------------------------------------------------------------------- */

static bool has_initfs_dest(const struct strvec *dests)
{
	for (size_t i = 0; i < dests->n; i++)
		if (refresh_is_in_initfs(dests->v[i]))
			return true;
	return false;
}

static const struct config_package *package_of(const struct refresh_round *round, const struct refresh_step *step)
{
	if (step->is_asset || step->one_off)
		return NULL;
	return &round->session->config->packages[round->look->subjects[step->subject].index];
}

static bool step_has_members(const struct refresh_round *round, const struct refresh_step *step)
{
	const struct config_package *package = package_of(round, step);

	return has_initfs_dest(&step->dests) || (package && has_initfs_dest(&package->copies));
}

static bool is_concerned(const struct refresh_round *round)
{
	bool any = round->plan.initfs;

	if (!round->session->config->initfs.dir)
		return false;
	for (size_t i = 0; i < round->plan.n_steps; i++)
		any = any || step_has_members(round, &round->plan.steps[i]);
	for (size_t i = 0; i < round->plan.n_removals; i++)
		any = any || refresh_is_in_initfs(round->plan.removals[i].path);
	return any;
}

int refresh_initfs_check(const struct refresh_round *round, struct err *err)
{
	const struct config_initfs *initfs = &round->session->config->initfs;
	CLEANUP_FREE char *tool = NULL;
	int r;

	if (!is_concerned(round))
		return 0;
	if (!initfs->bootstrap) {
		r = err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "[initfs] names no bootstrap ELF, without which nothing boots");
		err_hint(err, "add `bootstrap = PATH` to [initfs] in '%s'", round->session->config->file);
		return r;
	}
	r = image_initfs_check_bootstrap(initfs->bootstrap, err);
	if (r < 0)
		return r;
	tool = refresh_initfs_tree_tool(initfs);
	if (!tool) {
		r = err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "cannot find program '%s', which packs the initfs",
				  initfs->tool ? initfs->tool : "redox-initfs-ar");
		err_hint(err, "build it for this machine (cargo build -p redox-initfs-tools in the base tree), or correct `tool` in [initfs]");
		return r;
	}
	if (fs_is_dir(initfs->dir))
		return 0;
	r = err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "the initfs's folder '%s' does not exist", initfs->dir);
	err_hint(err, "make it (it may be empty), or correct `dir` in [initfs]");
	return r;
}

/* -- members ----------------------------------------------------------------------------------------------------------------------------------- */

static struct refresh_initfs_member *find_member(const struct refresh_initfs *initfs, const char *path)
{
	for (size_t i = 0; i < initfs->n; i++)
		if (strcmp(initfs->members[i].path, path) == 0)
			return &initfs->members[i];
	return NULL;
}

static struct refresh_initfs_member *add_member(struct refresh_initfs *initfs, const char *path)
{
	struct refresh_initfs_member *found = find_member(initfs, path);

	if (found)
		return found;
	grow_array(&initfs->members, &initfs->cap, initfs->n, sizeof(*initfs->members));
	found = &initfs->members[initfs->n++];
	found->path = xstrdup(path);
	return found;
}

static void set_owner(struct refresh_initfs_member *member, const char *owner)
{
	free(member->owner);
	member->owner = xstrdup(owner);
}

static int take_content(void *data, const struct journal_content *content)
{
	struct refresh_round *round = data;
	struct refresh_initfs *initfs = round->initfs;
	struct refresh_initfs_member *member;

	if (strcmp(content->path, STATE_ROW) == 0) {
		snprintf(initfs->state_before, sizeof(initfs->state_before), "%s", content->hash);
	} else if (strcmp(content->path, round->session->config->initfs.dest) == 0) {
		if (strcmp(content->owner, REFRESH_INITFS_OWNER) == 0)
			snprintf(initfs->put_before, sizeof(initfs->put_before), "%s", content->hash);
	} else if (refresh_is_in_initfs(content->path)) {
		member = add_member(initfs, content->path + strlen(PREFIX));
		set_owner(member, content->owner);
		snprintf(member->hash, sizeof(member->hash), "%s", content->hash);
		snprintf(member->before, sizeof(member->before), "%s", content->hash);
	}
	return 0;
}

static bool is_folder(const struct refresh_round *round, const char *path)
{
	CLEANUP_FREE char *host = xasprintf("%s%s", round->session->config->initfs.dir, path);
	struct stat st;

	if (lstat(host, &st) == 0)
		return S_ISDIR(st.st_mode);
	for (size_t i = 0; i < round->initfs->n; i++)
		if (strcmp(round->initfs->members[i].path, path) != 0 && path_under(round->initfs->members[i].path, path))
			return true;
	return false;
}

/* A program goes into a folder, unless the last word is its own name; anything else goes where it says, unless that is a folder. */
static char *member_path(const struct refresh_round *round, const char *dest, const char *name, bool is_program)
{
	CLEANUP_FREE char *path = fs_absolute("/", dest + strlen(PREFIX));
	CLEANUP_FREE char *below = xasprintf("%s/%s", path, name);

	if (!str_ends(dest, "/") && !is_folder(round, path) && (!is_program || strcmp(fs_basename(path), name) == 0))
		return TAKE_PTR(path);
	return fs_absolute("/", below);
}

static int take_file(struct refresh_round *round, size_t step, const struct refresh_staged_file *file, const char *dest, bool is_program,
		     struct err *err)
{
	CLEANUP_FREE char *path = member_path(round, dest, file->name, is_program);
	CLEANUP_CLOSE int fd = open(file->path, O_RDONLY | O_CLOEXEC);
	struct refresh_initfs_member *member = add_member(round->initfs, path);
	int r = fd < 0 ? -errno : hash_fd(fd, member->hash, &member->size);

	if (r < 0)
		return err_set(err, r, "cannot read '%s'", file->path);
	set_owner(member, refresh_round_owner(round, step));
	free(member->file);
	member->file = xstrdup(file->path);
	/* Kept now: the next packing without this package takes it from there. */
	return journal_blob_add(round->session->config->state, fd, member->hash, err);
}

static int take_step(struct refresh_round *round, size_t i, struct err *err)
{
	const struct refresh_step *step = &round->plan.steps[i];
	const struct refresh_staged *staged = &round->staged[i];
	const struct config_package *package = package_of(round, step);
	int r = 0;

	for (size_t d = 0; d < step->dests.n; d++)
		for (size_t f = 0; r == 0 && f < staged->n_files && refresh_is_in_initfs(step->dests.v[d]); f++)
			r = take_file(round, i, &staged->files[f], step->dests.v[d], !step->is_asset, err);
	for (size_t c = 0; r == 0 && package && staged->n_files > 0 && c < package->copies.n; c++)
		if (refresh_is_in_initfs(package->copies.v[c]))
			r = take_file(round, i, &staged->files[0], package->copies.v[c], false, err);
	return r;
}

/* Its file is ours by the journal alone: what an initfs holds, nobody else changes by the piece. */
static void leave_out(struct refresh_round *round)
{
	for (size_t i = 0; i < round->plan.n_removals; i++) {
		const struct refresh_removal *removal = &round->plan.removals[i];
		struct refresh_initfs_member *member = NULL;

		if (refresh_is_in_initfs(removal->path))
			member = find_member(round->initfs, removal->path + strlen(PREFIX));
		if (member && !member->file && (removal->after == REFRESH_NO_STEP || round->staged[removal->after].ok))
			member->hash[0] = '\0';
	}
}

static int load(struct refresh_round *round, struct err *err)
{
	const struct refresh_session *session = round->session;
	struct refresh_initfs *initfs = xcalloc(1, sizeof(*initfs));
	int r;

	round->initfs = initfs;
	initfs->tree = xasprintf("%s/stage/initfs folder", session->work);
	initfs->packed = xasprintf("%s/stage/initfs packed", session->work);
	r = journal_contents(session->journal, session->config->image.path, take_content, round, err);
	for (size_t i = 0; r == 0 && i < round->plan.n_steps; i++)
		if (round->staged[i].ok && step_has_members(round, &round->plan.steps[i]))
			r = take_step(round, i, err);
	if (r == 0)
		leave_out(round);
	return r < 0 ? r : refresh_initfs_tree_state(&session->config->initfs, initfs->state, err);
}

/* -- packing ----------------------------------------------------------------------------------------------------------------------------------- */

static bool has_place(const struct refresh_round *round, const char *dest, const char *name, bool is_program)
{
	CLEANUP_FREE char *path = member_path(round, dest, name, is_program);
	CLEANUP_FREE char *host = xasprintf("%s%s", round->session->config->initfs.dir, path);
	const struct refresh_initfs_member *member = find_member(round->initfs, path);

	return (member && member->hash[0]) || fs_exists(host);
}

static const char *find_absent(const struct refresh_round *round, const struct strvec *dests, const struct strvec *names, bool is_program)
{
	for (size_t d = 0; d < dests->n; d++)
		for (size_t n = 0; n < names->n && refresh_is_in_initfs(dests->v[d]); n++)
			if (!has_place(round, dests->v[d], names->v[n], is_program))
				return dests->v[d];
	return NULL;
}

/* What nobody has built yet is not in it: without its logd, say, an initfs is no better than none. */
static int check_complete(const struct refresh_round *round, struct err *err)
{
	const struct config *config = round->session->config;

	for (size_t i = 0; i < round->look->n_subjects; i++) {
		const struct watcher_subject *subject = &round->look->subjects[i];
		const struct config_package *package = &config->packages[subject->index];
		const struct config_asset *asset = &config->assets[subject->index];
		CLEANUP(strvec_clear) struct strvec name = { 0 };
		const char *absent;

		if (subject->missing)
			continue;
		if (subject->is_asset)
			strvec_add(&name, fs_basename(asset->path));
		absent = subject->is_asset ? find_absent(round, &asset->dests, &name, false)
					   : find_absent(round, &package->dests, &package->bins, true);
		if (!absent)
			continue;
		err_set(err, -ENOENT, "the initfs would lack what %s has for '%s': it is not built yet!", subject->name, absent);
		err_hint(err, "`reinject refresh` builds all that is stale; or put the file into '%s'", config->initfs.dir);
		return -ENOENT;
	}
	return 0;
}

/* The same but for its time, as after a touch of the folder, is no reason to write it again. */
static int take_time_of_old(const struct refresh_round *round, struct err *err)
{
	struct stat st;
	CLEANUP_CLOSE int old = image_txn_open_path(round->txn, round->session->config->initfs.dest, &st, NULL);

	return old < 0 || !S_ISREG(st.st_mode) ? 0 : image_initfs_take_time(round->initfs->packed, old, err);
}

static int pack(struct refresh_round *round, struct err *err)
{
	struct refresh_initfs *initfs = round->initfs;
	struct refresh_initfs_packing packing = {
		.session = round->session, .members = initfs->members, .n = initfs->n, .tree = initfs->tree, .packed = initfs->packed
	};
	int r = refresh_initfs_pack_members(&packing, &initfs->size, err);

	if (r == 0)
		r = take_time_of_old(round, err);
	if (r < 0)
		return r;
	initfs->is_packed = true;
	r = FAULT("initfs-packed");
	return r < 0 ? err_set(err, r, "cannot use the packed initfs") : 0;
}

/* 1 when the image's initfs is not what it would be. */
static int is_stale(const struct refresh_round *round, struct err *err)
{
	const struct refresh_initfs *initfs = round->initfs;
	char now[HASH_HEX_SIZE];
	int r;

	if (strcmp(initfs->state, initfs->state_before) != 0 || !initfs->put_before[0])
		return 1;
	for (size_t i = 0; i < initfs->n; i++)
		if (strcmp(initfs->members[i].hash, initfs->members[i].before) != 0)
			return 1;
	r = image_txn_hash(round->txn, round->session->config->initfs.dest, now, err);
	return r < 0 ? r : strcmp(now, initfs->put_before) != 0;
}

static int pack_if_stale(struct refresh_round *round, struct err *err)
{
	const char *dest = round->session->config->initfs.dest;
	int r = load(round, err);

	if (r == 0)
		r = is_stale(round, err);
	if (r <= 0 && !(r == 0 && round->args->request.initfs))
		return r;
	r = check_complete(round, err);
	if (r == 0)
		r = image_txn_check(round->txn, dest, fs_basename(dest), err);
	return r < 0 ? r : pack(round, err);
}

/* Of a package that leaves the initfs for the image, the old place is there as long as the old initfs is. */
static bool step_is_concerned(const struct refresh_round *round, size_t step)
{
	for (size_t i = 0; i < round->plan.n_removals; i++)
		if (round->plan.removals[i].after == step && refresh_is_in_initfs(round->plan.removals[i].path))
			return true;
	return step_has_members(round, &round->plan.steps[step]);
}

bool refresh_initfs_keeps(const struct refresh_round *round, const char *owner)
{
	if (!round->initfs || !round->initfs->is_given_up)
		return false;
	for (size_t i = 0; i < round->plan.n_removals; i++)
		if (str_eq(round->plan.removals[i].owner, owner) && refresh_is_in_initfs(round->plan.removals[i].path))
			return true;
	return false;
}

/* Fails all that would have gone into it: a package goes in whole or not at all. True when there were any. */
static bool fail_members(struct refresh_round *round, const char *why)
{
	bool any = false;

	for (size_t i = 0; i < round->plan.n_steps; i++) {
		if (!round->staged[i].ok || !step_is_concerned(round, i))
			continue;
		any = true;
		refresh_round_fail(round, i, why);
	}
	return any;
}

/* Something for the image itself, which needs no initfs. */
static bool is_any_left(const struct refresh_round *round)
{
	bool any = refresh_make_any(round);

	for (size_t i = 0; i < round->plan.n_removals; i++) {
		const struct refresh_removal *removal = &round->plan.removals[i];

		any = any || (removal->after == REFRESH_NO_STEP && !refresh_is_in_initfs(removal->path) &&
			      !refresh_initfs_keeps(round, removal->owner));
	}
	return any;
}

/* The image keeps the initfs that it has, and what has nothing in it goes on. */
static int give_up(struct refresh_round *round, int r, const struct err *failure, struct err *err)
{
	bool stops = r == -ECANCELED || failure->class == ERR_ENVIRONMENT || failure->class == ERR_BUSY, any;

	if (!stops) {
		round->initfs->is_given_up = true;
		any = fail_members(round, failure->message);
		stops = !any && !is_any_left(round);
	}
	if (stops) {
		if (err)
			*err = *failure;
		return r;
	}
	if (!any)
		refresh_round_note_failure(round, REFRESH_INITFS_OWNER, failure->message);
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = failure->message, .hint = failure->hint });
	return 0;
}

int refresh_initfs_pack(struct refresh_round *round, struct err *err)
{
	struct err failure = ERR_INIT;
	int r;

	if (!is_concerned(round) || !round->look)
		return 0;
	r = pack_if_stale(round, &failure);
	return r < 0 ? give_up(round, r, &failure, err) : 0;
}

/* -- into the image ---------------------------------------------------------------------------------------------------------------------------- */

int refresh_initfs_measure(struct refresh_round *round, uint64_t *bytes, struct err *err)
{
	const char *dest = round->session->config->initfs.dest;
	bool identical = false;
	int r;

	if (!round->initfs || !round->initfs->is_packed)
		return 0;
	r = image_txn_compare(round->txn, round->initfs->packed, dest, fs_basename(dest), &identical, err);
	if (r == 0 && !identical)
		*bytes += round->initfs->size;
	return r;
}

static void tell(const struct refresh_round *round, const char *subject, const struct image_put *put)
{
	bool removed = put->result == IMAGE_PUT_REMOVED || put->result == IMAGE_PUT_ABSENT;

	refresh_round_send(round, (struct refresh_event){
					  .type = removed ? REFRESH_EVENT_REMOVE : REFRESH_EVENT_PUT,
					  .subject = subject,
					  .path = put->path,
					  .result = removed				  ? "removed"
						    : put->result == IMAGE_PUT_WRITTEN ? "written"
										       : "identical",
					  .text = removed ? "nobody wants it there any more" : NULL,
					  .bytes = put->bytes,
				  });
}

/* @written: the packed file is new in the image. Then a rollback of this run brings the member back as well as the file. */
static void add_row(struct refresh_round *round, const char *path, const char *owner, const char *hash, const char *before, bool written,
		    uint64_t size, bool is_told)
{
	bool changed = written && strcmp(hash, before) != 0;
	struct image_put put = {
		.result = hash[0] ? (changed ? IMAGE_PUT_WRITTEN : IMAGE_PUT_IDENTICAL) : (written ? IMAGE_PUT_REMOVED : IMAGE_PUT_ABSENT),
		.path = xasprintf(PREFIX "%s", path),
		.bytes = size,
		.mode = str_starts(owner, "asset ") ? REFRESH_INITFS_MODE_ASSET : REFRESH_INITFS_MODE_PROGRAM,
	};

	snprintf(put.new_hash, sizeof(put.new_hash), "%s", hash);
	snprintf(put.old_hash, sizeof(put.old_hash), "%s", before);
	if (is_told)
		tell(round, strchr(owner, ' ') ? strchr(owner, ' ') + 1 : owner, &put);
	refresh_round_add_file(round, owner, &put);
}

static void add_rows(struct refresh_round *round, bool written)
{
	const struct refresh_initfs *initfs = round->initfs;

	for (size_t i = 0; i < initfs->n; i++) {
		const struct refresh_initfs_member *member = &initfs->members[i];

		if (member->file || strcmp(member->hash, member->before) != 0)
			add_row(round, member->path, member->owner, member->hash, member->before, written, member->size, true);
	}
	add_row(round, "", REFRESH_INITFS_OWNER, initfs->state, initfs->state_before, written, 0, false);
}

int refresh_initfs_put(struct refresh_round *round, struct err *err)
{
	const struct refresh_initfs *initfs = round->initfs;
	const char *dest = round->session->config->initfs.dest;
	struct image_put put = { .result = IMAGE_PUT_IDENTICAL };
	int r = 0;

	if (!initfs || initfs->is_given_up)
		return 0;
	if (initfs->is_packed)
		r = image_txn_put(round->txn, initfs->packed, dest, fs_basename(dest), REFRESH_INITFS_MODE_ASSET, &put, err);
	if (r < 0)
		return err_wrap(err, r, "the initfs");
	add_rows(round, put.result == IMAGE_PUT_WRITTEN);
	if (!initfs->is_packed)
		return 0;
	tell(round, REFRESH_INITFS_OWNER, &put);
	refresh_round_add_file(round, REFRESH_INITFS_OWNER, &put);
	return 0;
}
