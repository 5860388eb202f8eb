#!/usr/bin/env bats
# More of the search for what keeps an image from booting: nights that are killed or reach their limit, boots that fail at a whim, and what is told and kept
# afterwards. The drivers and the machine are those of culprits.bats (lib/night).

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() { night_setup_file; }
setup() { night_setup; }
teardown() { night_teardown; }

@test "a night that was killed amid its search is made again, and what a killed one left unproved is proved" {
	night_good
	commit_each d1 d2 d3
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2'
	start killed "$REINJECT" nightly --json
	wait_until 60 grep -q 'trial 3' "$T/killed.err" || fail "$(cat "$T/killed.err")"
	kill -KILL "$pid_killed"
	finish killed
	machine_end
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["d2"])'
	expect_drivers 2 1 2 1 1 1 1 1
	expect_kept_booted
	commit_each d5
	guest <<<'echo hello; exec sleep 60'
	start killed "$REINJECT" nightly --json
	wait_until 60 grep -q '"swap"' "$T/killed.out" || fail "$(cat "$T/killed.err")"
	kill -KILL "$pid_killed"
	finish killed
	machine_end
	guest_of :
	night 0
	expect_night '.result == "good"'
	expect_err 'did not come to its end'
	expect_drivers 2 1 2 1 2 1 1 1
	expect_kept_booted
}

@test "what was kept is a run like any other: it can be rolled back" {
	night_good
	commit_each d1 d2
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2'
	night 1
	expect_drivers 2 1 1 1 1 1 1 1
	# Its record stands with the refresh that it began with.
	rx_ok show 2 --json
	expect_jq '.[0].night | .event == "night" and .result == "culprits" and .culprits[0].packages == ["d2"] and .kept == ["d1"]'
	rx_ok show 1 --json
	expect_jq '.[0] | has("night") and .night == null'
	rx_ok log --json
	expect_jq '.[0].verb == "nightly" and .[0].packages == ["d1"]'
	rx_ok rollback
	expect_drivers 1 1 1 1 1 1 1 1
}

@test "a boot that fails one time in three: in twenty seeded nights nobody is named" {
	local seed
	night_good
	ini_set nightly attempts 3
	for seed in $(seq 20); do
		edit d1 d2 $((seed + 1))
		commit "seed $seed"
		edit d3 $((seed + 1))
		commit "seed $seed: d3"
		echo "$seed" >"$T/seed"
		: >"$T/tries"
		# A draw for each boot, by the night's seed and the boot's number.
		guest <<-'END'
			echo x >>"$T/tries"
			n=$(( ($(<"$T/seed") * 7919 + $(wc -l <"$T/tries") * 104729) % 65521 ))
			n=$(( n * n % 65521 * 31 % 65521 ))
			((n % 3)) || { echo "panicked at a whim"; exec sleep 60; }
			printf 'login: '
			answer() { :; }
			serve
		END
		rx nightly --json
		machine_end
		expect_night '.culprits == []'
		expect_night '.result == "good" or .result == "flaky" or .result == "host"'
	done
	rx_ok status --json
	expect_jq '.[0].held == []'
}

@test "killed at twenty random moments and started again: the image is whole each time, and the culprit is found at last" {
	local i ms
	night_good
	commit_each d1 d2 d3
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2'
	RANDOM=20260102
	for i in $(seq 20); do
		ms=$((RANDOM % 2500 + 20))
		start killed "$REINJECT" nightly --json
		pause "$((ms / 1000)).$(printf '%03d' $((ms % 1000)))"
		kill -KILL "$pid_killed" 2>/dev/null || true
		finish killed
		machine_end
		rx_ok image check --deep
	done
	rx nightly --json
	machine_end
	rx_ok status --json
	expect_jq '.[0].held == ["d2"]'
	expect_drivers 2 1 2 1 1 1 1 1
	expect_nothing_left
}

@test "the room that replaced files leak is got back before the boot, once it is past the limit" {
	night_good
	ini_set image leak_limit_mb 1
	local i
	for i in 2 3 4 5 6 7; do
		edit d1 d2 d3 d4 d5 d6 d7 d8 "$i"
		rx_ok refresh
	done
	edit d1 9
	commit 'd1 9'
	night 0
	expect_night '.result == "good" and .compacted'
	expect_kept_booted
}

