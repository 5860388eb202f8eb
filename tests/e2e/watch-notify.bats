#!/usr/bin/env bats
# [watch] on_success and on_failure, where nothing was done: then there is nothing to tell.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
}
teardown() { fixture_teardown; }

@test "a round that changes nothing in the image tells nobody" {
	printf '#!/bin/sh\necho "$1 $REINJECT_RESULT" >>"%s/told"\n' "$T" >"$T/tell.sh"
	chmod +x "$T/tell.sh"
	ini_add <<-END
		[watch]
		on_success = $T/tell.sh success
		on_failure = $T/tell.sh failure
	END
	rest
	watch
	printf 'More words.\n' >>"$SRC/drivers/net/netd/README.md"
	expect_round nothing netd
	expect_quiet
	stop_watch
	expect_equal "$(cat "$T/told")" 'success ok'
}
