/* What a look stands on: the configuration, its map, git, the clock, and the events that say when. */
#include "setup/doctor_internal.h"

#include "base/clock.h"
#include "base/fs.h"
#include "refresh/map.h"
#include "refresh/session.h"
#include "watcher/coverage.h"
#include "watcher/repo.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Times of files on a network may be a little off. */
enum { FUTURE_MS = 5000 };
#define BEGIN_OF_2024_MS INT64_C(1704067200000)

/* -- configuration ---------------------------------------------------------------------------------------------------------------------------- */

static bool is_group_writable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IWGRP);
}

void doctor_look_configuration(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	if (!doctor->config) {
		doctor_fail(finding, "%s", doctor->problem);
		doctor_mend(finding, false, "%s", doctor->hint ? doctor->hint : "correct the lines named");
		return;
	}
	if (is_group_writable(doctor->config->file)) {
		doctor_warn(finding, "'%s' may be written by its group, who can make reinject run anything", doctor->config->file);
		doctor_mend(finding, true, "chmod g-w %s", doctor_word(doctor, doctor->config->file));
		return;
	}
	if (doctor->warnings->n > 0) {
		doctor_warn(finding, "%s%s", doctor->warnings->v[0], doctor->warnings->n > 1 ? ", and more (`reinject config` tells all)" : "");
		doctor_mend(finding, false, "correct that line, or in a generated map: reinject init --update");
		return;
	}
	doctor_ok(finding, "'%s': %zu packages, %zu assets", doctor->config->file, doctor->config->n_packages, doctor->config->n_assets);
}

int doctor_fix_configuration(struct doctor *doctor, struct err *err)
{
	struct stat st;

	if (stat(doctor->config->file, &st) < 0 || chmod(doctor->config->file, st.st_mode & 07777 & ~(mode_t)S_IWGRP) < 0)
		return err_set(err, -errno, "cannot change the mode of '%s'", doctor->config->file);
	return 0;
}

/* -- map -------------------------------------------------------------------------------------------------------------------------------------- */

static void tell_map(const struct refresh_map *map, struct setup_doctor_finding *finding)
{
	if (map->poorer || !map->resolved) {
		doctor_warn(finding, "%s", map->problems.n > 0 ? map->problems.v[0] : "cargo does not resolve the workspace");
		doctor_mend(finding, false, "cargo fetch, in the source's folder");
	} else if (map->state == REFRESH_MAP_EDITED) {
		doctor_warn(finding, "'%s' was changed by hand and lacks what is new in the workspace: %s", map->path, map->difference);
		doctor_mend(finding, false, "move the changes to reinject.ini, delete the file, then: reinject init --update");
	} else if (map->state == REFRESH_MAP_OUTDATED) {
		doctor_warn(finding, "'%s' lacks what is new in the workspace: %s", map->path, map->difference);
		doctor_mend(finding, true, "reinject init --update");
	} else {
		doctor_ok(finding, "'%s': %zu members, as cargo resolves them", map->path, map->n_members);
	}
}

static int make_map(struct doctor *doctor, struct refresh_map *ret, struct err *err)
{
	CLEANUP_FREE char *path = refresh_map_find(doctor->config);

	return path ? refresh_map_make(doctor->config, path, NULL, doctor->cancel, ret, err) : -ENOENT;
}

void doctor_look_map(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	CLEANUP(refresh_map_clear) struct refresh_map map = { 0 };
	CLEANUP_FREE char *path = refresh_map_find(doctor->config);
	struct err err = ERR_INIT;

	if (!path)
		doctor_skip(finding, "no generated map is included");
	else if (make_map(doctor, &map, &err) < 0)
		doctor_take(finding, SETUP_DOCTOR_WARNING, &err);
	else
		tell_map(&map, finding);
}

int doctor_fix_map(struct doctor *doctor, struct err *err)
{
	CLEANUP(refresh_map_clear) struct refresh_map map = { 0 };
	int r = make_map(doctor, &map, err);

	return r < 0 ? r : refresh_map_write(&map, err);
}

/* -- git -------------------------------------------------------------------------------------------------------------------------------------- */

static char *git_value(git_repository *git, const char *key)
{
	git_config *config = NULL;
	git_buf value = { 0 };
	char *said = NULL;

	if (git_repository_config_snapshot(&config, git) == 0 && git_config_get_string_buf(&value, config, key) == 0)
		said = xstrndup(value.ptr, value.size);
	git_buf_dispose(&value);
	git_config_free(config);
	return said;
}

/* The key by which git knows a partial clone; NULL of a whole one. */
static char *partial_key(git_repository *git)
{
	git_config *config = NULL;
	git_config_iterator *all = NULL;
	git_config_entry *entry;
	char *key = NULL;

	if (git_repository_config_snapshot(&config, git) == 0 &&
	    git_config_iterator_glob_new(&all, config, "^(extensions\\.partialclone|remote\\..*\\.promisor)$") == 0 &&
	    git_config_next(&entry, all) == 0)
		key = xstrdup(entry->name);
	git_config_iterator_free(all);
	git_config_free(config);
	return key;
}

