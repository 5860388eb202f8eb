#include "refresh/changes.h"

#include "base/clock.h"
#include "journal/blobs.h"
#include "refresh/initfs_pack.h"
#include "image/put.h"
#include "refresh/round.h"
#include "refresh/trial.h"

#include <stdlib.h>
#include <string.h>

/* From a selection of changes to an image that has them, and from there to the image. */

#define PREFIX "initfs:"

static bool is_chosen(const struct refresh_session *session, const struct refresh_change *change, const struct strvec *owners)
{
	return refresh_change_is_choice(session, change) && strvec_has(owners, change->owner);
}

static int add_content(struct refresh_session *session, struct refresh_trial_files *files, const struct refresh_change *change, struct err *err)
{
	char *content = NULL;
	int r = change->after[0] ? journal_blob_find(session->config->state, change->after, &content, err) : 0;

	if (r >= 0)
		refresh_trial_files_add(files, change->path, content, change->before, change->mode);
	return r;
}

/* -- the initfs ---------------------------------------------------------------------------------------------------------------------------------- */

static struct refresh_change *find_change(const struct refresh_changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->n; i++)
		if (str_eq(changes->v[i].path, path))
			return &changes->v[i];
	return NULL;
}

/* How many of the changes in the initfs are chosen, and how many are not. */
static void count_members(const struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *owners, size_t *ret_in,
			  size_t *ret_out)
{
	*ret_in = *ret_out = 0;
	for (size_t i = 0; i < changes->n; i++) {
		if (!refresh_is_in_initfs(changes->v[i].path))
			continue;
		if (is_chosen(session, &changes->v[i], owners))
			++*ret_in;
		else
			++*ret_out;
	}
}

static void set_member(struct refresh_initfs_member *member, const char *path, const char *owner, const char *hash)
{
	*member = (struct refresh_initfs_member){ .path = xstrdup(path + strlen(PREFIX)), .owner = xstrdup(owner) };
	snprintf(member->hash, sizeof(member->hash), "%s", hash);
}

/* Those of the image, with what is not chosen as it was before; and what the image has no more, but the earlier one had. */
static size_t collect_members(const struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *owners,
			      struct refresh_initfs_member *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < changes->n_members; i++) {
		const struct refresh_content *member = &changes->members[i];
		const struct refresh_change *change = find_change(changes, member->path);
		bool before = change && !is_chosen(session, change, owners);

		set_member(&ret[n++], member->path, member->owner, before ? change->before : member->hash);
	}
	for (size_t i = 0; i < changes->n; i++) {
		const struct refresh_change *change = &changes->v[i];

		if (refresh_is_in_initfs(change->path) && !change->after[0] && !is_chosen(session, change, owners))
			set_member(&ret[n++], change->path, change->owner, change->before);
	}
	return n;
}

static int pack(struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *owners, const char *packed,
		struct err *err)
{
	CLEANUP_FREE struct refresh_initfs_member *members = xcalloc(changes->n_members + changes->n, sizeof(*members));
	CLEANUP_FREE char *tree = xasprintf("%s/stage/initfs folder", session->work);
	size_t n = collect_members(session, changes, owners, members);
	struct refresh_initfs_packing packing = { .session = session, .members = members, .n = n, .tree = tree, .packed = packed };
	uint64_t size;
	int r = refresh_initfs_pack_members(&packing, &size, err);

	for (size_t i = 0; i < n; i++)
		refresh_initfs_member_clear(&members[i]);
	return r;
}

/* With all of them it is the image's own packed file, with none the earlier image's. */
static int add_initfs(struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *owners,
		      struct refresh_trial_files *files, struct err *err)
{
	const char *dest = session->config->initfs.dest;
	const struct refresh_change *whole = dest ? find_change(changes, dest) : NULL;
	CLEANUP_FREE char *packed = NULL;
	size_t in, out;
	int r;

	count_members(session, changes, owners, &in, &out);
	if (in == 0 || !dest)
		return 0;
	if (out == 0)
		return whole ? add_content(session, files, whole, err) : 0;
	packed = xasprintf("%s/stage/initfs packed", session->work);
	r = pack(session, changes, owners, packed, err);
	if (r >= 0)
		refresh_trial_files_add(files, dest, TAKE_PTR(packed), NULL, REFRESH_INITFS_MODE_ASSET);
	return r;
}

/* -- an image with some --------------------------------------------------------------------------------------------------------------------------- */

static int collect_files(struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *owners,
			 struct refresh_trial_files *ret, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < changes->n; i++) {
		const struct refresh_change *change = &changes->v[i];
		bool stamp = !refresh_change_is_choice(session, change) && !str_eq(change->owner, REFRESH_INITFS_OWNER);

		if (!refresh_is_in_initfs(change->path) && (stamp || is_chosen(session, change, owners)))
			r = add_content(session, ret, change, err);
	}
	return r < 0 ? r : add_initfs(session, changes, owners, ret, err);
}

