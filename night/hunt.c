#include "night/internal.h"

#include "base/fs.h"
#include "boot/good.h"
#include "image/whole.h"
#include "night/search.h"
#include "night/suspects.h"
#include "refresh/changes.h"

#include <errno.h>
#include <string.h>

/* Drives the search (night/search) with images that are made for it and booted. The user's image is the good one all the while. */

struct hunt {
	struct night *night;
	struct refresh_changes *changes;
	const struct night_proof *whole;
	struct night_suspects suspects; /* owned */
	struct night_search search;     /* owned */
	struct image_whole *trial;      /* owned: what was booted last; NULL: the image itself */
	struct image_identity made;     /* of it, before it was booted */
	struct strvec owners;           /* owned: whose changes it has */
};

static void hunt_clear(struct hunt *hunt)
{
	night_suspects_clear(&hunt->suspects);
	night_search_clear(&hunt->search);
	image_whole_abort(hunt->trial);
	strvec_clear(&hunt->owners);
}

/* -- a trial ------------------------------------------------------------------------------------------------------------------------------------- */

static char *trial_name(const struct hunt *hunt, size_t prefix)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < prefix; i++)
		strvec_take(&names, night_names(&hunt->suspects.v[hunt->search.left[i]].subjects));
	list = strvec_join(&names, " ");
	return prefix > 0 ? xasprintf("the good image with %s", list) : xstrdup("the good image");
}

static int make_image(struct hunt *hunt, struct err *err)
{
	const struct config_image *image = &hunt->night->session->config->image;
	int r = refresh_changes_make(hunt->night->session, hunt->changes, &hunt->owners, &hunt->trial, err);

	return r < 0 ? r : image_identity_read(image_whole_path(hunt->trial), image->format, image->block, &hunt->made, err);
}

static int make_trial(struct hunt *hunt, size_t prefix, struct err *err)
{
	image_whole_abort(TAKE_PTR(hunt->trial));
	strvec_clear(&hunt->owners);
	for (size_t i = 0; i < prefix; i++)
		strvec_copy(&hunt->owners, &hunt->suspects.v[hunt->search.left[i]].subjects);
	return prefix > 0 ? make_image(hunt, err) : 0;
}

static void take_culprit(struct hunt *hunt, struct night_proof *proof)
{
	struct night_summary *summary = hunt->night->summary;
	const struct night_suspect *suspect = &hunt->suspects.v[hunt->search.culprits[hunt->search.n_culprits - 1]];
	struct night_culprit *culprit;

	grow_array(&summary->culprits, &summary->culprits_cap, summary->n_culprits, sizeof(*summary->culprits));
	culprit = &summary->culprits[summary->n_culprits++];
	*culprit = (struct night_culprit){ .line = TAKE_PTR(proof->line), .log = TAKE_PTR(proof->log), .last_lines = proof->last_lines };
	proof->last_lines = (struct strvec){ 0 };
	strvec_copy(&culprit->subjects, &suspect->subjects);
	strvec_copy(&culprit->commits, &suspect->commits);
}

/* Returns 1 when the search goes on, 0 when it is over, with the summary's result set where that is not NIGHT_SEARCH_DONE. */
static int try_one(struct hunt *hunt, size_t prefix, struct err *err)
{
	CLEANUP(night_proof_clear) struct night_proof proof = { 0 };
	CLEANUP_FREE char *name = trial_name(hunt, prefix);
	size_t n_culprits = hunt->search.n_culprits;
	int r = make_trial(hunt, prefix, err);

	if (r >= 0)
		r = night_prove(hunt->night, hunt->trial ? image_whole_path(hunt->trial) : NULL, name, &proof, err);
	if (r < 0)
		return r;
	if (!night_verdict_decides(proof.verdict, hunt->whole->verdict)) {
		hunt->night->summary->result = night_result_of(proof.verdict);
		return 0;
	}
	night_search_tell(&hunt->search, proof.verdict == NIGHT_UP);
	if (hunt->search.n_culprits > n_culprits)
		take_culprit(hunt, &proof);
	if (hunt->search.phase == NIGHT_SEARCH_FLAKY)
		hunt->night->summary->result = NIGHT_FLAKY;
	return 1;
}

/* -- for good -------------------------------------------------------------------------------------------------------------------------------------- */

static void collect_held(const struct hunt *hunt, struct strvec *ret)
{
	for (size_t i = 0; i < hunt->search.n_culprits; i++)
		strvec_copy(ret, &hunt->suspects.v[hunt->search.culprits[i]].subjects);
}

/* A machine without a snapshot writes into what it runs from. What it wrote is nobody's wish. */
static int make_again_if_written(struct hunt *hunt, struct err *err)
{
	const struct config_image *image = &hunt->night->session->config->image;
	struct image_identity now;
	int r = image_identity_read(image_whole_path(hunt->trial), image->format, image->block, &now, err);

	if (r < 0 || image_identity_same(&now, &hunt->made))
		return r;
	night_say(hunt->night, REFRESH_EVENT_NOTE, "the guest has written into the image that it ran from: it is made again, of the same files", NULL);
	image_whole_abort(TAKE_PTR(hunt->trial));
	return make_image(hunt, err);
}

