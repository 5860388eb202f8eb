/* reinject-hook - what a git hook runs: one record into the spool, and a worker where none is awake.
 *
 * A program of its own, linked statically and with nothing of ours, since it runs in each commit and must cost next to nothing: no dynamic linking, no
 * PATH, no git, no configuration is read. Whatever goes wrong here is nobody's to see: git's command must not fail or speak because of us, so it always
 * exits 0; `reinject hooks status` tells what is amiss.
 * Called as:  reinject-hook EVENT N (TOP STATE REINJECT CONFIG) x N [the hook's arguments]
 *             TOP       the work tree that this is about: others of the same repository run the same hook. Empty: any
 *             STATE     where the spool lies
 *             REINJECT  the program whose `hooks run` is the worker, with configuration CONFIG
 *             EVENT 'wake' writes no record.
 * Root:       what root makes here goes to the state folder's owner, and only that owner's worker is started. */
#include "journal/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

enum { MAX_PATH = 4096, MAX_RECORD = 16384, MAX_ARGS = 3, MAX_ENV = 4096, MAX_PROJECTS = 1000, FIRST_PROJECT = 3, WORDS = 4 };

struct project {
	const char *top, *state, *reinject, *config;
};

/* -- text, without stdio ------------------------------------------------------------------------------------------------------------------------ */

struct text {
	size_t n;
	int full;
	char buf[MAX_RECORD];
};

static void add_n(struct text *text, const char *bytes, size_t n)
{
	text->full |= n >= sizeof(text->buf) - text->n;
	if (text->full)
		return;
	memcpy(text->buf + text->n, bytes, n);
	text->n += n;
	text->buf[text->n] = '\0';
}

static void add(struct text *text, const char *string)
{
	add_n(text, string, strlen(string));
}

static void add_number(struct text *text, uint64_t number)
{
	char digits[20];
	size_t n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	add_n(text, digits + n, sizeof(digits) - n);
}

