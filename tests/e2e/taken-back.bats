#!/usr/bin/env bats
# An edit that is taken back during the build, or before the image has it, leaves the older state nowhere believed: neither in the initfs nor in the share.

load ../lib/assert
load ../lib/fixture
load ../lib/initfs

setup_file() {
	fixture_setup_file
	initfs_setup_file
}
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# first_refresh: everything is built and fresh, also the slow package.
first_refresh() {
	exec {feed}<>"$T/gate"
	echo go >&"$feed"
	rx_ok refresh
	exec {feed}>&-
	rm -f "$T/slow.pid"
	expect_stale
}

# refresh_and_take_back WHAT...: a refresh in which netd=2 is built; WHAT is done before it ends.
refresh_and_take_back() {
	mark netd 2
	echo two >"$SRC/custom/input"
	start run "$REINJECT" refresh --json
	slow_begun
	"$@"
	slow_release
	finish run
	expect_err 'edited while it was being built'
}

@test "an edit of a member of the initfs that is taken back during the build" {
	initfs_setup
	slow_package
	first_refresh
	take_back() {
		mark netd 1
		# An asset is read after the builds.
		printf 'run inputd\n' >"$SRC/init.rc"
	}
	printf 'run otherd\n' >"$SRC/init.rc"
	refresh_and_take_back take_back
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=2 proto=1 common=1'
	expect_equal "$(<"$T/unpacked/etc/init.rc")" 'run inputd'
	expect_stale netd
	printf 'run netd\n' >"$SRC/init.rc"
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_equal "$(<"$T/unpacked/etc/init.rc")" 'run netd'
	expect_stale
}

@test "an edit of what goes to the share alone that is taken back during the build" {
	ini_add <<<$'[share]\npath = share'
	mkdir "$TREE/share"
	ini_set 'package netd' dest share:/bin/
	slow_package
	ini_set 'package slow' dest share:/bin/
	first_refresh
	refresh_and_take_back mark netd 1
	expect_equal "$(events swap .image)" ''
	expect_equal "$("$TREE/share/bin/netd")" 'netd=2 proto=1 common=1'
	expect_stale netd
	rx_ok refresh
	expect_equal "$("$TREE/share/bin/netd")" 'netd=1 proto=1 common=1'
	expect_stale
}

@test "an edit that is in the share and never came into the image" {
	ini_add <<<$'[share]\npath = share'
	mkdir "$TREE/share"
	ini_set 'package netd' copy share:/bin/netd
	rx_ok refresh
	mark netd 2
	ini_set 'package netd' dest /no/such/folder/
	rx refresh
	expect_status 1
	expect_equal "$("$TREE/share/bin/netd")" 'netd=2 proto=1 common=1'
	ini_set 'package netd' dest /usr/lib/drivers
	mark netd 1
	expect_stale netd
	rx_ok refresh
	expect_equal "$("$TREE/share/bin/netd")" 'netd=1 proto=1 common=1'
	expect_stale
}

@test "an edit in a submodule that is taken back during the build, in a package around it and in one inside it" {
	local at first
	git init -q -b main "$T/lib"
	mkdir "$T/lib/fw"
	printf 'one\n' | tee "$T/lib/word" >"$T/lib/fw/word"
	commit "$T/lib" 'a word'
	git -C "$SRC" -c protocol.file.allow=always submodule --quiet add "$T/lib" custom/sub
	git -C "$SRC" -c protocol.file.allow=always submodule --quiet add "$T/lib" apart
	commit 'with submodules'
	slow_package
	for at in custom/sub apart/fw; do
		ini_set 'package slow' paths "custom $at"
		first_refresh
		echo "$at" >"$SRC/custom/input"
		start run "$REINJECT" refresh
		slow_begun
		first=$(<"$T/slow.pid")
		# Neither before the build nor after it is there anything to see of this.
		echo two >"$SRC/$at/word"
		echo one >"$SRC/$at/word"
		exec {feed}<>"$T/gate"
		printf 'go\ngo\n' >&"$feed"
		finish run
		exec {feed}>&-
		expect_status 0
		[[ $(<"$T/slow.pid") != "$first" ]] || fail "$at: it was not built again"
		expect_stale
	done
}

@test "an edit that did not build and is taken back costs nothing" {
	slow_package
	first_refresh
	break_source netd
	mark inputd 2
	echo two >"$SRC/custom/input"
	start run "$REINJECT" refresh --json
	slow_begun
	git -C "$SRC" checkout -q drivers/net
	slow_release
	finish run
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=2 common=1'
	expect_stale
}
