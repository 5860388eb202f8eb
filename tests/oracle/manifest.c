#include "oracle/manifest.h"

static const char *const tables[MANIFEST_KINDS] = { "[dependencies]", "[build-dependencies]", "[dev-dependencies]" };

/* -- Cargo.toml ------------------------------------------------------------------------------------------------------------------------------- */

static char *dep_key(const struct world *world, const struct manifest_dep *dep)
{
	if (dep->crate < WORLD_CRATES)
		return xstrdup(world->crates[dep->crate].name);
	return dep->major == 1 ? xstrdup(dep->package) : xasprintf("%s-%u", dep->package, dep->major);
}

static char *version_of(size_t crate)
{
	return xstrdup(crate == WORLD_PATCHED || crate == WORLD_PATCHED + 1 ? "1.0.0" : "0.1.0");
}

static void print_dep(const struct world *world, size_t crate, const struct manifest_dep *dep, struct str *ret)
{
	CLEANUP_FREE char *key = dep_key(world, dep);

	str_printf(ret, "%s = { package = \"%s\", ", key, dep->crate < WORLD_CRATES ? key : dep->package);
	if (dep->crate < WORLD_CRATES) {
		str_add(ret, "path = \"../");
		for (const char *c = world_dir(world, crate); *c; c++)
			str_add(ret, *c == '/' ? "../" : "");
		str_printf(ret, "%s\"", world_dir(world, dep->crate));
	} else {
		str_printf(ret, "version = \"%u\"", dep->major);
	}
	str_printf(ret, "%s }\n", dep->optional ? ", optional = true" : "");
}

static void print_features(const struct world *world, const struct manifest *manifest, struct str *ret)
{
	const char *separator = "";

	str_add(ret, "\n[features]\ndefault = [");
	for (size_t i = 0; manifest->active && i < manifest->n_deps; i++) {
		CLEANUP_FREE char *key = dep_key(world, &manifest->deps[i]);

		if (!manifest->deps[i].optional)
			continue;
		str_printf(ret, "%s\"dep:%s\"", separator, key);
		separator = ", ";
	}
	str_printf(ret, "]\n# %s\n", manifest->active ? "on" : "off");
}

void manifest_write(const struct world *world, size_t crate, const struct manifest *manifest)
{
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.toml", world_dir(world, crate)), *version = version_of(crate);
	CLEANUP(str_clear) struct str text = { 0 };

	str_printf(&text, "[package]\nname = \"%s\"\nversion = \"%s\"\nedition = \"2021\"\nbuild = false\n# note %u\n",
		   world->crates[crate].name, version, manifest->note);
	str_add(&text, "\n[lib]\npath = \"src/lib.rs\"\n");
	print_features(world, manifest, &text);
	for (int kind = 0; kind < MANIFEST_KINDS; kind++) {
		str_printf(&text, "\n%s\n", tables[kind]);
		for (size_t i = 0; i < manifest->n_deps; i++)
			if ((int)manifest->deps[i].kind == kind)
				print_dep(world, crate, &manifest->deps[i], &text);
	}
	world_write(world, path, &text);
}

/* This one has a name both in the registry and as a folder; cargo allows one of them in a manifest. */
static bool is_patched(const struct manifest_dep *dep)
{
	return dep->crate == WORLD_PATCHED + 1 || str_eq(dep->package, "r-patched2");
}

static bool same_dep(const struct manifest_dep *a, const struct manifest_dep *b)
{
	if (is_patched(a) && is_patched(b))
		return a->kind == b->kind || a->crate != b->crate;
	return a->kind == b->kind && a->crate == b->crate && a->major == b->major && str_eq(a->package, b->package);
}

static void append_dep(struct manifest *manifest, struct manifest_dep dep)
{
	grow_array(&manifest->deps, &manifest->cap, manifest->n_deps, sizeof(dep));
	dep.package = dep.package ? xstrdup(dep.package) : NULL;
	manifest->deps[manifest->n_deps++] = dep;
}

void manifest_add(struct manifest *manifest, struct manifest_dep dep)
{
	for (size_t i = 0; i < manifest->n_deps; i++)
		if (same_dep(&manifest->deps[i], &dep) ||
		    (dep.crate < WORLD_CRATES && manifest->deps[i].crate == dep.crate && (dep.optional || manifest->deps[i].optional)))
			return;
	append_dep(manifest, dep);
}

