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

# another_cargo: a cargo that is the real one; once it has built netd, somebody else has its target folder, as another cargo would, until the gate opens.
another_cargo() {
	mkdir -p "$T/bin"
	mkfifo "$T/taken" "$T/other"
	cat >"$T/bin/cargo" <<-END
		#!/bin/sh
		"$(command -v cargo)" "\$@" || exit
		case "\$*" in *build*netd*) ;; *) exit 0 ;; esac
		setsid flock -x target/release/.cargo-lock sh -c "echo >'$T/taken'; read go <'$T/other'" >/dev/null 2>&1 </dev/null &
		read -r go <'$T/taken'
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
}

waits_for_it() { grep -q 'waiting for another cargo' "$T/run.err"; }

@test "another cargo in the same target folder: what it may be writing is not read before it is done" {
	another_cargo
	start run "$REINJECT" -v build netd
	wait_until 40 waits_for_it || fail "it does not wait: $(cat "$T/run.err")"
	# A binary that is only half there, and whole when the other one ends.
	mv "$SRC/target/release/netd" "$T/netd"
	head -c 1000 "$T/netd" >"$SRC/target/release/netd"
	cat "$T/netd" >"$SRC/target/release/netd"
	chmod +x "$SRC/target/release/netd"
	echo go >"$T/other"
	finish run 40
	expect_status 0
	netd_says 'netd=1 proto=1 common=1'
}

@test "another cargo that makes another binary of the same name, before ours was stripped: it is not taken for ours" {
	rx_ok build multi
	another_cargo
	start run "$REINJECT" -v build netd
	wait_until 40 waits_for_it || fail "it does not wait: $(cat "$T/run.err")"
	# By other flags, as it were.
	cp "$SRC/target/release/multi-a" "$SRC/target/release/netd.new"
	mv "$SRC/target/release/netd.new" "$SRC/target/release/netd"
	echo go >"$T/other"
	finish run 40
	expect_status 1
	expect_err 'another cargo has built it anew'
	refute image_has /usr/lib/drivers/netd
	rm "$T/bin/cargo"
	touch "$SRC/drivers/net/netd/src/main.rs"
	rx_ok build netd
	netd_says 'netd=1 proto=1 common=1'
}

@test "an edit that is built although it came after the look, and is taken back after the run: the image does not keep it" {
	# Before netd, by its name.
	sed -i 's/^\[package slow\]$/[package a-slow]/' "$TREE/reinject.ini"
	start run "$REINJECT" refresh --json
	slow_begun
	mark netd 2
	slow_release
	finish run 60
	expect_status 0
	netd_says 'netd=2 proto=1 common=1'
	mark netd 1
	expect_stale netd
	rx_ok refresh
	netd_says 'netd=1 proto=1 common=1'
}
