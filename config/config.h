/* config/config - what the user said, parsed, checked and resolved, as plain data.
 *
 * Sequence: config_load() finds reinject.ini (walking up from a folder, or as named), reads it and what it includes through ini_reader, looks
 *           every key up in the one option table (config/schema), converts, checks ranges, resolves paths. All problems of all files are
 *           collected; one error is enough for config_load() to fail. config_free() gives everything back.
 * Paths:    `~` and `${VAR}` are expanded. Paths of packages and assets, `shared` and `ignore` stay relative to their source; all other paths
 *           are absolute here, freed of '.' and '..' by words alone. Sources' paths are absolute.
 * Order:    packages and assets are sorted by name, destinations are in the file's order (the first match wins).
 *           A tree path '.' (the source itself) comes as ''.
 * Files:    -o wins over reinject.ini, that over what it includes, an included file over those named after it. Included files cannot include.
 *           -o does not move a pattern of [destinations]; a new one comes first.
 * Ownership: all strings belong to the struct config; it does not change after it was loaded, so threads may share it.
 * Format:   inih's INI with the rules of DESIGN.md section 2. */
#ifndef REINJECT_CONFIG_CONFIG_H
#define REINJECT_CONFIG_CONFIG_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A cargo workspace in a git work tree: [source NAME]. */
struct config_source {
	char *name;
	char *path;           /* absolute */
	struct strvec shared; /* relative to path: files and folders that concern every package */
	struct strvec ignore; /* relative to path: folders never looked at */
	/* Set by refresh/isolate alone, where path is a plain folder that holds one commit of it: */
	char *home;      /* absolute: the work tree, as the user named it; else NULL */
	char commit[41]; /* 40 hex digits; else '' */
};

/** [build]: how cargo is called; every string may be NULL, which means: not said. */
struct config_build {
	char *toolchain;
	char *target;          /* a triple, or the absolute path of a .json (looked for in the first source, then beside the INI) */
	char *codegen_backend; /* absolute */
	char *relibc;          /* absolute */
	char *build_std;
	char *build_std_features;
	struct strvec rustflags;
	char *profile; /* 'release' by default */
	struct strvec features;
	struct strvec cargo_args;
	char *target_dir;  /* absolute; NULL: cargo's own */
	struct strvec env; /* NAME=VALUE of the keys env.NAME, in the file's order */
	char *strip;       /* 'llvm-strip' by default */
	char *cache;       /* 'none' or 'sccache' */
};

enum config_image_format { CONFIG_IMAGE_REDOXFS, CONFIG_IMAGE_EXT4, CONFIG_IMAGE_CUSTOM };
enum config_image_mode { CONFIG_IMAGE_SHADOW, CONFIG_IMAGE_LIVE, CONFIG_IMAGE_IN_PLACE };

struct config_image {
	char *path; /* absolute; NULL when the configuration has none */
	enum config_image_format format;
	enum config_image_mode mode;
	char *tool;            /* the program that mounts: redoxfs or fuse2fs by default, a name for PATH or an absolute path */
	struct strvec mount;   /* custom: argv with ${IMAGE} and ${MOUNT_POINT} */
	struct strvec unmount; /* custom, likewise */
	char *mount_point;     /* absolute; live mode */
	uint64_t block;        /* redoxfs: where the file system begins, in blocks of 4 KiB; 0: searched as redoxfs does */
	bool keep_previous;
	char *stamp; /* a path in the image, or NULL */
	uint32_t mount_timeout_ms;
	uint32_t answer_timeout_ms; /* for the daemon behind a mount: one answer; its last writes */
	uint32_t leak_limit_mb;     /* RedoxFS: how much leaked room is said; 0: none */
};

struct config_initfs {
	char *dir;       /* absolute, NULL when there is no [initfs] */
	char *tool;      /* absolute */
	char *bootstrap; /* absolute */
	uint64_t max_size;
	char *dest; /* a path in the image */
};

/** One line of [destinations]: @pattern is a glob over a package's first folder. */
struct config_destination {
	char *pattern;
	struct strvec dests;
};

