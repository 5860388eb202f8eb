#!/usr/bin/env bats
# What a hostile eye found in `reinject watch`: each test here failed once.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/tty

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
}
teardown() {
	tty_close
	fixture_teardown
}

watch_lives() {
	refute pid_gone "$pid_watch" || watch_fail "the watch has ended"
}

@test "a configuration that cannot be used, and the image before it gone: reported, and it goes on when the image is back" {
	rest
	watch
	mv "$IMAGE" "$IMAGE.away"
	ini_set image path elsewhere.img
	told 20 'the one before stays in force'
	mv "$IMAGE.away" "$IMAGE"
	mark netd 2
	expect_round ok netd
	watch_lives
	stop_watch
	netd_says "netd=2 proto=1 common=1"
}

@test "the state folder changed in the configuration: status and a second watch find the watch there" {
	rest
	watch
	ini_add <<<$'[reinject]\nstate = other-state'
	told 20 'read again'
	soon 30 '.event == "done"'
	here() { rx status --json && jq -e --argjson p "$pid_watch" '.watch.pid == $p' "$T/out" >/dev/null; }
	wait_until 30 here || watch_fail "status does not find the watch: $(cat "$T/out" "$T/err")"
	RX_LIMIT=30 rx watch --json
	expect_refused 75
	stop_watch
	refute test -e "$TREE/other-state/watch.sock"
	refute test -e "$TREE/.reinject/watch.sock"
}

@test "what is stored is deleted: status still finds the watch, and a second one is refused" {
	rest
	watch
	rm -rf "$TREE/.reinject"
	mark netd 3
	netd3() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=3 proto=1 common=1" ]]; }
	wait_until 40 netd3 || watch_fail "a save after that is not in the image"
	rx_ok status --json
	expect_jq '.[0].watch.pid == $p' --argjson p "$pid_watch"
	RX_LIMIT=30 rx watch --json
	expect_refused 75
	stop_watch
}

@test "a folder far above the source moved away, and another one put there: saves are seen at once" {
	mkdir -p "$TREE/far/off"
	mv "$SRC" "$TREE/far/off/src"
	SRC=$TREE/far/off/src
	ini_set 'source base' path far/off/src
	rest
	watch
	mv "$TREE/far" "$TREE/away"
	# No event tells of that; this one leads to a look, which finds no source.
	beacon
	told 20 'far/off/src'
	cp -a "$TREE/away" "$TREE/far"
	reach beacon
	mark netd 2
	next_round
	expect_equal "$round" "ok netd"
	mark netd 3
	next_round
	expect_equal "$round" "ok netd"
	stop_watch
}

# ---- a terminal

# tty_stop: Ctrl-Z; what the shell still had to do after the watch is done then.
tty_stop() {
	type_keys $'\032'
	shown 10 'Stopped'
	wait_until 10 test -s "$T/after"
	rm -f "$T/after"
}

@test "Ctrl-Z and bg: it goes on in the background and leaves the terminal alone; its keys work again after fg" {
	rest
	tty_open
	tty_watch
	expect_quiet
	tty_stop
	type_line 'bg; stty -a >$T/beside'
	wait_until 10 test -s "$T/beside"
	mark netd 2
	expect_round ok netd
	expect_equal "$(cat "$T/beside")" "$(cat "$T/before")"
	# What the shell is told is not the watch's: q is no key now.
	type_line 'true q; stty -a >$T/beside2'
	wait_until 10 test -s "$T/beside2"
	expect_equal "$(cat "$T/beside2")" "$(cat "$T/before")"
	expect_quiet
	type_line 'fg; stty -a >$T/after'
	# It looks each second whether it is in front; a key that comes before counts then.
	type_keys q
	wait_until 20 test -s "$T/after" || fail "q does not end it after fg"
	expect_equal "$(cat "$T/after")" "$(cat "$T/before")"
	expect_nothing_left_but_tty
}

@test "Ctrl-Z, bg, and a signal: it ends, with the terminal as it was" {
	rest
	tty_open
	tty_watch
	tty_stop
	type_line 'bg; stty -a >$T/beside'
	wait_until 10 test -s "$T/beside"
	expect_quiet
	type_line 'kill %1; wait %1; echo "ended: $?" >$T/ended; stty -a >$T/after'
	tty_ended 130
	expect_nothing_left_but_tty
}

