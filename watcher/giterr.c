#include "watcher/giterr.h"

#include "base/str.h"

#include <git2.h>

#include <errno.h>
#include <stdarg.h>
#include <string.h>

/* libgit2 1.5 has one code for all of these; its words tell them apart. */
struct cause {
	const char *words; /* part of libgit2's message */
	const char *said;
	const char *hint; /* with one %s, the source's folder */
};

static const struct cause causes[] = {
	{ "mandatory extension: 'link'", "it has a split index, which libgit2 cannot read",
	  "git -C '%s' update-index --no-split-index, and git config core.splitIndex false" },
	{ "mandatory extension: 'sdir'", "it has a sparse index, which libgit2 cannot read",
	  "git -C '%s' sparse-checkout reapply --no-sparse-index" },
	{ "extensions.objectformat", "its objects are named by SHA-256, which libgit2 cannot read",
	  "'%s' must be a repository with SHA-1 names" },
	{ "unsupported object format", "its objects are named by SHA-256, which libgit2 cannot read",
	  "'%s' must be a repository with SHA-1 names" },
	{ "extensions.refstorage", "its references are in a reftable, which libgit2 cannot read",
	  "git -C '%s' refs migrate --ref-format=files" },
	{ "unsupported extension", "it uses an extension that libgit2 does not know", "git -C '%s' config --get-regexp extensions" },
};

static int errno_of(int code)
{
	switch (code) {
	case GIT_ENOTFOUND:
		return -ENOENT;
	case GIT_ELOCKED:
		return -EBUSY;
	default:
		return -EIO;
	}
}

bool watcher_giterr_is_owner(int code)
{
	const git_error *last = git_error_last();

	/* 1.5.1 stumbles over its own question when there is a global configuration without that key. */
	return code == GIT_EOWNER || (code == GIT_ENOTFOUND && last && last->message && strstr(last->message, "safe.directory"));
}

int watcher_giterr_set(struct err *err, int code, const char *path, const char *format, ...)
{
	const git_error *last = git_error_last();
	const char *words = last && last->message ? last->message : "libgit2 does not say why";
	CLEANUP_FREE char *before = NULL;
	CLEANUP(str_clear) struct str s = { 0 };
	int r = watcher_giterr_is_owner(code) ? -EACCES : errno_of(code);
	va_list args;
	char said[512];

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	if (watcher_giterr_is_owner(code)) {
		err_class_set(err, ERR_ENVIRONMENT, r, "%s: it belongs to another user, and git does not trust it", said);
		err_hint(err, "git config --global --add safe.directory '%s'", path);
		return r;
	}
	for (size_t i = 0; i < N_ELEMENTS(causes); i++) {
		if (!strstr(words, causes[i].words))
			continue;
		err_class_set(err, ERR_ENVIRONMENT, -ENOTSUP, "%s: %s", said, causes[i].said);
		err_hint(err, causes[i].hint, path);
		return -ENOTSUP;
	}
	err_class_set(err, ERR_FAILED, r, "%s: %s", said, words);
	return r;
}
