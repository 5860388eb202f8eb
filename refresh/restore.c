#include "refresh/restore.h"

#include "base/clock.h"
#include "base/fs.h"
#include "image/names.h"
#include "image/put.h"
#include "image/whole.h"
#include "journal/boots.h"
#include "refresh/outside.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* What was put file by file is known file by file; a whole image that comes back is asked for each of them. */

struct restoring {
	struct refresh_round *round;
	const struct refresh_restore_what *what;
	const struct refresh_records *records; /* borrowed: of the image that is to go */
	char *from;                            /* owned */
	int64_t run;                           /* the run that made @from; 0: not known */
	bool of_restore;                       /* the image that is to go came by a restore */
	bool initfs_differs;                   /* the packed file, from the one in the image that is to go */
	struct image_put_hashes hashes;
};

static void restoring_clear(struct restoring *restoring)
{
	free(restoring->from);
	image_put_hashes_clear(&restoring->hashes);
}

static int find_image(struct restoring *restoring, struct err *err)
{
	bool good = restoring->what->good;
	const struct config_image *image = &restoring->round->session->config->image;
	CLEANUP(image_names_clear) struct image_names names = { 0 };
	int r = image_names_init(&names, image->path, err);

	if (r < 0)
		return r;
	restoring->from = good ? xasprintf("%s.good", names.image) : xstrdup(names.prev);
	if (fs_exists(restoring->from))
		return 0;
	if (good) {
		err_class_set(err, ERR_USAGE, -ENOENT, "there is no '%s': no boot has proved an image yet", restoring->from);
		err_hint(err, "`reinject rollback --image` takes the image before the last change, `reinject rollback ID` one run back");
	} else {
		err_class_set(err, ERR_USAGE, -ENOENT, "there is no '%s', the image before the last change", restoring->from);
		err_hint(err, "with `keep_previous = yes` in [image] each change keeps it; `reinject rollback ID` takes one run back");
	}
	return -ENOENT;
}

static int take_verb(void *data, const struct journal_run *run)
{
	bool *is_restore = data;

	*is_restore = str_eq(run->verb, REFRESH_RESTORE_VERB);
	return 0;
}

