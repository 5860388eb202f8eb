/* A walk over the words, with a position that only grows but for loops and functions; a branch that is not taken is walked too, inactive, to find its
 * end. Steps are counted: a script that calls itself ends. */
#include "cargo/recipe.h"

#include "base/fs.h"
#include "cargo/recipe_words.h"

#include <ctype.h>
#include <fnmatch.h>
#include <glob.h>
#include <string.h>

enum { MAX_RECIPE = 1 << 20, MAX_STEPS = 100000, MAX_DEPTH = 200 };

/* No script of a tree has more; one that doubles a list in a loop has soon more than there is memory. */
enum { MAX_VALUES = 10000, MAX_VALUE = 1 << 16 };

#define STAGE  "${COOKBOOK_STAGE}"
#define INITFS "${COOKBOOK_BUILD}/initfs"

struct variable {
	char *name; /* owned */
	struct strvec values;
};

struct function {
	const char *name; /* in words */
	size_t body;
};

struct recipe {
	struct recipe_words words;
	struct variable *variables; /* owned */
	size_t n_variables, variables_cap;
	struct function *functions; /* owned */
	size_t n_functions, functions_cap;
	struct cargo_rules *rules;
	unsigned int steps, depth;
};

static void recipe_clear(struct recipe *recipe)
{
	for (size_t i = 0; i < recipe->n_variables; i++) {
		free(recipe->variables[i].name);
		strvec_clear(&recipe->variables[i].values);
	}
	free(recipe->variables);
	free(recipe->functions);
	recipe_words_clear(&recipe->words);
}

static size_t run_list(struct recipe *recipe, size_t at, bool active);

/* -- variables -------------------------------------------------------------------------------------------------------------------------------- */

static struct variable *find_variable(struct recipe *recipe, const char *name, size_t n)
{
	for (size_t i = 0; i < recipe->n_variables; i++)
		if (strlen(recipe->variables[i].name) == n && strncmp(recipe->variables[i].name, name, n) == 0)
			return &recipe->variables[i];
	return NULL;
}

/* Made empty when it is new; not for longer than until the next call. */
static struct variable *get_variable(struct recipe *recipe, const char *name, size_t n)
{
	struct variable *variable = find_variable(recipe, name, n);

	if (variable)
		return variable;
	grow_array(&recipe->variables, &recipe->variables_cap, recipe->n_variables, sizeof(*recipe->variables));
	variable = &recipe->variables[recipe->n_variables++];
	variable->name = xstrndup(name, n);
	return variable;
}

static void set_variable(struct recipe *recipe, const char *name, const char *value)
{
	struct variable *variable = get_variable(recipe, name, strlen(name));

	strvec_clear(&variable->values);
	strvec_add(&variable->values, value);
}

/* The name of the variable at @p ('${NAME}', '$NAME', '${NAME[@]}'), and what is behind it; 0 when there is none. */
static size_t name_at(const char *p, const char **ret_name, const char **ret_end)
{
	bool braces = p[0] == '$' && p[1] == '{';
	size_t n = 0;

	if (p[0] != '$')
		return 0;
	p += braces ? 2 : 1;
	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	*ret_name = p;
	*ret_end = p + n;
	if (braces && str_starts(p + n, "[@]"))
		*ret_end += 3;
	if (braces && **ret_end != '}')
		return 0;
	*ret_end += braces;
	return n;
}

/* What follows is not read any more. */
static void give_up(struct recipe *recipe)
{
	recipe->steps = MAX_STEPS + 1;
}

/* What is not known stays as it is written. */
static char *expand(struct recipe *recipe, const char *word)
{
	struct str s = { 0 };

	while (*word && s.len <= MAX_VALUE) {
		const char *name, *end;
		size_t n = name_at(word, &name, &end);
		const struct variable *variable = n > 0 ? find_variable(recipe, name, n) : NULL;

		if (!variable) {
			str_add_c(&s, *word++);
			continue;
		}
		str_add(&s, variable->values.n > 0 ? variable->values.v[0] : "");
		word = end;
	}
	if (s.len > MAX_VALUE)
		give_up(recipe);
	return str_take(&s);
}

