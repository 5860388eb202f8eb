#include "refresh/rollback.h"

#include "base/clock.h"
#include "base/fs.h"
#include "journal/blobs.h"
#include "refresh/outside.h"
#include "refresh/restore.h"
#include "refresh/stamp.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* A file of the run that is taken back. */
struct undo {
	char *path, *owner, *new_hash; /* owned */
	char *old_hash;                /* owned; NULL: there was no such file */
	char *blob;                    /* owned; the old content on the host */
	mode_t mode;
};

struct undoing {
	struct refresh_round *round;
	const struct refresh_records *records; /* borrowed: as before it */
	int64_t run;                           /* that is taken back */
	bool of_rollback;
	bool is_whole; /* it put a whole image back */
	bool found;
	struct undo *files; /* owned */
	size_t n, cap;
};

static void undoing_clear(struct undoing *undoing)
{
	for (size_t i = 0; i < undoing->n; i++) {
		free(undoing->files[i].path);
		free(undoing->files[i].owner);
		free(undoing->files[i].new_hash);
		free(undoing->files[i].old_hash);
		free(undoing->files[i].blob);
	}
	free(undoing->files);
}

/* -- what the run did ------------------------------------------------------------------------------------------------------------------------ */

static int take_run(void *data, const struct journal_run *run)
{
	struct undoing *undoing = data;

	undoing->found = str_eq(run->image, undoing->round->session->config->image.path);
	undoing->of_rollback = strcmp(run->verb, "rollback") == 0;
	undoing->is_whole = strcmp(run->verb, REFRESH_RESTORE_VERB) == 0;
	return 0;
}

static int take_file(void *data, const struct journal_file *file)
{
	struct undoing *undoing = data;

	if (file->result != JOURNAL_OK || str_eq(file->owner, REFRESH_STAMP_OWNER))
		return 0;
	grow_array(&undoing->files, &undoing->cap, undoing->n, sizeof(*undoing->files));
	undoing->files[undoing->n++] = (struct undo){
		.path = xstrdup(file->path),
		.owner = xstrdup(file->owner),
		.new_hash = xstrdup(file->new_hash),
		.old_hash = file->old_hash ? xstrdup(file->old_hash) : NULL,
		.mode = file->mode & 0777,
	};
	return 0;
}

static int load(struct undoing *undoing, struct err *err)
{
	struct journal *journal = undoing->round->session->journal;
	const char *image = undoing->round->session->config->image.path;
	int r = 0;

	if (undoing->run == 0)
		r = journal_last_change(journal, image, NULL, &undoing->run, err);
	if (r >= 0 && undoing->run == 0)
		return err_class_set(err, ERR_USAGE, -ENOENT, "no run has changed the image yet: there is nothing to take back");
	if (r >= 0)
		r = journal_runs(journal, NULL, undoing->run, 1, take_run, undoing, err);
	if (r >= 0)
		r = journal_files(journal, undoing->run, take_file, undoing, err);
	if (r < 0)
		return r;
	if (!undoing->found) {
		err_class_set(err, ERR_USAGE, -ENOENT, "the journal has no run %lld of this image", (long long)undoing->run);
		err_hint(err, "`reinject log` lists them");
		return -ENOENT;
	}
	if (undoing->is_whole) {
		err_class_set(err, ERR_USAGE, -EINVAL, "run %lld put a whole image back", (long long)undoing->run);
		err_hint(err, "`reinject rollback --image` takes that back, while '%s.prev' is the image before it", image);
		return -EINVAL;
	}
	if (undoing->n == 0)
		return err_class_set(err, ERR_USAGE, -ENOENT, "run %lld changed no file of the image: there is nothing to take back",
				     (long long)undoing->run);
	return 0;
}

/* -- may it be taken back? -------------------------------------------------------------------------------------------------------------------- */

static int refuse_changed(const struct undoing *undoing, const struct undo *file, struct err *err)
{
	const struct refresh_session *session = undoing->round->session;
	int64_t last = 0;
	int r = journal_last_change(session->journal, session->config->image.path, file->path, &last, err);

	if (r < 0)
		return r;
	if (last > undoing->run) {
		err_set(err, -ESTALE, "'%s' was changed again by run %lld!", file->path, (long long)last);
		err_hint(err, "take that one back first: reinject rollback %lld", (long long)last);
		return -ESTALE;
	}
	return err_set(err, -ESTALE, "'%s' in the image is not what run %lld left there: it is somebody else's now!", file->path,
		       (long long)undoing->run);
}

/* A member of the initfs, or how that was packed: no file of the image, but what is in the packed one, which is a file of the same run. */
static bool is_member(const struct undo *file)
{
	return refresh_is_in_initfs(file->path);
}

/* A row of the journal alone. */
static bool is_state_row(const struct undo *file)
{
	return is_member(file) && !strchr(file->path, '/');
}

