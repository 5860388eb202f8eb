/* Who owns a path: a table of packages, then paths, asked of the map and of a slow answer that cannot be wrong. And globs, which must come to an end.
 * Input: lines. 'p PATHS' is a package, 'u PATHS' what the last one uses, 'g PATTERN' a glob; any other is a path that is asked for. */
#include "fuzz.h"

#include "config/glob.h"
#include "config/pkgmap.h"

enum { MAX_PACKAGES = 40, MAX_LINES = 400 };

static void add_words(struct strvec *to, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " ");

		if (n > 0)
			strvec_add_n(to, text, n);
		text += n + (text[n] == ' ');
	}
}

static struct config *make_config(const struct strvec *lines)
{
	struct config *config = xcalloc(1, sizeof(*config));

	config->sources = xcalloc(1, sizeof(*config->sources));
	config->n_sources = 1;
	config->packages = xcalloc(MAX_PACKAGES, sizeof(*config->packages));
	for (size_t i = 0; i < lines->n; i++) {
		const char *line = lines->v[i];

		if (str_starts(line, "p ") && config->n_packages < MAX_PACKAGES) {
			config->packages[config->n_packages].name = xasprintf("p%zu", config->n_packages);
			add_words(&config->packages[config->n_packages++].paths, line + 2);
		} else if (str_starts(line, "u ") && config->n_packages > 0) {
			add_words(&config->packages[config->n_packages - 1].uses, line + 2);
		}
	}
	return config;
}

/* The longest path wins, of equal ones the first. */
static size_t slow_owner(const struct config *config, const char *path)
{
	size_t best = PKGMAP_NONE, length = 0;

	for (size_t i = 0; i < config->n_packages; i++) {
		for (size_t j = 0; j < config->packages[i].paths.n; j++) {
			const char *own = config->packages[i].paths.v[j];

			if (!path_under(path, own) || (best != PKGMAP_NONE && strlen(own) <= length))
				continue;
			best = i;
			length = strlen(own);
		}
	}
	return best;
}

static void check_graph(const struct config *config, const struct pkgmap *map)
{
	for (size_t i = 0; i < config->n_packages; i++) {
		const struct pkgmap_inputs *inputs = pkgmap_inputs(map, i);

		for (size_t j = 0; j < inputs->n; j++)
			FUZZ_CHECK(inputs->v[j].through < config->n_packages && pkgmap_depends(map, i, inputs->v[j].through));
		for (size_t j = 0; j < config->n_packages; j++) {
			CLEANUP_FREE char *way = pkgmap_way(map, i, j);

			FUZZ_CHECK((way[0] != '\0') == (i != j && pkgmap_depends(map, i, j)));
		}
	}
}

/* A path that no folder could have: what a config or git hands on is relative, without empty parts. */
static bool is_path(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[0] != '/' && path[n - 1] != '/' && !strstr(path, "//");
}

static void ask(const struct strvec *lines, const struct config *config, const struct pkgmap *map)
{
	const char *pattern = "**";

	for (size_t i = 0; i < lines->n; i++) {
		const char *line = lines->v[i];

		if (str_starts(line, "g "))
			pattern = line + 2;
		else if (line[0] && line[1] == ' ')
			continue;
		FUZZ_CHECK(!is_path(line) || pkgmap_owner(map, 0, line) == slow_owner(config, line));
		(void)config_glob_match(pattern, line);
	}
}

static bool usable(const struct config *config)
{
	for (size_t i = 0; i < config->n_packages; i++)
		for (size_t j = 0; j < config->packages[i].paths.n; j++)
			if (!is_path(config->packages[i].paths.v[j]))
				return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *text = fuzz_text(data, n);
	CLEANUP(strvec_clear) struct strvec lines = { 0 };
	CLEANUP(config_freep) struct config *config = NULL;
	CLEANUP(pkgmap_freep) struct pkgmap *map = NULL;
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line && lines.n < MAX_LINES; line = strtok_r(NULL, "\n", &rest))
		strvec_add(&lines, line);
	config = make_config(&lines);
	if (!usable(config))
		return 0;
	map = pkgmap_new(config);
	check_graph(config, map);
	ask(&lines, config, map);
	return 0;
}
