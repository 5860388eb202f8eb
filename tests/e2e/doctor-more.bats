#!/usr/bin/env bats
# doctor --fix where the file that it writes is a link.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	SPEC=$SRC/aarch64-unknown-redox-clif.json
	mkdir -p "$TREE/relibc" "$TREE/targets"
	ini_add <<-END
		[build]
		target = aarch64-unknown-redox-clif.json
		relibc = relibc
	END
}
teardown() { fixture_teardown; }

@test "a target's description that is a link stays one, and what it leads to is put right" {
	printf '{\n  "os": "redox"\n}\n' >"$TREE/targets/redox.json"
	ln -s ../targets/redox.json "$SPEC"
	rx_ok doctor --fix target
	test -L "$SPEC" || fail "the link is gone"
	expect_equal "$(jq -c . "$TREE/targets/redox.json")" '{"os":"redox","pre-link-objects":{}}'
}
