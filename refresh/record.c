/* What a round leaves in the journal: verdicts on fingerprints, files, what the swap makes true. */
#include "refresh/explain.h"
#include "refresh/round.h"

#include "base/fs.h"

#include <string.h>

/* As watcher/look labels the parts of a fingerprint that stand for files outside git. */
#define INPUT_LABEL "input "

static const char *part_value(const struct watcher_subject *subject, const char *label)
{
	for (size_t i = 0; i < subject->n_parts; i++)
		if (str_eq(subject->parts[i].label, label))
			return subject->parts[i].value;
	return NULL;
}

static const char *compiled_value(const struct refresh_staged *staged, const char *path)
{
	for (size_t i = 0; i < staged->compiled.n_outside; i++)
		if (str_eq(staged->compiled.outside[i].path, path))
			return staged->compiled.outside[i].value;
	return NULL;
}

/* An input outside git that this build brought to light: it counts from now on, with the content that it was compiled from. */
static bool is_explained_input(const struct refresh_staged *staged, const struct watcher_subject *before, const struct watcher_part *now)
{
	const char *known = part_value(before, now->label);

	return str_starts(now->label, INPUT_LABEL) && (!known || str_eq(known, now->value)) &&
	       str_eq(compiled_value(staged, now->label + strlen(INPUT_LABEL)), now->value);
}

static size_t count_fixed(const struct watcher_subject *subject)
{
	size_t n = 0;

	for (size_t i = 0; i < subject->n_parts; i++)
		n += !str_starts(subject->parts[i].label, INPUT_LABEL);
	return n;
}

/* True when all that differs between two looks is known to be in the build: a lock file that cargo wrote, inputs that it named. */
static bool is_explained(const struct refresh_round *round, size_t step, const struct watcher_subject *before, const struct watcher_subject *now)
{
	const struct refresh_staged *staged = &round->staged[step];
	char lock[HASH_HEX_SIZE];

	if (before->is_asset || count_fixed(before) != count_fixed(now))
		return false;
	refresh_stage_lock(round->session, &round->session->config->packages[before->index], lock);
	for (size_t i = 0; i < now->n_parts; i++) {
		const struct watcher_part *part = &now->parts[i];
		bool same = i < before->n_parts && str_eq(before->parts[i].label, part->label) && str_eq(before->parts[i].value, part->value);

		if (same || is_explained_input(staged, before, part))
			continue;
		if (!str_starts(part->label, "lock ") || strcmp(lock, staged->lock) != 0)
			return false;
	}
	return true;
}

static int set_inputs(const struct refresh_round *round, size_t step, struct err *err)
{
	const struct refresh_session *session = round->session;
	const struct refresh_compiled *compiled = &round->staged[step].compiled;
	const struct watcher_subject *subject = &round->look->subjects[round->plan.steps[step].subject];
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	for (size_t i = 0; i < compiled->n_outside; i++)
		strvec_add(&paths, compiled->outside[i].path);
	watcher_set_inputs(session->watcher, subject->index, &paths);
	return journal_inputs_set(session->journal, session->config->packages[subject->index].name, &paths, err);
}

/* After cargo has run, what a package is made of may be known better than before: map again, then store. */
static int learn_inputs(const struct refresh_round *round, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < round->plan.n_steps; i++)
		if (round->staged[i].compiled.artifact[0])
			r = set_inputs(round, i, err);
	return r;
}

/* What a command makes amid its own sources is an edit after every build, unless git is told to ignore it. NULL for others. */
static const char *artifact_amid_sources(const struct refresh_round *round, const struct watcher_subject *subject)
{
	const struct config_package *package = subject->is_asset ? NULL : &round->session->config->packages[subject->index];

	for (size_t i = 0; package && package->artifact && i < package->paths.n; i++)
		if (path_under(package->artifact, package->paths.v[i]))
			return package->artifact;
	return NULL;
}

