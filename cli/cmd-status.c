#include "base/human.h"
#include "cli/follow.h"
#include "cli/json.h"
#include "cli/print.h"
#include "cli/verbs.h"
#include "journal/spool.h"
#include "refresh/machines.h"
#include "refresh/outside.h"

#include <errno.h>
#include <string.h>

/* All that status tells, gathered before a word is printed. */
struct facts {
	struct refresh_session *session;
	struct watcher_look *look;
	struct refresh_plan plan;
	struct refresh_records records;
	struct image_holders holders;
	struct refresh_machines machines;
	int64_t last, running;
	char *last_text; /* owned: 'run 3 failed: ...'; NULL before the first */
	bool by_hand;    /* the image was changed outside, and that may be our own `image mount` */
	pid_t runner;
	struct cli_watch watch;
	size_t n_spool; /* records of git's hooks that wait */
};

static void facts_clear(struct facts *facts)
{
	cli_watch_clear(&facts->watch);
	free(facts->last_text);
	image_holders_clear(&facts->holders);
	refresh_machines_clear(&facts->machines);
	refresh_records_clear(&facts->records);
	refresh_plan_clear(&facts->plan);
	watcher_look_free(facts->look);
	refresh_session_free(facts->session);
}

static int say_last(void *data, const struct journal_run *run)
{
	struct facts *facts = data;
	const char *error = run->result == JOURNAL_FAILED && run->error ? run->error : NULL;

	facts->last_text = xasprintf("run %lld (%s) %s%s%.*s", (long long)run->id, run->verb,
				     run->result == JOURNAL_PENDING   ? "has no end"
				     : run->result == JOURNAL_NOTHING ? "found nothing to do"
								      : journal_result_name(run->result),
				     error ? ": " : "", error ? (int)strcspn(error, "\n") : 0, error ? error : "");
	return 0;
}

static int read_journal(struct facts *facts, struct err *err)
{
	const char *image = facts->session->config->image.path;
	struct journal_image now = refresh_journal_image(&facts->session->identity);
	int r = refresh_records_load(facts->session->journal, image, &now, &facts->records, err);

	if (r < 0 || !facts->session->journal)
		return r;
	r = journal_last_run(facts->session->journal, image, &facts->last, &facts->running, err);
	if (r >= 0 && facts->last > 0)
		r = journal_runs(facts->session->journal, NULL, facts->last, 1, say_last, facts, err);
	if (r >= 0)
		facts->by_hand = refresh_outside_is_by_hand(facts->session, facts->last);
	/* A pending run whose process is gone is not running: the next start settles it. */
	if (r >= 0 && !image_lock_holder(image, &facts->runner))
		facts->running = 0;
	return r;
}

static int gather(struct cli_context *ctx, struct facts *facts, struct err *err)
{
	struct refresh_request request = { 0 };
	int r = cli_open_session(ctx, true, &facts->session, err);

	if (r >= 0)
		r = read_journal(facts, err);
	if (r >= 0 && !facts->session->image_problem)
		r = image_holders_find(ctx->config->image.path, &facts->holders, err);
	if (r >= 0)
		r = refresh_machines_load(facts->session, &facts->machines, err);
	if (r >= 0)
		r = refresh_session_look(facts->session, &facts->look, err);
	if (r >= 0)
		r = journal_spool_count(ctx->config->state, &facts->n_spool, err);
	if (r < 0)
		return r;
	refresh_shared_compare(facts->session, &facts->records);
	return refresh_plan_make(ctx->config, facts->look, &facts->records, &request, &facts->plan, err);
}

static json_t *holders_json(const struct image_holders *holders)
{
	json_t *array = json_array();

	for (size_t i = 0; i < holders->n; i++)
		json_array_append_new(array,
				      json_pack("{s:o, s:o, s:b, s:o}", "pid", holders->v[i].pid ? json_integer(holders->v[i].pid) : json_null(),
						"program", cli_json_string(holders->v[i].program), "may_write", holders->v[i].may_write, "how",
						cli_json_string(holders->v[i].how)));
	return array;
}

static json_t *machines_json(const struct refresh_machines *machines)
{
	json_t *array = json_array();

	for (size_t i = 0; i < machines->n; i++)
		json_array_append_new(array, json_pack("{s:i, s:o, s:I, s:o}", "pid", (int)machines->v[i].pid, "program",
						       cli_json_string(machines->v[i].program), "run", (json_int_t)machines->v[i].run, "differs",
						       cli_json_strings(&machines->v[i].differs)));
	return array;
}

static json_t *image_json(const struct facts *facts)
{
	const struct refresh_session *session = facts->session;
	const struct image_identity *identity = &session->identity;

	return json_pack("{s:o, s:o, s:I, s:o, s:I, s:b, s:o, s:o}", "path", cli_json_string(session->config->image.path), "problem",
			 cli_json_string(session->image_problem), "size", (json_int_t)identity->size, "uuid",
			 identity->uuid[0] ? cli_json_string(identity->uuid) : json_null(), "generation", (json_int_t)identity->generation,
			 "changed_outside", facts->plan.unchecked, "holders", holders_json(&facts->holders), "machines",
			 machines_json(&facts->machines));
}

