#include "tools/docs/docs.h"
#include "tools/docs/roff.h"

#include <ctype.h>
#include <string.h>

/* reinject.1 and the page of each verb, in man(7). */

static void add_option(struct str *page, const struct cli_option *option)
{
	str_add(page, ".TP\n\\fB");
	if (option->letter)
		str_printf(page, "\\-%c\\fR, \\fB", option->letter);
	str_add(page, "\\-\\-");
	docs_roff_word(page, option->name);
	str_add(page, "\\fR");
	if (option->value) {
		str_add(page, strchr(option->value, '|') ? " \\fB" : " \\fI");
		docs_roff_word(page, option->value);
		str_add(page, "\\fR");
	}
	str_add_c(page, '\n');
	docs_roff_fill(page, option->help);
}

static void add_options(struct str *page, const char *title, const struct cli_option *table)
{
	if (!table)
		return;
	str_printf(page, ".SH %s\n", title);
	for (; table->name; table++)
		add_option(page, table);
}

static void add_exit_status(struct str *page)
{
	static const struct {
		const char *status, *meaning;
	} rows[] = {
		{ "0", "done" },
		{ "1", "something failed to build, inject or boot" },
		{ "2", "wrong use or configuration" },
		{ "3", "the environment lacks something; `reinject doctor` tells what" },
		{ "75", "busy: somebody else holds the image" },
		{ "130", "interrupted" },
	};

	str_add(page, ".SH EXIT STATUS\n");
	for (size_t i = 0; i < N_ELEMENTS(rows); i++)
		docs_roff_item(page, rows[i].status, rows[i].meaning);
}

struct row {
	const char *word, *text;
};

static const struct row environment[] = {
	{ "REINJECT", "0 in the environment of git: the hooks do nothing" },
	{ "REINJECT_RUN, REINJECT_RESULT, REINJECT_PACKAGES, REINJECT_IMAGE, REINJECT_COMMIT",
	  "what a run was, in the environment of the commands that the configuration names: on_success, on_failure, [boot] command" },
	{ "NO_COLOR", "no colours, unless --color says otherwise" },
	{ "XDG_RUNTIME_DIR", "where the watch's socket lies when the state folder's path is too long for one" },
	{ "PATH", "where cargo, git, redoxfs, fuse2fs and strip are looked up" },
};

static const struct row files[] = {
	{ "reinject.ini", "the configuration; looked for in the working folder and upwards. See reinject.ini(5)" },
	{ "packages.ini", "the generated map of the workspace" },
	{ ".reinject/", "the state folder: journal, replaced contents, unstripped binaries, logs. It may be deleted: the next run compares "
			"the image with the sources" },
	{ ".reinject/locations", "errors and warnings of the last build as `path:line:col: message`, for editors" },
	{ "IMAGE.prev", "the image before the last change" },
	{ "IMAGE.good", "the last image that a boot has proved" },
	{ "IMAGE.shadow", "the copy that the next run works on" },
	{ "IMAGE.lock", "held by a run while it may write the image" },
};

static void add_rows(struct str *page, const char *title, const struct row *rows, size_t n)
{
	str_printf(page, ".SH %s\n", title);
	for (size_t i = 0; i < n; i++)
		docs_roff_item(page, rows[i].word, rows[i].text);
}

void docs_man_program(struct str *page)
{
	docs_roff_head(page, "reinject", 1, "put what was built into a disk image, whole or not at all");
	str_add(page, ".SH SYNOPSIS\n.B reinject\n.RI [ options ]\n.I verb\n.RI [ arguments ]\n.SH DESCRIPTION\n");
	docs_roff_text(page,
		       "Save a file or commit: the disk image has the new driver, whole or not at all. reinject maps changed files to the "
		       "packages that own them, rebuilds those with cargo, strips them, and puts them into a disk image (RedoxFS, or ext4) "
		       "by one transaction: into a copy, which is read back and then takes the image's place by a rename.\n\n"
		       "`reinject init` writes a first configuration, `reinject doctor` says what is missing, `reinject refresh` brings the "
		       "image up to date once, and `reinject watch` on each save. Each verb has a page of its own, such as "
		       "reinject-refresh(1); `reinject help VERB` prints the same.\n\n"
		       "Facts and JSON go to the standard output, sentences to the standard error.");
	str_add(page, ".SH VERBS\n");
	for (size_t i = 0; cli_verbs[i]; i++)
		docs_roff_item(page, cli_verbs[i]->name, cli_verbs[i]->summary);
	add_options(page, "OPTIONS", cli_global_options);
	docs_roff_text(page, "Options stand before or after the verb; `--` ends them.");
	add_exit_status(page);
	add_rows(page, "ENVIRONMENT", environment, N_ELEMENTS(environment));
	add_rows(page, "FILES", files, N_ELEMENTS(files));
	str_add(page, ".SH SEE ALSO\n.BR reinject.ini (5),\n.BR cargo (1),\n.BR git (1)\n");
}

void docs_man_verb(struct str *page, const struct cli_verb *verb)
{
	CLEANUP_FREE char *name = xasprintf("reinject-%s", verb->name);

	docs_roff_head(page, name, 1, verb->summary);
	str_printf(page, ".SH SYNOPSIS\n\\fBreinject %s\\fR", verb->name);
	if (verb->usage[0])
		str_add_c(page, ' ');
	docs_roff_word(page, verb->usage);
	str_add(page, "\n.SH DESCRIPTION\n");
	docs_roff_text(page, verb->description);
	add_options(page, "OPTIONS", verb->options);
	str_add(page, ".PP\nThe options that every verb takes, the exit status, environment and files are in\n.BR reinject (1).\n"
		      ".SH SEE ALSO\n.BR reinject (1),\n.BR reinject.ini (5)\n");
}
