#include "refresh/prepare.h"

#include "base/fs.h"
#include "base/proc.h"
#include "journal/blobs.h"

#include <uv.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>

struct refresh_prepare {
	struct refresh_session *session;
	int64_t run;
	uv_thread_t thread;
	struct image_txn *txn; /* owned by the thread until it is joined */
	struct err err;
	int r;
	bool joined;
	atomic_bool failed;
};

/* In the image's thread, where the session's journal handle must not be used: a handle of its own, for two short writes. */
static void on_child(void *data, pid_t pid, bool started)
{
	struct refresh_prepare *prepare = data;
	CLEANUP(journal_freep) struct journal *journal = NULL;

	/* Without the row recovery still finds the daemon, by its mount point. Before the plan there is no run yet. */
	if (prepare->run == 0 || journal_open(prepare->session->config->state, false, &journal, NULL) < 0)
		return;
	if (started)
		(void)!journal_child_add(journal, prepare->run, pid, proc_start_time(pid), "mount of the shadow", NULL);
	else
		(void)!journal_child_remove(journal, pid, NULL);
}

/* On the session's thread, in the middle of a put. */
static int on_old(void *data, int fd, const char *hash, struct err *err)
{
	const struct refresh_prepare *prepare = data;

	return journal_blob_add(prepare->session->config->state, fd, hash, err);
}

static void begin(void *data)
{
	struct refresh_prepare *prepare = data;
	struct refresh_session *session = prepare->session;
	struct image_txn_hooks hooks = { .on_child = on_child, .on_old = on_old, .data = prepare };

	prepare->r = image_txn_begin(&session->config->image, session->lock, session->work, &hooks, session->cancel, &prepare->txn,
				     &prepare->err);
	atomic_store(&prepare->failed, prepare->r < 0);
}

int refresh_prepare_start(struct refresh_session *session, int64_t run, struct refresh_prepare **ret, struct err *err)
{
	CLEANUP_FREE struct refresh_prepare *prepare = xcalloc(1, sizeof(*prepare));
	int r;

	prepare->session = session;
	prepare->run = run;
	r = uv_thread_create(&prepare->thread, begin, prepare);
	if (r < 0)
		return err_set(err, r, "cannot start a thread");
	*ret = TAKE_PTR(prepare);
	return 0;
}

bool refresh_prepare_failed(const struct refresh_prepare *prepare)
{
	return atomic_load(&prepare->failed);
}

static void join(struct refresh_prepare *prepare)
{
	if (!prepare->joined)
		uv_thread_join(&prepare->thread);
	prepare->joined = true;
}

int refresh_prepare_finish(struct refresh_prepare *prepare, struct image_txn **ret, struct err *err)
{
	join(prepare);
	if (prepare->r < 0) {
		if (err)
			*err = prepare->err;
		return prepare->r;
	}
	*ret = TAKE_PTR(prepare->txn);
	return 0;
}

static void prepare_free(struct refresh_prepare *prepare)
{
	if (!prepare)
		return;
	join(prepare);
	image_txn_abort(prepare->txn);
	free(prepare);
}

void refresh_prepare_freep(struct refresh_prepare **prepare)
{
	prepare_free(*prepare);
}

bool refresh_prepare_early(const struct config_image *image)
{
	CLEANUP_FREE char *dir = fs_dirname(image->path);
	uint64_t room = 0;
	struct stat st;

	if (stat(image->path, &st) < 0 || fs_free_bytes(dir, &room) < 0)
		return true;
	return room < (uint64_t)st.st_blocks * 512 || room >= 2 * (uint64_t)st.st_blocks * 512;
}
