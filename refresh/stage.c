#include "refresh/stage.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/proc.h"
#include "cargo/artifact.h"
#include "cargo/build.h"
#include "journal/state.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_PROGRAM = 0755, MODE_ASSET = 0644, LOCK_RETRY_MS = 50, LOCK_ATTEMPTS = 3, STEADY_ATTEMPTS = 3 };

struct building {
	const struct refresh_stage_args *args;
	const char *package;
	pid_t pid;
};

static void send(const struct building *building, enum refresh_event_type type, const char *text)
{
	struct refresh_event event = { .type = type, .run = building->args->run, .subject = building->package, .text = text };

	building->args->on_event(building->args->data, &event);
}

static void on_diagnostic(void *data, const char *text)
{
	send(data, REFRESH_EVENT_DIAGNOSTIC, text);
}

/* cargo's status lines have their verb right-aligned in twelve columns; all else on its stderr is for the reader. */
static bool is_cargo_status(const char *line)
{
	size_t i = 0;

	while (i < 12 && line[i] == ' ')
		i++;
	if (i == 12 || !isupper((unsigned char)line[i]))
		return false;
	while (i < 12 && isalpha((unsigned char)line[i]))
		i++;
	return i == 12 && line[i] == ' ';
}

static void on_progress(void *data, const char *line)
{
	CLEANUP_FREE char *text = NULL;

	if (is_cargo_status(line)) {
		send(data, REFRESH_EVENT_PROGRESS, line);
		return;
	}
	text = xasprintf("%s\n", line);
	send(data, REFRESH_EVENT_DIAGNOSTIC, text);
}

static void on_tick(void *data)
{
	send(data, REFRESH_EVENT_TICK, NULL);
}

static void on_start(void *data, pid_t pid)
{
	struct building *building = data;
	CLEANUP_FREE char *what = xasprintf("build %s", building->package);

	building->pid = pid;
	/* At once: the build does not depend on this row, but a crash before it leaves a child that the next start cannot end. */
	(void)!journal_child_add(building->args->session->journal, building->args->run, pid, proc_start_time(pid), what, NULL);
	refresh_prepare_go(building->args->prepare);
}

/* With the owner that all of the state folder has: what root makes under sudo, its user must be able to empty. */
static int make_dir(const struct refresh_session *session, const char *dir, struct err *err)
{
	return journal_state_make_dir(session->config->state, dir + strlen(session->config->state) + 1, err);
}

void refresh_stage_give(const struct refresh_session *session, const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		(void)!journal_state_give(session->config->state, fd, NULL);
}

int refresh_stage_reset(const struct refresh_session *session, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/stage", session->work);
	int r = fs_remove_tree(dir, err);

	return r < 0 ? r : make_dir(session, dir, err);
}

static int add_file(struct refresh_staged *staged, const char *name, const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "cannot read '%s'", path);
	grow_array(&staged->files, &staged->cap, staged->n_files, sizeof(*staged->files));
	staged->files[staged->n_files++] = (struct refresh_staged_file){
		.name = xstrdup(name),
		.path = xstrdup(path),
		.size = (uint64_t)st.st_size,
		.mode = mode,
	};
	return 0;
}

/* Another cargo in the same folder holds its lock for as long as it builds: wait, and say so. */
static int lock_cargo_folder(const struct building *building, const char *binary, int *ret)
{
	CLEANUP_FREE char *dir = fs_dirname(binary);
	CLEANUP_FREE char *path = xasprintf("%s/.cargo-lock", dir);
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct cancel *cancel = building->args->session->cancel;
	bool said = false;

	/* Not cargo's folder (a custom command's artifact), or a cargo that keeps its lock elsewhere. */
	while (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0) {
		struct pollfd p = { .fd = cancel_fd(cancel), .events = POLLIN };

		if (errno != EWOULDBLOCK && errno != EINTR)
			break;
		if (!said)
			send(building, REFRESH_EVENT_PROGRESS, "waiting for another cargo in the same target folder");
		said = true;
		poll(&p, 1, LOCK_RETRY_MS);
		/* A watch hears nothing but by this: no signal, no caller, no edit. */
		send(building, REFRESH_EVENT_TICK, NULL);
		if (cancel_requested(cancel))
			return -ECANCELED;
	}
	*ret = TAKE_FD(fd);
	return 0;
}