void manifest_drop(struct manifest *manifest, size_t i)
{
	free(manifest->deps[i].package);
	memmove(&manifest->deps[i], &manifest->deps[i + 1], (--manifest->n_deps - i) * sizeof(*manifest->deps));
}

void manifest_clear(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->n_deps; i++)
		free(manifest->deps[i].package);
	free(manifest->deps);
	*manifest = (struct manifest){ 0 };
}

/* The text between @before and the next quote in @line; NULL without it. */
static char *between(const char *line, const char *before)
{
	const char *at = strstr(line, before), *end = at ? strchr(at + strlen(before), '"') : NULL;

	return end ? xstrndup(at + strlen(before), (size_t)(end - at) - strlen(before)) : NULL;
}

static bool read_dep(const struct world *world, const char *line, enum manifest_kind kind, struct manifest *ret)
{
	CLEANUP_FREE char *package = between(line, "{ package = \""), *path = between(line, ", path = \""),
			  *version = between(line, ", version = \"");
	struct manifest_dep dep = { .kind = kind, .crate = WORLD_CRATES, .optional = strstr(line, ", optional = true") != NULL };
	const char *dir = path;

	if (!package || !str_ends(line, " }") || (!path && !version))
		return false;
	while (dir && str_starts(dir, "../"))
		dir += 3;
	if (path)
		dep.crate = world_crate_in(world, dir);
	else
		dep.package = package;
	dep.major = path ? 0 : (unsigned int)strtoul(version, NULL, 10);
	if (path && dep.crate == WORLD_CRATES)
		return false;
	/* A key that stands there twice, which a merge may leave, is broken. */
	for (size_t i = 0; i < ret->n_deps; i++)
		if (same_dep(&ret->deps[i], &dep))
			return false;
	append_dep(ret, dep);
	return true;
}

/* The default features name what of the optional is on. Two sides of a merge may leave a name without its dependency, which cargo refuses, or a
 * dependency without its name. */
static bool read_features(const struct world *world, const char *line, struct manifest *ret)
{
	const char *at = line;

	while ((at = strstr(at, "\"dep:"))) {
		CLEANUP_FREE char *name = between(at, "\"dep:");
		bool found = false;

		for (size_t i = 0; name && i < ret->n_deps; i++) {
			CLEANUP_FREE char *key = dep_key(world, &ret->deps[i]);

			if (ret->deps[i].optional && str_eq(key, name))
				found = ret->deps[i].active = true;
		}
		if (!found)
			return false;
		at++;
	}
	return true;
}

static bool read_line(const struct world *world, size_t crate, const char *line, int *table, struct manifest *ret)
{
	static const char *const fixed[] = { "",          "[package]", "edition = \"2021\"", "build = false", "[lib]", "path = \"src/lib.rs\"",
					     "[features]" };
	CLEANUP_FREE char *name = xasprintf("name = \"%s\"", world->crates[crate].name), *number = version_of(crate),
			  *version = xasprintf("version = \"%s\"", number);

	for (int kind = 0; kind < MANIFEST_KINDS; kind++) {
		if (str_eq(line, tables[kind])) {
			*table = kind;
			return true;
		}
	}
	if (*table != MANIFEST_KINDS && *line)
		return read_dep(world, line, (enum manifest_kind) * table, ret);
	if (str_starts(line, "# note "))
		ret->note = (unsigned int)strtoul(line + strlen("# note "), NULL, 10);
	if (str_eq(line, "# on"))
		ret->active = true;
	if (str_starts(line, "# ") || str_starts(line, "default = [") || str_eq(line, name) || str_eq(line, version))
		return true;
	for (size_t i = 0; i < N_ELEMENTS(fixed); i++)
		if (str_eq(line, fixed[i]))
			return true;
	return false;
}

