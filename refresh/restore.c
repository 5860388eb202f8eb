#include "refresh/restore.h"

#include "base/clock.h"
#include "base/fs.h"
#include "image/names.h"
#include "image/put.h"
#include "image/whole.h"
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
	bool initfs_differs;
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

/* The image's sources are again those of the run that made it. */
static int take_commits(void *data, const struct journal_run *run)
{
	struct refresh_round *round = data;

	free(round->commits);
	round->commits = run->commits ? xstrdup(run->commits) : NULL;
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
		r = journal_runs(session->journal, NULL, restoring->run, 1, take_commits, restoring->round, err);
	return r < 0 ? r : 0;
}

static void add_file(struct restoring *restoring, const struct refresh_content *content, const char *hash)
{
	struct image_put put = {
		.result = hash[0] ? IMAGE_PUT_WRITTEN : IMAGE_PUT_REMOVED, .path = xstrdup(content->path), .mode = 0755
	};

	snprintf(put.new_hash, sizeof(put.new_hash), "%s", hash);
	snprintf(put.old_hash, sizeof(put.old_hash), "%s", content->hash);
	refresh_round_add_file(restoring->round, content->owner, &put);
	if (strchr(content->owner, ' ') && !strvec_has(&restoring->round->subjects, content->owner))
		strvec_add(&restoring->round->subjects, content->owner);
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
		restoring->initfs_differs = true;
	add_file(restoring, content, hash);
	return 0;
}

/* Members of an initfs are not looked for in it: the journal says what they were when that image was made. */
static int compare_member(struct restoring *restoring, const struct refresh_content *content, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	CLEANUP_FREE char *hash = NULL;
	int r = 0;

	if (restoring->run > 0)
		r = journal_file_at(session->journal, session->config->image.path, content->path, restoring->run, &hash, err);
	if (r < 0 || restoring->run == 0 || str_eq(hash ? hash : "", content->hash))
		return r;
	add_file(restoring, content, hash ? hash : "");
	return 0;
}

static int compare_all(void *data, int root, struct err *err)
{
	struct restoring *restoring = data;
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

static int judge(const struct restoring *restoring, const char *subject, struct err *err)
{
	const struct refresh_session *session = restoring->round->session;
	const char *now = refresh_records_find_fresh(restoring->records, subject);
	CLEANUP_FREE char *earlier = NULL;
	int64_t run = 0;
	int r = 0;

	if (restoring->run > 0)
		r = journal_swap_before(session->journal, session->config->image.path, subject, restoring->run + 1, &earlier, &run, err);
	if (r < 0)
		return r;
	if (now && !restoring->of_restore && !restoring->what->no_hold && !str_eq(now, earlier))
		refresh_round_add_verdict(restoring->round, subject, now, "held");
	if (earlier)
		refresh_round_add_verdict(restoring->round, subject, earlier, "fresh");
	else if (now && (restoring->of_restore || restoring->what->no_hold))
		refresh_round_add_verdict(restoring->round, subject, now, "doubted");
	return 0;
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
	if (r >= 0)
		r = image_whole_read(whole, compare_all, restoring, err);
	for (size_t i = 0; r >= 0 && i < round->subjects.n; i++)
		r = judge(restoring, round->subjects.v[i], err);
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
		r = refresh_outside_enter(&round, &records, err);
	return r < 0 ? r : refresh_round_carry_out(&round, execute, &restoring, ret, err);
}
