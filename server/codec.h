/* server/codec - values of a JSON line that comes from another process: written whole, read with suspicion.
 *
 * Bytes:    names, paths and compilers' texts are bytes, JSON's strings are UTF-8. What is UTF-8 goes as a string (colours, quotes and controls by
 *           JSON's own escapes), what is not as {"hex":"6e65ff"}. Nothing is lost, nothing needs a convention that jansson does not know. The lone
 *           surrogates of cli/json are for programs that read us; this is for ourselves.
 * Reading:  every function checks type and range and returns -EPROTO for what does not fit; an absent value and null are the same, and no error.
 * Ownership: a text that is read is borrowed from the JSON value, or from @keep when it came as hex: both must outlive it. */
#ifndef REINJECT_SERVER_CODEC_H
#define REINJECT_SERVER_CODEC_H

#include "base/str.h"

#include <jansson.h>

/** A JSON value for @text: null for NULL. At most @max bytes of it are taken, and then a mark that says so. */
json_t *server_codec_text(const char *text, size_t max);
json_t *server_codec_strings(const struct strvec *v);

/** The text of @value; *@ret is NULL for null. -EPROTO for another type, or more than @max bytes. */
int server_codec_read_text(const json_t *value, size_t max, struct strvec *keep, const char **ret) MUST_CHECK;

/** Adds the texts of @array. -EPROTO for what is no array of texts of at most @max bytes. */
int server_codec_read_strings(const json_t *array, size_t max, struct strvec *ret) MUST_CHECK;

/** An integer from @min to @max; *@ret is 0 for null. */
int server_codec_read_int(const json_t *value, int64_t min, int64_t max, int64_t *ret) MUST_CHECK;
int server_codec_read_bool(const json_t *value, bool *ret) MUST_CHECK;

/** Adds @object as one line with its newline, and frees it. -EMSGSIZE when the line would have more than @max bytes: then nothing is added. */
int server_codec_add_line(struct str *to, json_t *object, size_t max) MUST_CHECK;

/** The object that the @n bytes of a line are; the caller owns it. NULL for anything else, and for a key that comes twice. */
json_t *server_codec_parse(const char *line, size_t n) MUST_CHECK;

#endif