static json_t *sources_json(const struct facts *facts)
{
	const struct config *config = facts->session->config;
	json_t *array = json_array();

	for (size_t i = 0; i < facts->look->n_sources; i++) {
		const struct watcher_source_state *source = &facts->look->sources[i];

		json_array_append_new(array, json_pack("{s:o, s:o, s:o, s:I}", "name", cli_json_string(config->sources[i].name), "path",
						       cli_json_string(config->sources[i].path), "head",
						       source->head[0] ? json_string(source->head) : json_null(), "dirty",
						       (json_int_t)source->n_dirty));
	}
	return array;
}

static json_t *number_or_null(int64_t number)
{
	return number > 0 ? json_integer(number) : json_null();
}

static void print_json(const struct facts *facts)
{
	cli_json_print(json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "image", image_json(facts), "source", sources_json(facts),
				 "stale", cli_json_strings(&facts->plan.stale), "failed", cli_json_strings(&facts->plan.failed), "held",
				 cli_json_strings(&facts->plan.held), "running", number_or_null(facts->running), "last",
				 number_or_null(facts->last), "spool", (json_int_t)facts->n_spool, "watch", cli_watch_json(&facts->watch)));
}

static void print_image(const struct facts *facts)
{
	const struct refresh_session *session = facts->session;
	CLEANUP_FREE char *size = human_bytes(session->identity.size);

	if (session->image_problem)
		cli_print_line("image    %s", session->image_problem);
	else
		cli_print_line("image    %s (%s)%s", session->config->image.path, size,
			       !facts->plan.unchecked ? ""
			       : facts->by_hand       ? ", mounted by hand since the last run, to be checked"
						      : ", changed outside, to be checked");
	for (size_t i = 0; i < facts->holders.n; i++)
		cli_print_line("         held: %s (pid %d) %s", facts->holders.v[i].program ? facts->holders.v[i].program : "somebody",
			       (int)facts->holders.v[i].pid, facts->holders.v[i].how);
	for (size_t i = 0; i < facts->machines.n; i++) {
		CLEANUP_FREE char *text = refresh_machines_say(&facts->machines, i);

		cli_print_line("         %s", text);
	}
}

static void print_names(const char *title, const struct strvec *names)
{
	CLEANUP_FREE char *text = strvec_join(names, " ");

	if (names->n > 0)
		cli_print_line("%-8s %zu: %s", title, names->n, text);
}

/* With a destination that no section serves, a package is told of where it is built. */
static void print_nowhere(const struct facts *facts)
{
	const struct config *config = facts->session->config;
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	CLEANUP_FREE char *text = NULL;

	for (size_t i = 0; i < config->n_packages; i++)
		if (config->packages[i].dests.n == 0 && (config->packages[i].bins.n > 0 || config->packages[i].command.n > 0))
			strvec_add(&names, config->packages[i].name);
	text = strvec_join(&names, " ");
	if (names.n > 0)
		cli_print_line("nowhere  %zu: %s (no destination: not built)", names.n, text);
}

static void print_text(const struct facts *facts)
{
	const struct config *config = facts->session->config;
	size_t n_assets = 0;

	print_image(facts);
	for (size_t i = 0; i < facts->look->n_sources; i++)
		cli_print_line("source   %s at %.12s, %zu changed %s", config->sources[i].path,
			       facts->look->sources[i].head[0] ? facts->look->sources[i].head : "no commit", facts->look->sources[i].n_dirty,
			       facts->look->sources[i].n_dirty == 1 ? "file" : "files");
	for (size_t i = 0; i < facts->plan.n_steps; i++)
		n_assets += facts->plan.steps[i].is_asset;
	print_names("stale", &facts->plan.stale);
	print_names("failed", &facts->plan.failed);
	print_names("held", &facts->plan.held);
	if (n_assets > 0)
		printf("assets   %zu to be copied\n", n_assets);
	for (size_t i = 0; i < facts->plan.n_removals; i++)
		cli_print_line("remove   %s (%s)", facts->plan.removals[i].path, facts->plan.removals[i].why);
	if (facts->plan.n_steps + facts->plan.n_removals == 0)
		printf("         nothing is stale\n");
	print_nowhere(facts);
	for (size_t i = 0; i < facts->look->problems.n; i++)
		cli_print_line("note     %s", facts->look->problems.v[i]);
	cli_watch_print(&facts->watch);
	if (facts->n_spool > 0)
		cli_print_line("hooks    %zu %s; `reinject hooks status` tells more", facts->n_spool,
			       facts->n_spool == 1 ? "record waits" : "records wait");
	if (facts->running > 0)
		printf("running  run %lld (pid %d)\n", (long long)facts->running, (int)facts->runner);
	if (facts->last_text)
		cli_print_line("last     %s; `reinject show %lld` tells more", facts->last_text, (long long)facts->last);
}

static int run(struct cli_context *ctx, struct err *err)
{
	CLEANUP(facts_clear) struct facts facts = { 0 };
	int r = gather(ctx, &facts, err);

	if (r < 0)
		return r;
	cli_watch_ask(ctx, &facts.watch);
	if (ctx->json)
		print_json(&facts);
	else
		print_text(&facts);
	return 0;
}

extern const struct cli_verb cmd_status;
const struct cli_verb cmd_status = {
	.name = "status",
	.usage = "",
	.summary = "what is stale, what is running, who holds the image",
	.description =
		"Looks at every source and at the journal, and changes nothing. Stale packages are those that `reinject refresh` would build\n"
		"now; failed ones were tried with exactly these sources and wait for a change.",
	.max_args = 0,
	.run = run,
};
