#!/bin/sh
# Runs the bats files of one folder, and ends with a line that says how many passed and failed, whatever the format of bats.
set -u
dir=$1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{ bats --tap ${BATS_FILTER:+--filter "$BATS_FILTER"} "$dir"; echo "$?" >"$log.rc"; } | tee "$log"
rc=$(cat "$log.rc"); rm -f "$log.rc"
failed=$(grep -c '^not ok' "$log")
skipped=$(grep -c '^ok .*# skip' "$log")
passed=$(($(grep -c '^ok' "$log") - skipped))
echo "$passed passed, $failed failed, $skipped skipped"
exit "$rc"
