#!/usr/bin/env bash
# make bench-inject: what it costs to get a 5 MB driver from cargo's exit into a 512 MB RedoxFS image that holds 160 MB, by reinject and by hand, in one
# run, round by round beside each other:
#   (a) reinject: strip, temp file, fsync, rename, read back through a second mount, fsync, swap (after_build_ms of its `swap` event)
#   (b) the same guarantees by shell: strip, copy the image, mount, cp, fsync, umount, mount, cmp, umount, fsync, mv
#   (c) the line its users type: strip, mount, sleep 2, cp, sync, umount - in place, nothing verified
#   (d) the bare unsafe line: mount, cp, sync, umount of a file that was stripped before
# and reinject's memory, the whole way from a saved file, and a refresh that finds nothing stale.
#
# ROUNDS=N (9 at least). Exit status 0 unless something failed to run: a bar that is missed is printed, a figure is no test.
# Everything lies in build/bench, where workspace and image are kept for the next time. Needs root. No mount and no process is left.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$root/build/tools/bin:$PATH LC_ALL=C
reinject=${REINJECT:-$root/build/reinject}
rounds=${ROUNDS:-9}
((rounds >= 9)) || rounds=9
bench=$root/build/bench tree=$root/build/bench/tree figures=$root/build/bench/figures
binary=$tree/source/target/release/bulkd in_image=usr/lib/drivers/bulkd
# shellcheck source-path=SCRIPTDIR source=../../tools/image.bash
. "$root/tools/image.bash"
# shellcheck source-path=SCRIPTDIR source=results.bash
. "$root/tests/bench/results.bash"
unset "${!GIT_@}" RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTC_WRAPPER REINJECT_FAULT MAKEFLAGS MAKELEVEL

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

finish() {
	local status=$?
	trap '' INT TERM HUP
	image_cleanup
	# (c) and (d) mount without image_mount, as people do.
	if image_is_mounted "$bench/line"; then umount "$bench/line" || true; fi
	rm -f "$bench"/shell.img* "$bench/line.img"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

microseconds() { printf '%s' "${EPOCHREALTIME/./}"; }

# timed NAME COMMAND...: runs it and notes its milliseconds, with one decimal, under NAME.
timed() {
	local name=$1 start end
	shift
	start=$(microseconds)
	"$@"
	end=$(microseconds)
	note "$name" "$(((end - start) / 1000)).$(((end - start) / 100 % 10))"
}

note() { printf '%s\n' "$2" >>"$figures/$1"; }

# ---- what is measured on

# A driver that compiles for 0.6 s, which is what the quicker of the real ones take after a touch (docs/facts/cargo-workspace.md).
driver_source() {
	local main=$1/source/drivers/bulkd/src/main.rs
	cat >"$main" <<-'END'
		static DATA: &[u8] = include_bytes!("data.bin");

		fn main() {
		    let state = DATA.iter().map(|&byte| u64::from(byte)).sum::<u64>();
		    println!("bulkd: {} {}", state, REGISTERS.iter().fold(state, |state, read| read(state)));
		}

	END
	awk 'BEGIN {
		for (i = 0; i < 120; i++)
			printf "fn register_%d(state: u64) -> u64 {\n    let text = format!(\"{:x}-%d\", state);\n    text.bytes().map(u64::from).sum::<u64>() ^ %d\n}\n", i, i, i
		printf "\nstatic REGISTERS: [fn(u64) -> u64; 120] = ["
		for (i = 0; i < 120; i++)
			printf "register_%d, ", i
		print "];"
	}' >>"$main"
}

new_data() { head -c 4650000 /dev/urandom >"$tree/source/drivers/bulkd/src/data.bin"; }

make_tree() {
	printf 'bench: making a workspace and a 512 MB image with 160 MB in it (once)\n' >&2
	rm -rf "$tree" "$tree.new"
	"$root/tools/sample.sh" --size 512M --fill 160 "$tree.new"
	mkdir -p "$tree.new/source/drivers/bulkd/src"
	printf '[package]\nname = "bulkd"\nversion = "0.1.0"\nedition = "2021"\n' >"$tree.new/source/drivers/bulkd/Cargo.toml"
	driver_source "$tree.new"
	printf '\n[package bulkd]\npaths = drivers/bulkd\n' >>"$tree.new/packages.ini"
	mv "$tree.new/disk.img" "$tree.new/pristine.img"
	mv "$tree.new" "$tree"
	new_data
	git -C "$tree/source" add -A
	git -C "$tree/source" -c user.name=bench -c user.email=bench@localhost -c commit.gpgsign=false -c core.hooksPath=/dev/null \
		commit -q -m 'A driver of 5 MB'
}

