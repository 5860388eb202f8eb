#!/usr/bin/env bats
# The questions of `reinject init` and the person before them.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/tty

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	rm "$TREE/reinject.ini"
	mv "$IMAGE" "$T/elsewhere.img"
}
teardown() {
	tty_close
	fixture_teardown
}

has_ended() { wait_until 10 test -s "$T/ended" || fail "it does not end"; }

@test "Ctrl-C at a question, also amid an answer, ends it at once: 130, and nothing is written" {
	tty_open
	local typed
	for typed in '' 'half an ans'; do
		rm -f "$T/ended"
		type_line '$REINJECT init; echo "ended: $?" >$T/ended'
		wait_until 20 asks || fail "no question"
		type_keys "$typed"$'\003'
		has_ended
		expect_equal "$(cat "$T/ended")" "ended: 130"
		shown 5 'interrupted; nothing was written'
		: >"$T/tty.log"
	done
	refute test -e "$TREE/reinject.ini"
	refute test -e "$TREE/packages.ini"
}

asks() { tty_has 'the disk image.*empty: none'; }

@test "an answer that ends with Ctrl-D is one, and a Ctrl-D alone is the end" {
	tty_open
	type_line '$REINJECT init; echo "ended: $?" >$T/ended'
	wait_until 20 asks || fail "no question"
	# The first gives out what was typed, the second ends it.
	type_keys 'nowhere'$'\004\004'
	shown 10 "nowhere' is not the disk image"
	type_keys $'\004'
	has_ended
	expect_equal "$(cat "$T/ended")" "ended: 130"
	refute test -e "$TREE/reinject.ini"
}
