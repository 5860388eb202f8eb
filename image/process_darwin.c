/* Darwin: libproc lists processes and their open files, KERN_PROCARGS2 has their command lines. Compiled by `make check-darwin`; nothing of it was run on a
 * Mac: above all not which of another user's processes libproc lets root, and us, look into, nor whether a QEMU's files are among them. */
#include "image/process.h"

#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <libproc.h>
#include <string.h>
#include <sys/sysctl.h>
#include <unistd.h>

/* -- which file ---------------------------------------------------------------------------------------------------------------------------------- */

bool image_target_is(const struct image_target *target, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (uint64_t)st.st_dev == target->dev && st.st_ino == target->ino;
}

/* The descriptors of @pid; NULL with *@ret_hidden when we may not look. The caller frees them. */
static struct proc_fdinfo *list_descriptors(pid_t pid, size_t *ret_n, bool *ret_hidden)
{
	int size = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, NULL, 0);
	struct proc_fdinfo *fds;

	*ret_n = 0;
	*ret_hidden = size <= 0 && (errno == EPERM || errno == EACCES);
	if (size <= 0)
		return NULL;
	fds = xcalloc(1, (size_t)size);
	size = proc_pidinfo(pid, PROC_PIDLISTFDS, 0, fds, size);
	*ret_n = size > 0 ? (size_t)size / sizeof(*fds) : 0;
	return fds;
}

static bool describe(pid_t pid, const struct proc_fdinfo *fd, struct vnode_fdinfowithpath *ret)
{
	return fd->proc_fdtype == PROX_FDTYPE_VNODE &&
	       proc_pidfdinfo(pid, fd->proc_fd, PROC_PIDFDVNODEPATHINFO, ret, sizeof(*ret)) == (int)sizeof(*ret);
}

enum image_hold image_process_holds(const struct image_target *target, pid_t pid)
{
	size_t n;
	bool hidden;
	CLEANUP_FREE struct proc_fdinfo *fds = list_descriptors(pid, &n, &hidden);
	enum image_hold hold = hidden ? IMAGE_HOLD_HIDDEN : IMAGE_HOLD_NONE;

	for (size_t i = 0; i < n && hold != IMAGE_HOLD_WRITES; i++) {
		struct vnode_fdinfowithpath info;

		if (!describe(pid, &fds[i], &info) || info.pvip.vip_vi.vi_stat.vst_dev != target->dev ||
		    info.pvip.vip_vi.vi_stat.vst_ino != target->ino)
			continue;
		hold = info.pfi.fi_openflags & FWRITE ? IMAGE_HOLD_WRITES : IMAGE_HOLD_READS;
	}
	return hold;
}

void image_process_files(pid_t pid, void (*fn)(void *data, const struct stat *st), void *data)
{
	size_t n;
	bool hidden;
	CLEANUP_FREE struct proc_fdinfo *fds = list_descriptors(pid, &n, &hidden);

	for (size_t i = 0; i < n; i++) {
		struct vnode_fdinfowithpath info;
		struct stat st = { 0 };

		if (!describe(pid, &fds[i], &info) || !S_ISREG(info.pvip.vip_vi.vi_stat.vst_mode))
			continue;
		st.st_dev = (dev_t)info.pvip.vip_vi.vi_stat.vst_dev;
		st.st_ino = info.pvip.vip_vi.vi_stat.vst_ino;
		st.st_mode = info.pvip.vip_vi.vi_stat.vst_mode;
		fn(data, &st);
	}
}

bool image_process_uses(pid_t pid, const char *point)
{
	size_t n;
	bool hidden;
	CLEANUP_FREE char *cwd = image_process_cwd(pid);
	CLEANUP_FREE struct proc_fdinfo *fds = list_descriptors(pid, &n, &hidden);

	if (cwd && path_under(cwd, point))
		return true;
	for (size_t i = 0; i < n; i++) {
		struct vnode_fdinfowithpath info;

		if (describe(pid, &fds[i], &info) && path_under(info.pvip.vip_path, point))
			return true;
	}
	return false;
}

/* -- which program ------------------------------------------------------------------------------------------------------------------------------- */

/* The buffer holds the number of words, the program's path, zeros, and the words, each ended by a zero. */
void image_process_words(pid_t pid, struct strvec *ret)
{
	int name[] = { CTL_KERN, KERN_PROCARGS2, pid }, count;
	size_t size = 0, at = sizeof(count);
	CLEANUP_FREE char *buffer = NULL;

	if (sysctl(name, N_ELEMENTS(name), NULL, &size, NULL, 0) < 0 || size <= sizeof(count))
		return;
	buffer = xcalloc(1, size + 1);
	if (sysctl(name, N_ELEMENTS(name), buffer, &size, NULL, 0) < 0 || size <= sizeof(count))
		return;
	memcpy(&count, buffer, sizeof(count));
	at += strlen(buffer + at);
	while (at < size && buffer[at] == '\0')
		at++;
	for (int i = 0; i < count && at < size; i++) {
		strvec_add(ret, buffer + at);
		at += strlen(buffer + at) + 1;
	}
}

char *image_process_program(pid_t pid, const struct strvec *words)
{
	char path[PROC_PIDPATHINFO_MAXSIZE];

	if (proc_pidpath(pid, path, sizeof(path)) > 0)
		return xstrdup(fs_basename(path));
	return words && words->n > 0 ? xstrdup(fs_basename(words->v[0])) : NULL;
}

char *image_process_cwd(pid_t pid)
{
	struct proc_vnodepathinfo info;

	if (proc_pidinfo(pid, PROC_PIDVNODEPATHINFO, 0, &info, sizeof(info)) != (int)sizeof(info) || !info.pvi_cdir.vip_path[0])
		return NULL;
	return xstrdup(info.pvi_cdir.vip_path);
}

void image_process_each(void (*fn)(void *data, pid_t pid), void *data)
{
	int size = proc_listpids(PROC_ALL_PIDS, 0, NULL, 0);
	CLEANUP_FREE pid_t *pids = size > 0 ? xcalloc(1, (size_t)size) : NULL;

	size = pids ? proc_listpids(PROC_ALL_PIDS, 0, pids, size) : 0;
	for (size_t i = 0; size > 0 && i < (size_t)size / sizeof(*pids); i++)
		if (pids[i] > 0 && pids[i] != getpid())
			fn(data, pids[i]);
}
