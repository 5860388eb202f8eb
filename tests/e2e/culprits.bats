#!/usr/bin/env bats
# The search for what keeps an image from booting, with eight drivers and a machine that fails by what is in the image (lib/night).

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() { night_setup_file; }
setup() { night_setup; }
teardown() { night_teardown; }

@test "one of eight does not boot: it is named and held, the others are in the image, in seven trials; the next night leaves it alone" {
	night_good
	commit_each d1 d2 d3 d4 d5 d6 d7 d8
	guest_of '[[ ${v[d4]} != 2 ]] || panic pcid 0x42'
	night 1
	expect_night '.result == "culprits" and (.culprits | length == 1) and .culprits[0].packages == ["d4"]'
	expect_night '.culprits[0].commits | length == 1 and (.[0] | test("^[0-9a-f]{8} d4 2$"))'
	expect_night '.culprits[0].line == "panicked at pcid 0x42" and (.culprits[0].last_lines | index("panicked at pcid 0x42"))'
	expect_night '.trials <= 7 and (.kept | sort == ["d1", "d2", "d3", "d5", "d6", "d7", "d8"])'
	expect_drivers 2 2 2 1 2 2 2 2
	expect_kept_booted
	expect_equal "$(wc -l <"$T/told")" 1
	rx_ok status --json
	expect_jq '.[0].held == ["d4"] and .[0].stale == []'
	grep -q 'd4' "$TREE/.reinject/report.html"
	# Unchanged, it is not built again.
	local boots
	boots=$(wc -l <"$T/booted")
	night 0
	expect_night '.result == "nothing" and .held == ["d4"]'
	expect_equal "$(wc -l <"$T/booted")" "$boots"
	# Changed, it is tried.
	edit d4 3
	commit 'd4 3'
	night 0
	expect_night '.result == "good" and .held == []'
	expect_drivers 2 2 2 3 2 2 2 2
	expect_kept_booted
}

@test "two of eight: both are named, in twelve trials" {
	night_good
	commit_each d1 d2 d3 d4 d5 d6 d7 d8
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2; [[ ${v[d7]} != 2 ]] || hang'
	ini_set boot timeout_s 10
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] | sort == ["d2", "d7"]) and .trials <= 12'
	expect_drivers 2 1 2 2 2 2 1 2
	expect_kept_booted
}

@test "a pair that fails only together: the later one is named" {
	night_good
	commit_each d1 d2 d3 d4 d5 d6 d7 d8
	guest_of '[[ ${v[d3]} != 2 || ${v[d6]} != 2 ]] || panic pair'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["d6"]) and .trials <= 7'
	expect_drivers 2 2 2 2 2 1 2 2
	expect_kept_booted
}

@test "one whose machine ends at once, without a word: the control boots, so it is the image" {
	night_good
	commit_each d1 d2 d3
	guest_of '[[ ${v[d2]} != 2 ]] || die; echo BIOS' ':'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["d2"])'
	expect_drivers 2 1 2 1 1 1 1 1
	expect_kept_booted
}

@test "two that work only together, changed in one commit, are never parted" {
	night_good
	commit_each d1
	edit d4 d5 2
	commit 'a new protocol between d4 and d5'
	commit_each d8
	guest_of '[[ ${v[d4]} == "${v[d5]}" ]] || panic protocol; [[ ${v[d8]} != 2 ]] || panic d8'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["d8"])'
	expect_drivers 2 1 1 2 2 1 1 1
	expect_kept_booted
}

@test "what a crate in common changes moves as one" {
	night_good
	sed -i 's/common=1/common=2/' "$SRC/common/src/lib.rs"
	sed -i 's/println!("d\(.\)=1")/println!("d\1={}", common::mark().replace("common=", ""))/' "$SRC/d1/src/main.rs" "$SRC/d2/src/main.rs"
	commit 'd1 and d2 say the version of common'
	commit_each d3
	guest_of '[[ ${v[d1]} != 2 ]] || panic d1'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] | sort == ["d1", "d2"])'
	expect_drivers 1 1 2 1 1 1 1 1
	expect_kept_booted
}

@test "nothing of what is new boots: the good image stays, and is booted last" {
	night_good
	commit_each d1 d2
	guest_of 'for d in d1 d2; do [[ ${v[$d]} != 2 ]] || panic $d; done'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] | sort == ["d1", "d2"]) and .kept == []'
	expect_drivers 1 1 1 1 1 1 1 1
	expect_kept_booted
	rx_ok status --json
	expect_jq '.[0].held | sort == ["d1", "d2"]'
}

@test "the boots are spent amid the search: the good image stays, nothing is held but what is proved" {
	night_good
	commit_each d1 d2 d3 d4
	guest_of '[[ ${v[d3]} != 2 ]] || panic d3'
	ini_set nightly max_boots 5
	night 1
	expect_night '.result == "spent" and .boots == 5'
	expect_drivers 1 1 1 1 1 1 1 1
	rx_ok status --json
	expect_jq '.[0].held == [] and (.[0].stale | sort == ["d1", "d2", "d3", "d4"])'
}

@test "the night's limit is reached amid a boot: the good image stays, and that is said" {
	night_good
	commit_each d1
	guest_of 'hang'
	ini_set nightly timeout_s 4
	night 1
	expect_night '.result == "spent"'
	expect_err 'limit is reached'
	expect_drivers 1 1 1 1 1 1 1 1
	expect_machine_ended
}

@test "a search after which the same fails and boots: flaky, nobody is named, the good image stays" {
	night_good
	commit_each d1 d2 d3 d4
	# From the sixth boot on all is well.
	guest_of '(($(wc -l <$T/booted) > 6)) || [[ ${v[d3]} != 2 ]] || panic d3'
	night 1
	expect_night '.result == "flaky" and .culprits == []'
	expect_drivers 1 1 1 1 1 1 1 1
	rx_ok status --json
	expect_jq '.[0].held == []'
}
