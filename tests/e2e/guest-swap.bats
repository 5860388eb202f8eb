#!/usr/bin/env bats
# A real guest of QEMU runs from the image (snapshot=on) while refreshes swap it: it reads what it began with, without an error; restarted, it has the new.
# The guest is made by tools/vm.sh (docs/facts/boot-vm.md); where that is missing, this is skipped.

load ../lib/assert
load ../lib/fixture

vm=$REPO/build/tools/vm

setup_file() {
	fixture_setup_file
	if [[ -x $REPO/tools/vm.sh ]]; then "$REPO/tools/vm.sh" >"$BATS_FILE_TMPDIR/vm.log" 2>&1 || true; fi
}

setup() {
	fixture_setup
	[[ -s $vm/vmlinuz && -s $vm/initrd ]] || skip "no guest to boot: tools/vm.sh makes it"
}

teardown() { fixture_teardown; }

# boot NAME: starts the guest; its console is $T/NAME.out, and `tell` writes to it.
boot() {
	mkfifo "$T/$1.in"
	exec {console}<>"$T/$1.in"
	guest=$1
	(cd "$TREE" && exec qemu-system-x86_64 -accel tcg -m 256 -kernel "$vm/vmlinuz" -initrd "$vm/initrd" -append 'console=ttyS0 quiet panic=-1' \
		-drive "file=$IMAGE,format=raw,if=virtio,snapshot=on" -display none -monitor none -serial stdio -no-reboot) \
		>"$T/$1.out" 2>"$T/$1.err" <"$T/$1.in" 3>&- &
	pid=$!
	started+=("$pid")
	vm_pid=$pid
	wait_until 90 said 'redox login:'
	tell root
}

said() {
	pid_gone "$vm_pid" || grep -aq -- "$1" "$T/$guest.out"
}

tell() {
	printf '%s\n' "$1" >&"$console"
}

# ask NUMBER: what the guest reads in its image, all of it, past its own memory: one hash. Printed.
ask() {
	# The words come back as an echo, too; what is computed does not.
	tell "echo 3 >/proc/sys/vm/drop_caches; cat usr/lib/drivers/* usr/bin/* etc/* >/tmp.all && echo \"sum $1 \$((40+2)) \$(sha256sum </tmp.all)\" || echo \"bad $1 \$((40+2))\""
	# The line comes one byte after the other.
	wait_until 60 said "\(sum $1 42 [0-9a-f]\{64\}\|bad $1 42\)" || fail "the guest does not answer: $(tail -n 5 "$T/$guest.out")"
	grep -ao "sum $1 42 [0-9a-f]*" "$T/$guest.out" | cut -d' ' -f4
}

on_host() {
	in_image sh -c 'cat usr/lib/drivers/* usr/bin/* etc/*' | sha256sum | cut -d' ' -f1
}

shut_down() {
	tell 'poweroff -f'
	wait_until 30 pid_gone "$vm_pid" || end_pid "$vm_pid"
	exec {console}>&-
}

@test "ten refreshes under a running guest: it reads its old files, restarted it has the new ones" {
	rx_ok refresh
	local before after n
	before=$(on_host)
	boot vm
	expect_equal "$(ask 0)" "$before"
	for n in 2 3 4 5 6 7 8 9 10 11; do
		mark netd "$n"
		rx_ok refresh
		# Afterwards it has no image that is to be replaced any more; `status` tells.
		((n > 2)) || expect_said "qemu-system-x86_64 \(process $vm_pid\) goes on with the image as it was"
		expect_equal "$(ask "$n")" "$before"
	done
	refute grep -aE 'Input/output error|INCORRECT HASH|I/O error' "$T/vm.out"
	rx_ok status --json
	expect_jq ".[0].image.machines == [{pid: $vm_pid, program: \"qemu-system-x86_64\", run: 1, differs: [\"netd\"]}]"
	after=$(on_host)
	[[ $after != "$before" ]] || fail "nothing was swapped"
	shut_down
	boot again
	expect_equal "$(ask 1)" "$after"
	tell 'echo "says $((40+2)) $(usr/lib/drivers/netd)"'
	wait_until 30 said 'says 42 netd=11 proto=1 common=1' || fail "the guest has: $(tail -n 3 "$T/again.out")"
	shut_down
}
