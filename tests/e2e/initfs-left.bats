#!/usr/bin/env bats
# An initfs that cannot be packed: the image keeps the one that it has, its packages stay whole, and whatever has nothing in it goes on.

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
	good=$(<"$T/ar")
}

teardown() { fixture_teardown; }

break_packer() { printf '#!/bin/sh\necho "no room for it"\nexit 7\n' >"$T/ar"; }

mend_packer() { printf '%s\n' "$good" >"$T/ar"; }

# drop_package NAME: its section leaves the configuration.
drop_package() {
	awk -v name="[package $1]" '/^\[/ { inside = $0 == name } !inside' "$TREE/reinject.ini" >"$T/tmp/ini" && cat "$T/tmp/ini" >"$TREE/reinject.ini"
}

@test "a folder that moved and a packer that fails hold up nobody who has no member, and are told until they are mended" {
	rx_ok refresh
	local sum
	sum=$(image_file_sum boot/initfs)
	printf 'another file system\n' >"$TREE/initfs/bin/redoxfs"
	break_packer
	mark odd 2
	rx refresh --json
	expect_status 1
	expect_jq '.[] | select(.event == "done") | .result == "failed" and (.error | contains("initfs: the initfs could not be packed"))'
	expect_equal "$(events put '"\(.path) \(.result)"')" '/usr/bin/rxe2e-odd written'
	expect_err 'no room for it'
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" 'odd=2'
	expect_equal "$(image_file_sum boot/initfs)" "$sum"
	expect_stale
	# Nothing else to do: then it is all that the run was about.
	sum=$(image_sum)
	rx refresh
	expect_status 1
	expect_err '^error: the initfs could not be packed: .* no room for it'
	expect_equal "$(image_sum)" "$sum"
	mend_packer
	rx_ok refresh
	initfs_unpack
	expect_equal "$(<"$T/unpacked/bin/redoxfs")" 'another file system'
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
}

@test "the first member does not compile, so that there is no initfs yet: all that has no member goes in" {
	ini_set 'package inputd' dest /usr/lib/drivers
	ini_set 'package inputd' copy ''
	sed -i '/^\[asset init.rc\]/,/^$/d' "$TREE/reinject.ini"
	break_source netd
	rx refresh
	expect_status 1
	expect_err 'netd failed'
	expect_err 'the initfs would lack what package netd has'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" 'odd=1'
	refute image_has /boot/initfs
	rx_ok status --json
	expect_jq '.[0] | .failed == ["netd"] and .stale == []'
}

@test "who has a member goes in whole or not at all, who leaves the initfs too, and who is gone stays whole" {
	rx_ok refresh
	local sum
	sum=$(image_file_sum boot/initfs)
	break_packer
	# In both.
	mark inputd 2
	mark odd 2
	rx refresh
	expect_status 1
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" 'odd=2'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	expect_stale inputd
	# Out of the initfs.
	ini_set 'package inputd' dest /usr/lib/drivers
	ini_set 'package inputd' copy ''
	mark odd 3
	rx refresh
	expect_status 1
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" 'odd=3'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	expect_stale inputd
	# Gone, as multi is, which has nothing in it.
	drop_package inputd
	drop_package multi
	rx refresh --json
	expect_status 1
	expect_equal "$(events remove .path | sort | paste -sd' ')" '/usr/lib/drivers/multi-a /usr/lib/drivers/multi-b'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	refute image_has /usr/lib/drivers/multi-a
	expect_equal "$(image_file_sum boot/initfs)" "$sum"
	mend_packer
	rx_ok refresh
	refute image_has /usr/lib/drivers/inputd
	initfs_unpack
	refute test -e "$T/unpacked/bin/inputd"
	refute test -e "$T/unpacked/bin/otherd"
	expect_stale
}