static const char *find_content(const struct undoing *undoing, const char *path)
{
	const struct refresh_records *records = undoing->records;

	for (size_t i = 0; i < records->n_contents; i++)
		if (str_eq(records->contents[i].path, path))
			return records->contents[i].hash;
	return "";
}

/* Returns 1 when what the run left is there still. A folder has no hash, like nothing at all, but is no place for a file. */
static int is_as_left(const struct undoing *undoing, const struct undo *file, struct err *err)
{
	CLEANUP_FREE char *target = NULL;
	char hash[HASH_HEX_SIZE];
	int r;

	if (is_member(file))
		return str_eq(find_content(undoing, file->path), file->new_hash);
	r = image_txn_hash(undoing->round->txn, file->path, hash, err);

	if (r >= 0)
		r = image_txn_target(undoing->round->txn, file->path, fs_basename(file->path), &target, err);
	return r < 0 ? r : str_eq(hash, file->new_hash) && str_eq(target, file->path);
}

static int check_file(const struct undoing *undoing, struct undo *file, struct err *err)
{
	const struct refresh_session *session = undoing->round->session;
	int r = is_as_left(undoing, file, err);

	if (r < 0)
		return r;
	if (r == 0)
		return refuse_changed(undoing, file, err);
	if (!file->old_hash || is_state_row(file))
		return 0;
	r = journal_blob_find(session->config->state, file->old_hash, &file->blob, err);
	return r < 0 ? err_wrap(err, r, "cannot put '%s' back", file->path) : 0;
}

static int check_room(const struct undoing *undoing, struct err *err)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < undoing->n; i++) {
		struct stat st;

		if (!undoing->files[i].blob || is_member(&undoing->files[i]))
			continue;
		if (stat(undoing->files[i].blob, &st) < 0)
			return err_set(err, -errno, "cannot read '%s'", undoing->files[i].blob);
		bytes += (uint64_t)st.st_size;
	}
	return bytes > 0 ? image_txn_room(undoing->round->txn, bytes, err) : 0;
}

static int check_all(const struct undoing *undoing, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < undoing->n; i++)
		r = check_file(undoing, &undoing->files[i], err);
	return r < 0 ? r : check_room(undoing, err);
}

/* -- verdicts ---------------------------------------------------------------------------------------------------------------------------------- */

/* What the swap of the run that is taken back said of one subject. */
struct said {
	const char *subject;
	char *fresh, *held; /* owned: fingerprints, or NULL */
};

static void said_clear(struct said *said)
{
	free(said->fresh);
	free(said->held);
}

static int take_verdict(void *data, const struct journal_fingerprint *f)
{
	struct said *said = data;

	if (!str_eq(f->subject, said->subject))
		return 0;
	if (str_eq(f->state, "fresh"))
		said->fresh = xstrdup(f->fingerprint);
	else if (str_eq(f->state, "held"))
		said->held = xstrdup(f->fingerprint);
	return 0;
}

static bool is_undone(const struct undoing *undoing, const char *path)
{
	for (size_t i = 0; i < undoing->n; i++)
		if (str_eq(undoing->files[i].path, path))
			return true;
	return false;
}

/* The files of @subject that stay as they are are known to be as they were left: they are fresh, or there are none. */
static bool is_rest_known(const struct undoing *undoing, const char *subject, bool is_fresh)
{
	const struct refresh_records *records = undoing->records;

	for (size_t i = 0; !is_fresh && i < records->n_contents; i++)
		if (str_eq(records->contents[i].owner, subject) && !is_undone(undoing, records->contents[i].path))
			return false;
	return is_fresh || undoing->of_rollback;
}

/* The fingerprint before, when all files of @subject are as it had left them; else NULL. */
static int find_earlier(const struct undoing *undoing, const char *subject, bool is_fresh, char **ret, struct err *err)
{
	const struct refresh_session *session = undoing->round->session;
	const char *image = session->config->image.path;
	CLEANUP_FREE char *fingerprint = NULL;
	int64_t run = 0;
	int r;

	if (!is_rest_known(undoing, subject, is_fresh))
		return 0;
	r = journal_swap_before(session->journal, image, subject, undoing->run, &fingerprint, &run, err);
	if (r > 0)
		r = journal_is_as_after(session->journal, image, subject, run, undoing->run, err);
	if (r > 0)
		*ret = TAKE_PTR(fingerprint);
	return r < 0 ? r : 0;
}

