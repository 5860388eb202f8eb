#!/usr/bin/env bats
# What the machine is to blame for (no room, no linker, a compiler that was killed, a toolchain that is gone) is not held against the package: once it
# has passed, a refresh builds what it could not, unasked.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	mkdir "$T/bin"
	PATH=$T/bin:$PATH
}

teardown() { fixture_teardown; }

# blameless [PKG]: the refresh fails, and nothing is remembered of it.
blameless() {
	rx refresh
	expect_status 1
	rx_ok status --json
	expect_jq ".[0].failed == [] and .[0].stale == [\"${1:-netd}\"]"
}

# passed: without a change, and without --retry.
passed() {
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

# program NAME: $T/bin/NAME, from stdin.
program() {
	cat >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}

@test "no room for the linker's file" {
	mkdir "$T/small"
	mount -t tmpfs -o size=64m tmpfs "$T/small"
	mounted+=("$T/small")
	cp -a "$SRC/target" "$T/small"
	ini_add <<<$'[build]\ntarget_dir = '"$T/small/target"
	rx_ok refresh
	mark netd 2
	rm "$T/small/target/release"/{,deps/}netd*
	# Enough for cargo's own notes, too little for a program.
	mount -o "remount,size=$(($(df -k --output=used "$T/small" | tail -n 1) + 200))k" "$T/small"
	blameless
	mount -o remount,size=64m "$T/small"
	passed
}

@test "a linker that is missing, and one that is killed" {
	program linker <<<$'#!/bin/sh\nexec cc "$@"'
	ini_add <<<$'[build]\nrustflags = -Clinker=linker'
	rx_ok refresh
	mark netd 2
	mv "$T/bin/linker" "$T/linker"
	blameless
	program linker <<<$'#!/bin/sh\nkill -KILL $$'
	blameless
	mv "$T/linker" "$T/bin/linker"
	passed
}

@test "a compiler that is killed" {
	rx_ok refresh
	program rustc-or-not <<-'END'
		#!/bin/sh
		[ ! -e "${0%/*}/hungry" ] || case $* in *'--crate-name netd'*) kill -KILL $$ ;; esac
		exec "$@"
	END
	export RUSTC_WRAPPER=$T/bin/rustc-or-not
	mark netd 2
	: >"$T/bin/hungry"
	blameless
	rm "$T/bin/hungry"
	passed
}

@test "cargo killed, and a toolchain that is gone" {
	rx_ok refresh
	local cargo
	cargo=$(command -v cargo)
	program cargo <<-END
		#!/bin/sh
		case \$1:\$(cat '$T/bin/mood') in
		build:killed) kill -KILL \$\$ ;;
		build:gone) echo "error: toolchain 'nightly' is not installed" >&2; exit 1 ;;
		esac
		exec '$cargo' "\$@"
	END
	mark netd 2
	echo killed >"$T/bin/mood"
	blameless
	echo gone >"$T/bin/mood"
	blameless
	echo well >"$T/bin/mood"
	passed
}

@test "a command's program that is missing, or killed for want of memory; one that fails is remembered" {
	ini_add <<-END
		[package firm]
		paths = custom
		command = sh -c '. $T/recipe'
		artifact = custom/out
		dest = /usr/bin
	END
	cp /bin/true "$SRC/custom/out"
	echo : >"$T/recipe"
	rx_ok refresh
	echo more >>"$SRC/custom/input"
	echo 'no-such-program-at-all' >"$T/recipe"
	blameless firm
	echo "sh -c 'kill -KILL \$\$'" >"$T/recipe"
	blameless firm
	echo 'exit 2' >"$T/recipe"
	rx refresh
	expect_status 1
	rx_ok status --json
	expect_jq '.[0].failed == ["firm"] and .[0].stale == []'
}

@test "strip that goes while cargo builds ends the run, and says so" {
	rx_ok refresh
	local cargo
	cargo=$(command -v cargo)
	program my-strip <<<$'#!/bin/sh\nexec llvm-strip "$@"'
	program cargo <<-END
		#!/bin/sh
		[ "\$1" != build ] || rm -f '$T/bin/my-strip'
		exec '$cargo' "\$@"
	END
	ini_add <<<$'[build]\nstrip = my-strip'
	mark netd 2
	rx refresh
	expect_refused 3
	expect_err 'my-strip'
	rx_ok status --json
	expect_jq '.[0].failed == [] and (.[0].stale | index("netd") != null)'
}
