#!/usr/bin/env bats
# docs/benchmarks.md and its charts are what tests/bench/report.py makes of what was measured, and the words around it stay.

load ../lib/assert

setup() {
	T=$BATS_TEST_TMPDIR root=$T
	REPO=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	mkdir -p "$T/build" "$T/docs"
	. "$REPO/tests/bench/results.bash"
	printf 'Words before.\n\n<!-- bench one -->\n<!-- end -->\n\nBetween.\n\n<!-- bench two -->\nold\n<!-- end -->\n\nAfter.\n' >"$T/docs/benchmarks.md"
}

# measured NAME: as a benchmark would write it.
measured() {
	results_begin "$1" "make bench-$1"
	results_version tool 1.2.3
	printf '40000\n20000\n31000\n' >"$T/figures"
	result_file ready ms 30 'reinject: start to ready' "$T/figures" 1000
	result_file ready ms - 'other & <co>: start to ready' "$T/figures" 100
	result_file - ms - 'what was not measured' "$T/none"
	result - MB 30 'resident' 12.5
	result - ms - 'already worked out' '=2.5 1 9'
	results_end
}

report() { "$REPO/tests/bench/report.py" "$T/build/bench/results" "$T/docs"; }

@test "the median, the spread, the number and a bar that is missed; the words around stay" {
	measured one
	report
	grep -qFx '| reinject: start to ready | 31 ms | 20 - 40 | 3 | 30 (missed) |' "$T/docs/benchmarks.md"
	grep -qFx '| resident | 12.5 MB |  | 1 | 30 |' "$T/docs/benchmarks.md"
	grep -qFx '| already worked out | 2.5 ms | 1 - 9 |  |  |' "$T/docs/benchmarks.md"
	refute grep -q 'not measured' "$T/docs/benchmarks.md"
	grep -q '^`make bench-one`, .* cores, .*; processors at most 0 % busy before it; tool 1\.2\.3\.$' "$T/docs/benchmarks.md"
	for words in 'Words before.' 'Between.' 'old' 'After.'; do grep -qFx "$words" "$T/docs/benchmarks.md"; done
	# Nothing of this machine's own.
	refute grep -qF -e "$(uname -n)," -e "$T" "$T/docs/benchmarks.md"
	cp "$T/docs/benchmarks.md" "$T/once"
	report
	cmp "$T/once" "$T/docs/benchmarks.md"
	python3 -c 'import sys, xml.dom.minidom as m; d = m.parse(sys.argv[1]); assert len(d.getElementsByTagName("rect")) == 3' "$T/docs/benchmarks-ready.svg"
	grep -q 'prefers-color-scheme:dark' "$T/docs/benchmarks-ready.svg"
}

@test "results that have no place in the page are said" {
	measured three
	refute report
	grep -qFx 'old' "$T/docs/benchmarks.md"
}

@test "a benchmark that was interrupted leaves what was measured before" {
	measured one
	cp "$T/build/bench/results/one.tsv" "$T/before"
	results_begin one x
	result - ms - 'half' 1
	cmp "$T/before" "$T/build/bench/results/one.tsv"
}

@test "a machine that others keep busy is waited for, and what was measured on one all the same is marked" {
	# 90 percent, then 5. It is asked in a shell of its own, so a file remembers.
	results_busy_now() { if [[ -e $T/asked ]]; then echo 5; else : >"$T/asked" && echo 90; fi; }
	results_rest 2>"$T/said"
	expect_equal "$results_busy" 5
	[[ ! -s $T/said ]] || fail "it complained: $(cat "$T/said")"
	rm "$T/asked"
	REST_S=0 results_rest 2>"$T/said"
	expect_equal "$results_busy" 90
	grep -qF '90 % busy: what comes now is not to be trusted' "$T/said"
	# A calm part does not hide the other.
	results_rest
	expect_equal "$results_busy" 90
}

@test "how busy the processors are is a percentage" {
	local busy
	busy=$(set -u && results_busy_now 2>"$T/said")
	[[ ! -s $T/said ]] || fail "it complained: $(cat "$T/said")"
	[[ $busy =~ ^[0-9]+$ ]] && ((busy <= 100)) || fail "'$busy' is none"
}
