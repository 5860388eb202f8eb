/* cargo/json - what the readers of cargo's JSON share (message, metadata).
 * Threads: no shared state. */
#ifndef REINJECT_CARGO_JSON_H
#define REINJECT_CARGO_JSON_H

#include <jansson.h>
#include <stdbool.h>

/** The string at @key, as long as @object lives; NULL where there is none, or no object. */
const char *cargo_json_text(const json_t *object, const char *key);

/** Whether one of a target's kinds is @kind. */
bool cargo_json_has_kind(const json_t *target, const char *kind);

#endif
