/* Removals: what the plan says is gone, taken out of the image in the same transaction as the rest. */
#include "refresh/initfs.h"

static void tell(const struct refresh_round *round, const struct refresh_removal *removal, const struct image_put *put)
{
	CLEANUP_FREE char *text = NULL;

	refresh_round_send(round, (struct refresh_event){
					  .type = REFRESH_EVENT_REMOVE,
					  .subject = removal->owner,
					  .path = removal->path,
					  .result = put->result == IMAGE_PUT_REMOVED  ? "removed"
						    : put->result == IMAGE_PUT_ABSENT ? "absent"
										      : "kept",
					  .text = removal->why,
					  .bytes = put->bytes,
				  });
	if (put->result != IMAGE_PUT_FOREIGN)
		return;
	text = xasprintf("%s, but '%s' is not the file that was put there: it stays, and is yours", removal->why, removal->path);
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = text });
}

/* The files that somebody wants, as image_txn_locate() names them. A place that cannot be one in this image holds none of them. */
static int locate_wanted(const struct refresh_round *round, struct strvec *ret, struct err *err)
{
	for (size_t i = 0; i < round->plan.wanted.n; i++) {
		char *file = NULL;
		int r = refresh_is_in_initfs(round->plan.wanted.v[i]) ? 0 : image_txn_locate(round->txn, round->plan.wanted.v[i], &file, err);

		if (r < 0 && !refresh_round_concerns_place(r))
			return r;
		if (r >= 0 && file)
			strvec_take(ret, file);
	}
	return 0;
}

/* Returns 1 when @path leads to one of @wanted: /bin/x to /usr/bin/x, where /bin is a link. */
static int is_wanted(const struct refresh_round *round, const struct strvec *wanted, const char *path, struct err *err)
{
	CLEANUP_FREE char *file = NULL;
	int r = image_txn_locate(round->txn, path, &file, err);

	return r < 0 ? r : file && strvec_has(wanted, file);
}

static int remove_one(struct refresh_round *round, const struct refresh_removal *removal, const struct strvec *wanted, struct err *err)
{
	struct image_put put = { 0 };
	int r = refresh_round_interrupted(round, err);

	if (r >= 0)
		r = is_wanted(round, wanted, removal->path, err);
	if (r > 0) {
		/* Its other name is known as ours; this one is no more. */
		put = (struct image_put){ .result = IMAGE_PUT_ABSENT, .path = xstrdup(removal->path) };
		refresh_round_add_file(round, removal->owner, &put);
		return 0;
	}
	if (r >= 0)
		r = image_txn_remove(round->txn, removal->path, removal->hash, &put, err);
	if (r < 0)
		return r;
	refresh_round_add_file(round, removal->owner, &put);
	tell(round, removal, &put);
	return 0;
}

int refresh_remove_all(struct refresh_round *round, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec wanted = { 0 };
	int r = locate_wanted(round, &wanted, err);

	for (size_t i = 0; r >= 0 && i < round->plan.n_removals; i++) {
		const struct refresh_removal *removal = &round->plan.removals[i];

		/* A member is left out by refresh/initfs, and where that could not be, its package stays whole. */
		if (refresh_is_in_initfs(removal->path) || refresh_initfs_keeps(round, removal->owner))
			continue;
		if (removal->after == REFRESH_NO_STEP || round->is_put[removal->after])
			r = remove_one(round, removal, &wanted, err);
	}
	return r;
}
