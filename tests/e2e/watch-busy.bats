#!/usr/bin/env bats
# Changes while a build goes on. The package `gated` has a build script that says what it saw and waits at a fifo, so that no test guesses a moment.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
	gated_make
}
teardown() { fixture_teardown; }

# gated_make: a real cargo package; RX_GATE names the folder of its gate.
gated_make() {
	export RX_GATE=$T/gated
	mkdir -p "$RX_GATE"
	: >"$RX_GATE/begun"
	crate "$SRC/drivers/gated" gated
	sed -i 's|"drivers/inputd"|"drivers/gated", "drivers/inputd"|' "$SRC/Cargo.toml"
	cat >"$SRC/drivers/gated/build.rs" <<-'END'
		use std::{env, fs, io::Write};
		fn main() {
		    println!("cargo:rerun-if-changed=src/main.rs");
		    let dir = env::var("RX_GATE").unwrap();
		    let text = fs::read_to_string("src/main.rs").unwrap();
		    let mark = text.split('"').nth(1).unwrap().to_string();
		    let mut log = fs::OpenOptions::new().append(true).open(format!("{dir}/begun")).unwrap();
		    writeln!(log, "{mark} {}", std::process::id()).unwrap();
		    if fs::metadata(format!("{dir}/gate")).is_ok() {
		        fs::read(format!("{dir}/gate")).unwrap();
		    }
		}
	END
	gated_source 1
	ini_add <<-'END'
		[package gated]
		paths = drivers/gated
	END
	commit 'gated'
}

gated_source() {
	printf 'fn main() {\n    println!("gated=%s");\n}\n' "$1" >"$T/tmp/gated.rs"
	mv "$T/tmp/gated.rs" "$SRC/drivers/gated/src/main.rs"
}

gate_close() { mkfifo "$RX_GATE/gate"; }

# gate_open: lets go who waits, and whoever comes later.
gate_open() {
	exec {gate}<>"$RX_GATE/gate"
	rm "$RX_GATE/gate"
	exec {gate}>&-
}

# begun N: the build script has begun with gated=N; leaves its pid in `script`.
begun() {
	wait_until 40 grep -q "^gated=$1 " "$RX_GATE/begun" || watch_fail "no build of gated=$1 has begun: $(cat "$RX_GATE/begun")"
	script=$(awk -v m="gated=$1" '$1 == m { p = $2 } END { print p }' "$RX_GATE/begun")
}

n_begun() { wc -l <"$RX_GATE/begun"; }

