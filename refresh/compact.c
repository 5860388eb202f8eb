#include "refresh/compact.h"

#include "base/clock.h"
#include "image/tree.h"
#include "image/whole.h"
#include "refresh/outside.h"
#include "refresh/space.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Less than this is the file system's own play, and not worth a new image. */
enum { WORTH_IT = 256 << 10 };

static void tell(const struct refresh_round *round, enum refresh_event_type type, char *text)
{
	refresh_round_send(round, (struct refresh_event){ .type = type, .text = text });
	free(text);
}

/* Of the copy that a transaction mounts: the image itself is never mounted, since that writes. */
static int read_image(struct refresh_round *round, struct image_tree *ret, struct err *err)
{
	struct stat st;
	int r = refresh_swap_open(round, err), fd;

	if (r < 0)
		return r;
	fd = image_txn_open_path(round->txn, "/", &st, err);
	r = fd < 0 ? fd : image_txn_explain(round->txn, image_tree_read(fd, round->session->cancel, ret, err), err);
	cleanup_close(&fd);
	image_txn_abort(TAKE_PTR(round->txn));
	return r;
}

struct reading {
	struct cancel *cancel;
	struct image_tree tree;
};

static int read_clone(void *data, int root, struct err *err)
{
	struct reading *reading = data;

	return image_tree_read(root, reading->cancel, &reading->tree, err);
}

static int clone_image(const struct refresh_round *round, const struct image_tree *tree, struct image_whole **ret, struct err *err)
{
	const struct refresh_session *session = round->session;
	struct image_whole_args args = {
		.config = &session->config->image, .lock = session->lock, .state = session->work, .cancel = session->cancel
	};
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	struct reading reading = { .cancel = session->cancel };
	/* Emptied by each run, so what a dead one left there goes. */
	int r = refresh_stage_reset(session, err);

	if (r >= 0)
		r = image_whole_clone(&args, &whole, err);
	if (r >= 0)
		r = image_whole_read(whole, read_clone, &reading, err);
	if (r < 0)
		return r;
	if (strcmp(reading.tree.digest, tree->digest) != 0) {
		err_set(err, -EUCLEAN, "the compact copy does not hold what the image holds (%llu files of %llu): the image is left as it is!",
			(unsigned long long)reading.tree.n_files, (unsigned long long)tree->n_files);
		err_hint(err, "reinject image check --deep tells whether the image is damaged");
		return -EUCLEAN;
	}
	*ret = TAKE_PTR(whole);
	return 0;
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	CLEANUP(image_whole_abortp) struct image_whole *whole = NULL;
	struct image_tree tree;
	uint64_t before = round->space.size - round->space.before, after = 0;
	int r;

	(void)data;
	tell(round, REFRESH_EVENT_PROGRESS, xstrdup("reading all of the image"));
	r = read_image(round, &tree, err);
	if (r >= 0)
		tell(round, REFRESH_EVENT_PROGRESS, xstrdup("copying all of it into a new one, and comparing"));
	if (r >= 0)
		r = clone_image(round, &tree, &whole, err);
	if (r < 0)
		return r;
	if (image_whole_free_shadow(whole, &after) == 0 && after < before + WORTH_IT) {
		tell(round, REFRESH_EVENT_NOTE, xasprintf("nothing has leaked: %.1f MB are free, as before", (double)before / 1e6));
		refresh_space_forgive(round->session);
		return 0;
	}
	r = refresh_swap_whole(round, &whole, err);
	if (r < 0)
		return r;
	if (image_whole_free(&round->session->config->image, &after) == 0)
		tell(round, REFRESH_EVENT_NOTE, xasprintf("%.1f MB are back: %.1f MB are free now; the image's %llu files are as they were",
							  (double)(after - before) / 1e6, (double)after / 1e6, (unsigned long long)tree.n_files));
	return 0;
}

int refresh_compact(struct refresh_session *session, const struct refresh_args *args, enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	int r;

	if (session->config->image.format != CONFIG_IMAGE_REDOXFS)
		return err_class_set(err, ERR_USAGE, -ENOTSUP, "only RedoxFS leaks room that compacting gets back: [image] format is another");
	/* With its new identity it would pass for one that nobody else has written. */
	r = refresh_outside_enter_whole(&round, &records, err);
	return r < 0 ? r : refresh_round_carry_out(&round, execute, NULL, ret, err);
}
