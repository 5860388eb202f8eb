#include "night/bisect.h"

#include "boot/machine.h"
#include "image/good.h"
#include "image/names.h"
#include "journal/blobs.h"
#include "journal/boots.h"
#include "night/internal.h"
#include "night/search.h"
#include "refresh/trial.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The night's search on another list: runs instead of packages, and images of the past instead of mixed ones. */

struct bisecting {
	struct night night; /* for its boots: session and cancel are the caller's */
	struct night_summary summary;
	struct night_bisect *bisect;
	struct image_names names;   /* owned */
	int64_t *runs;              /* owned: oldest first */
	size_t n_runs, runs_cap;
	struct night_search search; /* owned */
	enum night_verdict bad; /* of the bad end */
};

static void bisecting_clear(struct bisecting *bisecting)
{
	image_names_clear(&bisecting->names);
	free(bisecting->runs);
	night_search_clear(&bisecting->search);
	strvec_clear(&bisecting->night.seen);
	night_summary_clear(&bisecting->summary);
}

void night_bisect_clear(struct night_bisect *bisect)
{
	free(bisect->verb);
	free(bisect->packages);
	free(bisect->commits);
	free(bisect->line);
	free(bisect->log);
	*bisect = (struct night_bisect){ 0 };
}

/* -- which runs ---------------------------------------------------------------------------------------------------------------------------------- */

static int take_up(void *data, const struct journal_boot *boot)
{
	int64_t *run = data;

	if (*run == 0 && boot->run > 0 && str_eq(boot->result, "up"))
		*run = boot->run;
	return 0;
}

static int find_good(const struct bisecting *bisecting, int64_t *ret, struct err *err)
{
	const struct refresh_session *session = bisecting->night.session;
	CLEANUP_FREE char *good = xasprintf("%s.good", bisecting->names.image);
	struct stat st;
	int r = 0;

	if (stat(good, &st) == 0)
		r = journal_run_of_file(session->journal, session->config->image.path, st.st_dev, st.st_ino, ret, err);
	if (r >= 0 && *ret == 0)
		r = journal_boots(session->journal, session->config->image.path, 0, take_up, ret, err);
	if (r < 0 || *ret > 0)
		return r;
	err_class_set(err, ERR_USAGE, -ENOENT, "no run is known whose image has booted");
	err_hint(err, "name one: reinject bisect GOOD; `reinject log` lists the runs");
	return -ENOENT;
}

struct listing {
	struct bisecting *bisecting;
	bool changed;
};

static int take_change(void *data, const struct journal_file *file)
{
	struct listing *listing = data;

	listing->changed = listing->changed || (file->result == JOURNAL_OK && !str_eq(file->new_hash, file->old_hash ? file->old_hash : ""));
	return 0;
}

static int take_run(void *data, const struct journal_run *run)
{
	struct listing *listing = data;
	struct bisecting *bisecting = listing->bisecting;
	struct listing one = { .bisecting = bisecting };
	int r = 0;

	if (run->id > bisecting->bisect->good && run->id <= bisecting->bisect->bad)
		r = journal_files(bisecting->night.session->journal, run->id, take_change, &one, NULL);
	if (r < 0 || !one.changed)
		return r;
	grow_array(&bisecting->runs, &bisecting->runs_cap, bisecting->n_runs, sizeof(*bisecting->runs));
	bisecting->runs[bisecting->n_runs++] = run->id;
	return 0;
}

static int list(struct bisecting *bisecting, struct err *err)
{
	const struct refresh_session *session = bisecting->night.session;
	const struct night_bisect *bisect = bisecting->bisect;
	struct listing listing = { .bisecting = bisecting };
	int r = journal_runs(session->journal, session->config->image.path, 0, 0, take_run, &listing, err);

	for (size_t i = 0; i < bisecting->n_runs / 2; i++) {
		int64_t swap = bisecting->runs[i];

		bisecting->runs[i] = bisecting->runs[bisecting->n_runs - 1 - i];
		bisecting->runs[bisecting->n_runs - 1 - i] = swap;
	}
	if (r < 0 || bisecting->n_runs > 0)
		return r;
	err_class_set(err, ERR_USAGE, -EINVAL, "no run after %lld and up to %lld has changed the image", (long long)bisect->good,
		      (long long)bisect->bad);
	err_hint(err, "the good run comes first: reinject bisect GOOD BAD; `reinject log` lists the runs");
	return -EINVAL;
}