/* Which runs made the two images, by their inodes. */
static int find_runs(struct restoring *restoring, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	const char *image = session->config->image.path;
	int64_t now = 0;
	struct stat st;
	int r;

	if (stat(restoring->from, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", restoring->from);
	r = journal_run_of_file(session->journal, image, st.st_dev, st.st_ino, &restoring->run, err);
	if (r >= 0)
		r = journal_run_of_file(session->journal, image, session->identity.dev, session->identity.ino, &now, err);
	if (r >= 0 && now > 0)
		r = journal_runs(session->journal, NULL, now, 1, take_verb, &restoring->of_restore, err);
	if (r >= 0 && restoring->run > 0)
		/* The image's sources are again those of the run that made it. */
		r = journal_run_commits(session->journal, restoring->run, &restoring->round->commits, err);
	return r < 0 ? r : 0;
}

static void add_subject(struct restoring *restoring, const char *owner)
{
	if (strchr(owner, ' ') && !strvec_has(&restoring->round->subjects, owner))
		strvec_add(&restoring->round->subjects, owner);
}

static void add_file(struct restoring *restoring, const struct refresh_content *content, const char *owner, const char *hash)
{
	struct image_put put = {
		.result = hash[0] ? IMAGE_PUT_WRITTEN : IMAGE_PUT_REMOVED, .path = xstrdup(content->path), .mode = 0755
	};

	snprintf(put.new_hash, sizeof(put.new_hash), "%s", hash);
	snprintf(put.old_hash, sizeof(put.old_hash), "%s", content->hash);
	refresh_round_add_file(restoring->round, owner, &put);
	add_subject(restoring, owner);
}

/* Whether the file @path, which has @hash, is what the run has left that made the image. */
static int is_as_its_run_left_it(const struct restoring *restoring, const char *path, const char *hash, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	CLEANUP_FREE char *left = NULL;
	int r = journal_file_at(session->journal, session->config->image.path, path, restoring->run, &left, err);

	return r < 0 ? r : left && str_eq(left, hash);
}

/* One that is not what its run has left is nobody's: what is in it is not known, and it is packed again. */
static int compare_initfs(struct restoring *restoring, const struct refresh_content *content, const char *hash, struct err *err)
{
	int r = restoring->run > 0 ? is_as_its_run_left_it(restoring, content->path, hash, err) : 1;

	if (r < 0)
		return r;
	restoring->initfs_differs = true;
	add_file(restoring, content, r == 1 ? content->owner : "file", hash);
	return 0;
}

static int compare_file(struct restoring *restoring, int root, const struct refresh_content *content, struct err *err)
{
	struct image_put_job job = { .root = root, .hashes = &restoring->hashes };
	char hash[HASH_HEX_SIZE];
	int r = refresh_round_interrupted(restoring->round, err);

	if (r >= 0)
		r = image_put_read_hash(&job, content->path, hash, err);
	if (r < 0 || str_eq(hash, content->hash))
		return r;
	if (str_eq(content->path, restoring->round->session->config->initfs.dest))
		return compare_initfs(restoring, content, hash, err);
	add_file(restoring, content, content->owner, hash);
	return 0;
}

/* Members of an initfs are not looked for in it: the journal says what they were when that image was made, or nobody does. */
static int compare_member(struct restoring *restoring, const struct refresh_content *content, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	CLEANUP_FREE char *hash = NULL;
	int r;

	if (restoring->run == 0) {
		add_subject(restoring, content->owner);
		return 0;
	}
	r = journal_file_at(session->journal, session->config->image.path, content->path, restoring->run, &hash, err);
	if (r < 0 || str_eq(hash ? hash : "", content->hash))
		return r;
	add_file(restoring, content, content->owner, hash ? hash : "");
	return 0;
}

static int compare_contents(struct restoring *restoring, int root, struct err *err)
{
	const struct refresh_records *records = restoring->records;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < records->n_contents; i++)
		if (!refresh_is_in_initfs(records->contents[i].path))
			r = compare_file(restoring, root, &records->contents[i], err);
	for (size_t i = 0; r >= 0 && restoring->initfs_differs && i < records->n_contents; i++)
		if (refresh_is_in_initfs(records->contents[i].path))
			r = compare_member(restoring, &records->contents[i], err);
	return r < 0 ? r : 0;
}

/* -- verdicts ---------------------------------------------------------------------------------------------------------------------------------- */

/* That the image which comes back holds a subject's files as run @run has left them: somebody may have written it since, under the same inode. */
struct proof {
	struct restoring *restoring;
	int root;
	int64_t run;
	bool holds;
	struct err *err;
};

static int read_hash(const struct proof *proof, const char *path, char ret[HASH_HEX_SIZE])
{
	struct image_put_job job = { .root = proof->root, .hashes = &proof->restoring->hashes };

	return image_put_read_hash(&job, path, ret, proof->err);
}

/* A member is as its run left it when the packed file is. */
static int prove_member(const struct proof *proof, const struct journal_content *left)
{
	const char *dest = proof->restoring->round->session->config->initfs.dest;
	char hash[HASH_HEX_SIZE];
	int r = is_as_its_run_left_it(proof->restoring, left->path, left->hash, proof->err);

	if (r != 1)
		return r;
	r = read_hash(proof, dest, hash);
	return r < 0 ? r : is_as_its_run_left_it(proof->restoring, dest, hash, proof->err);
}

static int prove_file(void *data, const struct journal_content *left)
{
	struct proof *proof = data;
	char hash[HASH_HEX_SIZE];
	int r;

	if (!proof->holds || !left->hash[0])
		return 0;
	if (refresh_is_in_initfs(left->path)) {
		r = prove_member(proof, left);
	} else {
		r = read_hash(proof, left->path, hash);
		r = r < 0 ? r : str_eq(hash, left->hash);
	}
	proof->holds = r == 1;
	return r < 0 ? r : 0;
}

/* The fingerprint that the image which comes back had of @subject when it was made (NULL: not known), and whether its files still say so. */
static int find_earlier(struct restoring *restoring, int root, const char *subject, char **ret, bool *ret_proved, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	const char *image = session->config->image.path;
	struct proof proof = { .restoring = restoring, .root = root, .holds = true, .err = err };
	CLEANUP_FREE char *earlier = NULL;
	int r = restoring->run > 0 ? journal_swap_before(session->journal, image, subject, restoring->run + 1, &earlier, &proof.run, err) : 0;

	if (r > 0)
		r = journal_files_after(session->journal, image, subject, proof.run, prove_file, &proof, err);
	if (r < 0)
		return r;
	*ret_proved = earlier && proof.holds;
	*ret = TAKE_PTR(earlier);
	return 0;
}

static int judge(struct restoring *restoring, int root, const char *subject, struct err *err)
{
	const char *now = refresh_records_find_fresh(restoring->records, subject);
	CLEANUP_FREE char *earlier = NULL;
	bool is_proved = false, is_same;
	int r = find_earlier(restoring, root, subject, &earlier, &is_proved, err);

	if (r < 0)
		return r;
	is_same = now && str_eq(now, earlier);
	if (now && !restoring->of_restore && !restoring->what->no_hold && !is_same)
		refresh_round_add_verdict(restoring->round, subject, now, "held");
	if (earlier)
		refresh_round_add_verdict(restoring->round, subject, earlier, is_proved ? "fresh" : "unproved");
	else if (now && (restoring->of_restore || restoring->what->no_hold))
		refresh_round_add_verdict(restoring->round, subject, now, "doubted");
	return 0;
}

static int compare_all(void *data, int root, struct err *err)
{
	struct restoring *restoring = data;
	const struct strvec *subjects = &restoring->round->subjects;
	int r = compare_contents(restoring, root, err);

	for (size_t i = 0; r >= 0 && i < subjects->n; i++)
		r = judge(restoring, root, subjects->v[i], err);
	return r < 0 ? r : 0;
}

static void tell(const struct restoring *restoring)
{
	struct refresh_round *round = restoring->round;
	CLEANUP_FREE char *which = NULL, *note = NULL;

	which = restoring->run > 0 ? xasprintf(", as run %lld left it", (long long)restoring->run) : xstrdup("");
	note = xasprintf("the image is '%s' again%s: files that differ: %zu; the one it was is kept, and `reinject rollback --image` brings it back",
			 restoring->from, which, round->n_files);
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = note });
	refresh_round_tell_held(round);
}