/* Held is what the image has of it now, which later sources may have given as well as those of the run. */
static int judge(const struct undoing *undoing, const char *subject, struct err *err)
{
	CLEANUP(said_clear) struct said said = { .subject = subject };
	const char *now = refresh_records_find_fresh(undoing->records, subject);
	CLEANUP_FREE char *earlier = NULL;
	int r = journal_swap_fingerprints(undoing->round->session->journal, undoing->run, take_verdict, &said, err);

	if (r >= 0)
		r = find_earlier(undoing, subject, now != NULL, &earlier, err);
	if (r < 0)
		return r;
	if (!undoing->of_rollback && (now || said.fresh))
		refresh_round_add_verdict(undoing->round, subject, now ? now : said.fresh, "held");
	if (earlier)
		refresh_round_add_verdict(undoing->round, subject, undoing->of_rollback && said.held ? said.held : earlier, "fresh");
	else if (undoing->of_rollback && now)
		refresh_round_add_verdict(undoing->round, subject, now, "doubted");
	return 0;
}

static int judge_all(const struct undoing *undoing, struct err *err)
{
	struct strvec *subjects = &undoing->round->subjects;
	int r = 0;

	for (size_t i = 0; i < undoing->n; i++)
		if (!strvec_has(subjects, undoing->files[i].owner))
			strvec_add(subjects, undoing->files[i].owner);
	for (size_t i = 0; r >= 0 && i < subjects->n; i++)
		if (strchr(subjects->v[i], ' '))
			r = judge(undoing, subjects->v[i], err);
	return r;
}

/* -- files ------------------------------------------------------------------------------------------------------------------------------------- */

static void tell(const struct refresh_round *round, const struct undo *file, const struct image_put *put)
{
	bool removed = put->result == IMAGE_PUT_REMOVED;

	refresh_round_send(round, (struct refresh_event){
					  .type = removed ? REFRESH_EVENT_REMOVE : REFRESH_EVENT_PUT,
					  .subject = file->owner,
					  .path = file->path,
					  .result = removed ? "removed" : "written",
					  .text = "it was not there before",
					  .bytes = put->bytes,
				  });
}

/* What was removed because its owner is gone is nobody's when it is back, or the next refresh would remove it again. */
static bool is_owned(const struct refresh_round *round, const struct undo *file)
{
	if (file->new_hash[0])
		return true;
	for (size_t i = 0; i < round->n_verdicts; i++)
		if (str_eq(round->verdicts[i].subject, file->owner) && str_eq(round->verdicts[i].state, "fresh"))
			return true;
	return false;
}

/* What the packed file that is put back has for this member. */
static void undo_member(struct undoing *undoing, const struct undo *file)
{
	struct image_put put = {
		.result = file->old_hash ? IMAGE_PUT_WRITTEN : IMAGE_PUT_REMOVED, .path = xstrdup(file->path), .mode = file->mode
	};

	snprintf(put.new_hash, sizeof(put.new_hash), "%s", file->old_hash ? file->old_hash : "");
	snprintf(put.old_hash, sizeof(put.old_hash), "%s", file->new_hash);
	if (!is_state_row(file))
		tell(undoing->round, file, &put);
	refresh_round_add_file(undoing->round, file->owner, &put);
}

static int undo_file(struct undoing *undoing, const struct undo *file, struct err *err)
{
	struct refresh_round *round = undoing->round;
	struct image_put put = { 0 };
	int r = refresh_round_interrupted(round, err);

	if (r >= 0 && is_member(file)) {
		undo_member(undoing, file);
		return 0;
	}

	if (r >= 0 && file->blob)
		r = image_txn_put(round->txn, file->blob, file->path, fs_basename(file->path), file->mode, &put, err);
	else if (r >= 0)
		r = image_txn_remove(round->txn, file->path, file->new_hash, &put, err);
	if (r < 0)
		return r;
	if (!file->blob && put.result != IMAGE_PUT_REMOVED) {
		image_put_clear(&put);
		return refuse_changed(undoing, file, err);
	}
	refresh_round_add_file(round, is_owned(round, file) ? file->owner : "file", &put);
	tell(round, file, &put);
	return 0;
}

/* -- the run ----------------------------------------------------------------------------------------------------------------------------------- */

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	struct undoing *undoing = data;
	int r = refresh_swap_open(round, err);

	if (r >= 0)
		r = check_all(undoing, err);
	if (r >= 0)
		r = judge_all(undoing, err);
	for (size_t i = 0; r >= 0 && i < undoing->n; i++)
		r = undo_file(undoing, &undoing->files[i], err);
	round->after_us = clock_us();
	if (r >= 0)
		r = refresh_swap_finish(round, err);
	if (r >= 0)
		refresh_round_tell_held(round);
	return r;
}

int refresh_rollback(struct refresh_session *session, int64_t run, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(undoing_clear) struct undoing undoing = { .round = &round, .records = &records, .run = run };
	int r = load(&undoing, err);

	if (r >= 0)
		r = refresh_outside_enter(&round, &records, err);
	return r < 0 ? r : refresh_round_carry_out(&round, execute, &undoing, ret, err);
}
