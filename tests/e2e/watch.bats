#!/usr/bin/env bats
# The same for ever: each save is a round, and the image follows. What git does: watch-git.bats; changes during a build: watch-busy.bats;
# the configuration: watch-config.bats; the image and errors: watch-trouble.bats; signals and the terminal: watch-terminal.bats.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() { fixture_teardown; }

MAIN=drivers/net/netd/src/main.rs

# main_rs N: netd's source as a save number N has it.
main_rs() {
	printf 'fn main() {\n    println!("netd=%s {}", proto::mark());\n}\n' "$1"
}

@test "a start brings the image up to date, then each save does" {
	watch
	expect_round ok inputd multi netd odd_pkg beacon
	mark netd 2
	expect_round ok netd
	mark inputd 2
	expect_round ok inputd
	stop_watch
	netd_says "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
}

@test "ready says how many it watches, and comes before any round; events keep the documented order" {
	watch
	expect_round ok inputd multi netd odd_pkg beacon
	mark netd 2
	expect_round ok netd
	stop_watch
	expect_json
	expect_jq '.[0].event == "ready" and (.[0].watches | type == "number" and . > 5)'
	expect_jq 'all(.[]; (.event | type == "string") and (.t_ms | type == "number"))'
	expect_jq '[.[].t_ms] | . == sort'
	expect_jq '[.[] | select(.event == "ready")] | length == 1'
	expect_jq '[.[] | select(.event == "change") | .packages] | any(.[]; index("netd"))'
	# Each round is a run of its own: change, plan, build and put, swap, done.
	expect_jq '[.[] | select(.event == "plan") | .run] as $p | [.[] | select(.event == "done") | .run] as $d | $p == $d and ($p | length == 2 and .[0] < .[1])'
	expect_jq '[.[].event | select(IN("change", "plan", "build", "put", "swap", "done"))] | join(" ") |
		test("^(change plan (build |put )+swap done ?){2}$")'
	rx_ok log --json
	expect_jq '[.[] | .verb] | index("watch") != null'
}

@test "a start on an image that is up to date does nothing" {
	rest
	local sum
	sum=$(image_sum)
	watch
	expect_equal "$(rounds)" ""
	# The first look was made: a save is a round of its own package only.
	expect_quiet
	stop_watch
	refute test "$sum" = "$(image_sum)"
}

# ---- how a file is saved

@test "saves by write, by truncate and write, by append" {
	rest
	watch
	main_rs 2 >"$SRC/$MAIN"
	expect_round ok netd
	truncate -s 0 "$SRC/$MAIN"
	main_rs 3 >>"$SRC/$MAIN"
	last_round ok netd
	printf '// one more line\nconst _LATER: u8 = 4;\n' >>"$SRC/$MAIN"
	any_round netd
	printf '#[used]\nstatic _LAST: [u8; 9] = *b"rx-append";\n' >>"$SRC/$MAIN"
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=3 proto=1 common=1"
	in_image grep -q rx-append usr/lib/drivers/netd
}

# It looks while the quiet time passes: the pauses are longer than the quarter of it after which that is done.
@test "a second save within the quiet time is the one that counts, also when it takes the first one back" {
	rest
	watch -o watch.quiet_ms=4000
	main_rs 2 >"$SRC/$MAIN"
	pause 1.2
	git -C "$SRC" checkout -q -- "$MAIN"
	expect_quiet
	main_rs 2 >"$SRC/$MAIN"
	pause 1.2
	main_rs 3 >"$SRC/$MAIN"
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=3 proto=1 common=1"
}

@test "saves by rename: a temporary file beside it, one elsewhere, one with an older time" {
	rest
	watch
	main_rs 2 >"$SRC/drivers/net/netd/src/.main.rs.tmp"
	mv "$SRC/drivers/net/netd/src/.main.rs.tmp" "$SRC/$MAIN"
	last_round ok netd
	main_rs 3 >"$T/tmp/main.rs"
	mv "$T/tmp/main.rs" "$SRC/$MAIN"
	expect_round ok netd
	netd_says "netd=3 proto=1 common=1"
	# cargo calls this fresh, and is wrong.
	main_rs 4 >"$T/tmp/main.rs"
	touch -d '2020-01-01' "$T/tmp/main.rs"
	mv "$T/tmp/main.rs" "$SRC/$MAIN"
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=4 proto=1 common=1"
}

