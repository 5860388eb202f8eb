/* One file by the same transaction: a round with one staged file, no look and no build. */
#include "refresh/outside.h"
#include "refresh/prune.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <sys/stat.h>

static int stage_file(struct refresh_round *round, const char *file, const char *dest, struct err *err)
{
	struct refresh_step *step;
	struct refresh_staged *staged;
	struct stat st;

	if (stat(file, &st) < 0)
		return err_set(err, -errno, "cannot read '%s'", file);
	if (!S_ISREG(st.st_mode))
		return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no regular file", file);
	grow_array(&round->plan.steps, &round->plan.cap, 1, sizeof(*round->plan.steps));
	step = &round->plan.steps[0];
	*step = (struct refresh_step){ .name = fs_basename(file), .is_asset = true, .is_file = true, .one_off = true };
	strvec_add(&step->dests, dest);
	round->plan.n_steps = 1;
	round->staged = xcalloc(1, sizeof(*round->staged));
	staged = &round->staged[0];
	grow_array(&staged->files, &staged->cap, 1, sizeof(*staged->files));
	staged->files[0] = (struct refresh_staged_file){
		.name = xstrdup(step->name), .path = xstrdup(file), .size = (uint64_t)st.st_size, .mode = st.st_mode & 0777
	};
	staged->n_files = 1;
	staged->ok = true;
	return 0;
}

static int execute(struct refresh_round *round, void *data, struct err *err)
{
	(void)data;
	refresh_round_send(round, (struct refresh_event){ .type = REFRESH_EVENT_PLAN, .plan = &round->plan });
	round->after_us = clock_us();
	return refresh_swap_put(round, err);
}

int refresh_inject(struct refresh_session *session, const char *file, const char *dest, const struct refresh_args *args,
		   enum refresh_result *ret, struct err *err)
{
	CLEANUP(refresh_round_clear) struct refresh_round round = { .session = session, .args = args, .started_ms = clock_ms() };
	CLEANUP(refresh_records_clear) struct refresh_records records = { 0 };
	int r = stage_file(&round, file, dest, err);

	if (r >= 0)
		r = refresh_outside_enter(&round, &records, err);
	if (r >= 0)
		r = refresh_round_carry_out(&round, execute, NULL, ret, err);
	if (r < 0)
		return r;
	if (*ret == REFRESH_OK)
		refresh_prune(&round);
	return 0;
}
