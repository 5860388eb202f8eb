#!/usr/bin/env bats
# An image that comes back is believed by what it holds, not by its name or its inode.

load ../lib/assert
load ../lib/fixture
load ../lib/initfs

setup_file() {
	fixture_setup_file
	initfs_setup_file
}

setup() { fixture_setup; }
teardown() { fixture_teardown; }

# tamper FILE PATH: somebody writes into an image that lies beside ours; its inode stays.
tamper() {
	local p
	mount_image "$1" "$T/tamper"
	p=$pid
	printf 'not what was put there\n' >"$T/tamper/$2"
	unmount_image "$T/tamper" "$p"
}

says() {
	in_image sh -c './usr/lib/drivers/netd; ./usr/lib/drivers/inputd' | xargs
}

@test "rollback --image: what was changed in IMAGE.prev since is not fresh, and is put right by the next refresh" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	tamper "$IMAGE.prev" usr/lib/drivers/inputd
	rx_ok rollback --image
	expect_stale inputd
	rx_ok refresh
	expect_equal "$(says)" 'netd=1 proto=1 common=1 inputd=1 common=1'
	expect_stale
}

@test "rollback --image: a package that was taken back and whose file is another is not called fresh at what it was" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	tamper "$IMAGE.prev" usr/lib/drivers/netd
	rx_ok rollback --image
	mark netd 1
	expect_stale netd
	rx_ok refresh
	expect_equal "$(says)" 'netd=1 proto=1 common=1 inputd=1 common=1'
}

@test "rollback --good, and a rollback of that: what the images hold counts" {
	rx_ok refresh
	ln "$IMAGE" "$IMAGE.good"
	mark netd 2
	rx_ok refresh
	mark netd 3
	rx_ok refresh
	tamper "$IMAGE.good" usr/lib/drivers/inputd
	rx_ok rollback --good
	expect_stale inputd
	tamper "$IMAGE.prev" usr/lib/drivers/netd
	rx_ok rollback --image
	expect_stale netd
	rx_ok refresh
	expect_equal "$(says)" 'netd=3 proto=1 common=1 inputd=1 common=1'
}

@test "rollback --image: a file that a run without a build has replaced is not the package's" {
	rx_ok refresh
	printf 'by hand\n' >"$T/netd"
	rx_ok inject "$T/netd" /usr/lib/drivers/netd
	rx_ok refresh
	expect_equal "$(says)" 'netd=1 proto=1 common=1 inputd=1 common=1'
	rx_ok rollback --image
	expect_stale netd
	rx_ok refresh
	expect_equal "$(says)" 'netd=1 proto=1 common=1 inputd=1 common=1'
}

@test "rollback --image: members of an initfs that was changed since are not fresh" {
	initfs_setup
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	tamper "$IMAGE.prev" boot/initfs
	rx_ok rollback --image
	mark netd 1
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_stale
}

@test "rollback --image: an initfs that was changed since is packed again, also where none of its members is another" {
	initfs_setup
	rx_ok refresh
	mark odd 2
	rx_ok refresh
	tamper "$IMAGE.prev" boot/initfs
	rx_ok rollback --image
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_stale
}

@test "rollback --good: an image of which no run is known holds what is in its initfs" {
	initfs_setup
	rx_ok refresh
	cp --sparse=always "$IMAGE" "$IMAGE.good"
	mark netd 2
	rx_ok refresh
	rx_ok rollback --good
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and (.held | index("netd") != null)'
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
}
