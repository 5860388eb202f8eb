/* A file of notes and no table: only a plan reads it, and what it says counts for nothing until the journal says 'fresh'. */
#include "refresh/shared.h"

#include "base/fs.h"
#include "refresh/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NOTES = 16 << 20 };

/* -- the notes -------------------------------------------------------------------------------------------------------------------------------- */

static char *notes_path(const struct refresh_session *session)
{
	CLEANUP_FREE char *work = refresh_session_work(session->config);

	return xasprintf("%s/shared", work);
}

static void remember_stat(struct refresh_shared_file *file, const struct stat *st)
{
	struct timespec mtime = fs_mtime(st);

	file->size = (uint64_t)st->st_size;
	file->ino = st->st_ino;
	file->mtime_ns = (int64_t)mtime.tv_sec * 1000000000 + mtime.tv_nsec;
}

static struct refresh_shared_file *add_file(struct refresh_shared *shared)
{
	grow_array(&shared->v, &shared->cap, shared->n, sizeof(*shared->v));
	return &shared->v[shared->n++];
}

static void clear_file(struct refresh_shared_file *file)
{
	free(file->place);
	free(file->owner);
}

/* 'DIGEST SIZE TIME INODE PLACE<tab>OWNER'; one that reads otherwise is no note. */
static void add_line(struct refresh_shared *shared, const char *line, size_t n)
{
	CLEANUP_FREE char *text = xstrndup(line, n);
	char *tab = strrchr(text, '\t');
	struct refresh_shared_file file = { 0 };
	int at = 0;

	if (!tab ||
	    sscanf(text, "%64[0-9a-f] %" SCNu64 " %" SCNd64 " %" SCNu64 " %n", file.hash, &file.size, &file.mtime_ns, &file.ino, &at) != 4)
		return;
	*tab = '\0';
	if (at == 0 || !str_starts(text + at, "share:/"))
		return;
	file.place = xstrdup(text + at);
	file.owner = xstrdup(tab + 1);
	*add_file(shared) = file;
}

void refresh_shared_load(const struct refresh_session *session, struct refresh_shared *ret)
{
	CLEANUP_FREE char *path = notes_path(session);
	CLEANUP(str_clear) struct str text = { 0 };
	const char *line, *end;

	*ret = (struct refresh_shared){ 0 };
	if (fs_read(path, MAX_NOTES, &text, NULL) < 0)
		return;
	for (line = str_text(&text); (end = strchr(line, '\n')); line = end + 1)
		add_line(ret, line, (size_t)(end - line));
}

int refresh_shared_save(const struct refresh_session *session, const struct refresh_shared *shared, struct err *err)
{
	CLEANUP_FREE char *path = notes_path(session);
	CLEANUP(str_clear) struct str text = { 0 };
	int r;

	for (size_t i = 0; i < shared->n; i++) {
		const struct refresh_shared_file *file = &shared->v[i];

		str_printf(&text, "%s %" PRIu64 " %" PRId64 " %" PRIu64 " %s\t%s\n", file->hash, file->size, file->mtime_ns, file->ino,
			   file->place, file->owner);
	}
	r = fs_write_atomic(path, str_text(&text), text.len, 0644, err);
	if (r >= 0)
		refresh_stage_give(session, path);
	return r;
}

void refresh_shared_clear(struct refresh_shared *shared)
{
	for (size_t i = 0; i < shared->n; i++)
		clear_file(&shared->v[i]);
	free(shared->v);
	*shared = (struct refresh_shared){ 0 };
}

void refresh_shared_add(struct refresh_shared *shared, const char *owner, const char *place, const char *hash, const struct stat *st)
{
	struct refresh_shared_file *file = add_file(shared);

	*file = (struct refresh_shared_file){ .place = xstrdup(place), .owner = xstrdup(owner) };
	memcpy(file->hash, hash, sizeof(file->hash));
	remember_stat(file, st);
}

void refresh_shared_forget(struct refresh_shared *shared, const char *owner)
{
	size_t n = 0;

	for (size_t i = 0; i < shared->n; i++)
		if (str_eq(shared->v[i].owner, owner))
			clear_file(&shared->v[i]);
		else
			shared->v[n++] = shared->v[i];
	shared->n = n;
}

/* -- the comparison --------------------------------------------------------------------------------------------------------------------------- */

static bool is_untouched(const struct refresh_shared_file *file, const struct stat *st)
{
	struct refresh_shared_file now = { 0 };

	remember_stat(&now, st);
	return now.size == file->size && now.ino == file->ino && now.mtime_ns == file->mtime_ns;
}

/* Why @file does not count as being in @share, a phrase; NULL when it does. One that was touched and holds the same is noted as it looks now. */
static char *find_loss(const char *share, struct refresh_shared_file *file, bool *ret_touched)
{
	CLEANUP_FREE char *path = xasprintf("%s%s", share, file->place + strlen("share:"));
	char hash[HASH_HEX_SIZE];
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? xasprintf("%s is not in '%s'", file->place, share)
			       : xasprintf("%s cannot be looked at in '%s': %s", file->place, share, strerror(errno));
	if (is_untouched(file, &st))
		return NULL;
	/* A pipe would let nobody go that reads it. */
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size || hash_file(path, hash, NULL) < 0 || !str_eq(hash, file->hash))
		return xasprintf("%s is not as it was put into '%s'", file->place, share);
	remember_stat(file, &st);
	*ret_touched = true;
	return NULL;
}

static bool any_in_share(const struct strvec *places)
{
	for (size_t i = 0; i < places->n; i++)
		if (str_starts(places->v[i], "share:/"))
			return true;
	return false;
}

/* True where a put of @subject leaves a note. A library has no destinations. */
static bool goes_there(const struct config *config, const char *subject)
{
	const char *name = strchr(subject, ' ') + 1;

	for (size_t i = 0; str_starts(subject, "package ") && i < config->n_packages; i++) {
		const struct config_package *package = &config->packages[i];

		if (str_eq(package->name, name))
			return any_in_share(&package->dests) || any_in_share(&package->copies);
	}
	for (size_t i = 0; str_starts(subject, "asset ") && i < config->n_assets; i++)
		if (str_eq(config->assets[i].name, name))
			return any_in_share(&config->assets[i].dests);
	return false;
}

/* One without a note was recorded without a put: adopted, or while there was no [share] path. */
static void compare_record(const struct config *config, const char *share, struct refresh_shared *shared, struct refresh_record *record,
			   bool *ret_touched)
{
	bool any = false;

	for (size_t i = 0; !record->lost && i < shared->n; i++) {
		if (!str_eq(shared->v[i].owner, record->subject))
			continue;
		any = true;
		record->lost = find_loss(share, &shared->v[i], ret_touched);
	}
	if (!any && goes_there(config, record->subject))
		record->lost = xasprintf("nothing of it was put into '%s' yet", share);
}

void refresh_shared_compare(const struct refresh_session *session, struct refresh_records *records)
{
	const char *share = config_get(session->config, "share", "path");
	CLEANUP(refresh_shared_clear) struct refresh_shared shared = { 0 };
	bool touched = false;

	if (!share || !*share || records->n == 0)
		return;
	refresh_shared_load(session, &shared);
	for (size_t i = 0; i < records->n; i++)
		if (str_eq(records->v[i].state, "fresh"))
			compare_record(session->config, share, &shared, &records->v[i], &touched);
	/* Whoever has no lock reads the content again. What cannot be noted is no worse. */
	if (touched && session->lock)
		(void)!refresh_shared_save(session, &shared, NULL);
}
