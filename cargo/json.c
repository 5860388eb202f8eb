#include "cargo/json.h"

#include "base/str.h"

/* What cargo writes is not believed: what is missing, or of another type, reads as nothing. */

const char *cargo_json_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

bool cargo_json_has_kind(const json_t *target, const char *kind)
{
	const json_t *kinds = json_object_get(target, "kind");

	for (size_t i = 0; i < json_array_size(kinds); i++)
		if (str_eq(json_string_value(json_array_get(kinds, i)), kind))
			return true;
	return false;
}
