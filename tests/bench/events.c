/* bench/events - measures watcher/events on a tree that events.sh has made: DIR ROUNDS IDLE_S. Medians with minimum and maximum, on stdout. */
#include "base/clock.h"
#include "base/fs.h"
#include "watcher/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define WRITES 200

struct bench {
	struct config *config;
	struct pkgmap *map;
	struct watcher_repo *repo;
	struct watcher_events *events;
	int woken;
};

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "bench: %s: %s\n", what, err ? err->message : strerror(errno));
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void print(const char *name, double *values, size_t n, const char *unit)
{
	qsort(values, n, sizeof(*values), compare);
	printf("%-44s %8.2f %s (%.2f - %.2f)\n", name, values[n / 2], unit, values[0], values[n - 1]);
}

static double status_mb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (str_starts(line, key))
			kb = strtod(line + strlen(key), NULL);
	if (f)
		fclose(f);
	return kb / 1024;
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void wake(void *data)
{
	(void)!write(((struct bench *)data)->woken, &(uint64_t){ 1 }, sizeof(uint64_t));
}

static void open_tree(struct bench *bench, const char *dir)
{
	struct config_args args = { .dir = dir };
	struct config_problems problems = { 0 };
	struct err err = ERR_INIT;

	if (config_load(&args, &bench->config, &problems, &err) < 0)
		die("cannot read the configuration", &err);
	config_problems_clear(&problems);
	bench->map = pkgmap_new(bench->config);
	if (watcher_repo_open(bench->config->sources[0].path, &bench->repo, &err) < 0)
		die("cannot open the repository", &err);
	bench->woken = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static struct watcher_roots *find_roots(struct bench *bench)
{
	struct watcher_roots *roots = NULL;
	struct err err = ERR_INIT;

	if (watcher_roots_find(bench->config, bench->map, &bench->repo, NULL, &roots, &err) < 0)
		die("cannot find the roots", &err);
	return roots;
}

static void start(struct bench *bench, struct watcher_roots *roots)
{
	struct watcher_events_spec spec = { .config = bench->config, .wake = wake, .data = bench };
	struct err err = ERR_INIT;

	if (watcher_events_start(&spec, roots, &bench->events, &err) < 0)
		die("cannot watch", &err);
	if (watcher_events_problems(bench->events)->n > 0)
		fprintf(stderr, "bench: %s\n", watcher_events_problems(bench->events)->v[0]);
}

static void measure_start(struct bench *bench, size_t rounds)
{
	double *roots_ms = xcalloc(rounds, sizeof(double)), *ready_ms = xcalloc(rounds, sizeof(double)),
	       *stop_ms = xcalloc(rounds, sizeof(double));
	double *plan_ms = xcalloc(rounds, sizeof(double)), *restart_ms = xcalloc(rounds, sizeof(double));
	int trial = -1;

	for (size_t i = 0; i < rounds; i++) {
		int64_t a = clock_us(), b, c, d, e, f;
		struct watcher_roots *roots = find_roots(bench);
		struct watcher_coverage coverage = { 0 };

		b = clock_us();
		if (watcher_coverage_plan(roots, &trial, &coverage, NULL) < 0)
			die("no inotify", NULL);
		watcher_coverage_clear(&coverage);
		c = clock_us();
		start(bench, roots);
		d = clock_us();
		roots = find_roots(bench);
		e = clock_us();
		if (watcher_events_restart(bench->events, roots, NULL) < 0)
			die("cannot watch again", NULL);
		restart_ms[i] = (double)(clock_us() - e) / 1e3;
		e = clock_us();
		watcher_events_free(TAKE_PTR(bench->events));
		f = clock_us();
		roots_ms[i] = (double)(b - a) / 1e3;
		plan_ms[i] = (double)(c - b) / 1e3;
		ready_ms[i] = (double)(d - c) / 1e3;
		stop_ms[i] = (double)(f - e) / 1e3;
	}
	print("finding the roots", roots_ms, rounds, "ms");
	print("start to sentinel seen, both sessions (bar 50)", ready_ms, rounds, "ms");
	print("  of which trying the watch limit", plan_ms, rounds, "ms");
	print("restart", restart_ms, rounds, "ms");
	print("stop", stop_ms, rounds, "ms");
	close(trial);
	free(restart_ms);
	free(roots_ms);
	free(plan_ms);
	free(ready_ms);
	free(stop_ms);
}

static void take(struct bench *bench)
{
	struct watcher_events_note note;
	uint64_t n;

	(void)!read(bench->woken, &n, sizeof(n));
	if (watcher_events_take(bench->events, &note))
		watcher_events_note_clear(&note);
}

/* Until nothing has come for a while: the next wake is the next write's. */
static void settle(struct bench *bench)
{
	struct pollfd fd = { .fd = bench->woken, .events = POLLIN };

	while (poll(&fd, 1, 5) > 0)
		take(bench);
}

static void measure_write(struct bench *bench, const char *dir)
{
	CLEANUP_FREE char *path = xasprintf("%s/source/drivers/g0/p0/src/m1.rs", dir);
	struct pollfd fd = { .fd = bench->woken, .events = POLLIN };
	double ms[WRITES];

	for (size_t i = 0; i < WRITES; i++) {
		int64_t before;
		int file = open(path, O_WRONLY | O_CLOEXEC);

		if (file < 0)
			die(path, NULL);
		settle(bench);
		before = clock_us();
		if (write(file, "1", 1) != 1 || poll(&fd, 1, 5000) != 1)
			die("a write that woke nobody", NULL);
		ms[i] = (double)(clock_us() - before) / 1e3;
		close(file);
	}
	settle(bench);
	print("write to wake", ms, WRITES, "ms");
}

static void measure_idle(struct bench *bench, unsigned int seconds)
{
	double before = cpu_ms();
	struct pollfd fd = { .fd = bench->woken, .events = POLLIN };
	int64_t start_ms = clock_ms(), left;
	size_t wakes = 0;

	for (left = (int64_t)seconds * 1000; left > 0; left = start_ms + (int64_t)seconds * 1000 - clock_ms())
		if (poll(&fd, 1, (int)left) > 0) {
			wakes++;
			take(bench);
		}
	printf("%-44s %8.3f %% of a processor, %zu wakes in %u s\n", "idle (bar 0.1)", (cpu_ms() - before) / (seconds * 10.0), wakes, seconds);
}

int main(int argc, char **argv)
{
	struct bench bench = { .woken = -1 };
	const struct watcher_coverage *coverage;

	if (argc != 4)
		return 2;
	open_tree(&bench, argv[1]);
	measure_start(&bench, strtoul(argv[2], NULL, 10));
	printf("%-44s %8.1f MB\n", "resident after these (bar 30 in all)", status_mb("VmRSS:"));
	start(&bench, find_roots(&bench));
	coverage = watcher_events_coverage(bench.events);
	printf("%-44s %8zu of %zu\n", "watches", coverage->n_watches, coverage->n_folders);
	measure_write(&bench, argv[1]);
	measure_idle(&bench, (unsigned int)strtoul(argv[3], NULL, 10));
	printf("%-44s %8.1f MB\n", "resident at most", status_mb("VmHWM:"));
	watcher_events_free(bench.events);
	watcher_repo_free(bench.repo);
	pkgmap_free(bench.map);
	config_free(bench.config);
	close(bench.woken);
	return 0;
}