/* A word that is a list gives each of its values. */
static void expand_into(struct recipe *recipe, const char *word, struct strvec *ret)
{
	const char *name, *end;
	size_t n = name_at(word, &name, &end);
	const struct variable *variable = n > 0 && !*end ? find_variable(recipe, name, n) : NULL;

	if (variable && ret->n + variable->values.n > MAX_VALUES)
		give_up(recipe);
	else if (variable)
		strvec_copy(ret, &variable->values);
	else
		strvec_take(ret, expand(recipe, word));
}

/* -- commands --------------------------------------------------------------------------------------------------------------------------------- */

static bool is_end(const struct recipe *recipe, size_t at)
{
	static const char *const ends[] = { "done", "fi", "else", "elif", "esac", "}" };

	if (at >= recipe->words.n || recipe_words_is_operator(&recipe->words, at, ";;"))
		return true;
	for (size_t i = 0; i < N_ELEMENTS(ends); i++)
		if (recipe_words_is(&recipe->words, at, ends[i]))
			return true;
	return false;
}

static size_t skip_lines(const struct recipe *recipe, size_t at)
{
	while (recipe_words_is_operator(&recipe->words, at, "\n"))
		at++;
	return at;
}

/* Behind the next plain @word; at the end when there is none. */
static size_t skip_past(const struct recipe *recipe, size_t at, const char *word)
{
	while (at < recipe->words.n && !recipe_words_is(&recipe->words, at, word))
		at++;
	return at < recipe->words.n ? at + 1 : at;
}

/* '/usr/bin' of a place in the staging folder, 'initfs:/bin' of one in the initfs; NULL for any other. */
static char *place_of(const char *path, const char *program)
{
	bool initfs = str_starts(path, INITFS "/");
	const char *rest = initfs ? path + strlen(INITFS) : str_starts(path, STAGE "/") ? path + strlen(STAGE) : NULL;
	CLEANUP_FREE char *dir = NULL;

	if (!rest || strchr(rest, '$') || strpbrk(rest, " \t\n"))
		return NULL;
	dir = str_eq(fs_basename(rest), program) ? fs_dirname(rest) : xstrdup(rest);
	return xasprintf("%s%s", initfs ? "initfs:" : "", dir);
}

static void copy(struct recipe *recipe, const struct strvec *words)
{
	CLEANUP(strvec_clear) struct strvec paths = { 0 };

	for (size_t i = 1; i < words->n; i++)
		if (words->v[i][0] != '-')
			strvec_add(&paths, words->v[i]);
	for (size_t i = 0; i + 1 < paths.n; i++) {
		const char *program = fs_basename(paths.v[i]);
		CLEANUP_FREE char *place = str_starts(paths.v[i], "target/") ? place_of(paths.v[paths.n - 1], program) : NULL;

		if (place && *program && !strpbrk(program, "$*? \t\n"))
			cargo_rules_add_program(recipe->rules, program, place);
	}
}

static void call(struct recipe *recipe, const char *name)
{
	for (size_t i = recipe->n_functions; i-- > 0;) {
		if (strcmp(recipe->functions[i].name, name) != 0)
			continue;
		(void)run_list(recipe, recipe->functions[i].body, true);
		return;
	}
}

static size_t run_simple(struct recipe *recipe, size_t at, bool active)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 };

	for (; at < recipe->words.n && !recipe->words.v[at].is_operator; at++)
		if (active)
			expand_into(recipe, recipe->words.v[at].text, &words);
	if (words.n > 0 && strcmp(words.v[0], "cp") == 0)
		copy(recipe, &words);
	else if (words.n == 1)
		call(recipe, words.v[0]);
	/* What cannot stand there, such as a lone parenthesis, is passed over. */
	return at < recipe->words.n && !recipe_words_is_operator(&recipe->words, at, ";;") ? at + 1 : at;
}

/* NAME=(WORDS) or NAME+=(WORDS); @at is NAME= . */
static size_t run_list_value(struct recipe *recipe, size_t at, bool active)
{
	const char *text = recipe->words.v[at].text;
	size_t n = strlen(text) - 1;
	bool more = n > 0 && text[n - 1] == '+';
	struct strvec values = { 0 };

	for (at += 2; at < recipe->words.n && !recipe_words_is_operator(&recipe->words, at, ")"); at++)
		if (active && !recipe->words.v[at].is_operator)
			expand_into(recipe, recipe->words.v[at].text, &values);
	if (active) {
		struct variable *variable = get_variable(recipe, text, n - more);

		if (!more)
			strvec_clear(&variable->values);
		if (variable->values.n + values.n > MAX_VALUES)
			give_up(recipe);
		else
			strvec_copy(&variable->values, &values);
	}
	strvec_clear(&values);
	return at + 1;
}