static int find_ends(struct bisecting *bisecting, const struct night_bisect_args *args, struct err *err)
{
	const struct refresh_session *session = bisecting->night.session;
	struct night_bisect *bisect = bisecting->bisect;
	int r = 0;

	bisect->good = args->good;
	bisect->bad = args->bad;
	if (bisect->good == 0)
		r = find_good(bisecting, &bisect->good, err);
	if (r >= 0 && bisect->bad == 0)
		r = journal_last_change(session->journal, session->config->image.path, NULL, &bisect->bad, err);
	return r < 0 ? r : list(bisecting, err);
}

/* -- images of the past -------------------------------------------------------------------------------------------------------------------------- */

struct making {
	struct refresh_session *session;
	struct refresh_trial_files files; /* owned */
	struct err *err;
};

/* What the first later run replaced. Members of the initfs are in the packed file, which has a row of its own. */
static int take_old(void *data, const struct journal_file *file)
{
	struct making *making = data;
	char *content = NULL;
	int r = 0;

	if (refresh_is_in_initfs(file->path))
		return 0;
	if (file->old_hash)
		r = journal_blob_find(making->session->config->state, file->old_hash, &content, making->err);
	if (r < 0) {
		err_wrap(making->err, r, "'%s' as it was", file->path);
		err_hint(making->err, "older contents are pruned ([reinject] keep_runs): name a later GOOD");
		return r;
	}
	refresh_trial_files_add(&making->files, file->path, content, file->new_hash, file->mode);
	return 0;
}

static int make_image_of(struct bisecting *bisecting, int64_t run, struct image_whole **ret, struct err *err)
{
	struct refresh_session *session = bisecting->night.session;
	struct making making = { .session = session, .err = err };
	int r = journal_files_since(session->journal, session->config->image.path, run, true, take_old, &making, err);

	if (r >= 0)
		r = refresh_trial_make(session, bisecting->names.image, &making.files, ret, err);
	refresh_trial_files_clear(&making.files);
	return r;
}

static int try_run(struct bisecting *bisecting, int64_t run, struct night_proof *ret, struct err *err)
{
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	CLEANUP_FREE char *name = xasprintf("the image as run %lld left it", (long long)run);
	int r = make_image_of(bisecting, run, &whole, err);

	return r < 0 ? r : night_prove(&bisecting->night, image_whole_path(whole), name, ret, err);
}

/* -- the search ----------------------------------------------------------------------------------------------------------------------------------- */

/* 1: the search may begin; 0: the result says why not. */
static int try_ends(struct bisecting *bisecting, struct err *err)
{
	CLEANUP(night_proof_clear) struct night_proof bad = { 0 };
	CLEANUP(night_proof_clear) struct night_proof good = { 0 };
	struct night_bisect *bisect = bisecting->bisect;
	int r = try_run(bisecting, bisect->bad, &bad, err);

	if (r < 0)
		return r;
	bisecting->bad = bad.verdict;
	bisect->result = bad.verdict == NIGHT_UP ? NIGHT_BISECT_BOOTS : bad.verdict == NIGHT_TOO_MANY ? NIGHT_BISECT_SPENT : NIGHT_BISECT_FLAKY;
	if (bad.verdict != NIGHT_DOWN && bad.verdict != NIGHT_DEAD)
		return 0;
	r = try_run(bisecting, bisect->good, &good, err);
	bisect->result = good.verdict == NIGHT_TOO_MANY ? NIGHT_BISECT_SPENT : NIGHT_BISECT_HOST;
	return r < 0 ? r : good.verdict == NIGHT_UP;
}

