#!/usr/bin/env bats
# `initfs --check`, for people and for programs, and `initfs` where there is none or nothing of ours goes into it. No package is built.

load ../lib/assert
load ../lib/fixture
load ../lib/initfs

setup_file() { initfs_setup_file; }
setup() {
	fixture_setup
	small=$(dirname "$REINJECT")/tests/small-initfs-ar
	[[ -x $small ]] || small=$REPO/build/tests/small-initfs-ar
	mkdir -p "$TREE/src" "$TREE/initfs/bin"
	printf '[source base]\npath = src\n\n[image]\npath = disk.img\n' >"$TREE/reinject.ini"
	printf 'file system\n' >"$TREE/initfs/bin/redoxfs"
	"$small" --output "$T/good" "$TREE/initfs" "$BATS_FILE_TMPDIR/boot"
	"$small" --output "$T/bare" "$TREE/initfs"
}
teardown() { fixture_teardown; }

# put_entry FILE VALUE: the entry point that the header names, at $ENTRY_AT, 8 bytes, the lowest first.
put_entry() {
	local i bytes=
	for ((i = 0; i < 8; i++)); do bytes+=$(printf '\\x%02x' $((($2 >> 8 * i) & 255))); done
	# shellcheck disable=SC2059 # escapes
	printf "$bytes" | dd of="$1" bs=1 seek="$ENTRY_AT" conv=notrunc status=none
}

# entry_at FILE ENTRY: where in the header it lies.
entry_at() {
	python3 - "$1" "$2" <<-'END'
		import struct, sys
		print(open(sys.argv[1], "rb").read(4096).index(struct.pack("<Q", int(sys.argv[2], 16))))
	END
}

@test "one that boots: the same facts for people and for programs" {
	local entry
	rx_ok initfs --check "$T/good"
	expect_out '^a kernel can boot from it$'
	entry=$(sed -n 's/^entry  *//p' "$T/out")
	expect_out "^bootstrap  enters at $entry, code from 0x[0-9a-f]+ to 0x[0-9a-f]+$"
	rx_ok initfs --check "$T/good" --json
	expect_equal "$(wc -l <"$T/out")" 1
	expect_jq '.[0] | .initfs == $f and .ok and .error == null and .bootstrap and .entry == $e and .file_size == $n and .size <= .file_size
		and .page_size == 4096 and .inodes > 2 and .inode_table > 0 and .packed >= 0' \
		--arg f "$T/good" --arg e "$entry" --argjson n "$(stat -c %s "$T/good")"
}

@test "one without a bootstrap is told with its reason, and nothing is written on either" {
	local sum
	sum=$(sha256 "$T/bare")
	rx initfs --check "$T/bare" --json
	expect_status 1
	expect_jq '.[0] | .ok == false and (.error | contains("packed without its bootstrap")) and .bootstrap == false and .entry == "0xffffffffffffffff"'
	expect_equal "$(sha256 "$T/bare")" "$sum"
	[[ ! -e $TREE/.reinject ]]
}

@test "an entry outside the bootstrap's code: a kernel would jump into nothing" {
	local entry
	rx_ok initfs --check "$T/good" --json
	entry=$(jq -r .entry "$T/out")
	ENTRY_AT=$(entry_at "$T/good" "$entry")
	put_entry "$T/good" 0x10
	rx initfs --check "$T/good"
	expect_status 1
	expect_out '^entry +0x10$'
	expect_out "^bootstrap  enters at $entry; it has no code at the entry above$"
	rx initfs --check "$T/good" --json
	expect_status 1
	expect_jq '.[0] | .ok == false and .bootstrap and .entry == "0x10" and (.error | length > 0)'
}

@test "what is not there or no initfs is refused without a table of nothing" {
	rx initfs --check "$T/nowhere" --json
	expect_status 1
	expect_equal "$(cat "$T/out")" ''
	expect_err "cannot open '$T/nowhere'"
	rx initfs --check "$T"
	expect_status 1
	expect_err 'is no regular file'
}

@test "a configuration without an initfs: exit 2, and what to add" {
	rx initfs
	expect_refused 2
	expect_err "'$TREE/reinject.ini' describes no initfs"
	expect_err 'add a section \[initfs\] with dir, tool and bootstrap'
}
