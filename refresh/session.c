#include "refresh/session.h"

#include "base/proc.h"
#include "cargo/build.h"
#include "hooks/program.h"
#include "journal/state.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* How long a cargo that a crash left running may take to end when asked. */
enum { STRAY_LIMIT_MS = 5000 };

struct journal_image refresh_journal_image(const struct image_identity *identity)
{
	struct journal_image image = {
		.dev = identity->dev,
		.ino = identity->ino,
		.size = identity->size,
		.mtime_ns = identity->mtime_ns,
		.generation = identity->generation,
	};

	_Static_assert(sizeof(image.uuid) == sizeof(identity->uuid), "one uuid, two rooms");
	for (size_t i = 0; i < sizeof(image.uuid); i++)
		image.uuid[i] = identity->uuid[i];
	return image;
}

int refresh_session_distrust(struct refresh_session *session, struct err *err)
{
	struct journal_image none = { 0 };

	return journal_image_set(session->journal, session->config->image.path, &none, err);
}

struct stray {
	pid_t pid;
	uint64_t start_time;
	char *what;
};

struct strays {
	struct stray *v;
	size_t n, cap;
};

static void strays_clear(struct strays *strays)
{
	for (size_t i = 0; i < strays->n; i++)
		free(strays->v[i].what);
	free(strays->v);
}

static int remember_stray(void *data, pid_t pid, uint64_t start_time, const char *what)
{
	struct strays *strays = data;

	grow_array(&strays->v, &strays->cap, strays->n, sizeof(*strays->v));
	strays->v[strays->n++] = (struct stray){ pid, start_time, xstrdup(what) };
	return 0;
}

/* The mount daemon is left to image_recover(), which ends it by unmounting: a signal would lose what it has not written yet. */
static bool is_mount_daemon(const struct stray *stray)
{
	return str_starts(stray->what, "mount");
}

static int end_strays(struct refresh_session *session, struct strvec *notes, struct err *err)
{
	CLEANUP(strays_clear) struct strays strays = { 0 };
	int r = journal_children(session->journal, session->config->image.path, remember_stray, &strays, err);

	for (size_t i = 0; r >= 0 && i < strays.n; i++) {
		const struct stray *stray = &strays.v[i];

		if (!is_mount_daemon(stray)) {
			r = proc_end_stray(stray->pid, stray->start_time, SIGINT, STRAY_LIMIT_MS, err);
			if (r > 0)
				strvec_addf(notes, "ended '%s' (pid %d), left running by an interrupted run", stray->what, (int)stray->pid);
		}
		if (r >= 0)
			r = journal_child_remove(session->journal, stray->pid, err);
	}
	return r < 0 ? r : 0;
}

static int recover(struct refresh_session *session, struct strvec *notes, struct err *err)
{
	const struct config_image *image = &session->config->image;
	struct image_identity identity;
	struct journal_image now;
	unsigned int n_settled = 0;
	bool happened;
	int left, r = end_strays(session, notes, err);

	if (r < 0)
		return r;
	r = left = image_recover(image, notes, err);
	if (r < 0)
		return err_wrap(err, r, "cannot put right what an interrupted run left");
	r = image_identity_of(image, &identity, err);
	if (r < 0)
		return r;
	now = refresh_journal_image(&identity);
	/* Without a copy the image is always the same file: that nothing was decided says that nothing has happened. */
	happened = image->mode == CONFIG_IMAGE_SHADOW || image_commit_pending(image->path);
	r = journal_settle(session->journal, image->path, happened ? &now : NULL, &n_settled, err);
	if (r >= 0 && left == 1)
		r = refresh_session_distrust(session, err);
	if (r < 0)
		return r;
	image_commit_forget(image->path);
	if (n_settled > 0)
		strvec_addf(notes, "%u interrupted %s settled in the journal", n_settled, n_settled == 1 ? "run was" : "runs were");
	return 0;
}

/* Several images may share a state folder, and each has a lock of its own; so what a run stages is apart by image. */
char *refresh_session_work(const struct config *config)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	char digest[HASH_HEX_SIZE];

	hash_field(hash, "image", config->image.path);
	hash_end(hash, digest);
	return xasprintf("%s/work/%.16s", config->state, digest);
}

