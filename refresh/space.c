#include "refresh/space.h"

#include "base/fs.h"
#include "image/whole.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* Nothing here is worth a failed run: what cannot be read or written is not counted. */

enum { MAX_STORE = 200 };

static char *store_path(const struct refresh_session *session)
{
	CLEANUP_FREE char *work = refresh_session_work(session->config);

	return xasprintf("%s/leaked", work);
}

uint64_t refresh_space_leaked(const struct refresh_session *session)
{
	CLEANUP(str_clear) struct str text = { 0 };
	CLEANUP_FREE char *path = store_path(session);
	char uuid[33] = "";
	uint64_t bytes = 0;

	if (fs_read(path, MAX_STORE, &text, NULL) < 0 || sscanf(str_text(&text), "%32s %" SCNu64, uuid, &bytes) != 2)
		return 0;
	return strcmp(uuid, session->identity.uuid) == 0 ? bytes : 0;
}

static void store(const struct refresh_session *session, uint64_t bytes)
{
	CLEANUP_FREE char *path = store_path(session), *text = xasprintf("%s %" PRIu64 "\n", session->identity.uuid, bytes);

	if (fs_write_atomic(path, text, strlen(text), 0644, NULL) == 0)
		refresh_stage_give(session, path);
}

void refresh_space_reset(const struct refresh_session *session)
{
	store(session, 0);
}

void refresh_space_begin(struct refresh_round *round)
{
	const struct config_image *image = &round->session->config->image;

	if (image->format != CONFIG_IMAGE_REDOXFS || image_whole_free(image, &round->free_before) < 0)
		round->free_before = 0;
}

/* By how much the files have grown; false when it cannot be told. */
static bool measure_growth(const struct refresh_round *round, int64_t *ret)
{
	int64_t growth = 0;

	for (size_t i = 0; i < round->n_files; i++) {
		const struct image_put *put = &round->files[i].put;
		CLEANUP_FREE char *blob = NULL;
		struct stat st;

		if (put->result == IMAGE_PUT_REMOVED)
			return false;
		if (put->result != IMAGE_PUT_WRITTEN || refresh_is_in_initfs(put->path))
			continue;
		blob = xasprintf("%s/blobs/%.2s/%s", round->session->config->state, put->old_hash, put->old_hash + strnlen(put->old_hash, 2));
		if (!put->old_hash[0] || stat(blob, &st) < 0)
			return false;
		growth += (int64_t)put->bytes - (int64_t)st.st_size;
	}
	*ret = growth;
	return true;
}

static void warn(const struct refresh_round *round, uint64_t leaked)
{
	uint32_t limit = round->session->config->image.leak_limit_mb;
	CLEANUP_FREE char *text =
		xasprintf("replaced files have leaked about %.1f MB of the image's room (limit: %u MB)", (double)leaked / 1e6, (unsigned int)limit);

	if (limit > 0 && leaked >= (uint64_t)limit * 1000000)
		refresh_round_send(round, (struct refresh_event){
						  .type = REFRESH_EVENT_WARNING, .text = text, .hint = "`reinject image compact` gets it back" });
}

void refresh_space_tell(const struct refresh_round *round)
{
	const struct refresh_session *session = round->session;
	uint64_t leaked, free_after = 0;
	int64_t growth = 0, lost;

	/* Still open: nothing was swapped. */
	if (round->txn || round->free_before == 0 || image_whole_free(&session->config->image, &free_after) < 0)
		return;
	leaked = refresh_space_leaked(session);
	if (measure_growth(round, &growth)) {
		lost = (int64_t)round->free_before - (int64_t)free_after - growth;
		leaked = (int64_t)leaked + lost > 0 ? (uint64_t)((int64_t)leaked + lost) : 0;
		store(session, leaked);
	}
	warn(round, leaked);
}
