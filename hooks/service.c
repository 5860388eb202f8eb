#include "hooks/service.h"

#include "base/fs.h"
#include "base/hash.h"
#include "hooks/service_text.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names, marks and files. A mark tells ours from others' without a record elsewhere, so that a lost state folder does not strand a service. */

#define MARK    "reinject-service 1"
#define NO_HASH "----------------" /* where the hash goes, while it is made */

enum { MAX_TEXT = 64 * 1024, MAX_NAME = 40, HASH_DIGITS = sizeof(NO_HASH) - 1 };

const char *hooks_service_kind_name(enum hooks_service_kind kind)
{
	return kind == HOOKS_SERVICE_NIGHTLY ? "nightly" : "watch";
}

const char *hooks_service_state_name(enum hooks_service_state state)
{
	static const char *const names[] = { "absent", "installed", "outdated", "edited", "foreign" };

	return names[state];
}

/* -- texts ------------------------------------------------------------------------------------------------------------------------------------- */

void hooks_service_add_project(struct str *name, const struct hooks_service *service)
{
	CLEANUP_FREE char *dir = fs_dirname(service->config);
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	const char *base = fs_basename(dir);
	char digits[HASH_HEX_SIZE];

	hash_field(hash, "config", service->config);
	hash_end(hash, digits);
	for (size_t i = 0; i < MAX_NAME && base[i]; i++)
		str_add_c(name, (unsigned char)base[i] < 0x80 && isalnum((unsigned char)base[i]) ? base[i] : '_');
	str_printf(name, "-%.8s", digits);
}

void hooks_service_add_mark(struct str *text, const struct hooks_service *service)
{
	str_printf(text, MARK " time=%02u:%02u made=%u sum=" NO_HASH, service->hour, service->minute, service->n_made);
}

static void sum(const char *text, size_t at, char ret[HASH_HEX_SIZE])
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	hash_add(hash, text, at);
	hash_add(hash, text + at + HASH_DIGITS, strlen(text + at + HASH_DIGITS));
	hash_end(hash, ret);
}

char *hooks_service_seal(struct str *text)
{
	char digits[HASH_HEX_SIZE];
	char *place = strstr(text->buf, "sum=" NO_HASH);

	sum(text->buf, (size_t)(place - text->buf) + 4, digits);
	memcpy(place + 4, digits, HASH_DIGITS);
	return str_take(text);
}

void hooks_service_files_clear(struct hooks_service_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		free(files->v[i].name);
		free(files->v[i].text);
	}
	*files = (struct hooks_service_files){ 0 };
}

/* systemd passes over a line that is no UTF-8, and a property list cannot hold one. */
static int check_text(const char *text, struct err *err)
{
	CLEANUP_FREE char *visible = str_visible(text);

	for (const char *p = text; *p;) {
		size_t n = str_utf8_length(p);

		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' has a control byte: no service can be made of it", visible);
		if (n == 0)
			return err_class_set(err, ERR_USAGE, -EINVAL, "'%s' is no UTF-8: no service can be made of it", visible);
		p += n;
	}
	return 0;
}

int hooks_service_files(const struct hooks_service *service, struct hooks_service_files *ret, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files files = { 0 };
	int r = check_text(service->program, err);

	if (r == 0)
		r = check_text(service->config, err);
	if (r == 0)
		r = check_text(service->state, err);
	for (size_t i = 0; r == 0 && i < service->environment->n; i++)
		r = check_text(service->environment->v[i], err);
	if (r == 0)
		r = service->system == HOOKS_SERVICE_LAUNCHD ? hooks_service_launchd(service, &files, err)
							     : hooks_service_systemd(service, &files, err);
	if (r < 0)
		return r;
	*ret = files;
	ret->unit = ret->v[0].name;
	files = (struct hooks_service_files){ 0 };
	return 0;
}

/* -- files ------------------------------------------------------------------------------------------------------------------------------------- */

int hooks_service_dir(enum hooks_service_system system, char **ret, struct err *err)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (system == HOOKS_SERVICE_SYSTEMD && config && config[0] == '/') {
		*ret = xasprintf("%s/systemd/user", config);
		return 0;
	}
	if (!home || home[0] != '/')
		return err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "HOME is not set: there is no place for a service's files");
	*ret = xasprintf("%s/%s", home, system == HOOKS_SERVICE_SYSTEMD ? ".config/systemd/user" : "Library/LaunchAgents");
	return 0;
}

/* The place of the hash in @text, when it is one of ours with @ret filled; 0 otherwise. */
static size_t find_mark(const char *text, struct hooks_service_mark *ret)
{
	const char *mark = strstr(text, MARK " ");
	int n = 0;

	if (!mark || mark - text > 512)
		return 0;
	if (sscanf(mark, MARK " time=%2u:%2u made=%3u sum=%n", &ret->hour, &ret->minute, &ret->n_made, &n) != 3 || n == 0)
		return 0;
	return strlen(mark + n) < HASH_DIGITS ? 0 : (size_t)(mark - text) + (size_t)n;
}

static bool is_whole(const char *text, size_t at)
{
	char digits[HASH_HEX_SIZE];

	sum(text, at, digits);
	return memcmp(text + at, digits, HASH_DIGITS) == 0;
}

