#!/usr/bin/env bats
# A console file that is written faster than it is read: one that has no end, /dev/zero. No disk is filled by it: `bounded` limits the log of the boot.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { boot_setup_file; }
setup() {
	fixture_setup
	boot_setup
	mode file
	ini_set boot console file:/dev/zero
	mkfifo "$T/still"
	guest <<<'read -r x <>"$T/still"'
	bounded
}
teardown() {
	machine_end
	fixture_teardown
}

# bounded: a reinject that may write files of 8 MB, and whose writes beyond that fail.
bounded() {
	printf '#!/bin/sh\ntrap "" XFSZ\nulimit -f 16384\nexec "%s" "$@"\n' "$REINJECT" >"$T/bounded"
	chmod +x "$T/bounded"
	REINJECT=$T/bounded
}

# each_way CMD: with a machine in the background, and with one that the program itself is.
each_way() {
	local way
	for way in -f -F; do
		ini_set boot args "$way /dev/null"
		rm -f "$T/machine.pid" "$TREE"/.reinject/boots/*.log
		"$@"
		machine_end
	done
}

runs_out() {
	RX_LIMIT=60 rx boot --wait --stop --json
	expect_status 1
	verdict timeout
}

@test "a console file that never ends: the limit counts" {
	ini_set boot timeout_s 1
	each_way runs_out
}

floods() { [[ -n $(find "$TREE/.reinject/boots" -name '*.log' -size +100k 2>/dev/null) ]]; }

is_interrupted() {
	start boot "$REINJECT" boot --wait --stop --json
	wait_until 20 floods || fail "nothing comes: $(cat "$T/boot.err")"
	kill -INT "$pid_boot"
	finish boot 30
	expect_status 130
}

@test "a console file that never ends: Ctrl-C counts" {
	each_way is_interrupted
}

@test "a console file that was written faster than it was read: its last words are heard" {
	ini_set boot console "file:$T/console"
	ini_set boot args "-F $T/console"
	ini_set boot exit_failed 53
	guest <<<'yes | head -c 3000000; echo "panicked at the end"; exit 53'
	rx boot --wait --json
	expect_status 1
	verdict failed
	expect_jq '.[0].line == "panicked at the end"'
}