static int make_work_folder(struct refresh_session *session, struct err *err)
{
	const char *state = session->config->state;
	int r = journal_state_make_dir(state, "work", err);

	if (r < 0)
		return r;
	session->work = refresh_session_work(session->config);
	return journal_state_make_dir(state, session->work + strlen(state) + 1, err);
}

int refresh_session_lock(struct refresh_session *session, uint32_t wait_s, struct strvec *notes, struct err *err)
{
	const struct config *config = session->config;
	int r = image_check_file(&config->image, err);

	if (r >= 0)
		r = image_lock(config->image.path, wait_s, session->cancel, &session->lock, err);
	if (r >= 0 && !session->journal)
		r = journal_open(config->state, false, &session->journal, err);
	if (r >= 0 && !session->work)
		r = make_work_folder(session, err);
	if (r >= 0)
		r = recover(session, notes, err);
	if (r >= 0)
		r = image_identity_of(&config->image, &session->identity, err);
	if (r < 0)
		refresh_session_unlock(session);
	return r;
}

void refresh_session_unlock(struct refresh_session *session)
{
	if (!session->lock)
		return;
	image_unlock(TAKE_PTR(session->lock));
	/* A hook's worker that found it held has left its records to us. */
	hooks_program_wake(session->config->state, session->config->file);
}

static int open_read_only(struct refresh_session *session, struct err *err)
{
	int r = journal_open(session->config->state, true, &session->journal, err);

	return r == -ENOENT ? 0 : r;
}

static int require_image(const struct config *config, struct err *err)
{
	if (!config->image.path) {
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' names no image", config->file);
		err_hint(err, "add a section [image] with `path = ...`");
		return -EINVAL;
	}
	return 0;
}

void refresh_session_see_image(struct refresh_session *session)
{
	const struct config_image *image = &session->config->image;
	struct err problem = ERR_INIT;

	free(session->image_problem);
	session->image_problem = NULL;
	if (image_identity_of(image, &session->identity, &problem) == 0)
		return;
	session->identity = (struct image_identity){ 0 };
	session->image_problem = xstrdup(problem.message);
}

static int open_as(struct refresh_session *session, const struct refresh_session_args *args, struct strvec *notes, struct err *err)
{
	int r;

	if (!args->read_only && !args->unlocked)
		return refresh_session_lock(session, args->wait_s, notes, err);
	r = args->read_only ? open_read_only(session, err) : journal_open(session->config->state, false, &session->journal, err);
	if (r >= 0)
		refresh_session_see_image(session);
	return r;
}

int refresh_session_open(const struct config *config, const struct refresh_session_args *args, struct cancel *cancel,
			 struct refresh_session **ret, struct strvec *notes, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = xcalloc(1, sizeof(*session));
	int r = require_image(config, err);

	if (r >= 0 && args->unlocked)
		r = image_check_file(&config->image, err);
	if (r < 0)
		return r;
	session->config = config;
	session->cancel = cancel;
	r = open_as(session, args, notes, err);
	if (r < 0)
		return r;
	session->map = pkgmap_new(config);
	*ret = TAKE_PTR(session);
	return 0;
}

void refresh_session_free(struct refresh_session *session)
{
	if (!session)
		return;
	watcher_free(session->watcher);
	pkgmap_free(session->map);
	journal_free(session->journal);
	refresh_session_unlock(session);
	free(session->image_problem);
	free(session->work);
	free(session);
}

void refresh_session_freep(struct refresh_session **session)
{
	refresh_session_free(*session);
}

struct inputs {
	struct refresh_session *session;
	const struct config_package *package; /* that `paths` belong to */
	struct strvec paths;
};

static void hand_over(struct inputs *inputs)
{
	if (inputs->package)
		watcher_set_inputs(inputs->session->watcher, (size_t)(inputs->package - inputs->session->config->packages), &inputs->paths);
	strvec_clear(&inputs->paths);
}

/* They come sorted by package. */
static int take_input(void *data, const char *name, const char *path)
{
	struct inputs *inputs = data;
	const struct config_package *package = config_package_find(inputs->session->config, name);

	if (package != inputs->package)
		hand_over(inputs);
	inputs->package = package;
	strvec_add(&inputs->paths, path);
	return 0;
}

int refresh_session_read_inputs(struct refresh_session *session, struct err *err)
{
	struct inputs inputs = { .session = session };
	int r = session->journal && session->watcher ? journal_inputs(session->journal, take_input, &inputs, err) : 0;

	hand_over(&inputs);
	return r;
}

