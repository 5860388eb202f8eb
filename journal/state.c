#include "journal/state.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char gitignore[] = "*\n";
/* The signature is the specification's: https://bford.info/cachedir/ */
static const char cachedir_tag[] = "Signature: 8a477f597d28d172789f06886806bc55\n"
				   "# This folder was made by reinject. For cache directory tags see https://bford.info/cachedir/\n";

/* Root may work in the folder of whoever owns the folder above: it may have been made so, by us, under sudo. */
static bool owner_is_trusted(const char *state, uid_t owner)
{
	CLEANUP_FREE char *parent = fs_dirname(state);
	const char *sudo_uid = getenv("SUDO_UID");
	struct stat st;

	if (owner == geteuid() || owner == 0)
		return true;
	if (geteuid() != 0)
		return false;
	if (sudo_uid && *sudo_uid && strtoul(sudo_uid, NULL, 10) == owner)
		return true;
	return stat(parent, &st) == 0 && st.st_uid == owner;
}

static void hint_at_owner(const char *state, uid_t owner, struct err *err)
{
	const struct passwd *user = getpwuid(owner);

	err_hint(err, "look who made it; run reinject as its owner (sudo -u %s reinject ...), or, if it is yours: sudo chown -R %u:%u '%.700s'",
		 user ? user->pw_name : "OWNER", (unsigned int)geteuid(), (unsigned int)getegid(), state);
}

/* Whoever else works in this tree; to them a closed folder looks as if nothing were in it. */
static int check_open(const char *state, uid_t owner, struct err *err)
{
	if (geteuid() == 0 || access(state, R_OK | X_OK) == 0)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, -EACCES, "state folder '%s' is closed to you: it belongs to another user", state);
	hint_at_owner(state, owner, err);
	return -EACCES;
}

int journal_state_check(const char *state, struct err *err)
{
	struct stat st;
	int r;

	if (stat(state, &st) < 0) {
		r = err_set(err, -errno, "cannot open state folder '%s'", state);
		if (r == -EACCES && err) {
			err->class = ERR_ENVIRONMENT;
			err_hint(err, "you may not enter a folder above it");
		}
		return r;
	}
	if (!S_ISDIR(st.st_mode))
		return err_class_set(err, ERR_USAGE, -ENOTDIR, "state folder '%s' is no folder", state);
	if (st.st_mode & S_IWOTH) {
		err_class_set(err, ERR_USAGE, -EPERM, "state folder '%s' can be written by everybody", state);
		err_hint(err, "chmod o-w '%s'", state);
		return -EPERM;
	}
	if (owner_is_trusted(state, st.st_uid))
		return check_open(state, st.st_uid, err);
	err_class_set(err, ERR_USAGE, -EPERM, "state folder '%s' belongs to user %u", state, (unsigned int)st.st_uid);
	hint_at_owner(state, st.st_uid, err);
	return -EPERM;
}

int journal_state_give(const char *state, int fd, struct err *err)
{
	struct stat st;
	int r = stat(state, &st) < 0 ? -errno : fs_give(fd, &st);

	return r < 0 ? err_set(err, r, "cannot give what was made in '%s' to the folder's owner", state) : 0;
}

int journal_state_make_dir(const char *state, const char *name, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", state, name);

	return fs_make_dirs_for_owner(path, 0700, err);
}

static int add_marker(const char *state, const char *name, const char *text, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", state, name);
	CLEANUP_CLOSE int fd = -1;
	int r;

	if (fs_exists(path))
		return 0;
	r = fs_write_atomic(path, text, strlen(text), 0644, err);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open '%s'", path);
	return journal_state_give(state, fd, err);
}

/* As the user's own 'sudo mkdir', or a run as root without sudo, would leave it. */
static int check_writable(const char *state, struct err *err)
{
	int r = access(state, W_OK | X_OK) < 0 ? -errno : 0;

	if (r == 0)
		return 0;
	err_class_set(err, ERR_ENVIRONMENT, r, "cannot write into state folder '%s': %s", state, strerror(-r));
	err_hint(err, "sudo chown -R %u:%u '%.700s'", (unsigned int)geteuid(), (unsigned int)getegid(), state);
	return r;
}

int journal_state_prepare(const char *state, struct err *err)
{
	int r = fs_make_dirs_for_owner(state, 0700, err);

	if (r == 0)
		r = journal_state_check(state, err);
	if (r == 0)
		r = check_writable(state, err);
	if (r == 0)
		r = add_marker(state, ".gitignore", gitignore, err);
	if (r == 0)
		r = add_marker(state, "CACHEDIR.TAG", cachedir_tag, err);
	return r;
}