int refresh_changes_make(struct refresh_session *session, struct refresh_changes *changes, const struct strvec *owners, struct image_whole **ret,
			 struct err *err)
{
	CLEANUP(refresh_trial_files_clear) struct refresh_trial_files files = { 0 };
	int r = refresh_stage_reset(session, err);

	if (r >= 0)
		r = collect_files(session, changes, owners, &files, err);
	return r < 0 ? r : refresh_trial_make(session, changes->from, &files, ret, err);
}

/* -- for good -------------------------------------------------------------------------------------------------------------------------------------- */

static void add_file(struct refresh_round *round, const struct refresh_change *change, const char *now)
{
	struct image_put put = { .result = now[0] ? IMAGE_PUT_WRITTEN : IMAGE_PUT_REMOVED, .path = xstrdup(change->path), .bytes = change->bytes, .mode = change->mode };

	snprintf(put.new_hash, sizeof(put.new_hash), "%s", now);
	snprintf(put.old_hash, sizeof(put.old_hash), "%s", change->before);
	refresh_round_send(round, (struct refresh_event){ .type = now[0] ? REFRESH_EVENT_PUT : REFRESH_EVENT_REMOVE,
							  .subject = change->owner,
							  .path = change->path,
							  .result = now[0] ? "written" : "removed",
							  .bytes = change->bytes });
	refresh_round_add_file(round, change->owner, &put);
}

/* The initfs that was packed for it has a digest of its own. */
static int read_initfs(void *data, int root, struct err *err)
{
	struct refresh_change *change = data;
	struct image_put_job job = { .root = root };

	return image_put_read_hash(&job, change->path, change->after, err);
}

static int add_files(struct refresh_round *round, const struct refresh_changes_kept *kept, struct err *err)
{
	const struct refresh_session *session = round->session;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < kept->changes->n; i++) {
		struct refresh_change *change = &kept->changes->v[i];

		if (refresh_change_is_choice(session, change)) {
			if (strvec_has(kept->owners, change->owner))
				add_file(round, change, change->after);
			continue;
		}
		if (str_eq(change->owner, REFRESH_INITFS_OWNER))
			r = image_whole_read(*kept->whole, read_initfs, change, err);
		if (r >= 0 && strcmp(change->after, change->before) != 0)
			add_file(round, change, change->after);
	}
	return r < 0 ? r : 0;
}

static void judge(struct refresh_round *round, const struct refresh_changes_kept *kept)
{
	for (size_t i = 0; i < kept->changes->n_subjects; i++) {
		const struct refresh_change_subject *subject = &kept->changes->subjects[i];

		if (!subject->fingerprint)
			continue;
		if (strvec_has(kept->owners, subject->subject))
			refresh_round_add_verdict(round, subject->subject, subject->fingerprint, "fresh");
		else if (strvec_has(kept->held, subject->subject))
			refresh_round_add_verdict(round, subject->subject, subject->fingerprint, "held");
		if (strvec_has(kept->owners, subject->subject) && strchr(subject->subject, ' '))
			strvec_add(&round->subjects, subject->subject);
	}
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	const struct refresh_changes_kept *kept = data;
	int r = add_files(round, kept, err);

	if (r < 0)
		return r;
	judge(round, kept);
	r = refresh_swap_whole(round, kept->whole, err);
	if (r >= 0)
		refresh_round_tell_held(round);
	return r;
}

int refresh_changes_keep(struct refresh_session *session, const struct refresh_changes_kept *kept, const struct refresh_args *args,
			 enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	int r = refresh_swap_check(&round, err);

	round.commits = kept->commits ? xstrdup(kept->commits) : NULL;


	return r < 0 ? r : refresh_round_carry_out(&round, execute, (void *)kept, ret, err);
}

int refresh_changes_hold(struct refresh_session *session, const struct refresh_changes *changes, const struct strvec *subjects, int64_t run,
			 struct err *err)
{
	CLEANUP_FREE struct journal_fingerprint *held = xcalloc(changes->n_subjects + 1, sizeof(*held));
	size_t n = 0;

	for (size_t i = 0; i < changes->n_subjects; i++)
		if (changes->subjects[i].fingerprint && strvec_has(subjects, changes->subjects[i].subject))
			held[n++] = (struct journal_fingerprint){
				.subject = changes->subjects[i].subject, .fingerprint = changes->subjects[i].fingerprint, .state = "held", .run = run
			};
	return n == 0 ? 0 : journal_fingerprints_set(session->journal, session->config->image.path, held, n, err);
}