int hooks_service_inspect(const char *path, const char *text, enum hooks_service_state *ret, struct hooks_service_mark *ret_mark,
			  struct err *err)
{
	CLEANUP(str_clear) struct str found = { 0 };
	struct hooks_service_mark mark;
	struct stat st;
	size_t at;
	int r;

	if (lstat(path, &st) < 0) {
		*ret = HOOKS_SERVICE_ABSENT;
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(err, -errno, "cannot look at '%s'", path);
	}
	*ret = HOOKS_SERVICE_FOREIGN;
	if (!S_ISREG(st.st_mode) || st.st_size > MAX_TEXT)
		return 0;
	r = fs_read(path, MAX_TEXT, &found, err);
	at = r < 0 || strlen(str_text(&found)) != found.len ? 0 : find_mark(str_text(&found), &mark);
	if (r < 0 || at == 0)
		return r;
	if (ret_mark)
		*ret_mark = mark;
	*ret = !is_whole(found.buf, at) ? HOOKS_SERVICE_EDITED : str_eq(found.buf, text) ? HOOKS_SERVICE_INSTALLED : HOOKS_SERVICE_OUTDATED;
	return 0;
}

int hooks_service_recall(struct hooks_service *service, const char *dir, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files files = { 0 };
	int r = hooks_service_files(service, &files, err);

	for (size_t i = 0; r == 0 && i < files.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, files.v[i].name);
		struct hooks_service_mark mark = { .hour = service->hour, .minute = service->minute, .n_made = service->n_made };
		enum hooks_service_state state;

		r = hooks_service_inspect(path, files.v[i].text, &state, &mark, err);
		service->hour = mark.hour;
		service->minute = mark.minute;
		service->n_made = mark.n_made;
	}
	return r;
}

static int refuse(const char *path, enum hooks_service_state state, struct err *err)
{
	err_class_set(err, ERR_FAILED, -EEXIST, "'%s' %s", path,
		      state == HOOKS_SERVICE_EDITED ? "was changed by hand" : "was not written by reinject");
	err_hint(err, "nothing was done; move it away first. What you add in a drop-in (systemctl --user edit) stays");
	return -EEXIST;
}

/* @ret_made: as the files that are there say. */
static int check_ours(const struct hooks_service_files *files, const char *dir, size_t *ret_n, unsigned int *ret_made, struct err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, files->v[i].name);
		struct hooks_service_mark mark = { 0 };
		enum hooks_service_state state;
		int r = hooks_service_inspect(path, files->v[i].text, &state, &mark, err);

		if (r < 0)
			return r;
		if (state == HOOKS_SERVICE_EDITED || state == HOOKS_SERVICE_FOREIGN)
			return refuse(path, state, err);
		*ret_n += state != HOOKS_SERVICE_ABSENT;
		*ret_made = mark.n_made > *ret_made ? mark.n_made : *ret_made;
	}
	return 0;
}

/* How many of @dir and the folders above it are missing. */
static unsigned int count_missing(const char *dir)
{
	CLEANUP_FREE char *parent = NULL;

	if (fs_exists(dir) || str_eq(dir, "/"))
		return 0;
	parent = fs_dirname(dir);
	return 1 + count_missing(parent);
}

static int write_file(const char *dir, const struct hooks_service_file *file, size_t *ret_n, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, file->name);
	enum hooks_service_state state;
	int r = hooks_service_inspect(path, file->text, &state, NULL, err);

	if (r < 0 || state == HOOKS_SERVICE_INSTALLED)
		return r;
	*ret_n += 1;
	return fs_write_atomic(path, file->text, strlen(file->text), 0644, err);
}

int hooks_service_install(const struct hooks_service *service, const char *dir, size_t *ret_n, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files before = { 0 }, files = { 0 };
	struct hooks_service marked = *service;
	size_t n_there = 0;
	int r = hooks_service_files(service, &before, err);

	*ret_n = 0;
	if (r == 0)
		r = check_ours(&before, dir, &n_there, &marked.n_made, err);
	if (r == 0 && n_there == 0)
		marked.n_made = count_missing(dir);
	if (r == 0)
		r = hooks_service_files(&marked, &files, err);
	if (r == 0)
		r = fs_make_dirs(dir, 0755, err);
	for (size_t i = 0; r == 0 && i < files.n; i++)
		r = write_file(dir, &files.v[i], ret_n, err);
	return r;
}

/* The first that is not empty ends it. */
static void remove_made(const char *dir, unsigned int n)
{
	CLEANUP_FREE char *parent = NULL;

	if (n == 0 || rmdir(dir) < 0)
		return;
	parent = fs_dirname(dir);
	remove_made(parent, n - 1);
}

int hooks_service_uninstall(const struct hooks_service *service, const char *dir, size_t *ret_n, struct err *err)
{
	CLEANUP(hooks_service_files_clear) struct hooks_service_files files = { 0 };
	unsigned int n_made = 0;
	size_t n_there = 0;
	int r = hooks_service_files(service, &files, err);

	*ret_n = 0;
	if (r == 0)
		r = check_ours(&files, dir, &n_there, &n_made, err);
	for (size_t i = 0; r == 0 && i < files.n; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, files.v[i].name);

		if (unlink(path) == 0)
			*ret_n += 1;
		else if (errno != ENOENT && errno != ENOTDIR)
			r = err_set(err, -errno, "cannot remove '%s'", path);
	}
	if (r == 0)
		remove_made(dir, n_made);
	return r;
}