/* As str_add_percent(). */
static void add_percent(struct text *text, const char *string)
{
	static const char hex[] = "0123456789abcdef";

	for (; *string; string++) {
		unsigned char c = (unsigned char)*string;
		char escaped[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (c <= ' ' || c == '%' || c > '~')
			add_n(text, escaped, sizeof(escaped));
		else
			add_n(text, string, 1);
	}
}

/* STATE/NAME, or NULL when it is too long. */
static const char *path_of(struct text *text, const char *state, const char *name)
{
	text->n = 0;
	text->full = 0;
	add(text, state);
	add(text, "/");
	add(text, name);
	return text->full || text->n >= MAX_PATH ? NULL : text->buf;
}

/* -- the record --------------------------------------------------------------------------------------------------------------------------------- */

/* git runs its hooks in the work tree's root. */
static int is_here(const char *top)
{
	struct stat here, there;

	if (!*top)
		return 1;
	return stat(".", &here) == 0 && stat(top, &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static void fill_record(struct text *record, const char *event, const char *top, char *const *args)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	record->n = 0;
	record->full = 0;
	add_number(record, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	add(record, " ");
	add_percent(record, event);
	add(record, " ");
	add_percent(record, top);
	for (int i = 0; i < MAX_ARGS && args[i]; i++) {
		add(record, " ");
		add_percent(record, args[i]);
	}
	add(record, "\n");
}

static void give(int fd, const struct stat *owner)
{
	struct stat st;

	if (geteuid() != 0 || owner->st_uid == 0 || fstat(fd, &st) < 0 || st.st_uid == owner->st_uid)
		return;
	if (fchown(fd, owner->st_uid, owner->st_gid) < 0)
		return; /* then it stays root's; the owner's worker renames and removes it all the same */
}

static int open_queue(const struct project *project)
{
	struct text path;
	const char *name = path_of(&path, project->state, JOURNAL_SPOOL_QUEUE);

	return name ? open(name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600) : -1;
}

/* @path, cut off at @end for a moment, is there and belongs to this user. */
static int is_ours(char *path, char *end)
{
	char cut = *end;
	struct stat st;
	int ours;

	*end = '\0';
	ours = stat(end == path ? "/" : path, &st) == 0 && st.st_uid == geteuid();
	*end = cut;
	return ours;
}

/* Several hooks at once may make the same. */
static int make_dir(const char *path)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

/* The state folder may be deleted at any time. Of a project that is gone altogether nothing is made, and in another user's folder nothing by root: it would
 * have the wrong owner, and is left to the worker of the right one. */
static int make_spool(const struct project *project)
{
	struct text path;
	char *slash = path_of(&path, project->state, JOURNAL_SPOOL_DIR) ? strrchr(path.buf, '/') : NULL, *above;
	int r;

	if (!slash || access(project->config, F_OK) < 0)
		return -1;
	*slash = '\0';
	above = strrchr(path.buf, '/');
	if (!above || (geteuid() == 0 && access(path.buf, F_OK) < 0 && !is_ours(path.buf, above)))
		return -1;
	r = make_dir(path.buf);
	*slash = '/';
	return r == 0 && is_ours(path.buf, slash) ? make_dir(path.buf) : -1;
}

/* One write, so that lines of several hooks at once do not mix. */
static void append(const struct project *project, const char *event, char *const *args)
{
	struct text record;
	struct stat owner;
	int fd = open_queue(project);

	if (fd < 0 && errno == ENOENT && make_spool(project) == 0)
		fd = open_queue(project);
	if (fd < 0 || stat(project->state, &owner) < 0)
		return;
	give(fd, &owner);
	fill_record(&record, event, project->top, args);
	if (!record.full && write(fd, record.buf, record.n) < 0)
		record.n = 0; /* a full disk: the commit is made all the same, and the next hook wakes the worker */
	close(fd);
}

/* -- the worker --------------------------------------------------------------------------------------------------------------------------------- */

static int is_locked(const struct project *project, const char *lock)
{
	struct text path;
	const char *name = path_of(&path, project->state, lock);
	int fd = name ? open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
	int locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return locked;
}

static int is_needed(const struct project *project)
{
	struct stat owner;

	if (stat(project->state, &owner) < 0 || owner.st_uid != geteuid())
		return 0;
	return !is_locked(project, JOURNAL_SPOOL_WATCH_LOCK) && !is_locked(project, JOURNAL_SPOOL_WORKER_LOCK);
}

/* A pipe that a worker kept open would hold up `git commit | cat` until its end. */
static void seal_descriptors(const struct project *project)
{
	struct text path;
	const char *name = path_of(&path, project->state, JOURNAL_SPOOL_LOG);
	int null = open("/dev/null", O_RDWR);
	int log = name ? open(name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600) : -1;

	if (null < 0)
		_exit(1);
	if (log < 0)
		log = null;
	if (dup2(null, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(1);
#ifdef SYS_close_range
	if (syscall(SYS_close_range, 3U, ~0U, 0U) == 0)
		return;
#endif
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

/* What git has set for its hooks would make a build work on the wrong repository, or damage its index. */
static char **clean_environment(char **env)
{
	static char *clean[MAX_ENV];
	size_t n = 0;

	for (; *env && n + 1 < MAX_ENV; env++)
		if (strncmp(*env, "GIT_", 4) != 0)
			clean[n++] = *env;
	clean[n] = NULL;
	return clean;
}

static void reset_signals(void)
{
	sigset_t none;

	for (int signal = 1; signal < 32; signal++) {
		struct sigaction action = { .sa_handler = SIG_DFL };

		(void)sigaction(signal, &action, NULL);
	}
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Twice, so that it is init's child, not git's, in a session that no terminal's end reaches. */
static void start_worker(const struct project *project, char **env)
{
	char *argv[] = { (char *)"reinject", (char *)"-c", (char *)project->config, (char *)"hooks", (char *)"run", NULL };
	pid_t pid = fork();
	int status;

	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
		}
	if (pid != 0)
		return;
	if (setsid() < 0 || fork() != 0)
		_exit(0);
	seal_descriptors(project);
	reset_signals();
	if (chdir("/") == 0)
		execve(project->reinject, argv, clean_environment(env));
	_exit(127);
}

/* -- the program ----------------------------------------------------------------------------------------------------------------------------- */

static int read_number(const char *text)
{
	int number = 0;

	for (; *text >= '0' && *text <= '9' && number <= MAX_PROJECTS; text++)
		number = number * 10 + (*text - '0');
	return *text ? -1 : number;
}

static int is_switched_off(char **env)
{
	for (; *env; env++)
		if (strcmp(*env, "REINJECT=0") == 0)
			return 1;
	return 0;
}

int main(int argc, char **argv, char **env)
{
	int n = argc > FIRST_PROJECT ? read_number(argv[2]) : -1;

	if (n < 0 || n > (argc - FIRST_PROJECT) / WORDS || is_switched_off(env))
		return 0;
	for (int i = 0; i < n; i++) {
		char **words = argv + FIRST_PROJECT + i * WORDS;
		struct project project = { .top = words[0], .state = words[1], .reinject = words[2], .config = words[3] };

		if (!is_here(project.top))
			continue;
		if (strcmp(argv[1], "wake") != 0)
			append(&project, argv[1], argv + FIRST_PROJECT + n * WORDS);
		if (is_needed(&project))
			start_worker(&project, env);
	}
	return 0;
}
