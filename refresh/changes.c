#include "refresh/changes.h"

#include "base/fs.h"
#include "image/place.h"
#include "image/put.h"
#include "image/txn.h"
#include "journal/blobs.h"
#include "refresh/records.h"
#include "refresh/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the journal says of the image, held against the files of the earlier one. */

#define STATE_ROW "initfs:" /* of the folder, bootstrap and packer that an initfs was made of (refresh/initfs) */

struct finding {
	struct refresh_session *session;
	struct refresh_changes *changes;
	struct refresh_records records; /* owned: of the image */
};

static void finding_clear(struct finding *finding)
{
	refresh_records_clear(&finding->records);
}

void refresh_changes_clear(struct refresh_changes *changes)
{
	for (size_t i = 0; i < changes->n; i++) {
		free(changes->v[i].path);
		free(changes->v[i].owner);
	}
	for (size_t i = 0; i < changes->n_subjects; i++) {
		free(changes->subjects[i].subject);
		free(changes->subjects[i].fingerprint);
	}
	for (size_t i = 0; i < changes->n_members; i++) {
		free(changes->members[i].path);
		free(changes->members[i].owner);
		free(changes->members[i].hash);
	}
	free(changes->v);
	free(changes->subjects);
	free(changes->members);
	free(changes->from);
	free(changes->commits);
	*changes = (struct refresh_changes){ 0 };
}

bool refresh_change_is_choice(const struct refresh_session *session, const struct refresh_change *change)
{
	return !str_eq(change->owner, REFRESH_STAMP_OWNER) &&
	       !(str_eq(change->owner, REFRESH_INITFS_OWNER) && str_eq(change->path, session->config->initfs.dest));
}

/* -- which files ------------------------------------------------------------------------------------------------------------------------------ */

static struct refresh_change *add(struct refresh_changes *changes, const char *path, const char *owner, const char *after)
{
	struct refresh_change *change;

	grow_array(&changes->v, &changes->cap, changes->n, sizeof(*changes->v));
	change = &changes->v[changes->n++];
	*change = (struct refresh_change){ .path = xstrdup(path), .owner = xstrdup(owner), .mode = str_starts(owner, "asset ") ? 0644 : 0755 };
	snprintf(change->after, sizeof(change->after), "%s", after);
	return change;
}

static void add_member(struct refresh_changes *changes, const struct refresh_content *content)
{
	grow_array(&changes->members, &changes->members_cap, changes->n_members, sizeof(*changes->members));
	changes->members[changes->n_members++] = (struct refresh_content){
		.path = xstrdup(content->path), .owner = xstrdup(content->owner), .hash = xstrdup(content->hash)
	};
}

static bool is_known(const struct refresh_changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->n; i++)
		if (str_eq(changes->v[i].path, path))
			return true;
	return false;
}

/* What was ours when the earlier image was made, and is gone now. */
static int add_removed(void *data, const struct journal_file *file)
{
	struct finding *finding = data;

	if (!file->new_hash[0] && !is_known(finding->changes, file->path))
		add(finding->changes, file->path, file->owner, "");
	return 0;
}

static int list(struct finding *finding, struct err *err)
{
	struct refresh_session *session = finding->session;
	struct refresh_changes *changes = finding->changes;
	const struct refresh_records *records = &finding->records;
	const char *image = session->config->image.path;

	for (size_t i = 0; i < records->n_contents; i++) {
		const struct refresh_content *content = &records->contents[i];

		add(changes, content->path, content->owner, content->hash);
		if (refresh_is_in_initfs(content->path) && !str_eq(content->path, STATE_ROW))
			add_member(changes, content);
	}
	return changes->run > 0 ? journal_files_since(session->journal, image, changes->run, false, add_removed, finding, err) : 0;
}

/* -- what they were ----------------------------------------------------------------------------------------------------------------------------- */

/* Members are not looked for in the earlier initfs: the journal says what they were when that image was made. */
static int read_member(struct finding *finding, struct refresh_change *change, struct err *err)
{
	struct refresh_changes *changes = finding->changes;
	const char *image = finding->session->config->image.path;
	CLEANUP_FREE char *hash = NULL;
	int r = changes->run > 0 ? journal_file_at(finding->session->journal, image, change->path, changes->run, &hash, err) : 0;

	snprintf(change->before, sizeof(change->before), "%s", hash ? hash : "");
	if (changes->run == 0 || (str_eq(change->path, STATE_ROW) && strcmp(change->before, change->after) != 0))
		changes->is_initfs_moved = true;
	return r < 0 ? r : 0;
}

/* So that what is kept of the changes can be rolled back as any other run. */
static int keep_before(struct finding *finding, int root, const struct refresh_change *change, struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	CLEANUP_CLOSE int fd = -1;
	int r = image_place_find(root, change->path, &place, err);

	if (r < 0)
		return r;
	fd = openat(place.dir, place.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "cannot open '%s' in '%s'", change->path, finding->changes->from)
		      : journal_blob_add(finding->session->config->state, fd, change->before, err);
}

static int read_file(struct finding *finding, int root, struct refresh_change *change, struct err *err)
{
	struct image_put_job job = { .root = root };
	int r = image_put_read_hash(&job, change->path, change->before, err);

	return r < 0 || !change->before[0] || strcmp(change->before, change->after) == 0 ? r : keep_before(finding, root, change, err);
}