/* The digest of what was stripped, which looked like @before; none when it is another by now (a command of the user's has no cargo's lock). */
static void look_at_binary(const char *path, const struct stat *before, struct refresh_staged_file *file)
{
	struct stat after = { 0 };

	file->unstripped = xstrdup(path);
	file->unstripped_size = (uint64_t)before->st_size;
	if (hash_file(path, file->unstripped_hash, NULL) < 0 || stat(path, &after) < 0)
		after = (struct stat){ 0 };
	if (after.st_ino != before->st_ino || after.st_size != before->st_size || !fs_ctime_same(&after, before))
		file->unstripped_hash[0] = '\0';
}

static int strip_one(const struct building *building, const char *dir, const struct cargo_artifact *artifact, struct refresh_staged *staged,
		     struct err *err)
{
	const struct refresh_session *session = building->args->session;
	CLEANUP_FREE char *out = xasprintf("%s/%s", dir, artifact->bin);
	struct refresh_staged_file *file;
	struct stat before = { 0 };
	CLEANUP_CLOSE int lock = -1;
	int r = lock_cargo_folder(building, artifact->path, &lock);

	if (r < 0)
		return err_set(err, r, "interrupted!");
	(void)!stat(artifact->path, &before);
	r = artifact_strip(session->config, artifact->path, out, session->cancel, err);
	if (r < 0)
		return r;
	refresh_stage_give(session, out);
	r = artifact_check(out, session->config->build.target, err);
	staged->rejected = r == -ENOEXEC;
	if (r < 0)
		return r;
	r = add_file(staged, artifact->bin, out, MODE_PROGRAM, err);
	if (r < 0)
		return r;
	file = &staged->files[staged->n_files - 1];
	look_at_binary(artifact->path, &before, file);
	/* A cargo that has waited for the folder may have made it anew, by other flags. */
	if (artifact->hash[0] && !str_eq(file->unstripped_hash, artifact->hash))
		return err_set(err, -ESTALE, "another cargo has built it anew before it was stripped; the next refresh builds it again!");
	return 0;
}

static const struct cargo_artifact *find_artifact(const struct cargo_build *build, const char *bin)
{
	for (size_t i = 0; i < build->n_artifacts; i++)
		if (strcmp(build->artifacts[i].bin, bin) == 0)
			return &build->artifacts[i];
	return NULL;
}

/* In the configuration's order, not in that of cargo's messages: `copy` means the first. */
static int strip_all(const struct building *building, const struct config_package *package, const struct cargo_build *build,
		     struct refresh_staged *staged, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/stage/%s", building->args->session->work, building->package);
	int r = make_dir(building->args->session, dir, err);

	for (size_t i = 0; r >= 0 && i < package->bins.n; i++) {
		const struct cargo_artifact *artifact = find_artifact(build, package->bins.v[i]);

		/* A command makes one artifact, however many names are given; that cargo's are all there was seen before. */
		if (artifact)
			r = strip_one(building, dir, artifact, staged, err);
	}
	return r;
}

/* What the environment lacks is the run's business; what is wrong with this one package leaves the others alone. */
static int package_failed(struct refresh_staged *staged, int r, const struct err *failure, struct err *err)
{
	if (r == -ECANCELED || failure->class == ERR_ENVIRONMENT || failure->class == ERR_BUSY) {
		if (err)
			*err = *failure;
		return r;
	}
	staged->ok = false;
	staged->failure = xstrdup(failure->message);
	return 0;
}

static int run_build(struct building *building, const struct config_package *package, struct cargo_build *build, struct err *err)
{
	struct refresh_session *session = building->args->session;
	CLEANUP(cargo_command_clear) struct cargo_command command = { 0 };
	struct cargo_build_hooks hooks = {
		.on_diagnostic = on_diagnostic,
		.on_progress = on_progress,
		.on_tick = on_tick,
		.on_start = on_start,
		.data = building,
		.cancel = session->cancel,
	};
	int r = cargo_command_init(session->config, package, building->args->extra_env, &command, err);

	if (r < 0)
		return r;
	/* Asked for once by this cargo, it is asked for by every run of it. */
	if (session->json_target_spec && package->command.n == 0)
		cargo_command_allow_json_target(&command);
	r = cargo_build_run(session->config, package, &command, &hooks, build, err);
	session->json_target_spec = session->json_target_spec || build->json_target_spec;
	if (building->pid > 0)
		(void)!journal_child_remove(session->journal, building->pid, NULL);
	return r;
}

