#!/usr/bin/env bats
# What a package is made of by cargo's own account: its closure in Cargo.lock, and crates that the configuration forgot.

load ../lib/assert
load ../lib/fixture

setup_file() {
	fixture_setup_file
}

setup() {
	fixture_setup
	# A dependency with versions of its own, without any network: a git repository beside the source. Only netd has it.
	DEP=$TREE/dep
	crate "$DEP" gitdep
	printf 'pub fn mark() -> u32 {\n    1\n}\n' >"$DEP/src/lib.rs"
	git -C "$DEP" init -q -b main
	commit "$DEP" one
}

teardown() {
	fixture_teardown
}

# can_fetch: the cargo of Debian's cargo-web cannot (docs/troubleshooting.md). Asked in a crate of its own, before anything is changed.
can_fetch() {
	crate "$T/asks" asks
	: >"$T/asks/src/lib.rs"
	sed -i "/^\[dependencies\]/a gitdep = { git = \"file://$DEP\" }" "$T/asks/Cargo.toml"
	! (cd "$T/asks" && cargo generate-lockfile --quiet) 2>&1 | grep -q 'invalid version 0 on git_proxy_options'
}

use_dep() {
	can_fetch || skip "this cargo gets nothing from git"
	sed -i "/^\[dependencies\]/a gitdep = { git = \"file://$DEP\" }" "$SRC/drivers/net/netd/Cargo.toml"
	sed -i 's/proto::mark()/format!("gitdep={} {}", gitdep::mark(), proto::mark())/' "$SRC/drivers/net/netd/src/main.rs"
}

update_dep() {
	printf 'pub fn mark() -> u32 {\n    %s\n}\n' "$1" >"$DEP/src/lib.rs"
	commit "$DEP" "$1"
	(cd "$SRC" && cargo update --quiet -p gitdep)
}

@test "a change of the lock makes stale whom it reaches, and nobody else" {
	use_dep
	(cd "$SRC" && cargo generate-lockfile --quiet)
	commit 'with a dependency'
	rx_ok refresh
	expect_stale
	update_dep 2
	expect_stale netd
	rx_ok refresh
	expect_stale
	image_says /usr/lib/drivers/netd | grep -q 'gitdep=2' || fail "the old dependency is in the image"
	# Words that change no closure.
	printf '# a word\n' >>"$SRC/Cargo.lock"
	expect_stale
}

@test "a lock that somebody else updates during the build: who was built before is built again" {
	use_dep
	(cd "$SRC" && cargo generate-lockfile --quiet)
	commit 'with a dependency'
	slow_package
	start run "$REINJECT" refresh --json
	slow_begun
	update_dep 2
	slow_release
	finish run 60
	expect_status 0
	expect_err 'edited while it was being built'
	image_says /usr/lib/drivers/netd | grep -q 'gitdep=1' || fail "netd was built after the update"
	expect_stale netd
}

@test "what uses forgets, cargo knows" {
	sed -i '/^uses/d' "$TREE/reinject.ini"
	rx_ok refresh
	mark common 2
	expect_stale inputd netd
	rx_ok refresh
	expect_said 'inputd: .*crates/common/src/lib.rs'
	expect_stale
	# And of a crate without a section.
	sed -i '/^\[package common\]/,/^$/d' "$TREE/reinject.ini"
	rx_ok refresh
	mark common 3
	expect_stale inputd netd
}

@test "a manifest edited and the lock not yet: built once, and no other package" {
	rx_ok refresh
	use_dep
	expect_stale netd
	rx_ok refresh --json
	expect_equal "$(events build .package)" netd
	expect_stale
	rx_ok refresh --json
	expect_equal "$(events build .package)" ""
}

@test "a refresh with nothing stale reads cargo's graph from the state folder" {
	rx_ok refresh
	cp "$TREE/.reinject/cargo/base.json" "$T/tmp/before"
	mkdir "$T/nocargo"
	printf '#!/bin/sh\necho "$*" >>%q\nexec %q "$@"\n' "$T/calls" "$(command -v cargo)" >"$T/nocargo/cargo"
	chmod +x "$T/nocargo/cargo"
	export PATH=$T/nocargo:$PATH
	# Another cargo is asked once.
	rx_ok refresh
	rx_ok refresh
	expect_equal "$(wc -l <"$T/calls")" 1
}
