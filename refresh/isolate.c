#include "refresh/isolate.h"

#include "base/fault.h"
#include "base/fs.h"
#include "journal/state.h"
#include "refresh/run.h"
#include "watcher/checkout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PLACE         "isolated" /* below the state folder */
#define FOLDER_SUFFIX ".folder"  /* a file that names a folder, */
#define INDEX_SUFFIX  ".index"   /* and one that knows what stands in it */

enum { TAG = 8, MAX_NAME = 1 << 16 };

/* Read by cargo although git may ignore them; relative to a source, the first ones to any folder above it as well. */
static const char *const read_by_cargo[] = { ".cargo/config.toml", ".cargo/config", "Cargo.lock", "rust-toolchain", "rust-toolchain.toml" };

enum { N_READ_ABOVE = 2 };

struct place {
	struct watcher_repo *repo; /* owned; of the work tree */
	char *folder;              /* owned; the work tree's at the commit; several sources may share one */
	char *key;                 /* owned; of its files in the state folder */
	git_oid commit;
};

/* A state of the work tree that the image has. */
struct uncommitted {
	char *subject, *fingerprint, *what; /* owned */
};

struct refresh_isolate {
	const struct config *original; /* borrowed */
	struct config config;          /* shares all with it but sources, build.target and build.target_dir */
	struct place *places;          /* owned; as the sources */
	char *dir;                     /* owned; 'isolated/HASH8', below the state folder */
	struct uncommitted *uncommitted;
	size_t n_uncommitted, cap_uncommitted;
};

void refresh_isolate_free(struct refresh_isolate *isolate)
{
	if (!isolate)
		return;
	for (size_t i = 0; i < isolate->original->n_sources; i++) {
		watcher_repo_free(isolate->places[i].repo);
		free(isolate->places[i].folder);
		free(isolate->places[i].key);
		free(isolate->config.sources[i].path);
	}
	for (size_t i = 0; i < isolate->n_uncommitted; i++) {
		free(isolate->uncommitted[i].subject);
		free(isolate->uncommitted[i].fingerprint);
		free(isolate->uncommitted[i].what);
	}
	free(isolate->uncommitted);
	free(isolate->places);
	free(isolate->config.sources);
	free(isolate->config.build.target);
	free(isolate->config.build.target_dir);
	free(isolate->dir);
	free(isolate);
}

void refresh_isolate_freep(struct refresh_isolate **isolate)
{
	refresh_isolate_free(*isolate);
}

/* -- which commits, and where ------------------------------------------------------------------------------------------------------------------ */

static char *tag_of(const char *label, const char *a, const char *b)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	char digest[HASH_HEX_SIZE];

	hash_field(hash, label, a);
	hash_field(hash, label, b);
	hash_end(hash, digest);
	return xstrndup(digest, TAG);
}

static int find_commit(struct place *place, const struct config_source *source, struct err *err)
{
	char head[GIT_OID_HEXSZ + 1] = "";
	int r = watcher_repo_head(place->repo, head, err);

	if (r < 0)
		return r;
	if (!head[0]) {
		err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "source '%s' has no commit yet, and only what is committed is to be built",
			      source->name);
		err_hint(err, "commit in '%s'", source->path);
		return -ENOENT;
	}
	return git_oid_fromstr(&place->commit, head) < 0 ? err_set(err, -EINVAL, "'%s' is no commit!", head) : 0;
}

static int find_place(struct refresh_isolate *isolate, size_t i, const char *tag, struct err *err)
{
	const struct config_source *home = &isolate->original->sources[i];
	struct config_source *source = &isolate->config.sources[i];
	struct place *place = &isolate->places[i];
	const char *prefix;
	int r = watcher_repo_open(home->path, &place->repo, err);

	if (r == 0)
		r = find_commit(place, home, err);
	if (r < 0)
		return r;
	prefix = watcher_repo_prefix(place->repo);
	place->folder = watcher_checkout_folder(place->repo, tag);
	place->key = tag_of("folder", place->folder, NULL);
	source->path = xasprintf("%s%s%s", place->folder, *prefix ? "/" : "", prefix);
	source->home = home->path;
	git_oid_tostr(source->commit, sizeof(source->commit), &place->commit);
	return 0;
}

