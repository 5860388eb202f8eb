#!/bin/sh
# Every header compiles alone: whoever includes it needs to know nothing else.
set -eu
n=0
for header in "$@"; do
	# shellcheck disable=SC2046 # pkg-config's words are meant to be split
	printf '#include "%s"\n' "$header" |
		cc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. $(pkg-config --cflags libgit2 inih libuv sqlite3 jansson) -fsyntax-only -xc -
	n=$((n + 1))
done
echo "check-headers: $n headers, each compiles alone"
