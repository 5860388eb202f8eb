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
	const char *hint; /* with one or two %s, the source's folder */
};

static const struct cause causes[] = {
	{ "mandatory extension: 'link'", "it has a split index, which libgit2 cannot read",
	  "git -C '%s' config core.splitIndex false && git -C '%s' update-index --no-split-index" },
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

/* A repository that was cloned without all of its objects or commits. libgit2 has no lazy fetch, and nothing of ours may start one. */
static bool is_partial(git_repository *git)
{
	git_config *config = NULL;
	git_config_iterator *all = NULL;
	git_config_entry *e;
	bool found = git_repository_config_snapshot(&config, git) == 0 &&
		     git_config_iterator_glob_new(&all, config, "^(extensions\\.partialclone|remote\\..*\\.promisor)$") == 0 &&
		     git_config_next(&e, all) == 0;

	git_config_iterator_free(all);
	git_config_free(config);
	return found;
}

/* Why an object that git would have is not there; NULL when it simply is not. */
static const struct cause *why_missing(const char *path, int code)
{
	static const struct cause partial = { "", "it is a partial clone, and this was not fetched yet",
					      "git -C '%s' fetch --refetch --no-filter" };
	static const struct cause shallow = { "", "it is a shallow clone, and its history ends before this", "git -C '%s' fetch --unshallow" };
	const struct cause *found = NULL;
	git_repository *git = NULL;

	if (code != GIT_ENOTFOUND || git_repository_open_ext(&git, path, 0, NULL) < 0)
		return NULL;
	if (is_partial(git))
		found = &partial;
	else if (git_repository_is_shallow(git) == 1)
		found = &shallow;
	git_repository_free(git);
	return found;
}

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

static const struct cause *find_cause(const char *path, int code, const char *words)
{
	for (size_t i = 0; i < N_ELEMENTS(causes); i++)
		if (strstr(words, causes[i].words))
			return &causes[i];
	return why_missing(path, code);
}

int watcher_giterr_set(struct err *err, int code, const char *path, const char *format, ...)
{
	const git_error *last = git_error_last();
	/* Looking for the cause asks libgit2 again. */
	CLEANUP_FREE char *words = xstrdup(last && last->message ? last->message : "libgit2 does not say why");
	const struct cause *cause;
	int r = errno_of(code);
	va_list args;
	char said[512];

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	cause = find_cause(path, code, words);
	if (cause) {
		err_class_set(err, ERR_ENVIRONMENT, -ENOTSUP, "%s: %s", said, cause->said);
		err_hint(err, cause->hint, path, path);
		return -ENOTSUP;
	}
	err_class_set(err, ERR_FAILED, r, "%s: %s", said, words);
	return r;
}
