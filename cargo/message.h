/* cargo/message - one line of cargo's --message-format=json: a diagnostic, an artefact, or nothing that we need.
 *
 * Format:   The Cargo Book, 'External tools', JSON messages: one object a line with a "reason"; rustc's diagnostics are The rustc book, 'JSON
 *           output'.
 * Packages: an ID is 'NAME VERSION (path+file:///DIR)' before cargo 1.77 and a package ID specification since: 'path+file:///DIR#VERSION' when
 *           DIR's last component is the name, else 'path+file:///DIR#NAME@VERSION'.
 * Ownership: the strings of a message die with cargo_message_clear(). */
#ifndef REINJECT_CARGO_MESSAGE_H
#define REINJECT_CARGO_MESSAGE_H

#include "config/config.h"

enum cargo_message_kind {
	CARGO_MESSAGE_OTHER,      /* build-script-executed, build-finished, what later versions add */
	CARGO_MESSAGE_ARTIFACT,   /* something was built or found fresh */
	CARGO_MESSAGE_DIAGNOSTIC, /* rustc said something */
};

struct cargo_message {
	enum cargo_message_kind kind;
	struct json_t *root; /* owned; what follows points into it, and is NULL where cargo said nothing */
	const char *package_id;
	const char *manifest_path; /* absolute; cargo before 1.53 has none */
	const char *target;        /* name of the binary or library */
	const char *executable;    /* ARTIFACT: the absolute path of a binary */
	bool is_bin;               /* ARTIFACT: an ordinary binary, no example, test or build script */
	bool fresh;                /* ARTIFACT: was there already */
	const char *rendered;      /* DIAGNOSTIC: the text for the terminal */
	bool is_error;             /* DIAGNOSTIC: of level error */
	bool is_warning;           /* DIAGNOSTIC: of level warning */
	bool is_machine; /* DIAGNOSTIC: an error that the sources are not to blame for: no room, no linker, no standard library, a linker killed */
};

/** Reads a line of @n bytes. -EBADMSG when it is no such message: a procedural macro may print to the same stream. */
int cargo_message_parse(const char *line, size_t n, struct cargo_message *ret) MUST_CHECK;
void cargo_message_clear(struct cargo_message *message);

/** True when the message is about @package, whose source is the folder @source: by the name in its ID, else by its manifest's folder. */
bool cargo_message_is_about(const struct cargo_message *message, const struct config_package *package, const char *source);

/** 'path:line:col: message' for an error or warning with a place in a file, the path made absolute against @dir; NULL for all others. The caller
 * frees it. */
char *cargo_message_location(const struct cargo_message *message, const char *dir) MUST_CHECK;

#endif