@test "the report: the last night first, whom it has named, since when it is held; its numbers are the journal's" {
	night_good
	commit_each d1 d2
	guest_of '[[ ${v[d2]} != 2 ]] || panic "<b>d2</b>"'
	night 1
	local page=$TREE/.reinject/report.html boots trials
	boots=$(jq -s 'map(select(.event == "night"))[0].boots' "$T/out")
	trials=$(jq -s 'map(select(.event == "night"))[0].trials' "$T/out")
	python3 "$REPO/tests/lib/report.py" "$page" >"$T/page.json" || fail "the page cannot be read"
	expect_equal "$(jq -c .faults "$T/page.json")" '[]'
	jq -e --argjson boots "$boots" --argjson trials "$trials" \
		'.night == {night: 1, result: "culprits", boots: $boots, trials: $trials} and .held == ["d2"]' "$T/page.json" >/dev/null ||
		fail "$(jq -c '[.night, .held]' "$T/page.json")"
	grep -q 'panicked at &lt;b&gt;d2' "$page"
	grep -qE '<code>[0-9a-f]{8} d2 2</code>' "$page"
	# The next night says the same of what is held.
	night 0
	python3 "$REPO/tests/lib/report.py" "$page" >"$T/page.json"
	jq -e '.night.result == "nothing" and .held == ["d2"]' "$T/page.json" >/dev/null || fail "$(jq -c '[.night, .held]' "$T/page.json")"
	grep -q 'Held since' "$page"
}

@test "a guest that writes into the trial it runs from: what is kept is made again, of the same files" {
	night_good
	commit_each d1 d2
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2; [[ $RAW_IMG != *.shadow ]] || dd if="$RAW_IMG" of="$RAW_IMG" bs=1 count=1 conv=notrunc status=none'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["d2"])'
	expect_err 'is made again, of the same files'
	expect_drivers 2 1 1 1 1 1 1 1
	expect_kept_booted
	rx_ok status --json
	expect_jq '.[0].stale == [] and .[0].held == ["d2"]'
}

@test "a line at which the good image has failed as well, before it came up, proves nothing" {
	night_good
	commit_each d1 d2
	# The third boot is the control's first.
	guest_of '(($(wc -l <$T/booted) != 3)) || panic d2; [[ ${v[d2]} != 2 ]] || panic d2'
	night 1
	expect_night '.result == "flaky" and .culprits == []'
	expect_drivers 1 1 1 1 1 1 1 1
	rx_ok status --json
	expect_jq '.[0].held == []'
}

@test "a file that is gone may be the culprit, too: it is back" {
	night_good
	commit_each d1
	sed -i '/^\[package d3\]$/,/^$/d' "$TREE/reinject.ini"
	guest_of '[[ -n ${v[d3]} ]] || panic "no d3"'
	night 1
	expect_night '.result == "culprits" and ([.culprits[].packages[]] == ["d3"]) and .kept == ["d1"]'
	expect_drivers 2 1 1 1 1 1 1 1
	expect_kept_booted
}

@test "the night's limit is reached amid the search: who was proved to be at fault before is held, and nobody else" {
	night_good
	commit_each d1 d2
	# d1 is found at once; the boot without it never ends, and the limit comes.
	guest_of '[[ ${v[d1]} != 2 ]] || panic d1; [[ ${v[d2]} != 2 ]] || { : >"$T/hangs"; hang; }'
	ini_set boot timeout_s 600
	ini_set nightly timeout_s 40
	night 1
	[[ -e $T/hangs ]] || fail "the limit came too early for this test"
	expect_night '.result == "spent" and ([.culprits[].packages[]] == ["d1"])'
	expect_drivers 1 1 1 1 1 1 1 1
	rx_ok status --json
	expect_jq '.[0].held == ["d1"]'
}

@test "what a killed night left is proved although something does not compile now, and that is no good night" {
	night_good
	commit_each d1
	guest <<<'echo hello; exec sleep 60'
	start killed "$REINJECT" nightly --json
	wait_until 60 grep -q '"swap"' "$T/killed.out" || fail "$(cat "$T/killed.err")"
	kill -KILL "$pid_killed"
	finish killed
	machine_end
	printf 'fn broken( {\n' >>"$SRC/d2/src/main.rs"
	commit 'half of it'
	guest_of :
	night 1
	expect_night '.result == "failed" and .boots == 1'
	expect_kept_booted
}
