#include "oracle/change.h"

static const struct change_kind *pick_kind(struct world *world, const struct change_kind *kinds, size_t n)
{
	size_t sum = 0, at;

	for (size_t i = 0; i < n; i++)
		sum += kinds[i].weight;
	at = world_pick(world, sum);
	for (;; kinds++) {
		if (at < kinds->weight)
			return kinds;
		at -= kinds->weight;
	}
}

static const struct change_kind mend = { "mend", 1, change_mend };

const char *change_make(struct changer *changer)
{
	size_t at = world_pick(changer->world, 100);
	const struct change_kind *kind;

	if (at < 60)
		kind = pick_kind(changer->world, change_files, change_n_files);
	else if (!changer->settled)
		kind = &mend;
	else if (at < 86)
		kind = pick_kind(changer->world, change_git, change_n_git);
	else
		kind = pick_kind(changer->world, change_cargo, change_n_cargo);
	str_reset(&changer->said);
	kind->make(changer);
	return kind->name;
}

void change_clear(struct changer *changer)
{
	for (size_t i = 0; i < CHANGE_MEMORY; i++) {
		free(changer->memory[i].path);
		str_clear(&changer->memory[i].bytes);
	}
	str_clear(&changer->said);
}

static bool is_plain(const char *path)
{
	static const char *const others[] = { "Cargo.toml", "Cargo.lock", ".gitignore", ".gitattributes", "config.toml" };

	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		if (str_eq(fs_basename(path), others[i]))
			return false;
	return true;
}

const struct tree_file *change_pick(struct changer *changer)
{
	for (int tries = 0; tries < 50 && changer->tree->n > 0; tries++) {
		const struct tree_file *file = &changer->tree->files[world_pick(changer->world, changer->tree->n)];

		if (is_plain(file->path))
			return file;
	}
	return NULL;
}

char *change_full(const struct changer *changer, const char *path)
{
	return xasprintf("%s/%s", changer->world->git->repo, path);
}

void change_remember(struct changer *changer, const char *path)
{
	struct change_memory *m = &changer->memory[changer->n_memory++ % CHANGE_MEMORY];
	CLEANUP_FREE char *full = change_full(changer, path);
	struct stat st;

	free(m->path);
	m->path = NULL;
	str_reset(&m->bytes);
	if (lstat(full, &st) < 0 || !S_ISREG(st.st_mode) || !world_read(changer->world, path, &m->bytes))
		return;
	m->path = xstrdup(path);
	m->mode = st.st_mode & 0777;
}
