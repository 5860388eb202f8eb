#include "refresh/trial.h"

#include "base/fs.h"
#include "image/put.h"

#include <errno.h>
#include <stdlib.h>

/* The same way into the copy as a transaction's, so that what is booted is what a run would have put. */

struct filling {
	struct refresh_session *session;
	const struct refresh_trial_files *files;
	struct image_put *puts; /* owned; as files */
	bool written;           /* for the puts; a trial is never kept for its own sake */
};

static void filling_clear(struct filling *filling)
{
	for (size_t i = 0; i < filling->files->n; i++)
		image_put_clear(&filling->puts[i]);
	free(filling->puts);
}

void refresh_trial_files_clear(struct refresh_trial_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->v[i].path);
		free(files->v[i].content);
		free(files->v[i].there);
	}
	free(files->v);
	*files = (struct refresh_trial_files){ 0 };
}

void refresh_trial_files_add(struct refresh_trial_files *files, const char *path, char *content, const char *there, mode_t mode)
{
	grow_array(&files->v, &files->cap, files->n, sizeof(*files->v));
	files->v[files->n++] = (struct refresh_trial_file){
		.path = xstrdup(path), .content = content, .there = xstrdup(there ? there : ""), .mode = mode
	};
}

static int put_one(struct filling *filling, int root, const struct refresh_trial_file *file, struct image_put *ret, struct err *err)
{
	struct refresh_session *session = filling->session;
	struct image_put_job job = {
		.root = root,
		.format = session->config->image.format,
		.src = file->content,
		.dst = file->path,
		.name = fs_basename(file->path),
		.mode = file->mode,
		.cancel = session->cancel,
		.written = &filling->written,
	};

	if (cancel_requested(session->cancel))
		return err_set(err, -ECANCELED, "interrupted!");
	return file->content ? image_put_file(&job, ret, err) : image_put_remove(&job, file->path, file->there, ret, err);
}

static int put_all(void *data, int root, struct err *err)
{
	struct filling *filling = data;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < filling->files->n; i++)
		r = put_one(filling, root, &filling->files->v[i], &filling->puts[i], err);
	return r < 0 ? r : 0;
}

/* By another mount: what the first one had in its memory proves nothing. */
static int verify_all(void *data, int root, struct err *err)
{
	struct filling *filling = data;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < filling->files->n; i++)
		if (filling->puts[i].result != IMAGE_PUT_ABSENT && filling->puts[i].result != IMAGE_PUT_FOREIGN)
			r = image_put_verify(root, &filling->puts[i], err);
	return r < 0 ? r : 0;
}

int refresh_trial_make(struct refresh_session *session, const char *from, const struct refresh_trial_files *files, struct image_whole **ret,
		       struct err *err)
{
	struct image_whole_args args = {
		.config = &session->config->image, .lock = session->lock, .state = session->work, .cancel = session->cancel
	};
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	CLEANUP(filling_clear) struct filling filling = { .session = session, .files = files };
	struct image_identity identity;
	int r;

	filling.puts = xcalloc(files->n, sizeof(*filling.puts));
	r = image_whole_copy(&args, from, &whole, err);
	if (r >= 0 && files->n > 0)
		r = image_whole_fill(whole, put_all, &filling, err);
	if (r >= 0 && files->n > 0)
		r = image_whole_read(whole, verify_all, &filling, err);
	if (r >= 0)
		r = image_whole_seal(whole, &identity, err);
	if (r >= 0)
		*ret = TAKE_PTR(whole);
	return r;
}