static int read_before(void *data, int root, struct err *err)
{
	struct finding *finding = data;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < finding->changes->n; i++) {
		struct refresh_change *change = &finding->changes->v[i];

		if (cancel_requested(finding->session->cancel))
			return err_set(err, -ECANCELED, "interrupted!");
		r = refresh_is_in_initfs(change->path) ? read_member(finding, change, err) : read_file(finding, root, change, err);
	}
	return r < 0 ? r : 0;
}

static int compare(struct finding *finding, struct err *err)
{
	struct refresh_session *session = finding->session;
	struct image_whole_args args = {
		.config = &session->config->image, .lock = session->lock, .state = session->work, .cancel = session->cancel
	};
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	int r = image_whole_copy(&args, finding->changes->from, &whole, err);

	return r < 0 ? r : image_whole_read(whole, read_before, finding, err);
}

static void drop_equal(struct refresh_changes *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < changes->n; i++) {
		struct refresh_change *change = &changes->v[i];

		if (strcmp(change->before, change->after) != 0) {
			changes->v[kept++] = *change;
			continue;
		}
		free(change->path);
		free(change->owner);
	}
	changes->n = kept;
}

/* -- what they are ------------------------------------------------------------------------------------------------------------------------------ */

/* Read again, since somebody may have written into the image since it was recorded: what is there now is what was booted. */
static int keep_content(struct finding *finding, struct image_txn *txn, struct refresh_change *change, struct err *err)
{
	const char *state = finding->session->config->state;
	struct stat st;
	CLEANUP_CLOSE int fd = image_txn_open_path(txn, change->path, &st, err);
	int r = fd < 0 ? fd : hash_fd(fd, change->after, NULL);

	if (r < 0)
		return fd < 0 ? r : image_txn_explain(txn, err_set(err, r, "cannot read '%s' in the image", change->path), err);
	change->mode = st.st_mode & 0777;
	change->bytes = (uint64_t)st.st_size;
	return lseek(fd, 0, SEEK_SET) < 0 ? err_set(err, -errno, "cannot read '%s' in the image", change->path)
					  : journal_blob_add(state, fd, change->after, err);
}

static int keep_contents(struct finding *finding, struct err *err)
{
	struct refresh_session *session = finding->session;
	CLEANUP(image_txn_abortp) struct image_txn *txn = NULL;
	int r = image_txn_begin(&session->config->image, session->lock, session->work, NULL, session->cancel, &txn, err);

	for (size_t i = 0; r >= 0 && i < finding->changes->n; i++) {
		struct refresh_change *change = &finding->changes->v[i];

		if (cancel_requested(session->cancel))
			r = err_set(err, -ECANCELED, "interrupted!");
		else if (change->after[0] && !refresh_is_in_initfs(change->path))
			r = keep_content(finding, txn, change, err);
	}
	return r < 0 ? r : 0;
}

/* -- all of it ---------------------------------------------------------------------------------------------------------------------------------- */

static void take_subjects(struct finding *finding)
{
	struct refresh_changes *changes = finding->changes;

	for (size_t i = 0; i < changes->n; i++) {
		const char *owner = changes->v[i].owner, *fresh = refresh_records_find_fresh(&finding->records, owner);
		bool known = false;

		for (size_t k = 0; k < changes->n_subjects; k++)
			known = known || str_eq(changes->subjects[k].subject, owner);
		if (known || !refresh_change_is_choice(finding->session, &changes->v[i]))
			continue;
		grow_array(&changes->subjects, &changes->subjects_cap, changes->n_subjects, sizeof(*changes->subjects));
		changes->subjects[changes->n_subjects++] =
			(struct refresh_change_subject){ .subject = xstrdup(owner), .fingerprint = fresh ? xstrdup(fresh) : NULL };
	}
}

static int find_run(struct finding *finding, struct err *err)
{
	const struct refresh_session *session = finding->session;
	struct stat st;
	int r;

	if (stat(finding->changes->from, &st) < 0)
		return err_set(err, -errno, "cannot look at '%s'", finding->changes->from);
	r = journal_run_of_file(session->journal, session->config->image.path, st.st_dev, st.st_ino, &finding->changes->run, err);
	if (r >= 0 && finding->changes->run > 0)
		r = journal_run_commits(session->journal, finding->changes->run, &finding->changes->commits, err);
	return r;
}

int refresh_changes_find(struct refresh_session *session, const char *from, struct refresh_changes *ret, struct err *err)
{
	CLEANUP(refresh_changes_clear) struct refresh_changes changes = { .from = xstrdup(from) };
	CLEANUP(finding_clear) struct finding finding = { .session = session, .changes = &changes };
	struct journal_image now = refresh_journal_image(&session->identity);
	int r = find_run(&finding, err);

	if (r >= 0)
		r = refresh_records_load(session->journal, session->config->image.path, &now, &finding.records, err);
	if (r >= 0)
		r = list(&finding, err);
	if (r >= 0)
		r = compare(&finding, err);
	if (r < 0)
		return r;
	drop_equal(&changes);
	r = keep_contents(&finding, err);
	if (r < 0)
		return r;
	take_subjects(&finding);
	*ret = changes;
	changes = (struct refresh_changes){ 0 };
	return 0;
}
