#!/usr/bin/env bats
# Somebody makes a mount namespace while an image is mounted (a container, a sandbox, `unshare -m`), and has the mount there, too: an unmount here does
# not reach it, and the daemon would serve it on for as long as that namespace lives.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	((EUID == 0)) || skip 'needs root'
	mkfifo "$T/lives"
	slow_package
}

teardown() { fixture_teardown; }

a_mount() {
	[[ -n $(tree_mounts) ]]
}

# elsewhere ARGS: a process in a namespace of its own, made now, when there is a mount.
elsewhere() {
	wait_until 20 a_mount || fail 'nothing is mounted'
	unshare "$@" sh -c 'echo in >"$0.in"; read -r x <"$0"' "$T/lives" 3>&- &
	holder=$!
	started+=("$holder")
	wait_until 20 test -e "$T/lives.in" || skip 'no such namespaces here'
	grep -qF "$T/" "/proc/$holder/mountinfo" || fail 'the mount is not there'
}

# expect_well: the run ends soon, the namespace lives, and nothing is left.
expect_well() {
	slow_release
	finish run 30
	expect_status 0
	refute pid_gone "$holder"
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	wait_until 20 refute daemon_runs 2>/dev/null || fail 'a daemon goes on'
}

@test "a refresh ends as ever, in a shadow" {
	start run "$REINJECT" refresh
	slow_begun
	elsewhere -m
	expect_well
}

@test "a refresh ends as ever, where the namespace is an ordinary user's" {
	start run "$REINJECT" refresh
	slow_begun
	elsewhere -Urm
	expect_well
}

@test "what a killed run left mounted is put right at once" {
	start run "$REINJECT" refresh
	slow_recorded
	elsewhere -m
	kill -KILL "$pid_run"
	finish run 10
	RX_LIMIT=30 rx_ok build multi
	expect_err 'which a run that ended had left'
	refute pid_gone "$holder"
	wait_until 20 refute daemon_runs 2>/dev/null || fail 'a daemon goes on'
}
