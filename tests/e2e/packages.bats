#!/usr/bin/env bats
# What others install us by: the formula for Homebrew, read and run by a stub of it, and the words of the Debian package (`make check-deb` builds it).

load ../lib/assert
load ../lib/fixture

setup() {
	fixture_setup
	FORMULA=$REPO/packaging/homebrew/reinject.rb
	unset DESTDIR PREFIX LIBEXECDIR DEV FAULTS "${!HOMEBREW_@}"
	mkdir -p "$T/cellar"
}
teardown() { fixture_teardown; }

version() { sed -n 's/^VERSION := //p' "$REPO/Makefile"; }

# brew [ENV...]: the formula's facts in $T/out.
brew() { env "$@" ruby "$REPO/tests/lib/formula.rb" "$FORMULA" "$REPO" "$T/cellar" >"$T/out" 2>"$T/err" || fail "$(cat "$T/err")"; }

@test "the formula is Ruby, installs, and what it installs passes the formula's own test" {
	ruby -c "$FORMULA" >"$T/syntax" 2>&1 || fail "$(cat "$T/syntax")"
	brew
	expect_jq '.[0].version == $v and .[0].license == "GPL-3.0-or-later"' --arg v "$(version)"
	[[ -x $T/cellar/bin/reinject && -x $T/cellar/libexec/reinject-hook && -s $T/cellar/share/man/man1/reinject.1 ]] || fail "$(find "$T/cellar")"
}

@test "the formula names an archive only when it is told of one, and every library" {
	brew
	expect_jq '.[0] | has("url") or has("head") | not'
	expect_jq '.[0].depends_on - ["pkgconf"] == ["fswatch", "inih", "jansson", "libgit2", "libuv", "openssl@3", "sqlite"]'
	brew HOMEBREW_REINJECT_URL=https://host.invalid/reinject.tar.gz HOMEBREW_REINJECT_SHA256=00 HOMEBREW_REINJECT_HEAD=https://host.invalid/reinject.git
	expect_jq '.[0] | .url == "https://host.invalid/reinject.tar.gz" and .sha256 == "00" and .head == "https://host.invalid/reinject.git"'
}

@test "the Debian package is of this version, and builds with what make deps installs" {
	expect_equal "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$REPO/debian/changelog")" "$(version)"
	local package
	for package in $(sed -n '/^Build-Depends:/,/^[A-Z]/p' "$REPO/debian/control" | grep -o 'lib[a-z0-9]*-dev'); do
		grep -q "$package:" "$REPO/tools/deps.sh" || fail "make deps does not know $package"
	done
}
