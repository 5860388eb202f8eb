#!/usr/bin/env bats
# A machine that runs in the background is known by the file that was booted, not by a name that leads to another one meanwhile.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { boot_setup_file; }
setup() {
	fixture_setup
	boot_setup
	mode file
	# A QEMU by its name, which leaves its program and its program's group alone.
	cp "$(command -v bash)" "$T/qemu-system-none"
	mkfifo "$T/quiet"
	cat >"$TREE/run-dev.sh" <<-END
		#!/bin/bash
		exec 9<"\$RAW_IMG"
		setsid '$T/qemu-system-none' '$T/vm.sh' </dev/null >'$T/console' 2>&1 &
	END
	vm <<<"printf 'login: '; read -r x <>'$T/quiet'"
}
teardown() {
	machine_end
	fixture_teardown
}

# vm: what stdin has, after a word on the console and the test's leave.
vm() {
	{
		printf 'echo $$ >"%s/machine.pid"; echo early\n' "$T"
		printf 'until [[ -e %s/go ]]; do read -rt 0.02 x <>"%s/quiet"; done\n' "$T" "$T"
		cat
	} >"$T/vm.sh"
}

early() {
	start boot "$REINJECT" boot --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/1.log || fail "it never began: $(cat "$T/boot.err")"
}


@test "an image that is replaced while it boots: its machine has not ended" {
	early
	image_copy "$IMAGE" "$IMAGE.new"
	mv "$IMAGE.new" "$IMAGE"
	pause 0.2
	refute pid_gone "$pid_boot"
	touch "$T/go"
	finish boot 20
	expect_equal "$(jq -r .result "$T/out")" up
}

@test "an image that is replaced while it boots: another machine, that has the new one, is not this one" {
	vm <<<'echo bye'
	early
	image_copy "$IMAGE" "$IMAGE.new"
	start other bash -c "exec 9<'$IMAGE.new'; exec '$T/qemu-system-none' -c 'echo up; read -r x <>$T/quiet'"
	wait_until 10 grep -q up "$T/other.out"
	mv "$IMAGE.new" "$IMAGE"
	touch "$T/go"
	finish boot 30
	expect_equal "$(jq -r .result "$T/out")" failed
	expect_jq '.[0].error | contains("ended")'
}