static void say_edited(const struct refresh_round *round, size_t step)
{
	static const char edited[] = "edited while it was being built: the next refresh builds it again";
	const char *artifact = artifact_amid_sources(round, &round->look->subjects[round->plan.steps[step].subject]);
	CLEANUP_FREE char *text = artifact ? xasprintf("%s; its artifact '%s' looks like an edit, too, unless a .gitignore names it", edited, artifact) :
					     xstrdup(edited);

	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .subject = round->plan.steps[step].name, .text = text });
}

/* An edit while cargo ran may or may not be in the binary: what was put is not worse than what was there, but it proves nothing. */
int refresh_record_edited(struct refresh_round *round, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *now = NULL;
	int r = learn_inputs(round, err);

	if (r == 0)
		r = refresh_session_look(round->session, &now, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < round->plan.n_steps; i++) {
		struct watcher_subject *planned = &round->look->subjects[round->plan.steps[i].subject];
		struct watcher_subject *after = &now->subjects[round->plan.steps[i].subject], before = *planned;

		if (strcmp(after->fingerprint, planned->fingerprint) == 0 && !round->staged[i].unsteady)
			continue;
		if (!round->staged[i].unsteady && is_explained(round, i, planned, after)) {
			*planned = *after;
			*after = before;
			continue;
		}
		round->edited[i] = true;
		say_edited(round, i);
	}
	return 0;
}

static struct journal_fingerprint doubted(const char *subject, int64_t run)
{
	return (struct journal_fingerprint){ .subject = subject, .fingerprint = "", .state = "doubted", .run = run };
}

