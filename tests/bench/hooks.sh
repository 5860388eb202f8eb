#!/usr/bin/env bash
# make bench-hooks: what our hook adds to one `git commit`, in a small repository and in one of 56,000 files. Each round makes one commit of one changed file
# in each variant, in a random order:
#   none       no hook
#   bare       post-commit is `#!/bin/sh` and `:`
#   waiting    ours, while a worker waits for quiet, as at all commits of a series but the first
#   starting   ours, with no worker: the hook starts one
#   pre-commit, lefthook, husky   where they are on PATH: one job, `true`, at post-commit
# and prints the median of each, and the median of the rounds' differences to `none`. The bar is 5 ms over no hook (DESIGN.md section 9).
# ROUNDS=N (30). Exit status 0 unless something failed to run: a bar that is missed is printed, a figure is no test.
# The repositories lie in build/bench/hooks; the big one is kept for the next time. No process is left.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
reinject=${REINJECT:-$root/build/reinject}
rounds=${ROUNDS:-30}
bench=$root/build/bench/hooks
variants=(none bare waiting starting)
for other in pre-commit lefthook husky; do
	if command -v "$other" >/dev/null; then variants+=("$other"); fi
done
# shellcheck source-path=SCRIPTDIR source=results.bash
. "$root/tests/bench/results.bash"
unset "${!GIT_@}" REINJECT
export LC_ALL=C GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@localhost GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@localhost

fail() {
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

# The fifo gives a pause that costs no process.
pause() { read -rt "$1" <>"$bench/never" || true; }

# wait_for WHAT CMD...: ten seconds at most.
wait_for() {
	local what=$1 i
	shift
	for ((i = 0; i < 1000; i++)); do
		if "$@"; then return; fi
		pause 0.01
	done
	fail "no end of waiting for $what"
}

worker_waits() { [[ -s $state/worker.lock ]] && ! flock -ns "$state/worker.lock" true; }
worker_gone() { ! worker_waits; }

end_worker() {
	[[ -n ${state-} ]] && worker_waits || return 0
	kill -TERM "$(<"$state/worker.lock")" || true
	wait_for "the worker's end" worker_gone
}
trap end_worker EXIT
trap 'exit 130' INT TERM HUP

# make_repository DIR FOLDERS FILES
make_repository() {
	local dir=$1 n=$2 m=$3
	mkdir -p "$dir.new/source"
	awk -v dir="$dir.new/source" -v n="$n" 'BEGIN { for (i = 0; i < n; i++) print dir "/d" int(i / 10) "/e" i % 10 }' | xargs mkdir -p
	awk -v dir="$dir.new/source" -v n="$n" -v m="$m" 'BEGIN {
		for (i = 0; i < n; i++)
			for (j = 0; j < m; j++) {
				file = dir "/d" int(i / 10) "/e" i % 10 "/f" j ".rs"
				printf "pub fn f%d() {}\n", j >file
				close(file)
			}
	}'
	printf '0\n' >"$dir.new/source/changed"
	git -C "$dir.new/source" init -q -b main --template=
	git -C "$dir.new/source" config gc.auto 0
	git -C "$dir.new/source" add -A
	git -C "$dir.new/source" commit -q -m 'A tree'
	# The worker only waits: it would have nothing to build.
	printf '[source base]\npath = source\n[image]\npath = none.img\n[hooks]\nquiet_ms = 600000\n' >"$dir.new/reinject.ini"
	mv "$dir.new" "$dir"
}

# commit VARIANT: leaves its microseconds in `took`.
commit() {
	local hooks=$bench/$1 start
	case $1 in
	waiting) hooks=$source/.git/hooks && worker_waits || { git -C "$source" -c core.hooksPath="$source/.git/hooks" commit -q --allow-empty -m warm && wait_for 'a worker' worker_waits; } ;;
	starting) hooks=$source/.git/hooks && end_worker ;;
	pre-commit | lefthook) hooks=$bench/$name.$1 ;;
	husky) hooks=$source/.husky/_ ;;
	esac
	printf '%s\n' "$RANDOM$RANDOM" >"$source/changed"
	start=${EPOCHREALTIME/./}
	git -C "$source" -c core.hooksPath="$hooks" commit -q -m change changed >"$bench/commit.log" 2>&1
	took=$((${EPOCHREALTIME/./} - start))
	if [[ $1 == starting ]]; then wait_for 'a worker' worker_waits; fi
}