@test "an editor that keeps a backup: the old file renamed, a new one written, the backup deleted" {
	rest
	watch
	mv "$SRC/$MAIN" "$SRC/$MAIN~"
	main_rs 2 >"$SRC/$MAIN"
	rm "$SRC/$MAIN~"
	last_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=2 proto=1 common=1"
}

@test "a save of the same content builds nothing, nor does touch" {
	rest
	note_cargo
	watch
	cp "$SRC/$MAIN" "$T/tmp/same"
	# Neither empty for a moment nor under a name of its own: a slow machine may look just then, and would be right to build.
	dd if="$T/tmp/same" of="$SRC/$MAIN" conv=notrunc status=none
	touch "$SRC/$MAIN" "$SRC/drivers/inputd/src/main.rs"
	mv "$T/tmp/same" "$SRC/$MAIN"
	expect_quiet
	expect_quiet
	expect_equal "$(cargo_builds)" ""
	stop_watch
}

@test "swap files of editors: what git ignores builds nothing, the others are content" {
	printf 'target\n*.swp\n*~\n' >"$SRC/.gitignore"
	commit 'editors'
	rest
	note_cargo
	watch
	printf 'vim was here' >"$SRC/drivers/net/netd/src/.main.rs.swp"
	printf 'backup' >"$SRC/$MAIN~"
	expect_quiet
	expect_equal "$(cargo_builds)" ""
	# vim's 4913: made and deleted at once. Whether a look falls between is open; afterwards nothing differs.
	printf 'x' >"$SRC/drivers/net/netd/src/4913"
	rm "$SRC/drivers/net/netd/src/4913"
	beacon
	next_round
	while [[ $round != *beacon* ]]; do
		[[ $round =~ ^(ok|nothing|cancelled)\ netd$ ]] || watch_fail "4913 gave: $round"
		next_round
	done
	# One that stays is an untracked file of the package: stale by content, though the program comes out the same.
	printf 'x' >"$SRC/drivers/net/netd/src/notes.txt"
	expect_round nothing netd
	rm "$SRC/drivers/net/netd/src/notes.txt"
	any_round netd
	expect_quiet
	stop_watch
	expect_stale
}

# ---- folders

# as_module I DIR: the package gets a module in new folders, file and folders at once.
as_module() {
	mkdir -p "$SRC/$2"
	printf 'pub fn v() -> u32 { %s }\n' "$1" >"$SRC/$2/c.rs"
}

@test "mkdir -p a/b/c with a file in it at once: 20 of 20 are seen" {
	rest
	watch
	local i main=$SRC/$MAIN
	for ((i = 1; i <= 20; i++)); do
		# The module alone is what this round is made of; nothing else is touched after it.
		as_module "$i" "drivers/net/netd/src/a$i/b/c"
		any_round netd
	done
	{
		for ((i = 1; i <= 20; i++)); do printf '#[path = "a%d/b/c/c.rs"]\nmod m%d;\n' "$i" "$i"; done
		printf 'fn main() {\n    println!("netd={} {}", 0'
		for ((i = 1; i <= 20; i++)); do printf ' + m%d::v()' "$i"; done
		printf ', proto::mark());\n}\n'
	} >"$T/tmp/main.rs"
	mv "$T/tmp/main.rs" "$main"
	expect_round ok netd
	# And a save in the last of them.
	as_module 120 drivers/net/netd/src/a20/b/c
	expect_round ok netd
	stop_watch
	netd_says "netd=310 proto=1 common=1"
}

@test "a folder moved into a package from outside, saved in, renamed, deleted" {
	rest
	watch
	mkdir -p "$T/outside/mod/deep"
	printf 'pub const V: u32 = 7;\n' >"$T/outside/mod/deep/v.rs"
	mv "$T/outside/mod" "$SRC/drivers/net/netd/src/moved"
	expect_round nothing netd
	printf '#[path = "moved/deep/v.rs"]\nmod v;\nfn main() {\n    println!("netd={} {}", v::V, proto::mark());\n}\n' >"$SRC/$MAIN"
	expect_round ok netd
	# A file in a folder that was moved in.
	printf 'pub const V: u32 = 8;\n' >"$SRC/drivers/net/netd/src/moved/deep/v.rs"
	expect_round ok netd
	netd_says "netd=8 proto=1 common=1"
	# Renamed: the build fails until the source names the new one.
	mv "$SRC/drivers/net/netd/src/moved" "$SRC/drivers/net/netd/src/named"
	expect_round failed netd
	sed -i 's,moved/deep,named/deep,' "$SRC/$MAIN"
	any_round netd
	printf 'pub const V: u32 = 9;\n' >"$SRC/drivers/net/netd/src/named/deep/v.rs"
	expect_round ok netd
	netd_says "netd=9 proto=1 common=1"
	main_rs 10 >"$SRC/$MAIN"
	expect_round ok netd
	rm -r "$SRC/drivers/net/netd/src/named"
	any_round netd
	expect_quiet
	stop_watch
	netd_says "netd=10 proto=1 common=1"
	expect_stale
}

