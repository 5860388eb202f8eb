/* bench/stamp - times on one clock (monotonic, microseconds), for scripts: bash itself has only the clock of the wall, and a `date` costs more than what
 * is to be measured.
 *
 *   stamp                     prints the time
 *   stamp lines               copies lines, each with the time of its coming and a blank before it
 *   stamp exec FILE CMD...    appends the time to FILE and becomes CMD
 *   stamp note FILE           appends the time to FILE: a command for watchers to start
 *   stamp write FILE TEXT     writes TEXT over FILE's content, as an editor that keeps the file, and prints the time when write(2) had returned
 *   stamp rename FILE TEXT    the same as an editor that writes a new file and renames it over the old one; the time is the rename's
 *   stamp cpu PID             microseconds of processor that all threads of PID have had
 *
 * Started under the name `cargo` it appends its time and arguments to $BENCH_STARTS and becomes $BENCH_CARGO: so a script sees when cargo was started. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int die(const char *what)
{
	fprintf(stderr, "stamp: %s: %s\n", what, strerror(errno));
	return 1;
}

static int append(const char *path, const char *what)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%" PRId64 " %.128s\n", now_us(), what);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		return die(path);
	close(fd);
	return 0;
}

static int become(const char *path, char **argv)
{
	execvp(path, argv);
	return die(path);
}

static int as_cargo(int argc, char **argv)
{
	const char *starts = getenv("BENCH_STARTS"), *cargo = getenv("BENCH_CARGO");

	if (!starts || !cargo || append(starts, argc > 1 ? argv[1] : "") != 0)
		return 101;
	return become(cargo, argv);
}

static int copy_lines(void)
{
	char *line = NULL;
	size_t cap = 0;

	while (getline(&line, &cap, stdin) > 0) {
		printf("%" PRId64 " %s", now_us(), line);
		fflush(stdout);
	}
	free(line);
	return 0;
}

static int replace(const char *path, const char *text, int rename_it)
{
	char temporary[4096];
	size_t n = strlen(text);
	const char *to = rename_it ? temporary : path;
	int fd;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC | (rename_it ? O_TRUNC : 0), 0644);
	if (fd < 0 || write(fd, text, n) != (ssize_t)n || ftruncate(fd, (off_t)n) < 0 || (rename_it && rename(temporary, path) < 0))
		return die(path);
	printf("%" PRId64 "\n", now_us());
	close(fd);
	return 0;
}

/* schedstat counts nanoseconds; stat only hundredths of a second, of which an idle minute may not have one. */
/* The process's own clock: threads that have ended count, too. */
static int print_cpu(const char *pid)
{
	clockid_t clock;
	struct timespec t;

	/* It returns its error, and sets none. */
	errno = clock_getcpuclockid((pid_t)strtol(pid, NULL, 10), &clock);
	if (errno != 0 || clock_gettime(clock, &t) < 0)
		return die(pid);
	printf("%" PRId64 "\n", (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/'), *verb = argc > 1 ? argv[1] : "";

	if (strcmp(name ? name + 1 : argv[0], "cargo") == 0)
		return as_cargo(argc, argv);
	if (argc == 1)
		return printf("%" PRId64 "\n", now_us()) < 0;
	if (argc == 2 && strcmp(verb, "lines") == 0)
		return copy_lines();
	if (argc > 3 && strcmp(verb, "exec") == 0)
		return append(argv[2], argv[3]) != 0 ? 1 : become(argv[3], argv + 3);
	if (argc == 3 && strcmp(verb, "note") == 0)
		return append(argv[2], "");
	if (argc == 4 && (strcmp(verb, "write") == 0 || strcmp(verb, "rename") == 0))
		return replace(argv[2], argv[3], verb[0] == 'r');
	if (argc == 3 && strcmp(verb, "cpu") == 0)
		return print_cpu(argv[2]);
	fprintf(stderr, "stamp: wrong use; the top of tests/bench/stamp.c says what there is\n");
	return 2;
}
