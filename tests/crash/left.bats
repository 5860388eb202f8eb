# mode = live: a file that somebody else changes before its turn stays as it is; what was to replace it is not called fresh for that, neither by the run
# itself nor by the start after a kill. Runs on the test build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	ini_set image mode live
	ini_set image mount_point "$T/mnt"
	mount_image "$IMAGE" "$T/mnt"
	served=$pid
	netd=$T/mnt/usr/lib/drivers/netd
	rx_ok refresh
	mark netd 2
}

teardown() { fixture_teardown; }

# put_own: the user's driver takes the place of netd, in one step.
put_own() {
	printf '#!/bin/sh\necho mine\n' >"$netd.new"
	chmod 0755 "$netd.new"
	mv "$netd.new" "$netd"
}

# expect_put: what was left out is put, and after that nothing is left to compare.
expect_put() {
	expect_stale netd
	rx_ok refresh
	expect_equal "$("$netd")" 'netd=2 proto=1 common=1'
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	refute grep -q 'changed by somebody else' "$T/err"
	unmount_image "$T/mnt" "$served"
}

@test "killed after the decision, then a driver of one's own: left as it is, and put by the next refresh" {
	REINJECT_FAULT=steps-decided rx refresh
	expect_status 137
	put_own
	# The next start: it recovers, and compares.
	rx_ok build multi
	expect_err 'netd.*left as it is'
	expect_err 'not as they were left: netd'
	expect_equal "$("$netd")" mine
	refute test -e "$IMAGE.steps"
	expect_put
}

@test "killed after the decision, and nobody else was there: all of it is in, and nothing is compared" {
	REINJECT_FAULT=steps-decided rx refresh
	expect_status 137
	rx_ok refresh --json
	refute grep -q 'changed by somebody else' "$T/err"
	expect_equal "$("$netd")" 'netd=2 proto=1 common=1'
	expect_equal "$(events build .package)" ''
	unmount_image "$T/mnt" "$served"
}

is_stopped() {
	local stat
	read -r stat 2>/dev/null <"/proc/$1/stat" && [[ ${stat##*) } == T* ]]
}

# left_by_the_run [POINT]: netd is the user's by the time the run has come to its files; with POINT the run is killed there.
left_by_the_run() {
	# All files lie ready, and nothing is decided.
	start run env REINJECT_FAULT_STOP=steps-ready ${1:+"REINJECT_FAULT=$1"} "$REINJECT" refresh
	wait_until 30 is_stopped "$pid" || fail "it did not stop: $(cat "$T/run.err")"
	put_own
	grep -q '/usr/lib/drivers/netd$' "$IMAGE.steps" || fail "netd is no step"
	refute grep -q decided "$IMAGE.steps"
	kill -CONT "$pid"
	finish run
	expect_equal "$("$netd")" mine
}

expect_found_out() {
	rx_ok build multi
	expect_err 'not as they were left: netd'
	expect_put
}

@test "a driver of one's own while the run puts its other files: the run says that it is left, and the next one compares" {
	left_by_the_run
	expect_status 0
	expect_err 'netd.*left as it is'
	rx_ok status --json
	expect_jq '.[0].image.changed_outside'
	expect_found_out
}

@test "the same when the run is killed before it can say so" {
	left_by_the_run txn-done
	expect_status 137
	expect_found_out
}
