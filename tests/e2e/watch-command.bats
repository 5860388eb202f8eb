#!/usr/bin/env bats
# [watch] on_success while it runs: the watch is there for others meanwhile, and says what the command says.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() { fixture_teardown; }

@test "a command that takes its time: status is answered, its words are told, and what was saved meanwhile is built after it" {
	mkfifo "$T/go"
	cat >"$T/slow.sh" <<-END
		echo 'a word of the command'
		: >'$T/begun'
		read -r _ <'$T/go'
	END
	ini_add <<<$'[watch]\non_success = sh '"$T/slow.sh"
	rest
	watch
	mark netd 2
	expect_round ok netd
	wait_until 20 test -e "$T/begun" || fail "on_success was not run"
	# A command whose loop stood still would be called one that does not answer.
	rx_ok status --json
	expect_jq '.[0].watch.pid == $p and (.[0].watch.state | . != null and . != "unknown")' --argjson p "$pid_watch"
	rx_ok status
	refute grep -q 'does not answer' "$T/out"
	mark inputd 2
	rm "$T/begun"
	printf 'go\n' >"$T/go"
	expect_round ok inputd
	wait_until 20 test -e "$T/begun"
	printf 'go\n' >"$T/go"
	stop_watch
	expect_equal "$(grep -c '^a word of the command$' "$T/watch.err")" 2
	expect_stale
}