void refresh_stage_lock(const struct refresh_session *session, const struct config_package *package, char ret[HASH_HEX_SIZE])
{
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.lock", session->config->sources[package->source].path);

	ret[0] = '\0';
	if (package->command.n == 0)
		(void)!hash_file(path, ret, NULL);
}

/* cargo rewrites a lock that is absent or behind its manifests, and so may somebody else at that moment: only a build that begins and ends with the same
 * lock is known to be made with it. The second run has nothing to do when the change was cargo's own. */
static int build_with_one_lock(struct building *building, const struct config_package *package, struct cargo_build *build,
			       struct refresh_staged *staged, struct err *err)
{
	char before[HASH_HEX_SIZE];
	bool fresh = true;
	int r;

	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		cargo_build_clear(build);
		*build = (struct cargo_build){ 0 };
		refresh_stage_lock(building->args->session, package, before);
		r = run_build(building, package, build, err);
		if (r < 0)
			return r;
		fresh = fresh && build->fresh;
		refresh_stage_lock(building->args->session, package, staged->lock);
		staged->ms += build->result.ms;
		if (!build->ok || strcmp(before, staged->lock) == 0)
			break;
	}
	build->fresh = fresh;
	return 0;
}

/* Reads what was built; when cargo was wrong to call it fresh, once more from nothing. */
static int build_from_inputs(struct building *building, const struct config_package *package, struct cargo_build *build,
			     struct refresh_staged *staged, struct err *err)
{
	struct refresh_session *session = building->args->session;
	int r = build_with_one_lock(building, package, build, staged, err);

	if (r < 0 || !build->ok || package->command.n > 0)
		return r;
	r = refresh_compiled_read(session, package, build, &staged->compiled, err);
	if (r == 0 && build->fresh && refresh_compiled_is_old(session, package, &staged->compiled)) {
		send(building, REFRESH_EVENT_PROGRESS, "cargo calls it fresh, but its inputs changed: building it again");
		refresh_compiled_clear(&staged->compiled);
		r = refresh_compiled_clean(session, package, err);
		if (r == 0)
			r = build_with_one_lock(building, package, build, staged, err);
		if (r < 0 || !build->ok)
			return r;
		/* Cleaned elsewhere than it builds: the old binary must not pass for the new sources'. */
		if (build->fresh)
			return err_set(err, -EIO, "its inputs changed, and cargo calls it fresh even after `cargo clean`: target folder, target and profile "
						  "are keys of [build], and must not stand in cargo_args!");
		r = refresh_compiled_read(session, package, build, &staged->compiled, err);
	}
	/* No .d file: a cargo that does not write them; then its word is all there is. */
	return r == -ENOENT ? 0 : r;
}

/* What came of one build, to be compared with the next one's. */
struct outcome {
	bool ok;
	char artifact[HASH_HEX_SIZE];
};

static bool is_same_outcome(const struct outcome *before, const struct cargo_build *build, const struct refresh_staged *staged)
{
	return before->ok == build->ok && strcmp(before->artifact, staged->compiled.artifact) == 0;
}

/* An edit that was taken back before the build ended may have been compiled, or have failed: then it is built once more. Where that comes to the same, it
 * is the build itself that writes among its sources. What was edited and is still another is left to the look after all builds. */
static int build_steadily(struct building *building, const struct config_package *package, struct cargo_build *build,
			  struct refresh_staged *staged, struct err *err)
{
	struct refresh_session *session = building->args->session;
	size_t index = building->args->planned->index;
	struct outcome outcome = { 0 };

	for (int attempt = 0; attempt < STEADY_ATTEMPTS; attempt++) {
		char before[HASH_HEX_SIZE], after[HASH_HEX_SIZE];
		bool same = false;
		int r;

		refresh_compiled_clear(&staged->compiled);
		watcher_stamp(session->watcher, index, before);
		r = build_from_inputs(building, package, build, staged, err);
		watcher_stamp(session->watcher, index, after);
		staged->unsteady = r == 0 && strcmp(before, after) != 0 && !(attempt > 0 && is_same_outcome(&outcome, build, staged));
		if (r == 0 && staged->compiled.artifact[0])
			r = refresh_compiled_store(session, package, &staged->compiled, !staged->unsteady, err);
		if (r == 0 && staged->unsteady)
			r = refresh_compiled_is_planned(session, building->args->planned, &same, err);
		if (r < 0 || !same)
			return r;
		outcome.ok = build->ok;
		memcpy(outcome.artifact, staged->compiled.artifact, sizeof(outcome.artifact));
		send(building, REFRESH_EVENT_PROGRESS, "edited while it was being built, and put back: building it again");
	}
	return 0;
}

