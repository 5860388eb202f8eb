#!/usr/bin/env bats
# Boots that follow a watch: after each round that changed the image, or by the key b. The machine is a shell script (lib/boot).

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/tty
load ../lib/boot

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
	boot_machine
}
teardown() {
	if declare -F tty_close >/dev/null; then tty_close; fi
	machine_end
	fixture_teardown
}

n_started() {
	grep -c . "$T/starts" 2>/dev/null || true
}

# Each machine leaves a line, and waits for the gate when there is one.
noting_guest() {
	guest <<-'END'
		answer() { :; }
		echo started >>"$T/starts"
		echo early
		until [[ ! -e $T/hold ]]; do read -rt 0.05 x; done
		printf 'login: '
		serve
	END
}

@test "after-inject: a boot follows each round that changed the image, and no other" {
	mode socket
	monitor
	ini_set boot when after-inject
	noting_guest
	rest
	watch
	mark netd 2
	expect_round ok netd
	soon 20 '.event == "boot" and .result == "up"'
	said '.event == "boot" and .run == 2' || watch_fail "not the run that made the image"
	# A comment is built, and nothing is put: strip leaves the same program.
	printf '// a comment\n' >>"$SRC/drivers/inputd/src/main.rs"
	any_round inputd
	expect_equal "$(n_started)" 1
	mark netd 3
	expect_round ok netd
	soon 20 '.event == "boot"' 2
	expect_equal "$(n_started)" 2
	refute said '.event == "boot" and .result != "up"'
	stop_watch
}

# What runs on a socket goes on without the watch.
stop_watch_only() {
	kill -INT "$pid_watch"
	finish watch 20
	expect_status 130
}

@test "a boot holds no round up, and a newer image is not kept waiting for it" {
	mode tmux
	ini_set boot when after-inject
	# Two builds pass while the machine is held.
	ini_set boot timeout_s 120
	noting_guest
	rest
	touch "$T/hold"
	watch
	mark netd 2
	expect_round ok netd
	wait_until 30 test -s "$T/starts" || watch_fail "nothing was booted"
	mark netd 3
	expect_round ok netd
	wait_until 20 two_started || watch_fail "the second image was not booted"
	refute said '.event == "boot"'
	rm "$T/hold"
	soon 20 '.event == "boot" and .result == "up" and .run == 3'
	# In tmux it ends with the watch.
	stop_watch
	expect_machine_ended
}

two_started() {
	(($(n_started) >= 2))
}

@test "a boot that fails is said, and the watch goes on" {
	mode pty
	ini_set boot when after-inject
	guest <<<'echo "panicked at netd"; read -r x'
	rest
	watch
	mark netd 2
	expect_round ok netd
	soon 20 '.event == "boot" and .result == "failed" and (.line | contains("panicked"))'
	told 20 'panicked at netd'
	guest_plain
	mark netd 3
	expect_round ok netd
	soon 20 '.event == "boot" and .result == "up"'
	stop_watch
}

@test "a machine that somebody else has started is left alone, and that is said" {
	mode socket
	monitor
	ini_set boot when after-inject
	rest
	socat "UNIX-LISTEN:$T/run/redox.sock,fork" EXEC:'sleep 60' 3>&- &
	started+=("$!")
	wait_until 20 socket_listens "$T/run/redox.sock"
	watch
	mark netd 2
	expect_round ok netd
	told 30 'did not start'
	refute test -e "$T/monitor.log"
	stop_watch_only
}

@test "the key b boots the image as it is, and again" {
	mode tmux
	rest
	tty_open
	tty_watch
	type_keys b
	soon 20 '.event == "boot" and .result == "up" and .run == 1'
	# Somebody may be at work in it: another configuration, and yet another, is none of its business.
	local pid_up
	pid_up=$(cat "$T/machine.pid")
	ini_add <<<$'[watch]\nquiet_ms = 30'
	shown 20 'read again'
	ini_set watch quiet_ms 40
	read_twice() { (($(grep -ac 'read again' "$T/tty.log") >= 2)); }
	wait_until 20 read_twice || fail "not read a second time"
	refute pid_gone "$pid_up"
	expect_equal "$(events_json | jq -c 'select(.event == "boot")' | wc -l)" 1
	# The machine that is followed makes room.
	type_keys b
	soon 20 '.event == "boot" and .result == "up"' 2
	type_keys q
	tty_ended 0
	expect_machine_ended
}
