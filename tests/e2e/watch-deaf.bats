#!/usr/bin/env bats
# What holds a watch up, and what it hears meanwhile: another cargo that has the target folder; a cargo that does not answer, which holds others up as
# well; the image's own part of a round.

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
	RX_LIMIT=30 rx_ok status --json
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

# ---- a cargo that does not say what the workspace is: somebody holds the lock of its package cache

# mute_cargo: the real one, whose `metadata`, while $T/mute is there, says "here" by a file and waits for that fifo, which nobody writes to.
mute_cargo() {
	mkdir -p "$T/bin"
	mkfifo "$T/mute"
	cat >"$T/bin/cargo" <<-END
		#!/bin/sh
		case "\$*" in *metadata*) if [ -p '$T/mute' ]; then echo \$\$ >>'$T/asked'; read -r go <>'$T/mute'; fi ;; esac
		exec "$(command -v cargo)" "\$@"
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
	# What cargo said of these manifests does not count any more.
	printf '\n# another one\n' >>"$SRC/Cargo.toml"
}

asked() { wait_until 20 test -s "$T/asked" || fail "cargo was not asked"; }

# ends_at_once NAME SIGNAL: it waits for cargo, is told to end, and does, as does the cargo.
ends_at_once() {
	local pid=pid_$1
	asked
	kill "-$2" "${!pid}"
	finish "$1" 10
	expect_status 130
	expect_equal "$(wc -l <"$T/asked")" 1
	expect_nothing_left
	rm "$T/asked"
}

@test "while cargo does not say what the workspace is: a signal ends refresh, status and doctor" {
	mute_cargo
	local sum verb
	sum=$(image_sum)
	for verb in refresh status doctor; do
		start "$verb" "$REINJECT" "$verb"
		ends_at_once "$verb" INT
	done
	expect_untouched "$sum"
}

@test "while cargo does not say what the workspace is: a signal ends the watch, at its first look and at any other" {
	rest
	mute_cargo
	start watch "$REINJECT" watch --json
	ends_at_once watch TERM
	rm "$T/mute"
	watch
	mkfifo "$T/mute"
	printf '\n# another one\n' >>"$SRC/Cargo.toml"
	ends_at_once watch INT
}

# ---- the image's part of a round

# slow_tool N: the image tool is redoxfs, whose Nth start says "here" by a file and waits until the gate opens (tool_open).
slow_tool() {
	mkfifo "$T/gate"
	: >"$T/starts"
	cat >"$T/tool.sh" <<-END
		#!/bin/sh
		echo >>'$T/starts'
		if [ "\$(wc -l <'$T/starts')" = $1 ]; then echo \$\$ >'$T/waits'; read -r go <'$T/gate'; fi
		exec redoxfs "\$@"
	END
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
}

# The beacon is an asset: of such a round nothing is built, so nothing but the image is waited for.
ends_in_round() {
	rest
	slow_tool "$1"
	watch
	local sum
	sum=$(image_sum)
	beacon
	wait_until 20 test -s "$T/waits" || watch_fail "the image tool was not started so often: $(wc -l <"$T/starts")"
	kill -TERM "$pid_watch"
	finish watch 10
	expect_status 130
	soon 1 '.event == "done" and .result == "cancelled"'
	expect_untouched "$sum"
}

@test "a round of assets alone, while the copy is mounted: a signal ends it and the watch, the image as it was" {
	ends_in_round 1
}

@test "a round of assets alone, while the copy is verified: a signal ends it and the watch, the image as it was" {
	ends_in_round 2
}
