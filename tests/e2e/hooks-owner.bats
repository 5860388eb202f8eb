#!/usr/bin/env bats
# What root does to the hooks of somebody else's project.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	STATE=$TREE/.reinject
	HOOKS=$SRC/.git/hooks
}
teardown() { fixture_teardown; }

@test "an edited hook that root replaces is kept for whom the state folder belongs to" {
	local nobody
	((EUID == 0)) || skip "needs root"
	nobody=$(id -u nobody)
	rx_ok hooks install
	chown -R "$nobody" "$STATE"
	echo 'echo mine' >>"$HOOKS/post-commit"
	SUDO_UID=$nobody SUDO_GID=$(id -g nobody) rx_ok hooks install
	expect_err 'edited by hand'
	expect_equal "$(stat -c %u "$STATE/edited-hooks/post-commit-1")" "$nobody"
}

@test "a hooks folder that root makes belongs to whom the repository belongs to" {
	local nobody
	((EUID == 0)) || skip "needs root"
	nobody=$(id -u nobody)
	let_others_in
	rm -r "$HOOKS"
	chown -R "$nobody" "$TREE"
	SUDO_UID=$nobody SUDO_GID=$(id -g nobody) rx_ok hooks install
	expect_equal "$(stat -c %u "$HOOKS" "$HOOKS/post-commit" | xargs)" "$nobody $nobody"
}
