#!/usr/bin/env bats
# A watch at its edges: what is asked for makes it look, also where no event has come; who asks while it is paused; who is in its way.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/tty
load ../lib/boot

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
}
teardown() {
	tty_close
	machine_end
	fixture_teardown
}

# Polling each ten minutes: within a test, nothing but what is asked for makes it look.
deaf() {
	ini_add <<<$'[watch]\nbackend = poll\npoll_ms = 600000'
	rest
	watch
	rx_ok watch --wait
}

@test "watch --wait looks first: what was saved is in the image, though no event has told of it" {
	deaf
	mark netd 2
	rx_ok watch --wait
	netd_says 'netd=2 proto=1 common=1'
	stop_watch
}

@test "watch --resume looks: what was saved while it was paused is built, though no event has told of it" {
	deaf
	rx_ok watch --pause
	mark netd 2
	rx_ok watch --resume
	expect_round ok netd
	netd_says 'netd=2 proto=1 common=1'
	stop_watch
}

@test "key r while it is paused: one round, and then it is paused as before" {
	rest
	tty_open
	tty_watch
	expect_quiet
	type_keys p
	shown 10 '[Pp]aused'
	mark netd 2
	type_keys r
	expect_round ok netd
	mark inputd 2
	if wait_until 1 a_round; then fail "a round while paused: $(rounds)"; fi
	rx_ok status --json
	expect_jq '.[0].watch.state == "paused"'
	type_keys p
	expect_round ok inputd
	type_keys q
	tty_ended 0
}

@test "watch --wait after a round that the machine has failed: 1, until it is in the image" {
	rest
	mkdir "$T/bin"
	cat >"$T/bin/cargo" <<-END
		#!/bin/sh
		[ "\$1" != build ] || [ -e '$T/well' ] || kill -KILL \$\$
		exec '$(command -v cargo)' "\$@"
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH watch
	mark netd 2
	expect_round failed netd
	rx watch --wait
	expect_status 1
	expect_err 'not all that is stale'
	# It is tried once, and by the next who asks.
	expect_equal "$(built_by_watch | grep -c netd)" 1
	touch "$T/well"
	rx_ok refresh
	rx_ok watch --wait
	netd_says 'netd=2 proto=1 common=1'
	stop_watch
}

@test "the socket deleted below it: it is there again after the next look" {
	rest
	watch
	rm "$TREE/.reinject/watch.sock"
	mark netd 2
	expect_round ok netd
	test -S "$TREE/.reinject/watch.sock"
	rx_ok status --json
	expect_jq '.[0].watch.pid == $pid' --argjson pid "$pid_watch"
	stop_watch
}

@test "a build that is asked of it begins anew when its package changes, and its asker hears the end of the second" {
	slow_package
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	rest
	rm -f "$T/slow.pid"
	watch
	start asker "$REINJECT" build slow
	slow_begun
	slow_again
	echo go >&"$gate"
	finish asker 30
	expect_status 0
	exec {gate}>&-
	expect_stale
	stop_watch
}

@test "a machine that a boot has left running is asked to make room for the next one" {
	boot_machine
	mode file
	monitor
	ini_set boot when after-inject
	mkfifo "$T/never.guest"
	guest <<<'echo started >>"$T/starts"; printf "login: "; while :; do read -rt 5 x <>"$T/never.guest"; done'
	rest
	watch
	mark netd 2
	expect_round ok netd
	soon 20 '.event == "boot" and .result == "up"'
	expect_machine_runs
	mark netd 3
	expect_round ok netd
	soon 20 '.event == "boot" and .result == "up"' 2
	expect_equal "$(wc -l <"$T/starts")" 2
	kill -INT "$pid_watch"
	finish watch 20
	expect_status 130
}

@test "a socket in its place whose owner takes no calls: busy, and soon" {
	rest
	cat >"$T/deaf.py" <<-'END'
		import socket, sys
		listener = socket.socket(socket.AF_UNIX)
		listener.bind(sys.argv[1])
		listener.listen(0)
		callers = []
		while True:
		    caller = socket.socket(socket.AF_UNIX)
		    caller.setblocking(False)
		    callers.append(caller)
		    try:
		        caller.connect(sys.argv[1])
		    except BlockingIOError:
		        break
		open(sys.argv[2], "w").close()
		sys.stdin.read()
	END
	mkfifo "$T/ends"
	start deaf sh -c 'exec python3 "$0" "$1" "$2" <"$3"' "$T/deaf.py" "$TREE/.reinject/watch.sock" "$T/deaf" "$T/ends"
	exec {ends}>"$T/ends"
	wait_until 10 test -e "$T/deaf" || skip 'no python3 here'
	RX_LIMIT=30 rx watch
	expect_refused 75
	expect_err 'another watch'
	exec {ends}>&-
	finish deaf 10
}
