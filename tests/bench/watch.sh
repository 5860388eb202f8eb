#!/usr/bin/env bash
# make bench-watch: what `reinject watch` costs on a repository of 56,000 files in 4,700 folders, 70 of them cargo packages (68 drivers, two libraries
# that some of them use), with a RedoxFS image; and watchexec, inotifywait and entr on the same tree in the same run, where they are installed.
#   ready      from start to the event `ready` (inotifywait: to its 'Watches established'; the others say nothing: to the first command that a write
#              starts, a write being made every 100 ms)
#   memory     resident, at rest, the first look done
#   idle       processor time of all threads while nothing happens, all tools in the same 60 s
#   latency    from the last write of a save to the start of cargo, or of the tool's command; quiet_ms = 20
#   burst      one checkout of 5,600 files: how many rounds, with how many packages in them
#   look       all packages in a process that holds the index; `refresh` with nothing stale and `git status`, in turn
# For the latency alone a program named cargo stands first on PATH: it notes the time and becomes the real cargo (bench/stamp.c), which costs 1 ms.
#
# ROUNDS=N (15). IDLE_S=N (60). BURSTS=N (3). REST_S=N (60): how long each part waits for a machine at rest. ONLY='ready latency': parts of it. Exit
# status 0 unless something failed to run: a bar that is missed is printed, a figure is no test. Everything lies in build/bench/watch and is kept for the
# next time. Needs root. No mount and no process is left.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$root/build/tools/bin:$PATH LC_ALL=C
reinject=${REINJECT:-$root/build/reinject} stamp=$root/build/bench/stamp look=$root/build/bench/look
rounds=${ROUNDS:-15} idle_s=${IDLE_S:-60} bursts=${BURSTS:-3} only=${ONLY:-ready latency idle burst look}
bench=$root/build/bench/watch tree=$root/build/bench/watch/tree source=$root/build/bench/watch/tree/source figures=$root/build/bench/watch/figures
starts=$bench/starts saved=$source/drivers/g0/p0/src/main.rs
# shellcheck source-path=SCRIPTDIR source=results.bash
. "$root/tests/bench/results.bash"
unset "${!GIT_@}" RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTC_WRAPPER REINJECT_FAULT MAKEFLAGS MAKELEVEL
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null BENCH_STARTS=$starts
# The build's own two versions of git must not start a background repack in the middle.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