@test "key r while somebody has the image: what failed is tried again when it is free" {
	rest
	tty_open
	tty_watch
	break_source netd
	expect_round failed netd
	exec {held}<>"$IMAGE"
	type_keys r
	shown 10 'when it is free again'
	exec {held}>&-
	expect_round failed netd
	type_keys q
	tty_ended 0
}

@test "key r brings what hold_over holds back, and what a busy image had put off with it" {
	ini_add <<<$'[watch]\nhold_over = 1'
	rest
	tty_open
	tty_watch
	mark common 2
	shown 20 'held back'
	exec {held}<>"$IMAGE"
	type_keys r
	shown 10 'when it is free again'
	exec {held}>&-
	expect_round ok inputd netd
	type_keys q
	tty_ended 0
}

@test "key l without colours, where none are wanted" {
	rest
	tty_open
	type_line 'REINJECT="$REINJECT --color never"'
	tty_watch
	break_source netd
	expect_round failed netd
	local before
	before=$(stat -c %s "$T/tty.log")
	type_keys l
	more() { tail -c "+$((before + 1))" "$T/tty.log" | LC_ALL=C grep -aq 'fn broken'; }
	wait_until 10 more || fail "l does not show the error again"
	refute env LC_ALL=C grep -aq $'\033\\[[0-9;]*m' "$T/tty.log"
	type_keys q
	tty_ended 0
}

@test "notify is read again like everything else" {
	rest
	tty_open
	tty_watch
	ini_add <<<$'[watch]\nnotify = bell'
	shown 20 'read again'
	mark netd 2
	expect_round ok netd
	rang() { LC_ALL=C grep -aq $'\007' "$T/tty.log"; }
	wait_until 20 rang || fail "no bell"
	type_keys q
	tty_ended 0
}

@test "what a terminal would obey in a file's name is shown, not sent" {
	rest
	watch
	local name
	for name in $'osc\033]0;x\007' $'csi\302\23331m'; do
		printf '//\n' >"$SRC/drivers/net/netd/$name"
		expect_round nothing netd
	done
	told 5 'osc.x1b.*x07'
	told 5 'csi.xc2.x9b'
	refute env LC_ALL=C grep -aq $'\033\|\007\|\302\233' "$T/watch.err"
	stop_watch
}

# ---- who asks

@test "refresh --wait-lock beside a watch waits for another run, as it does alone, and is busy when the time is up" {
	rest
	watch
	exec {lock}<>"$IMAGE.lock"
	flock -n "$lock" || fail "the lock is not free"
	rx build netd
	expect_status 75
	local t
	t=$(now_ms)
	rx build --wait-lock 1 netd
	expect_status 75
	(($(now_ms) - t >= 1000)) || fail "it did not wait"
	rx build --wait-lock soon netd
	expect_status 2
	start asker "$REINJECT" build --wait-lock 60 netd
	if wait_until 1 pid_gone "$pid_asker"; then fail "it did not wait: $(cat "$T/asker.err")"; fi
	# Meanwhile others are served.
	rx_ok status --json
	expect_jq '.[0].watch.pid == $p' --argjson p "$pid_watch"
	flock -u "$lock"
	exec {lock}>&-
	finish asker 60
	expect_status 0
	expect_err 'put|same|all of it already'
	stop_watch
}

@test "how a run that was handed over ends: 0, 1, 2, 75 and 130, as alone" {
	slow_package
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	rest
	rm -f "$T/slow.pid"
	watch
	rx build nosuch
	expect_status 2
	expect_err nosuch
	exec {held}<>"$IMAGE"
	rx build netd
	expect_status 75
	exec {held}>&-
	rx_ok build netd
	expect_round nothing netd
	break_source inputd
	expect_round failed inputd
	rx build inputd
	expect_status 1
	expect_err 'inputd failed'
	# One that waits for its turn withdraws; the run that goes on is another's, and is not stopped by whoever asked for it.
	start asker "$REINJECT" build slow
	slow_begun
	start waiting "$REINJECT" build netd
	if wait_until 1 pid_gone "$pid_waiting"; then fail "it did not wait: $(cat "$T/waiting.err")"; fi
	kill -INT "$pid_waiting"
	finish waiting 10
	expect_status 130
	expect_err withdrawn
	kill -INT "$pid_asker"
	finish asker 10
	expect_status 130
	expect_err 'goes on with run'
	local before
	before=$(built_by_watch | grep -c '^netd$' || true)
	echo go >&"$gate"
	soon 40 '.event == "build" and .package == "slow"'
	exec {gate}>&-
	mark odd 2
	odd2() { [[ $(image_says /usr/bin/rxe2e-odd 2>/dev/null) == odd=2 ]]; }
	wait_until 30 odd2 || watch_fail "a save after that is not seen"
	expect_equal "$(built_by_watch | grep -c '^netd$' || true)" "$before"
	stop_watch
}

