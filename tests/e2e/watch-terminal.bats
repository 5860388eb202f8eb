#!/usr/bin/env bats
# How a watch is talked to and ended: signals at rest and during a build, a terminal and its keys, plain lines without one.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/tty

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() {
	tty_close
	fixture_teardown
}

# ---- signals

expect_clean_end() {
	finish watch 20
	expect_status 130
	expect_nothing_left
	# The temporary files of a run, and of the image beside it.
	expect_equal "$(find "$T/tmp" -mindepth 1 ! -name ini ! -name beacon ! -name cc)" ""
	expect_equal "$(find "$TREE" -maxdepth 1 -name 'disk.img?*' ! -name disk.img.prev ! -name disk.img.lock ! -name disk.img.shadow)" ""
}

for_each_signal() {
	local signal
	for signal in INT TERM HUP; do "$@" "$signal"; done
}

end_at_rest() {
	watch
	expect_quiet
	kill "-$1" "$pid_watch"
	expect_clean_end
	refute test -e "$IMAGE.shadow"
}

@test "SIGINT, SIGTERM and SIGHUP at rest: 130, and nothing is left" {
	rest
	for_each_signal end_at_rest
	expect_stale
}

end_in_build() {
	local sum
	rm -f "$T/slow.pid"
	sum=$(image_sum)
	watch
	printf '%s\n' "$1" >"$SRC/custom/input"
	slow_begun
	kill "-$1" "$pid_watch"
	expect_clean_end
	pid_gone "$(<"$T/slow.pid")" || fail "the build goes on after SIG$1"
	expect_untouched "$sum"
}

@test "SIGINT, SIGTERM and SIGHUP during a build: 130, no child, no mount, the image as it was" {
	slow_package
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	rest
	for_each_signal end_in_build
	exec {gate}>&-
	# What was interrupted is stale, and nothing of it is called running.
	expect_stale slow
	rx_ok status --json
	expect_jq '.[0].running == null'
	rx_ok image check
}

@test "a signal while the image is put: the old or the new one, whole" {
	rest
	watch
	local sum
	sum=$(image_sum)
	mark netd 2
	wait_until 40 said '.event == "build"' || watch_fail "nothing was built"
	kill -TERM "$pid_watch"
	expect_clean_end
	local says
	says=$(image_says /usr/lib/drivers/netd)
	[[ $says == "netd=1 proto=1 common=1" || $says == "netd=2 proto=1 common=1" ]] || fail "neither: $says"
	rx_ok image check
	rx_ok refresh
	netd_says "netd=2 proto=1 common=1"
}

@test "stopped and continued by SIGSTOP: what was saved meanwhile is seen" {
	rest
	watch
	expect_quiet
	kill -STOP "$pid_watch"
	mark netd 2
	mark inputd 2
	kill -CONT "$pid_watch"
	reach inputd netd
	expect_quiet
	stop_watch
}

# ---- without a terminal

@test "without --json: plain lines on stderr, nothing on stdout" {
	ini_add <<<$'[watch]\nnotify = bell'
	rest
	start watch "$REINJECT" watch
	told 20 'watching'
	mark netd 2
	told 30 'swap'
	told 10 'run [0-9]+: 1 file written'
	kill -INT "$pid_watch"
	finish watch 20
	expect_status 130
	expect_equal "$(cat "$T/watch.out")" ""
	# No colours, no carriage returns, no bell: a log is made of lines.
	if LC_ALL=C grep -q "$(printf '[\033\r\007]')" "$T/watch.err"; then fail "control characters: $(cat -v "$T/watch.err")"; fi
}

@test "with --json and no terminal: stdout is JSON alone" {
	rest
	watch
	mark netd 2
	expect_round ok netd
	break_source netd
	expect_round failed netd
	stop_watch
	expect_json
}

@test "the reader of its output goes away: it ends, and leaves nothing" {
	rest
	mkfifo "$T/pipe"
	# Opened after its start, so that it does not inherit the reading end.
	start watch sh -c 'exec "$1" watch --json >"$2"' sh "$REINJECT" "$T/pipe"
	exec {reader}<"$T/pipe"
	read -rt 20 line <&"$reader" || fail "no ready"
	[[ $line == *ready* ]] || fail "not ready: $line"
	exec {reader}<&-
	mark netd 2
	finish watch 30
	[[ $status != 0 ]] || fail "it ended with 0"
	expect_nothing_left
}

# ---- with a terminal

