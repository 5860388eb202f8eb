#!/usr/bin/env bats
# Beside a watch, `refresh` and `build` hand over and follow: what they print and how they end is what it would be alone.
# The watch is tests/lib/small_watch.c: it has reinject's own server and runs, and a test can hold it back.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	SMALL_WATCH=${REINJECT%/*}/tests/small-watch
	[[ -x $SMALL_WATCH ]] || fail "'$SMALL_WATCH' is missing: make check-e2e builds it"
}
teardown() { fixture_teardown; }

watch_begin() {
	start watch "$SMALL_WATCH" "$TREE/reinject.ini"
	wait_until 20 watch_said '^ready' || fail "the watch does not listen: $(cat "$T/watch.err")"
}
watch_said() { grep -Eq -- "$1" "$T/watch.out"; }
watch_end() {
	kill -TERM "$pid_watch"
	finish watch 30
	expect_status 0
	refute grep -q 'a handle was left' "$T/watch.out"
	refute test -e "$TREE/.reinject/watch.sock"
}
# What differs between two runs of the same: numbers of runs and durations.
same() { sed -E 's/run [0-9]+/run N/; s/"(run|ms|t_ms|after_build_ms)":[0-9]+/"\1":N/g; s/[0-9.]+ (ms|s)\b/TIME/g; s/\(TIME\)//' "$1"; }

@test "refresh beside a watch prints and ends as it does alone, as text" {
	rx_ok refresh
	mark common 2
	rx_ok refresh
	same "$T/err" >"$T/alone"
	[[ -s $T/alone ]]
	mark common 3
	watch_begin
	rx_ok refresh
	same "$T/err" >"$T/beside"
	expect_equal "$(cat "$T/beside")" "$(cat "$T/alone")"
	watch_said "^asked 0 by" || fail "it was not handed over"
	watch_end
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=3"
}

@test "build --json beside a watch gives the same lines as alone" {
	rx_ok refresh
	rx_ok build --json netd
	same "$T/out" >"$T/alone"
	watch_begin
	rx_ok build --json netd
	expect_json
	expect_equal "$(same "$T/out")" "$(cat "$T/alone")"
	watch_said "^asked 1 by" || fail "it was not handed over"
	rx_ok build netd /usr/bin
	watch_end
	image_has /usr/bin/netd
}

@test "what fails there fails here, with the same status and diagnostics" {
	rx_ok refresh
	break_source netd
	watch_begin
	rx refresh
	expect_status 1
	expect_err 'netd failed after'
	expect_err 'error.*: (expected|unexpected|mismatched|this file)'
	cp "$T/err" "$T/beside"
	rx build nosuch
	expect_status 2
	expect_err "nosuch"
	rx build netd /nowhere/at/all/
	expect_status 1
	watch_end
	rx refresh --retry
	expect_status 1
	expect_equal "$(same "$T/err" | grep -c .)" "$(same "$T/beside" | grep -c .)"
}

@test "an image in use is 75 here too" {
	exec {held}<>"$IMAGE"
	watch_begin
	rx refresh
	expect_status 75
	[[ -s $T/err ]]
	exec {held}>&-
	watch_end
}

@test "a dry run, another configuration and -o are not handed over" {
	watch_begin
	rx_ok refresh -n
	rx_ok -o build.profile=release -o watch.quiet_ms=77 refresh
	expect_err 'another configuration'
	cp "$TREE/reinject.ini" "$TREE/other.ini"
	rx_ok -c other.ini refresh
	refute watch_said "^asked"
	watch_end
}

@test "a watch of another configuration is not spoken to" {
	watch_begin
	sed 's,^path = disk.img,path = other.img,' "$TREE/reinject.ini" >"$TREE/b.ini"
	cp "$IMAGE" "$TREE/other.img"
	local wish
	for wish in --wait --pause --resume; do
		rx -c b.ini watch $wish
		expect_status 1
		expect_err 'no watch runs for'
	done
	rx_ok status --json
	expect_jq '.[0].watch.state == "idle"'
	watch_end
}

@test "status tells of the watch, and null without one" {
	rx_ok status --json
	expect_jq '.[0] | has("watch") and .watch == null'
	watch_begin
	rx_ok status --json
	expect_jq '.[0].watch | .pid == $pid and .state == "idle" and .doing == null and .run == null and (.since_ms | type) == "number"' --argjson pid "$pid"
	rx_ok status
	expect_out "^watch +process $pid, idle"
	slow_package
	watch_end
	watch_begin
	start asker "$REINJECT" build slow
	slow_begun
	rx_ok status --json
	expect_jq '.[0] | .watch.state == "building" and .watch.doing == "a run for somebody" and .watch.run == .running'
	slow_release
	finish asker
	expect_status 0
	watch_end
}

