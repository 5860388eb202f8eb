#include "refresh/prepare.h"

#include "base/fs.h"
#include "base/proc.h"
#include "journal/blobs.h"

#include <uv.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t plenty = 1u << 30;

struct refresh_prepare {
	struct refresh_session *session;
	int64_t run;
	uv_thread_t thread;
	uv_sem_t go;     /* posted once */
	bool gone;       /* it was */
	bool not_wanted; /* written before it is posted */
	struct image_txn *txn; /* owned by the thread until it is joined */
	struct strvec expected; /* owned; paths in the image */
	int gone_fd;            /* -1, or a file without a name that is to be closed last */
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

static void on_gone(void *data, int fd)
{
	struct refresh_prepare *prepare = data;
	CLEANUP_FREE char *dir = fs_dirname(prepare->session->config->image.path);
	uint64_t room = 0;

	/* Where room is short, what comes after the swap may need it. */
	if (fs_free_bytes(dir, &room) == 0 && room >= plenty)
		prepare->gone_fd = fd;
	else
		close(fd);
}

/* What a put of @path will ask for, read while there is time: its digest, which the transaction keeps, and its content for the journal. */
static int read_ahead(struct refresh_prepare *prepare, const char *path)
{
	char hash[HASH_HEX_SIZE];
	CLEANUP_CLOSE int fd = -1;
	struct stat st;
	int r = image_txn_hash(prepare->txn, path, hash, NULL);

	if (r < 0 || !hash[0])
		return r;
	fd = image_txn_open_path(prepare->txn, path, &st, NULL);
	if (fd < 0 || !S_ISREG(st.st_mode))
		return fd < 0 ? fd : 0;
	return journal_blob_add(prepare->session->config->state, fd, hash, NULL);
}

static void begin(void *data)
{
	struct refresh_prepare *prepare = data;
	struct refresh_session *session = prepare->session;
	struct image_txn_hooks hooks = { .on_child = on_child, .on_old = on_old, .on_gone = on_gone, .data = prepare };

	uv_sem_wait(&prepare->go);
	if (prepare->not_wanted)
		return;
	prepare->r = image_txn_begin(&session->config->image, session->lock, session->work, &hooks, session->cancel, &prepare->txn,
				     &prepare->err);
	atomic_store(&prepare->failed, prepare->r < 0);
	/* Whatever fails here, the put itself meets again, and tells. */
	for (size_t i = 0; prepare->r >= 0 && i < prepare->expected.n && !cancel_requested(session->cancel); i++)
		if (read_ahead(prepare, prepare->expected.v[i]) < 0)
			return;
}

int refresh_prepare_start(struct refresh_session *session, int64_t run, const struct strvec *expected, struct refresh_prepare **ret,
			  struct err *err)
{
	CLEANUP_FREE struct refresh_prepare *prepare = xcalloc(1, sizeof(*prepare));
	int r;

	prepare->session = session;
	prepare->run = run;
	prepare->gone_fd = -1;
	r = uv_sem_init(&prepare->go, 0);
	if (r < 0)
		return err_set(err, r, "cannot start a thread");
	if (expected)
		strvec_copy(&prepare->expected, expected);
	r = uv_thread_create(&prepare->thread, begin, prepare);
	if (r < 0) {
		uv_sem_destroy(&prepare->go);
		strvec_clear(&prepare->expected);
		return err_set(err, r, "cannot start a thread");
	}
	*ret = TAKE_PTR(prepare);
	return 0;
}

void refresh_prepare_go(struct refresh_prepare *prepare)
{
	if (!prepare || prepare->gone)
		return;
	prepare->gone = true;
	uv_sem_post(&prepare->go);
}

bool refresh_prepare_failed(const struct refresh_prepare *prepare)
{
	return atomic_load(&prepare->failed);
}

static void join(struct refresh_prepare *prepare)
{
	refresh_prepare_go(prepare);
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
	/* Read by the thread only after the post, which is here at the latest. */
	if (!prepare->gone)
		prepare->not_wanted = true;
	join(prepare);
	uv_sem_destroy(&prepare->go);
	image_txn_abort(prepare->txn);
	strvec_clear(&prepare->expected);
	if (prepare->gone_fd >= 0)
		close(prepare->gone_fd);
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

	/* What is not a copy is held for as short as can be. */
	if (image->mode != CONFIG_IMAGE_SHADOW)
		return false;
	if (stat(image->path, &st) < 0 || fs_free_bytes(dir, &room) < 0)
		return true;
	return room < (uint64_t)st.st_blocks * 512 || room >= 2 * (uint64_t)st.st_blocks * 512;
}