/* -- IMAGE.good -------------------------------------------------------------------------------------------------------------------------------- */

struct proving {
	struct image_identity now;
	bool is_any, is_same;
};

/* The very file, not written since; or a copy of it, which has other times. */
static int compare_good(void *data, const struct journal_image *good)
{
	struct proving *proving = data;
	const struct image_identity *now = &proving->now;
	bool is_file = now->dev == good->dev && now->ino == good->ino;

	proving->is_any = true;
	if (now->size == good->size && now->generation == good->generation && str_eq(now->uuid, good->uuid) &&
	    (!is_file || now->mtime_ns == good->mtime_ns))
		proving->is_same = true;
	return 0;
}

/* After the copy, which would have seen it move: a machine without snapshot=on writes into IMAGE.good by the image's name. */
static int check_good(const struct restoring *restoring, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	const struct config_image *image = &session->config->image;
	struct proving proving = { .is_any = false };
	int r = image_identity_read(restoring->from, image->format, image->block, &proving.now, err);

	if (r >= 0)
		r = journal_goods(session->journal, image->path, compare_good, &proving, err);
	/* One that somebody has put there before any boot is his affair. */
	if (r < 0 || proving.is_same || !proving.is_any)
		return r;
	err_set(err, -ESTALE, "'%s' was written since it booted: it is not what a boot has proved any more!", restoring->from);
	err_hint(err, "did a machine without snapshot=on have it? `reinject rollback --image` takes the image before the last change, and a "
		      "boot that is up "
		      "makes a new one");
	return -ESTALE;
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	struct restoring *restoring = data;
	const struct refresh_session *session = round->session;
	struct config_image image = session->config->image;
	struct image_whole_args args = { .config = &image, .lock = session->lock, .state = session->work, .cancel = session->cancel };
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	int r;

	/* A whole image that goes is never lost, whatever is configured: nothing else could bring it back. */
	image.keep_previous = true;
	/* A copy of the image as it is, should the comparing have needed one. */
	image_txn_abort(TAKE_PTR(round->txn));
	r = image_whole_copy(&args, restoring->from, &whole, err);
	if (r >= 0 && restoring->what->good)
		r = check_good(restoring, err);
	if (r >= 0)
		r = image_whole_read(whole, compare_all, restoring, err);
	if (r >= 0)
		r = refresh_swap_whole(round, &whole, err);
	if (r >= 0)
		tell(restoring);
	return r;
}

int refresh_restore(struct refresh_session *session, const struct refresh_restore_what *what, const struct refresh_args *args,
		    enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(restoring_clear) struct restoring restoring = { .round = &round, .what = what, .records = &records };
	int r = find_image(&restoring, err);

	if (r >= 0)
		r = find_runs(&restoring, err);
	if (r >= 0)
		r = refresh_outside_enter_whole(&round, &records, err);
	return r < 0 ? r : refresh_round_carry_out(&round, execute, &restoring, ret, err);
}
