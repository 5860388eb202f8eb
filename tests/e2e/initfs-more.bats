#!/usr/bin/env bats
# Places in the initfs by a name on the command line, and what adopt says of those that the configuration names.

load ../lib/assert
load ../lib/fixture
load ../lib/initfs

setup_file() {
	fixture_setup_file
	initfs_setup_file
}
setup() {
	fixture_setup
	initfs_setup
}
teardown() { fixture_teardown; }

@test "build PKG initfs:/PLACE puts it there once, and the configured places stay what they are" {
	rx_ok refresh
	rx_ok build odd_pkg initfs:/bin
	expect_said 'put   initfs:/bin/rxe2e-odd'
	expect_equal "$(initfs_says bin/rxe2e-odd)" 'odd=1'
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_stale
	rx build odd_pkg initfs:/../bin
	expect_refused 2
	sed -i '/^\[initfs\]$/,$d' "$TREE/reinject.ini"
	rx build odd_pkg initfs:/bin
	expect_refused 2
	expect_err 'describes none'
}

@test "adopt names what goes into the initfs, which it cannot take, and refresh builds just that" {
	rx_ok refresh
	rm -rf "$TREE/.reinject"
	rx_ok adopt
	expect_err 'not adopted, since they go into the initfs.*: inputd netd init.rc'
	expect_stale inputd netd
	rx_ok refresh --json
	expect_equal "$(events build .package | sort | paste -sd' ')" 'inputd netd'
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_stale
}
