#!/usr/bin/env bats
# What [source] ignore names is no change, in whatever way git knows of it: edited, new, committed, marked, a submodule, a shared file, amid a build.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	V=$SRC/drivers/net/netd/vendor
	mkdir -p "$V/deep"
	echo 1 >"$V/deep/tracked"
	echo 1 >"$V/marked"
	echo 1 >"$V/flags"
	ini_set 'source base' ignore drivers/net/netd/vendor
}

teardown() { fixture_teardown; }

g() {
	git -C "$SRC" -c user.name=test -c user.email=test@localhost -c protocol.file.allow=always "$@"
}

@test "edited, new, deleted, committed, marked: nothing of it is stale, nor affected; its neighbour is" {
	commit 'vendored'
	rx_ok refresh
	echo 2 >"$V/deep/tracked"
	echo 2 >"$V/deep/new"
	expect_stale
	rx_ok affected --json
	expect_jq '.[0] | .affected == [] and .unowned == []'
	g update-index --assume-unchanged "$V/marked"
	echo 2 >"$V/marked"
	expect_stale
	expect_jq '.[0].source[0].dirty == 0'
	g update-index --no-assume-unchanged "$V/marked"
	rm "$V/flags"
	commit 'vendored again'
	expect_stale
	rx_ok affected --since HEAD~1 --json
	expect_jq '.[0] | .affected == [] and .unowned == []'
	rx_ok affected --commit HEAD --json
	expect_jq '.[0] | .affected == [] and .unowned == []'
	echo 2 >"${V}ed"
	expect_stale netd
}

@test "a commit is looked at as the work tree is" {
	commit 'vendored'
	rx_ok refresh
	rx_ok adopt HEAD
	expect_stale
}

@test "a submodule in it, its commits and its files" {
	git init -q -b main "$T/lib"
	echo 1 >"$T/lib/file"
	commit "$T/lib" 'a library'
	g submodule --quiet add "$T/lib" drivers/net/netd/vendor/sub
	commit 'a submodule'
	rx_ok refresh
	echo 2 >"$V/sub/file"
	expect_stale
	commit "$V/sub" 'more'
	expect_stale
	expect_jq '.[0].source[0].dirty == 0'
}

@test "a shared file in it, which git tracks or does not" {
	ini_set 'source base' shared 'Cargo.toml drivers/net/netd/vendor/flags'
	rx_ok refresh
	echo 2 >"$V/flags"
	expect_stale
	commit 'vendored'
	expect_stale
	echo 3 >"$V/flags"
	expect_stale
}

@test "edited while cargo builds its package: the build counts" {
	commit 'vendored'
	rx_ok refresh
	mark netd 2
	mkdir "$T/bin"
	cat >"$T/bin/cargo" <<-END
		#!/bin/sh
		case \$* in *build*-p\ netd*) echo build >>'$T/builds'; echo more >>'$V/deep/tracked' ;; esac
		exec '$(command -v cargo)' "\$@"
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH rx_ok refresh
	refute grep -q 'edited while' "$T/err"
	expect_equal "$(wc -l <"$T/builds")" 1
	expect_stale
}