static size_t run_for(struct recipe *recipe, size_t at, bool active)
{
	CLEANUP(strvec_clear) struct strvec values = { 0 };
	const char *name = at + 1 < recipe->words.n ? recipe->words.v[at + 1].text : "";
	size_t body, end;

	for (at += 3; at < recipe->words.n && !recipe->words.v[at].is_operator; at++)
		if (active)
			expand_into(recipe, recipe->words.v[at].text, &values);
	body = skip_past(recipe, at, "do");
	end = run_list(recipe, body, false);
	for (size_t i = 0; i < values.n; i++) {
		set_variable(recipe, name, values.v[i]);
		(void)run_list(recipe, body, true);
	}
	return end + 1;
}

/* `while` and `until`: what they read is not known. */
static size_t skip_loop(struct recipe *recipe, size_t at)
{
	return run_list(recipe, skip_past(recipe, at, "do"), false) + 1;
}

/* 1, 0, or -1 for a condition that is none of [[ A == B || C == D ... ]]. @ret_at: behind `then`. */
static int judge(struct recipe *recipe, size_t at, size_t *ret_at)
{
	int holds = 0;

	*ret_at = skip_past(recipe, at, "then");
	if (!recipe_words_is(&recipe->words, at++, "[["))
		return -1;
	for (;; at++) {
		CLEANUP_FREE char *a = NULL, *b = NULL;

		if (at + 3 >= *ret_at || !(recipe_words_is(&recipe->words, at + 1, "==") || recipe_words_is(&recipe->words, at + 1, "=")))
			return -1;
		a = expand(recipe, recipe->words.v[at].text);
		b = expand(recipe, recipe->words.v[at + 2].text);
		holds = holds || fnmatch(b, a, 0) == 0;
		at += 3;
		if (recipe_words_is(&recipe->words, at, "]]"))
			return recipe_words_is_operator(&recipe->words, at + 1, "\n") ? holds : -1;
		if (!recipe_words_is_operator(&recipe->words, at, "||"))
			return -1;
	}
}

/* A condition that is not understood: neither branch. */
static size_t run_if(struct recipe *recipe, size_t at, bool active)
{
	int holds = judge(recipe, at + 1, &at);
	bool open = active && holds >= 0;

	at = run_list(recipe, at, open && holds);
	open = open && !holds;
	while (recipe_words_is(&recipe->words, at, "elif")) {
		holds = judge(recipe, at + 1, &at);
		at = run_list(recipe, at, open && holds > 0);
		open = open && holds == 0;
	}
	if (recipe_words_is(&recipe->words, at, "else"))
		at = run_list(recipe, at + 1, open);
	return at + 1;
}

static size_t run_case(struct recipe *recipe, size_t at, bool active)
{
	CLEANUP_FREE char *value = expand(recipe, at + 1 < recipe->words.n ? recipe->words.v[at + 1].text : "");
	bool open = active;

	at = skip_lines(recipe, skip_past(recipe, at, "in"));
	while (at < recipe->words.n && !recipe_words_is(&recipe->words, at, "esac")) {
		bool matches = false;

		for (; at < recipe->words.n && !recipe_words_is_operator(&recipe->words, at, ")"); at++)
			matches = matches || (!recipe->words.v[at].is_operator && fnmatch(recipe->words.v[at].text, value, 0) == 0);
		at = run_list(recipe, at + 1, open && matches);
		open = open && !matches;
		if (at < recipe->words.n && recipe_words_is_operator(&recipe->words, at, ";;"))
			at++;
		else if (!recipe_words_is(&recipe->words, at, "esac"))
			return recipe->words.n; /* no script of a kind that is known */
		at = skip_lines(recipe, at);
	}
	return at + 1;
}

static size_t run_function(struct recipe *recipe, size_t at, bool active)
{
	const char *name = recipe->words.v[at].text;
	size_t body = skip_past(recipe, at + 3, "{");

	if (active) {
		grow_array(&recipe->functions, &recipe->functions_cap, recipe->n_functions, sizeof(*recipe->functions));
		recipe->functions[recipe->n_functions++] = (struct function){ .name = name, .body = body };
	}
	return run_list(recipe, body, false) + 1;
}

