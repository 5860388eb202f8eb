/* hooks/service - what a service manager needs to run us unattended: the texts of systemd's user units and of launchd's agents, and the files.
 *
 * Texts:    hooks_service_files() makes them from a struct hooks_service alone, for either system, on any host.
 * Names:    reinject-KIND-PROJECT.service and .timer, reinject.KIND.PROJECT.plist; PROJECT is the folder's name and eight digits of a hash over the
 *           configuration's path, so that projects do not meet.
 * Ours:     the second line of a unit, and the third of a plist, is a mark: the time, how many folders were made for it, and a hash of the text. What
 *           has no mark is somebody else's and is neither overwritten nor removed; neither is one of ours that was edited (a drop-in is the place for
 *           edits, and stays).
 * Writing:  temporary file and rename, only what differs.
 * Threads:  no shared state. */
#ifndef REINJECT_HOOKS_SERVICE_H
#define REINJECT_HOOKS_SERVICE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum hooks_service_kind { HOOKS_SERVICE_WATCH, HOOKS_SERVICE_NIGHTLY };
/** 'watch', 'nightly': also the verb that runs. */
const char *hooks_service_kind_name(enum hooks_service_kind kind);

enum hooks_service_system { HOOKS_SERVICE_SYSTEMD, HOOKS_SERVICE_LAUNCHD };

struct hooks_service {
	enum hooks_service_kind kind;
	enum hooks_service_system system;
	const char *program;              /* reinject, absolute */
	const char *config;               /* reinject.ini, absolute */
	const char *state;                /* launchd only: its folder gets the log */
	const struct strvec *environment; /* NAME=VALUE: what cargo is found by, and other than the service manager's own */
	unsigned int hour, minute;        /* nightly */
	unsigned int limit_s;             /* nightly: the night's own limit, which the service manager's stands behind */
	unsigned int n_made;              /* folders that were made for the files: for the mark */
};

struct hooks_service_file {
	char *name; /* owned */
	char *text; /* owned */
};

struct hooks_service_files {
	struct hooks_service_file v[3];
	size_t n;
	const char *unit; /* borrowed from v: the name to enable; launchd: the file's */
};
/** Gives back what hooks_service_files() has filled. */
void hooks_service_files_clear(struct hooks_service_files *files);

/** The files, the one to enable first. -EINVAL, class ERR_USAGE, for a path with control bytes, or with bytes that are no UTF-8. */
int hooks_service_files(const struct hooks_service *service, struct hooks_service_files *ret, struct err *err) MUST_CHECK;

/** The folder of the system's own: $XDG_CONFIG_HOME/systemd/user (~/.config), ~/Library/LaunchAgents. The caller frees it. */
int hooks_service_dir(enum hooks_service_system system, char **ret, struct err *err) MUST_CHECK;

enum hooks_service_state {
	HOOKS_SERVICE_ABSENT,
	HOOKS_SERVICE_INSTALLED,
	HOOKS_SERVICE_OUTDATED, /* ours, but of another program, time, limit or version */
	HOOKS_SERVICE_EDITED,   /* ours, and changed by hand */
	HOOKS_SERVICE_FOREIGN   /* somebody else's, or no file at all */
};
/** The word for it in JSON. */
const char *hooks_service_state_name(enum hooks_service_state state);

struct hooks_service_mark {
	unsigned int hour, minute, n_made;
};

/** How file @path stands beside @text. @ret_mark is filled for one of ours, else left alone; it may be NULL. */
int hooks_service_inspect(const char *path, const char *text, enum hooks_service_state *ret, struct hooks_service_mark *ret_mark,
			  struct err *err) MUST_CHECK;

/** Fills time and mark of @service from the files of ours in @dir, where there are any; without any, leaves it as it is. */
int hooks_service_recall(struct hooks_service *service, const char *dir, struct err *err) MUST_CHECK;

/** Writes what differs into @dir, which is made. @ret_n: how many files. -EEXIST: a file there is not ours or was edited; nothing was written. */
int hooks_service_install(const struct hooks_service *service, const char *dir, size_t *ret_n, struct err *err) MUST_CHECK;

/** Removes them, and the folders that were made for them, when they are empty. -EEXIST as there; nothing was removed. */
int hooks_service_uninstall(const struct hooks_service *service, const char *dir, size_t *ret_n, struct err *err) MUST_CHECK;

#endif
