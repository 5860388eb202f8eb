#!/bin/sh
# tools/fuzz.sh FOLDER SECONDS: runs the fuzz targets in FOLDER, two at a time: each first on its kept inputs (tests/fuzz/corpus/NAME), then for SECONDS
# on what it makes of them. New inputs that reach new code are kept in build/fuzz/corpus/NAME, one that breaks something in build/fuzz/found/.
set -u
cd "$(dirname "$0")/.." || exit 1
folder=$1 seconds=$2
work=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/reinject-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work"
export ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS="suppressions=$PWD/tests/lib/lsan.supp:print_suppressions=0"
mkdir -p build/fuzz/found

one() { # PROGRAM
	name=${1##*/fuzz_}
	kept=tests/fuzz/corpus/$name dict=tests/fuzz/$name.dict
	mkdir -p "build/fuzz/corpus/$name"
	[ -d "$kept" ] || {
		echo "fuzz: $name has no corpus: $kept is missing" >&2
		return 1
	}
	# shellcheck disable=SC2046 # no dictionary, no word
	"$1" $([ ! -e "$dict" ] || echo "-dict=$dict") -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=16384 -close_fd_mask=1 \
		-artifact_prefix="build/fuzz/found/$name-" -print_final_stats=1 "build/fuzz/corpus/$name" "$kept" >"$work/$name.log" 2>&1 || {
		# The first of it says what happened and where; the input goes with it, since the machine may be gone tomorrow.
		grep -v '^#[0-9]*[[:blank:]]' "$work/$name.log" | sed -n '/ERROR\|[Ee]rror\|not true/,$p' | head -n 60 >&2
		for found in build/fuzz/found/"$name"-*; do
			[ ! -f "$found" ] || { echo "fuzz: $found, in base64:" && base64 "$found"; } >&2
		done
		echo "fuzz: $name FAILED" >&2
		return 1
	}
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$name.log")
	cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/$name.log" | tail -n 1)
	echo "fuzz: $name ok, $runs runs, $cover edges, $(find "$kept" -type f | wc -l) kept inputs"
}

lane() { # 0 or 1
	n=0
	for program in "$folder"/fuzz_*; do
		[ -x "$program" ] || continue
		[ $((n % 2)) -ne "$1" ] || one "$program" || : >"$work/failed"
		n=$((n + 1))
	done
}

lane 0 &
lane 1
wait
[ ! -e "$work/failed" ]
