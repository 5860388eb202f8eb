#include "refresh/prune.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/fs.h"
#include "base/log.h"
#include "journal/prune.h"
#include "refresh/symbols.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody's run fails because something old is still there. */

enum { HOUR_S = 3600, DAY_MS = 86400000, PART = 10, MAX_STORE = 64, MAX_DEPTH = 4 };

struct sweeping {
	const struct strvec *wanted; /* sorted */
	bool is_blob;                /* 'ab/cdef' stands for the digest 'abcdef' */
	int64_t before_s;            /* files not older than this stay */
	unsigned int n;
	uint64_t bytes;
};

static int compare(const void *a, const void *b)
{
	return strcmp(a, *(char *const *)b);
}

static bool is_wanted(const struct sweeping *sweeping, const char *rel)
{
	CLEANUP_FREE char *name = xstrdup(rel);

	if (sweeping->is_blob && name[0] && name[1] && name[2] == '/')
		memmove(name + 2, name + 3, strlen(name + 3) + 1);
	return sweeping->wanted->n > 0 && bsearch(name, sweeping->wanted->v, sweeping->wanted->n, sizeof(char *), compare);
}

static int sweep_file(struct sweeping *sweeping, const char *rel, const char *path, const struct stat *st)
{
	if (is_wanted(sweeping, rel) || fs_mtime(st).tv_sec >= sweeping->before_s || unlink(path) < 0)
		return 0;
	sweeping->n++;
	sweeping->bytes += (uint64_t)st->st_size;
	return FAULT("prune-file");
}

/* @rel: below the folder that was begun with; '' for that one. */
static int sweep(struct sweeping *sweeping, const char *rel, const char *dir, int depth)
{
	CLEANUP(cleanup_closedir) DIR *d = depth > MAX_DEPTH ? NULL : opendir(dir);
	struct dirent *entry;
	int r = 0;

	while (r == 0 && d && (entry = readdir(d))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, entry->d_name);
		CLEANUP_FREE char *below = rel[0] ? xasprintf("%s/%s", rel, entry->d_name) : xstrdup(entry->d_name);
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			r = sweep(sweeping, below, path, depth + 1);
		else if (S_ISREG(st.st_mode))
			r = sweep_file(sweeping, below, path, &st);
	}
	return r;
}

/* The border of the last time: a file, so that a process that ends does not forget it. */
static bool is_time(const struct refresh_session *session, int64_t border, uint32_t keep_runs)
{
	CLEANUP_FREE char *path = xasprintf("%s/pruned", session->work);
	CLEANUP(str_clear) struct str text = { 0 };
	int64_t last = 0;

	if (fs_read(path, MAX_STORE, &text, NULL) == 0 && sscanf(str_text(&text), "%" SCNd64, &last) != 1)
		last = 0;
	return border > 0 && border >= last + (keep_runs >= PART ? keep_runs / PART : 1);
}

static void store_border(const struct refresh_session *session, int64_t border)
{
	CLEANUP_FREE char *path = xasprintf("%s/pruned", session->work), *text = xasprintf("%" PRId64 "\n", border);

	if (fs_write_atomic(path, text, strlen(text), 0644, NULL) == 0)
		refresh_stage_give(session, path);
}

static int sweep_all(const struct refresh_session *session, const struct journal_keep *keep, unsigned int *ret_n, uint64_t *ret_bytes)
{
	CLEANUP(strvec_clear) struct strvec contents = { 0 }, binaries = { 0 };
	CLEANUP_FREE char *blobs = xasprintf("%s/blobs", session->config->state), *symbols = refresh_symbols_dir(session->config);
	int64_t before_s = clock_wall_ms() / 1000 - HOUR_S;
	struct sweeping blob = { .wanted = &contents, .is_blob = true, .before_s = before_s };
	struct sweeping symbol = { .wanted = &binaries, .before_s = before_s };
	int r = journal_prune(session->journal, keep, &contents, &binaries, NULL);

	if (r == 0)
		r = FAULT("prune-rows");
	if (r == 0)
		r = sweep(&blob, "", blobs, 0);
	if (r == 0)
		r = sweep(&symbol, "", symbols, 0);
	*ret_n = blob.n + symbol.n;
	*ret_bytes = blob.bytes + symbol.bytes;
	return r;
}

void refresh_prune(const struct refresh_round *round)
{
	const struct refresh_session *session = round->session;
	uint64_t days = config_get_uint(session->config, "reinject", "keep_days", 1), bytes = 0;
	struct journal_keep keep = {
		.runs = (uint32_t)config_get_uint(session->config, "reinject", "keep_runs", 100),
		.since = clock_wall_ms() - (int64_t)days * DAY_MS,
	};
	unsigned int n = 0;
	int64_t border = 0;

	if (journal_prune_border(session->journal, &keep, &border, NULL) < 0 || !is_time(session, border, keep.runs))
		return;
	if (sweep_all(session, &keep, &n, &bytes) == 0)
		store_border(session, border);
	log_debug("let go of %u contents and binaries of old runs, %" PRIu64 " bytes", n, bytes);
}
