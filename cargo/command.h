/* cargo/command - the command line that builds one package, as plain data: `-n -v` prints it, cargo/build runs it.
 *
 * The words are those of DESIGN.md section 2 and nothing more, then `--message-format=json-diagnostic-rendered-ansi`. In this order: toolchain,
 * `build`, target, profile, build-std, `-p`, features, cargo_args, target_dir, ours.
 * RUSTFLAGS travel as CARGO_ENCODED_RUSTFLAGS (0x1f between flags), so that paths may hold blanks; when there are no flags neither variable is
 * set, and one that the user has in the environment stays.
 * A package with a `command` of its own has that as argv; it gets the [build] env.* too, and @extra_env.
 * Nothing here looks at a file (but for one that a compiler cache must be told of, see cargo/cache): what does not exist is cargo's to say.
 * Ownership: a struct cargo_command owns its strings; cargo_command_clear() leaves an empty one. */
#ifndef REINJECT_CARGO_COMMAND_H
#define REINJECT_CARGO_COMMAND_H

#include "config/config.h"

struct cargo_command {
	struct strvec argv;
	struct strvec env_set; /* what we add to the environment: NAME=VALUE */
	char *cwd;             /* the source's folder */
};

/** @extra_env (may be NULL): NAME=VALUE for a custom command, such as REINJECT_RUN. */
int cargo_command_init(const struct config *config, const struct config_package *package, const struct strvec *extra_env,
		       struct cargo_command *ret, struct err *err) MUST_CHECK;
/** Gives back what cargo_command_init() has filled. */
void cargo_command_clear(struct cargo_command *command);

/** Appends the rustc flags of [build] to @ret: those of codegen_backend, of relibc, then `rustflags`. */
void cargo_command_flags(const struct config_build *build, struct strvec *ret);

/** `cargo clean` of @names (packages of @package's source) for the profile and target that cargo_command_init() builds, so that the next build of
 * @package compiles them again. */
int cargo_command_clean_init(const struct config *config, const struct config_package *package, const struct strvec *names,
			     struct cargo_command *ret, struct err *err) MUST_CHECK;

/** Appends the child's whole environment to @ret: ours less GIT_*, then what the command adds. */
void cargo_command_environment(const struct cargo_command *command, struct strvec *ret);

/** Adds -Zjson-target-spec, which cargo 1.95 and later demand for a .json target and older ones do not know; does nothing when it is there. For the
 * next packages of a run, once cargo_build.json_target_spec said so: it saves them cargo's refusal. */
void cargo_command_allow_json_target(struct cargo_command *command);

/** The command as lines that can be pasted into a POSIX shell: `cd`, each variable, the words. RUSTFLAGS are shown as cargo's users write them
 * (RUSTFLAGS='-C... ') when no flag holds a blank. The caller frees it. */
char *cargo_command_text(const struct cargo_command *command) MUST_CHECK;

#endif
