#!/usr/bin/env bats
# Destinations in the initfs: members are packed with the bootstrap, checked, and put by the same transaction as all else.

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

@test "a refresh packs the members, the folder and the bootstrap, in one swap with the other files" {
	rx_ok refresh --json
	expect_jq '[.[] | select(.event == "swap")] | length == 1'
	expect_jq '[.[] | select(.event == "put") | .path] | (index("/boot/initfs") != null) and (index("initfs:/lib/drivers/netd") != null)
		and (index("/usr/lib/drivers/inputd") != null)'
	expect_equal "$(packings)" 1
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=1 common=1'
	cmp "$T/unpacked/bin/inputd" "$T/unpacked/bin/otherd"
	expect_equal "$(<"$T/unpacked/bin/redoxfs")" 'file system'
	expect_equal "$(<"$T/unpacked/etc/init.rc")" 'run netd'
	expect_equal "$(sha256 "$T/unpacked/bin/inputd")" "$(stripped inputd)"
	expect_equal "$(stat -c %a "$T/unpacked/bin/inputd" "$T/unpacked/etc/init.rc" | xargs)" '755 644'
	rx_ok initfs --check "$T/initfs.file"
	expect_out 'a kernel can boot from it'
	# Nothing of it is written into the user's folder.
	expect_equal "$(find "$TREE/initfs" -type f)" "$TREE/initfs/bin/redoxfs"
	rx_ok status --json
	expect_jq '.[0].stale == []'
}

@test "an unchanged initfs is not packed again, and another member is packed with those of before" {
	rx_ok refresh
	rx_ok refresh
	mark odd_pkg 2 2>/dev/null || mark odd 2
	rx_ok refresh
	expect_equal "$(packings)" 1
	local sum
	sum=$(image_file_sum boot/initfs)
	# Built again, and the same: neither packed nor written.
	rx_ok build netd
	expect_equal "$(packings)" 1
	expect_equal "$(image_file_sum boot/initfs)" "$sum"
	mark netd 2
	rm -rf "$SRC/target"
	rx_ok refresh --json
	expect_equal "$(events build .package)" netd
	expect_equal "$(packings)" 2
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=2 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/otherd")" 'inputd=1 common=1'
}

@test "the folder, the bootstrap and the asset are looked at too; what differs in its time alone is identical" {
	rx_ok refresh
	local sum
	sum=$(image_file_sum boot/initfs)
	printf 'another file system\n' >"$TREE/initfs/bin/redoxfs"
	rx_ok refresh
	initfs_unpack
	expect_equal "$(<"$T/unpacked/bin/redoxfs")" 'another file system'
	printf 'run inputd\n' >"$SRC/init.rc"
	rx_ok refresh
	initfs_unpack
	expect_equal "$(<"$T/unpacked/etc/init.rc")" 'run inputd'
	expect_equal "$(packings)" 3
	sum=$(image_file_sum boot/initfs)
	touch -d '2001-01-01' "$TREE/bootstrap"
	rx_ok refresh --json
	expect_jq '.[] | select(.event == "put" and .path == "/boot/initfs") | .result == "identical"'
	expect_equal "$(packings)" 4
	expect_equal "$(image_file_sum boot/initfs)" "$sum"
	rx_ok refresh
	expect_equal "$(packings)" 4
}

@test "without its bootstrap nothing is built, and the image is as it was" {
	local sum
	note_cargo
	rx_ok refresh
	: >"$T/cargo.log"
	mark netd 2
	sum=$(image_sum)
	rm "$TREE/bootstrap"
	rx refresh
	expect_status 3
	expect_err 'the initfs has no bootstrap'
	printf 'no program\n' >"$TREE/bootstrap"
	rx refresh
	expect_status 3
	expect_err 'is no ELF program'
	ini_set initfs bootstrap ''
	rx refresh
	expect_status 3
	expect_err 'names no bootstrap'
	ini_set initfs bootstrap bootstrap
	ini_set initfs tool "$T/none"
	cp "$BATS_FILE_TMPDIR/boot" "$TREE/bootstrap"
	rx refresh
	expect_status 3
	expect_err "cannot find program '$T/none'"
	expect_equal "$(cargo_builds)" ''
	expect_equal "$(image_sum)" "$sum"
	ini_set initfs tool "$T/ar"
	# What has nothing to do with the initfs needs none of it.
	rm "$TREE/bootstrap"
	rx_ok build odd_pkg
}

