/* No C library for TOML is in Debian and Homebrew both, and cargo writes one form only; so this reader knows that form and nothing else. */
#include "cargo/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NEWEST_VERSION = 4 };

enum section { SECTION_HEAD, SECTION_PACKAGE, SECTION_METADATA, SECTION_UNUSED };

struct reader {
	struct cargo_lock *lock;
	struct err *err;
	unsigned int line;
	enum section section;
	bool has_version, in_list;
	struct strvec checksums; /* of version 1: id, value, id, value ..., until all packages are known */
	struct strvec seen;      /* keys of the present table */
};

static void reader_clear(struct reader *reader)
{
	strvec_clear(&reader->checksums);
	strvec_clear(&reader->seen);
}

/* -- words ------------------------------------------------------------------------------------------------------------------------------------ */

static int refuse(const struct reader *reader, const char *what)
{
	return err_class_set(reader->err, ERR_FAILED, -EBADMSG, "line %u: %s", reader->line, what);
}

/* A basic string that starts at *@at, which is moved behind it. NULL for what is none; of escapes only those for '"' and '\' are known. */
static char *read_string(const char **at)
{
	CLEANUP(str_clear) struct str text = { 0 };
	const char *p = *at;

	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		else if (*p == '\\' || (unsigned char)*p < ' ')
			return NULL;
		str_add_c(&text, *p);
	}
	*at = p + 1;
	return str_take(&text);
}

/* The string that is all of @value. */
static char *whole_string(const char *value)
{
	CLEANUP_FREE char *text = read_string(&value);

	return *value == '\0' ? TAKE_PTR(text) : NULL;
}

static struct cargo_lock_package *last_package(struct reader *reader)
{
	return &reader->lock->packages[reader->lock->n_packages - 1];
}

/* -- lines ------------------------------------------------------------------------------------------------------------------------------------ */

static void add_package(struct reader *reader)
{
	struct cargo_lock *lock = reader->lock;

	grow_array(&lock->packages, &lock->cap, lock->n_packages, sizeof(*lock->packages));
	lock->n_packages++;
}

static int read_header(struct reader *reader, const char *line)
{
	strvec_clear(&reader->seen);
	if (str_eq(line, "[[package]]") || str_eq(line, "[root]")) {
		reader->section = SECTION_PACKAGE;
		add_package(reader);
	} else if (str_eq(line, "[[patch.unused]]")) {
		reader->section = SECTION_UNUSED;
	} else if (str_eq(line, "[metadata]")) {
		reader->section = SECTION_METADATA;
	} else {
		return refuse(reader, "an unknown table");
	}
	return 0;
}

static int read_version(struct reader *reader, const char *value)
{
	char *end;
	unsigned long version = strtoul(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end != '\0')
		return refuse(reader, "the version is no number");
	if (version < 1 || version > NEWEST_VERSION)
		return err_class_set(reader->err, ERR_FAILED, -ENOTSUP, "line %u: version %lu of the lock file is not known (1 to %d are)",
				     reader->line, version, NEWEST_VERSION);
	reader->lock->version = (unsigned int)version;
	return 0;
}

/* `dependencies = [`, whose items follow, one a line; older cargos write an empty list in one. */
static int begin_list(struct reader *reader, const char *value)
{
	if (str_eq(value, "[]"))
		return 0;
	if (!str_eq(value, "["))
		return refuse(reader, "a list is expected");
	reader->in_list = true;
	return 0;
}

static int read_item(struct reader *reader, const char *line)
{
	CLEANUP_FREE char *text = NULL;

	if (str_eq(line, "]")) {
		reader->in_list = false;
		return 0;
	}
	if (*line == ' ')
		line++;
	text = read_string(&line);
	if (!text || !(str_eq(line, ",") || str_eq(line, "")))
		return refuse(reader, "an item of a list is expected");
	if (reader->section == SECTION_PACKAGE)
		strvec_take(&last_package(reader)->dependencies, TAKE_PTR(text));
	return 0;
}