@test "a watch that hangs does not hang status" {
	watch_begin
	kill -STOP "$pid"
	local begun
	begun=$(now_ms)
	rx_ok status --json
	local ms=$(($(now_ms) - begun))
	kill -CONT "$pid"
	expect_jq '.[0].watch | .pid == $pid and .state == "unknown"' --argjson pid "$pid"
	expect_err 'does not answer'
	((ms < 20000)) || fail "it took $ms ms"
	watch_end
}

@test "an interrupted asker ends with 130: a waiting wish is withdrawn" {
	watch_begin
	kill -USR1 "$pid"
	wait_until 10 watch_said '^holding'
	start asker "$REINJECT" refresh
	wait_until 20 watch_said '^asked 0'
	kill -INT "$pid_asker"
	finish asker 20
	expect_status 130
	expect_err 'withdrawn'
	wait_until 10 watch_said '^gone before its run'
	kill -USR1 "$pid_watch"
	wait_until 10 watch_said '^going on'
	rx_ok status --json
	expect_jq '.[0].watch.state == "idle" and .[0].last == null'
	watch_end
	refute grep -q '^ran' "$T/watch.out"
}

@test "an interrupted asker leaves a run that has begun to the watch" {
	slow_package
	watch_begin
	start asker "$REINJECT" build slow
	slow_begun
	kill -INT "$pid_asker"
	finish asker 20
	expect_status 130
	expect_err "goes on with run"
	wait_until 10 watch_said '^gone amid its run'
	slow_release
	wait_until 60 watch_said '^ran through'
	watch_end
	image_has /usr/bin/slow
}

@test "a watch that is killed is noticed at once, and the next refresh goes on alone" {
	slow_package
	watch_begin
	start asker "$REINJECT" build slow
	slow_recorded
	kill -KILL "$pid_watch"
	finish asker 20
	expect_status 1
	expect_err "ended amid the run"
	finish watch 20
	test -S "$TREE/.reinject/watch.sock"
	# The build that it left is ended by whoever comes next.
	rx_ok build netd
	watch_begin
	rx_ok refresh --retry -n
	watch_end
}

@test "a second watch is refused and names the first; a state folder with a long path works by the runtime folder" {
	watch_begin
	start second "$SMALL_WATCH" "$TREE/reinject.ini"
	local first=$pid_watch
	finish second 20
	expect_status 75
	expect_err "another watch \(process $first\)"
	watch_end
	local long
	long=$(printf 'a%.0s' {1..120})
	ini_add <<<"[reinject]
state = $long"
	watch_begin
	ls "$XDG_RUNTIME_DIR"/reinject-????????????????.sock
	rx_ok refresh
	watch_said '^asked 0'
	kill -TERM "$pid_watch"
	finish watch 30
	expect_equal "$(ls "$XDG_RUNTIME_DIR")" ""
}

@test "a socket that others can write is refused" {
	watch_begin
	chmod 0666 "$TREE/.reinject/watch.sock"
	rx refresh
	expect_refused 2
	rx_ok status --json
	expect_jq '.[0].watch == null'
	expect_err 'no socket of ours'
	refute watch_said "^asked"
	watch_end
}

@test "reinject's own watch does the same, for several at once" {
	local i
	ini_set 'package netd' activate 'restart netd'
	rx_ok refresh
	rx_ok build --json netd
	same "$T/out" >"$T/alone"
	start watch "$REINJECT" watch --json
	wait_until 20 watch_said '"ready"' || fail "the watch is not ready: $(cat "$T/watch.err")"
	rx_ok watch --wait
	rx_ok build --json netd
	expect_equal "$(same "$T/out")" "$(cat "$T/alone")"
	mark common 2
	for i in 1 2 3 4 5 6; do start "asker$i" "$REINJECT" refresh; done
	for i in 1 2 3 4 5 6; do
		finish "asker$i"
		expect_status 0
	done
	rx_ok status --json
	expect_jq '.[0] | .watch.pid == $pid and .stale == []' --argjson pid "$pid_watch"
	kill -TERM "$pid_watch"
	finish watch 30
	expect_status 130
	refute test -e "$TREE/.reinject/watch.sock"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=2"
}
