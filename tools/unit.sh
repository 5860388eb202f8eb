#!/bin/sh
# tools/unit.sh PROGRAM...: runs the unit tests, as many at a time as there are processors, two at most, and shows what each said when it has ended.
# UNDER='WORDS': a program that runs each, and its options. Exit status 0 when all passed.
set -u
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
lanes=$(nproc 2>/dev/null || echo 1)
[ "$lanes" -le 2 ] || lanes=2
# shellcheck disable=SC2016 # the inner shell's
printf '%s\n' "$@" | xargs -P "$lanes" -I{} sh -c '
	said=$2/${1##*/}
	${UNDER-} "$1" >"$said" 2>&1 </dev/null || status=$?
	{
		echo "== $1"
		cat "$said"
		[ -z "${status-}" ] || echo "== $1 FAILED (exit status $status)"
	} >"$said.whole"
	# In one write: the other lane speaks too.
	cat "$said.whole"
	[ -z "${status-}" ] || : >"$2/failed"
' unit {} "$log"
[ ! -e "$log/failed" ]
