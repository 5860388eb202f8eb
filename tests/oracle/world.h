/* oracle/world - a made workspace: 70 packages and two crates that the configuration does not name, a directory in place of crates.io, and a git
 * repository around them, all decided by a seed.
 *
 * What is fixed: names, folders, `uses`, assets, the vendored crates. What changes lies in files only (manifests, Cargo.lock, sources), so that any
 * checkout brings back a state that can be judged by looking at the disk.
 * Order:    package N depends on lower numbers only, dev-dependencies apart, so that no edit and no merge makes a cycle.
 * Everything asserts (lib/scratch.h). */
#ifndef REINJECT_TESTS_ORACLE_WORLD_H
#define REINJECT_TESTS_ORACLE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/gitbox.h"

enum {
	WORLD_PACKAGES = 70,
	WORLD_CRATES = 72,     /* with those that no section names */
	WORLD_PATCHED = 5,     /* this one and the next stand in for crates of the registry */
	WORLD_EVERYBODYS = 1,  /* invalidates = * */
	WORLD_REGISTERED = 11, /* has an input that git ignores */
	WORLD_FIRST_APP = 10,  /* from here on packages use the registry */
	WORLD_FOLDERS = 96,
	WORLD_ASSETS = 3,
	WORLD_SUBJECTS = WORLD_PACKAGES + WORLD_ASSETS,
};

/* A folder whose content counts for somebody. */
struct world_folder {
	char *path;  /* owned */
	bool is_own; /* a package's: then without the packages in it */
};

struct world_crate {
	char *name;        /* owned; 'pkg-07' */
	struct strvec ini; /* `uses`, as the configuration has it */
	size_t folders[4]; /* those that this crate brings: its own, then more */
	size_t n_folders;
	size_t uses[8]; /* packages that `uses` leads to */
	size_t n_uses;
};

struct world {
	struct gitbox *git; /* owned; its `repo` is the workspace */
	const char *prefix; /* of the workspace's names in git: '' or 'repo/' */
	uint64_t random;
	struct world_crate crates[WORLD_CRATES];
	struct world_folder folders[WORLD_FOLDERS]; /* the crates' own come first, in their order */
	size_t n_folders;
	const char *assets[WORLD_ASSETS]; /* in the order of the configuration */
	char *registered;                 /* owned; absolute */
};

struct world *world_make(uint64_t seed);
void world_free(struct world *world);

/** A number below @n. */
size_t world_pick(struct world *world, size_t n);
/** True once in @n. */
bool world_once_in(struct world *world, size_t n);

/** The folder of crate number @crate. */
const char *world_dir(const struct world *world, size_t crate);
/** The crate in folder @dir; WORLD_CRATES when it is none's. */
size_t world_crate_in(const struct world *world, const char *dir);
size_t world_crate_named(const struct world *world, const char *name);

/** The checksum of a crate in the registry; the caller frees it. */
char *world_checksum(const char *name, const char *version);

/** What stands in the file @path of the workspace; false when it cannot be read. */
bool world_read(const struct world *world, const char *path, struct str *ret);
/** Writes it in place, or makes it; its folder too. */
void world_write(const struct world *world, const char *path, const struct str *text);

/** Runs git or cargo in the workspace. Returns its exit status. */
int world_run(const struct world *world, char *const *argv);
#define world_git(world, ...)   world_run((world), (char *const[]){ "git", __VA_ARGS__, NULL })
#define world_cargo(world, ...) world_run((world), (char *const[]){ "cargo", __VA_ARGS__, NULL })

#endif
