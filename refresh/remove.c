/* Removals: what the plan says is gone, taken out of the image in the same transaction as the rest. */
#include "refresh/round.h"

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

static int remove_one(struct refresh_round *round, const struct refresh_removal *removal, struct err *err)
{
	struct image_put put = { 0 };
	int r = refresh_round_interrupted(round, err);

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
	int r = 0;

	for (size_t i = 0; r >= 0 && i < round->plan.n_removals; i++) {
		const struct refresh_removal *removal = &round->plan.removals[i];

		if (removal->after == REFRESH_NO_STEP || round->is_put[removal->after])
			r = remove_one(round, removal, err);
	}
	return r;
}
