#!/bin/sh
# tools/bats.sh FOLDER|FILE...: runs these bats files and those of these folders, two at a time where there are processors for it, and ends with a line that
# says how many passed and failed, whatever the format of bats. Each test has a folder of its own, so files do not meet.
set -u
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
lanes=$(nproc 2>/dev/null || echo 1)
[ "$lanes" -le 2 ] || lanes=2
run() { # LANE FILES...: every so manieth of the files
	lane=$1 n=0
	shift
	for file in "$@"; do
		shift
		[ $((n % lanes)) -ne "$lane" ] || set -- "$@" "$file"
		n=$((n + 1))
	done
	[ $# -eq 0 ] || { bats --tap ${BATS_FILTER:+--filter "$BATS_FILTER"} "$@"; echo "$?" >"$log/$lane.rc"; } | tee "$log/$lane"
}
for at in "$@"; do
	shift
	if [ -d "$at" ]; then set -- "$@" "$at"/*.bats; else set -- "$@" "$at"; fi
done
lane=0
while [ "$lane" -lt "$lanes" ]; do
	run "$lane" "$@" &
	lane=$((lane + 1))
done
wait
failed=$(cat "$log"/? | grep -c '^not ok')
skipped=$(cat "$log"/? | grep -c '^ok .*# skip')
passed=$(($(cat "$log"/? | grep -c '^ok') - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
cat "$log"/*.rc | grep -qv '^0$' && exit 1
exit 0
