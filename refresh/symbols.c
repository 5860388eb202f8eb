/* A stripped driver that crashes tells addresses only. Its other half is cargo's to overwrite at any time, so it is put aside while it is still there. */
#include "refresh/symbols.h"

#include "base/fs.h"
#include "cargo/artifact.h"
#include "journal/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Room that is left to others: a convenience must not fill a disk on which cargo and the image lie. */
static const uint64_t leave_free = 16u << 20;

struct keeping {
	const struct refresh_round *round;
	struct journal_symbol *symbols; /* owned, and so are their strings but for package and path */
	size_t n, cap;
};

static void keeping_clear(struct keeping *keeping)
{
	for (size_t i = 0; i < keeping->n; i++) {
		free((void *)keeping->symbols[i].build_id);
		free((void *)keeping->symbols[i].stripped);
		free((void *)keeping->symbols[i].file);
	}
	free(keeping->symbols);
}

char *refresh_symbols_dir(const struct config *config)
{
	return xasprintf("%s/symbols", config->state);
}

char *refresh_symbols_path(const struct config *config, const struct journal_symbol *symbol)
{
	CLEANUP_FREE char *path = symbol->file ? xasprintf("%s/symbols/%s", config->state, symbol->file) : NULL;
	struct stat st;

	if (!path || stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != symbol->size)
		return NULL;
	return TAKE_PTR(path);
}

/* Names under which a binary may be kept, the best first. One that something else has (a build-id that a linker was told, the same stripped file from
 * other sources) is left to it; the last is the content's own. */
static void list_names(const char *build_id, const char *stripped, const char *unstripped, struct strvec *ret)
{
	if (build_id)
		strvec_addf(ret, ".build-id/%.2s/%s.debug", build_id, build_id + 2);
	strvec_addf(ret, "by-hash/%.2s/%s", stripped, stripped + 2);
	strvec_addf(ret, "by-hash/%.2s/%s-%.16s", stripped, stripped + 2, unstripped);
}

static int check_room(const char *dir, uint64_t size, struct err *err)
{
	uint64_t room;

	if (fs_free_bytes(dir, &room) < 0 || room >= size + leave_free)
		return 0;
	return err_set(err, -ENOSPC, "only %llu MB are free on its disk!", (unsigned long long)(room >> 20));
}

/* Copies, and proves that it is the very binary that was stripped. */
static int copy_proved(const char *state, const char *from, const char *hash, int to, struct err *err)
{
	CLEANUP_CLOSE int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char now[HASH_HEX_SIZE];
	int r;

	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s'", from);
	r = fs_copy_sparse(fd, to, NULL, NULL);
	if (r == 0)
		r = hash_fd(to, now, NULL);
	if (r < 0)
		return err_set(err, r, "cannot copy '%s'", from);
	if (strcmp(now, hash) != 0)
		return err_set(err, -ESTALE, "'%s' was overwritten since it was stripped!", from);
	if (fchmod(to, 0400) < 0)
		return err_set(err, -errno, "cannot copy '%s'", from);
	return journal_state_give(state, to, err);
}

static int make_dirs_for(const char *state, const char *file, struct err *err)
{
	CLEANUP_FREE char *dir = fs_dirname(file);
	CLEANUP_FREE char *parent = fs_dirname(dir);
	CLEANUP_FREE char *outer = xasprintf("symbols/%s", parent), *inner = xasprintf("symbols/%s", dir);
	int r = journal_state_make_dir(state, "symbols", err);

	if (r == 0)
		r = journal_state_make_dir(state, outer, err);
	return r < 0 ? r : journal_state_make_dir(state, inner, err);
}

static int store(const char *state, const struct refresh_staged_file *file, const char *path, struct err *err)
{
	CLEANUP_FREE char *temp = xasprintf("%s.XXXXXX", path);
	CLEANUP_FREE char *dir = fs_dirname(path);
	CLEANUP_CLOSE int fd = -1;
	int r = check_room(dir, file->unstripped_size, err);

	if (r < 0)
		return r;
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a file in '%s'", dir);
	r = copy_proved(state, file->unstripped, file->unstripped_hash, fd, err);
	if (r == 0 && rename(temp, path) < 0)
		r = err_set(err, -errno, "cannot rename '%s'", temp);
	if (r < 0)
		unlink(temp);
	return r;
}