@test "keys: r refreshes and tries again what failed, q quits; the terminal is as before" {
	rest
	tty_open
	tty_watch
	break_source netd
	expect_round failed netd
	type_keys r
	expect_round failed netd
	type_keys q
	tty_ended 0
	expect_nothing_left_but_tty
}

@test "key p pauses: nothing is built until p again, and then all that was saved" {
	rest
	tty_open
	tty_watch
	expect_quiet
	type_keys p
	shown 10 '[Pp]aused'
	mark netd 2
	mark inputd 2
	if wait_until 2 a_round; then fail "a round while paused: $(rounds)"; fi
	type_keys p
	expect_round ok inputd netd
	expect_quiet
	type_keys q
	tty_ended 0
}

@test "key l shows the compiler's last words" {
	rest
	tty_open
	tty_watch
	printf 'fn main() {\n    let rx_unused_name = 1;\n    missing_function();\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	last_round failed netd
	mark inputd 2
	expect_round ok inputd
	local before
	before=$(LC_ALL=C grep -ac missing_function "$T/tty.log")
	type_keys l
	more() { (($(LC_ALL=C grep -ac missing_function "$T/tty.log") > before)); }
	wait_until 10 more || fail "l does not show the error again"
	type_keys q
	tty_ended 0
}

@test "Ctrl-C ends it with 130, at rest and during a build; the terminal is as before" {
	slow_package
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	rest
	rm -f "$T/slow.pid"
	tty_open
	tty_watch
	type_keys $'\003'
	tty_ended 130
	rm -f "$T/after" "$T/ended" "$WATCH_OUT"
	tty_watch
	printf '2\n' >"$SRC/custom/input"
	slow_begun
	type_keys $'\003'
	tty_ended 130
	pid_gone "$(<"$T/slow.pid")" || fail "the build goes on"
	exec {gate}>&-
	expect_nothing_left_but_tty
}

@test "Ctrl-Z stops it with the terminal as it was; fg looks again" {
	rest
	tty_open
	tty_watch
	expect_quiet
	type_keys $'\032'
	shown 10 'Stopped'
	type_line 'stty -a >$T/stopped'
	wait_until 10 test -s "$T/stopped"
	expect_equal "$(cat "$T/stopped")" "$(cat "$T/before")"
	mark netd 2
	if wait_until 1 a_round; then fail "a round while stopped"; fi
	rm -f "$T/after"
	type_line 'fg; stty -a >$T/after'
	expect_round ok netd
	# Its keys work as before.
	type_keys q
	wait_until 20 test -s "$T/after" || fail "q does not end it after fg"
	expect_equal "$(cat "$T/after")" "$(cat "$T/before")"
}

@test "a live line is shown while it builds" {
	slow_package
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	rest
	rm -f "$T/slow.pid"
	tty_open
	tty_watch
	printf '2\n' >"$SRC/custom/input"
	slow_begun
	# A line that is written over: a carriage return, or an erasing sequence, in it the package.
	shown 10 $'\r\033\\[K.*slow'
	echo go >&"$gate"
	last_round nothing slow
	type_keys q
	tty_ended 0
	exec {gate}>&-
}

# bells: how many the terminal got. The shell's own would count, so nothing is typed wrong.
bells() { LC_ALL=C tr -cd '\007' <"$T/tty.log" | wc -c; }

@test "notify = bell: one at the end of a round" {
	ini_add <<<$'[watch]\nnotify = bell'
	rest
	tty_open
	local before
	tty_watch
	before=$(bells)
	mark netd 2
	expect_round ok netd
	rings() { (($(bells) == before + $1)); }
	wait_until 20 rings 1 || fail "no bell"
	break_source netd
	expect_round failed netd
	wait_until 20 rings 2 || fail "no bell for a failure"
	type_keys q
	tty_ended 0
}

@test "without notify there is no bell" {
	rest
	tty_open
	tty_watch
	local before
	before=$(bells)
	mark netd 2
	expect_round ok netd
	type_keys q
	tty_ended 0
	expect_equal "$(bells)" "$before"
}

@test "the terminal goes away: it ends, and leaves nothing" {
	rest
	tty_open
	tty_watch
	local watcher
	watcher=$(pgrep -f -- "$REINJECT watch" | while read -r p; do [[ $(readlink "/proc/$p/cwd") != "$TREE" ]] || echo "$p"; done)
	[[ -n $watcher ]] || fail "no watch is found"
	kill -KILL "$pid_tty"
	wait_until 20 pid_gone "$watcher" || fail "it goes on without a terminal"
	pid_tty=
	exec {keys}>&-
	expect_nothing_left
}
