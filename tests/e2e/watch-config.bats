#!/usr/bin/env bats
# The configuration, the manifests and the lock change while it watches.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() { fixture_teardown; }

image_shows() { [[ $(image_says "$1" 2>/dev/null) == "$2" ]]; }

@test "a new package section is built, and a save of it is seen" {
	crate "$SRC/drivers/newd" newd
	printf 'fn main() {\n    println!("newd=1");\n}\n' >"$SRC/drivers/newd/src/main.rs"
	sed -i 's|"drivers/inputd"|"drivers/inputd", "drivers/newd"|' "$SRC/Cargo.toml"
	commit 'newd'
	rest
	watch
	ini_add <<<$'[package newd]\npaths = drivers/newd'
	last_round ok newd
	mark newd 2
	expect_round ok newd
	expect_quiet
	stop_watch
	expect_equal "$(image_says /usr/lib/drivers/newd)" newd=2
	expect_stale
}

@test "a changed destination: the file moves in the image" {
	rest
	watch
	ini_set 'package odd_pkg' dest /usr/lib/drivers
	wait_until 40 image_shows /usr/lib/drivers/rxe2e-odd odd=1 || watch_fail "the file is not at the new place"
	gone() { refute image_has /usr/bin/rxe2e-odd 2>/dev/null; }
	wait_until 40 gone || watch_fail "the file is still at the old place"
	stop_watch
	expect_stale
}

@test "an included packages.ini, changed by rename, and made anew" {
	printf '[package netd]\npaths = drivers/net/netd\nuses = crates/proto\n' >"$TREE/packages.ini"
	awk '/^\[package netd\]/ { skip = 1; next } /^\[/ { skip = 0 } !skip' "$TREE/reinject.ini" >"$T/tmp/ini"
	{ printf '[reinject]\ninclude = packages.ini\n\n' && cat "$T/tmp/ini"; } >"$TREE/reinject.ini"
	rest
	expect_equal "$(jq -r '.event' "$T/out" 2>/dev/null | wc -l)" 0
	watch
	{ cat "$TREE/packages.ini" && echo 'dest = /usr/bin'; } >"$TREE/packages.ini.new"
	mv "$TREE/packages.ini.new" "$TREE/packages.ini"
	wait_until 40 image_shows /usr/bin/netd "netd=1 proto=1 common=1" || watch_fail "the included file's change is not seen"
	printf '[package netd]\npaths = drivers/net/netd\nuses = crates/proto\ndest = /usr/lib\n' >"$TREE/packages.ini"
	wait_until 40 image_shows /usr/lib/netd "netd=1 proto=1 common=1" || watch_fail "the included file's second change is not seen"
	stop_watch
	expect_stale
}

@test "a configuration made wrong is reported with file and line, and a save still refreshes; mended, it counts" {
	rest
	watch
	cp "$TREE/reinject.ini" "$T/good.ini"
	printf '\n[watch]\nno_such_key = 1\n' >>"$TREE/reinject.ini"
	told 20 "reinject\.ini:$(ini_line no_such_key):"
	mark netd 2
	last_round ok netd
	# Once for each change of the file, not for each look.
	expect_equal "$(n_told 'no_such_key')" 1
	{ cat "$T/good.ini" && printf '\n[watch]\nquiet_ms = many\n'; } >"$TREE/reinject.ini"
	told 20 "reinject\.ini:$(ini_line quiet_ms):"
	mark netd 3
	last_round ok netd
	sed 's|^drivers/\*\* = .*|drivers/** = /usr/bin|' "$T/good.ini" >"$T/tmp/mended"
	mv "$T/tmp/mended" "$TREE/reinject.ini"
	wait_until 40 image_shows /usr/bin/netd "netd=3 proto=1 common=1" || watch_fail "the mended configuration does not count"
	stop_watch
	expect_stale
}

@test "the configuration deleted and brought back" {
	rest
	watch
	mv "$TREE/reinject.ini" "$T/away.ini"
	told 20 'reinject\.ini'
	mark netd 2
	last_round ok netd
	mv "$T/away.ini" "$TREE/reinject.ini"
	mark netd 3
	last_round ok netd
	expect_quiet
	stop_watch
	expect_stale
}

@test "the configuration saved again without a change does nothing" {
	rest
	watch
	touch "$TREE/reinject.ini"
	cp "$TREE/reinject.ini" "$T/same.ini"
	mv "$T/same.ini" "$TREE/reinject.ini"
	expect_quiet
	stop_watch
}

@test "a manifest gets a dependency: built with it, and the library's saves are seen from then on" {
	rest
	watch
	printf 'proto = { path = "../../crates/proto" }\n' >>"$SRC/drivers/inputd/Cargo.toml"
	printf 'fn main() {\n    println!("inputd=2 {}", proto::mark());\n}\n' >"$SRC/drivers/inputd/src/main.rs"
	last_round ok inputd
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 proto=1 common=1"
	expect_settled
	mark proto 2
	reach inputd netd
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 proto=2 common=1"
	expect_quiet
	stop_watch
	expect_stale
}

@test "the lock that cargo itself writes does not interrupt its build" {
	rest
	watch
	printf 'proto = { path = "../../crates/proto" }\n' >>"$SRC/drivers/inputd/Cargo.toml"
	any_round inputd
	expect_quiet
	stop_watch
	expect_stale
}

@test "a lock that changes nothing a package links builds nothing" {
	rest
	note_cargo
	watch
	printf '\n# a comment\n' >>"$SRC/Cargo.lock"
	expect_quiet
	expect_equal "$(cargo_builds)" ""
	stop_watch
}

@test "a version in the lock rebuilds what links it" {
	mkdir -p "$T/dep"
	rest
	watch
	# A member's version: it stands in the lock, and is part of the closure of what links it.
	sed -i 's/^version = .*/version = "0.2.0"/' "$SRC/crates/proto/Cargo.toml"
	next_round
	while [[ $round == cancelled* ]]; do next_round; done
	[[ $round =~ ^(ok|nothing)\ netd$ ]] || watch_fail "the next round was: $round"
	expect_settled
	stop_watch
	expect_stale
}

@test "on_success and on_failure are run, with what came of the round" {
	printf '#!/bin/sh\nenv | grep ^REINJECT_ | sort >"%s/hook.new" && mv "%s/hook.new" "%s/$1.env"\n' "$T" "$T" "$T" >"$T/hook.sh"
	ini_add <<-END
		[watch]
		on_success = sh $T/hook.sh good
		on_failure = sh $T/hook.sh bad
	END
	rest
	rm -f "$T/good.env" "$T/bad.env"
	watch
	mark netd 2
	expect_round ok netd
	wait_until 20 test -e "$T/good.env" || fail "on_success was not run"
	grep -qx 'REINJECT_PACKAGES=netd' "$T/good.env" || fail "$(cat "$T/good.env")"
	grep -qx 'REINJECT_RESULT=ok' "$T/good.env" || fail "$(cat "$T/good.env")"
	grep -qx "REINJECT_IMAGE=$IMAGE" "$T/good.env" || fail "$(cat "$T/good.env")"
	refute test -e "$T/bad.env"
	break_source netd
	expect_round failed netd
	wait_until 20 test -e "$T/bad.env" || fail "on_failure was not run"
	grep -qx 'REINJECT_RESULT=failed' "$T/bad.env" || fail "$(cat "$T/bad.env")"
	stop_watch
}
