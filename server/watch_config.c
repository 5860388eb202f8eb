/* The configuration in force, and what is opened for it: read again when its files change, let go when the new one can be used, opened anew when what it
 * had is gone. */
#include "server/watch_internal.h"

#include "base/clock.h"
#include "config/schema.h"
#include "refresh/map.h"

#include <errno.h>
#include <string.h>

enum { TRIES = 3 }; /* for a configuration that is saved again and again; the next look, which follows at once, goes on with it */

void server_watch_forget_config(struct server_watch *watch)
{
	server_watch_forget_early(watch);
	/* The folder may have been deleted and made anew under the same name. */
	uv_fs_event_stop(&watch->spooled);
	free(TAKE_PTR(watch->spool));
	watcher_events_free(TAKE_PTR(watch->events));
	refresh_session_free(TAKE_PTR(watch->session));
	free(watch->subjects);
	free(watch->direct);
	watch->subjects = NULL;
	watch->direct = NULL;
	watch->n_subjects = 0;
	watch->map_id[0] = watch->stuck[0] = '\0';
	strvec_clear(&watch->waiting);
	strvec_clear(&watch->doubtful);
	strvec_clear(&watch->heads);
}

/* What was in use before goes only when the new can be used. */
static int take_config(struct server_watch *watch, const struct config *config, struct err *err)
{
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	struct refresh_session_args args = { .unlocked = true };
	int r = refresh_session_open(config, &args, &watch->round_cancel, &session, NULL, err);

	if (r >= 0)
		r = server_watch_listen(watch, config, err);
	if (r < 0)
		return r;
	server_watch_forget_config(watch);
	watch->config = config;
	watch->session = TAKE_PTR(session);
	watcher_debounce_init(&watch->debounce, (uint32_t)config_get_uint(config, "watch", "quiet_ms", 50), clock_ms());
	return 0;
}

static int check_packages(const struct config *config, const struct strvec *packages, struct err *err)
{
	for (size_t i = 0; i < packages->n; i++)
		if (!config_package_find(config, packages->v[i]))
			return config_package_unknown(config, packages->v[i], err);
	return 0;
}

/* What reinject.ini and its includes hold: of two saves in one tick of the clock, times and sizes may tell nothing. */
static void identify_files(const struct config *config, char ret[HASH_HEX_SIZE])
{
	const char *include = config_get(config, "reinject", "include");
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	CLEANUP(strvec_clear) struct strvec files = { 0 };

	strvec_add(&files, config->file);
	if (include)
		schema_split_list(include, &files);
	for (size_t i = 0; i < files.n; i++) {
		char content[HASH_HEX_SIZE];

		/* One that cannot be read is told apart from all that can. */
		hash_field(hash, files.v[i], hash_file(files.v[i], content, NULL) < 0 ? NULL : content);
	}
	hash_end(hash, ret);
}

int server_watch_open_config(struct server_watch *watch, const struct config *config, struct err *err)
{
	int r;

	identify_files(config, watch->config_id);
	r = check_packages(config, watch->args.packages, err);
	return r < 0 ? r : take_config(watch, config, err);
}

/* -- again ------------------------------------------------------------------------------------------------------------------------------------ */

static void say_problems(struct server_watch *watch, const struct config_problems *problems, const struct err *err)
{
	for (size_t i = 0; i < problems->errors.n; i++)
		server_watch_say(watch, REFRESH_EVENT_WARNING, problems->errors.v[i], NULL);
	if (problems->errors.n == 0)
		server_watch_say(watch, REFRESH_EVENT_WARNING, err->message, err->hint);
	server_watch_say(watch, REFRESH_EVENT_WARNING, "the configuration has become wrong: the one before stays in force", NULL);
}

static bool is_config_as_read(const struct server_watch *watch)
{
	char id[HASH_HEX_SIZE];

	identify_files(watch->config, id);
	return strcmp(id, watch->config_id) == 0;
}

static void reload_config(struct server_watch *watch)
{
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	struct err problem = ERR_INIT;
	bool same_files;
	int r;

	watch->reload = false;
	identify_files(watch->config, watch->config_id);
	r = config_load(watch->args.config_args, &config, &problems, &problem);
	if (r >= 0)
		r = check_packages(config, watch->args.packages, &problem);
	same_files = r < 0 || str_eq(config_get(config, "reinject", "include"), config_get(watch->config, "reinject", "include"));
	if (r >= 0)
		r = take_config(watch, config, &problem);
	if (r < 0) {
		say_problems(watch, &problems, &problem);
		return;
	}
	if (!same_files)
		identify_files(config, watch->config_id);
	/* A boot that has no verdict yet gets the new one. */
	if (!server_watch_boot_keeps(watch, &watch->own_config)) {
		watch->boot_again = watch->boot != NULL;
		server_watch_boot_end(watch);
	}
	config_free(watch->own_config);
	watch->own_config = TAKE_PTR(config);
	server_watch_say(watch, REFRESH_EVENT_NOTE, "the configuration was read again", NULL);
	if (watch->boot_again)
		server_watch_boot(watch);
}

/* -- before a look ---------------------------------------------------------------------------------------------------------------------------- */

/* Who deletes the state folder takes the journal and the socket away: another watch could begin beside this one, and all that is put would be written
 * into a file without a name. */
static int find_state(struct server_watch *watch, struct err *err)
{
	CLEANUP_FREE char *text = NULL;
	int r;

	if (server_watch_is_heard(watch, watch->config))
		return 0;
	text = xasprintf("'%s' was deleted: beginning anew in it", watch->config->state);
	r = take_config(watch, watch->config, err);
	if (r >= 0)
		server_watch_say(watch, REFRESH_EVENT_NOTE, text, NULL);
	return r;
}

/* A configuration that is saved while nothing is armed, as between its reading and that, is no event. The same where all is polled. */
int server_watch_get_ready(struct server_watch *watch, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		int r;

		if (watch->reload)
			reload_config(watch);
		r = find_state(watch, err);
		if (r >= 0)
			r = server_watch_arm(watch, err);
		if (r < 0 || is_config_as_read(watch))
			return r;
		watch->reload = true;
	}
	return 0;
}

/* The generated map follows a workspace that has changed, and is read at once: what is new in it is to be built by this very round. What the command
 * line says otherwise than the configuration is not written into it. */
int server_watch_follow_workspace(struct server_watch *watch, struct err *err)
{
	const struct strvec *overrides = watch->args.config_args->overrides;
	const char *crates = watcher_crates_id(watch->session->watcher);
	CLEANUP_FREE char *sentence = NULL;
	bool written = false;
	int r;

	if (strcmp(watch->followed, crates) == 0)
		return 0;
	snprintf(watch->followed, sizeof(watch->followed), "%s", crates);
	r = refresh_map_follow(watch->config, !overrides || overrides->n == 0, &watch->round_cancel, &written, &sentence, err);
	if (r < 0)
		return r;
	if (sentence)
		server_watch_say(watch, written ? REFRESH_EVENT_NOTE : REFRESH_EVENT_WARNING, sentence, NULL);
	watch->reload = watch->reload || written;
	return 0;
}
