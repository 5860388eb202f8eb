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

static bool match(const char *pattern, const char *path)
{
	while (*pattern) {
		if (strncmp(pattern, "**", 2) == 0 && (pattern[2] == '/' || pattern[2] == '\0')) {
			if (!pattern[2])
				return *path;
			for (pattern += 3;; path = behind(path)) {
				if (match(pattern, path))
					return true;
				if (!*path)
					return false;
			}
		}
		if (!*path || !component_matches(pattern, path))
			return false;
		pattern = behind(pattern);
		path = behind(path);
	}
	return !*path;
}

bool config_glob_match(const char *pattern, const char *path)
{
	return strcmp(pattern, "**") == 0 || match(pattern, path);
}