static void note_run(void *data, const struct refresh_event *event)
{
	struct night *night = data;

	if (event->run > 0)
		night->summary->kept_run = event->run;
	night->args->on_event(night->args->data, event);
}

static void keep_as_good(const struct night *night)
{
	const struct config_image *image = &night->session->config->image;
	struct image_good_args good = { .path = image->path, .config = image, .booted = &night->session->identity };
	struct err err = ERR_INIT;

	if (boot_good_keep(night->session->journal, &good, &err) < 0)
		night_sayf(night, REFRESH_EVENT_WARNING, "the image that booted was not kept as '%s.good': %s", image->path, err.message);
}

static int keep_rest(struct hunt *hunt, const struct strvec *held, struct err *err)
{
	struct night *night = hunt->night;
	CLEANUP_FREE char *commits = night_commits(night);
	struct refresh_changes_kept kept = {
		.changes = hunt->changes, .owners = &hunt->owners, .held = held, .whole = &hunt->trial, .commits = commits
	};
	struct refresh_args args = { .verb = "nightly", .on_event = note_run, .data = night };
	enum refresh_result result = REFRESH_NOTHING;
	int r = make_again_if_written(hunt, err);

	if (r >= 0)
		r = refresh_changes_keep(night->session, &kept, &args, &result, err);
	if (r >= 0)
		keep_as_good(night);
	return r;
}

static int hold(struct hunt *hunt, const struct strvec *held, struct err *err)
{
	return refresh_changes_hold(hunt->night->session, hunt->changes, held, hunt->night->summary->run, err);
}

static int keep(struct hunt *hunt, struct err *err)
{
	struct night_summary *summary = hunt->night->summary;
	CLEANUP(strvec_clear) struct strvec held = { 0 };

	summary->result = NIGHT_CULPRITS;
	collect_held(hunt, &held);
	for (size_t i = 0; i < hunt->search.n_left; i++)
		strvec_take(&summary->kept, night_names(&hunt->suspects.v[hunt->search.left[i]].subjects));
	return hunt->owners.n == 0 ? hold(hunt, &held, err) : keep_rest(hunt, &held, err);
}

/* The good image stays. Whom the boots have proved to be at fault before they were spent, is; what flaky boots say is worth nothing. */
static int give_up(struct hunt *hunt, struct err *err)
{
	struct night_summary *summary = hunt->night->summary;
	CLEANUP(strvec_clear) struct strvec held = { 0 };

	if (summary->result != NIGHT_SPENT) {
		night_summary_drop_culprits(summary);
		return 0;
	}
	collect_held(hunt, &held);
	return held.n == 0 ? 0 : hold(hunt, &held, err);
}

/* -- the search ----------------------------------------------------------------------------------------------------------------------------------- */

static int search(struct hunt *hunt, struct err *err)
{
	size_t prefix;
	int r = 1;

	night_search_init(&hunt->search, hunt->suspects.n);
	while (r > 0 && night_search_next(&hunt->search, &prefix))
		r = try_one(hunt, prefix, err);
	/* The night's limit: who is proved to be at fault by then is held, too. */
	if (r == -ECANCELED && deadline_is_over(&hunt->night->deadline)) {
		int e;

		hunt->night->summary->result = NIGHT_SPENT;
		e = give_up(hunt, err);
		return e < 0 ? e : r;
	}
	if (r < 0)
		return r;
	return hunt->search.phase == NIGHT_SEARCH_DONE ? keep(hunt, err) : give_up(hunt, err);
}

static void tell_suspects(const struct hunt *hunt)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_FREE char *list = NULL;

	for (size_t i = 0; i < hunt->suspects.n; i++)
		strvec_take(&names, night_names(&hunt->suspects.v[i].subjects));
	list = strvec_join(&names, ", ");
	night_sayf(hunt->night, REFRESH_EVENT_NOTE, "searching for what keeps the image from booting, among %zu: %s%s", hunt->suspects.n, list,
		   hunt->suspects.since_known ? "" : " (of which commits the good image was made is not known: each stands for itself)");
}

int night_hunt(struct night *night, struct refresh_changes *changes, const struct night_proof *whole, struct err *err)
{
	CLEANUP(hunt_clear) struct hunt hunt = { .night = night, .changes = changes, .whole = whole };
	int r = night_suspects_find(night->session->config, changes, night->session->cancel, &hunt.suspects, err);

	if (r < 0)
		return r;
	if (hunt.suspects.n == 0) {
		night->summary->result = NIGHT_BAD;
		night_say(night, REFRESH_EVENT_WARNING,
			  "tonight's image has no file of ours other than the last good one, and does not boot: somebody else has written into it",
			  "it is IMAGE.prev now");
		return 0;
	}
	tell_suspects(&hunt);
	return search(&hunt, err);
}