@test "a file deleted: the build fails; brought back: it is fresh again" {
	rest
	watch
	rm "$SRC/$MAIN"
	expect_round failed netd
	# What the image holds is of just this content: nothing is to be done.
	main_rs 1 >"$SRC/$MAIN"
	expect_settled
	expect_quiet
	stop_watch
	netd_says "netd=1 proto=1 common=1"
	expect_stale
}

@test "a symlink retargeted and an executable bit are content" {
	main_rs 1 >"$SRC/drivers/net/netd/src/one.rs"
	main_rs 2 >"$SRC/drivers/net/netd/src/two.rs"
	ln -sf one.rs "$SRC/$MAIN"
	printf '#!/bin/sh\n' >"$SRC/drivers/net/netd/gen.sh"
	commit 'a link'
	rest
	watch
	ln -sfn two.rs "$SRC/$MAIN"
	last_round ok netd
	netd_says "netd=2 proto=1 common=1"
	chmod +x "$SRC/drivers/net/netd/gen.sh"
	expect_round nothing netd
	expect_quiet
	stop_watch
	expect_stale
}

# ---- what is not looked at

@test "2,000 files written in target/ make no round" {
	rest
	note_cargo
	watch
	mkdir -p "$SRC/target/many"
	awk -v d="$SRC/target/many" 'BEGIN { for (i = 0; i < 2000; i++) { f = d "/f" i ".rs"; print i >f; close(f) } }'
	expect_quiet
	rm -r "$SRC/target/many"
	expect_quiet
	expect_equal "$(cargo_builds)" ""
	stop_watch
}

@test "a tracked file counts though .gitignore names it; an untracked one that is compiled counts too" {
	printf '#[path = "gen.rs"]\nmod gen;\n#[path = "local.rs"]\nmod local;\nfn main() {\n    println!("netd={}{} {}", gen::V, local::V, proto::mark());\n}\n' >"$SRC/$MAIN"
	printf 'pub const V: u32 = 1;\n' >"$SRC/drivers/net/netd/src/gen.rs"
	printf 'pub const V: u32 = 1;\n' >"$SRC/drivers/net/netd/src/local.rs"
	g add -f "$MAIN" drivers/net/netd/src/gen.rs
	printf 'target\ngen.rs\nlocal.rs\n' >"$SRC/.gitignore"
	commit 'ignored and tracked'
	rest
	watch
	printf 'pub const V: u32 = 2;\n' >"$SRC/drivers/net/netd/src/gen.rs"
	expect_round ok netd
	printf 'pub const V: u32 = 2;\n' >"$SRC/drivers/net/netd/src/local.rs"
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=22 proto=1 common=1"
}

@test "folders that ignore names are not looked at, tracked or not" {
	mkdir -p "$SRC/drivers/net/netd/vendor/deep"
	printf '1\n' >"$SRC/drivers/net/netd/vendor/deep/tracked"
	commit 'vendor'
	ini_set 'source base' ignore drivers/net/netd/vendor
	rest
	watch
	printf '2\n' >"$SRC/drivers/net/netd/vendor/deep/tracked"
	printf '2\n' >"$SRC/drivers/net/netd/vendor/deep/untracked"
	mkdir "$SRC/drivers/net/netd/vendor/more"
	expect_quiet
	stop_watch
	expect_stale
}

# ---- what is asked for

@test "watch PKG... narrows" {
	rest
	watch netd odd_pkg
	mark inputd 2
	mark netd 2
	expect_round ok netd
	mark common 2
	expect_round ok netd
	mark inputd 3
	mark odd 2
	expect_round ok odd_pkg
	stop_watch
	expect_equal "$(built_by_watch | sort -u | paste -sd' ')" "netd odd_pkg"
	expect_stale inputd
}

@test "watch of a package that is not there is wrong use" {
	rx watch --json nosuch
	expect_refused 2
	expect_err nosuch
	expect_nothing_left
}