/* The verdicts of this run, as the journal takes them: @state 'fresh' for what is in the image now, 'failed' for what did not build. */
static size_t collect_fingerprints(const struct refresh_round *round, const char *state, struct journal_fingerprint *ret)
{
	bool fresh = strcmp(state, "fresh") == 0;
	size_t n = 0;

	for (size_t i = 0; i < round->plan.n_steps; i++) {
		bool did_not_build = !round->staged[i].ok && round->staged[i].rejected;
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

/* Beside what is recorded as fresh, so that the next plan can name what has changed since. */
static void keep_parts(const struct refresh_round *round)
{
	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (round->look && !round->plan.steps[i].one_off && !round->edited[i] && round->is_put[i])
			refresh_explain_keep(round->session, round->look, round->plan.steps[i].subject);
}

static int record_verdicts(struct refresh_round *round, const char *state, struct err *err)
{
	CLEANUP_FREE struct journal_fingerprint *fingerprints = xcalloc(round->plan.n_steps, sizeof(*fingerprints));
	size_t n = collect_fingerprints(round, state, fingerprints);

	keep_parts(round);
	return n == 0 ? 0 : journal_fingerprints_set(round->session->journal, round->session->config->image.path, fingerprints, n, err);
}

static int journal_put_files(struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE struct journal_file *files = xcalloc(round->n_files, sizeof(*files));
	size_t n = 0;

	for (size_t i = 0; i < round->n_files; i++) {
		const struct image_put *put = &round->files[i].put;

		if (put->result != IMAGE_PUT_WRITTEN && put->result != IMAGE_PUT_REMOVED)
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

/* What the journal learns of the image's files without a change of them. */
static int record_contents(const struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE struct journal_content *contents = xcalloc(round->n_files, sizeof(*contents));
	size_t n = 0;

	for (size_t i = 0; i < round->n_files; i++) {
		const struct image_put *put = &round->files[i].put;
		bool not_ours = put->result == IMAGE_PUT_ABSENT || put->result == IMAGE_PUT_FOREIGN;
		bool found = put->result == IMAGE_PUT_IDENTICAL && !str_eq(round->files[i].owner, "file");

		/* What nobody owns takes nothing from its owner by being the same. */
		if (found || not_ours)
			contents[n++] = (struct journal_content){
				.path = put->path, .owner = round->files[i].owner, .hash = not_ours ? NULL : put->new_hash
			};
	}
	return n == 0 ? 0 : journal_contents_set(round->session->journal, round->session->config->image.path, contents, n, err);
}

static bool was_found(const struct refresh_round *round, const struct refresh_removal *removal)
{
	for (size_t i = 0; i < round->n_files; i++)
		if (round->files[i].put.result != IMAGE_PUT_WRITTEN && str_eq(round->files[i].put.path, removal->path))
			return true;
	return false;
}

/* Whose last file is gone, is forgotten. */
static size_t collect_gone(const struct refresh_round *round, struct journal_fingerprint *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < round->plan.n_removals; i++) {
		const struct refresh_removal *removal = &round->plan.removals[i];

		if (removal->owner_gone && was_found(round, removal))
			ret[n++] = (struct journal_fingerprint){
				.subject = removal->owner, .fingerprint = "", .state = "gone", .run = round->id
			};
	}
	return n;
}

static int record_gone(const struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE struct journal_fingerprint *gone = xcalloc(round->plan.n_removals, sizeof(*gone));
	size_t n = collect_gone(round, gone);

	return n == 0 ? 0 : journal_fingerprints_set(round->session->journal, round->session->config->image.path, gone, n, err);
}

int refresh_record_failed(struct refresh_round *round, struct err *err)
{
	return record_verdicts(round, "failed", err);
}

static bool is_shared(const struct refresh_round *round, size_t step)
{
	return round->staged[step].ok && round->plan.steps[step].shares.n + round->plan.steps[step].share_copies.n > 0;
}

int refresh_record_sharing(struct refresh_round *round, struct err *err)
{
	CLEANUP_FREE struct journal_fingerprint *doubts = xcalloc(round->plan.n_steps, sizeof(*doubts));
	size_t n = 0;

	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (is_shared(round, i))
			doubts[n++] = doubted(refresh_round_owner(round, i), round->id);
	return n == 0 ? 0 : journal_fingerprints_set(round->session->journal, round->session->config->image.path, doubts, n, err);
}

int refresh_record_shared(struct refresh_round *round, struct err *err)
{
	for (size_t i = 0; i < round->plan.n_steps; i++)
		round->is_put[i] = round->staged[i].ok;
	return record_verdicts(round, "fresh", err);
}

int refresh_record_identical(struct refresh_round *round, struct err *err)
{
	struct journal_image image = refresh_journal_image(&round->session->identity);
	int r = record_contents(round, err);

	if (r >= 0)
		r = record_verdicts(round, "fresh", err);
	if (r >= 0)
		r = record_gone(round, err);
	return r < 0 ? r : journal_image_set(round->session->journal, round->session->config->image.path, &image, err);
}

static bool is_recorded(const char *subject, const struct journal_fingerprint *fingerprints, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(fingerprints[i].subject, subject) == 0)
			return true;
	return false;
}

/* Whoever has a member in the initfs is in the file that is written, too. */
static void add_initfs_name(const struct config *config, const struct strvec *dests, struct strvec *ret)
{
	for (size_t i = 0; config->initfs.dir && i < dests->n; i++)
		if (refresh_is_in_initfs(dests->v[i]))
			strvec_add(ret, fs_basename(config->initfs.dest));
}

/* The file names under which a package comes into the image. A folder may have many names there, because of links; a file keeps its own. */
static void package_file_names(const struct config_package *package, struct strvec *ret)
{
	strvec_copy(ret, &package->bins);
	for (size_t i = 0; i < package->copies.n; i++)
		strvec_add(ret, fs_basename(package->copies.v[i]));
	for (size_t i = 0; i < package->dests.n; i++)
		strvec_add(ret, fs_basename(package->dests.v[i]));
}

static void asset_file_names(const struct config_asset *asset, struct strvec *ret)
{
	strvec_add(ret, fs_basename(asset->path));
	for (size_t i = 0; i < asset->dests.n; i++)
		strvec_add(ret, fs_basename(asset->dests.v[i]));
}

/* The packed initfs and its members: what is in it is known by the members' own records. */
static bool is_of_initfs(const struct refresh_put_file *file)
{
	return str_eq(file->owner, REFRESH_INITFS_OWNER) || refresh_is_in_initfs(file->put.path);
}

static bool was_written(const struct refresh_round *round, const struct strvec *names)
{
	for (size_t i = 0; i < round->n_files; i++)
		if (round->files[i].put.result == IMAGE_PUT_WRITTEN && !is_of_initfs(&round->files[i]) &&
		    strvec_has(names, fs_basename(round->files[i].put.path)))
			return true;
	return false;
}

struct verdicts {
	struct journal_fingerprint *v; /* owned */
	size_t n;
	struct strvec subjects; /* owned: of the doubts */
};

static void verdicts_clear(struct verdicts *verdicts)
{
	free(verdicts->v);
	strvec_clear(&verdicts->subjects);
}

static void doubt(const struct refresh_round *round, struct verdicts *verdicts, char *subject, const struct strvec *names)
{
	strvec_take(&verdicts->subjects, subject);
	if (is_recorded(subject, verdicts->v, verdicts->n) || !was_written(round, names))
		return;
	verdicts->v[verdicts->n++] = doubted(subject, round->id);
}

/* What was fresh before is replaced, in the initfs as well: should the edit be taken back, the old fingerprint must prove nothing. */
static size_t collect_edited(const struct refresh_round *round, struct journal_fingerprint *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < round->plan.n_steps; i++)
		if (round->edited[i] && round->is_put[i] && !round->plan.steps[i].one_off)
			ret[n++] = doubted(refresh_round_owner(round, i), round->id);
	return n;
}

/* What the swap makes true: the fingerprints of what was put; and that of everything else whose file this run has replaced (an inject, a one-off, an edit
 * while it was being built) nothing is known any more. */
static void collect_verdicts(const struct refresh_round *round, struct verdicts *ret)
{
	const struct config *config = round->session->config;

	ret->v = xcalloc(round->plan.n_steps + round->plan.n_removals + round->n_verdicts + config->n_packages + config->n_assets,
			 sizeof(*ret->v));
	ret->n = collect_fingerprints(round, "fresh", ret->v);
	ret->n += collect_edited(round, ret->v + ret->n);
	ret->n += collect_gone(round, ret->v + ret->n);
	for (size_t i = 0; i < round->n_verdicts; i++)
		ret->v[ret->n++] = (struct journal_fingerprint){ .subject = round->verdicts[i].subject,
								 .fingerprint = round->verdicts[i].fingerprint,
								 .state = round->verdicts[i].state,
								 .run = round->id };
	for (size_t i = 0; i < config->n_packages; i++) {
		CLEANUP(strvec_clear) struct strvec names = { 0 };

		package_file_names(&config->packages[i], &names);
		add_initfs_name(config, &config->packages[i].dests, &names);
		doubt(round, ret, xasprintf("package %s", config->packages[i].name), &names);
	}
	for (size_t i = 0; i < config->n_assets; i++) {
		CLEANUP(strvec_clear) struct strvec names = { 0 };

		asset_file_names(&config->assets[i], &names);
		add_initfs_name(config, &config->assets[i].dests, &names);
		doubt(round, ret, xasprintf("asset %s", config->assets[i].name), &names);
	}
}

int refresh_record_swap(struct refresh_round *round, const struct image_identity *shadow, struct err *err)
{
	CLEANUP(verdicts_clear) struct verdicts verdicts = { 0 };
	struct journal_image image = refresh_journal_image(shadow);
	int r = journal_put_files(round, err);

	if (r >= 0)
		r = record_contents(round, err);
	if (r < 0)
		return r;
	collect_verdicts(round, &verdicts);
	keep_parts(round);
	return journal_swap_begin(round->session->journal, round->id, round->session->config->image.path, &image, verdicts.v, verdicts.n, err);
}
