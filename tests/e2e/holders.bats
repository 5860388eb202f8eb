#!/usr/bin/env bats
# Who holds an image: real virtual machines, loop devices, programs, in each mode. Each is named, and who may stay stays.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() {
	local d
	for d in ${loops-}; do losetup -d "$d" 2>/dev/null || true; done
	fixture_teardown
}

# machine NAME ON|OFF: a QEMU with the image, stopped before its first instruction; no guest is needed for its locks. Leaves pid_NAME; fails when it ended.
machine() {
	start "$1" qemu-system-x86_64 -accel tcg -m 32 -nodefaults -display none -S -device virtio-blk-pci,drive=d \
		-drive "file=$IMAGE,format=raw,if=none,id=d,snapshot=$2"
	wait_until 20 machine_up_or_gone
	refute pid_gone "$pid" 2>/dev/null
}

# Its locks on byte 100 and up, as the kernel lists them.
machine_up_or_gone() {
	grep -q "OFDLCK .*:$(stat -c %i "$IMAGE") 201 201" /proc/locks || pid_gone "$pid"
}

mode() {
	ini_set image mode "$1"
	[[ $1 != live ]] || ini_set image mount_point "$T/mnt"
}

# loop ARGS: a loop device over the image. Leaves `loop`.
loop() {
	loop=$(losetup -f --show "$@" "$IMAGE" 2>"$T/losetup.err") || skip "no loop devices here: $(cat "$T/losetup.err")"
	loops="${loops-} $loop"
}

# unloop: it goes with its last user, who may be udev.
unloop() {
	losetup -d "$loop"
	wait_until 20 no_loop || fail "$loop stays"
}

no_loop() {
	[[ -z $(losetup -j "$IMAGE") ]]
}

@test "a QEMU that may write is named and refused in every mode" {
	local m sum
	machine vm off
	sum=$(image_sum)
	for m in shadow in-place live; do
		mode $m
		rx refresh
		expect_refused 75
		expect_err "qemu-system-x86_64 \(process $pid_vm\) runs a VM from it"
		expect_untouched_but_vm "$sum"
	done
}

expect_untouched_but_vm() {
	expect_equal "$(image_sum)" "$1"
	refute test -e "$IMAGE.mnt"
	refute pid_gone "$pid_vm"
}

@test "a QEMU with snapshot=on stays in shadow mode, with the advice to restart it" {
	rx_ok refresh
	machine vm on
	mark netd 2
	rx_ok refresh
	expect_said "qemu-system-x86_64 \(process $pid_vm\) goes on with the image as it was: restart it to see the change"
	refute pid_gone "$pid_vm"
	rx_ok status --json
	expect_jq ".[0].image.machines == [{pid: $pid_vm, program: \"qemu-system-x86_64\", run: 1, differs: [\"netd\"]}]"
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

@test "a QEMU with snapshot=on is refused where its guest would meet errors" {
	local m sum
	machine vm on
	sum=$(image_sum)
	for m in in-place live; do
		mode $m
		rx refresh
		expect_refused 75
		expect_err "qemu-system-x86_64 \(process $pid_vm\) runs a VM from it"
		expect_err 'snapshot=on too|mode = shadow'
		expect_untouched_but_vm "$sum"
	done
	end_pid "$pid_vm"
	wait_until 5 pid_gone "$pid_vm"
	mode in-place
	rx_ok refresh
}

@test "while an image is written in place no QEMU gets it" {
	mode in-place
	mkfifo "$T/gate"
	printf '#!/bin/sh\necho x >>"%s/tool.up"\nread -r go <"%s/gate"\nexec redoxfs "$@"\n' "$T" "$T" >"$T/tool.sh"
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
	start run "$REINJECT" extract /etc/bystander "$T/bystander"
	wait_until 20 test -s "$T/tool.up"
	local how
	for how in on off; do
		start "vm$how" qemu-system-x86_64 -accel tcg -m 32 -nodefaults -display none -S -device virtio-blk-pci,drive=d \
			-drive "file=$IMAGE,format=raw,if=none,id=d,snapshot=$how"
		wait_until 20 pid_gone "$pid" || fail "a QEMU with snapshot=$how got the image"
		grep -Eq 'Failed to get .*lock' "$T/vm$how.err" || fail "QEMU says: $(cat "$T/vm$how.err")"
	done
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	finish run 30
	exec {gate}>&-
	expect_status 0
	expect_equal "$(cat "$T/bystander")" untouched
	# And afterwards it does.
	machine vm on
}

@test "a loop device over the image is a holder, read-only or not" {
	local sum m
	sum=$(image_sum)
	loop
	for m in shadow in-place live; do
		mode $m
		rx refresh
		expect_refused 75
		expect_err "loop device $loop"
		expect_err 'losetup -d'
	done
	unloop
	mode shadow
	expect_untouched "$sum"
	loop --read-only
	rx_ok status --json
	expect_jq ".[0].image.holders | any(.program == \"loop device $loop\" and (.may_write | not))"
	rx_ok refresh
}

@test "a loop device over a part of the image is a holder" {
	local sum
	sum=$(image_sum)
	loop --offset 1048576 --sizelimit 4194304
	rx refresh
	expect_refused 75
	expect_err "loop device $loop"
	unloop
	expect_untouched "$sum"
	rx_ok refresh
}

@test "who may write the image beside its mount is refused in live mode, who reads it is not" {
	mode live
	mount_image "$IMAGE" "$T/mnt"
	local served=$pid
	start reader tail -f -c 1 "$IMAGE"
	wait_until 10 test -s "$T/reader.out"
	rx_ok refresh
	end_pid "$pid_reader"
	start writer perl -e 'open(my $f, "+<", shift) or die; $| = 1; print "up\n"; sleep 1000' "$IMAGE"
	wait_until 10 test -s "$T/writer.out"
	mark netd 2
	rx refresh
	expect_refused 75
	expect_err "perl \(process $pid_writer\) has it open for writing"
	end_pid "$pid_writer"
	rx_ok refresh
	expect_equal "$("$T/mnt/usr/lib/drivers/netd")" 'netd=2 proto=1 common=1'
	unmount_image "$T/mnt" "$served"
}

@test "who may write the image is refused in in-place mode, who reads it is not" {
	mode in-place
	start reader tail -f -c 1 "$IMAGE"
	wait_until 10 test -s "$T/reader.out"
	rx_ok refresh
	mount_image "$IMAGE" "$T/other"
	local p=$pid
	mark netd 2
	rx refresh
	expect_refused 75
	expect_err "redoxfs \(process $p\) has it mounted at '$T/other'"
	unmount_image "$T/other" "$p"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}
