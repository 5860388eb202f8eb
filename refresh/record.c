/* What a round leaves in the journal: verdicts on fingerprints, files, what the swap makes true. */
#include "refresh/round.h"

#include <string.h>

/* The digest of the source's Cargo.lock as it is now; '' without one. */
static void read_lock(const struct refresh_round *round, const struct watcher_subject *subject, char ret[HASH_HEX_SIZE])
{
	const struct config *config = round->session->config;
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.lock", config->sources[config->packages[subject->index].source].path);

	ret[0] = '\0';
	(void)!hash_file(path, ret, NULL);
}

/* True when the only difference between two looks is a lock file that the build itself is known to have been made with: cargo wrote it. */
static bool is_cargos_lock(const struct refresh_round *round, size_t step, const struct watcher_subject *before,
			   const struct watcher_subject *now)
{
	char lock[HASH_HEX_SIZE];

	if (before->is_asset || before->n_parts != now->n_parts)
		return false;
	for (size_t i = 0; i < before->n_parts; i++)
		if (!str_eq(before->parts[i].label, now->parts[i].label) ||
		    (!str_eq(before->parts[i].value, now->parts[i].value) && !str_starts(before->parts[i].label, "lock ")))
			return false;
	read_lock(round, before, lock);
	return strcmp(lock, round->staged[step].lock) == 0;
}

/* An edit while cargo ran may or may not be in the binary: what was put is not worse than what was there, but it proves nothing. */
int refresh_record_edited(struct refresh_round *round, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *now = NULL;
	int r = refresh_session_look(round->session, &now, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < round->plan.n_steps; i++) {
		struct watcher_subject *planned = &round->look->subjects[round->plan.steps[i].subject];
		const struct watcher_subject *after = &now->subjects[round->plan.steps[i].subject];

		if (strcmp(after->fingerprint, planned->fingerprint) == 0)
			continue;
		if (is_cargos_lock(round, i, planned, after)) {
			memcpy(planned->fingerprint, after->fingerprint, sizeof(planned->fingerprint));
			continue;
		}
		round->edited[i] = true;
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE,
								  .subject = round->plan.steps[i].name,
								  .text = "edited while it was being built: the next refresh builds it again" });
	}
	return 0;
}

/* The verdicts of this run, as the journal takes them: @state 'fresh' for what is in the image now, 'failed' for what did not build. */
static size_t collect_fingerprints(const struct refresh_round *round, const char *state, struct journal_fingerprint *ret)
{
	bool fresh = strcmp(state, "fresh") == 0;
	size_t n = 0;

	for (size_t i = 0; i < round->plan.n_steps; i++) {
		bool did_not_build = !round->staged[i].ok && round->staged[i].failure;
		const struct watcher_subject *subject;

		if (round->plan.steps[i].one_off || round->edited[i] || !(fresh ? round->is_put[i] : did_not_build))
			continue;
		subject = &round->look->subjects[round->plan.steps[i].subject];
		ret[n++] = (struct journal_fingerprint){
			.subject = subject->name, .fingerprint = subject->fingerprint, .state = state, .run = round->id
		};
	}
	return n;
}

static int record_verdicts(struct refresh_round *round, const char *state, struct err *err)
{
	CLEANUP_FREE struct journal_fingerprint *fingerprints = xcalloc(round->plan.n_steps, sizeof(*fingerprints));
	size_t n = collect_fingerprints(round, state, fingerprints);

	return n == 0 ? 0 : journal_fingerprints_set(round->session->journal, round->session->config->image.path, fingerprints, n, err);
}

static int journal_put_files(struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE struct journal_file *files = xcalloc(round->n_files, sizeof(*files));
	size_t n = 0;

	for (size_t i = 0; i < round->n_files; i++) {
		const struct image_put *put = &round->files[i].put;

		if (put->result != IMAGE_PUT_WRITTEN)
			continue;
		files[n++] = (struct journal_file){
			.path = put->path,
			.owner = round->files[i].owner,
			.new_hash = put->new_hash,
			.old_hash = put->old_hash[0] ? put->old_hash : NULL,
			.mode = put->mode & 07777,
			.size = put->bytes,
		};
	}
	return journal_files_add(round->session->journal, round->id, files, n, err);
}

int refresh_record_failed(struct refresh_round *round, struct err *err)
{
	return record_verdicts(round, "failed", err);
}

int refresh_record_identical(struct refresh_round *round, struct err *err)
{
	struct journal_image image = refresh_journal_image(&round->session->identity);
	int r = record_verdicts(round, "fresh", err);

	return r < 0 ? r : journal_image_set(round->session->journal, round->session->config->image.path, &image, err);
}

int refresh_record_swap(struct refresh_round *round, const struct image_identity *shadow, struct err *err)
{
	CLEANUP_FREE struct journal_fingerprint *fingerprints = xcalloc(round->plan.n_steps, sizeof(*fingerprints));
	size_t n = collect_fingerprints(round, "fresh", fingerprints);
	struct journal_image image = refresh_journal_image(shadow);
	int r = journal_put_files(round, err);

	if (r < 0)
		return r;
	return journal_swap_begin(round->session->journal, round->id, round->session->config->image.path, &image, fingerprints, n, err);
}
