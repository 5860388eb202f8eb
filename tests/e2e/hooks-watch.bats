#!/usr/bin/env bats
# Git hooks beside a watch: it hears their records and takes them, no worker starts, and none stays behind.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks
load ../lib/watch

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	watch_setup
	hooks_setup 'quiet_ms = 300'
	rest
	rx_ok hooks install
}

teardown() { hooks_teardown; }

waiting() {
	rx_ok status --json
	expect_equal "$(jq .spool "$T/out")" "$1"
}

# came EVENT: its record was there, whoever has taken it since.
came() {
	rx hooks status --json
	jq -e --arg e "$1" 'any(.hooks[]; .event == $e and .fired != null)' "$T/out" >/dev/null
}

@test "a commit beside a watch: one round, the record is taken, no worker" {
	watch
	mark netd 2
	expect_round ok netd
	g commit -qam 'netd 2'
	wait_until 30 came post-commit
	wait_until 30 spool_empty || fail "the record stays: $(cat "$STATE"/spool/*)"
	waiting 0
	# The watch itself holds the lock of a worker for a moment yet.
	wait_until 10 no_worker || fail "a worker stays"
	refute test -e "$STATE/hooks.log"
	expect_quiet
	stop_watch
}

@test "trigger = commit: the record of a hook that moves no HEAD is taken all the same" {
	ini_add <<<$'[watch]\ntrigger = commit'
	watch
	mark netd 2
	g checkout -- drivers/net/netd/src/main.rs
	wait_until 30 came post-checkout
	wait_until 30 spool_empty || fail "the record stays: $(cat "$STATE"/spool/*)"
	expect_quiet commit
	stop_watch
}

@test "a paused watch leaves the record, which status counts; once it goes on, it is taken" {
	watch
	rx_ok watch --pause
	g commit -q --allow-empty -m 'nothing'
	waiting 1
	rx_ok watch --resume
	wait_until 30 spool_empty
	waiting 0
	wait_until 10 no_worker || fail "a worker stays"
	refute test -e "$STATE/hooks.log"
	stop_watch
}

@test "records that a worker has its hands on are taken when it lets go" {
	watch
	expect_quiet
	exec {held}>>"$STATE/worker.lock"
	flock -x "$held"
	g commit -q --allow-empty -m 'nothing'
	wait_until 30 came post-commit
	# As long as it is held; by then the looks that the commit made are over.
	refute wait_until 1 spool_empty
	exec {held}>&-
	wait_until 30 spool_empty || fail "the record stays: $(cat "$STATE"/spool/*)"
	stop_watch
}

@test "a watch that ends leaves what it has not taken to a worker" {
	watch
	rx_ok watch --pause
	mark netd 2
	g commit -qam 'netd 2'
	waiting 1
	kill -INT "$pid_watch"
	finish watch 20
	wait_until 30 spool_empty
	wait_until 20 netd_is 2 || fail "the image: $(image_says /usr/lib/drivers/netd); $(cat "$STATE/hooks.log")"
	wait_until 10 no_worker
	expect_stale
}

netd_is() {
	[[ $(image_says /usr/lib/drivers/netd) == "netd=$1 "* ]]
}

@test "a spool that was deleted under a watch is listened to again, whoever made it anew" {
	ini_add <<<$'[watch]\ntrigger = commit'
	watch
	mark netd 2
	rm -r "$STATE/spool"
	expect_quiet commit
	g checkout -- drivers/net/netd/src/main.rs
	wait_until 30 test -e "$STATE/spool/last" || fail "no record came, or it was not taken: $(ls "$STATE/spool")"
	rm -r "$STATE/spool"
	# This time it is the hook that makes it.
	g commit -q --allow-empty -m 'nothing'
	wait_until 30 test -e "$STATE/spool/last"
	expect_quiet commit
	rm "$STATE/spool/last"
	mark netd 3
	g checkout -- drivers/net/netd/src/main.rs
	wait_until 30 test -e "$STATE/spool/last" || fail "no record came, or it was not taken: $(ls "$STATE/spool")"
	stop_watch
}
