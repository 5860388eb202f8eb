#!/usr/bin/env bats
# A mount daemon that is ended by a signal: before its mount is up, while cargo builds, amid the files, and after all of them, where only its status tells
# that not all may be written. It is said by which signal, and the image is what it was.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# tool: the program that mounts, from stdin.
tool() {
	cat >"$T/tool.sh"
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
}

# expect_told SIGNAL NAME SUM: the refresh has failed, and says why.
expect_told() {
	expect_status 1
	expect_err "tool.sh.* was ended by signal $1 \($2\)"
	expect_untouched "$3"
	rx_ok log --json
	expect_jq '.[0].result == "failed" and (.[0].error | test("signal"))'
}

# Whatever it was, the next start has nothing to do with it.
expect_next() {
	tool <<<$'#!/bin/sh\nexec redoxfs "$@"'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

@test "before its mount is up" {
	rx_ok refresh
	mark netd 2
	local sum
	sum=$(image_sum)
	tool <<<$'#!/bin/sh\nkill -SEGV $$'
	rx refresh
	expect_told 11 'Segmentation fault' "$sum"
	expect_next
}

@test "while cargo builds" {
	slow_package
	mark netd 2
	local sum p
	sum=$(image_sum)
	tool <<<$'#!/bin/sh\nexec redoxfs "$@"'
	start run "$REINJECT" refresh
	slow_begun
	wait_until 20 daemon_runs || fail 'no mount beside the build'
	for p in $(daemon_pids); do kill -KILL "$p"; done
	slow_release
	finish run 60
	expect_told 9 Killed "$sum"
	wait_until 20 refute daemon_runs 2>/dev/null
}

# The tool is the daemon's parent: it sees the end of a daemon that has written all, and has none of its own.
ended_after_all() {
	ini_set image mode "$1"
	rx_ok refresh
	mark netd 2
	tool <<<$'#!/bin/sh\nredoxfs "$@"\nkill -TERM $$'
	rx refresh
	expect_status 1
	expect_err 'tool.sh.* was ended by signal 15 \(Terminated\)'
	expect_nothing_left
}

@test "after all was written, in a shadow: the image stays what it was" {
	ended_after_all shadow
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_next
}

@test "after all was written, in place: the next start makes it whole" {
	ended_after_all in-place
	expect_next
	refute test -e "$IMAGE.steps"
}
