#include "config/loader.h"

#include "base/fs.h"

#include <string.h>

/* What only shows when everything is there: two files for one place, an asset's file named twice, folders that are missing. */

/* A destination is a folder when it ends in '/' or is one in the image, which is not looked at here. So 'dest = /usr/bin' for foo may mean the file
 * /usr/bin/foo, or the file /usr/bin. Two files meet when a place is sure or likely for one of them: if both have it only as AS_FILE, it is the
 * folder of both. Whatever /usr/bin/foo is, /usr/bin/foo as the dest of another cannot go beside it. */
enum reading { IN_FOLDER, AS_FILE };

struct place {
	char *path; /* owned */
	enum reading reading;
	char *what; /* owned: "binary 'foo' of [package bar]" */
	const char *file;
	unsigned int line;
};

struct places {
	struct place *v; /* owned */
	size_t n, cap;
};

/* '/usr//bin/' and '/usr/bin' are one place; so are they with 'initfs:' before them. */
static char *clean_place(const char *dest, const char *name)
{
	const char *slash = strchr(dest, '/');
	CLEANUP_FREE char *joined = name ? xasprintf("%s/%s", slash, name) : xstrdup(slash), *path = fs_absolute("/", joined);

	return xasprintf("%.*s%s", (int)(slash - dest), dest, path);
}

static void add_place(struct places *places, enum reading reading, char *path, char *what, const char *file, unsigned int line)
{
	grow_array(&places->v, &places->cap, places->n, sizeof(*places->v));
	places->v[places->n++] = (struct place){ .path = path, .reading = reading, .what = what, .file = file, .line = line };
}

static void add_dests(struct places *places, const struct strvec *dests, const char *name, const char *what, const char *file, unsigned int line)
{
	for (size_t i = 0; i < dests->n; i++) {
		add_place(places, IN_FOLDER, clean_place(dests->v[i], name), xstrdup(what), file, line);
		if (!str_ends(dests->v[i], "/"))
			add_place(places, AS_FILE, clean_place(dests->v[i], NULL), xstrdup(what), file, line);
	}
}

static void add_all_places(const struct config *config, struct places *places)
{
	for (size_t i = 0; i < config->n_packages; i++) {
		const struct config_package *p = &config->packages[i];

		for (size_t j = 0; j < p->bins.n; j++) {
			CLEANUP_FREE char *what = xasprintf("binary '%s' of [package %s]", p->bins.v[j], p->name);

			add_dests(places, &p->dests, p->bins.v[j], what, p->file, p->line);
		}
		for (size_t j = 0; j < p->copies.n; j++)
			if (!str_ends(p->copies.v[j], "/"))
				add_place(places, IN_FOLDER, clean_place(p->copies.v[j], NULL), xasprintf("the copy of [package %s]", p->name),
					  p->file, p->line);
	}
	for (size_t i = 0; i < config->n_assets; i++) {
		const struct config_asset *a = &config->assets[i];
		CLEANUP_FREE char *what = xasprintf("[asset %s]", a->name);

		if (*a->path)
			add_dests(places, &a->dests, fs_basename(a->path), what, a->file, a->line);
	}
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	if (r == 0)
		r = (x->reading > y->reading) - (x->reading < y->reading);
	if (r == 0)
		r = strcmp(x->file, y->file);
	if (r == 0)
		r = (x->line > y->line) - (x->line < y->line);
	return r;
}

static void report_meeting(struct config_loader *loader, const struct place *a, const struct place *b)
{
	bool swap = strcmp(a->file, b->file) == 0 && a->line > b->line;
	const struct place *first = swap ? b : a, *later = swap ? a : b;

	config_report_add(&loader->report, CONFIG_ERROR, later->file, later->line, "%s goes to '%s', and so does %s (%s:%u)", later->what,
			  later->path, first->what, first->file, first->line);
}

static void check_meetings(struct config_loader *loader)
{
	struct places places = { 0 };
	size_t first = 0;

	add_all_places(loader->config, &places);
	if (places.n > 0)
		qsort(places.v, places.n, sizeof(*places.v), compare_places);
	for (size_t i = 1; i < places.n; i++) {
		if (strcmp(places.v[i].path, places.v[first].path) != 0)
			first = i;
		else if (places.v[first].reading == IN_FOLDER)
			report_meeting(loader, &places.v[first], &places.v[i]);
	}
	for (size_t i = 0; i < places.n; i++) {
		free(places.v[i].path);
		free(places.v[i].what);
	}
	free(places.v);
}

void config_check_places(struct config_loader *loader)
{
	const struct config *config = loader->config;

	check_meetings(loader);
	/* A changed file names one asset: two for the same file would hide one of them. */
	for (size_t i = 0; i < config->n_assets; i++)
		for (size_t j = 0; j < i; j++)
			if (*config->assets[i].path && config->assets[i].source == config->assets[j].source &&
			    strcmp(config->assets[i].path, config->assets[j].path) == 0)
				config_report_add(&loader->report, CONFIG_ERROR, config->assets[i].file, config->assets[i].line,
						  "[asset %s] is the same file as [asset %s]; one section may name several places in 'dest'",
						  config->assets[i].name, config->assets[j].name);
}

static bool is_there(const struct config *config, size_t source, const char *path)
{
	CLEANUP_FREE char *absolute = fs_absolute(config->sources[source].path, path);

	return fs_exists(absolute);
}

/* Folders come and go with branches, so what is missing is worth a word, no more. A missing source is one word for all that lies in it. */
void config_check_missing(struct config_loader *loader)
{
	const struct config *config = loader->config;

	for (size_t i = 0; i < config->n_sources; i++) {
		CLEANUP_FREE char *name = xasprintf("source %s", config->sources[i].name);
		const struct config_section *section = config_settings_section(&loader->settings, name);

		if (!fs_is_dir(config->sources[i].path))
			config_loader_report(loader, CONFIG_WARNING, section, "[%s]: folder '%s' is missing", name, config->sources[i].path);
	}
	for (size_t i = 0; i < config->n_packages; i++) {
		const struct config_package *p = &config->packages[i];

		for (size_t j = 0; fs_is_dir(config->sources[p->source].path) && j < p->paths.n; j++)
			if (!is_there(config, p->source, p->paths.v[j]))
				config_report_add(&loader->report, CONFIG_WARNING, p->file, p->line, "[package %s]: folder '%s' is missing",
						  p->name, p->paths.v[j]);
	}
	for (size_t i = 0; i < config->n_assets; i++) {
		const struct config_asset *a = &config->assets[i];

		if (fs_is_dir(config->sources[a->source].path) && *a->path && !is_there(config, a->source, a->path))
			config_report_add(&loader->report, CONFIG_WARNING, a->file, a->line, "[asset %s]: file '%s' is missing", a->name,
					  a->path);
	}
}
