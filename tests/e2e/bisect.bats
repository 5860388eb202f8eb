#!/usr/bin/env bats
# Which run keeps the image from booting: images of the past, made beside the image and booted.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() { night_setup_file; }
setup() { night_setup; }
teardown() { night_teardown; }

# six_runs: runs 2 to 7 put version 2 of d1 to d6, a commit each; run 1 has booted.
six_runs() {
	local d
	night_good
	for d in d1 d2 d3 d4 d5 d6; do
		edit "$d" 2
		commit "$d 2"
		rx_ok refresh
	done
}

@test "the run after which it does not boot is found, with its packages and commits; the image is only read" {
	local sum commit
	six_runs
	sum=$(image_sum)
	guest_of '[[ ${v[d4]} != 2 ]] || panic pcid'
	rx bisect --json
	expect_status 0
	expect_json
	commit=$(git -C "$SRC" rev-parse 'HEAD~2')
	expect_jq 'map(select(has("good")))[0] | .result == "found" and .good == 1 and .bad == 7 and .run == 5 and .verb == "refresh"'
	expect_jq 'map(select(has("good")))[0] | .packages == ["d4"] and .commits == [$commit] and .line == "panicked at pcid"' --arg commit "base=$commit"
	# The two ends, three by halving, one afresh.
	expect_jq 'map(select(has("good")))[0].trials <= 6'
	expect_untouched "$sum"
	# What was booted to find out is nobody's good image.
	expect_equal "$(cd "$TREE" && echo *.good)" disk.img.good
	machine_end
	# The image that was booted for run 5 had what run 5 had left.
	grep -q '^d1=2 d2=2 d3=2 d4=2 d5=1 ' "$T/booted" || fail "$(cat "$T/booted")"
	rx_ok bisect 1 7
	expect_out 'run 5 .refresh. is the first after which the image does not boot'
}

@test "a file that came, changed and went: each image has what it had then" {
	night_good
	ini_add <<-END
		[package extra]
		paths = extra
		command = sh $T/extra.sh
		artifact = target/extra
		dest = /usr/lib/drivers
	END
	mkdir -p "$SRC/extra"
	# d9 is a copy of a driver under another name: only the image of run 2 has it.
	printf 'cp %q %q\n' "$SRC/target/release/d1" "$SRC/target/extra" >"$T/extra.sh"
	: >"$SRC/extra/x"
	commit 'extra'
	rx_ok refresh
	rx_ok rollback
	edit d1 2
	commit 'd1 2'
	rx_ok refresh
	guest_of '[[ ! -e $T/nothing ]]; [[ ${v[d1]} != 2 ]] || panic d1'
	rx bisect --json
	expect_status 0
	expect_json
	expect_jq 'map(select(has("good")))[0] | .run == 4 and .packages == ["d1"]'
}

@test "it boots: nothing to find, 1; the good one does not: the host, 3; other lines each time: 1" {
	six_runs
	guest_of :
	rx bisect
	expect_status 1
	expect_out 'boots: there is nothing to find'
	machine_end
	guest_of 'panic always'
	rx bisect
	expect_status 3
	expect_out 'the host or the guest'
	machine_end
	guest_of 'panic $(wc -l <$T/booted)'
	rx bisect
	expect_status 1
	expect_out 'no run is named'
}

@test "wrong ends, no good one, contents that are pruned: said with what to do" {
	six_runs
	rx bisect 7 3
	expect_status 2
	expect_err 'the good run comes first'
	rx bisect x
	expect_status 2
	rm "$IMAGE.good"
	guest_of '[[ ${v[d2]} != 2 ]] || panic d2'
	# The journal knows that run 1 has booted.
	rx bisect
	expect_status 0
	expect_out 'run 3'
	machine_end
	rm -r "$TREE/.reinject/blobs"
	rx bisect
	expect_status 1
	expect_err 'pruned'
	expect_nothing_left
}