/* Opened by the first look. Whose cancel counts may be another each time (a night has a deadline). */
static int ready_watcher(struct refresh_session *session, struct err *err)
{
	int r = 0;

	if (!session->watcher) {
		r = watcher_open(session->config, session->map, &session->watcher, err);
		if (r == 0)
			r = refresh_session_read_inputs(session, err);
	}
	if (session->watcher)
		watcher_set_cancel(session->watcher, session->cancel);
	return r;
}

static int prepare_look(struct refresh_session *session, struct err *err)
{
	int r = cargo_inputs_hash(session->config, session->build_inputs, err);

	return r == 0 ? ready_watcher(session, err) : r;
}

int refresh_session_learn(struct refresh_session *session, struct err *err)
{
	int r = ready_watcher(session, err);

	return r < 0 ? r : watcher_learn(session->watcher, err);
}

/* An isolated source (refresh/isolate) is what its commit is. */
static int take_commits(const struct config *config, git_oid *ret, bool *ret_any, struct err *err)
{
	for (size_t i = 0; i < config->n_sources; i++) {
		const struct config_source *source = &config->sources[i];

		if (source->home && git_oid_fromstr(&ret[i], source->commit) < 0)
			return err_set(err, -EINVAL, "source '%s' is isolated at no commit!", source->name);
		*ret_any = *ret_any || source->home;
	}
	return 0;
}

int refresh_session_look(struct refresh_session *session, struct watcher_look **ret, struct err *err)
{
	CLEANUP_FREE git_oid *commits = xcalloc(session->config->n_sources, sizeof(*commits));
	bool is_isolated = false;
	int r = prepare_look(session, err);

	if (r == 0)
		r = take_commits(session->config, commits, &is_isolated, err);
	if (r < 0)
		return r;
	return is_isolated ? watcher_look_at(session->watcher, commits, session->build_inputs, ret, err) :
			     watcher_look(session->watcher, session->build_inputs, ret, err);
}

/* The source whose name stands before '=' in @word, or NULL; @ret_rev: what follows, or all of it. */
static const struct config_source *split_rev(const struct config *config, const char *word, const char **ret_rev)
{
	*ret_rev = word;
	for (size_t i = 0; i < config->n_sources; i++) {
		size_t n = strlen(config->sources[i].name);

		if (!str_starts(word, config->sources[i].name) || word[n] != '=')
			continue;
		*ret_rev = word + n + 1;
		return &config->sources[i];
	}
	return NULL;
}

static int resolve(const struct refresh_session *session, const char *word, git_oid *commits, struct err *err)
{
	const struct config *config = session->config;
	const char *rev;
	const struct config_source *source = split_rev(config, word, &rev);

	for (size_t i = 0; i < config->n_sources; i++) {
		int r = source && source != &config->sources[i] ? 0 : watcher_resolve(session->watcher, i, rev, &commits[i], err);

		if (r < 0 && config->n_sources > 1 && !source)
			err_hint(err, "with several sources say which: %s=%s", config->sources[i].name, rev);
		if (r < 0)
			return r;
	}
	return 0;
}

int refresh_session_look_at(struct refresh_session *session, const struct strvec *revs, struct watcher_look **ret, struct err *err)
{
	CLEANUP_FREE git_oid *commits = xcalloc(session->config->n_sources, sizeof(*commits));
	int r = prepare_look(session, err);

	for (size_t i = 0; r >= 0 && i < revs->n; i++)
		r = resolve(session, revs->v[i], commits, err);
	return r < 0 ? r : watcher_look_at(session->watcher, commits, session->build_inputs, ret, err);
}

int refresh_session_look_commits(struct refresh_session *session, const git_oid *commits, struct watcher_look **ret, struct err *err)
{
	int r = prepare_look(session, err);

	return r < 0 ? r : watcher_look_at(session->watcher, commits, session->build_inputs, ret, err);
}

char *refresh_session_commits(const struct refresh_session *session, const struct watcher_look *look)
{
	struct str text = { 0 };

	for (size_t i = 0; i < look->n_sources; i++)
		str_printf(&text, "%s%s=%s", i ? " " : "", session->config->sources[i].name, look->sources[i].head);
	return str_take(&text);
}
