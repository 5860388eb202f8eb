#include "cargo/message.h"

#include "base/fs.h"
#include "cargo/json.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define PATH_SCHEME "path+file://"

static void take_artifact(struct cargo_message *message)
{
	const json_t *target = json_object_get(message->root, "target");

	message->kind = CARGO_MESSAGE_ARTIFACT;
	message->executable = cargo_json_text(message->root, "executable");
	message->is_bin = cargo_json_has_kind(target, "bin");
	message->fresh = json_is_true(json_object_get(message->root, "fresh"));
}

static bool has_any(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (strstr(text, *words))
			return true;
	return false;
}

/* rustc's own trouble with a file has no place in the sources, and the system's number; a linker's is told by its words. */
static bool is_of_machine(const json_t *inner)
{
	static const char *const library[] = { "crate for `core`", "crate for `alloc`", "crate for `std`", NULL };
	static const char *const linking[] = { "No space left on device",
					       "Disk quota exceeded",
					       "Cannot allocate memory",
					       "terminated with signal",
					       "due to signal",
					       "failed: signal",
					       NULL };
	const char *text = cargo_json_text(inner, "message");

	if (!text)
		return false;
	if (str_eq(cargo_json_text(json_object_get(inner, "code"), "code"), "E0463"))
		return has_any(text, library);
	if (json_array_size(json_object_get(inner, "spans")) > 0)
		return false;
	if (str_starts(text, "linking with "))
		return has_any(cargo_json_text(inner, "rendered"), linking);
	return strstr(text, "(os error ") || (str_starts(text, "linker `") && strstr(text, "not found"));
}

static void take_diagnostic(struct cargo_message *message)
{
	const json_t *inner = json_object_get(message->root, "message");
	const char *level = cargo_json_text(inner, "level");

	message->kind = CARGO_MESSAGE_DIAGNOSTIC;
	message->rendered = cargo_json_text(inner, "rendered");
	/* A crash of the compiler has the level 'error: internal compiler error'. */
	message->is_error = level && str_starts(level, "error");
	message->is_warning = str_eq(level, "warning");
	message->is_machine = message->is_error && is_of_machine(inner);
}

int cargo_message_parse(const char *line, size_t n, struct cargo_message *ret)
{
	struct cargo_message message = { .root = json_loadb(line, n, JSON_ALLOW_NUL, NULL) };
	const char *reason = cargo_json_text(message.root, "reason");

	if (!reason) {
		json_decref(message.root);
		return -EBADMSG;
	}
	message.package_id = cargo_json_text(message.root, "package_id");
	message.manifest_path = cargo_json_text(message.root, "manifest_path");
	message.target = cargo_json_text(json_object_get(message.root, "target"), "name");
	if (str_eq(reason, "compiler-artifact"))
		take_artifact(&message);
	else if (str_eq(reason, "compiler-message"))
		take_diagnostic(&message);
	*ret = message;
	return 0;
}

void cargo_message_clear(struct cargo_message *message)
{
	json_decref(message->root);
	*message = (struct cargo_message){ 0 };
}

static char *percent_decoded(const char *text, size_t n)
{
	struct str s = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '%' && i + 2 < n && isxdigit((unsigned char)text[i + 1]) && isxdigit((unsigned char)text[i + 2])) {
			char hex[] = { text[i + 1], text[i + 2], '\0' };

			str_add_c(&s, (char)strtol(hex, NULL, 16));
			i += 2;
		} else {
			str_add_c(&s, text[i]);
		}
	}
	return str_take(&s);
}

/* The folder in a package ID of today, or NULL. There ')' is a letter like any other. */
static char *id_folder(const char *id)
{
	const char *start = strstr(id, PATH_SCHEME);

	if (!start)
		return NULL;
	start += strlen(PATH_SCHEME);
	return percent_decoded(start, strcspn(start, "#?"));
}

static char *id_name(const char *id)
{
	const char *fragment = strchr(id, '#');
	CLEANUP_FREE char *folder = NULL;

	/* An old ID starts with the name, and its only blank-free part is that. */
	if (strchr(id, ' '))
		return xstrndup(id, strcspn(id, " "));
	if (fragment && strchr(fragment, '@'))
		return xstrndup(fragment + 1, strcspn(fragment + 1, "@"));
	folder = id_folder(id);
	return folder ? xstrdup(fs_basename(folder)) : NULL;
}

static bool in_package_folders(const char *folder, const struct config_package *package, const char *source)
{
	CLEANUP_FREE char *real = realpath(source, NULL);

	for (size_t i = 0; i < package->paths.n; i++) {
		CLEANUP_FREE char *as_said = fs_absolute(source, package->paths.v[i]);
		CLEANUP_FREE char *as_is = real ? fs_absolute(real, package->paths.v[i]) : NULL;

		/* cargo names the folder that its working folder really is. */
		if (path_under(folder, as_said) || (as_is && path_under(folder, as_is)))
			return true;
	}
	return false;
}

bool cargo_message_is_about(const struct cargo_message *message, const struct config_package *package, const char *source)
{
	CLEANUP_FREE char *name = message->package_id ? id_name(message->package_id) : NULL;
	CLEANUP_FREE char *folder = NULL;

	if (name)
		return str_eq(name, package->name);
	if (message->manifest_path)
		folder = fs_dirname(message->manifest_path);
	return folder && in_package_folders(folder, package, source);
}

static const json_t *primary_span(const json_t *spans)
{
	for (size_t i = 0; i < json_array_size(spans); i++) {
		const json_t *span = json_array_get(spans, i);

		if (json_is_true(json_object_get(span, "is_primary")))
			return span;
	}
	return NULL;
}

/* What went wrong inside a macro of another crate is to be mended where the macro is used. */
static const json_t *user_span(const json_t *span)
{
	for (;;) {
		const char *file = cargo_json_text(span, "file_name");
		const json_t *outer = json_object_get(json_object_get(span, "expansion"), "span");

		if (!outer || !file || (file[0] != '/' && file[0] != '<'))
			return span;
		span = outer;
	}
}

char *cargo_message_location(const struct cargo_message *message, const char *dir)
{
	const json_t *inner = json_object_get(message->root, "message");
	const json_t *span = user_span(primary_span(json_object_get(inner, "spans")));
	const char *file = cargo_json_text(span, "file_name"), *text = cargo_json_text(inner, "message");
	CLEANUP_FREE char *path = NULL;
	char *location;

	if ((!message->is_error && !message->is_warning) || !file || !text)
		return NULL;
	path = fs_absolute(dir, file);
	location = xasprintf("%s:%lld:%lld: %s", path, (long long)json_integer_value(json_object_get(span, "line_start")),
			     (long long)json_integer_value(json_object_get(span, "column_start")), text);
	for (char *p = strchr(location, '\n'); p; p = strchr(p, '\n'))
		*p = ' ';
	return location;
}