prepare() {
	local image
	[[ -x $reinject ]] || fail "there is no program at '$reinject': run make"
	command -v redoxfs >/dev/null || fail "redoxfs is missing: 'make deps' builds it"
	mkdir -p "$bench/line"
	if image_is_mounted "$bench/line"; then umount "$bench/line"; fi
	[[ -e $tree/pristine.img ]] || make_tree
	driver_source "$tree"
	rm -rf "$figures" "$tree/.reinject" "$tree"/disk.img*
	mkdir "$figures"
	for image in "$tree/disk.img" "$bench/shell.img" "$bench/line.img"; do
		cp --sparse=always --reflink=auto "$tree/pristine.img" "$image"
	done
	printf 'bench: the first refresh, which builds everything (not measured)\n' >&2
	"$reinject" -q -C "$tree" refresh
	cp "$binary" "$bench/first" && llvm-strip "$bench/first" -o "$bench/stripped" && rm "$bench/first"
}

# ---- (a)

# peak_memory PID: kilobytes that it ever had resident, itself and not its children; nothing once it has ended.
peak_memory() {
	local key value _
	{ while read -r key value _; do [[ $key != VmHWM: ]] || printf '%s' "$value"; done </proc/"$1"/status; } 2>/dev/null || true
}

# One refresh; its memory is read at each event, the last of which comes when nothing is left to do.
by_reinject() {
	local line now peak='' events=$figures/events start swapped=''
	: >"$events"
	start=$(microseconds)
	exec {from}< <(exec "$reinject" -q -C "$tree" refresh --json)
	local pid=$!
	while read -r -u "$from" line; do
		if [[ $line == *'"event":"swap"'* ]]; then swapped=$(microseconds); fi
		printf '%s\n' "$line" >>"$events"
		now=$(peak_memory "$pid")
		peak=${now:-$peak}
	done
	exec {from}<&-
	wait "$pid" || fail "reinject refresh failed: $(tail -n 1 "$events")"
	[[ -n $swapped ]] || fail "nothing was swapped: $(tail -n 1 "$events")"
	note save_to_swap "$(((swapped - start) / 1000)).$(((swapped - start) / 100 % 10))"
	note memory_kb "${peak:-0}"
}

# note_event KEY FILTER: a number out of the events of the last refresh.
note_event() {
	local value
	value=$(jq -r "$2 // empty" "$figures/events")
	[[ -n $value ]] || fail "no such event in: $(cat "$figures/events")"
	note "$1" "$value"
}

nothing_stale() { "$reinject" -q -C "$tree" refresh; }

# ---- (b), (c), (d)

strip_it() { llvm-strip "$binary" -o "$bench/stripped"; }

by_shell() {
	strip_it
	cp --sparse=always --reflink=auto "$bench/shell.img" "$bench/shell.img.new"
	image_mount "$bench/shell.img.new" "$bench/shell"
	cp "$bench/stripped" "$bench/shell/$in_image.new"
	sync "$bench/shell/$in_image.new"
	mv "$bench/shell/$in_image.new" "$bench/shell/$in_image"
	image_unmount "$bench/shell"
	image_mount "$bench/shell.img.new" "$bench/shell"
	cmp "$bench/stripped" "$bench/shell/$in_image"
	image_unmount "$bench/shell"
	sync "$bench/shell.img.new"
	mv "$bench/shell.img.new" "$bench/shell.img"
}

by_hand() {
	strip_it
	redoxfs "$bench/line.img" "$bench/line" 2>/dev/null &
	sleep 2 # the very thing that is measured: the user's own line has it
	cp "$bench/stripped" "$bench/line/$in_image"
	sync
	umount "$bench/line"
}

by_hand_bare() {
	redoxfs "$bench/line.img" "$bench/line" 2>/dev/null
	cp "$bench/stripped" "$bench/line/$in_image"
	sync
	umount "$bench/line"
}

# Its daemon ends some time after umount has returned; the next round must not meet it. Not part of what is measured.
line_is_free() {
	local pid
	for pid in $(pgrep -x redoxfs); do
		! tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$bench/line.img " || return 1
	done
}

# ---- the rounds

one_round() {
	local way
	new_data
	sync
	timed save_to_exit by_reinject
	note_event reinject 'select(.event == "swap") | .after_build_ms'
	note_event cargo 'select(.event == "build" and .package == "bulkd") | .ms'
	sync
	timed nothing_stale nothing_stale
	timed strip strip_it
	for way in by_shell by_hand by_hand_bare; do
		sync
		timed "$way" "$way"
		wait_for 20000 line_is_free || fail "a redoxfs of this bench does not end"
	done
	note ratio "$(times_cargo save_to_swap)"
	note exit_ratio "$(times_cargo save_to_exit)"
}

