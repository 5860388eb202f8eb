/* cargo/generate - the generated map: from cargo's workspaces and a rule file to the text of packages.ini.
 *
 * Sequence: cargo_generate_body() makes the sections, cargo_generate_notes() the comments above them, cargo_generate_file() the whole file with its head;
 *           cargo_generate_parse() tells of a file what it is.
 * Content:  a [package] for each member that lies in its source: its folder, the folders of what cargo resolved it to depend on (of crates in folders,
 *           those outside the source are left to the look), its binaries, and the places that the tree's recipe or the rules name; an [asset] for each rule whose
 *           file is there. The same workspace gives the same text, sorted, so that a difference means one.
 * Head:     says which version wrote it, and the digest of all below: a file changed by hand is recognised, and is not ours to write over.
 * Wrong:    what an INI cannot hold is left out and noted: a path of more than a line, a name that two sources have.
 * Reads:    which files of the rules exist and which manifests are there; nothing is written. */
#ifndef REINJECT_CARGO_GENERATE_H
#define REINJECT_CARGO_GENERATE_H

#include "cargo/rules.h"
#include "cargo/workspace.h"
#include "config/config.h"

/** The sections, from '[' on. @workspaces as config->sources. @problems: a sentence for each thing that was left out. The caller frees it. */
char *cargo_generate_body(const struct config *config, const struct cargo_workspace *workspaces, const struct cargo_rules *rules,
			  struct strvec *problems) MUST_CHECK;

/** Sentences on each source: how many members, by which graph, and which crates lie there and are none of them. Walks the sources. */
void cargo_generate_notes(const struct config *config, const struct cargo_workspace *workspaces, struct strvec *ret);

/** The whole file. @resolved: cargo resolved all of it. The caller frees it. */
char *cargo_generate_file(const char *body, const struct strvec *notes, bool resolved) MUST_CHECK;

enum cargo_generated {
	CARGO_GENERATED_NOT,    /* no file of ours */
	CARGO_GENERATED_EDITED, /* it was, and has been changed since */
	CARGO_GENERATED_INTACT,
};
/** What the file with this text is. @ret_body (may be NULL): where its sections begin. @ret_resolved (may be NULL): cargo had resolved all of it. */
enum cargo_generated cargo_generate_parse(const char *text, const char **ret_body, bool *ret_resolved);

/** What differs between two bodies, for people: 'new: a, b; gone: c; moved: d (x to y); changed: e'; '' for nothing but order. The caller frees it. */
char *cargo_generate_difference(const char *before, const char *after) MUST_CHECK;

/** The processor of @target ('aarch64' of aarch64-unknown-redox or of a path to such a .json), the host's without one. The caller frees it. */
char *cargo_generate_machine(const char *target) MUST_CHECK;

#endif
