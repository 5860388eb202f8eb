# A kill beside the swap: what the next start makes of it in the journal. Before the rename nothing has happened, after it all has; then nothing is looked
# at again, and the run can be rolled back like any other. Runs on the test build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	rx_ok refresh
	mark netd 2
}

teardown() { fixture_teardown; }

# killed_at POINT: run 2, and then the next start, which does nothing but recover.
killed_at() {
	REINJECT_FAULT=$1 rx refresh
	expect_status 137
	rx_ok build multi
}

# journal RESULT: what became of run 2.
journal() {
	rx_ok log --json
	expect_jq "any(.[]; .run == 2 and .result == \"$1\")"
	rx_ok status --json
	expect_jq '.[0].image.changed_outside == false'
}

@test "killed before the rename: the run has failed, and its package is stale" {
	killed_at txn-before-swap
	journal failed
	expect_stale netd
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

happened_at() {
	killed_at "$1"
	journal ok
	expect_stale
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	rx_ok rollback 2
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "killed right after the rename: the run is good, nothing is stale or to be compared, and it can be rolled back" { happened_at txn-swapped; }
@test "killed after the names were settled: the same" { happened_at txn-done; }
