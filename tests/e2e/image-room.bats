#!/usr/bin/env bats
# What an image has lost to replaced files is one number: of the warning, of `image check` and of the report; after each kind of run.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

noise() { head -c 1000000 /dev/urandom >"$T/noise"; }

inject() {
	noise
	rx_ok inject "$T/noise" /usr/lib/noise
}

# lost_in_mb: as the report has it, for a person; '' when there is no row. Leaves the bytes in `lost`.
report_lost() {
	"$REINJECT" -C "$TREE" report -q -o "$T/page.html" >/dev/null
	lost=$(python3 "$REPO/tests/lib/report.py" "$T/page.html" | jq '.figures.space[2]')
}

in_mb() { awk -v b="$1" 'BEGIN { printf "%.1f", b / 1e6 }'; }

# The three agree on what is in $lost by now; the first is what the last run has said.
expect_one_number() {
	report_lost
	((lost > 0)) || fail "nothing is lost"
	grep -q "have leaked about $(in_mb "$lost") MB" "$T/err" || fail "the run says another than $lost: $(grep leaked "$T/err")"
	rx_ok image check
	expect_out "about $(in_mb "$lost") MB of its room have leaked"
}

expect_none() {
	report_lost
	expect_equal "$lost" 0
	rx_ok image check
	refute grep -q leaked "$T/out"
}

@test "the run, image check and the report say one number, whatever the run was" {
	local i before
	ini_set image leak_limit_mb 1
	rx_ok refresh
	for ((i = 0; i < 16; i++)); do inject; done
	expect_one_number
	before=$lost
	# One run back is a replacement, too.
	rx_ok rollback
	expect_one_number
	((lost >= before)) || fail "a rollback gave $((before - lost)) bytes back"
	mark netd 2
	rx_ok refresh
	expect_one_number
	# What was not there before is no loss.
	before=$lost
	noise
	rx_ok inject "$T/noise" /usr/lib/more
	report_lost
	expect_equal "$lost" "$before"
	expect_one_number
	# The image of before holds what it held, and has lost no more than now.
	inject
	expect_one_number
	before=$lost
	rx_ok rollback --image
	report_lost
	((lost <= before)) || fail "$before bytes before, $lost after"
	expect_one_number
	rx_ok image compact
	refute grep -q 'have leaked about' "$T/err"
	expect_none
}

@test "an estimate that proves wrong is gone with the compaction that finds nothing, and a row of an older schema counts for nothing" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	sqlite3 "$TREE/.reinject/journal.db" 'UPDATE space SET lost = 77000000'
	rx_ok image check
	expect_out 'about 77.0 MB'
	rx_ok image compact
	expect_err 'nothing has leaked'
	expect_none
	sqlite3 "$TREE/.reinject/journal.db" "UPDATE space SET lost = 77000000, uuid = ''"
	rx_ok image check
	refute grep -q leaked "$T/out"
	mark netd 3
	rx_ok refresh
	report_lost
	((lost < 1000000)) || fail "$lost bytes: of an older row"
}

@test "in-place counts as well; ext4 loses nothing" {
	ini_set image leak_limit_mb 1
	ini_set image mode in-place
	rx_ok refresh
	local i
	for ((i = 0; i < 16; i++)); do inject; done
	expect_one_number
	rm "$IMAGE"
	rm -r "$TREE/.reinject"
	mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	ini_set image format ext4
	ini_set image mode shadow
	rx_ok refresh
	for ((i = 0; i < 2; i++)); do inject; done
	expect_none
}
