#include "refresh/space.h"

#include "image/whole.h"
#include "journal/blobs.h"

#include <stdio.h>
#include <string.h>

/* Nothing here is worth a failed run: what cannot be read or written is not counted. */

/* -- the rule ---------------------------------------------------------------------------------------------------------------------------------- */

static uint64_t less(uint64_t lost, int64_t got_back)
{
	if (got_back <= 0)
		return lost;
	return lost > (uint64_t)got_back ? lost - (uint64_t)got_back : 0;
}

uint64_t refresh_space_lost(const struct journal_space *last, const struct journal_space *now, enum refresh_space_kind kind)
{
	int64_t more = (int64_t)now->used - (int64_t)now->before;
	uint64_t lost = 0;

	if (!now->uuid[0])
		return 0;
	if (last && strcmp(last->uuid, now->uuid) == 0)
		lost = less(last->lost, (int64_t)last->used - (int64_t)now->before);
	if (kind == REFRESH_SPACE_MIXED)
		return lost;
	if (kind == REFRESH_SPACE_WHOLE)
		return less(lost, -more);
	more -= now->grown;
	return more > 0 ? lost + (uint64_t)more : less(lost, -more);
}

/* -- measuring --------------------------------------------------------------------------------------------------------------------------------- */

void refresh_space_begin(struct refresh_round *round)
{
	const struct refresh_session *session = round->session;
	struct journal_space *space = &round->space;

	*space = (struct journal_space){ .run = round->id };
	if (session->config->image.format == CONFIG_IMAGE_REDOXFS && image_whole_room(&session->config->image, &space->size, &space->before) < 0)
		space->size = 0;
}

static bool has_log(const struct refresh_round *round)
{
	return round->session->config->image.format == CONFIG_IMAGE_REDOXFS;
}

void refresh_space_opened(struct refresh_round *round)
{
	if (!has_log(round) && image_txn_space(round->txn, &round->space.size, &round->space.before, NULL) < 0)
		round->space.size = 0;
}

void refresh_space_written(struct refresh_round *round)
{
	if (!has_log(round) && image_txn_space(round->txn, &round->space.size, &round->space.used, NULL) < 0)
		round->space.size = 0;
}

/* By how much @put has made the image's files bigger. False when it has put a file where there was none, or none where there was one, or when nobody
 * knows. */
static bool add_growth(const struct refresh_round *round, const struct image_put *put, int64_t *grown)
{
	bool is_written = put->result == IMAGE_PUT_WRITTEN;
	uint64_t old = 0;

	/* A member of the initfs is no file of the image; the packed one is. */
	if ((!is_written && put->result != IMAGE_PUT_REMOVED) || refresh_is_in_initfs(put->path))
		return true;
	if (put->old_hash[0] && journal_blob_size(round->session->config->state, put->old_hash, &old, NULL) < 0)
		return false;
	*grown += (is_written ? (int64_t)put->bytes : 0) - (int64_t)old;
	return is_written && put->old_hash[0];
}

static enum refresh_space_kind measure_growth(const struct refresh_round *round, int64_t *grown)
{
	enum refresh_space_kind kind = REFRESH_SPACE_REPLACED;

	if (round->is_whole)
		return REFRESH_SPACE_WHOLE;
	for (size_t i = 0; i < round->n_files; i++)
		if (!add_growth(round, &round->files[i].put, grown))
			kind = REFRESH_SPACE_MIXED;
	return kind;
}

/* -- what is known ----------------------------------------------------------------------------------------------------------------------------- */

bool refresh_space_is_past(const struct config_image *image, uint64_t lost)
{
	return image->leak_limit_mb > 0 && lost >= (uint64_t)image->leak_limit_mb * 1000000;
}

static void warn(const struct refresh_round *round, uint64_t lost)
{
	uint32_t limit = round->session->config->image.leak_limit_mb;
	CLEANUP_FREE char *text = xasprintf("replaced files have leaked about %.1f MB of the image's room (limit: %u MB)", (double)lost / 1e6,
					    (unsigned int)limit);

	if (refresh_space_is_past(&round->session->config->image, lost))
		refresh_round_send(round, (struct refresh_event){
						  .type = REFRESH_EVENT_WARNING, .text = text, .hint = "`reinject image compact` gets it back" });
}

void refresh_space_swapped(struct refresh_round *round)
{
	const struct refresh_session *session = round->session;
	struct journal_space *space = &round->space, last;
	enum refresh_space_kind kind;
	int known;

	if (space->size == 0 || (has_log(round) && image_whole_room(&session->config->image, &space->size, &space->used) < 0))
		return;
	space->run = round->id;
	snprintf(space->uuid, sizeof(space->uuid), "%s", session->identity.uuid);
	kind = measure_growth(round, &space->grown);
	known = journal_space_last(session->journal, session->config->image.path, &last, NULL);
	if (known < 0)
		return;
	space->lost = refresh_space_lost(known > 0 ? &last : NULL, space, kind);
	if (journal_space_add(session->journal, space, NULL) == 0)
		warn(round, space->lost);
}

uint64_t refresh_space_leaked(const struct refresh_session *session)
{
	struct journal_space last;

	if (!session->journal || journal_space_last(session->journal, session->config->image.path, &last, NULL) <= 0)
		return 0;
	return strcmp(last.uuid, session->identity.uuid) == 0 ? last.lost : 0;
}

void refresh_space_forgive(const struct refresh_session *session)
{
	(void)!journal_space_forgive(session->journal, session->config->image.path, NULL);
}
