#!/usr/bin/env bats
# An image that its user sets back to an older copy, and one that nobody keeps the others from: what is in it counts, not what it is called.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	image_copy "$IMAGE" "$T/backup.img"
}
teardown() { fixture_teardown; }

live_mount() {
	ini_set image mode live
	ini_set image mount_point "$T/mnt"
	mount_image "$IMAGE" "$T/mnt"
	served=$pid
}

@test "live: an older copy in the same file is compared, and what it lacks is put again" {
	live_mount
	rx_ok refresh
	unmount_image "$T/mnt" "$served"
	cp "$T/backup.img" "$IMAGE"
	live_mount
	rx_ok status --json
	expect_jq '.[0].image.changed_outside'
	rx_ok refresh
	expect_err 'changed by somebody else'
	expect_equal "$("$T/mnt/usr/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	unmount_image "$T/mnt" "$served"
}

@test "live: what replaces the image as a whole is refused before anything is read, with what to do" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	live_mount
	local words runs sum
	rx_ok log --json
	runs=$(wc -l <"$T/out")
	sum=$(sha256 "$IMAGE")
	for words in 'rollback --image' 'image compact'; do
		# shellcheck disable=SC2086 # words
		rx $words
		expect_refused 2
		expect_err 'mode = live'
		expect_err 'image.mode=shadow'
	done
	expect_equal "$(sha256 "$IMAGE")" "$sum"
	rx_ok log --json
	expect_jq "length == $runs"
	unmount_image "$T/mnt" "$served"
	rx_ok -o image.mode=shadow rollback --image
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "a lock file that is deleted during a run: the image is left as it is, and the next run begins anew" {
	slow_package
	local sum
	sum=$(image_sum)
	start run "$REINJECT" refresh
	slow_begun
	rm "$IMAGE.lock"
	slow_release
	finish run
	expect_refused 75
	expect_err 'deleted'
	expect_equal "$(image_sum)" "$sum"
	rm "$T/slow.pid"
	start run "$REINJECT" refresh
	slow_begun
	slow_release
	finish run
	expect_status 0
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_nothing_left
}
