#include "hooks/shim.h"

#include "base/hash.h"
#include "base/str.h"

#include <string.h>

#define MARK    "# reinject hook, format 1, checksum "
#define PROJECT "# project "
#define MADE    "# folder made\n"
#define RUNS    "[ -x " /* the program between these two */
#define OR_NOT  " ] || exit 0\n"

const char *const hooks_events[] = { "post-commit", "post-merge", "post-checkout", "post-rewrite", NULL };

static const char first_line[] = "#!/bin/sh\n";
static const char advice[] =
	"# Written by `reinject hooks install`; `reinject hooks uninstall` puts back what was here. Not to be edited: it is replaced.\n";

void hooks_shim_clear(struct hooks_shim *shim)
{
	for (size_t i = 0; i < shim->n; i++) {
		free(shim->projects[i].top);
		free(shim->projects[i].state);
		free(shim->projects[i].reinject);
		free(shim->projects[i].config);
	}
	free(shim->projects);
	free(shim->program);
	*shim = (struct hooks_shim){ 0 };
}

/* -- projects ---------------------------------------------------------------------------------------------------------------------------------- */

static size_t find(const struct hooks_shim *shim, const struct hooks_project *project)
{
	size_t i = 0;

	while (i < shim->n && !(str_eq(shim->projects[i].top, project->top) && str_eq(shim->projects[i].state, project->state)))
		i++;
	return i;
}

bool hooks_shim_has(const struct hooks_shim *shim, const struct hooks_project *project)
{
	return find(shim, project) < shim->n;
}

void hooks_shim_add(struct hooks_shim *shim, const struct hooks_project *project)
{
	size_t i = find(shim, project);
	struct hooks_project copy = { xstrdup(project->top), xstrdup(project->state), xstrdup(project->reinject), xstrdup(project->config) };

	if (i == shim->n) {
		grow_array(&shim->projects, &shim->cap, shim->n, sizeof(*shim->projects));
		shim->projects[shim->n++] = copy;
		return;
	}
	free(shim->projects[i].top);
	free(shim->projects[i].state);
	free(shim->projects[i].reinject);
	free(shim->projects[i].config);
	shim->projects[i] = copy;
}

bool hooks_shim_remove(struct hooks_shim *shim, const struct hooks_project *project)
{
	size_t i = find(shim, project);

	if (i == shim->n)
		return false;
	free(shim->projects[i].top);
	free(shim->projects[i].state);
	free(shim->projects[i].reinject);
	free(shim->projects[i].config);
	memmove(&shim->projects[i], &shim->projects[i + 1], (shim->n - i - 1) * sizeof(*shim->projects));
	shim->n--;
	return true;
}

/* -- writing ----------------------------------------------------------------------------------------------------------------------------------- */

static void add_word(struct str *s, const char *word)
{
	str_add_c(s, ' ');
	str_add_shell_quoted(s, word);
}

static void add_projects(struct str *s, const struct hooks_project *projects, size_t n)
{
	str_printf(s, " %zu", n);
	for (size_t i = 0; i < n; i++) {
		add_word(s, projects[i].top);
		add_word(s, projects[i].state);
		add_word(s, projects[i].reinject);
		add_word(s, projects[i].config);
	}
}

static void add_project_line(struct str *s, const struct hooks_project *project)
{
	str_add(s, PROJECT);
	str_add_percent(s, project->top);
	str_add_c(s, ' ');
	str_add_percent(s, project->state);
	str_add_c(s, ' ');
	str_add_percent(s, project->reinject);
	str_add_c(s, ' ');
	str_add_percent(s, project->config);
	str_add_c(s, '\n');
}

static void add_body(struct str *s, const struct hooks_shim *shim, const char *event, const char *program)
{
	CLEANUP(str_clear) struct str quoted = { 0 }, call = { 0 };

	str_add_shell_quoted(&quoted, program);
	str_printf(&call, "%s %s", str_text(&quoted), event);
	add_projects(&call, shim->projects, shim->n);
	str_printf(s,
		   "before=${0%%/*}/%s" HOOKS_SHIM_BEFORE "\n"
		   "if [ -f \"$before\" ] && [ -x \"$before\" ]; then\n"
		   "\t\"$before\" \"$@\"\n"
		   "\tstatus=$?\n"
		   "\t[ \"${REINJECT-}\" = 0 ] && exit $status\n"
		   "\t[ -x %s ] && %s \"$@\" </dev/null\n"
		   "\texit $status\n"
		   "fi\n"
		   "[ \"${REINJECT-}\" = 0 ] && exit 0\n"
		   "[ -x %s ] || exit 0\n"
		   "exec %s \"$@\"\n",
		   event, str_text(&quoted), str_text(&call), str_text(&quoted), str_text(&call));
}

