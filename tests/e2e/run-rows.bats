#!/usr/bin/env bats
# The row of a run of its own (inject, stamp, compact, rollback): none when it is refused, and ended at once when it is not. Each row is read before any
# other run, whose start would settle what was left pending.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	# From here on: two stamps of one minute are the same.
	ini_set image stamp /etc/initrc
}
teardown() { fixture_teardown; }

log_rows() {
	rx_ok log --json
	jq -c 'del(.t_ms)' "$T/out"
}

# no_row ARGS: refused with 75, before it was a run: the log is as it was, and so is the image.
no_row() {
	local rows sum
	rows=$(log_rows)
	sum=$(image_sum)
	rx --json "$@"
	expect_refused 75
	expect_equal "$(events done .result)" ''
	expect_equal "$(log_rows)" "$rows"
	expect_equal "$(image_sum)" "$sum"
	refute test -e "$IMAGE.shadow"
}

# one_row RESULT VERB ARGS: an event says that the run ended so, and its row, the newest, says the same.
one_row() {
	local result=$1 verb=$2 n start end run
	shift 2
	rx_ok log --json
	n=$(wc -l <"$T/out")
	start=$(now_ms)
	rx_ok --json "$@"
	end=$(now_ms)
	expect_jq '[.[] | select(.event == "done")] | length == 1 and .[0].result == $result and .[0].error == null' --arg result "$result"
	run=$(events done .run)
	rx_ok log --json
	expect_equal "$(wc -l <"$T/out")" "$((n + 1))"
	expect_jq '.[0] | .run == $run and .verb == $verb and .result == $result and .error == null and .ms > 0 and .ms <= $limit' \
		--argjson run "$run" --arg verb "$verb" --arg result "$result" --argjson limit "$((end - start))"
}

@test "refused while somebody may write the image: 75, and no row" {
	# As it is: an image that was changed too is refused elsewhere, where it would be compared.
	exec {held}<>"$IMAGE"
	printf 'x\n' >"$TREE/file"
	no_row image stamp
	no_row image compact
	no_row rollback
	no_row rollback 2
	no_row rollback --image
	no_row inject file /etc/file
	exec {held}>&-
}

@test "what was done by hand is ended in the log at once: its result, how long it took, and the event" {
	one_row ok stamp image stamp
	printf 'x\n' >"$TREE/file"
	one_row ok inject inject file /etc/file
	one_row ok rollback rollback
	one_row ok rollback-image rollback --image
	# Nothing has leaked here; care.bats has what has.
	one_row nothing compact image compact
}

@test "what was done by hand and failed is ended in the log at once, with its sentence" {
	local error
	mkdir -p "$T/tools"
	ln -s "$(command -v redoxfs)" "$T/tools/redoxfs"
	printf '#!/bin/sh\necho it is broken\nexit 1\n' >"$T/tools/redoxfs-clone"
	chmod +x "$T/tools/redoxfs-clone"
	ini_set image tool "$T/tools/redoxfs"
	rx --json image compact
	expect_status 1
	error=$(events done .error)
	[[ $error == *'it is broken'* ]] || fail "the event's error is: $error"
	expect_equal "$(events done .result)" failed
	rx_ok log --json
	expect_jq '.[0] | .verb == "compact" and .result == "failed" and .error == $error and .ms > 0' --arg error "$error"
}