/* A target's description that lies in a source is the commit's, too. */
static char *find_target(const struct refresh_isolate *isolate)
{
	const struct config *original = isolate->original;
	const char *target = original->build.target;

	for (size_t i = 0; target && i < original->n_sources; i++)
		if (path_under(target, original->sources[i].path))
			return xasprintf("%s%s", isolate->config.sources[i].path, target + strlen(original->sources[i].path));
	return target ? xstrdup(target) : NULL;
}

static int isolate_new(const struct config *config, struct refresh_isolate **ret, struct err *err)
{
	CLEANUP(refresh_isolate_freep) struct refresh_isolate *isolate = xcalloc(1, sizeof(*isolate));
	CLEANUP_FREE char *tag = tag_of("image", config->state, config->image.path);
	int r = 0;

	isolate->original = config;
	isolate->config = *config;
	isolate->config.build.target = isolate->config.build.target_dir = NULL;
	isolate->config.sources = xcalloc(config->n_sources, sizeof(*config->sources));
	isolate->places = xcalloc(config->n_sources, sizeof(*isolate->places));
	for (size_t i = 0; i < config->n_sources; i++) {
		isolate->config.sources[i] = config->sources[i];
		isolate->config.sources[i].path = NULL;
	}
	for (size_t i = 0; r == 0 && i < config->n_sources; i++)
		r = find_place(isolate, i, tag, err);
	if (r < 0)
		return r;
	isolate->dir = xasprintf(PLACE "/%s", tag);
	isolate->config.build.target = find_target(isolate);
	isolate->config.build.target_dir = xasprintf("%s/%s/target", config->state, isolate->dir);
	*ret = TAKE_PTR(isolate);
	return 0;
}

/* -- what comes along ---------------------------------------------------------------------------------------------------------------------------- */

struct along {
	const struct refresh_isolate *isolate;
	size_t source;
	struct strvec *paths;
};

static void add_along(const struct along *along, const char *path)
{
	const char *prefix = watcher_repo_prefix(along->isolate->places[along->source].repo);

	strvec_addf(along->paths, "%s%s%s", prefix, *prefix ? "/" : "", path);
}

static void add_below_home(const struct along *along, const char *path)
{
	const char *home = along->isolate->original->sources[along->source].path;

	if (path && path_under(path, home) && path[strlen(home)] == '/')
		add_along(along, path + strlen(home) + 1);
}

static int take_input(void *data, const char *package, const char *path)
{
	(void)package;
	add_below_home(data, path);
	return 0;
}

/* What lies above the whole work tree is above the plain folder, too. */
static void add_above(const struct along *along)
{
	CLEANUP_FREE char *dir = xstrdup(watcher_repo_prefix(along->isolate->places[along->source].repo));

	while (*dir) {
		char *slash = strrchr(dir, '/');

		*(slash ? slash : dir) = '\0';
		for (size_t i = 0; i < N_READ_ABOVE; i++)
			strvec_addf(along->paths, "%s%s%s", dir, *dir ? "/" : "", read_by_cargo[i]);
	}
}

static int list_along(const struct along *along, struct journal *journal, struct err *err)
{
	const struct config *config = along->isolate->original;
	const struct strvec *shared = &config->sources[along->source].shared;

	for (size_t i = 0; i < N_ELEMENTS(read_by_cargo); i++)
		add_along(along, read_by_cargo[i]);
	add_above(along);
	for (size_t i = 0; i < shared->n; i++)
		add_along(along, shared->v[i]);
	for (size_t i = 0; i < config->n_assets; i++)
		if (config->assets[i].source == along->source)
			add_along(along, config->assets[i].path);
	add_below_home(along, config->build.target);
	return journal_inputs(journal, take_input, (void *)along, err);
}

/* -- writing ---------------------------------------------------------------------------------------------------------------------------------------- */

