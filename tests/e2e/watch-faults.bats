#!/usr/bin/env bats
# What a hostile eye found in `reinject watch`: each test here failed once.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
}
teardown() { fixture_teardown; }

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
	wait_until 10 here || watch_fail "status does not find the watch: $(cat "$T/out" "$T/err")"
	RX_LIMIT=10 rx watch --json
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
	RX_LIMIT=10 rx watch --json
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
	next_round 20
	expect_equal "$round" "ok netd"
	mark netd 3
	next_round 20
	expect_equal "$round" "ok netd"
	stop_watch
}
