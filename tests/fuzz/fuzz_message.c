/* A line of cargo's --message-format=json, where a procedural macro may print whatever it likes. */
#include "fuzz.h"

#include "cargo/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char *paths[] = { (char *)"drivers/netd", (char *)"", NULL };
	struct config_package package = { .name = (char *)"netd", .paths = { .v = paths, .n = 2 } };
	struct cargo_message message = { 0 };
	CLEANUP_FREE char *where = NULL;

	if (cargo_message_parse((const char *)data, n, &message) < 0) {
		FUZZ_CHECK(!message.root);
		return 0;
	}
	FUZZ_CHECK(message.kind == CARGO_MESSAGE_ARTIFACT || !message.executable);
	FUZZ_CHECK(message.kind == CARGO_MESSAGE_DIAGNOSTIC || (!message.rendered && !message.is_error && !message.is_warning));
	(void)cargo_message_is_about(&message, &package, "/tree/src");
	where = cargo_message_location(&message, "/tree/src");
	FUZZ_CHECK(!where || where[0] == '/');
	cargo_message_clear(&message);
	return 0;
}
