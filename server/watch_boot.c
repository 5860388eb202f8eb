/* Boots beside a watch: the key b, and [boot] when = after-inject. Each has a thread of its own, so that the watch goes on; the verdict is told on the
 * loop's. A newer image does not wait for an older one's boot: that is given up, its machine asked to end, and the new one booted. A machine on a socket
 * or with a file runs on after its verdict; one in tmux or on a terminal is followed, and ends with the watch. */
#include "server/watch_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct server_watch_boot {
	struct server_watch *watch;
	uv_thread_t thread;
	uv_async_t woken;
	uv_sem_t heard; /* posted when what the thread says was told */
	struct cancel cancel;
	struct boot_args args;
	struct config *config; /* owned; what args has of it, once the watch has another; else NULL */

	/* The thread's until one of the two is set; a wake for the one may meet the other. */
	_Atomic(const struct boot_verdict *) says;
	atomic_bool ended;
	struct boot_verdict verdict;
	struct err err;
	int r;

	bool told, given_up;
};

static void tell_verdict(struct server_watch *watch, const struct boot_verdict *verdict)
{
	server_watch_send(watch, (struct refresh_event){ .type = REFRESH_EVENT_BOOT,
							 .run = verdict->run,
							 .result = boot_result_name(verdict->result),
							 .ms = verdict->ms,
							 .boot = verdict });
}

static void on_verdict(void *data, const struct boot_verdict *verdict)
{
	struct server_watch_boot *boot = data;

	boot->says = verdict;
	uv_async_send(&boot->woken);
	uv_sem_wait(&boot->heard);
}

static void run_thread(void *data)
{
	struct server_watch_boot *boot = data;

	boot->r = boot_run(&boot->args, &boot->verdict, &boot->err);
	boot->ended = true;
	uv_async_send(&boot->woken);
}

static void on_closed(uv_handle_t *handle)
{
	struct server_watch_boot *boot = handle->data;

	uv_sem_destroy(&boot->heard);
	cancel_clear(&boot->cancel);
	boot_verdict_clear(&boot->verdict);
	config_free(boot->config);
	free(boot);
}

static void dismiss(struct server_watch_boot *boot)
{
	uv_thread_join(&boot->thread);
	boot->watch->boot = NULL;
	uv_close((uv_handle_t *)&boot->woken, on_closed);
}

static void tell_end(struct server_watch *watch, struct server_watch_boot *boot)
{
	if (boot->r < 0) {
		if (!boot->given_up)
			server_watch_say(watch, REFRESH_EVENT_WARNING, boot->err.message, boot->err.hint);
		return;
	}
	if (!boot->told)
		tell_verdict(watch, &boot->verdict);
	for (size_t i = 0; i < boot->verdict.notes.n; i++)
		server_watch_say(watch, REFRESH_EVENT_WARNING, boot->verdict.notes.v[i], NULL);
	watch->machine = boot->verdict.running ? boot->verdict.group : 0;
}

static void on_woken(uv_async_t *handle)
{
	struct server_watch_boot *boot = handle->data;
	struct server_watch *watch = boot->watch;

	if (boot->says) {
		tell_verdict(watch, boot->says);
		boot->told = true;
		boot->says = NULL;
		uv_sem_post(&boot->heard);
	}
	if (!boot->ended)
		return;
	tell_end(watch, boot);
	dismiss(boot);
	if (watch->boot_again && !watch->stopping)
		server_watch_boot(watch);
}

static bool is_followed(const struct config *config)
{
	const char *console = config_get(config, "boot", "console");

	return console && (str_eq(console, "pty") || str_starts(console, "tmux:"));
}

static int start(struct server_watch *watch, struct err *err)
{
	struct server_watch_boot *boot = xcalloc(1, sizeof(*boot));
	int r = cancel_init(&boot->cancel, err);

	boot->watch = watch;
	boot->woken.data = boot;
	boot->args = (struct boot_args){
		.config = watch->config,
		.follow = is_followed(watch->config),
		.replaces = watch->machine,
		.cancel = &boot->cancel,
		.hooks = { .on_verdict = on_verdict, .data = boot },
	};
	if (r < 0 || (r = uv_sem_init(&boot->heard, 0)) < 0) {
		free(boot);
		return r;
	}
	r = uv_async_init(&watch->loop, &boot->woken, on_woken);
	if (r == 0)
		r = uv_thread_create(&boot->thread, run_thread, boot);
	if (r == 0)
		watch->boot = boot;
	else
		uv_close((uv_handle_t *)&boot->woken, on_closed);
	return r < 0 ? err_set(err, r, "cannot start a thread for the boot") : 0;
}

void server_watch_boot(struct server_watch *watch)
{
	struct err err = ERR_INIT;

	watch->boot_again = watch->boot != NULL;
	if (watch->boot) {
		watch->boot->given_up = true;
		cancel_request(&watch->boot->cancel, SIGINT);
		return;
	}
	if (boot_check(&(struct boot_args){ .config = watch->config }, &err) < 0) {
		server_watch_say(watch, REFRESH_EVENT_WARNING, err.message, err.hint);
		return;
	}
	server_watch_say(watch, REFRESH_EVENT_NOTE, "booting the image", NULL);
	if (start(watch, &err) < 0)
		server_watch_say(watch, REFRESH_EVENT_WARNING, err.message, NULL);
}

bool server_watch_boot_keeps(struct server_watch *watch, struct config **config)
{
	struct server_watch_boot *boot = watch->boot;

	if (!boot || !boot->told || boot->given_up)
		return false;
	if (boot->args.config == *config)
		boot->config = TAKE_PTR(*config);
	return true;
}

void server_watch_boot_end(struct server_watch *watch)
{
	struct server_watch_boot *boot = watch->boot;

	if (!boot)
		return;
	boot->given_up = true;
	cancel_request(&boot->cancel, SIGINT);
	uv_sem_post(&boot->heard);
	dismiss(boot);
}
