#include "refresh/compiled.h"

#include "base/fs.h"
#include "cargo/depinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void refresh_compiled_clear(struct refresh_compiled *compiled)
{
	for (size_t i = 0; i < compiled->n_outside; i++)
		free(compiled->outside[i].path);
	free(compiled->outside);
	*compiled = (struct refresh_compiled){ 0 };
}

static int hash_artifacts(struct cargo_build *build, char ret[HASH_HEX_SIZE], struct err *err)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	for (size_t i = 0; i < build->n_artifacts; i++) {
		int r = hash_file(build->artifacts[i].path, build->artifacts[i].hash, err);

		if (r < 0)
			return r;
		hash_field(hash, build->artifacts[i].bin, build->artifacts[i].hash);
	}
	hash_end(hash, ret);
	return 0;
}

/* What build scripts made lies in cargo's own folder, is made anew from inputs that are listed themselves, and counts for nothing. */
static bool is_cargos_own(const struct cargo_build *build, const char *path)
{
	for (size_t i = 0; i < build->n_artifacts; i++) {
		CLEANUP_FREE char *dir = fs_dirname(build->artifacts[i].path);

		if (path_under(path, dir))
			return true;
	}
	return false;
}

/* @real as it is called below a source's folder, links above that folder left alone; the work tree's own counts, too, while a commit is built apart. */
static char *name_below_source(const struct config *config, const char *real)
{
	for (size_t i = 0; i < 2 * config->n_sources; i++) {
		const struct config_source *source = &config->sources[i / 2];
		const char *folder = i % 2 == 0 ? source->path : config_source_home(source);
		CLEANUP_FREE char *root = realpath(folder, NULL);

		if (root && path_under(real, root))
			return xasprintf("%s%s", folder, real + strlen(root));
	}
	return xstrdup(real);
}

/* cargo names a link, whose fingerprint is where it leads to: what stands there is an input of its own. */
static void add_link_targets(const struct config *config, struct strvec *paths)
{
	size_t n = paths->n;

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *real = realpath(paths->v[i], NULL), *name = NULL;

		if (!real || str_eq(real, paths->v[i]))
			continue;
		name = name_below_source(config, real);
		if (!str_eq(name, paths->v[i]))
			strvec_add(paths, name);
	}
}

static int list_inputs(const struct refresh_session *session, const struct config_package *package, const struct cargo_build *build,
		       struct strvec *ret, struct err *err)
{
	const char *workspace = session->config->sources[package->source].path;

	for (size_t i = 0; i < build->n_artifacts; i++) {
		int r = cargo_depinfo_read(build->artifacts[i].path, workspace, ret, err);

		if (r < 0)
			return r;
	}
	add_link_targets(session->config, ret);
	strvec_sort_unique(ret);
	return 0;
}

static void add_outside(struct refresh_compiled *compiled, const char *path, const char *value)
{
	struct refresh_input *input;

	grow_array(&compiled->outside, &compiled->cap, compiled->n_outside, sizeof(*compiled->outside));
	input = &compiled->outside[compiled->n_outside++];
	input->path = xstrdup(path);
	memcpy(input->value, value, sizeof(input->value));
}

static int read_inputs(struct refresh_session *session, const struct config_package *package, const struct cargo_build *build,
		       struct refresh_compiled *compiled, struct err *err)
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();
	CLEANUP(strvec_clear) struct strvec paths = { 0 };
	size_t index = (size_t)(package - session->config->packages);
	char links[HASH_HEX_SIZE];
	int r = list_inputs(session, package, build, &paths, err);

	hash_field(hash, "build", session->build_inputs);
	watcher_links_value(session->watcher, index, links);
	if (links[0])
		hash_field(hash, "links", links);
	for (size_t i = 0; r == 0 && i < paths.n; i++) {
		CLEANUP_FREE char *name = config_home_path(session->config, paths.v[i]);
		char value[HASH_HEX_SIZE];

		if (is_cargos_own(build, paths.v[i]))
			continue;
		r = watcher_input_value(paths.v[i], value, err);
		if (r < 0)
			break;
		hash_field(hash, "path", name);
		hash_field(hash, "value", value);
		if (watcher_lacks(session->watcher, index, paths.v[i]))
			add_outside(compiled, name, value);
	}
	hash_end(hash, compiled->inputs);
	return r;
}

int refresh_compiled_read(struct refresh_session *session, const struct config_package *package, struct cargo_build *build,
			  struct refresh_compiled *ret, struct err *err)
{
	CLEANUP(refresh_compiled_clear) struct refresh_compiled compiled = { 0 };
	int r = hash_artifacts(build, compiled.artifact, err);

	if (r == 0)
		r = read_inputs(session, package, build, &compiled, err);
	if (r < 0)
		return r;
	*ret = compiled;
	compiled = (struct refresh_compiled){ 0 };
	return 0;
}

bool refresh_compiled_is_old(const struct refresh_session *session, const struct config_package *package,
			     const struct refresh_compiled *compiled)
{
	enum journal_build_verdict verdict = JOURNAL_BUILD_UNKNOWN;

	/* A journal that cannot be read stops the run elsewhere. */
	return journal_build_find(session->journal, package->name, compiled->artifact, compiled->inputs, &verdict, NULL) == 0 &&
	       verdict == JOURNAL_BUILD_OTHER;
}

/* Whatever it is found with later, it is not this. */
#define NOBODY_KNOWS "unsteady"

int refresh_compiled_store(const struct refresh_session *session, const struct config_package *package, const struct refresh_compiled *compiled,
			   bool steady, struct err *err)
{
	return journal_build_add(session->journal, package->name, compiled->artifact, steady ? compiled->inputs : NOBODY_KNOWS, err);
}

static bool may_change(const struct watcher_part *part)
{
	return str_starts(part->label, "lock ") || str_starts(part->label, "input ");
}

static bool same_parts(const struct watcher_subject *a, const struct watcher_subject *b)
{
	size_t j = 0;

	for (size_t i = 0; i < a->n_parts; i++) {
		if (may_change(&a->parts[i]))
			continue;
		while (j < b->n_parts && may_change(&b->parts[j]))
			j++;
		if (j == b->n_parts || !str_eq(a->parts[i].label, b->parts[j].label) || !str_eq(a->parts[i].value, b->parts[j].value))
			return false;
		j++;
	}
	return true;
}

int refresh_compiled_is_planned(struct refresh_session *session, const struct watcher_subject *planned, bool *ret, struct err *err)
{
	CLEANUP(watcher_look_freep) struct watcher_look *now = NULL;
	int r = refresh_session_look(session, &now, err);

	for (size_t i = 0; r >= 0 && i < now->n_subjects; i++)
		if (str_eq(now->subjects[i].name, planned->name))
			*ret = same_parts(planned, &now->subjects[i]);
	return r;
}

int refresh_compiled_clean(struct refresh_session *session, const struct config_package *package, struct err *err)
{
	const struct config *config = session->config;
	CLEANUP(strvec_clear) struct strvec all = { 0 }, alone = { 0 };
	size_t index = (size_t)(package - config->packages);

	for (size_t i = 0; i < config->n_packages; i++)
		if (config->packages[i].source == package->source && config->packages[i].command.n == 0 &&
		    pkgmap_depends(session->map, index, i))
			strvec_add(&all, config->packages[i].name);
	if (cargo_build_clean(config, package, &all, session->cancel, NULL) == 0)
		return 0;
	/* A section that cargo does not know as a package would fail the whole call. */
	strvec_add(&alone, package->name);
	return cargo_build_clean(config, package, &alone, session->cancel, err);
}