/* Keeps @file under the first name that is free or has this content already; @ret_name is relative to the folder. */
static int keep(const struct config *config, const struct refresh_staged_file *file, const char *build_id, const char *stripped, char **ret_name,
		struct err *err)
{
	CLEANUP(strvec_clear) struct strvec names = { 0 };

	list_names(build_id, stripped, file->unstripped_hash, &names);
	for (size_t i = 0; i < names.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/symbols/%s", config->state, names.v[i]);
		char hash[HASH_HEX_SIZE];
		bool there = fs_exists(path), same = there && hash_file(path, hash, NULL) == 0 && strcmp(hash, file->unstripped_hash) == 0;
		int r = 0;

		if (there && !same && i + 1 < names.n)
			continue;
		/* Its time tells a pruning beside us that it is wanted again. */
		if (same)
			(void)!utimensat(AT_FDCWD, path, NULL, 0);
		if (!same)
			r = make_dirs_for(config->state, names.v[i], err);
		if (r == 0 && !same)
			r = store(config->state, file, path, err);
		if (r < 0)
			return r;
		*ret_name = xstrdup(names.v[i]);
		return 0;
	}
	return 0;
}

static void warn_lost(const struct keeping *keeping, const char *package, const char *name, const struct err *err)
{
	CLEANUP_FREE char *text = xasprintf("the symbols of '%s' are lost: %s", name, err->message);

	refresh_round_send(keeping->round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .subject = package, .text = text });
}

/* One staged binary: a row for each place that holds it now. One that was there already is kept too if it was lost, which costs nothing otherwise. */
static int keep_file(struct keeping *keeping, const char *package, const char *owner, const struct refresh_staged_file *file, struct err *err)
{
	const struct refresh_round *round = keeping->round;
	CLEANUP_FREE char *name = NULL, *build_id = NULL;
	char stripped[HASH_HEX_SIZE];
	int r = hash_file(file->path, stripped, err);

	for (size_t i = 0; r >= 0 && i < round->n_files; i++) {
		const struct refresh_put_file *put = &round->files[i];

		if (strcmp(put->owner, owner) != 0 || strcmp(put->put.new_hash, stripped) != 0)
			continue;
		if (!name && !file->unstripped_hash[0])
			return err_set(err, -ESTALE, "'%s' was overwritten while it was stripped!", file->unstripped);
		/* Of the stripped file: that is the one that cannot have changed, and strip leaves the note. */
		if (!name)
			r = artifact_build_id(file->path, &build_id, err);
		if (!name && r >= 0)
			r = keep(round->session->config, file, build_id, stripped, &name, err);
		if (r < 0)
			break;
		grow_array(&keeping->symbols, &keeping->cap, keeping->n, sizeof(*keeping->symbols));
		keeping->symbols[keeping->n++] = (struct journal_symbol){
			.package = package,
			.path = put->put.path,
			.build_id = build_id ? xstrdup(build_id) : NULL,
			.stripped = xstrdup(stripped),
			.file = xstrdup(name),
			.size = file->unstripped_size,
		};
	}
	return r;
}

static void keep_step(struct keeping *keeping, size_t step)
{
	const struct refresh_round *round = keeping->round;
	const struct refresh_staged *staged = &round->staged[step];

	for (size_t f = 0; staged->ok && f < staged->n_files; f++) {
		struct err err = ERR_INIT;

		if (staged->files[f].unstripped &&
		    keep_file(keeping, round->plan.steps[step].name, refresh_round_owner(round, step), &staged->files[f], &err) < 0)
			warn_lost(keeping, round->plan.steps[step].name, staged->files[f].name, &err);
	}
}

void refresh_symbols_keep(const struct refresh_round *round)
{
	CLEANUP(keeping_clear) struct keeping keeping = { .round = round };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < round->plan.n_steps; i++)
		keep_step(&keeping, i);
	if (keeping.n == 0 || journal_symbols_add(round->session->journal, round->id, keeping.symbols, keeping.n, &err) == 0)
		return;
	err_wrap(&err, err.code, "the symbols of this run will not be found");
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING, .text = err.message });
}
