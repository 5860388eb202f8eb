/* base/str - growing strings, lists of strings, and the few string questions that every room asks.
 *
 * Ownership: struct str and struct strvec own their memory; str_clear / strvec_clear give it back and leave an empty object that can be used
 *            again. Both start zeroed: `CLEANUP(str_clear) struct str s = { 0 };`.
 * Errors:    running out of memory ends the program (xrealloc): on the systems reinject runs on it does not come back as NULL, and no
 *            caller could do better than the recovery at the next start does.
 * Threads:   no shared state. */
#ifndef REINJECT_BASE_STR_H
#define REINJECT_BASE_STR_H

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
	char *buf;  /* owned; NUL-terminated once anything was added, else NULL */
	size_t len; /* bytes, without the NUL */
	size_t cap; /* bytes allocated */
};

struct strvec {
	char **v; /* owned, and so is each string; v[n] is NULL, so that it serves as an argv. NULL while nothing was added */
	size_t n;
	size_t cap;
};

/** malloc, realloc, strdup that end the program when there is no memory. */
void *xrealloc(void *p, size_t size) MUST_CHECK;
void *xcalloc(size_t n, size_t size) MUST_CHECK;
char *xstrdup(const char *s) MUST_CHECK;
char *xstrndup(const char *s, size_t n) MUST_CHECK;
char *xasprintf(const char *format, ...) PRINTF(1, 2) MUST_CHECK;

/** Grows array *@array of @size bytes an element so that element @n exists; the new part is zeroed. @cap is in elements. */
void grow_array(void *array, size_t *cap, size_t n, size_t size);

void str_add(struct str *s, const char *text);
void str_add_n(struct str *s, const void *bytes, size_t n);
void str_add_c(struct str *s, char c);
/** Adds @text so that glob(3) takes it as it stands. */
void str_add_literal(struct str *s, const char *text);
void str_printf(struct str *s, const char *format, ...) PRINTF(2, 3);
void str_vprintf(struct str *s, const char *format, va_list args) PRINTF(2, 0);
/** The text so far, '' when nothing was added; owned by @s. */
const char *str_text(const struct str *s);
/** Hands the text to the caller (free()), never NULL; @s is empty afterwards. */
char *str_take(struct str *s) MUST_CHECK;
/** Adds @text without its ANSI escape sequences. */
void str_add_without_ansi(struct str *s, const char *text);
void str_reset(struct str *s); /* empty, the memory kept */
void str_clear(struct str *s);

void strvec_add(struct strvec *v, const char *text);
void strvec_add_n(struct strvec *v, const char *text, size_t n);
void strvec_addf(struct strvec *v, const char *format, ...) PRINTF(2, 3);
void strvec_take(struct strvec *v, char *text);                 /* takes ownership of @text */
void strvec_copy(struct strvec *to, const struct strvec *from); /* appends */
bool strvec_has(const struct strvec *v, const char *text);
bool strvec_same(const struct strvec *a, const struct strvec *b); /* in the same order */
void strvec_sort_unique(struct strvec *v);                        /* bytewise */
void strvec_clear(struct strvec *v);
/** The items with @separator between them; the caller frees it. */
char *strvec_join(const struct strvec *v, const char *separator) MUST_CHECK;

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/** True when path @path is @dir or lies below it; both relative or both absolute, without a trailing slash. An empty @dir is the root of all. */
bool path_under(const char *path, const char *dir);

/** Adds @text to @s as one word for a POSIX shell, quoted only where it must be, so that it can be pasted. */
void str_add_shell_quoted(struct str *s, const char *text);

/** Adds @text with every control byte, blank, '%' and byte above 126 as %NN, so that it is one word on a line, whatever a path may hold. */
void str_add_percent(struct str *s, const char *text);

/** What str_add_percent() made of the @n bytes at @text; a '%' without two hex digits stays. The caller frees it. */
char *str_from_percent(const char *text, size_t n) MUST_CHECK;

/** @text with every control byte as \xNN, newlines and the C1 ones in UTF-8 included: a name that somebody else has chosen, fit for a line on a
 * terminal. The caller frees it. */
char *str_visible(const char *text) MUST_CHECK;

/** How many bytes the character of UTF-8 has that begins at @text; 0 for what is none, 1 at the end. */
size_t str_utf8_length(const char *text);

/** Lower-case hex of @n bytes into @ret, which has room for 2*@n+1. */
void hex_encode(const void *bytes, size_t n, char *ret);

#endif
