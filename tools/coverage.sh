#!/bin/sh
# tools/coverage.sh PROFILES PERCENT PROGRAMS...: lines that ran, by room and in all, from clang's profiles in the folder PROFILES. Ends with 1 when less
# than PERCENT of all lines ran. Programs are those that made the profiles: reinject, and the unit tests.
set -eu
profiles=$1 least=$2
shift 2
llvm-profdata merge -sparse -o "$profiles/all.profdata" "$profiles"/*.profraw
first=$1
shift
for program in "$@"; do set -- "$@" -object "$program"; shift; done
llvm-cov export -summary-only -instr-profile "$profiles/all.profdata" "$first" "$@" 2>/dev/null >"$profiles/all.json"
root=$(pwd)
jq -r --arg root "$root/" '.data[0].files[] | select(.filename | startswith($root)) |
	[(.filename | ltrimstr($root)), .summary.lines.count, .summary.lines.covered] | @tsv' "$profiles/all.json" |
	awk -v least="$least" -F '\t' '
		$1 ~ /^tests\// || $1 ~ /_darwin/ || $1 !~ /\.c$/ { next }
		{
			room = $1
			sub(/\/.*/, "", room)
			all[room] += $2; ran[room] += $3; n += $2; m += $3
			if ($3 < 0.85 * $2) low = low sprintf("  %5.1f %%  %s, %d of %d lines\n", 100 * $3 / $2, $1, $3, $2)
		}
		END {
			for (room in all) printf "%-9s %6d of %6d lines  %5.1f %%\n", room, ran[room], all[room], 100 * ran[room] / all[room] | "sort"
			close("sort")
			if (low) printf "files under 85 %%:\n%s", low
			if (n == 0) { print "coverage: nothing ran"; exit 1 }
			printf "coverage: %d of %d lines, %.1f %% (at least %d %%)\n", m, n, 100 * m / n, least
			exit 100 * m / n < least
		}'