static int read_field(struct reader *reader, const char *key, const char *value)
{
	struct cargo_lock_package unused = { 0 };
	struct cargo_lock_package *package = reader->section == SECTION_PACKAGE ? last_package(reader) : &unused;
	CLEANUP_FREE char *text = NULL;
	char **field = NULL;

	if (strvec_has(&reader->seen, key))
		return refuse(reader, "a key for the second time");
	strvec_add(&reader->seen, key);
	if (str_eq(key, "dependencies"))
		return begin_list(reader, value);
	text = whole_string(value);
	if (!text)
		return refuse(reader, "a string is expected");
	if (str_eq(key, "name"))
		field = &package->name;
	else if (str_eq(key, "version"))
		field = &package->version;
	else if (str_eq(key, "source"))
		field = &package->source;
	else if (str_eq(key, "checksum"))
		field = &package->checksum;
	else if (!str_eq(key, "replace"))
		return refuse(reader, "an unknown key");
	if (reader->section == SECTION_UNUSED)
		return 0;
	/* What replaces a package is what is linked in its place. */
	if (field)
		*field = TAKE_PTR(text);
	else
		strvec_take(&package->dependencies, TAKE_PTR(text));
	return 0;
}

/* Keys are quoted when they are checksums; others there are not cargo's, and it keeps them. */
static int read_metadata(struct reader *reader, const char *line)
{
	CLEANUP_FREE char *key = read_string(&line), *value = NULL;

	if (!key) {
		size_t n = strcspn(line, " =");

		key = xstrndup(line, n);
		line += n;
	}
	if (!*key || !str_starts(line, " = "))
		return refuse(reader, "a key and its value are expected");
	value = whole_string(line + 3);
	if (!value)
		return refuse(reader, "a string is expected");
	if (!str_starts(key, "checksum "))
		return 0;
	strvec_add(&reader->checksums, key + strlen("checksum "));
	strvec_take(&reader->checksums, TAKE_PTR(value));
	return 0;
}

static int read_pair(struct reader *reader, const char *line)
{
	const char *equals = strstr(line, " = ");
	CLEANUP_FREE char *key = equals ? xstrndup(line, (size_t)(equals - line)) : NULL;

	if (reader->section == SECTION_METADATA)
		return read_metadata(reader, line);
	if (!key)
		return refuse(reader, "this is nothing that cargo writes");
	if (reader->section != SECTION_HEAD)
		return read_field(reader, key, equals + 3);
	if (!str_eq(key, "version") || reader->has_version)
		return refuse(reader, "an unknown key");
	reader->has_version = true;
	return read_version(reader, equals + 3);
}

static int read_line(struct reader *reader, const char *line)
{
	if (*line == '\0' || *line == '#')
		return 0;
	if (reader->in_list)
		return read_item(reader, line);
	return *line == '[' ? read_header(reader, line) : read_pair(reader, line);
}

static int read_lines(struct reader *reader, const char *text, size_t n)
{
	CLEANUP_FREE char *copy = xstrndup(text, n);
	char *rest = copy;
	int r = 0;

	if (memchr(text, '\0', n))
		return refuse(reader, "a NUL byte");
	for (char *line = strsep(&rest, "\n"); r == 0 && line; line = strsep(&rest, "\n")) {
		size_t length = strlen(line);

		reader->line++;
		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = '\0';
		r = read_line(reader, line);
	}
	if (r == 0 && reader->in_list)
		r = refuse(reader, "a list without its end");
	return r;
}

/* -- edges ------------------------------------------------------------------------------------------------------------------------------------ */

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_packages(const void *a, const void *b)
{
	const struct cargo_lock_package *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	if (r == 0)
		r = strcmp(x->version, y->version);
	return r == 0 ? compare_text(x->source, y->source) : r;
}

