#!/usr/bin/env bats
# Hooks that are not quite as they were left: without their run bit, with a byte too many, of another project, half written; in git's configuration, too.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup
}

teardown() { hooks_teardown; }

# state EVENT: what the status says of it.
state() {
	rx hooks status --json
	jq -r --arg e "$1" '.hooks[] | select(.event == $e) | .state' "$T/out"
}

@test "a hook that lost its run bit is outdated, and gets it back" {
	rx_ok hooks install
	chmod a-x "$HOOKS/post-commit"
	expect_equal "$(state post-commit)" outdated
	expect_equal "$(state post-merge)" installed
	rx_ok hooks install
	test -x "$HOOKS/post-commit"
	expect_equal "$(state post-commit)" installed
}

@test "what an install that was killed left half written is in nobody's way" {
	echo half >"$HOOKS/post-commit.reinject-new"
	rx_ok hooks install
	expect_equal "$(state post-commit)" installed
	refute test -e "$HOOKS/post-commit.reinject-new"
}

@test "with a NUL in it it is none of ours: kept as it is, and back after an uninstall" {
	rx_ok hooks install
	printf '\0' >>"$HOOKS/post-commit"
	cp "$HOOKS/post-commit" "$T/with-nul"
	expect_equal "$(state post-commit)" foreign
	rx_ok hooks install
	cmp "$T/with-nul" "$HOOKS/post-commit.before-reinject"
	rx_ok hooks uninstall
	cmp "$T/with-nul" "$HOOKS/post-commit"
}

@test "of a project that another one's hooks stand beside, nothing is installed" {
	rx_ok hooks install
	mkdir "$TREE/second"
	sed "s|^path = src|path = $SRC|; s|disk.img|$TREE/second/disk.img|" "$TREE/reinject.ini" >"$TREE/second/reinject.ini"
	expect_equal "$(RX_DIR=$TREE/second state post-commit)" absent
	expect_equal "$(state post-commit)" installed
}

@test "git 2.54: a command that nothing calls is absent, one that another event calls edited" {
	local key
	mkdir "$T/bin"
	printf '#!/bin/sh\n[ "$1" = version ] && { echo "git version 2.54.0"; exit; }\nexec "%s" "$@"\n' "$(command -v git)" >"$T/bin/git"
	chmod +x "$T/bin/git"
	PATH=$T/bin:$PATH
	rx_ok hooks install
	expect_equal "$(state post-commit)" installed
	key=$(g config --name-only --get-regexp '^hook\.reinject-.*-post-commit\.event$')
	g config "$key" post-merge
	expect_equal "$(state post-commit)" edited
	g config --unset "$key"
	expect_equal "$(state post-commit)" absent
	rx_ok hooks install
	expect_equal "$(state post-commit)" installed
}

@test "every folder that a service's install made goes with it" {
	export XDG_CONFIG_HOME=$T/home/config
	mkdir -p "$T/bin" "$T/home"
	printf '#!/bin/sh\n' >"$T/bin/systemctl"
	chmod +x "$T/bin/systemctl"
	PATH=$T/bin:$PATH
	rx_ok service install watch
	test -d "$T/home/config/systemd/user"
	rx_ok service uninstall watch
	expect_equal "$(ls -A "$T/home")" ''
}
