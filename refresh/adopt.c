#include "refresh/adopt.h"

#include "base/clock.h"
#include "base/fs.h"
#include "refresh/explain.h"
#include "refresh/outside.h"

#include <errno.h>
#include <string.h>

/* What was found, for the journal. */
struct findings {
	struct journal_content *contents; /* owned, their paths and hashes too */
	size_t n, cap;
	struct journal_fingerprint *fingerprints; /* owned */
	size_t n_fingerprints;
	struct strvec members; /* owned; names of what goes into the initfs */
};

static void forget_contents(struct findings *findings, size_t from)
{
	for (size_t i = from; i < findings->n; i++) {
		free((char *)findings->contents[i].path);
		free((char *)findings->contents[i].hash);
	}
	findings->n = from;
}

static void findings_clear(struct findings *findings)
{
	forget_contents(findings, 0);
	free(findings->contents);
	free(findings->fingerprints);
	strvec_clear(&findings->members);
}

/* Where the files of a subject are to be: destination and name, two by two. */
struct places {
	struct strvec dests, names; /* owned */
	size_t n_members;           /* those in the initfs */
};

static void places_clear(struct places *places)
{
	strvec_clear(&places->dests);
	strvec_clear(&places->names);
}

static bool is_member(const struct config *config, const char *dest)
{
	return config->initfs.dir && refresh_is_in_initfs(dest);
}

static void add_place(struct places *places, const char *dest, bool is_folder, const char *name)
{
	if (dest[0] != '/')
		return;
	strvec_addf(&places->dests, "%s%s", dest, is_folder && !str_ends(dest, "/") ? "/" : "");
	strvec_add(&places->names, name);
}

static void find_places(const struct config *config, const struct watcher_subject *subject, struct places *ret)
{
	const struct config_package *package = &config->packages[subject->index];
	const struct config_asset *asset = &config->assets[subject->index];
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	const struct strvec *dests = subject->is_asset ? &asset->dests : &package->dests;

	if (subject->is_asset)
		strvec_add(&names, fs_basename(asset->path));
	else if (package->bins.n > 0)
		strvec_copy(&names, &package->bins);
	else if (package->artifact)
		strvec_add(&names, fs_basename(package->artifact));
	for (size_t d = 0; d < dests->n; d++)
		ret->n_members += is_member(config, dests->v[d]);
	for (size_t c = 0; !subject->is_asset && c < package->copies.n; c++)
		ret->n_members += is_member(config, package->copies.v[c]);
	for (size_t d = 0; d < dests->n; d++)
		for (size_t n = 0; n < names.n; n++)
			add_place(ret, dests->v[d], names.n > 1, names.v[n]);
	for (size_t c = 0; !subject->is_asset && names.n > 0 && c < package->copies.n; c++)
		add_place(ret, package->copies.v[c], false, names.v[0]);
}

static void tell(const struct refresh_round *round, const struct watcher_subject *subject, const char *missing)
{
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_ADOPT,
							  .subject = subject->name,
							  .result = missing ? "absent" : "adopted",
							  .path = missing });
}

/* Adds the file at @dest and @name. Returns 1 when there is none, with its path in @ret_missing. */
static int find_file(const struct refresh_round *round, const struct watcher_subject *subject, const char *dest, const char *name,
		     struct findings *findings, char **ret_missing, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	char hash[HASH_HEX_SIZE];
	int r = image_txn_target(round->txn, dest, name, &path, err);

	/* A folder that the image lacks holds no file either. */
	if (r == -ENOENT || r == -ENOTDIR) {
		*ret_missing = xstrdup(dest);
		return 1;
	}
	if (r >= 0)
		r = image_txn_hash(round->txn, path, hash, err);
	if (r < 0)
		return r;
	if (hash[0] == '\0') {
		*ret_missing = TAKE_PTR(path);
		return 1;
	}
	grow_array(&findings->contents, &findings->cap, findings->n, sizeof(*findings->contents));
	findings->contents[findings->n++] =
		(struct journal_content){ .path = TAKE_PTR(path), .owner = subject->name, .hash = xstrdup(hash) };
	return 0;
}

static int adopt_subject(struct refresh_round *round, const struct watcher_subject *subject, struct findings *findings, struct err *err)
{
	CLEANUP(places_clear) struct places places = { 0 };
	CLEANUP_FREE char *missing = NULL;
	size_t before = findings->n;
	int r = refresh_round_interrupted(round, err);

	find_places(round->session->config, subject, &places);
	if (r < 0 || places.dests.n + places.n_members == 0)
		return r;
	/* Its content would be missing at the next packing. */
	if (places.n_members > 0) {
		strvec_add(&findings->members, strchr(subject->name, ' ') + 1);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < places.dests.n; i++)
		r = find_file(round, subject, places.dests.v[i], places.names.v[i], findings, &missing, err);
	if (r < 0)
		return r;
	tell(round, subject, missing);
	if (missing) {
		forget_contents(findings, before);
		return 0;
	}
	refresh_explain_keep(round->session, round->look, (size_t)(subject - round->look->subjects));
	findings->fingerprints[findings->n_fingerprints++] = (struct journal_fingerprint){
		.subject = subject->name, .fingerprint = subject->fingerprint, .state = "fresh", .run = round->id
	};
	strvec_add(&round->subjects, subject->name);
	return 0;
}

static int record(const struct refresh_round *round, const struct findings *findings, struct err *err)
{
	struct journal *journal = round->session->journal;
	const char *image = round->session->config->image.path;
	struct journal_image now = refresh_journal_image(&round->session->identity);
	int r = journal_contents_set(journal, image, findings->contents, findings->n, err);

	if (r >= 0)
		r = journal_fingerprints_set(journal, image, findings->fingerprints, findings->n_fingerprints, err);
	return r < 0 ? r : journal_image_set(journal, image, &now, err);
}

static void tell_members(const struct refresh_round *round, const struct findings *findings)
{
	CLEANUP_FREE char *names = strvec_join(&findings->members, " ");
	CLEANUP_FREE char *text = xasprintf(
		"not adopted, since they go into the initfs, which is packed from what was built: %s; the next refresh builds them", names);

	if (findings->members.n > 0)
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_NOTE, .text = text });
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	struct findings *findings = data;
	int r = refresh_swap_open(round, err);

	findings->fingerprints = xcalloc(round->look->n_subjects, sizeof(*findings->fingerprints));
	for (size_t i = 0; r >= 0 && i < round->look->n_subjects; i++)
		if (!round->look->subjects[i].missing)
			r = adopt_subject(round, &round->look->subjects[i], findings, err);
	if (r >= 0)
		tell_members(round, findings);
	return r < 0 ? r : record(round, findings, err);
}

int refresh_adopt(struct refresh_session *session, const struct strvec *revs, const struct refresh_args *args, enum refresh_result *ret,
		  struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(findings_clear) struct findings findings = { 0 };
	int r = refresh_session_look_at(session, revs, &round.look, err);

	/* What is not adopted is not believed either where the image has lost it. */
	if (r >= 0)
		r = refresh_outside_load(&round, &records, err);
	return r < 0 ? r : refresh_round_carry_out(&round, execute, &findings, ret, err);
}