/* Written before the folder is made, so that it can be found and removed whatever happens. */
static int name_folder(const struct refresh_isolate *isolate, const struct place *place, struct err *err)
{
	const char *state = isolate->original->state;
	CLEANUP_FREE char *path = xasprintf("%s/%s/%s" FOLDER_SUFFIX, state, isolate->dir, place->key);
	CLEANUP_CLOSE int fd = -1;
	int r;

	if (fs_exists(path))
		return 0;
	r = fs_write_atomic(path, place->folder, strlen(place->folder), 0600, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(err, -errno, "cannot open '%s'", path) : journal_state_give(state, fd, err);
}

static int fill_place(const struct refresh_isolate *isolate, size_t first, struct journal *journal, struct strvec *notes, struct err *err)
{
	const struct place *place = &isolate->places[first];
	CLEANUP_FREE char *index = xasprintf("%s/%s/%s" INDEX_SUFFIX, isolate->original->state, isolate->dir, place->key);
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	struct watcher_checkout checkout = { .folder = place->folder, .index = index, .extra = &paths };
	int r = name_folder(isolate, place, err);

	for (size_t i = first; r == 0 && i < isolate->config.n_sources; i++) {
		struct along along = { .isolate = isolate, .source = i, .paths = &paths };

		if (str_eq(isolate->places[i].folder, place->folder))
			r = list_along(&along, journal, err);
	}
	if (r == 0 && FAULT("isolate-named") < 0)
		r = err_set(err, -EIO, "the folder has its name, and a test wants no more");
	if (r < 0)
		return r;
	strvec_sort_unique(&paths);
	return watcher_checkout_write(place->repo, &place->commit, &checkout, notes, err);
}

/* -- uncommitted work in the image ----------------------------------------------------------------------------------------------------------------- */

static void ignore_event(void *data, const struct refresh_event *event)
{
	(void)data;
	(void)event;
}

static void note_subject(struct refresh_isolate *isolate, const struct watcher_subject *subject)
{
	struct uncommitted *uncommitted;

	grow_array(&isolate->uncommitted, &isolate->cap_uncommitted, isolate->n_uncommitted, sizeof(*isolate->uncommitted));
	uncommitted = &isolate->uncommitted[isolate->n_uncommitted++];
	uncommitted->subject = xstrdup(subject->name);
	uncommitted->fingerprint = xstrdup(subject->fingerprint);
	uncommitted->what = xasprintf("%s (%s)", strchr(subject->name, ' ') + 1, subject->why);
}

/* What the image has of the work tree as it is, edits included. A look at both is cheap beside a build; what went wrong with it is no reason not to build. */
static void note_uncommitted(struct refresh_isolate *isolate, struct refresh_session *session)
{
	CLEANUP(refresh_session_freep) struct refresh_session *home = NULL;
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	CLEANUP(refresh_plan_clear) struct refresh_plan plan = { 0 };
	struct refresh_session_args session_args = { .read_only = true };
	struct refresh_args args = { .on_event = ignore_event };
	int r = refresh_session_open(isolate->original, &session_args, session->cancel, &home, NULL, NULL);

	if (r >= 0)
		r = refresh_preview(home, &args, &look, &plan, NULL);
	for (size_t i = 0; r >= 0 && i < look->n_subjects; i++)
		if (plan.states[i] == REFRESH_FRESH && look->subjects[i].why)
			note_subject(isolate, &look->subjects[i]);
}

static int fill(struct refresh_isolate *isolate, struct refresh_session *session, struct strvec *notes, struct err *err)
{
	int r = journal_state_make_dir(isolate->original->state, PLACE, err);

	if (r >= 0)
		r = journal_state_make_dir(isolate->original->state, isolate->dir, err);
	for (size_t i = 0; r >= 0 && i < isolate->config.n_sources; i++) {
		bool is_filled = false;

		for (size_t j = 0; j < i; j++)
			is_filled = is_filled || str_eq(isolate->places[j].folder, isolate->places[i].folder);
		if (!is_filled)
			r = fill_place(isolate, i, session->journal, notes, err);
	}
	if (r < 0)
		return r;
	note_uncommitted(isolate, session);
	return 0;
}

static bool is_still_there(const struct refresh_records *records, const struct uncommitted *uncommitted)
{
	for (size_t i = 0; i < records->n; i++)
		if (str_eq(records->v[i].subject, uncommitted->subject) && str_eq(records->v[i].state, "fresh") &&
		    str_eq(records->v[i].fingerprint, uncommitted->fingerprint))
			return true;
	return false;
}

int refresh_isolate_open(const struct config *config, struct cancel *cancel, struct refresh_isolate **ret, struct refresh_session **ret_session,
			 struct strvec *notes, struct err *err)
{
	struct refresh_session_args args = { 0 };
	int r = isolate_new(config, ret, err);

	if (r >= 0)
		r = refresh_session_open(&(*ret)->config, &args, cancel, ret_session, notes, err);
	return r < 0 ? r : fill(*ret, *ret_session, notes, err);
}

/* @ret: a sentence about what was replaced; NULL without any. */
static int find_replaced(const struct refresh_isolate *isolate, struct refresh_session *session, char **ret, struct err *err)
{
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	CLEANUP(strvec_clear) struct strvec replaced = { 0 };
	CLEANUP_FREE char *names = NULL;
	struct journal_image now = { 0 };
	int r = refresh_records_load(session->journal, session->config->image.path, &now, &records, err);

	*ret = NULL;
	if (r < 0)
		return r;
	for (size_t i = 0; i < isolate->n_uncommitted; i++)
		if (!is_still_there(&records, &isolate->uncommitted[i]))
			strvec_add(&replaced, isolate->uncommitted[i].what);
	names = strvec_join(&replaced, ", ");
	if (replaced.n > 0)
		*ret = xasprintf("HEAD has replaced uncommitted work in the image: %s; `reinject refresh` puts the work tree's state back", names);
	return 0;
}

void refresh_isolate_say(const struct refresh_isolate *isolate, struct refresh_session *session, refresh_event_fn *on_event, void *data)
{
	struct refresh_event event = { .type = REFRESH_EVENT_NOTE };
	CLEANUP_FREE char *text = NULL;
	struct err err = ERR_INIT;

	if (find_replaced(isolate, session, &text, &err) < 0)
		event = (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = err.message, .hint = err.hint };
	else
		event.text = text;
	if (event.text)
		on_event(data, &event);
}

/* -- removing ------------------------------------------------------------------------------------------------------------------------------------------ */

static int remove_named(const char *file, size_t *n, struct err *err)
{
	CLEANUP(str_clear) struct str folder = { 0 };
	int r = fs_read(file, MAX_NAME, &folder, err);

	if (r < 0 || !fs_exists(str_text(&folder)))
		return r;
	r = watcher_checkout_remove(str_text(&folder), err);
	*n += r == 0;
	return r == 0 && FAULT("isolate-removed") < 0 ? err_set(err, -EIO, "the folder is removed, and a test wants no more") : r;
}

static int remove_all_in(const char *dir, size_t *n, struct err *err)
{
	CLEANUP(cleanup_closedir) DIR *list = opendir(dir);
	int r = 0;

	for (struct dirent *entry = list ? readdir(list) : NULL; entry && r == 0; entry = readdir(list)) {
		CLEANUP_FREE char *file = xasprintf("%s/%s", dir, entry->d_name);

		if (str_ends(entry->d_name, FOLDER_SUFFIX))
			r = remove_named(file, n, err);
	}
	return r;
}

static int remove_everything(const char *place, size_t *n, struct err *err)
{
	CLEANUP(cleanup_closedir) DIR *list = opendir(place);
	int r = 0;

	for (struct dirent *entry = list ? readdir(list) : NULL; entry && r == 0; entry = readdir(list)) {
		CLEANUP_FREE char *dir = xasprintf("%s/%s", place, entry->d_name);

		if (entry->d_name[0] != '.')
			r = remove_all_in(dir, n, err);
	}
	return r < 0 ? r : fs_remove_tree(place, err);
}

int refresh_isolate_remove(const struct config *config, size_t *ret_n, struct err *err)
{
	CLEANUP_FREE char *place = xasprintf("%s/" PLACE, config->state);
	struct image_lock *lock = NULL;
	size_t n = 0;
	int r;

	if (!fs_exists(place)) {
		*ret_n = 0;
		return 0;
	}
	/* An image that is not there has no run. */
	r = config->image.path ? image_lock(config->image.path, 0, NULL, &lock, err) : 0;
	if (r == -EBUSY)
		return r;
	r = remove_everything(place, &n, err);
	image_unlock(lock);
	if (r == 0)
		*ret_n = n;
	return r;
}