static void look_at_settings(struct doctor *doctor, const struct config_source *source, struct watcher_repo *repo,
			     struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *hooks = git_value(watcher_repo_git(repo), "core.hooksPath"), *partial = partial_key(watcher_repo_git(repo));

	if (partial) {
		CLEANUP_FREE char *folder = xstrdup(doctor_word(doctor, source->path));

		doctor_warn(finding, "'%s' is a partial clone: what was not fetched yet cannot be compared", source->path);
		/* git itself goes on calling it partial, though it has all. */
		doctor_mend(finding, false, "git -C %s fetch --refetch --no-filter && git -C %s config --unset-all %s", folder, folder,
			    doctor_word(doctor, partial));
	} else if (hooks) {
		doctor_warn(finding, "'%s' has its hooks elsewhere (core.hooksPath = %s): those of .git/hooks do not run", source->path, hooks);
		doctor_mend(finding, false, "git -C %s config --show-origin core.hooksPath", doctor_word(doctor, source->path));
	} else {
		doctor_ok(finding, "'%s' can be read", source->path);
	}
}

static int open_source(const struct config_source *source, struct watcher_repo **ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	char head[GIT_OID_HEXSZ + 1];
	int r = watcher_repo_open(source->path, ret, err);

	/* The index is read by the first look. */
	strvec_add(&paths, "Cargo.toml");
	if (r == 0)
		r = watcher_repo_head(*ret, head, err);
	if (r == 0)
		r = watcher_repo_look(*ret, &paths, &source->ignore, NULL, err);
	return r;
}

void doctor_look_repository(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	for (size_t i = 0; i < doctor->config->n_sources; i++) {
		const struct config_source *source = &doctor->config->sources[i];
		CLEANUP(watcher_repo_freep) struct watcher_repo *repo = NULL;
		struct err err = ERR_INIT;

		if (open_source(source, &repo, &err) < 0) {
			doctor_take(finding, SETUP_DOCTOR_FAILURE, &err);
			return;
		}
		look_at_settings(doctor, source, repo, finding);
	}
}

/* -- clock ------------------------------------------------------------------------------------------------------------------------------------ */

static void look_at_time(struct doctor *doctor, const char *folder, const char *name, struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name);
	int64_t now = clock_wall_ms();
	struct stat st;

	if (lstat(path, &st) < 0 || fs_mtime_ms(&st) <= now + FUTURE_MS)
		return;
	doctor_warn(finding, "'%s' was written %lld s in the future", path, (long long)(fs_mtime(&st).tv_sec - now / 1000));
	doctor_mend(finding, false, "set the clock, then: touch %s", doctor_word(doctor, path));
}

void doctor_look_clock(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	static const char *const names[] = { "Cargo.toml", "Cargo.lock", ".git/index", "target" };

	if (clock_wall_ms() < BEGIN_OF_2024_MS) {
		doctor_fail(finding, "the clock stands before 2024");
		doctor_mend(finding, false, "sudo timedatectl set-ntp true");
		return;
	}
	for (size_t i = 0; i < doctor->config->n_sources; i++)
		for (size_t j = 0; j < N_ELEMENTS(names); j++)
			look_at_time(doctor, doctor->config->sources[i].path, names[j], finding);
	doctor_ok(finding, "no file is dated in the future");
}

/* -- events ----------------------------------------------------------------------------------------------------------------------------------- */

static int plan_coverage(struct doctor *doctor, struct watcher_coverage *ret, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	CLEANUP(refresh_session_freep) struct refresh_session *session = NULL;
	CLEANUP(watcher_look_freep) struct watcher_look *look = NULL;
	CLEANUP(watcher_roots_freep) struct watcher_roots *roots = NULL;
	CLEANUP_CLOSE int trial = -1;
	struct refresh_session_args args = { .read_only = true };
	int r = refresh_session_open(doctor->config, &args, doctor->cancel, &session, &notes, err);

	if (r == 0)
		r = refresh_session_look(session, &look, err);
	if (r == 0)
		r = watcher_roots_of(session->watcher, &roots, err);
	return r < 0 ? r : watcher_coverage_plan(roots, &trial, ret, err);
}

void doctor_look_inotify(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	CLEANUP(watcher_coverage_clear) struct watcher_coverage coverage = { 0 };
	CLEANUP_FREE char *sentence = NULL, *hint = NULL;
	struct err err = ERR_INIT;
	int r = plan_coverage(doctor, &coverage, &err);

	if (r == -EMFILE) {
		doctor_take(finding, SETUP_DOCTOR_WARNING, &err);
	} else if (r < 0) {
		doctor_skip(finding, "what is to be watched cannot be told: %s", err.message);
	} else if (watcher_coverage_sentence(&coverage, &sentence, &hint)) {
		doctor_warn(finding, "%s", sentence);
		doctor_mend(finding, false, "%s", hint);
	} else {
		doctor_ok(finding, "%zu folders, of %llu that may be watched", coverage.n_folders, (unsigned long long)coverage.limit);
	}
}