@test "backend = poll: saves and commits are seen without any event" {
	ini_add <<<$'[watch]\nbackend = poll\npoll_ms = 200'
	rest
	watch
	expect_equal "$(jq -c 'select(.event == "ready") | .watches' "$WATCH_OUT")" 0
	mark netd 2
	next_round
	expect_equal "$round" "ok netd"
	mkdir -p "$SRC/drivers/inputd/src/new" && printf '//\n' >"$SRC/drivers/inputd/src/new/f.rs"
	next_round
	expect_equal "$round" "nothing inputd"
	expect_quiet
	stop_watch
}

@test "the limit of watches: told with the line that raises it, and what is left out is polled" {
	unshare -Urm true 2>/dev/null || skip "no user namespaces here"
	rest
	# A user namespace has limits of its own.
	start watch unshare -Urm sh -c 'echo 20 >/proc/sys/user/max_inotify_watches && exec "$@"' - "$REINJECT" watch --json
	wait_until 30 said '.event == "ready"' || watch_fail "never ready"
	told 20 'sysctl'
	mark netd 2
	next_round
	[[ $round == *netd ]] || watch_fail "the next round: $round"
	kill -INT "$pid_watch"
	finish watch 20
	expect_status 130
}

# ---- what only a look finds

# blind: a watch that no event reaches, and that looks each ten minutes only; so what makes it look in between is what the test does.
blind() {
	ini_add <<<$'[watch]\nbackend = poll\npoll_ms = 600000'
	rest
	watch
	# The first look is over, and the one that the watch owes for the time before.
	rx_ok watch --wait
	mark netd 2
	if wait_until 1 a_round; then watch_fail "it saw the save without a look"; fi
}

@test "a watch that is stopped and goes on looks again" {
	blind
	kill -STOP "$pid_watch"
	kill -CONT "$pid_watch"
	next_round
	expect_equal "$round" "ok netd"
	stop_watch
}

@test "a machine that has slept: it looks again" {
	# The clock that goes on in a sleep is put forward, by a library before the program.
	cat >"$T/sleep.c" <<-'END'
		#define _GNU_SOURCE
		#include <stdlib.h>
		#include <sys/syscall.h>
		#include <time.h>
		#include <unistd.h>
		int clock_gettime(clockid_t id, struct timespec *ts)
		{
			int r = (int)syscall(SYS_clock_gettime, id, ts);
			if (id == CLOCK_BOOTTIME && access(getenv("RX_SLEPT"), F_OK) == 0)
				ts->tv_sec += 3600;
			return r;
		}
	END
	cc -shared -fPIC -o "$T/sleep.so" "$T/sleep.c" || skip "no C compiler"
	ini_add <<<$'[watch]\nbackend = poll\npoll_ms = 600000'
	rest
	start watch env RX_SLEPT="$T/slept" ASAN_OPTIONS=verify_asan_link_order=0 LD_PRELOAD="$T/sleep.so" "$REINJECT" watch --json
	wait_until 30 said '.event == "ready"' || watch_fail "never ready"
	rx_ok watch --wait
	mark netd 2
	if wait_until 1 a_round; then watch_fail "it saw the save without a look"; fi
	touch "$T/slept"
	# Any wake will do; at rest one comes within a minute.
	rx_ok status
	next_round
	expect_equal "$round" "ok netd"
	told 20 'has slept'
	rx_ok status
	expect_equal "$(n_told 'has slept')" 1
	stop_watch
}

