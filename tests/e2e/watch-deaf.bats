#!/usr/bin/env bats
# What holds a watch up, and what it hears meanwhile: another cargo that has the target folder.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
}
teardown() {
	let_go
	fixture_teardown
}

# another_cargo: the real one; once it has built netd for the first time, somebody else has its target folder until let_go, as another cargo would.
another_cargo() {
	mkdir -p "$T/bin"
	mkfifo "$T/taken" "$T/other"
	cat >"$T/bin/cargo" <<-END
		#!/bin/sh
		"$(command -v cargo)" "\$@" || exit
		case "\$*" in *build*netd*) ;; *) exit 0 ;; esac
		mkdir '$T/once' 2>/dev/null || exit 0
		setsid flock -x target/release/.cargo-lock sh -c "echo >'$T/taken'; read go <'$T/other'" >/dev/null 2>&1 </dev/null &
		read -r go <'$T/taken'
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
}

# Opening a fifo for both never blocks; it stays open until the other cargo has ended.
let_go() {
	[[ -p $T/other ]] || return 0
	exec {other}<>"$T/other"
	echo go >&"$other"
	wait_until 20 is_free
	exec {other}>&-
}

is_free() { flock -xn "$SRC/target/release/.cargo-lock" true; }

# held: the watch has built netd, and waits for the other cargo.
held() {
	rest
	another_cargo
	watch -v
	mark netd 2
	told 40 'waiting for another cargo'
}

@test "while another cargo has the target folder: the watch answers, and an edit begins the round anew" {
	held
	RX_LIMIT=10 rx_ok status --json
	expect_jq '.[0].watch.state == "building"'
	mark netd 3
	soon 10 '.event == "done" and .result == "cancelled"'
	let_go
	last_round ok netd
	netd_says 'netd=3 proto=1 common=1'
	stop_watch
}

@test "while another cargo has the target folder: a signal ends the watch, the image as it was" {
	held
	local sum
	sum=$(image_sum)
	kill -TERM "$pid_watch"
	finish watch 10
	expect_status 130
	refute is_free
	let_go
	expect_untouched "$sum"
}