static void checksum(const char *rest, size_t n, char ret[HASH_HEX_SIZE])
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	hash_add(hash, rest, n);
	hash_end(hash, ret);
}

char *hooks_shim_text(const struct hooks_shim *shim, const char *event, const char *program)
{
	CLEANUP(str_clear) struct str rest = { 0 };
	char sum[HASH_HEX_SIZE];

	str_add(&rest, advice);
	if (shim->made_folder)
		str_add(&rest, MADE);
	for (size_t i = 0; i < shim->n; i++)
		add_project_line(&rest, &shim->projects[i]);
	add_body(&rest, shim, event, program);
	checksum(str_text(&rest), rest.len, sum);
	return xasprintf("%s" MARK "%s\n%s", first_line, sum, str_text(&rest));
}

char *hooks_shim_command(const struct hooks_project *project, const char *event, const char *program)
{
	CLEANUP(str_clear) struct str quoted = { 0 }, call = { 0 };

	str_add_shell_quoted(&quoted, program);
	str_printf(&call, "%s %s", str_text(&quoted), event);
	add_projects(&call, project, 1);
	return xasprintf("[ \"${REINJECT-}\" = 0 ] || [ ! -x %s ] || exec %s", str_text(&quoted), str_text(&call));
}

char *hooks_shim_line(const struct hooks_project *project, const char *program)
{
	CLEANUP(str_clear) struct str quoted = { 0 }, call = { 0 };

	str_add_shell_quoted(&quoted, program);
	str_printf(&call, "%s \"${0##*/}\"", str_text(&quoted));
	add_projects(&call, project, 1);
	return xasprintf("[ ! -x %s ] || %s \"$@\" </dev/null", str_text(&quoted), str_text(&call));
}

/* -- reading ----------------------------------------------------------------------------------------------------------------------------------- */

static const char *next_word(const char **at)
{
	const char *word = *at;
	size_t n = strcspn(word, " \n");

	*at = word + n + (word[n] == ' ');
	return word;
}

static void parse_project(const char *line, struct hooks_shim *shim)
{
	char *words[4] = { 0 };

	for (size_t i = 0; i < N_ELEMENTS(words); i++) {
		const char *word = next_word(&line);

		words[i] = str_from_percent(word, strcspn(word, " \n"));
	}
	hooks_shim_add(shim, &(struct hooks_project){ words[0], words[1], words[2], words[3] });
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		free(words[i]);
}

/* A word as str_add_shell_quoted() writes it, and it ends before @end; NULL when it is another. */
static char *shell_word(const char *at, const char *end)
{
	CLEANUP(str_clear) struct str word = { 0 };

	while (*at && !str_starts(at, end)) {
		const char *quote = *at == '\'' ? strchr(at + 1, '\'') : NULL;

		if (*at == '\'' && !quote)
			return NULL;
		if (quote)
			str_add_n(&word, at + 1, (size_t)(quote - at) - 1);
		else if (str_starts(at, "\\'"))
			str_add_c(&word, *++at);
		else
			str_add_c(&word, *at);
		at = quote ? quote + 1 : at + 1;
	}
	return *at && word.len > 0 ? str_take(&word) : NULL;
}

bool hooks_shim_parse(const char *text, size_t n, struct hooks_shim *ret)
{
	const size_t sum_at = strlen(first_line) + strlen(MARK), rest_at = sum_at + HASH_HEX_SIZE;
	char sum[HASH_HEX_SIZE];

	if (n < rest_at || memchr(text, '\0', n) || !str_starts(text, first_line) || !str_starts(text + strlen(first_line), MARK))
		return false;
	if (text[rest_at - 1] != '\n')
		return false;
	*ret = (struct hooks_shim){ 0 };
	checksum(text + rest_at, n - rest_at, sum);
	ret->is_edited = strncmp(text + sum_at, sum, HASH_HEX_SIZE - 1) != 0;
	for (const char *line = text + rest_at; *line; line = strchr(line, '\n') + 1) {
		if (str_starts(line, PROJECT))
			parse_project(line + strlen(PROJECT), ret);
		if (str_starts(line, MADE))
			ret->made_folder = true;
		if (str_starts(line, RUNS) && !ret->program)
			ret->program = shell_word(line + strlen(RUNS), OR_NOT);
		if (!strchr(line, '\n'))
			break;
	}
	return true;
}
