#!/bin/sh
# tools/bats.sh FOLDER|FILE...: runs these bats files and those of these folders, two at a time where there are processors for it, and shows what each said
# when it has ended. Last come the tests that failed, the slowest file, and a line that says how many passed and failed, whatever the format of bats.
# Each test has a folder of its own, so files do not meet. BATS_FILTER=RE: only the tests whose names match.
set -u
[ "$(id -u)" -eq 0 ] || {
	echo "bats: these tests mount images and give files to other users: run them as root" >&2
	exit 3
}
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
lanes=$(nproc 2>/dev/null || echo 1)
[ "$lanes" -le 2 ] || lanes=2
for at in "$@"; do
	shift
	if [ -d "$at" ]; then set -- "$@" "$at"/*.bats; else set -- "$@" "$at"; fi
done
# Those of many tests first, so that no lane is left with a long one at the end.
# shellcheck disable=SC2016 # the inner shell's
grep -c '^@test' /dev/null "$@" | grep -v '^/dev/null:' | sort -t: -k2,2nr -k1,1 | cut -d: -f1 | xargs -P "$lanes" -I{} sh -c '
	file=$1 said=$2/$(echo "$1" | tr / _) start=$(date +%s)
	bats --tap ${BATS_FILTER:+--filter "$BATS_FILTER"} "$file" >"$said" 2>&1 </dev/null || : >"$said.failed"
	echo "$(($(date +%s) - start)) s $file" >"$said.took"
	# In one write: the other lane speaks too.
	cat "$said.took" "$said" >"$said.whole"
	cat "$said.whole"
	rm "$said.whole"
' bats {} "$log"
all() { find "$log" -type f ! -name '*.took' ! -name '*.failed' -exec cat {} +; }
all | grep '^not ok' | sed 's/^not ok [0-9]*/FAILED:/'
for file in "$log"/*.failed; do
	[ ! -e "$file" ] || grep -q '^not ok' "${file%.failed}" || echo "FAILED: $(cut -d' ' -f3- "${file%.failed}.took"), without a test that did"
done
echo "slowest: $(cat "$log"/*.took | sort -rn | head -n 5 | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
failed=$(all | grep -c '^not ok')
skipped=$(all | grep -c '^ok .*# skip')
passed=$(($(all | grep -c '^ok') - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
[ -z "$(find "$log" -name '*.failed')" ]
