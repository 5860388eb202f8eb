#include "config/schema.h"

#include "base/near.h"

#include <string.h>

/* Rows of one section stand together: `reinject config` and the manual follow the table's order. */
/* clang-format off */
const struct schema_option schema_options[] = {
	{ .section = "reinject", .key = "include", .type = SCHEMA_LIST, .item = SCHEMA_PATH,
	  .help = "more INI files, such as a generated package map; keys of the file that includes them win" },
	{ .section = "reinject", .key = "state", .type = SCHEMA_PATH, .fallback = ".reinject",
	  .help = "folder of the journal, logs, spool and socket" },
	{ .section = "reinject", .key = "keep_runs", .type = SCHEMA_UINT, .min = 1, .max = 1000000, .unit = "runs", .fallback = "100",
	  .help = "replaced contents and symbols are kept for the last so many runs that changed the image" },
	{ .section = "reinject", .key = "keep_days", .type = SCHEMA_UINT, .min = 0, .max = 36500, .unit = "days", .fallback = "1",
	  .help = "and also for all runs of the last so many days" },
	{ .section = "reinject", .key = "auto_update", .type = SCHEMA_BOOL, .fallback = "yes",
	  .help = "write the generated map anew when the cargo workspace has changed; no: only say so" },
	{ .section = "reinject", .key = "rules", .type = SCHEMA_PATH,
	  .help = "the rule file that the generated map is made with; the one that comes with the program by default" },

	{ .section = "source *", .key = "path", .type = SCHEMA_PATH, .fallback = ".", .help = "the cargo workspace, in a git work tree" },
	{ .section = "source *", .key = "shared", .type = SCHEMA_LIST, .item = SCHEMA_TREE_PATH, .fallback = "Cargo.toml .cargo rust-toolchain.toml",
	  .help = "files and folders that concern every package" },
	{ .section = "source *", .key = "ignore", .type = SCHEMA_LIST, .item = SCHEMA_TREE_PATH, .help = "folders that are never looked at" },

	{ .section = "build", .key = "toolchain", .type = SCHEMA_STRING, .help = "rustup's name of the toolchain; plain cargo without it" },
	{ .section = "build", .key = "target", .type = SCHEMA_STRING, .help = "a triple, or a .json in the source or beside the INI file" },
	{ .section = "build", .key = "codegen_backend", .type = SCHEMA_PATH, .help = "library for -Zcodegen-backend" },
	{ .section = "build", .key = "relibc", .type = SCHEMA_PATH, .help = "folder of the C library's objects; gives the flags to link with it" },
	{ .section = "build", .key = "build_std", .type = SCHEMA_STRING, .help = "crates for -Z build-std" },
	{ .section = "build", .key = "build_std_features", .type = SCHEMA_STRING, .help = "features for -Zbuild-std-features" },
	{ .section = "build", .key = "rustflags", .type = SCHEMA_LIST, .help = "flags after those of codegen_backend and relibc" },
	{ .section = "build", .key = "profile", .type = SCHEMA_STRING, .fallback = "release", .help = "cargo's profile" },
	{ .section = "build", .key = "features", .type = SCHEMA_LIST, .help = "features for --features" },
	{ .section = "build", .key = "cargo_args", .type = SCHEMA_LIST, .help = "more arguments, such as --locked --offline" },
	{ .section = "build", .key = "target_dir", .type = SCHEMA_PATH, .help = "cargo's target folder; cargo's own by default" },
	{ .section = "build", .key = "env.*", .type = SCHEMA_STRING, .help = "a variable of cargo's environment" },
	{ .section = "build", .key = "strip", .type = SCHEMA_PROGRAM, .fallback = "llvm-strip", .help = "the program that strips binaries" },
	{ .section = "build", .key = "cache", .type = SCHEMA_ENUM, .choices = "none|sccache", .fallback = "none",
	  .help = "a compiler cache; its store is named by its own variables, such as env.SCCACHE_REDIS_ENDPOINT" },

	{ .section = "image", .key = "path", .type = SCHEMA_PATH, .help = "the disk image" },
	{ .section = "image", .key = "format", .type = SCHEMA_ENUM, .choices = "redoxfs|ext4|custom", .fallback = "redoxfs",
	  .help = "its file system; custom needs mount and unmount" },
	{ .section = "image", .key = "mode", .type = SCHEMA_ENUM, .choices = "shadow|live|in-place", .fallback = "shadow",
	  .help = "write into a copy that then replaces it, through the user's mount, or into the image itself" },
	{ .section = "image", .key = "tool", .type = SCHEMA_PROGRAM, .help = "the program that mounts it: redoxfs or fuse2fs by default" },
	{ .section = "image", .key = "mount", .type = SCHEMA_COMMAND, .help = "custom: the command that mounts ${IMAGE} at ${MOUNT_POINT}" },
	{ .section = "image", .key = "unmount", .type = SCHEMA_COMMAND, .help = "custom: the command that unmounts ${MOUNT_POINT}" },
	{ .section = "image", .key = "mount_point", .type = SCHEMA_PATH, .help = "live: where the user keeps it mounted" },
	{ .section = "image", .key = "block", .type = SCHEMA_UINT, .max = UINT64_C(1) << 40, .unit = "blocks", .fallback = "0",
	  .help = "redoxfs: the 4 KiB block where its partition begins; 0: searched in the first 256 MiB" },
	{ .section = "image", .key = "keep_previous", .type = SCHEMA_BOOL, .fallback = "yes", .help = "keep the image before as IMAGE.prev" },
	{ .section = "image", .key = "stamp", .type = SCHEMA_IMAGE_PATH, .help = "file in the image that gets a line with commit and date" },
	{ .section = "image", .key = "mount_timeout_ms", .type = SCHEMA_UINT, .min = 100, .max = 600000, .unit = "ms", .fallback = "10000",
	  .help = "how long mounting may take" },
	{ .section = "image", .key = "answer_timeout_ms", .type = SCHEMA_UINT, .min = 100, .max = 3600000, .unit = "ms", .fallback = "60000",
	  .help = "how long a mounted image may take to answer, or to be written to its end" },
	{ .section = "image", .key = "leak_limit_mb", .type = SCHEMA_UINT, .min = 0, .max = 1 << 20, .unit = "MB", .fallback = "64",
	  .help = "RedoxFS leaks room when files are replaced: from how much on a refresh says so; 0: never" },

	{ .section = "initfs", .key = "dir", .type = SCHEMA_PATH, .help = "folder with the initfs's content" },
	{ .section = "initfs", .key = "tool", .type = SCHEMA_PATH, .help = "redox-initfs-ar" },
	{ .section = "initfs", .key = "bootstrap", .type = SCHEMA_PATH, .help = "the bootstrap ELF" },
	{ .section = "initfs", .key = "max_size", .type = SCHEMA_UINT, .min = 4096, .max = UINT64_C(1) << 40, .unit = "bytes",
	  .fallback = "134217728", .help = "the largest initfs" },
	{ .section = "initfs", .key = "dest", .type = SCHEMA_IMAGE_PATH, .fallback = "/boot/initfs", .help = "its place in the image" },

	{ .section = "destinations", .key = "*", .type = SCHEMA_LIST, .item = SCHEMA_PLACE,
	  .help = "glob over a package's first folder: where its binaries go; the first match wins" },

	{ .section = "package *", .key = "source", .type = SCHEMA_STRING, .help = "the [source] it lies in; the first by default" },
	{ .section = "package *", .key = "paths", .type = SCHEMA_LIST, .item = SCHEMA_TREE_PATH, .help = "its folders" },
	{ .section = "package *", .key = "uses", .type = SCHEMA_LIST, .item = SCHEMA_TREE_PATH, .help = "folders whose changes concern it too" },
	{ .section = "package *", .key = "bins", .type = SCHEMA_LIST, .help = "its binaries; one of its own name by default, none: a library" },
	{ .section = "package *", .key = "dest", .type = SCHEMA_LIST, .item = SCHEMA_PLACE,
	  .help = "folders in the image, initfs:/ or share:/; [destinations] by default" },
	{ .section = "package *", .key = "copy", .type = SCHEMA_LIST, .item = SCHEMA_PLACE, .help = "more places, with file name, of its first binary" },
	{ .section = "package *", .key = "activate", .type = SCHEMA_STRING, .verbatim = true, .fallback = "reboot",
	  .help = "what a change needs to run: none, reboot, or lines for the running guest's console, with \\n between them" },
	{ .section = "package *", .key = "command", .type = SCHEMA_COMMAND, .help = "builds what is no cargo crate; with artifact" },
	{ .section = "package *", .key = "artifact", .type = SCHEMA_TREE_PATH, .help = "the file that command makes" },
	{ .section = "package *", .key = "invalidates", .type = SCHEMA_ENUM, .choices = "*", .help = "'*': all others depend on it" },

	{ .section = "asset *", .key = "source", .type = SCHEMA_STRING, .help = "the [source] it lies in; the first by default" },
	{ .section = "asset *", .key = "path", .type = SCHEMA_TREE_PATH, .help = "a file that is copied without a build" },
	{ .section = "asset *", .key = "dest", .type = SCHEMA_LIST, .item = SCHEMA_PLACE, .help = "where the file goes" },

	{ .section = "watch", .key = "quiet_ms", .type = SCHEMA_UINT, .min = 0, .max = 60000, .unit = "ms", .fallback = "50",
	  .help = "how long nothing must have changed before a look" },
	{ .section = "watch", .key = "on_busy", .type = SCHEMA_ENUM, .choices = "restart|queue", .fallback = "restart",
	  .help = "what a change during its own build does" },
	{ .section = "watch", .key = "trigger", .type = SCHEMA_ENUM, .choices = "save|commit", .fallback = "save", .help = "what starts a refresh" },
	{ .section = "watch", .key = "hold_over", .type = SCHEMA_UINT, .min = 0, .max = 100000, .unit = "packages", .fallback = "0",
	  .help = "with more stale packages build only those changed directly; 0: off" },
	{ .section = "watch", .key = "backend", .type = SCHEMA_ENUM, .choices = "auto|poll", .fallback = "auto",
	  .help = "how changes are seen: by the system's events, with a look every poll_ms where they cannot be trusted; or by such looks alone" },
	{ .section = "watch", .key = "poll_ms", .type = SCHEMA_UINT, .min = 100, .max = 600000, .unit = "ms", .fallback = "1000",
	  .help = "how often to look at what gives no events: network file systems, folders beyond the watch limit, backend = poll" },

	{ .section = "watch", .key = "notify", .type = SCHEMA_ENUM, .choices = "none|bell|osc9", .fallback = "none",
	  .help = "what the terminal does at a round's end: a bell, or a notification (OSC 9)" },
	{ .section = "watch", .key = "on_success", .type = SCHEMA_COMMAND, .verbatim = true, .help = "command after a round that went well, with REINJECT_*" },
	{ .section = "watch", .key = "on_failure", .type = SCHEMA_COMMAND, .verbatim = true, .help = "command after a round that failed, with REINJECT_*" },

	{ .section = "boot", .key = "when", .type = SCHEMA_ENUM, .choices = "never|after-inject", .fallback = "never", .help = "whether a watch boots the image after each round that changed it" },
	{ .section = "boot", .key = "command", .type = SCHEMA_COMMAND, .verbatim = true, .fallback = "./run-dev.sh", .help = "starts the VM" },
	{ .section = "boot", .key = "args", .type = SCHEMA_COMMAND, .verbatim = true, .help = "more arguments for it" },
	{ .section = "boot", .key = "console", .type = SCHEMA_STRING, .verbatim = true, .fallback = "pty",
	  .help = "pty, socket:PATH, tmux:SESSION or file:PATH" },
	{ .section = "boot", .key = "ready", .type = SCHEMA_REGEX, .verbatim = true, .help = "console line that means: up" },
	{ .section = "boot", .key = "failure", .type = SCHEMA_REGEX, .verbatim = true, .help = "console line that means: failed" },
	{ .section = "boot", .key = "timeout_s", .type = SCHEMA_UINT, .min = 1, .max = 86400, .unit = "s", .fallback = "60", .verbatim = true,
	  .help = "how long a boot may take until ready" },
	{ .section = "boot", .key = "timeout_scale", .type = SCHEMA_UINT, .min = 1, .max = 1000, .unit = "times", .fallback = "1", .verbatim = true,
	  .help = "a slow host: every limit of a boot, of its checks and of its end is so many times as long" },
	{ .section = "boot", .key = "exit_ok", .type = SCHEMA_UINT, .min = 0, .max = 255, .verbatim = true,
	  .help = "status of a guest that ended by itself and was right" },
	{ .section = "boot", .key = "exit_failed", .type = SCHEMA_UINT, .min = 0, .max = 255, .verbatim = true,
	  .help = "status of a guest that ended by itself and was wrong" },
	{ .section = "boot", .key = "record", .type = SCHEMA_REGEX, .verbatim = true, .help = "numbers out of the console, kept and plotted" },
	{ .section = "boot", .key = "stop", .type = SCHEMA_STRING, .verbatim = true, .help = "how a VM that reinject started is asked to end: monitor:SOCKET" },

	{ .section = "check *", .key = "send", .type = SCHEMA_STRING, .verbatim = true, .help = "lines for the guest's console, with \\n between them" },
	{ .section = "check *", .key = "expect", .type = SCHEMA_REGEX, .verbatim = true, .help = "pattern that must come back" },
	{ .section = "check *", .key = "timeout_s", .type = SCHEMA_UINT, .min = 1, .max = 86400, .unit = "s", .fallback = "10", .verbatim = true,
	  .help = "how long the answer may take" },
	{ .section = "check *", .key = "required", .type = SCHEMA_BOOL, .fallback = "yes", .verbatim = true, .help = "no: a check that fails is reported, and the boot counts as up" },

	{ .section = "nightly", .key = "boot", .type = SCHEMA_BOOL, .fallback = "yes", .help = "boot what was made" },
	{ .section = "nightly", .key = "attempts", .type = SCHEMA_UINT, .min = 1, .max = 100, .unit = "boots", .fallback = "3",
	  .help = "a bad verdict needs the same result so often" },
	{ .section = "nightly", .key = "max_boots", .type = SCHEMA_UINT, .min = 1, .max = 10000, .unit = "boots", .fallback = "40",
	  .help = "after these the good image stays" },
	{ .section = "nightly", .key = "timeout_s", .type = SCHEMA_UINT, .min = 1, .max = 604800, .unit = "s", .fallback = "28800",
	  .help = "the whole night's limit; after it the good image stays" },
	{ .section = "nightly", .key = "on_boot_failure", .type = SCHEMA_ENUM, .choices = "rollback|keep", .fallback = "rollback",
	  .help = "what becomes of an image that does not boot: IMAGE.good, the last one that booted, takes its place; or it stays" },
	{ .section = "nightly", .key = "report", .type = SCHEMA_PATH, .fallback = ".reinject/report.html", .help = "the HTML report" },
	{ .section = "nightly", .key = "on_failure", .type = SCHEMA_COMMAND, .verbatim = true, .help = "command for a bad night, with REINJECT_*" },

	{ .section = "hooks", .key = "quiet_ms", .type = SCHEMA_UINT, .min = 0, .max = 600000, .unit = "ms", .fallback = "2000",
	  .help = "how long no further hook must have come before its worker begins" },
	{ .section = "hooks", .key = "on_success", .type = SCHEMA_COMMAND, .verbatim = true,
	  .help = "command after a hook's refresh that went well, with REINJECT_*" },
	{ .section = "hooks", .key = "on_failure", .type = SCHEMA_COMMAND, .verbatim = true, .help = "command after a hook's refresh that failed, with REINJECT_*" },
	{ .section = "hooks", .key = "isolate", .type = SCHEMA_BOOL, .fallback = "no",
	  .help = "build what was committed, in a folder of its own, not the half-edited tree" },

	{ .section = "share", .key = "path", .type = SCHEMA_PATH, .help = "folder of the host that the guest sees: share:/" },
	{ .section = "share", .key = "after_put", .type = SCHEMA_STRING, .verbatim = true,
	  .help = "lines for the running guest's console, with \\n between them, after a file was put there" },
};
/* clang-format on */
const size_t schema_n_options = N_ELEMENTS(schema_options);

