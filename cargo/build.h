/* cargo/build - one package, one cargo run: the command line, its messages, the binaries that this very run names.
 *
 * Sequence: cargo_command_init() makes the command line as plain data (`-n -v` prints it), cargo_build_run() runs it and reads its JSON messages.
 * Command:  DESIGN.md section 2, word for word; plus --message-format=json-diagnostic-rendered-ansi. RUSTFLAGS travel as
 *           CARGO_ENCODED_RUSTFLAGS (0x1f between flags), so that paths may hold blanks; when there are no flags neither variable is set.
 *           -Zjson-target-spec is added, and the run repeated, when cargo says that it needs it.
 * Packages with a `command` of their own run that instead, in their source's folder, with artifact as the one binary.
 * Errors:   a package that does not compile is no error of ours: cargo_build.ok is false and 0 is returned. -ENOENT: no cargo (class
 *           ERR_ENVIRONMENT); -ECANCELED. */
#ifndef REINJECT_CARGO_BUILD_H
#define REINJECT_CARGO_BUILD_H

#include "base/cancel.h"
#include "base/hash.h"
#include "base/proc.h"
#include "cargo/command.h"
#include "config/config.h"

struct cargo_artifact {
	char *bin;  /* file name of the binary */
	char *path; /* absolute, in cargo's target folder */
	bool fresh; /* cargo found nothing to do */
	char hash[HASH_HEX_SIZE]; /* for whoever reads it after the build: its digest then; '' so far */
};

struct cargo_build {
	bool ok;    /* cargo succeeded and named every binary that the package should have */
	bool fresh; /* all of them were fresh */
	struct cargo_artifact *artifacts;
	size_t n_artifacts;
	bool rejected; /* not ok, and for a reason that lies in the package: rustc showed an error, a binary was not named, its own command
			* failed. Building it again unchanged is in vain; anything else (a manifest elsewhere, a full disk, no linker, a signal) may pass */
	char *failure; /* a sentence when not ok: 'cargo exited with 101' (and cargo's own words where rustc said none), 'cargo named no
			  * binary "pkg"' */
	struct strvec locations; /* 'path:line:col: message' of errors and warnings, each once; the path is absolute */
	bool json_target_spec;   /* cargo demanded it, see cargo_command_allow_json_target() */
	struct proc_result result;
};

/** Every function may be NULL; all are called on the caller's thread. When cargo has to be run again with -Zjson-target-spec, on_start is called
 * once more. */
struct cargo_build_hooks {
	void (*on_diagnostic)(void *data, const char *text); /* rendered, with ANSI colours, unchanged */
	void (*on_progress)(void *data, const char *line); /* a line of stderr: 'Compiling common v0.1.0 ...', 'Blocking waiting for file lock',
							      * and of stdout what is no message */
	void (*on_tick)(void *data);                       /* ten times a second while it runs */
	void (*on_start)(void *data, pid_t pid);
	void *data;
	struct cancel *cancel;
};

/** That cargo, as @command calls it, is there. -ENOENT (class ERR_ENVIRONMENT), with a hint. */
int cargo_build_check(const struct cargo_command *command, struct err *err) MUST_CHECK;

int cargo_build_run(const struct config *config, const struct config_package *package, const struct cargo_command *command,
		    const struct cargo_build_hooks *hooks, struct cargo_build *ret, struct err *err) MUST_CHECK;
/** Gives back what a build has brought; also one that failed half-way. */
void cargo_build_clear(struct cargo_build *build);

/** `cargo clean -p` of @names, packages of @package's source: for a build that cargo calls fresh although it is not. */
int cargo_build_clean(const struct config *config, const struct config_package *package, const struct strvec *names, struct cancel *cancel,
		      struct err *err) MUST_CHECK;

/** One hash over the part of [build] that all cargo packages share: every flag and name as written; path, size and mtime of rustc (the toolchain's
 * own, found without starting rustup: a look has 150 ms) and of the backend library; the content of every file named in link arguments or lying in
 * relibc (*.o, *.a), which cargo does not see. What is not found enters as 'missing'. */
int cargo_inputs_hash(const struct config *config, char ret[HASH_HEX_SIZE], struct err *err) MUST_CHECK;

#endif
