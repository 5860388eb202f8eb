#include "cli/version.h"

#include "base/fs.h"
#include "cli/json.h"

#include <git2.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <uv.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

/* What users ask for first when something is wrong is which libraries they have, so one list feeds the text and the JSON. */

#define LICENCE "GPL-3.0-or-later"

struct library {
	const char *name;
	char *(*version)(void); /* the caller frees it */
};

/* The file that has @symbol, links followed: 'libinih.so.55'. */
static char *file_of(const char *symbol)
{
	void *address = dlsym(RTLD_DEFAULT, symbol);
	CLEANUP_FREE char *path = NULL;
	Dl_info info;

	if (!address || !dladdr(address, &info) || !info.dli_fname)
		return xstrdup("unknown");
	path = realpath(info.dli_fname, NULL);
	return xstrdup(fs_basename(path ? path : info.dli_fname));
}

static char *version_git(void)
{
	int major, minor, revision;

	git_libgit2_version(&major, &minor, &revision);
	return xasprintf("%d.%d.%d", major, minor, revision);
}

static char *version_fswatch(void)
{
	return file_of("fsw_init_library");
}

static char *version_uv(void)
{
	return xstrdup(uv_version_string());
}

static char *version_sqlite(void)
{
	return xstrdup(sqlite3_libversion());
}

static char *version_jansson(void)
{
	return xstrdup(jansson_version_str());
}

static char *version_openssl(void)
{
	return xstrdup(OpenSSL_version(OPENSSL_VERSION_STRING));
}

static char *version_inih(void)
{
	return file_of("ini_parse");
}

static const struct library libraries[] = {
	{ "libgit2", version_git },     { "libfswatch", version_fswatch }, { "libuv", version_uv },  { "SQLite", version_sqlite },
	{ "jansson", version_jansson }, { "OpenSSL", version_openssl },    { "inih", version_inih },
};

static void print_text(void)
{
	printf("reinject %s\n", REINJECT_VERSION);
	for (size_t i = 0; i < N_ELEMENTS(libraries); i++) {
		CLEANUP_FREE char *version = libraries[i].version();

		printf("%s%s %s", i > 0 ? ", " : "", libraries[i].name, version);
	}
	printf("\nLicence " LICENCE "\n");
}

static void print_json(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < N_ELEMENTS(libraries); i++) {
		CLEANUP_FREE char *version = libraries[i].version();

		json_object_set_new(all, libraries[i].name, cli_json_string(version));
	}
	cli_json_print(json_pack("{s:s, s:s, s:o}", "version", REINJECT_VERSION, "licence", LICENCE, "libraries", all));
}

void cli_version_print(bool json)
{
	if (json)
		print_json();
	else
		print_text();
}
