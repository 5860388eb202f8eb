#!/bin/sh
# tools/lint.sh CFLAGS -- FILES.c: cppcheck, clang-tidy (.clang-tidy says which checks), gcc's -fanalyzer and shellcheck, on as many processors as there are.
# Ends with 1 when any of them finds something. What is found wrongly is excused where it stands, by cppcheck-suppress or NOLINT with a reason.
set -u
cd "$(dirname "$0")/.." || exit 1
flags=
while [ "$1" != -- ]; do
	flags="$flags $1"
	shift
done
shift
jobs=$(nproc 2>/dev/null || echo 1)
failed=

# The analyzer of gcc 12 loses sight of `= NULL` beside a cleanup attribute, and takes an error of another file's for a possible 0.
analyzer='-O0 -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-null-dereference -Wno-analyzer-null-argument -Werror'

step() { # NAME CMD...
	name=$1
	shift
	if "$@"; then echo "lint: $name ok"; else failed="$failed $name"; fi
}

tidy() {
	# It counts warnings of headers that it does not show.
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' "$@" | xargs -P "$jobs" -n 8 sh -c 'f=$1; shift; exec clang-tidy -quiet "$@" -- $f 2>/dev/null' tidy "$flags"
}

analyze() {
	printf '%s\n' "$@" | xargs -P "$jobs" -n 8 sh -c 'a=$1; shift; for f; do ${CC:-gcc} $a -c -o /dev/null "$f" || r=1; done; exit ${r:-0}' analyze "$flags $analyzer"
}

# internalAstError: cppcheck 2.10 does not follow TAKE_PTR(), a statement expression, inside an initializer.
step cppcheck cppcheck --quiet -j "$jobs" --enable=warning,portability,performance --inline-suppr --error-exitcode=1 --suppress=internalAstError \
	--std=c11 -I. -D_GNU_SOURCE '-DREINJECT_VERSION=""' '-DREINJECT_LIBEXECDIR=""' "$@"
step clang-tidy tidy "$@"
if ${CC:-gcc} --version | grep -q 'Free Software'; then step analyzer analyze "$@"; fi
step shellcheck shellcheck -S warning tools/*.sh
[ -z "$failed" ] || {
	echo "lint: FAILED:$failed" >&2
	exit 1
}