version_of() {
	case $1 in
	pre-commit) pre-commit --version | cut -d' ' -f2 ;;
	lefthook) lefthook version | cut -d' ' -f1 ;;
	husky) npm ls --prefix "$root/build/tools/npm" --json husky 2>/dev/null | jq -r '.dependencies.husky.version' ;;
	esac
}

# keep_results REPOSITORY TEXT: its rows for docs/benchmarks.md.
keep_results() {
	local variant bar
	result_file - ms - "$2: git commit with no hook" "$bench/figures.$1/none" 1000
	for variant in "${variants[@]:1}"; do
		bar=-
		case $variant in
		bare) text='a bare hook' ;;
		waiting) text='ours, a worker waiting' bar=5 ;;
		starting) text='ours, starting a worker' bar=5 ;;
		*) text="$variant, one job that does nothing" ;;
		esac
		result_file "$1" ms "$bar" "$2: $text, over no hook" "$bench/figures.$1/$variant.over" 1000
	done
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { printf "%.1f", (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2000 }'; }
range() { sort -n "$1" | awk 'NR == 1 { a = $1 } { b = $1 } END { printf "%.1f - %.1f", a / 1000, b / 1000 }'; }

# install_other TOOL: into an empty hooks folder, which is kept apart from ours.
install_other() {
	rm -rf "$source/.git/hooks" "$bench/$name.$1"
	case $1 in
	pre-commit)
		printf 'repos:\n- repo: local\n  hooks:\n  - {id: job, name: job, entry: "true", language: system, always_run: true, stages: [post-commit]}\n' \
			>"$source/.pre-commit-config.yaml"
		(cd "$source" && pre-commit install --hook-type post-commit)
		;;
	lefthook)
		printf 'post-commit:\n  commands:\n    job:\n      run: "true"\n' >"$source/lefthook.yml"
		(cd "$source" && lefthook install)
		;;
	husky)
		(cd "$source" && husky && git config --unset core.hooksPath)
		printf 'true\n' >"$source/.husky/post-commit"
		;;
	esac >"$bench/$1.log" 2>&1 || fail "$1 cannot be installed: $(<"$bench/$1.log")"
	if [[ -d $source/.git/hooks ]]; then mv "$source/.git/hooks" "$bench/$name.$1"; fi
}

measure() {
	local name=$1 i variant figures=$bench/figures.$1
	local -A ms
	source=$bench/$name/source state=$bench/$name/.reinject
	for variant in "${variants[@]:4}"; do install_other "$variant"; done
	(cd "$bench/$name" && "$reinject" -q hooks install)
	rm -rf "$figures" && mkdir "$figures"
	for variant in "${variants[@]}"; do commit "$variant"; done
	results_rest
	for ((i = 0; i < rounds; i++)); do
		for variant in $(printf '%s\n' "${variants[@]}" | shuf); do
			commit "$variant"
			ms[$variant]=$took
		done
		for variant in "${variants[@]}"; do
			echo "${ms[$variant]}" >>"$figures/$variant"
			echo "$((ms[$variant] - ms[none]))" >>"$figures/$variant.over"
		done
	done
	end_worker
	(cd "$bench/$name" && "$reinject" -q hooks uninstall)
	printf '\n%s repository, %d files, %d rounds: git commit, ms\n' "$name" "$(git -C "$source" ls-files | wc -l)" "$rounds"
	printf '  %-10s %8s  %-18s %s\n' hook median 'min - max' 'over no hook (median of differences)'
	for variant in "${variants[@]}"; do
		printf '  %-10s %8s  %-18s %s\n' "$variant" "$(median "$figures/$variant")" "$(range "$figures/$variant")" "$(median "$figures/$variant.over")"
	done
}

[[ -x $reinject ]] || fail "there is no reinject at '$reinject': run make"
mkdir -p "$bench/none" "$bench/bare"
[[ -p $bench/never ]] || mkfifo "$bench/never"
printf '#!/bin/sh\n:\n' >"$bench/bare/post-commit"
chmod +x "$bench/bare/post-commit"
rm -rf "$bench/small" "$bench"/*.new
make_repository "$bench/small" 10 2
[[ -e $bench/big/reinject.ini ]] || { printf 'bench: making a repository of 56,000 files (once)\n' >&2 && make_repository "$bench/big" 4310 13; }
measure small
measure big
results_begin hooks 'make bench-hooks'
results_versions
for variant in "${variants[@]:4}"; do results_version "$variant" "$(version_of "$variant")"; done
keep_results small '21 files'
keep_results big '56,000 files'
results_end
