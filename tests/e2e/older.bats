#!/usr/bin/env bats
# A journal that an older reinject has left: whoever only looks reads it as it is, whoever writes brings it up to date.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

sqlite() { sqlite3 "$TREE/.reinject/journal.db" "$1"; }

# grow_old: the journal as it was before the compiler cache and the lost room came to it, with all of it in the file.
grow_old() {
	newest=$(sqlite 'PRAGMA user_version')
	sqlite "ALTER TABLE space DROP COLUMN uuid; ALTER TABLE space DROP COLUMN lost; DROP TABLE cache;
		PRAGMA user_version = $((newest - 2)); PRAGMA wal_checkpoint(TRUNCATE);" >"$T/checkpoint"
	sum=$(sha256 "$TREE/.reinject/journal.db")
}

# looks: what each verb that reads tells.
looks() {
	local verb
	for verb in status log 'show 1' 'symbols netd' report 'hooks status' 'refresh -n'; do
		# shellcheck disable=SC2086
		rx $verb
		cat "$T/out" "$T/err"
		echo "$verb: $status"
	done
}

@test "status, log, show, symbols and report read an older journal, and leave it as it is" {
	rx_ok refresh
	mark netd 2
	looks >"$T/now"
	grow_old
	looks >"$T/then"
	expect_equal "$(<"$T/then")" "$(<"$T/now")"
	rx_ok status --json
	expect_jq '.[0].stale == ["netd"] and .[0].last == 1'
	expect_equal "$(sha256 "$TREE/.reinject/journal.db")" "$sum"
	expect_equal "$(sqlite 'PRAGMA user_version')" "$((newest - 2))"
	# The next one that writes brings it up to date, and keeps what it says.
	rx_ok refresh
	expect_equal "$(sqlite 'PRAGMA user_version')" "$newest"
	rx_ok log
	expect_equal "$(wc -l <"$T/out")" 2
}