@test "saves that follow one another within quiet_ms are one round" {
	ini_add <<<$'[watch]\nquiet_ms = 4000'
	rest
	watch
	mark netd 2
	pause 0.2
	mark inputd 2
	pause 0.2
	mark odd 2
	expect_round ok inputd netd odd_pkg
	expect_quiet
	stop_watch
}

@test "the configuration saved while the watch takes in the one before: each is read" {
	rest
	watch
	local i
	read_again() { (($(n_told 'read again') >= i)); }
	for i in {1..60}; do
		# When it says so, it has read one, and does not watch for another yet.
		printf '; %s\n' "$i" >>"$TREE/reinject.ini"
		wait_until 10 read_again || watch_fail "number $i is not read"
	done
	expect_quiet
	stop_watch
}

@test "backend = poll: a changed configuration is seen, too" {
	ini_add <<<$'[watch]\nbackend = poll\npoll_ms = 200'
	rest
	watch
	ini_set 'package netd' dest /boot
	soon 20 '.event == "put" and .path == "/boot/netd"'
	expect_equal "$(n_told 'read again')" 1
	stop_watch
}

# ---- what goes wrong

@test "a round that cannot be done is not done again and again; a save, and a refresh, try it" {
	note_tool
	rest
	watch
	printf '#!/bin/sh\necho no mount today >&2\nexit 1\n' >"$T/tool.sh"
	mark netd 2
	expect_round failed netd
	if wait_until 4 a_round; then watch_fail "and again: $(rounds)"; fi
	mark netd 3
	expect_round failed netd
	printf '#!/bin/sh\nexec redoxfs "$@"\n' >"$T/tool.sh"
	rx_ok refresh
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=3 proto=1 common=1"
}

@test "restart: a command that passes SIGINT over is told to end by SIGTERM after five seconds" {
	slow_package
	sed -i "s|^trap .*|trap '' INT; trap 'echo term >\"$T/slow.term\"; exit 143' TERM|" "$T/slow.sh"
	slow_watch
	slow_again
	[[ -s $T/slow.term ]] || watch_fail "it was ended without SIGTERM"
	slow_done
}

@test "watch --wait while somebody has the image, or git is at work, returns when all is done" {
	rest
	watch
	exec {held}<>"$IMAGE"
	mark netd 2
	told 20 'when it is free again'
	# Who waits must not be the one who has it.
	start waiter bash -c "exec $held>&-; exec \"\$@\"" - "$REINJECT" watch --wait
	if wait_until 1 pid_gone "$pid_waiter"; then fail "it did not wait"; fi
	exec {held}>&-
	finish waiter 30
	expect_status 0
	netd_says "netd=2 proto=1 common=1"
	expect_round ok netd
	: >"$SRC/.git/index.lock"
	mark netd 3
	start waiter "$REINJECT" watch --wait
	if wait_until 1 pid_gone "$pid_waiter"; then fail "it did not wait for git"; fi
	rm "$SRC/.git/index.lock"
	finish waiter 30
	expect_status 0
	netd_says "netd=3 proto=1 common=1"
	stop_watch
}

@test "a manifest gets a dependency that is no package's: its saves are seen at once from then on" {
	crate "$SRC/crates/extra" extra
	printf 'pub fn mark() -> u8 {\n    1\n}\n' >"$SRC/crates/extra/src/lib.rs"
	sed -i 's|"crates/proto"|"crates/extra", "crates/proto"|' "$SRC/Cargo.toml"
	commit 'a crate that nobody uses'
	rest
	watch
	printf 'extra = { path = "../../../crates/extra" }\n' >>"$SRC/drivers/net/netd/Cargo.toml"
	printf 'fn main() {\n    println!("netd=1 {} extra={}", proto::mark(), extra::mark());\n}\n' >"$T/tmp/netd"
	mv "$T/tmp/netd" "$SRC/drivers/net/netd/src/main.rs"
	reach netd
	printf 'pub fn mark() -> u8 {\n    2\n}\n' >"$SRC/crates/extra/src/lib.rs"
	next_round
	expect_equal "$round" "ok netd"
	stop_watch
	netd_says "netd=1 proto=1 common=1 extra=2"
}