pids=() from=''
finish() {
	local status=$? pid
	trap '' INT TERM HUP
	for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	rm -f "$bench"/*.fifo "$starts"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

note() { printf '%s\n' "$2" >>"$figures/$1"; }

# ms FROM TO: microseconds to milliseconds, two decimals.
ms() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b - a) / 1000 }'; }

# A pipe that nobody writes to: reading it with a limit is a pause that costs no process.
exec {tick}<> <(:)
pause() { read -r -t "$1" -u "$tick" _ || true; }

# ---- what is measured on

crate() {
	local path=$1 name=$2 dependency
	shift 2
	mkdir -p "$path/src/more"
	printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n' "$name" >"$path/Cargo.toml"
	for dependency in "$@"; do printf '%s = { path = "../../../lib/%s" }\n' "$dependency" "$dependency" >>"$path/Cargo.toml"; done
	awk -v dir="$path/src/more" 'BEGIN { for (j = 0; j < 32; j++) { f = dir "/m" j ".rs"; printf "pub fn f%d() {}\n", j >f; close(f) } }'
}

make_crates() {
	local i path uses name
	for name in common bus; do
		crate "$1/source/lib/$name" "$name"
		printf 'pub fn number() -> u32 {\n    1\n}\n' >"$1/source/lib/$name/src/lib.rs"
		printf '[package %s]\npaths = lib/%s\nbins =\n\n' "$name" "$name" >>"$1/packages.ini"
	done
	for ((i = 0; i < 68; i++)); do
		path=drivers/g$((i % 5))/p$i uses=()
		((i % 2)) && uses+=(common)
		((i % 10)) || uses+=(bus)
		crate "$1/source/$path" "p$i" "${uses[@]}"
		printf 'fn main() {\n    println!("p%d 0");\n}\n' "$i" >"$1/source/$path/src/main.rs"
		printf '[package p%d]\npaths = %s\n%s\n' "$i" "$path" "${uses[*]:+uses =$(printf ' lib/%s' "${uses[@]}")}" >>"$1/packages.ini"
	done
}

# Folders below drivers' neighbour `rust`, two deep, 13 files each; sizes as a seeded generator says.
make_rest() {
	awk -v dir="$1" 'BEGIN { for (i = 0; i < 4120; i++) print dir "/d" int(i / 10) "/e" i % 10 }' | xargs mkdir -p
	awk -v dir="$1" 'BEGIN {
		srand(56000)
		for (i = 0; i < 4120; i++)
			for (j = 0; j < 13; j++) {
				file = dir "/d" int(i / 10) "/e" i % 10 "/f" j ".rs"
				for (n = int(rand() * 40); n >= 0; n--) printf "pub fn f%d_%d() {}\n", j, n >file
				close(file)
			}
	}'
}

git_() { git -C "$new/source" -c user.name=bench -c user.email=bench@localhost -c commit.gpgsign=false -c core.hooksPath=/dev/null "$@"; }

make_commits() {
	git_ init -q -b main --template=
	git_ add -A
	git_ commit -q -m 'A tree'
	git_ checkout -q -b other
	git_ ls-files 'drivers/*.rs' 'lib/*.rs' >"$new/changed"
	git_ ls-files rust | awk -v n="$((5600 - $(wc -l <"$new/changed")))" 'NR <= n' >>"$new/changed"
	(cd "$new/source" && xargs sed -i -e '$a // other' <"$new/changed")
	git_ commit -q -a -m 'The other one, by 5,600 files'
	git_ checkout -q main
}

make_tree() {
	new=$tree.new
	printf 'bench: making a repository of 56,000 files and an image (once)\n' >&2
	rm -rf "$tree" "$new"
	mkdir -p "$new/source" "$new/content/usr/lib/drivers" "$new/content/etc"
	printf '[workspace]\nresolver = "2"\nmembers = ["lib/*", "drivers/*/*"]\n' >"$new/source/Cargo.toml"
	printf '/target\n' >"$new/source/.gitignore"
	make_crates "$new"
	(cd "$new/source" && cargo generate-lockfile --quiet --offline)
	make_rest "$new/source/rust"
	make_commits
	truncate -s 128M "$new/disk.img"
	redoxfs-ar "$new/disk.img" "$new/content" >/dev/null 2>&1 || fail 'redoxfs-ar cannot make an image'
	cat >"$new/reinject.ini" <<-'INI'
		[reinject]
		include = packages.ini
		[source base]
		path = source
		ignore = rust
		shared = Cargo.toml .cargo rust-toolchain.toml
		[build]
		cargo_args = --offline
		[image]
		path = disk.img
		format = redoxfs
		[destinations]
		drivers/** = /usr/lib/drivers
		[watch]
		quiet_ms = 20
	INI
	mv "$new" "$tree"
}

prepare() {
	[[ -x $reinject && -x $stamp && -x $look ]] || fail 'programs are missing: run make bench-watch'
	command -v redoxfs >/dev/null || fail "redoxfs is missing: 'make deps' builds it"
	mkdir -p "$bench/bin"
	ln -sf "$stamp" "$bench/bin/cargo"
	BENCH_CARGO=$(command -v cargo)
	export BENCH_CARGO
	[[ -e $tree/reinject.ini ]] || make_tree
	rm -rf "$figures" "$starts" "$bench"/*.fifo
	mkdir "$figures"
	git -C "$source" checkout -q -f main
	printf 'bench: a refresh, so that nothing is stale (not measured)\n' >&2
	"$reinject" -q -C "$tree" refresh
	printf 'files %d, folders %d, packages %d\n' "$(git -C "$source" ls-files | wc -l)" \
		"$(find "$source" \( -name .git -o -path "$source/target" \) -prune -o -type d -print | wc -l)" "$(grep -c '^\[package' "$tree/packages.ini")"
}

# ---- a watch

# begin_watch NAME: `pid`, `started`; its events come by next_event. With the noting cargo first on its PATH.
begin_watch() {
	mkfifo "$bench/watch.fifo"
	: >"$bench/started"
	PATH=$bench/bin:$PATH "$stamp" exec "$bench/started" "$reinject" -C "$tree" watch --json >"$bench/watch.fifo" 2>"$bench/watch.err" &
	pid=$!
	pids+=("$pid")
	exec {from}< <(exec "$stamp" lines <"$bench/watch.fifo")
}

# next_event NAME [SECONDS]: reads events until one is NAME; `at` is its time, `event` the line.
next_event() {
	while read -r -t "${2:-60}" -u "$from" at event; do
		printf '%s\n' "$event" >>"$figures/events"
		[[ $event != *"\"event\":\"$1\""* ]] || return 0
	done
	fail "no '$1' came: $(tail -n 3 "$bench/watch.err")"
}

forget() {
	local i
	for i in "${!pids[@]}"; do [[ ${pids[i]} != "$1" ]] || unset "pids[$i]"; done
}

end_process() {
	kill -TERM "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
	forget "$1"
}

end_watch() {
	end_process "$pid"
	exec {from}<&-
	rm -f "$bench/watch.fifo"
}

started_at() { cut -d' ' -f1 "$bench/started"; }

resident_mb() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }

# ---- the others: name, and how each is told to start a command for whatever changes below a folder

others=()
for name in watchexec inotifywait entr; do
	if command -v "$name" >/dev/null; then others+=("$name"); fi
done

# begin_other NAME: `pid`. A line in $starts for each command that it starts.
begin_other() {
	: >"$starts"
	: >"$bench/started"
	: >"$bench/other.err"
	case $1 in
	# Without an origin it would take ours for its project, whose .gitignore has build/ in it.
	watchexec) "$stamp" exec "$bench/started" env -C "$source" watchexec --project-origin "$source" -q -p -o queue -d 20ms -w "$source" -- "$stamp" note "$starts" >/dev/null 2>"$bench/other.err" & ;;
	entr) "$stamp" exec "$bench/started" entr -n -p "$stamp" note "$starts" < <(git -C "$source" ls-files | sed "s|^|$source/|") >/dev/null 2>"$bench/other.err" & ;;
	inotifywait)
		"$stamp" exec "$bench/started" inotifywait -m -r -e modify,close_write,create,delete,move --exclude '/\.git/' "$source" \
			> >(exec "$stamp" lines >>"$starts") 2> >(exec "$stamp" lines >"$bench/other.err") &
		;;
	esac
	pid=$!
	pids+=("$pid")
}

n_starts() { wc -l <"$starts"; }

# first_start_after US: the time of the first command since then, waiting for it SECONDS at most.
first_start_after() {
	local line end=$((${EPOCHREALTIME/./} + $2 * 1000000))
	while ((${EPOCHREALTIME/./} < end)); do
		line=$(awk -v after="$1" '$1 > after { print $1; exit }' "$starts")
		[[ -z $line ]] || break
		pause 0.005
	done
	printf '%s' "$line"
}

save() { "$stamp" write "$saved" "$(printf 'fn main() {\n    println!("p0 %06d");\n}' "$1")"; }

# The write is repeated until something comes of it: who is not ready yet misses some. entr and watchexec wait for a pause, so for them they come seldom.
other_is_ready() {
	local i line='' between=0.005
	[[ $1 == inotifywait ]] || between=0.1
	for ((i = 0; i < 2000; i++)); do
		if [[ $1 == inotifywait ]]; then
			line=$(awk '/Watches established/ { print $1 }' "$bench/other.err")
		else
			save "$((RANDOM + 100000))" >/dev/null
			line=$(head -n 1 "$starts" | cut -d' ' -f1)
		fi
		[[ -z $line ]] || break
		pause "$between"
	done
	[[ -n $line ]] || fail "$1 is not ready: $(tail -n 1 "$bench/other.err")"
	printf '%s' "$line"
}

# ---- the parts

part_ready() {
	local i name
	results_rest
	for ((i = 0; i < rounds; i++)); do
		begin_watch
		next_event ready
		note reinject.ready "$(ms "$(started_at)" "$at")"
		end_watch
	done
	for name in "${others[@]}"; do
		for ((i = 0; i < 3; i++)); do
			begin_other "$name"
			at=$(other_is_ready "$name")
			note "$name.ready" "$(ms "$(started_at)" "$at")"
			end_process "$pid"
		done
	done
	git -C "$source" checkout -q -f main
}

# Between two saves a moment passes, as between a person's; the round before has looked once more by then.
part_latency() {
	local i name wrote start
	results_rest
	: >"$starts"
	begin_watch
	next_event ready
	for ((i = 0; i < rounds + 1; i++)); do
		pause 0.5
		wrote=$(save "$i")
		next_event done
		[[ $event == *'"result":"ok"'* ]] || fail "a round failed: $event"
		start=$(awk -v after="$wrote" '$1 > after && $2 == "build" { print $1; exit }' "$starts")
		[[ -n $start ]] || fail 'a round without a cargo'
		# The first one pays for the page cache of cargo itself.
		((i == 0)) || note reinject.latency "$(ms "$wrote" "$start")"
		((i == 0)) || note reinject.round "$(ms "$wrote" "$at")"
	done
	end_watch
	for name in "${others[@]}"; do
		begin_other "$name"
		other_is_ready "$name" >/dev/null
		for ((i = 0; i < rounds; i++)); do
			pause 0.5
			wrote=$(save "$((i + 50))")
			start=$(first_start_after "$wrote" 10)
			[[ -z $start ]] || note "$name.latency" "$(ms "$wrote" "$start")"
		done
		end_process "$pid"
	done
	git -C "$source" checkout -q -f main
}

# All of them at once, in the same minute.
part_idle() {
	local name
	declare -A who=() before=()
	git -C "$source" checkout -q -f main
	"$reinject" -q -C "$tree" refresh
	begin_watch
	next_event ready
	who[reinject]=$pid
	for name in "${others[@]}"; do
		begin_other "$name"
		[[ $name != inotifywait ]] || other_is_ready "$name" >/dev/null
		who[$name]=$pid
	done
	pause 5
	results_rest
	for name in "${!who[@]}"; do before[$name]=$("$stamp" cpu "${who[$name]}"); done
	pause "$idle_s"
	for name in "${!who[@]}"; do
		note "$name.idle" "$(ms "${before[$name]}" "$("$stamp" cpu "${who[$name]}")")"
		note "$name.memory" "$(resident_mb "${who[$name]}")"
		[[ $name == reinject ]] || end_process "${who[$name]}"
	done
	pid=${who[reinject]}
	end_watch
}

# A save after the checkout ends the counting: what comes before its round is the checkout's.
one_burst() {
	local ended n stale='' first='' save_round
	git -C "$source" checkout -q "$1"
	ended=$("$stamp")
	next_event plan 120
	first=$at n=1 stale=$(jq '.stale | length' <<<"$event")
	next_event done 300
	[[ $event != *'"result":"failed"'* ]] || fail "the checkout's round failed: $event"
	pause 0.5
	save "$((RANDOM + 200000))" >/dev/null
	next_event plan
	save_round=$(jq '.stale | length' <<<"$event")
	while [[ $save_round != 1 ]]; do
		n=$((n + 1))
		next_event plan
		save_round=$(jq '.stale | length' <<<"$event")
	done
	next_event done
	git -C "$source" checkout -q -- "$saved"
	next_event done
	note reinject.burst_rounds "$n"
	note reinject.burst_stale "$stale"
	note reinject.burst_plan "$(ms "$ended" "$first")"
}

part_burst() {
	local i name wrote branch
	results_rest
	begin_watch
	next_event ready
	pause 1
	for ((i = 0; i < bursts; i++)); do
		branch=other
		((i % 2 == 0)) || branch=main
		one_burst "$branch"
	done
	end_watch
	git -C "$source" checkout -q -f main
	for name in "${others[@]}"; do
		begin_other "$name"
		other_is_ready "$name" >/dev/null
		git -C "$source" checkout -q -f main
		pause 0.5
		: >"$starts"
		git -C "$source" checkout -q other
		pause 2
		note "$name.burst_rounds" "$(n_starts)"
		end_process "$pid"
		git -C "$source" checkout -q -f main
	done
	"$reinject" -q -C "$tree" refresh
}

timed() {
	local name=$1 before
	shift
	before=$("$stamp")
	"$@" >/dev/null
	note "$name" "$(ms "$before" "$("$stamp")")"
}

part_look() {
	local i
	results_rest
	"$look" "$tree" "$rounds" >"$figures/reinject.look" 2>"$figures/first_look"
	for ((i = 0; i < rounds; i++)); do
		timed reinject.nothing "$reinject" -q -C "$tree" refresh
		timed git.status git -C "$source" status --short
	done
}

# ---- what came out

median() { sort -n "$figures/$1" | awk '{ v[NR] = $1 } END { if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# row FILE UNIT TEXT [BAR]
row() {
	local value verdict=''
	[[ -s $figures/$1 ]] || return 0
	value=$(median "$1")
	[[ -z ${4-} ]] || verdict=$(awk -v a="$value" -v b="$4" 'BEGIN { print a <= b ? "holds, bar " b : "MISSED, bar " b }')
	printf '%-58s %9s %-3s %9s - %-9s %3d  %s\n' "$3" "$value" "$2" "$(sort -n "$figures/$1" | head -n 1)" "$(sort -n "$figures/$1" | tail -n 1)" \
		"$(wc -l <"$figures/$1")" "$verdict"
}

report() {
	local name
	printf '\n%s; git %s, %s' "$(cargo --version)" "$(git --version | cut -d' ' -f3)" "$("$reinject" --version | head -n 1)"
	for name in "${others[@]}"; do
		case $name in
		watchexec) printf ', watchexec %s' "$(watchexec --version | head -n 1 | cut -d' ' -f2)" ;;
		inotifywait) printf ', %s' "$(inotifywait --help | head -n 1)" ;;
		entr) printf ', entr %s' "$(entr 2>&1 | sed -n 's/^release: //p')" ;;
		esac
	done
	printf '\n%s cores, %s\n\n%-58s %13s %19s %7s\n' "$(nproc)" "$(df --output=fstype "$bench" | tail -n 1)" '' median 'min - max' n
	row reinject.ready ms 'reinject: start to ready' 50
	for name in "${others[@]}"; do row "$name.ready" ms "    $name: start to ready"; done
	row reinject.latency ms 'reinject: last write to the start of cargo, quiet_ms = 20' 35
	for name in "${others[@]}"; do row "$name.latency" ms "    $name: last write to its command (inotifywait: line)"; done
	row reinject.round ms 'reinject: last write to done, image swapped'
	row reinject.memory MB 'reinject: resident at rest' 30
	for name in "${others[@]}"; do row "$name.memory" MB "    $name"; done
	row reinject.idle ms "reinject: processor in $idle_s idle seconds" "$((idle_s))"
	for name in "${others[@]}"; do row "$name.idle" ms "    $name"; done
	row reinject.burst_rounds '' 'reinject: rounds for a checkout of 5,600 files' 1
	row reinject.burst_stale '' '    packages in the first of them'
	row reinject.burst_plan ms '    from the end of git to the plan'
	for name in "${others[@]}"; do row "$name.burst_rounds" '' "    $name: commands (inotifywait: lines)"; done
	row reinject.look ms 'reinject: a look at all packages, index held' 10
	row reinject.nothing ms 'reinject: refresh with nothing stale, start to exit' 150
	row git.status ms '    git status --short'
	printf '\nbefore each part the processors were %d %% busy at most\n' "$results_busy"
}

version_of() {
	case $1 in
	watchexec) watchexec --version | head -n 1 | cut -d' ' -f2 ;;
	inotifywait) inotifywait --help | sed -n '1s/^inotifywait //p' ;;
	entr) entr 2>&1 | sed -n 's/^release: //p' ;;
	esac
}

# For docs/benchmarks.md. A part that was left out has no figures, and no row.
keep_results() {
	local name
	results_begin watch 'make bench-watch'
	results_versions
	results_version cargo "$(cargo --version | cut -d' ' -f2)"
	for name in "${others[@]}"; do results_version "$name" "$(version_of "$name")"; done
	result_file ready ms 50 'reinject: start to ready' "$figures/reinject.ready"
	for name in "${others[@]}"; do result_file ready ms - "$name: start to ready" "$figures/$name.ready"; done
	result_file latency ms 35 'reinject: last write of a save to the start of cargo, quiet_ms = 20' "$figures/reinject.latency"
	for name in "${others[@]}"; do result_file latency ms - "$name: last write to its command (inotifywait: its line)" "$figures/$name.latency"; done
	result_file - ms - 'reinject: last write to done, a driver that compiles in 60 ms' "$figures/reinject.round"
	result_file - MB 30 'reinject: resident at rest' "$figures/reinject.memory"
	for name in "${others[@]}"; do result_file - MB - "$name: resident at rest" "$figures/$name.memory"; done
	result_file - ms "$idle_s" "reinject: processor in $idle_s idle seconds" "$figures/reinject.idle"
	for name in "${others[@]}"; do result_file - ms - "$name: processor in $idle_s idle seconds" "$figures/$name.idle"; done
	result_file - - 1 'reinject: rounds for a checkout of 5,600 files' "$figures/reinject.burst_rounds"
	result_file - - - 'packages in the first of them' "$figures/reinject.burst_stale"
	for name in "${others[@]}"; do result_file - - - "$name: commands for it (inotifywait: lines)" "$figures/$name.burst_rounds"; done
	result_file - ms 10 'reinject: one look at all packages, index held' "$figures/reinject.look"
	result_file look ms 150 'reinject refresh with nothing stale, start to exit' "$figures/reinject.nothing"
	result_file look ms - 'git status --short, in turn with it' "$figures/git.status"
	results_end
}

prepare
for part in $only; do
	printf 'bench: %s\n' "$part" >&2
	"part_$part"
done
report
keep_results
