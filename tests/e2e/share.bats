#!/usr/bin/env bats
# Destinations in the share: the folder of the host that the guest sees. The machine is a shell script (lib/boot); guest.bats has a real one over 9p.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	boot_machine
	ini_add <<<$'[share]\npath = share'
	ini_set 'package netd' dest share:/bin/
}
teardown() {
	machine_end
	fixture_teardown
}

share_says() {
	"$TREE/share/bin/netd"
}

@test "a package that goes to the share alone: whole, executable, and the image is not needed" {
	local sum
	rx_ok refresh
	expect_equal "$(share_says)" 'netd=1 proto=1 common=1'
	refute image_has /usr/lib/drivers/netd
	expect_stale
	sum=$(image_sum)
	# Not even when somebody holds it.
	exec {held}<>"$IMAGE"
	mark netd 2
	expect_stale netd
	rx_ok refresh --json
	exec {held}>&-
	expect_equal "$(share_says)" 'netd=2 proto=1 common=1'
	expect_equal "$(events put '.path + " " + .result')" 'share:/bin/netd written'
	expect_equal "$(events swap .image)" ''
	expect_equal "$(events done .result)" ok
	expect_equal "$(image_sum)" "$sum"
	expect_equal "$(find "$TREE/share" -type f)" "$TREE/share/bin/netd"
	expect_stale
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "in the share and in the image" {
	ini_set 'package netd' dest 'share:/netd /usr/bin'
	rx_ok refresh
	mark netd 3
	rx_ok refresh --json
	expect_equal "$("$TREE/share/netd")" 'netd=3 proto=1 common=1'
	expect_equal "$(image_says /usr/bin/netd)" 'netd=3 proto=1 common=1'
	expect_stale
}

@test "after_put goes to the running guest, and its answer is told" {
	mode tmux
	ini_set share after_put 'root\nnetd'
	rx_ok boot --json
	rx_ok refresh
	expect_err 'guest: .*netd=1'
	expect_machine_runs
	# The same again: nothing is written, nothing is sent.
	rx_ok build netd
	refute grep -q 'guest:' "$T/err"
}

@test "where no machine runs, the file waits for the next, and that is said" {
	mode socket
	ini_set share after_put netd
	rx_ok refresh
	expect_equal "$(share_says)" 'netd=1 proto=1 common=1'
	expect_err 'not sent: no machine answers'
}

@test "a share that cannot be written fails its package and no other" {
	rm -rf "$TREE/share"
	: >"$TREE/share"
	rx refresh
	expect_status 1
	expect_err 'netd'
	image_has /usr/lib/drivers/inputd
	expect_stale netd
}

@test "without [share] path such a place is served by nobody, and that is said" {
	ini_set share path ''
	rx refresh
	expect_status 0
	expect_err 'destinations in a share .* that no section'
}