begin() {
	if (($#)); then ini_add < <(printf '[watch]\n'; printf '%s\n' "$@"); fi
	rest
	: >"$RX_GATE/begun"
	gate_close
	watch
}

gated_says() { expect_equal "$(image_says /usr/lib/drivers/gated)" "gated=$1"; }

@test "on_busy = restart: each later save interrupts, and the last state is what the image gets" {
	begin
	local v first=
	for v in 2 3 4; do
		gated_source "$v"
		begun "$v"
		if [[ -n $first ]]; then wait_until 10 pid_gone "$first" || fail "the interrupted build goes on"; fi
		first=$script
	done
	gate_open
	last_round ok gated
	expect_quiet
	expect_equal "$(n_begun)" 3
	soon 1 '.event == "done" and .result == "cancelled"' 2
	stop_watch
	gated_says 4
	expect_stale
}

@test "restart, for somebody who follows: one end, of the run that has the last state" {
	# Long enough for the asker to come first.
	begin 'quiet_ms = 4000'
	gated_source 2
	start asker "$REINJECT" -C "$TREE" refresh --json
	begun 2
	gated_source 3
	begun 3
	gate_open
	finish asker 40
	expect_status 0
	expect_equal "$(jq -r 'select(.event == "done") | .result' "$T/asker.out")" ok
	stop_watch
	gated_says 3
}

@test "edits at 0, 0.5 and 1 s of a build of 2 s: the last one is in the image" {
	begin
	local i t
	t=$(now_ms)
	gated_source 2
	pause 0.5
	gated_source 3
	pause 0.5
	gated_source 4
	begun 4
	(($(now_ms) - t >= 2000)) || pause 1
	gate_open
	last_round ok gated
	expect_quiet
	stop_watch
	gated_says 4
	expect_stale
}

@test "on_busy = queue: nothing is interrupted, and nothing is lost" {
	begin 'on_busy = queue'
	gated_source 2
	begun 2
	local first=$script
	gated_source 3
	gated_source 4
	mark inputd 2
	# An interrupt would have come by now.
	if wait_until 2 pid_gone "$first"; then watch_fail "the build was interrupted"; fi
	gate_open
	# What it built is of a state that is gone; it must not be taken for the new one.
	reach gated inputd
	while a_round; do next_round; done
	final() { [[ $(image_says /usr/lib/drivers/gated) == gated=4 ]]; }
	wait_until 30 final || watch_fail "the last state is not in the image"
	# The round of what is doubtful may still go on.
	rx_ok watch --wait
	refute said '.result == "cancelled"'
	stop_watch
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
}

@test "restart: another package that changes meanwhile interrupts nothing, and is the next round" {
	begin
	gated_source 2
	begun 2
	local first=$script
	mark inputd 2
	if wait_until 2 pid_gone "$first"; then watch_fail "the build was interrupted"; fi
	gate_open
	expect_round ok gated
	expect_round ok inputd
	expect_quiet
	expect_equal "$(n_begun)" 1
	stop_watch
	gated_says 2
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
}

@test "restart: a save that changes nothing, and a file in target, do not interrupt" {
	begin
	gated_source 2
	begun 2
	local first=$script
	gated_source 2
	touch "$SRC/drivers/gated/src/main.rs" "$SRC/drivers/inputd/src/main.rs"
	mkdir -p "$SRC/target/x" && echo x >"$SRC/target/x/y"
	if wait_until 2 pid_gone "$first"; then watch_fail "the build was interrupted"; fi
	gate_open
	# cargo may see that the file has another time, and compile again: that is no round of ours.
	expect_round ok gated
	expect_quiet
	stop_watch
	gated_says 2
}

@test "restart: what was to be built beside it is built after the interruption" {
	begin
	# The shared files concern all: gated comes in the middle of the round.
	mark common 2
	gated_source 2
	begun 2
	gated_source 3
	begun 3
	gate_open
	reach gated inputd netd
	expect_quiet
	stop_watch
	gated_says 3
	netd_says "netd=1 proto=1 common=2"
	expect_stale
}

@test "the save taken back during its build: interrupted, and nothing is put" {
	begin
	gated_source 2
	begun 2
	local first=$script
	gated_source 1
	wait_until 10 pid_gone "$first" || watch_fail "the build of what is gone goes on"
	gate_open
	expect_settled
	stop_watch
	gated_says 1
	expect_stale
}

@test "a checkout during a build" {
	g checkout -b other
	gated_source 5
	mark inputd 5
	commit other
	g checkout main
	begin
	gated_source 2
	begun 2
	g checkout -f other
	begun 5
	gate_open
	reach gated inputd
	expect_quiet
	stop_watch
	gated_says 5
	expect_stale
}

@test "a command of the user's is interrupted too, with its children" {
	printf '1\n' >"$SRC/custom/input"
	slow_package
	slow_watch
	slow_again
	slow_done
	expect_stale
}

@test "the source renamed away during a build, and back" {
	begin
	gated_source 2
	begun 2
	mv "$SRC" "$SRC.away"
	mv "$SRC.away" "$SRC"
	gated_source 3
	begun 3
	gate_open
	last_round ok gated
	stop_watch
	gated_says 3
}

@test "trigger = commit: a refresh that was asked for is of the work tree, and a commit of something else does not interrupt it" {
	rest
	commit 'the lock that cargo wrote'
	begin 'trigger = commit'
	gated_source 2
	start asker "$REINJECT" refresh
	begun 2
	beacon commit
	# An interrupt would have come by now.
	if wait_until 2 pid_gone "$script"; then watch_fail "the build was interrupted"; fi
	gate_open
	finish asker 60
	expect_status 0
	next_round
	[[ $round == 'ok gated' ]] || watch_fail "the run that was asked for: $round"
	next_round
	[[ $round == *beacon* ]] || watch_fail "the run for the commit: $round"
	refute said '.result == "cancelled"'
	stop_watch
	gated_says 2
}

# hold_cargo: a cargo first on PATH that ends only when let go, after it has built what it says in the file `built`.
hold_cargo() {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\n"%s" "$@"\nr=$?\n[ ! -p "%s/hold" ] || { echo >"%s/built"; read -r go <"%s/hold"; }\nexit $r\n' "$(command -v cargo)" "$T" "$T" "$T" >"$T/bin/cargo"
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
}

@test "on_busy = queue: an edit that is compiled, and taken back before the build ends, is not what stays in the image" {
	hold_cargo
	begin 'on_busy = queue'
	mkfifo "$T/hold"
	gated_source 2
	begun 2
	gated_source 3
	# It looks meanwhile, and interrupts nothing.
	if wait_until 1 pid_gone "$script"; then watch_fail "the build was interrupted"; fi
	gate_open
	wait_until 30 test -e "$T/built" || watch_fail "the build does not end"
	gated_source 2
	exec {hold}<>"$T/hold"
	rm "$T/hold"
	echo go >&"$hold"
	next_round
	exec {hold}>&-
	two() { [[ $(image_says /usr/lib/drivers/gated) == gated=2 ]]; }
	wait_until 20 two || watch_fail "the image has $(image_says /usr/lib/drivers/gated), the source gated=2"
	# The round of what is doubtful may still go on.
	rx_ok watch --wait
	while a_round; do next_round; done
	expect_quiet
	stop_watch
	expect_stale
}

@test "trigger = commit: a commit of another package amid a round is the next one" {
	rest
	commit 'the lock that cargo wrote'
	begin 'trigger = commit'
	gated_source 2
	commit 'gated'
	begun 2
	mark inputd 2
	commit 'inputd'
	# A look during the build sees it, and is not the one that handles it.
	if wait_until 1 pid_gone "$script"; then watch_fail "the build was interrupted"; fi
	gate_open
	expect_round ok gated
	expect_round ok inputd
	stop_watch
	gated_says 2
	expect_stale
}
