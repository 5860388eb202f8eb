#!/usr/bin/env bats
# The whole image of before takes the image's place: rollback --image, --good; and rollback ID as the text has it.

load ../lib/assert
load ../lib/fixture
load ../lib/initfs

setup_file() {
	fixture_setup_file
	initfs_setup_file
}

setup() { fixture_setup; }
teardown() { fixture_teardown; }

@test "rollback --image brings the image of before back, byte for byte, holds what it took back, and is undone by itself" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	local before after
	before=$(sha256 "$IMAGE.prev")
	after=$(image_sum)
	rx_ok rollback --image
	expect_err 'held, as their sources are now.*netd'
	expect_equal "$(drivers_say)" 'netd=1 proto=1 common=1 inputd=1 common=1'
	expect_equal "$(sha256 "$IMAGE.prev")" "$after"
	# Held: not built again by itself.
	note_cargo
	rx_ok refresh
	expect_err 'held by a rollback.*netd.*reinject refresh --retry'
	expect_equal "$(cargo_builds)" ''
	rx_ok status --json
	expect_jq '.[0].held == ["netd"] and .[0].stale == []'
	rx_ok log
	expect_out 'rollback-image  ok  '
	expect_out 'refresh         ok  '
	rx_ok log --json
	expect_jq '[.[] | select(.verb == "rollback-image")] | length == 1 and .[0].result == "ok" and (.[0].packages | tostring | test("netd"))'
	# One run back is not the way for a whole image.
	rx rollback
	expect_status 2
	expect_err 'put a whole image back'
	expect_err 'rollback --image'
	rx_ok rollback --image
	expect_equal "$(drivers_say)" 'netd=2 proto=1 common=1 inputd=1 common=1'
	rx_ok status --json
	expect_jq '.[0].held == [] and .[0].stale == []'
	mark netd 3
	rx_ok refresh
	expect_equal "$(drivers_say)" 'netd=3 proto=1 common=1 inputd=1 common=1'
	expect_nothing_left
	refute test -e "$IMAGE.shadow"
}

@test "the content is the image of before also when several files were new in between" {
	rx_ok refresh
	cp --sparse=always "$IMAGE" "$T/first.img"
	local files
	files=$(image_files)
	mark netd 2
	mark odd 2
	printf 'new\n' >"$T/new"
	rx_ok refresh
	rx_ok rollback --image
	expect_equal "$(image_files)" "$files"
	# Back where it was, what is fresh again is not built.
	git -C "$SRC" checkout -q .
	note_cargo
	rx_ok refresh
	expect_equal "$(cargo_builds)" ''
}

@test "--image and --good say clearly that there is nothing, and take one word at most" {
	rx rollback --image
	expect_status 2
	expect_err 'there is no .*disk.img.prev'
	rx rollback --good
	expect_status 2
	expect_err 'no boot has proved an image yet'
	rx rollback --good --image
	expect_status 2
	rx rollback --image 3
	expect_status 2
	rx_ok refresh
	printf 'no image\n' >"$IMAGE.prev"
	local sum
	sum=$(image_sum)
	rx rollback --image
	expect_status 1
	expect_err 'holds no RedoxFS'
	expect_untouched "$sum"
}

@test "--good takes the image that booted, and leaves its file" {
	rx_ok refresh
	cp --sparse=always "$IMAGE" "$IMAGE.good"
	mark netd 2
	rx_ok refresh
	mark netd 3
	rx_ok refresh
	local good
	good=$(sha256 "$IMAGE.good")
	rx_ok rollback --good
	expect_equal "$(drivers_say)" 'netd=1 proto=1 common=1 inputd=1 common=1'
	expect_equal "$(sha256 "$IMAGE.good")" "$good"
	note_cargo
	rx_ok refresh
	expect_equal "$(cargo_builds)" ''
	rx_ok rollback --image
	expect_equal "$(drivers_say)" 'netd=3 proto=1 common=1 inputd=1 common=1'
}

@test "--image is refused while somebody may write either image" {
	local p
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	mount_image "$IMAGE" "$T/other"
	p=$pid
	rx rollback --image
	expect_status 75
	unmount_image "$T/other" "$p"
	mount_image "$IMAGE.prev" "$T/other"
	p=$pid
	rx rollback --image
	expect_status 75
	unmount_image "$T/other" "$p"
	rx_ok rollback --image
	expect_equal "$(drivers_say)" 'netd=1 proto=1 common=1 inputd=1 common=1'
}

@test "the initfs comes back with the image, and so does what it holds" {
	initfs_setup
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	rx_ok rollback --image
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	mark inputd 2
	rx_ok refresh
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=2 common=1'
}

@test "rollback ID removes what was new, puts back what was replaced, and is itself undone by its ID" {
	rx_ok refresh
	printf 'a\n' >"$T/a"
	rx_ok inject "$T/a" /etc/a
	printf 'b\n' >"$T/bystander"
	rx_ok inject "$T/bystander" /etc/bystander
	rx_ok rollback 2
	refute image_has /etc/a
	rx_ok rollback 3
	expect_equal "$(in_image cat etc/bystander)" untouched
	rx_ok rollback 5
	expect_equal "$(in_image cat etc/bystander)" b
	rx_ok rollback 4
	expect_equal "$(in_image cat etc/a)" a
	rx rollback 99
	expect_status 2
}
