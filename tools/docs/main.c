/* gendocs FOLDER: writes FOLDER/docs/configuration.md, FOLDER/docs/man/ and FOLDER/completions/, whose folders must be there. */
#include "tools/docs/docs.h"

#include "base/fs.h"

#include <string.h>

static bool write_file(const char *folder, const char *name, struct str *page)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", folder, name), *text = str_take(page);
	struct err err = ERR_INIT;

	if (fs_write_atomic(path, text, strlen(text), 0644, &err) == 0)
		return true;
	fprintf(stderr, "gendocs: %s\n", err.message);
	return false;
}

static bool write_verbs(const char *folder)
{
	for (size_t i = 0; cli_verbs[i]; i++) {
		CLEANUP_FREE char *name = xasprintf("docs/man/reinject-%s.1", cli_verbs[i]->name);
		struct str page = { 0 };

		docs_man_verb(&page, cli_verbs[i]);
		if (!write_file(folder, name, &page))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*write)(struct str *page);
	} files[] = {
		{ "docs/configuration.md", docs_configuration }, { "docs/man/reinject.1", docs_man_program },
		{ "docs/man/reinject.ini.5", docs_man_ini },     { "completions/reinject.bash", docs_bash },
		{ "completions/_reinject", docs_zsh },           { "completions/reinject.fish", docs_fish },
	};

	if (argc != 2) {
		fprintf(stderr, "usage: gendocs FOLDER\n");
		return 2;
	}
	if (!docs_complete())
		return 1;
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		struct str page = { 0 };

		files[i].write(&page);
		if (!write_file(argv[1], files[i].name, &page))
			return 1;
	}
	return write_verbs(argv[1]) ? 0 : 1;
}
