#!/usr/bin/env bats
# What the keys of a watch answer is true when it is answered.

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

# look_on: what the terminal shows from now on is what `now_shown` looks at.
look_on() { from=$(($(stat -c %s "$T/tty.log") + 1)); }
now_has() { tail -c "+$from" "$T/tty.log" | LC_ALL=C grep -aEq -- "$1"; }
tty_shows() { (($(LC_ALL=C grep -acE -- "$2" "$T/tty.log") >= $1)); }
now_shown() { wait_until "$1" now_has "$2" || fail "the terminal does not show /$2/"; }

@test "key l: an error that was taken back is not shown any more, that of another package is" {
	rest
	tty_open
	tty_watch
	look_on
	cp "$SRC/drivers/multi/src/bin/multi-a.rs" "$T/kept"
	echo 'fn broken_one( {' >>"$SRC/drivers/multi/src/bin/multi-a.rs"
	wait_until 60 said '.event == "done" and .result == "failed"' || fail 'no failure'
	echo 'fn broken_two( {' >>"$SRC/drivers/inputd/src/main.rs"
	wait_until 60 tty_has 'broken_two' || fail 'no second failure'
	cp "$T/kept" "$SRC/drivers/multi/src/bin/multi-a.rs"
	shown 30 'multi: the error is gone'
	look_on
	type_keys l
	now_shown 10 'broken_two'
	refute now_has 'broken_one'
	git -C "$SRC" checkout -q .
	shown 30 'inputd: the error is gone'
	look_on
	type_keys l
	now_shown 10 'the compiler has nothing to say'
	type_keys q
	tty_ended 0
}

@test "an error that is back with the same sources is said, by the key l too, without a build; r builds it" {
	rest
	tty_open
	tty_watch
	echo 'fn broken_one( {' >>"$SRC/drivers/inputd/src/main.rs"
	wait_until 60 said '.event == "done" and .result == "failed"' || fail 'no failure'
	rx watch --wait
	expect_status 1
	# Where a build shows the error, it needs no line of its own.
	refute tty_has 'failed before with'
	cp "$SRC/drivers/inputd/src/main.rs" "$T/broken"
	git -C "$SRC" checkout -q .
	shown 30 'inputd: the error is gone'
	cp "$T/broken" "$SRC/drivers/inputd/src/main.rs"
	shown 30 'inputd: failed before with exactly these sources'
	look_on
	type_keys l
	now_shown 10 'inputd: failed before with exactly these sources'
	refute now_has 'nothing to say'
	look_on
	type_keys r
	now_shown 30 'broken_one'
	git -C "$SRC" checkout -q .
	wait_until 30 tty_shows 2 'inputd: the error is gone' || fail 'not taken back'
	look_on
	type_keys l
	now_shown 10 'the compiler has nothing to say'
	type_keys q
	tty_ended 0
}

@test "key b: what a boot lacks is said instead of that it begins" {
	rest
	tty_open
	tty_watch
	look_on
	type_keys b
	shown 10 '\[boot\].*(command|does not say)'
	refute now_has 'booting the image'
	type_keys q
	tty_ended 0
	tty_close
	pid_tty=
	rm -f "$T/keys" "$T/before" "$T/after" "$T/ended" "$T/tty.log"
	ini_add <<-'END'
		[boot]
		command = ./no-such-script
		ready = login:
	END
	tty_open
	tty_watch
	look_on
	type_keys b
	shown 10 "cannot run './no-such-script'"
	refute now_has 'booting the image'
	type_keys q
	tty_ended 0
}

@test "watch --wait after a build that failed: 1 and which, until the error is gone" {
	rest
	watch
	break_source netd
	rx watch --wait
	expect_status 1
	expect_err 'failed and is not in the image: netd'
	mark inputd 2
	rx watch --wait
	expect_status 1
	git -C "$SRC" checkout -q drivers/net
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=2 common=1'
}
