#include "refresh/machines.h"

static int add_machine(const struct refresh_session *session, const struct image_machine *machine, struct refresh_machines *ret, struct err *err)
{
	const char *image = session->config->image.path;
	struct refresh_machine *added;
	int64_t run = 0;
	int r = journal_run_of_file(session->journal, image, machine->dev, machine->ino, &run, err);

	if (r < 0 || run == 0)
		return r;
	grow_array(&ret->v, &ret->cap, ret->n, sizeof(*ret->v));
	added = &ret->v[ret->n++];
	*added = (struct refresh_machine){ .pid = machine->pid, .program = xstrdup(machine->program), .run = run };
	return journal_changed_since(session->journal, image, run, &added->differs, err);
}

int refresh_machines_load(const struct refresh_session *session, struct refresh_machines *ret, struct err *err)
{
	CLEANUP(image_machines_clear) struct image_machines open = { 0 };
	CLEANUP(refresh_machines_clear) struct refresh_machines machines = { 0 };
	int r = 0;

	if (session->journal)
		image_machines_find(&open);
	for (size_t i = 0; r == 0 && i < open.n; i++)
		r = add_machine(session, &open.v[i], &machines, err);
	if (r == 0 && machines.n > 0)
		r = journal_last_change(session->journal, session->config->image.path, NULL, &machines.now, err);
	if (r < 0)
		return r;
	*ret = machines;
	machines = (struct refresh_machines){ 0 };
	return 0;
}

void refresh_machines_clear(struct refresh_machines *machines)
{
	for (size_t i = 0; i < machines->n; i++) {
		free(machines->v[i].program);
		strvec_clear(&machines->v[i].differs);
	}
	free(machines->v);
	*machines = (struct refresh_machines){ 0 };
}

char *refresh_machines_say(const struct refresh_machines *machines, size_t i)
{
	const struct refresh_machine *machine = &machines->v[i];
	CLEANUP_FREE char *names = strvec_join(&machine->differs, ", ");

	if (machine->differs.n == 0)
		return xasprintf("%s (process %d) runs the image as it is", machine->program, (int)machine->pid);
	return xasprintf("%s (process %d) runs run %lld, the image is at %lld: %s differ%s", machine->program, (int)machine->pid,
			 (long long)machine->run, (long long)machines->now, names, machine->differs.n == 1 ? "s" : "");
}