static enum night_bisect_result result_of(enum night_verdict verdict)
{
	if (verdict == NIGHT_DEAD)
		return NIGHT_BISECT_HOST;
	return verdict == NIGHT_TOO_MANY ? NIGHT_BISECT_SPENT : NIGHT_BISECT_FLAKY;
}

static int take_found(void *data, const struct journal_run *run)
{
	struct night_bisect *bisect = data;

	bisect->verb = xstrdup(run->verb);
	bisect->packages = run->packages ? xstrdup(run->packages) : NULL;
	bisect->commits = run->commits ? xstrdup(run->commits) : NULL;
	return 0;
}

static int tell_found(struct bisecting *bisecting, struct night_proof *proof, struct err *err)
{
	struct night_bisect *bisect = bisecting->bisect;

	bisect->result = NIGHT_BISECT_FOUND;
	bisect->run = bisecting->runs[bisecting->search.culprits[0]];
	bisect->line = TAKE_PTR(proof->line);
	bisect->log = TAKE_PTR(proof->log);
	return journal_runs(bisecting->night.session->journal, NULL, bisect->run, 1, take_found, bisect, err);
}

static int search(struct bisecting *bisecting, struct err *err)
{
	struct night_search *search = &bisecting->search;
	size_t prefix;

	night_search_init(search, bisecting->n_runs);
	while (night_search_next(search, &prefix)) {
		CLEANUP(night_proof_clear) struct night_proof proof = { 0 };
		int r = try_run(bisecting, bisecting->runs[prefix - 1], &proof, err);

		if (r < 0)
			return r;
		if (!night_verdict_decides(proof.verdict, bisecting->bad)) {
			bisecting->bisect->result = result_of(proof.verdict);
			return 0;
		}
		night_search_tell(search, proof.verdict == NIGHT_UP);
		/* One is enough: what came after it rests on it. */
		if (search->n_culprits > 0)
			return tell_found(bisecting, &proof, err);
	}
	bisecting->bisect->result = NIGHT_BISECT_FLAKY;
	return 0;
}

static int carry_out(struct bisecting *bisecting, const struct night_bisect_args *args, struct err *err)
{
	const struct config *config = bisecting->night.session->config;
	int r = boot_check(&(struct boot_args){ .config = config }, err);

	if (r >= 0)
		r = image_names_init(&bisecting->names, config->image.path, err);
	if (r >= 0)
		r = find_ends(bisecting, args, err);
	if (r >= 0)
		night_sayf(&bisecting->night, REFRESH_EVENT_NOTE, "between run %lld and run %lld the image was changed by %zu runs",
			   (long long)bisecting->bisect->good, (long long)bisecting->bisect->bad, bisecting->n_runs);
	if (r >= 0)
		r = try_ends(bisecting, err);
	return r > 0 ? search(bisecting, err) : r;
}

int night_bisect_run(struct refresh_session *session, const struct night_bisect_args *args, struct night_bisect *ret, struct err *err)
{
	struct night_args night_args = { .cancel = args->cancel, .on_event = args->on_event, .data = args->data };
	CLEANUP(bisecting_clear) struct bisecting bisecting = {
		.night = { .config = session->config, .args = &night_args, .session = session }, .bisect = ret
	};
	int r = deadline_start(&bisecting.night.deadline, args->cancel, (int64_t)night_limit_s(session->config) * 1000, err);

	if (r < 0)
		return r;
	bisecting.night.summary = &bisecting.summary;
	session->cancel = &bisecting.night.deadline.cancel;
	r = carry_out(&bisecting, args, err);
	if (r == -ECANCELED && deadline_is_over(&bisecting.night.deadline)) {
		ret->result = NIGHT_BISECT_SPENT;
		r = 0;
	}
	session->cancel = args->cancel;
	deadline_stop(&bisecting.night.deadline);
	ret->boots = bisecting.summary.boots;
	ret->trials = bisecting.summary.trials;
	return r;
}