bool manifest_read(const struct world *world, size_t crate, struct manifest *ret)
{
	CLEANUP_FREE char *path = xasprintf("%s/Cargo.toml", world_dir(world, crate)), *text = NULL, *features = NULL;
	CLEANUP(manifest_clear) struct manifest manifest = { 0 };
	CLEANUP(str_clear) struct str bytes = { 0 };
	int table = MANIFEST_KINDS;
	char *rest;

	if (!world_read(world, path, &bytes) || bytes.len == 0)
		return false;
	rest = text = str_take(&bytes);
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		if (!read_line(world, crate, line, &table, &manifest))
			return false;
		if (!features && str_starts(line, "default = ["))
			features = xstrdup(line);
	}
	if (table != MANIFEST_DEV || !features || !read_features(world, features, &manifest))
		return false;
	*ret = manifest;
	manifest = (struct manifest){ 0 };
	return true;
}

/* -- Cargo.lock ------------------------------------------------------------------------------------------------------------------------------- */

void lockfile_clear(struct lockfile *lock)
{
	for (size_t i = 0; i < lock->n; i++) {
		struct lock_package *p = &lock->packages[i];

		free(p->name);
		free(p->version);
		free(p->source);
		free(p->checksum);
		free(p->to);
		strvec_clear(&p->refs);
	}
	free(lock->packages);
	*lock = (struct lockfile){ 0 };
}

size_t lockfile_find(const struct lockfile *lock, const char *name, bool registry)
{
	size_t i = 0;

	while (i < lock->n && (!str_eq(lock->packages[i].name, name) || (lock->packages[i].source != NULL) != registry))
		i++;
	return i;
}

unsigned int lockfile_major(const struct lock_package *package)
{
	return (unsigned int)strtoul(package->version, NULL, 10);
}

static bool read_lock_line(const char *line, struct lockfile *lock)
{
	struct lock_package *p = lock->n > 0 ? &lock->packages[lock->n - 1] : NULL;

	if (str_eq(line, "[[package]]")) {
		grow_array(&lock->packages, &lock->cap, lock->n, sizeof(*lock->packages));
		lock->n++;
		return true;
	}
	if (str_eq(line, "") || line[0] == '#' || str_eq(line, "version = 4") || str_eq(line, "dependencies = [") || str_eq(line, "]"))
		return true;
	if (!p)
		return false;
	if (str_starts(line, " \""))
		strvec_take(&p->refs, between(line, " \""));
	else if (str_starts(line, "name = \"") && !p->name)
		p->name = between(line, "name = \"");
	else if (str_starts(line, "version = \"") && !p->version)
		p->version = between(line, "version = \"");
	else if (str_starts(line, "source = \"") && !p->source)
		p->source = between(line, "source = \"");
	else if (str_starts(line, "checksum = \"") && !p->checksum)
		p->checksum = between(line, "checksum = \"");
	else
		return false;
	return true;
}

/* 'NAME' or 'NAME VERSION'; nothing has a second source here. */
static bool resolve_refs(struct lockfile *lock, struct lock_package *p)
{
	if (!p->name || !p->version)
		return false;
	p->to = xcalloc(p->refs.n, sizeof(*p->to));
	for (size_t i = 0; i < p->refs.n; i++) {
		size_t n = strcspn(p->refs.v[i], " "), found = 0;

		for (size_t j = 0; j < lock->n; j++) {
			const struct lock_package *to = &lock->packages[j];

			if (!to->name || strlen(to->name) != n || strncmp(to->name, p->refs.v[i], n) != 0 ||
			    (p->refs.v[i][n] && !str_eq(to->version, p->refs.v[i] + n + 1)))
				continue;
			p->to[i] = j;
			found++;
		}
		if (found != 1)
			return false;
	}
	return true;
}

bool lockfile_read(const struct world *world, struct lockfile *ret)
{
	CLEANUP(lockfile_clear) struct lockfile lock = { 0 };
	CLEANUP(str_clear) struct str bytes = { 0 };
	CLEANUP_FREE char *text = NULL;
	char *rest;

	if (!world_read(world, "Cargo.lock", &bytes))
		return false;
	rest = text = str_take(&bytes);
	for (char *line = strsep(&rest, "\n"); line && !str_eq(line, "[[patch.unused]]"); line = strsep(&rest, "\n"))
		if (!read_lock_line(line, &lock))
			return false;
	for (size_t i = 0; i < lock.n; i++)
		if (!resolve_refs(&lock, &lock.packages[i]))
			return false;
	*ret = lock;
	lock = (struct lockfile){ 0 };
	return true;
}