size_t cargo_lock_find(const struct cargo_lock *lock, const char *name)
{
	size_t low = 0, high = lock->n_packages;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(lock->packages[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A reference's parts: 'NAME', 'NAME VERSION', 'NAME VERSION (SOURCE)'. */
struct reference {
	char *name, *version, *source;
};

static void reference_clear(struct reference *reference)
{
	free(reference->name);
	free(reference->version);
	free(reference->source);
}

static bool reference_parse(const char *text, struct reference *ret)
{
	size_t n = strcspn(text, " ");

	ret->name = xstrndup(text, n);
	if (text[n] == '\0')
		return n > 0;
	text += n + 1;
	n = strcspn(text, " ");
	ret->version = xstrndup(text, n);
	if (n == 0 || text[n] == '\0')
		return n > 0;
	text += n + 1;
	if (text[0] != '(' || !str_ends(text, ")"))
		return false;
	ret->source = xstrndup(text + 1, strlen(text) - 2);
	return true;
}

/* An edge names a git source without the commit that its package has behind '#'. */
static bool is_source(const char *source, const char *wanted)
{
	size_t n = strlen(wanted);

	return source && strncmp(source, wanted, n) == 0 && (source[n] == '\0' || source[n] == '#');
}

/* The one package that @text means. Where cargo cannot name a source, because there is none, the package without one is meant. */
static bool find_reference(const struct cargo_lock *lock, const char *text, size_t *ret)
{
	CLEANUP(reference_clear) struct reference wanted = { 0 };
	size_t n_found = 0, n_bare = 0, found = 0, bare = 0;

	if (!reference_parse(text, &wanted))
		return false;
	for (size_t i = cargo_lock_find(lock, wanted.name); i < lock->n_packages && str_eq(lock->packages[i].name, wanted.name); i++) {
		const struct cargo_lock_package *package = &lock->packages[i];

		if ((wanted.version && !str_eq(package->version, wanted.version)) ||
		    (wanted.source && !is_source(package->source, wanted.source)))
			continue;
		found = i;
		n_found++;
		if (!package->source) {
			bare = i;
			n_bare++;
		}
	}
	*ret = n_found == 1 ? found : bare;
	return n_found == 1 || n_bare == 1;
}

static int add_checksums(struct reader *reader)
{
	struct cargo_lock *lock = reader->lock;
	size_t at;

	for (size_t i = 0; i + 1 < reader->checksums.n; i += 2) {
		if (!find_reference(lock, reader->checksums.v[i], &at) || lock->packages[at].checksum)
			return err_class_set(reader->err, ERR_FAILED, -EBADMSG, "a checksum for '%s', which is no package",
					     reader->checksums.v[i]);
		if (!str_eq(reader->checksums.v[i + 1], "<none>"))
			lock->packages[at].checksum = xstrdup(reader->checksums.v[i + 1]);
	}
	return 0;
}

static void make_identity(struct cargo_lock_package *package)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	hash_field(hash, "name", package->name);
	hash_field(hash, "version", package->version);
	hash_field(hash, "source", package->source);
	hash_field(hash, "checksum", package->checksum);
	hash_end(hash, package->identity);
}

static int make_edges(struct reader *reader, struct cargo_lock_package *package)
{
	package->edges = xcalloc(package->dependencies.n, sizeof(*package->edges));
	for (size_t i = 0; i < package->dependencies.n; i++)
		if (!find_reference(reader->lock, package->dependencies.v[i], &package->edges[i]))
			return err_class_set(reader->err, ERR_FAILED, -EBADMSG, "package '%s' depends on '%s', which is not one package of it",
					     package->name, package->dependencies.v[i]);
	return 0;
}

static int finish(struct reader *reader)
{
	struct cargo_lock *lock = reader->lock;
	int r;

	for (size_t i = 0; i < lock->n_packages; i++)
		if (!lock->packages[i].name || !lock->packages[i].version)
			return refuse(reader, "a package without name or version");
	if (lock->n_packages > 1)
		qsort(lock->packages, lock->n_packages, sizeof(*lock->packages), compare_packages);
	for (size_t i = 1; i < lock->n_packages; i++)
		if (compare_packages(&lock->packages[i - 1], &lock->packages[i]) == 0)
			return err_class_set(reader->err, ERR_FAILED, -EBADMSG, "package '%s %s' stands there twice", lock->packages[i].name,
					     lock->packages[i].version);
	r = add_checksums(reader);
	for (size_t i = 0; r == 0 && i < lock->n_packages; i++) {
		make_identity(&lock->packages[i]);
		r = make_edges(reader, &lock->packages[i]);
	}
	return r;
}

int cargo_lock_parse(const char *text, size_t n, struct cargo_lock *ret, struct err *err)
{
	CLEANUP(cargo_lock_clear) struct cargo_lock lock = { .version = 1 };
	CLEANUP(reader_clear) struct reader reader = { .lock = &lock, .err = err };
	int r = read_lines(&reader, text, n);

	if (r == 0)
		r = finish(&reader);
	if (r < 0)
		return r;
	*ret = lock;
	lock = (struct cargo_lock){ 0 };
	return 0;
}

void cargo_lock_clear(struct cargo_lock *lock)
{
	for (size_t i = 0; i < lock->n_packages; i++) {
		struct cargo_lock_package *package = &lock->packages[i];

		free(package->name);
		free(package->version);
		free(package->source);
		free(package->checksum);
		free(package->edges);
		strvec_clear(&package->dependencies);
	}
	free(lock->packages);
	*lock = (struct cargo_lock){ 0 };
}