@test "what is packed badly does not go in: its packages fail, the others do not" {
	rx_ok refresh
	local sum
	sum=$(image_file_sum boot/initfs)
	printf '#!/bin/sh\nn=$#\n[ "$n" -lt 6 ] || set -- "$1" "$2" "$3" "$4" "$5"\nexec "%s" "$@"\n' "$small" >"$T/ar"
	mark netd 2
	mark odd 2
	rx refresh
	expect_status 1
	expect_err 'packed without its bootstrap'
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" 'odd=2'
	expect_equal "$(image_file_sum boot/initfs)" "$sum"
	expect_stale netd
	printf '#!/bin/sh\nexec "%s" "$@"\n' "$small" >"$T/ar"
	ini_set initfs max_size 8192
	rx refresh
	expect_status 1
	expect_err 'max_size, 8192 bytes'
	expect_equal "$(image_file_sum boot/initfs)" "$sum"
	ini_set initfs max_size 33554432
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

@test "an initfs that lacks a member which was never built is not put in" {
	rx build netd
	expect_status 1
	expect_err 'the initfs would lack what package inputd has'
	refute image_has /boot/initfs
	rx_ok refresh
	image_has /boot/initfs
}

@test "a rollback takes the initfs back, the held member stays out of the next packing, and can be undone" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	rx_ok rollback
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	mark inputd 2
	rx_ok refresh
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=2 common=1'
	rx_ok rollback
	rx_ok refresh --retry
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=2 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/inputd")" 'inputd=2 common=1'
}

@test "a member that nobody wants any more is left out" {
	rx_ok refresh
	ini_set 'package inputd' copy ''
	rx_ok refresh --json
	expect_equal "$(events remove '"\(.path) \(.result)"')" 'initfs:/bin/otherd removed'
	initfs_unpack
	refute test -e "$T/unpacked/bin/otherd"
	test -e "$T/unpacked/bin/inputd"
}

@test "an initfs that somebody else put there is replaced by ours" {
	local p
	rx_ok refresh
	mount_image "$IMAGE" "$T/other"
	p=$pid
	echo foreign >"$T/other/boot/initfs"
	unmount_image "$T/other" "$p"
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
	echo foreign >"$T/foreign"
	rx_ok inject "$T/foreign" /boot/initfs
	rx_ok refresh
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "reinject initfs packs by hand, building what is stale of it and nothing else" {
	rx_ok refresh
	mark netd 2
	mark odd 2
	rx_ok initfs
	expect_equal "$(initfs_says lib/drivers/netd)" 'netd=2 proto=1 common=1'
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" 'odd=1'
	expect_equal "$(packings)" 2
	rx_ok initfs --json
	expect_equal "$(packings)" 3
	expect_jq '.[] | select(.event == "put" and .path == "/boot/initfs") | .result == "identical"'
	"$small" --output "$T/bare" "$TREE/initfs"
	rx initfs --check "$T/bare"
	expect_status 1
	expect_out 'entry +0xffffffffffffffff'
	expect_err 'packed without its bootstrap'
	rx initfs --check "$TREE/reinject.ini"
	expect_status 1
	expect_err 'is no initfs'
}

@test "a link in the folder leads no member out of it" {
	mkdir -p "$T/host"
	ln -s "$T/host" "$TREE/initfs/lib"
	rx refresh
	expect_status 1
	expect_err "is no folder"
	expect_equal "$(ls -A "$T/host")" ''
	refute image_has /boot/initfs
}

@test "a member's content is kept as long as the initfs has it, however old its run" {
	local i
	ini_add <<<'[reinject]'
	ini_set reinject keep_runs 1
	ini_set reinject keep_days 0
	rx_ok refresh
	for i in 2 3 4; do
		find "$TREE/.reinject/blobs" -type f -exec touch -d '2 hours ago' {} +
		mark inputd "$i"
		rx_ok refresh
	done
	initfs_unpack
	expect_equal "$("$T/unpacked/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$("$T/unpacked/bin/otherd")" 'inputd=4 common=1'
	# Of what was replaced, only what one rollback needs.
	find "$TREE/.reinject/blobs" -type f -exec touch -d '2 hours ago' {} +
	rx_ok rollback
	expect_equal "$(initfs_says bin/otherd)" 'inputd=3 common=1'
}

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
