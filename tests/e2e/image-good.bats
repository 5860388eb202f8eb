#!/usr/bin/env bats
# IMAGE.good is what a boot has proved, whoever writes the image afterwards by whichever name.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	boot_machine
	mode socket
	monitor
}
teardown() {
	machine_end
	fixture_teardown
}

# vm SNAPSHOT: a QEMU with the image, stopped before its first instruction, and its monitor at $T/hmp.
vm() {
	start vm qemu-system-x86_64 -accel tcg -m 32 -nodefaults -display none -S -device virtio-blk-pci,drive=d \
		-drive "file=$IMAGE,format=raw,if=none,id=d,snapshot=$1" -monitor "unix:$T/hmp,server=on,wait=off"
	wait_until 20 socket_listens "$T/hmp" || fail "no QEMU: $(cat "$T/vm.err")"
	wait_until 20 grep -q "OFDLCK .*:$(stat -c %i "$IMAGE") 201 201" /proc/locks
}

# vm_writes: the guest's disk writes, 64 KiB of noise behind the file system's last block.
vm_writes() {
	printf 'qemu-io d "write -P 7 63M 64k"\nqemu-io d "flush"\nquit\n' | socat -t 10 - "UNIX-CONNECT:$T/hmp" >/dev/null
	wait_until 20 pid_gone "$pid_vm"
	grep -q 'wrote 65536/65536' "$T/vm.out" || fail "the machine did not write: $(cat "$T/vm.out" "$T/vm.err")"
}

@test "a machine that may write has the image while another boots it: IMAGE.good is a file of its own" {
	local sum
	rx_ok refresh
	sum=$(image_sum)
	vm off
	rx_ok boot --stop --json
	refute test "$IMAGE.good" -ef "$IMAGE"
	vm_writes
	refute test "$(image_sum)" = "$sum"
	expect_equal "$(sha256 "$IMAGE.good")" "$sum"
	rx_ok rollback --good
	expect_equal "$(sha256 "$IMAGE.good")" "$sum"
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "IMAGE.good that is the image's own file becomes another when somebody may write it" {
	rx_ok refresh
	rx_ok boot --stop --json
	test "$IMAGE.good" -ef "$IMAGE"
	vm off
	rx_ok boot --stop --json
	refute test "$IMAGE.good" -ef "$IMAGE"
	end_pid "$pid_vm"
	rx_ok boot --stop --json
	test "$IMAGE.good" -ef "$IMAGE"
}

@test "IMAGE.good that a machine has written through the image's name does not come back" {
	rx_ok refresh
	rx_ok boot --stop --json
	test "$IMAGE.good" -ef "$IMAGE"
	vm off
	vm_writes
	mark netd 2
	rx_ok refresh
	local sum
	sum=$(image_sum)
	rx rollback --good
	expect_refused 1
	expect_err 'was written since it booted'
	expect_untouched "$sum"
	# One that is proved again does.
	rx_ok boot --stop --json
	mark netd 3
	rx_ok refresh
	rx_ok rollback --good
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

@test "an image that is written while it boots is not kept as IMAGE.good" {
	local good
	rx_ok refresh
	rx_ok boot --stop --json
	guest <<<'echo early; until [[ -e $T/go ]]; do read -rt 0.05 x; done; printf "login: "; read -r x'
	export T
	ini_set boot timeout_s 120
	start boot "$REINJECT" boot --stop --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/2.log
	vm off
	vm_writes
	touch "$T/go"
	finish boot 60
	expect_equal "$(jq -r .result "$T/out")" up
	expect_err 'not kept'
	# Neither is the one from before what it was: it is the same file.
	rx rollback --good
	expect_refused 1
}

@test "with snapshot=on the machine's writes reach neither, and IMAGE.good comes back" {
	rx_ok refresh
	rx_ok boot --stop --json
	vm on
	vm_writes
	mark netd 2
	rx_ok refresh
	rx_ok rollback --good
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "a copy that parts IMAGE.good from the image is as good as the file that booted" {
	rx_ok refresh
	rx_ok boot --stop --json
	ini_set image mode in-place
	mark netd 2
	rx_ok refresh
	refute test "$IMAGE.good" -ef "$IMAGE"
	rx_ok rollback --good
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}