@test "watch without a configuration is exit 2" {
	rm "$TREE/reinject.ini"
	rx watch --json
	expect_refused 2
}

@test "hold_over: of too many only those that changed directly are built, the others are named" {
	ini_add <<<$'[watch]\nhold_over = 1'
	rest
	watch
	# inputd and netd depend on it, neither changed itself.
	mark common 2
	told 20 'inputd.*netd|netd.*inputd'
	beacon
	next_round
	[[ $round == "ok beacon" ]] || watch_fail "held ones were built: $round"
	# netd changed directly; inputd goes on waiting.
	mark netd 2
	expect_round ok netd
	expect_equal "$(built_by_watch)" netd
	stop_watch
	netd_says "netd=2 proto=1 common=2"
	expect_stale inputd
}

# ---- the sources come and go

@test "a package deleted, folder and entry, and brought back" {
	rest
	watch
	cp -a "$SRC/drivers/net/netd" "$T/tmp/netd"
	cp "$SRC/Cargo.toml" "$T/tmp/Cargo.toml"
	sed -i 's| "drivers/net/netd",||' "$SRC/Cargo.toml"
	rm -r "$SRC/drivers/net/netd"
	gone() { refute image_has /usr/lib/drivers/netd 2>/dev/null; }
	wait_until 40 gone || watch_fail "what is gone is still in the image"
	cp -a "$T/tmp/netd" "$SRC/drivers/net/netd"
	cat "$T/tmp/Cargo.toml" >"$SRC/Cargo.toml"
	back() { image_has /usr/lib/drivers/netd; }
	wait_until 40 back || watch_fail "what came back is not in the image"
	# At rest afterwards, and a save is seen in the folder that came back.
	mark netd 2
	programs() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=2 proto=1 common=1" ]]; }
	wait_until 40 programs || watch_fail "a save in the folder that came back is not seen"
	stop_watch
	expect_stale
}

@test "the source replaced as a whole while it watches" {
	rest
	watch
	cp -a "$SRC" "$T/other"
	SRC=$T/other mark netd 2
	commit "$T/other" 'another tree'
	mv "$SRC" "$T/old"
	cp -a "$T/other" "$SRC"
	two() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=2 proto=1 common=1" ]]; }
	wait_until 40 two || watch_fail "the new tree is not in the image"
	mark inputd 2
	inputs() { [[ $(image_says /usr/lib/drivers/inputd 2>/dev/null) == "inputd=2 common=1" ]]; }
	wait_until 40 inputs || watch_fail "a save in the new tree is not seen"
	# Nothing of the old one is looked at any more.
	SRC=$T/old mark odd 7
	mark odd 2
	odds() { [[ $(image_says /usr/bin/rxe2e-odd 2>/dev/null) == "odd=2" ]]; }
	wait_until 40 odds || watch_fail "a save in the new tree is not seen"
	stop_watch
	expect_stale
}

@test "one watch for each project; it can be paused, resumed and waited for" {
	watch
	rx watch
	expect_refused 75
	expect_err "$pid_watch"
	rx_ok watch --wait
	mark netd 2
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok watch --pause
	mark netd 3
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok watch --resume
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=3 proto=1 common=1"
	stop_watch
	rx watch --wait
	expect_refused 1
	expect_err 'no watch runs'
}

@test "a command after a round that went well, and after one that did not" {
	cat >"$T/told.sh" <<-END
		#!/bin/sh
		echo "\$1 \$REINJECT_RUN \$REINJECT_RESULT \$REINJECT_PACKAGES \$REINJECT_IMAGE \$REINJECT_COMMIT" >>'$T/told'
		echo said by \$1
	END
	chmod +x "$T/told.sh"
	ini_add <<-END
		[watch]
		on_success = $T/told.sh well
		on_failure = $T/told.sh badly
	END
	rx_ok refresh
	watch
	mark netd 2
	soon 60 '.event == "done" and .result == "ok"'
	wait_until 20 test -s "$T/told"
	break_source inputd
	soon 60 '.event == "done" and .result == "failed"'
	wait_until 20 grep -q badly "$T/told"
	stop_watch
	local head
	head=$(git -C "$SRC" rev-parse HEAD)
	expect_equal "$(cat "$T/told")" "well 2 ok netd $IMAGE $head
badly 3 failed  $IMAGE $head"
	expect_err 'said by badly'
}
