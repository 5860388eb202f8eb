#!/usr/bin/env bash
# make bench-events: what it costs to watch a tree of 56,000 files in 4,800 folders with 67 packages, of which the packages have 2,300 files in 180
# folders, as the real one. Prints medians with their spread; the bars are those of DESIGN.md section 9. Exit status 0 unless something failed to run.
# ROUNDS=N (15). IDLE_S=N (10): how long it watches while nothing happens. The tree lies in build/bench/watched and is kept for the next time.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${EVENTS:-$root/build/bench/events}
tree=$root/build/bench/watched
# shellcheck source-path=SCRIPTDIR source=results.bash
. "$root/tests/bench/results.bash"
unset "${!GIT_@}"

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

# folders DIR N M: N folders below it, two deep, each with M files.
folders() {
	local dir=$1 n=$2 m=$3
	awk -v dir="$dir" -v n="$n" 'BEGIN { for (i = 0; i < n; i++) print dir "/d" int(i / 10) "/e" i % 10 }' | xargs mkdir -p
	awk -v dir="$dir" -v n="$n" -v m="$m" 'BEGIN {
		for (i = 0; i < n; i++)
			for (j = 0; j < m; j++) {
				file = dir "/d" int(i / 10) "/e" i % 10 "/f" j ".rs"
				printf "pub fn f%d() {}\n", j >file
				close(file)
			}
	}'
}

make_tree() {
	local i new=$tree.new
	printf 'bench: making a tree of 56,000 files (once)\n' >&2
	rm -rf "$tree" "$new"
	mkdir -p "$new/source"
	{
		printf '[source base]\npath = source\nignore = rust\nshared = Cargo.toml\n'
		for ((i = 0; i < 67; i++)); do
			printf '[package p%d]\npaths = drivers/g%d/p%d\nbins =\n' "$i" $((i % 5)) "$i"
			mkdir -p "$new/source/drivers/g$((i % 5))/p$i/src"
			awk -v dir="$new/source/drivers/g$((i % 5))/p$i/src" 'BEGIN { for (j = 0; j < 34; j++) printf "%d\n", j >(dir "/m" j ".rs") }'
			if ((i % 2)); then mkdir -p "$new/source/drivers/g$((i % 5))/p$i/src/more" && printf x >"$new/source/drivers/g$((i % 5))/p$i/src/more/m.rs"; fi
		done
	} >"$new/reinject.ini"
	printf '[workspace]\n' >"$new/source/Cargo.toml"
	printf 'version = 3\n' >"$new/source/Cargo.lock"
	folders "$new/source/rust" 4180 13
	git -C "$new/source" init -q --template=
	git -C "$new/source" add -A
	git -C "$new/source" -c user.name=bench -c user.email=bench@localhost -c commit.gpgsign=false -c gc.auto=0 commit -q -m 'A tree'
	mv "$new" "$tree"
}

[[ -x $program ]] || fail "there is no program at '$program': run make bench-events"
[[ -e $tree/reinject.ini ]] || make_tree
printf 'files %d, folders %d\n' "$(git -C "$tree/source" ls-files | wc -l)" "$(find "$tree/source" -name .git -prune -o -type d -print | wc -l)"
results_rest
"$program" "$tree" "${ROUNDS:-15}" "${IDLE_S:-10}" | tee "$root/build/bench/events.out"

# For docs/benchmarks.md: 'median min max', as the program has them.
results_begin events 'make bench-events'
results_versions
while IFS=$'\t' read -r text unit values; do
	result - "$unit" - "$text" "=$values"
done < <(sed -nE -e 's/^(.*[^ ]) +([0-9.]+) ([a-zA-Z]+) \(([0-9.]+) - ([0-9.]+)\)$/\1\t\3\t\2 \4 \5/p' -e 's/^(resident.*[^ ]) +([0-9.]+) MB$/\1\tMB\t\2 \2 \2/p' \
	"$root/build/bench/events.out" | sed -E 's/ +\t/\t/')
results_end
