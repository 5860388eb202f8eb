#!/usr/bin/env bats
# What others do to the image in the last moment: all is put and is being read back, and the swap is next. The second mount of a run, which reads back,
# is held up at a fifo.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	mkfifo "$T/gate"
	cat >"$T/tool.sh" <<-END
		#!/bin/sh
		echo "\$@" >>'$T/tool.log'
		if [ -e '$T/second' ]; then
			: >'$T/here'
			read -r go <'$T/gate'
		fi
		[ -e '$T/first' ] && mv '$T/first' '$T/second'
		exec redoxfs "\$@"
	END
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
	: >"$T/first"
}

teardown() { fixture_teardown; }

# almost: a refresh that has only the reading back and the swap before it.
almost() {
	start run "$REINJECT" refresh --json
	wait_until 40 test -e "$T/here" || fail "nothing is read back: $(cat "$T/run.err")"
}

go_on() {
	rm "$T/second"
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	finish run 40
	exec {gate}>&-
	expect_nothing_left
}

# all_in: what was refused is in the image after the next one.
all_in() {
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_stale
}

refused() {
	expect_refused 75
	expect_equal "$(events swap .image)" ''
	expect_equal "$(events done .result)" failed
	expect_err "$1"
}

@test "somebody has written into it by a mount: theirs is kept, and ours comes with the next one" {
	local other
	almost
	mount_image "$IMAGE" "$T/other"
	other=$pid
	printf 'theirs\n' >"$T/other/etc/theirs"
	unmount_image "$T/other" "$other"
	go_on
	refused 'was changed by somebody else'
	refute image_has /usr/lib/drivers/netd
	all_in
	expect_equal "$(in_image cat etc/theirs)" theirs
}

@test "somebody has it open for writing, and has written nothing yet" {
	local sum
	sum=$(image_sum)
	almost
	exec {held}<>"$IMAGE"
	go_on
	refused "$$"
	expect_equal "$(image_sum)" "$sum"
	exec {held}>&-
	all_in
}

@test "another file has its name" {
	local sum
	almost
	image_copy "$IMAGE" "$T/other.img"
	mv "$T/other.img" "$IMAGE"
	sum=$(image_sum)
	go_on
	refused 'was changed by somebody else'
	expect_equal "$(image_sum)" "$sum"
	all_in
}

@test "it was given to somebody, with another mode: so is the new one" {
	almost
	chown 123:456 "$IMAGE"
	chmod 0620 "$IMAGE"
	go_on
	expect_status 0
	expect_equal "$(stat -c '%a %u:%g' "$IMAGE")" '620 123:456'
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "Ctrl-C: the image is as it was" {
	local sum
	sum=$(image_sum)
	almost
	kill -INT "$pid_run"
	go_on
	expect_status 130
	expect_equal "$(events done .result)" cancelled
	expect_equal "$(image_sum)" "$sum"
	all_in
}
