/* The decision what may be written over what is here; the text is cargo/generate's. */
#include "refresh/map.h"

#include "base/fs.h"
#include "cargo/recipe.h"
#include "config/schema.h"

#include <errno.h>
#include <git2.h>
#include <string.h>

enum { MAX_MAP = 1 << 24 };

struct workspaces {
	struct cargo_workspace *v;
	size_t n;
};

static void workspaces_clear(struct workspaces *workspaces)
{
	for (size_t i = 0; i < workspaces->n; i++)
		cargo_workspace_clear(&workspaces->v[i]);
	free(workspaces->v);
}

void refresh_map_clear(struct refresh_map *map)
{
	free(map->path);
	free(map->before);
	free(map->text);
	free(map->difference);
	free(map->rules);
	strvec_clear(&map->problems);
	*map = (struct refresh_map){ 0 };
}

static int load_workspaces(const struct config *config, struct cancel *cancel, struct workspaces *ret, struct err *err)
{
	ret->v = xcalloc(config->n_sources + 1, sizeof(*ret->v));
	for (ret->n = 0; ret->n < config->n_sources; ret->n++) {
		int r = cargo_workspace_load(config, ret->n, cancel, &ret->v[ret->n], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* `rules = /dev/null` means none. */
static int load_rules(const char *named, struct cargo_rules *ret, char **ret_path, struct err *err)
{
	CLEANUP_FREE char *path = named && *named ? xstrdup(named) : cargo_rules_find();
	int r;

	if (path && str_eq(path, "/dev/null"))
		return 0;
	if (!path) {
		err_class_set(err, ERR_ENVIRONMENT, -ENOENT, "the rule file that comes with reinject is not beside the program");
		err_hint(err, "name one: [reinject] rules = FILE; or none: rules = /dev/null");
		return -ENOENT;
	}
	r = cargo_rules_load(path, ret, err);
	*ret_path = TAKE_PTR(path);
	return r;
}

static void judge_graph(const struct workspaces *workspaces, bool file_resolved, struct refresh_map *map)
{
	map->resolved = true;
	for (size_t i = 0; i < workspaces->n; i++) {
		const struct cargo_workspace *workspace = &workspaces->v[i];

		for (size_t j = 0; j < workspace->n_crates; j++)
			map->n_members += workspace->crates[j].member;
		if (!workspace->problem)
			continue;
		map->resolved = false;
		map->poorer = map->poorer || workspace->state == CARGO_WORKSPACE_UNKNOWN ||
			      (workspace->state == CARGO_WORKSPACE_DECLARED && file_resolved);
		strvec_addf(&map->problems, "source '%s' is not resolved: %s", workspace->root ? workspace->root : "?", workspace->problem);
	}
}

static int read_before(struct refresh_map *map, enum cargo_generated *ret_kind, const char **ret_body, bool *ret_resolved, struct err *err)
{
	CLEANUP(str_clear) struct str text = { 0 };
	int r = fs_read(map->path, MAX_MAP, &text, err);

	*ret_body = "";
	*ret_resolved = false;
	*ret_kind = CARGO_GENERATED_NOT;
	if (r < 0 && r != -ENOENT)
		return r;
	map->state = r < 0 ? REFRESH_MAP_ABSENT : REFRESH_MAP_FOREIGN;
	map->before = str_take(&text);
	if (r == 0)
		*ret_kind = cargo_generate_parse(map->before, ret_body, ret_resolved);
	return 0;
}

static enum refresh_map_state state_of(enum cargo_generated kind, bool same)
{
	if (kind == CARGO_GENERATED_NOT)
		return REFRESH_MAP_FOREIGN;
	if (same)
		return REFRESH_MAP_CURRENT;
	return kind == CARGO_GENERATED_EDITED ? REFRESH_MAP_EDITED : REFRESH_MAP_OUTDATED;
}

static void add_recipes(const struct config *config, const struct refresh_map *map, struct cargo_rules *rules, struct strvec *ret_notes)
{
	CLEANUP_FREE char *machine = cargo_generate_machine(config->build.target);
	CLEANUP(strvec_clear) struct strvec recipes = { 0 };

	/* Without a rule file none of this is wanted. */
	for (size_t i = 0; map->rules && i < config->n_sources; i++)
		cargo_recipe_read(config->sources[i].path, machine, rules, &recipes);
	for (size_t i = 0; i < recipes.n; i++) {
		CLEANUP_FREE char *dir = fs_dirname(recipes.v[i]);

		strvec_addf(ret_notes, "places as recipe '%s' has them", fs_basename(dir));
	}
}

static int make(const struct config *config, const struct workspaces *workspaces, struct cargo_rules *rules, struct refresh_map *map,
		struct err *err)
{
	CLEANUP(strvec_clear) struct strvec notes = { 0 };
	CLEANUP_FREE char *body = NULL;
	const char *before;
	enum cargo_generated kind;
	bool file_resolved, same;
	int r = read_before(map, &kind, &before, &file_resolved, err);

	if (r < 0)
		return r;
	judge_graph(workspaces, file_resolved, map);
	add_recipes(config, map, rules, &notes);
	body = cargo_generate_body(config, workspaces->v, rules, &map->problems);
	same = strcmp(body, before) == 0 && (file_resolved || !map->resolved);
	if (map->state != REFRESH_MAP_ABSENT)
		map->state = state_of(kind, same);
	map->difference = cargo_generate_difference(before, body);
	if (map->state == REFRESH_MAP_CURRENT) {
		map->text = xstrdup(map->before);
		return 0;
	}
	cargo_generate_notes(config, workspaces->v, &notes);
	map->text = cargo_generate_file(body, &notes, map->resolved);
	return 0;
}

int refresh_map_make(const struct config *config, const char *path, const char *rules_file, struct cancel *cancel, struct refresh_map *ret,
		     struct err *err)
{
	CLEANUP(refresh_map_clear) struct refresh_map map = { .path = xstrdup(path) };
	CLEANUP(workspaces_clear) struct workspaces workspaces = { 0 };
	CLEANUP(cargo_rules_clear) struct cargo_rules rules = { 0 };
	int r = load_rules(rules_file ? rules_file : config_get(config, "reinject", "rules"), &rules, &map.rules, err);

	if (r == 0)
		r = load_workspaces(config, cancel, &workspaces, err);
	if (r == 0)
		r = make(config, &workspaces, &rules, &map, err);
	if (r < 0)
		return r;
	*ret = map;
	map = (struct refresh_map){ 0 };
	return 0;
}

static char *diff_texts(const struct refresh_map *map)
{
	git_patch *patch = NULL;
	git_buf text = { 0 };
	char *said = NULL;

	if (git_patch_from_buffers(&patch, map->before, strlen(map->before), map->path + 1, map->text, strlen(map->text), map->path + 1, NULL) ==
		    0 &&
	    git_patch_to_buf(&text, patch) == 0)
		said = xstrndup(text.ptr, text.size);
	git_buf_dispose(&text);
	git_patch_free(patch);
	return said ? said : xstrdup("");
}

char *refresh_map_diff(const struct refresh_map *map)
{
	char *said;

	git_libgit2_init();
	said = diff_texts(map);
	git_libgit2_shutdown();
	return said;
}

int refresh_map_write(const struct refresh_map *map, struct err *err)
{
	/* A link stays one: what it leads to is replaced. */
	CLEANUP_FREE char *real = realpath(map->path, NULL);

	return fs_write_for_owner(real ? real : map->path, map->text, strlen(map->text), 0644, err);
}

char *refresh_map_find(const struct config *config)
{
	CLEANUP(strvec_clear) struct strvec includes = { 0 };
	const char *value = config_get(config, "reinject", "include");

	if (value)
		schema_split_list(value, &includes);
	for (size_t i = 0; i < includes.n; i++) {
		CLEANUP(str_clear) struct str text = { 0 };

		if (fs_read(includes.v[i], MAX_MAP, &text, NULL) == 0 &&
		    cargo_generate_parse(str_text(&text), NULL, NULL) != CARGO_GENERATED_NOT)
			return xstrdup(includes.v[i]);
	}
	return NULL;
}

/* -- follow ----------------------------------------------------------------------------------------------------------------------------------- */

static char *tell_difference(const struct refresh_map *map)
{
	return *map->difference ? xasprintf("the workspace has changed (%s)", map->difference) : xstrdup("cargo resolves the workspace again");
}

static void follow(const struct refresh_map *map, bool write, bool *ret_written, char **ret_sentence)
{
	CLEANUP_FREE char *what = tell_difference(map);
	struct err err = ERR_INIT;

	if (map->state == REFRESH_MAP_EDITED)
		*ret_sentence = xasprintf(
			"%s, and '%s', which was changed by hand, is left as it is: move those changes to reinject.ini, whose keys "
			"win, delete the file, then: reinject init --update",
			what, map->path);
	else if (!write)
		*ret_sentence = xasprintf("%s, and '%s' does not know of it yet: reinject init --update", what, map->path);
	else if (refresh_map_write(map, &err) < 0)
		*ret_sentence = xasprintf("%s, and '%s' could not be updated: %s", what, map->path, err.message);
	else
		*ret_written = true;
	if (*ret_written)
		*ret_sentence = xasprintf("%s: '%s' follows", what, map->path);
}

int refresh_map_follow(const struct config *config, bool write, struct cancel *cancel, bool *ret_written, char **ret_sentence, struct err *err)
{
	CLEANUP(refresh_map_clear) struct refresh_map map = { 0 };
	CLEANUP_FREE char *path = refresh_map_find(config);
	struct err why = ERR_INIT;
	int r;

	*ret_written = false;
	*ret_sentence = NULL;
	if (!path)
		return 0;
	r = refresh_map_make(config, path, NULL, cancel, &map, &why);
	if (r == -ECANCELED)
		return err_class_set(err, ERR_INTERRUPTED, r, "%s", why.message);
	if (r < 0) {
		*ret_sentence = xasprintf("cannot tell whether '%s' is up to date: %s", path, why.message);
		return 0;
	}
	if (map.poorer || (map.state != REFRESH_MAP_OUTDATED && map.state != REFRESH_MAP_EDITED))
		return 0;
	follow(&map, write && config_get_uint(config, "reinject", "auto_update", 1), ret_written, ret_sentence);
	return 0;
}
