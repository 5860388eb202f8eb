#!/bin/sh
# Runs the bats files of one folder, two at a time where there are processors for it, and ends with a line that says how many passed and failed, whatever
# the format of bats. Each test has a folder of its own, so files do not meet.
set -u
dir=$1
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
lanes=$(nproc 2>/dev/null || echo 1)
[ "$lanes" -le 2 ] || lanes=2
run() { # LANE FILES...
	lane=$1
	shift
	{ bats --tap ${BATS_FILTER:+--filter "$BATS_FILTER"} "$@"; echo "$?" >"$log/$lane.rc"; } | tee "$log/$lane"
}
lane=0
while [ "$lane" -lt "$lanes" ]; do
	n=0
	set --
	for file in "$dir"/*.bats; do
		[ $((n % lanes)) -ne "$lane" ] || set -- "$@" "$file"
		n=$((n + 1))
	done
	[ $# -eq 0 ] || run "$lane" "$@" &
	lane=$((lane + 1))
done
wait
failed=$(cat "$log"/? | grep -c '^not ok')
skipped=$(cat "$log"/? | grep -c '^ok .*# skip')
passed=$(($(cat "$log"/? | grep -c '^ok') - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
cat "$log"/*.rc | grep -qv '^0$' && exit 1
exit 0