static size_t run_command(struct recipe *recipe, size_t at, bool active)
{
	const struct recipe_words *words = &recipe->words;

	if (words->v[at].is_operator)
		return at + 1;
	if (recipe_words_is(words, at, "for"))
		return run_for(recipe, at, active);
	if (recipe_words_is(words, at, "while") || recipe_words_is(words, at, "until"))
		return skip_loop(recipe, at);
	if (recipe_words_is(words, at, "if"))
		return run_if(recipe, at, active);
	if (recipe_words_is(words, at, "case"))
		return run_case(recipe, at, active);
	if (recipe_words_is_operator(words, at + 1, "(") && str_ends(words->v[at].text, "="))
		return run_list_value(recipe, at, active);
	if (recipe_words_is_operator(words, at + 1, "(") && recipe_words_is_operator(words, at + 2, ")"))
		return run_function(recipe, at, active);
	return run_simple(recipe, at, active);
}

/* Up to the word that ends the list, or the script. */
static size_t run_list(struct recipe *recipe, size_t at, bool active)
{
	if (recipe->depth >= MAX_DEPTH)
		return recipe->words.n;
	recipe->depth++;
	while (!is_end(recipe, at)) {
		if (++recipe->steps > MAX_STEPS) {
			at = recipe->words.n;
			break;
		}
		at = run_command(recipe, at, active);
	}
	recipe->depth--;
	return at;
}

void cargo_recipe_follow(const char *script, const char *machine, struct cargo_rules *rules)
{
	CLEANUP(recipe_clear) struct recipe recipe = { .rules = rules };
	CLEANUP_FREE char *target = xasprintf("%s-unknown-redox", machine);
	size_t at = 0;

	recipe_words_split(script, &recipe.words);
	set_variable(&recipe, "TARGET", target);
	/* A word that ends nothing is passed over. */
	while (at < recipe.words.n && recipe.steps <= MAX_STEPS)
		at = run_list(&recipe, at, true) + 1;
}

/* -- files ------------------------------------------------------------------------------------------------------------------------------------ */

/* The script of a recipe.toml: [build] script = """...""". The caller frees it; NULL. */
static char *script_of(const char *text)
{
	static const char mark[] = "\nscript = \"\"\"";
	const char *start = strstr(text, mark), *end = start ? strstr(start + strlen(mark), "\"\"\"") : NULL;

	return end ? xstrndup(start + strlen(mark), (size_t)(end - start) - strlen(mark)) : NULL;
}

/* @same_as: only a recipe that says so; NULL: any. */
static void read_recipe(const char *path, const char *same_as, const char *machine, struct cargo_rules *rules, struct strvec *ret_files)
{
	CLEANUP(str_clear) struct str text = { 0 };
	CLEANUP_FREE char *mark = same_as ? xasprintf("\nsame_as = \"../%s\"\n", same_as) : NULL, *script = NULL;
	size_t before = rules->n_places;

	if (fs_read(path, MAX_RECIPE, &text, NULL) < 0 || (mark && !strstr(str_text(&text), mark)))
		return;
	script = script_of(str_text(&text));
	if (script)
		cargo_recipe_follow(script, machine, rules);
	if (rules->n_places > before)
		strvec_add(ret_files, path);
}

void cargo_recipe_read(const char *source, const char *machine, struct cargo_rules *rules, struct strvec *ret_files)
{
	CLEANUP_FREE char *real = realpath(source, NULL), *dir = real ? fs_dirname(real) : NULL, *own = NULL, *above = NULL;
	CLEANUP(str_clear) struct str pattern = { 0 };
	glob_t found = { 0 };

	if (!dir)
		return;
	own = xasprintf("%s/recipe.toml", dir);
	if (!fs_exists(own))
		return;
	read_recipe(own, NULL, machine, rules, ret_files);
	above = fs_dirname(dir);
	str_add_literal(&pattern, above);
	str_add(&pattern, "/*/recipe.toml");
	if (glob(str_text(&pattern), 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		read_recipe(found.gl_pathv[i], fs_basename(dir), machine, rules, ret_files);
	globfree(&found);
}