/* 'package *' matches 'package init', 'env.*' 'env.PATH', '*' everything but nothing. */
static bool matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (pattern[n - 1] != '*')
		return strcmp(pattern, name) == 0;
	return strncmp(pattern, name, n - 1) == 0 && name[n - 1] != '\0';
}

const struct schema_option *schema_find(const char *section, const char *key)
{
	for (size_t i = 0; i < schema_n_options; i++)
		if (matches(schema_options[i].section, section) && matches(schema_options[i].key, key))
			return &schema_options[i];
	return NULL;
}

bool schema_has_section(const char *section)
{
	for (size_t i = 0; i < schema_n_options; i++)
		if (matches(schema_options[i].section, section))
			return true;
	return false;
}

/* Offers @candidate up to its first blank; a pattern is no word. */
static void offer(struct near *near, const char *candidate)
{
	size_t n = strcspn(candidate, " ");

	if (candidate[n - 1] != '*')
		near_offer(near, candidate, n);
}

const char *schema_nearest_key(const char *section, const char *word)
{
	struct near near = { .word = word, .n = strlen(word) };

	for (size_t i = 0; i < schema_n_options; i++)
		if (matches(schema_options[i].section, section))
			offer(&near, schema_options[i].key);
	return near.best;
}

const char *schema_nearest_section(const char *word)
{
	struct near near = { .word = word, .n = strcspn(word, " ") };

	for (size_t i = 0; i < schema_n_options; i++)
		offer(&near, schema_options[i].section);
	return near.best;
}
