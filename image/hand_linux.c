#include "image/hand.h"

#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <unistd.h>

/* By the words of the links in /proc alone: a stat of a file in a mount that hangs would hang too. */

static bool leads_below(const char *link, const char *point)
{
	char target[4096];
	ssize_t n = readlink(link, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	return path_under(target, point);
}

static bool uses(const char *pid, const char *point)
{
	static const char *const places[] = { "cwd", "root", "exe" };
	CLEANUP_FREE char *fds = xasprintf("/proc/%s/fd", pid);
	CLEANUP(cleanup_closedir) DIR *dir = NULL;
	struct dirent *entry;

	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		CLEANUP_FREE char *link = xasprintf("/proc/%s/%s", pid, places[i]);

		if (leads_below(link, point))
			return true;
	}
	dir = opendir(fds);
	while (dir && (entry = readdir(dir))) {
		CLEANUP_FREE char *link = xasprintf("%s/%s", fds, entry->d_name);

		if (leads_below(link, point))
			return true;
	}
	return false;
}

static char *program_of(const char *pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%s/comm", pid);
	FILE *file = fopen(path, "re");
	char name[64] = "";

	if (file && !fgets(name, sizeof(name), file))
		name[0] = '\0';
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return str_visible(name[0] ? name : "a program");
}

void image_hand_users(const char *point, struct strvec *ret)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		/* A descriptor that we have inherited is our caller's, who has it too. */
		if (isdigit((unsigned char)entry->d_name[0]) && atoi(entry->d_name) != getpid() && uses(entry->d_name, point)) {
			CLEANUP_FREE char *program = program_of(entry->d_name);

			strvec_addf(ret, "%s (process %s)", program, entry->d_name);
		}
	}
}
