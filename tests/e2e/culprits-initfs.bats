#!/usr/bin/env bats
# The search for culprits where the drivers are members of the initfs: for each trial it is packed anew, with some of them.

load ../lib/assert
load ../lib/fixture
load ../lib/initfs
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() {
	fixture_setup_file
	initfs_setup_file
}

setup() {
	fixture_setup
	initfs_setup
	watch_setup
	night_machine
}

teardown() { night_teardown; }

# guest_of_initfs CODE: v[netd] and v[inputd] are what the members of the booted image's initfs say.
guest_of_initfs() {
	{
		printf 'REPO=%q SMALL=%q\n' "$REPO" "$small"
		cat <<-'END'
			. "$REPO/tools/image.bash"
			panic() { echo "panicked at $*"; exec sleep 60; }
			answer() { :; }
			declare -A v
			m=$T/run/guest.$$
			cp --sparse=always "$RAW_IMG" "$m.img"
			trap image_cleanup EXIT
			image_mount "$m.img" "$m" || exit 1
			"$SMALL" --extract "$m/boot/initfs" "$m.x"
			image_unmount "$m"
			trap - EXIT
			v[netd]=$("$m.x/lib/drivers/netd") v[inputd]=$("$m.x/bin/inputd")
			rm -rf "$m" "$m.img" "$m.x"
			echo BIOS
		END
		printf '%s\n' "$1" "printf 'login: '; serve"
	} | guest
}

good_one() {
	guest_of_initfs :
	rx_ok refresh
	rx_ok boot --wait --stop
	machine_end
}

@test "one member keeps the image from booting: the other is in the initfs, which is whole and up to date" {
	good_one
	mark netd 2
	commit 'netd 2'
	mark inputd 2
	commit 'inputd 2'
	guest_of_initfs '[[ ${v[netd]} != netd=2* ]] || panic "no network"'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["netd"]) and .kept == ["inputd"]'
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=2 common=1'
	cmp "$T/unpacked/bin/inputd" "$T/unpacked/bin/otherd"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=2 common=1'
	rx_ok initfs --check "$T/initfs.file"
	cmp -s "$IMAGE" "$IMAGE.good" || fail "IMAGE.good is another one"
	rx_ok status --json
	expect_jq '.[0].stale == [] and .[0].held == ["netd"]'
	rx_ok refresh --json
	expect_jq 'any(.[]; .event == "done" and .result == "nothing")'
	# And it goes on from there.
	mark netd 3
	commit 'netd 3'
	night 0
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=3 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=2 common=1'
}

@test "the initfs's folder has moved: its members cannot be parted" {
	good_one
	mark netd 2
	commit 'netd 2'
	mark inputd 2
	commit 'inputd 2'
	printf 'another file system\n' >"$TREE/initfs/bin/redoxfs"
	guest_of_initfs '[[ ${v[netd]} != netd=2* ]] || panic "no network"'
	night 1
	expect_night '.result == "culprits" and (.culprits | length == 1) and (.culprits[0].packages | index("netd") and index("inputd"))'
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=1 common=1'
	expect_equal "$(<"$T/unpacked/bin/redoxfs")" 'file system'
}
