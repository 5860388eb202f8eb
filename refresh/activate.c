/* A driver that lies in the image runs only when somebody starts it: whoever saved the file wants to hear how. */
#include "refresh/activate.h"

#include <string.h>

static const char *const need_names[] = {
	[REFRESH_NEED_REBOOT] = "reboot",
	[REFRESH_NEED_CONSOLE] = "console",
	[REFRESH_NEED_NONE] = "none",
};

const char *refresh_activate_need_name(enum refresh_need need)
{
	return need_names[need];
}

/* The two characters \n end a line; what is empty between them is none. */
static void split_lines(const char *text, struct strvec *ret)
{
	while (*text) {
		const char *end = strstr(text, "\\n");
		size_t n = end ? (size_t)(end - text) : strlen(text), from = 0, to = n;

		while (from < to && text[from] == ' ')
			from++;
		while (to > from && text[to - 1] == ' ')
			to--;
		if (to > from)
			strvec_add_n(ret, text + from, to - from);
		text += end ? n + 2 : n;
	}
}

static enum refresh_need parse(const char *activate, struct strvec *ret_lines)
{
	if (!activate || str_eq(activate, "reboot"))
		return REFRESH_NEED_REBOOT;
	if (str_eq(activate, "none"))
		return REFRESH_NEED_NONE;
	split_lines(activate, ret_lines);
	return ret_lines->n > 0 ? REFRESH_NEED_CONSOLE : REFRESH_NEED_REBOOT;
}

static bool is_known(const struct refresh_activations *activations, const char *package, const char *asset)
{
	for (size_t i = 0; i < activations->n; i++)
		if (str_eq(activations->v[i].package, package) && str_eq(activations->v[i].asset, asset))
			return true;
	return false;
}

static void add(struct refresh_activations *activations, const char *package, const char *asset, const char *activate)
{
	struct refresh_activation *one;

	if (is_known(activations, package, asset))
		return;
	grow_array(&activations->v, &activations->cap, activations->n, sizeof(*activations->v));
	one = &activations->v[activations->n++];
	one->package = package ? xstrdup(package) : NULL;
	one->asset = asset ? xstrdup(asset) : NULL;
	one->need = parse(activate, &one->lines);
}

static void add_asset(struct refresh_activations *activations, const struct config *config, const struct pkgmap *map, const char *name)
{
	for (size_t i = 0; i < config->n_assets; i++) {
		const struct config_asset *asset = &config->assets[i];
		size_t owner;

		if (strcmp(asset->name, name) != 0)
			continue;
		owner = pkgmap_owner(map, asset->source, asset->path);
		if (owner == PKGMAP_NONE)
			add(activations, NULL, name, NULL);
		else
			add(activations, config->packages[owner].name, NULL, config->packages[owner].activate);
	}
}

void refresh_activate_add(struct refresh_activations *activations, const struct config *config, const struct pkgmap *map, const char *owner)
{
	if (str_starts(owner, "package ")) {
		const struct config_package *package = config_package_find(config, owner + strlen("package "));

		if (package)
			add(activations, package->name, NULL, package->activate);
	} else if (str_starts(owner, "asset ")) {
		add_asset(activations, config, map, owner + strlen("asset "));
	}
}

/* The names of all that need what @like needs, with commas. NULL when one of them came before @like, and said so. */
static char *names_like(const struct refresh_activations *activations, size_t like)
{
	const struct refresh_activation *first = &activations->v[like];
	CLEANUP(str_clear) struct str names = { 0 };

	for (size_t i = 0; i < activations->n; i++) {
		const struct refresh_activation *one = &activations->v[i];

		if (one->need != first->need || !strvec_same(&one->lines, &first->lines))
			continue;
		if (i < like)
			return NULL;
		str_printf(&names, "%s%s%s", names.len > 0 ? ", " : "", one->package ? "" : "asset ", one->package ? one->package : one->asset);
	}
	return str_take(&names);
}

void refresh_activate_describe(const struct refresh_activations *activations, struct strvec *ret)
{
	static const enum refresh_need order[] = { REFRESH_NEED_REBOOT, REFRESH_NEED_CONSOLE, REFRESH_NEED_NONE };

	for (size_t o = 0; o < N_ELEMENTS(order); o++) {
		for (size_t i = 0; i < activations->n; i++) {
			const struct refresh_activation *one = &activations->v[i];
			CLEANUP_FREE char *names = one->need == order[o] ? names_like(activations, i) : NULL;
			CLEANUP_FREE char *lines = strvec_join(&one->lines, "; ");

			if (names && one->need == REFRESH_NEED_CONSOLE)
				strvec_addf(ret, "in the running guest: %s (%s)", lines, names);
			else if (names)
				strvec_addf(ret, "%s: %s", one->need == REFRESH_NEED_NONE ? "nothing else" : "needs a reboot", names);
		}
	}
}

void refresh_activations_clear(struct refresh_activations *activations)
{
	for (size_t i = 0; i < activations->n; i++) {
		free(activations->v[i].package);
		free(activations->v[i].asset);
		strvec_clear(&activations->v[i].lines);
	}
	free(activations->v);
	*activations = (struct refresh_activations){ 0 };
}
