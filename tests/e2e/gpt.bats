#!/usr/bin/env bats
# A whole disk as the image: a partition table, and the RedoxFS in one of its partitions.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# disk MEGABYTES START: the image is a disk of that size; its partition begins at megabyte START and has the template's files in 48 MB.
disk() {
	rm -f "$IMAGE"
	truncate -s "$1M" "$IMAGE"
	sgdisk -n "1:$(($2 * 2048)):+48M" -t 1:8300 "$IMAGE" >"$T/sgdisk.out" 2>&1 || fail "sgdisk: $(cat "$T/sgdisk.out")"
	image_make "$T/part.img" "$BATS_FILE_TMPDIR/root" 48M
	dd if="$T/part.img" of="$IMAGE" bs=1M seek="$2" conv=notrunc,sparse status=none
	rm "$T/part.img"
	start_mb=$2
	table=$(table_sum)
}

# What is not the partition's: the table at the start, and its second copy at the end.
table_sum() {
	{ head -c 1M "$IMAGE" && tail -c 1M "$IMAGE"; } | sha256sum
}

# What the partition holds, cut out: a file system of its own.
part_says() {
	dd if="$IMAGE" of="$T/part.img" bs=1M skip="$start_mb" count=48 conv=sparse status=none
	mount_image "$T/part.img" "$T/part"
	local p=$pid r=0
	"$T/part/$1" || r=$?
	unmount_image "$T/part" "$p"
	return $r
}

@test "a partition that redoxfs finds by itself, in every mode" {
	local mode n=1
	disk 64 2
	for mode in shadow in-place live; do
		n=$((n + 1))
		ini_set image mode $mode
		if [[ $mode == live ]]; then
			ini_set image mount_point "$T/mnt"
			mount_image "$IMAGE" "$T/mnt"
			local served=$pid
		fi
		mark netd $n
		rx_ok refresh
		[[ $mode != live ]] || unmount_image "$T/mnt" "$served"
		expect_equal "$(part_says usr/lib/drivers/netd)" "netd=$n proto=1 common=1"
		expect_equal "$(table_sum)" "$table"
	done
	sgdisk -v "$IMAGE" >"$T/sgdisk.out" 2>&1 || fail "sgdisk: $(cat "$T/sgdisk.out")"
	rx_ok image check
	expect_said 'at byte 2097152'
}

@test "a partition too far on is found by [image] block" {
	disk 330 270
	local mode sum n=1
	sum=$(image_sum)
	rx refresh
	expect_refused 3
	expect_err '\[image\] block'
	expect_untouched "$sum"
	ini_set image block $((270 * 256))
	for mode in shadow in-place; do
		n=$((n + 1))
		ini_set image mode $mode
		mark netd $n
		rx_ok refresh
		expect_equal "$(part_says usr/lib/drivers/netd)" "netd=$n proto=1 common=1"
		expect_equal "$(table_sum)" "$table"
		# Each mount moves the newest header: this one starts from another.
		rx_ok extract /etc/bystander -
		expect_equal "$(cat "$T/out")" untouched
		rx_ok status --json
		expect_jq '.[0] | .image.changed_outside == false and .stale == []'
	done
	rx_ok rollback
	expect_equal "$(part_says usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	rx_ok image check
	expect_said "at byte $((270 * 1048576))"
	expect_nothing_left
}

@test "[image] block that leads to no file system, or into the middle of one" {
	disk 64 2
	local sum block
	sum=$(image_sum)
	for block in 1 511 513 4096 99999999; do
		ini_set image block $block
		rx refresh
		expect_refused 3
		expect_err "block $block"
		expect_untouched "$sum"
	done
	ini_set image block 512
	rx_ok refresh
	expect_equal "$(part_says usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "[image] block picks the second of two file systems, which the scan would not" {
	disk 128 66
	image_make "$T/part.img" "$BATS_FILE_TMPDIR/root" 32M
	dd if="$T/part.img" of="$IMAGE" bs=1M seek=2 conv=notrunc,sparse status=none
	local first
	first=$(head -c 34M "$IMAGE" | sha256sum)
	ini_set image block $((66 * 256))
	rx_ok refresh
	expect_equal "$(part_says usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_equal "$(head -c 34M "$IMAGE" | sha256sum)" "$first"
}

@test "compact of a partition: the clone's room is asked for where it is made, the image's where that lies" {
	disk 64 2
	rx_ok refresh
	local sum
	sum=$(image_sum)
	ini_add <<<"[reinject]"$'\n'"state = $T/small"
	mkdir "$T/small"
	mounted+=("$T/small")
	mount -t tmpfs -o size=17m,mode=0700 tmpfs "$T/small"
	rx image compact
	expect_refused 3
	expect_err "no space .* on the disk of '$T/small/"
	expect_equal "$(image_sum)" "$sum"
	mount -o remount,size=100m "$T/small"
	rx_ok image compact
	expect_equal "$(part_says usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_equal "$(table_sum)" "$table"
	expect_nothing_left
}
