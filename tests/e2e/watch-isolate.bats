#!/usr/bin/env bats
# trigger = commit with [hooks] isolate: the watch builds what was committed, as a hook's worker does, however half-edited the work tree is.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
	hooks_setup 'isolate = yes'
	ini_add <<<$'[watch]\ntrigger = commit'
}
teardown() { hooks_teardown; }

inputd_says() { expect_equal "$(image_says /usr/lib/drivers/inputd)" "$1"; }

@test "the commit is built, not the half-edited file of the same package, once; what a build reads outside counts" {
	printf 'one' >"$T/outside"
	rest
	watch
	sed -i "s|fn main() {|fn main() {\n    print!(\"{} \", include_str!(\"$T/outside\"));|" "$SRC/drivers/net/netd/src/main.rs"
	commit 'netd reads what no source has'
	expect_round ok netd
	# What the build has brought to light is known to the look that follows: there is nothing to run for.
	git -C "$SRC" commit -q --allow-empty -m 'nothing in it'
	rx_ok watch --wait
	expect_quiet commit
	mark netd 2
	commit 'netd 2'
	mark netd 3
	expect_round ok netd
	netd_says "one netd=2 proto=1 common=1"
	expect_quiet commit
	# A build of the work tree would not be recorded, and be made again after each commit.
	mark inputd 2
	commit 'inputd 2, and netd 3'
	expect_round ok inputd netd
	netd_says "one netd=3 proto=1 common=1"
	expect_quiet commit
	stop_watch
	expect_stale
	printf 'two' >"$T/outside"
	expect_stale netd
}

@test "uncommitted work that a refresh has put is replaced by the commit, and that is said; who asks gets the work tree" {
	rest
	watch
	mark inputd 5
	rx_ok refresh
	next_round
	inputd_says "inputd=5 common=1"
	mark netd 2
	git -C "$SRC" commit -qm 'netd 2' drivers/net
	last_round ok inputd netd
	inputd_says "inputd=1 common=1"
	wait_until 10 grep -q 'HEAD has replaced uncommitted work in the image: inputd' "$T/watch.err" || watch_fail "nothing was said of it"
	stop_watch
}

@test "an image that somebody else has is waited for, and gets the commit then" {
	rest
	watch
	exec {held}>>"$IMAGE.lock"
	flock -x "$held"
	mark netd 2
	commit 'netd 2'
	wait_until 30 grep -q 'what is stale goes into the image when it is free again' "$T/watch.err" || watch_fail "not said"
	netd_says "netd=1 proto=1 common=1"
	mark netd 3
	exec {held}>&-
	last_round ok netd
	netd_says "netd=2 proto=1 common=1"
	stop_watch
}
