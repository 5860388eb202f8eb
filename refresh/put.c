/* From staged files to the image: every file of a package at every place it goes to, checked before the first is put. */
#include "refresh/initfs.h"

#include <errno.h>

/* With several binaries the destination can only be a folder. */
static char *dest_for(const struct refresh_staged *staged, const char *dest)
{
	return staged->n_files > 1 && !str_ends(dest, "/") ? xasprintf("%s/", dest) : xstrdup(dest);
}

static const struct strvec *copies_of(const struct refresh_round *round, const struct refresh_step *step)
{
	static const struct strvec none;

	if (step->is_asset || step->one_off)
		return &none;
	return &round->session->config->packages[round->look->subjects[step->subject].index].copies;
}

struct put_visitor {
	struct refresh_round *round;
	size_t step;
	uint64_t bytes; /* measure: what is not in the image yet */
	int (*visit)(struct put_visitor *visitor, const struct refresh_staged_file *file, const char *dest, struct err *err);
};

/* Every file of a step at every place it goes to. */
static int each_place(struct put_visitor *visitor, struct err *err)
{
	const struct refresh_step *step = &visitor->round->plan.steps[visitor->step];
	const struct refresh_staged *staged = &visitor->round->staged[visitor->step];
	const struct strvec *copies = copies_of(visitor->round, step);
	int r = 0;

	for (size_t d = 0; d < step->dests.n; d++) {
		CLEANUP_FREE char *dest = dest_for(staged, step->dests.v[d]);

		if (refresh_is_in_initfs(dest))
			continue;
		for (size_t f = 0; r >= 0 && f < staged->n_files; f++)
			r = visitor->visit(visitor, &staged->files[f], dest, err);
	}
	for (size_t c = 0; r >= 0 && staged->n_files > 0 && c < copies->n; c++)
		if (copies->v[c][0] == '/')
			r = visitor->visit(visitor, &staged->files[0], copies->v[c], err);
	return r;
}

static int check_place(struct put_visitor *visitor, const struct refresh_staged_file *file, const char *dest, struct err *err)
{
	return image_txn_check(visitor->round->txn, dest, file->name, err);
}

static int measure(struct put_visitor *visitor, const struct refresh_staged_file *file, const char *dest, struct err *err)
{
	bool identical = false;
	int r = image_txn_compare(visitor->round->txn, file->path, dest, file->name, &identical, err);

	if (r >= 0 && !identical)
		visitor->bytes += file->size;
	return r;
}

static int put_one(struct put_visitor *visitor, const struct refresh_staged_file *file, const char *dest, struct err *err)
{
	struct refresh_round *round = visitor->round;
	struct image_put put = { 0 };
	int r = refresh_round_interrupted(round, err);

	if (r < 0)
		return r;
	r = image_txn_put(visitor->round->txn, file->path, dest, file->name, file->mode, &put, err);
	if (r < 0)
		return r;
	refresh_round_add_file(round, refresh_round_owner(round, visitor->step), &put);
	refresh_round_send(round, (struct refresh_event){
					  .type = REFRESH_EVENT_PUT,
					  .subject = round->plan.steps[visitor->step].name,
					  .path = put.path,
					  .result = put.result == IMAGE_PUT_WRITTEN ? "written" : "identical",
					  .bytes = put.bytes,
				  });
	return 0;
}

bool refresh_round_concerns_place(int r)
{
	return r == -ENOENT || r == -EINVAL || r == -EPERM || r == -EISDIR || r == -ENOTDIR || r == -EXDEV || r == -ELOOP;
}

static int check_step(struct put_visitor *visitor, struct err *err)
{
	struct refresh_round *round = visitor->round;
	struct err failure = ERR_INIT;
	int r = each_place(visitor, &failure);

	if (r < 0 && refresh_round_concerns_place(r)) {
		refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_WARNING,
								  .subject = round->plan.steps[visitor->step].name,
								  .text = failure.message,
								  .hint = failure.hint });
		refresh_round_fail(round, visitor->step, failure.message);
		return 0;
	}
	if (r < 0 && err)
		*err = failure;
	return r;
}

static int put_step(struct put_visitor *visitor, struct err *err)
{
	int r = each_place(visitor, err);

	if (r >= 0)
		visitor->round->is_put[visitor->step] = true;
	return r;
}

/* One pass over all steps that are still good. */
static int each_step(struct put_visitor *visitor, int (*pass)(struct put_visitor *visitor, struct err *err), struct err *err)
{
	struct refresh_round *round = visitor->round;

	for (visitor->step = 0; visitor->step < round->plan.n_steps; visitor->step++) {
		int r = round->staged[visitor->step].ok ? pass(visitor, err) : 0;

		if (r < 0)
			return err_wrap(err, r, "%s", round->plan.steps[visitor->step].name);
	}
	return 0;
}

/* All places are looked at before the first file is put, so that a package goes in whole or not at all; and what is there already needs no room. */
int refresh_put_all(struct refresh_round *round, struct err *err)
{
	struct put_visitor visitor = { .round = round, .visit = check_place };
	int r = each_step(&visitor, check_step, err);

	/* What cannot go into the initfs does not go into the image either, so this comes before the first put. */
	if (r >= 0)
		r = refresh_initfs_pack(round, err);
	visitor.visit = measure;
	if (r >= 0)
		r = each_step(&visitor, each_place, err);
	if (r >= 0)
		r = refresh_initfs_measure(round, &visitor.bytes, err);
	if (r >= 0 && visitor.bytes > 0)
		r = image_txn_room(round->txn, visitor.bytes, err);
	visitor.visit = put_one;
	if (r >= 0)
		r = each_step(&visitor, put_step, err);
	return r < 0 ? r : refresh_initfs_put(round, err);
}