static int build_and_strip(struct building *building, const struct config_package *package, struct refresh_staged *staged, struct err *err)
{
	CLEANUP(cargo_build_clear) struct cargo_build build = { 0 };
	struct err failure = ERR_INIT;
	int r = build_steadily(building, package, &build, staged, &failure);

	if (r < 0)
		return package_failed(staged, r, &failure, err);
	staged->ended_us = build.result.ended_us;
	staged->fresh = build.fresh;
	strvec_copy(&staged->locations, &build.locations);
	staged->ok = build.ok;
	if (!build.ok) {
		staged->rejected = build.rejected && !staged->unsteady;
		staged->failure = xstrdup(build.failure ? build.failure : "the build failed");
		return 0;
	}
	r = strip_all(building, package, &build, staged, &failure);
	return r < 0 ? package_failed(staged, r, &failure, err) : 0;
}

int refresh_stage_package(const struct refresh_stage_args *args, const struct refresh_step *step, const struct config_package *package,
			  struct refresh_staged *ret, struct err *err)
{
	CLEANUP(refresh_staged_clear) struct refresh_staged staged = { .step = step };
	struct building building = { .args = args, .package = package->name };
	int64_t row = 0;
	int r = journal_step_begin(args->session->journal, args->run, "build", package->name, &row, err);

	if (r < 0)
		return r;
	r = build_and_strip(&building, package, &staged, err);
	if (r < 0) {
		(void)!journal_step_end(args->session->journal, row, r == -ECANCELED ? JOURNAL_CANCELLED : JOURNAL_FAILED,
					err ? err->message : NULL, staged.ms, NULL);
		return r;
	}
	r = journal_step_end(args->session->journal, row, staged.ok ? JOURNAL_OK : JOURNAL_FAILED,
			     staged.failure ? staged.failure : (staged.fresh ? "fresh" : NULL), staged.ms, err);
	if (r < 0)
		return r;
	*ret = staged;
	staged = (struct refresh_staged){ 0 };
	return 0;
}

static int copy_asset(const struct refresh_session *session, const struct config_asset *asset, struct refresh_staged *staged, struct err *err)
{
	CLEANUP_FREE char *from = fs_absolute(session->config->sources[asset->source].path, asset->path);
	CLEANUP_FREE char *dir = xasprintf("%s/stage/asset %s", session->work, asset->name);
	CLEANUP_FREE char *to = xasprintf("%s/%s", dir, fs_basename(asset->path));
	CLEANUP_CLOSE int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1;
	struct stat before = { 0 }, after = { 0 };
	int r = in < 0 ? err_set(err, -errno, "cannot open '%s'", from) : make_dir(session, dir, err);

	if (r < 0)
		return r;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(err, -errno, "cannot make '%s'", to);
	(void)!fstat(in, &before);
	r = fs_copy_sparse(in, out, session->cancel, NULL);
	(void)!fstat(in, &after);
	staged->unsteady = !fs_ctime_same(&before, &after);
	refresh_stage_give(session, to);
	return r < 0 ? err_set(err, r, "cannot copy '%s'", from) : add_file(staged, fs_basename(asset->path), to, MODE_ASSET, err);
}

int refresh_stage_asset(const struct refresh_stage_args *args, const struct refresh_step *step, const struct config_asset *asset,
			struct refresh_staged *ret, struct err *err)
{
	CLEANUP(refresh_staged_clear) struct refresh_staged staged = { .step = step };
	struct err failure = ERR_INIT;
	int r = copy_asset(args->session, asset, &staged, &failure);

	staged.ok = r == 0;
	if (r < 0)
		r = package_failed(&staged, r, &failure, err);
	if (r < 0)
		return r;
	*ret = staged;
	staged = (struct refresh_staged){ 0 };
	return 0;
}

void refresh_staged_clear(struct refresh_staged *staged)
{
	for (size_t i = 0; i < staged->n_files; i++) {
		free(staged->files[i].name);
		free(staged->files[i].path);
		free(staged->files[i].unstripped);
	}
	free(staged->files);
	free(staged->failure);
	strvec_clear(&staged->locations);
	refresh_compiled_clear(&staged->compiled);
	*staged = (struct refresh_staged){ 0 };
}