/** [package NAME]: the name is cargo's. */
struct config_package {
	char *name;
	size_t source;         /* index into config.sources */
	struct strvec paths;   /* relative to the source, without trailing slash */
	struct strvec uses;    /* folders, relative to the source */
	struct strvec bins;    /* file names of its binaries; empty for a library */
	struct strvec dests;   /* its own or those of [destinations]; empty: none. '/abs', 'initfs:/abs', as written */
	struct strvec copies;  /* more places for its first binary, with file name */
	char *activate;        /* 'reboot' by default */
	struct strvec command; /* argv of a package that is no crate; empty for cargo's */
	char *artifact;        /* relative to the source; with command */
	bool invalidates_all;  /* `invalidates = *` */
	char *file;            /* where its section stands, for messages */
	unsigned int line;
};

/** [asset NAME]: a file that is copied without a build. */
struct config_asset {
	char *name;
	size_t source;
	char *path; /* relative to the source */
	struct strvec dests;
	char *file;
	unsigned int line;
};

struct config_value; /* one key as it was set, for `reinject config`; see config_each_value() */

struct config {
	char *file;  /* absolute path of reinject.ini */
	char *dir;   /* its folder */
	char *state; /* absolute path of the state folder */
	struct config_source *sources;
	size_t n_sources;
	struct config_build build;
	struct config_image image;
	struct config_initfs initfs;
	struct config_destination *destinations;
	size_t n_destinations;
	struct config_package *packages;
	size_t n_packages;
	struct config_asset *assets;
	size_t n_assets;
	struct config_value *values; /* every effective value with its origin, in the order of the table, then of the files */
	size_t n_values;
};

struct config_args {
	const char *dir;                /* -C: where to start looking; NULL: the working folder */
	const char *file;               /* -c: this file; NULL: look for reinject.ini upwards from dir */
	const struct strvec *overrides; /* -o section.key=value, or NULL; the section may hold a blank: 'package init.dest=/usr/bin' */
};

/** What was wrong, as sentences that start with 'FILE:LINE: '. */
struct config_problems {
	struct strvec errors;
	struct strvec warnings;
};
/** Takes a zeroed one, too. */
void config_problems_clear(struct config_problems *problems);

/** Loads the configuration. On failure returns -EINVAL (class ERR_USAGE), @ret untouched, @problems holding every error found (none when the file
 * itself was missing or unreadable: then @err says it all, also with ERR_USAGE). Warnings may be there on success too (a package whose folder is
 * missing). */
int config_load(const struct config_args *args, struct config **ret, struct config_problems *problems, struct err *err) MUST_CHECK;

void config_free(struct config *config);
void config_freep(struct config **config); /* for CLEANUP */

/** Where the source's repository is found: its path, or what an isolated one is a commit of. Owned by @source. */
const char *config_source_home(const struct config_source *source);

/** @path as the user has it: what lies in an isolated source's folder has the name that it has in the work tree. So hashes over names do not depend on where
 * something was built. The caller frees it. */
char *config_home_path(const struct config *config, const char *path) MUST_CHECK;
/** The other way: where the file that the user has at @path is read from. The caller frees it. */
char *config_read_path(const struct config *config, const char *path) MUST_CHECK;

/** The package of this name, or NULL. */
const struct config_package *config_package_find(const struct config *config, const char *name);

/** There is no package @name: says so, and which one was probably meant. Returns -ENOENT, class ERR_USAGE. */
int config_package_unknown(const struct config *config, const char *name, struct err *err);

/** The effective value of one key, as text ('watch', 'quiet_ms' gives '50'; lists as schema_join_list() writes them); NULL when nothing was said and
 * there is no default. Owned by @config. For keys without a field of their own. */
const char *config_get(const struct config *config, const char *section, const char *key);

/** The same as a number, of keys whose type is SCHEMA_UINT or SCHEMA_BOOL (1 and 0); @fallback when there is no value. */
uint64_t config_get_uint(const struct config *config, const char *section, const char *key, uint64_t fallback);

/** Whether a file or -o says something of it, as against a default; @key NULL: of any key of @section. */
bool config_is_said(const struct config *config, const char *section, const char *key);

/** Calls @fn for each effective value: @section ('build', 'package init'), @key, @value as written after expansion (paths of the host absolute),
 * @origin ('FILE:LINE', 'default', or '-o'). The dest that a package has from [destinations] has that line as its origin. Secrets do not exist
 * here. */
void config_each_value(const struct config *config,
		       void (*fn)(void *data, const char *section, const char *key, const char *value, const char *origin), void *data);

#endif
