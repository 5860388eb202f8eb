#!/usr/bin/env bats
# A real virtual machine on a real image: QEMU (emulating, so that it needs no /dev/kvm) boots Linux, mounts the RedoxFS image that reinject has made, and
# runs the driver that was put there. lib/run-dev.sh starts it as the users' own script does.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot

setup_file() {
	fixture_setup_file
	"$REPO/tools/vm.sh" >"$BATS_FILE_TMPDIR/vm.log" 2>&1 || { cat "$BATS_FILE_TMPDIR/vm.log" >&2; return 1; }
}

setup() {
	fixture_setup
	export VM=$REPO/build/tools/vm SOCKET_DIR=$T/run TMUX_TMPDIR=$T/run
	unset TMUX
	cp "$REPO/tests/lib/run-dev.sh" "$TREE/"
	ini_add <<-END
		[boot]
		command = ./run-dev.sh
		ready = redox login:
		failure = panicked at|INCORRECT HASH|Kernel panic
		timeout_s = 60
		timeout_scale = 2
		record = boot took ([0-9.]+)

		[check login]
		send = root
		expect = root:.*#

		[check version]
		send = netd
		expect = netd=[0-9]+
	END
}

teardown() {
	local p
	# Only those that have an image of this test open.
	for p in $(tree_pids); do
		[[ $(cat "/proc/$p/comm" 2>/dev/null) != qemu-system* ]] || end_pid "$p"
	done
	tmux kill-server 2>/dev/null || true
	fixture_teardown
}

version() {
	jq -r 'select(.event == "boot") | .checks[] | select(.name == "version") | .line' "$T/out" | grep -oE 'netd=[0-9]+'
}

@test "an edit to a driver, refresh, boot: the guest runs the new binary; its machine is known, and asked to end" {
	local before
	mode socket
	monitor
	mark netd 7
	rx_ok refresh
	before=$(image_sum)
	rx boot --wait --json
	expect_status 0
	expect_jq '.[0] | .result == "up" and .running and .numbers["boot took"] > 0'
	expect_equal "$(version)" netd=7
	test "$IMAGE.good" -ef "$IMAGE" || fail "the image that booted is not the good one"
	# snapshot=on: the guest has mounted and written, the image is as it was.
	expect_equal "$(image_sum)" "$before"
	# The next run replaces the image under the machine.
	mark netd 8
	rx_ok refresh
	rx_ok status
	expect_said 'runs run 1, the image is at 2: netd differs'
	refute test "$IMAGE.good" -ef "$IMAGE"
	# It is in the way of the next boot, and is left alone there.
	rx boot
	expect_refused 75
	printf 'quit\n' | socat - "UNIX-CONNECT:$T/run/redox-mon.sock" >/dev/null
	wait_until 30 no_machine
}

no_machine() {
	[[ -z $(machines) ]]
}

# From cargo's exit to the guest's answer, and its end.
took() {
	jq -s 'map(select(.event == "done"))[0].t_ms - map(select(.event == "build"))[0].t_ms' "$T/out"
}

@test "on a terminal: up, its version, and ended by QEMU's own escape" {
	mark netd 9
	rx_ok refresh
	rx boot --wait --json
	expect_status 0
	expect_jq '.[0] | .result == "up" and .running == false'
	expect_equal "$(version)" netd=9
	expect_nothing_left
}

@test "a watch with after-inject: each edit runs in a guest of its own, which the next one replaces" {
	mode socket
	monitor
	watch_setup
	ini_set boot when after-inject
	rest
	watch
	mark netd 5
	expect_round ok netd
	soon 60 '.event == "boot" and .result == "up"'
	booted 5
	mark netd 6
	expect_round ok netd
	soon 60 '.event == "boot" and .result == "up"' 2
	booted 6
	# One machine, which goes on without the watch.
	expect_equal "$(machines | wc -l)" 1
	kill -INT "$pid_watch"
	finish watch 20
	expect_equal "$(machines | wc -l)" 1
	printf 'quit\n' | socat - "UNIX-CONNECT:$T/run/redox-mon.sock" >/dev/null
	wait_until 30 no_machine
}

machines() {
	local p
	for p in $(tree_pids); do
		[[ $(cat "/proc/$p/comm" 2>/dev/null) != qemu-system* ]] || echo "$p"
	done
}

booted() {
	said '.event == "boot" and (.checks | any(.name == "version" and (.line | contains("netd='"$1"'"))))' || watch_fail "netd=$1 was not run"
}

@test "over the share: a change runs in the guest that goes on, without a swap and without a boot" {
	local sum n
	mode socket
	monitor
	mkdir "$TREE/share"
	ini_set 'package netd' dest share:/netd
	ini_set 'check version' send /share/netd
	ini_add <<-'END'
		[share]
		path = share
		after_put = /share/netd
	END
	rx_ok refresh
	rx boot --wait --json
	expect_status 0
	expect_equal "$(version)" netd=1
	sum=$(image_sum)
	mark netd 12
	rx refresh --json
	expect_status 0
	expect_err 'guest: netd=12 proto=1 common=1'
	expect_jq 'map(select(.event == "swap")) == [] and (map(select(.event == "done"))[0].result == "ok")'
	expect_equal "$(events put '.path + " " + .result')" "share:/netd written"
	expect_equal "$(image_sum)" "$sum"
	expect_equal "$(machines | wc -l)" 1
	# Strip, the share, the line, the answer, and the wait for its end: within a second of cargo's exit, in the median of three.
	took >"$T/took"
	for n in 13 14; do
		mark netd "$n"
		rx refresh --json
		expect_status 0
		expect_err "guest: netd=$n proto=1 common=1"
		took >>"$T/took"
	done
	echo "# cargo's exit to the guest's answer: $(sort -n "$T/took" | paste -sd' ') ms" >&3
	(($(sort -n "$T/took" | sed -n 2p) < 1000)) || fail "it took $(paste -sd' ' "$T/took") ms"
	expect_stale
	printf 'quit\n' | socat - "UNIX-CONNECT:$T/run/redox-mon.sock" >/dev/null
	wait_until 30 no_machine
}