times_cargo() {
	awk -v whole="$(tail -n 1 "$figures/$1")" -v cargo="$(tail -n 1 "$figures/cargo")" 'BEGIN { printf "%.2f", whole / cargo }'
}

# The image that reinject swapped in last holds what cargo built last.
verify() {
	cp --sparse=always --reflink=auto "$tree/disk.img" "$bench/shell.img.new"
	image_mount "$bench/shell.img.new" "$bench/shell"
	cmp "$bench/stripped" "$bench/shell/$in_image" || fail "the image has another driver than cargo built"
	image_unmount "$bench/shell"
}

# ---- what came out

median() { sort -n "$figures/$1" | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# row NAME UNIT TEXT
row() {
	printf '%-66s %9s %s   %s - %s\n' "$3" "$(median "$1")" "$2" "$(sort -n "$figures/$1" | head -n 1)" "$(sort -n "$figures/$1" | tail -n 1)"
}

# bar TEXT A B: does A keep below B?
bar() {
	if awk -v a="$2" -v b="$3" 'BEGIN { exit !(a <= b) }'; then printf '  holds   %s: %s <= %s\n' "$@"; else printf '  MISSED  %s: %s > %s\n' "$@"; fi
}

report() {
	printf '\n%d rounds, %d bytes of driver, %s, %s cores\n\n' "$rounds" "$(stat -c %s "$bench/stripped")" \
		"$(df --output=fstype "$bench" | tail -n 1)" "$(nproc)"
	printf '%-66s %12s   %s\n' '' 'median' 'min - max'
	row reinject ms '(a) reinject: cargo'\''s exit to the image swapped and verified'
	row by_shell ms '(b) the same guarantees by shell'
	row by_hand ms '(c) the user'\''s own line, with its sleep 2'
	row by_hand_bare ms '(d) the bare unsafe line: mount, cp, sync, umount'
	row strip ms '    llvm-strip alone, which is part of (a), (b), (c)'
	row save_to_swap ms '    reinject refresh from start to swapped, one driver changed'
	row save_to_exit ms '    reinject refresh from start to exit'
	row cargo ms '    cargo'\''s own time in that'
	row ratio '' '    start to swapped, times cargo'\''s own'
	row exit_ratio '' '    start to exit, times cargo'\''s own'
	row nothing_stale ms '    reinject refresh with nothing stale, from start to exit'
	row memory_kb kB '    most memory that reinject had resident'
	printf '\nThe bars of DESIGN.md section 9 (medians):\n'
	bar 'cargo'\''s exit to swapped, ms' "$(median reinject)" 250
	bar 'below the same guarantees by shell, ms' "$(median reinject)" "$(median by_shell)"
	bar 'below the user'\''s line with its sleep, ms' "$(median reinject)" "$(median by_hand)"
	bar 'start to swapped, times cargo'\''s own' "$(median ratio)" 1.3
	bar 'nothing stale, ms (the bar is for a tree of 67 packages)' "$(median nothing_stale)" 150
}

# For docs/benchmarks.md.
keep_results() {
	results_begin inject 'make bench-inject'
	results_versions
	results_version cargo "$(cargo --version | cut -d' ' -f2)"
	results_version redoxfs 0.9.0
	result_file inject ms 250 'reinject: cargo'\''s exit to the image swapped and verified' "$figures/reinject"
	result_file inject ms - 'the same guarantees by shell: strip, cp the image, mount, cp, fsync, umount, mount, cmp, umount, fsync, mv' "$figures/by_shell"
	result_file inject ms - 'a user'\''s line with its sleep 2: in place, nothing verified' "$figures/by_hand"
	result_file inject ms - 'the bare unsafe line: mount, cp, sync, umount of a file stripped before' "$figures/by_hand_bare"
	result_file - ms - 'llvm-strip alone, which is part of the first three' "$figures/strip"
	result_file - ms - 'cargo'\''s own time for this driver' "$figures/cargo"
	result_file - ms - 'reinject refresh, from start to swapped' "$figures/save_to_swap"
	result_file - ms - 'reinject refresh, from start to exit' "$figures/save_to_exit"
	result_file - × 1.3 'from start to swapped, times cargo'\''s own time' "$figures/ratio"
	result_file - × - 'from start to exit, times cargo'\''s own time' "$figures/exit_ratio"
	result_file - ms 150 'reinject refresh with nothing stale, in this small tree' "$figures/nothing_stale"
	result_file - MB - 'most memory that reinject had resident' "$figures/memory_kb" 1000
	results_end
}

prepare
results_rest
for ((i = 1; i <= rounds; i++)); do
	printf 'bench: round %d of %d\n' "$i" "$rounds" >&2
	one_round
done
verify
report
keep_results
