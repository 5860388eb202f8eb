#include "config/glob.h"

#include "base/str.h"

#include <fnmatch.h>
#include <string.h>

/* Moves over one component and the slash behind it. */
static const char *behind(const char *p)
{
	p += strcspn(p, "/");
	return *p ? p + 1 : p;
}

static bool component_matches(const char *pattern, const char *path)
{
	CLEANUP_FREE char *a = xstrndup(pattern, strcspn(pattern, "/")), *b = xstrndup(path, strcspn(path, "/"));

	return fnmatch(a, b, 0) == 0;
}

static bool is_any(const char *pattern)
{
	return pattern[0] == '*' && pattern[1] == '*' && (pattern[2] == '/' || !pattern[2]);
}

/* Only the last '**' is ever tried again: what an earlier one would leave to it is a shorter rest of the path, which it has tried already. So the time
 * grows with the components of both multiplied, whatever the pattern. */
static bool match(const char *pattern, const char *path)
{
	const char *rest = NULL, *tried = NULL; /* behind the last '**', and where that was last tried */

	for (;;) {
		if (is_any(pattern)) {
			if (!pattern[2])
				return *path;
			pattern += 3;
			rest = pattern;
			tried = path;
		} else if (!*pattern && !*path) {
			return true;
		} else if (*pattern && *path && component_matches(pattern, path)) {
			pattern = behind(pattern);
			path = behind(path);
		} else {
			if (!rest || !*tried)
				return false;
			tried = behind(tried);
			pattern = rest;
			path = tried;
		}
	}
}

bool config_glob_match(const char *pattern, const char *path)
{
	return strcmp(pattern, "**") == 0 || match(pattern, path);
}
