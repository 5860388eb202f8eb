#!/usr/bin/env bats
# Edits while a build goes on, of what git does not tell (closure.bats has the lock). `slow` is built last, and waits at a fifo: by then
# netd is built, and an edit is not in its binary.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	slow_package
}

teardown() { fixture_teardown; }

# during CMD...: done while netd is built and `slow` is not.
during() {
	start run "$REINJECT" refresh --json
	slow_begun
	events_so_far | grep -q netd || fail "netd is not built yet"
	"$@"
	slow_release
	finish run 60
	expect_status 0
}

events_so_far() {
	jq -R 'fromjson? | select(.event == "build") | .package' "$T/run.out"
}

netd_says() {
	expect_equal "$(image_says /usr/lib/drivers/netd)" "$1"
}

two() { printf 'two' >"$SRC/drivers/net/netd/secret.txt"; }

@test "a file that git ignores, which the first build with it brought to light" {
	printf 'secret.txt\n' >>"$SRC/.gitignore"
	printf 'one' >"$SRC/drivers/net/netd/secret.txt"
	printf 'fn main() {\n    println!("{}", include_str!("../secret.txt"));\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	during two
	netd_says one
	expect_stale netd
	rx_ok refresh
	netd_says two
	expect_stale
}
