#!/usr/bin/env bats
# A bisect whose ends are sure and whose middle is not: it names no run, and says why. The image is only read. And one behind a link.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() { night_setup_file; }
setup() {
	local d
	night_setup
	night_good
	# Runs 2 to 5 put version 2 of d1 to d4; after run 5 it does not boot, and the first to be tried between them is run 3.
	for d in d1 d2 d3 d4; do
		edit "$d" 2
		commit "$d 2"
		rx_ok refresh
	done
	ini_set nightly attempts 2
	: >"$T/tries"
}
teardown() { night_teardown; }

# names_none RESULT STATUS WORDS: a bisect that comes to that.
names_none() {
	local sum
	sum=$(image_sum)
	rx bisect --json
	expect_status "$2"
	expect_jq 'map(select(has("good")))[0] | .result == $r and .run == null and .good == 1 and .bad == 5 and .trials == 3' --arg r "$1"
	machine_end
	expect_untouched "$sum"
	: >"$T/tries"
	rx bisect
	expect_status "$2"
	expect_out "$3"
	machine_end
}

@test "an image that a link names: its boots are found without an image that is kept as good" {
	mv "$IMAGE" "$T/far.img"
	ln -s "$T/far.img" "$IMAGE"
	rm "$IMAGE.good"
	guest_of '[[ ${v[d4]} != 2 ]] || panic d4'
	rx bisect --json
	expect_status 0
	expect_jq 'map(select(has("good")))[0] | .result == "found" and .good == 1 and .run == 5'
}

@test "one in the middle that stops elsewhere each time: flaky" {
	guest_of '[[ ${v[d4]} != 2 ]] || panic d4; [[ ${v[d2]} != 2 ]] || panic "$(wc -l <"$T/booted")"'
	names_none flaky 1 'not for the same reason: no run is named'
}

@test "max_boots that end in the middle: no run is named" {
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2'
	# The bad one twice, the good one once, and half a verdict.
	ini_set nightly max_boots 4
	names_none spent 1 'max_boots or timeout_s came before a verdict'
}

@test "a host on which nothing starts any more: it is the host, and no run" {
	# shellcheck disable=SC2016 # the guest's
	guest_of '[[ ${v[d4]} != 2 ]] || panic d4' 'echo x >>"$T/tries"; (($(wc -l <"$T/tries") <= 3)) || exit 1; echo BIOS'
	names_none host 3 'no machine came to life: it is the host or the guest'
}
