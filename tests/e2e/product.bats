#!/usr/bin/env bats
# What somebody meets who does not know the program: what is missing is said before anything is done, and what to do about it.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# stranger_rx ARGS: as rx, as another user, who may read the tree.
stranger_rx() {
	local p
	for p in "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$T"; do chmod o+x "$p"; done
	[[ -e $T/reinject ]] || cp "$REINJECT" "$T/reinject"
	status=0
	(cd "$TREE" && HOME=$T/tmp timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups "$T/reinject" "$@") \
		>"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $*, as nobody"
}

# ---- somebody else's tree

@test "another user is told whose state folder it is, and what to do" {
	rx_ok refresh
	chmod 0700 "$TREE/.reinject"
	local verb
	for verb in refresh status log; do
		stranger_rx "$verb"
		expect_refused 3
		expect_err "state folder '.*' is closed to you"
		expect_err 'sudo -u root reinject'
		refute grep -q 'no watch runs' "$T/err"
	done
	chown 4711:4711 "$TREE/.reinject"
	stranger_rx refresh
	expect_refused 2
	expect_err 'belongs to user 4711'
	expect_err 'sudo chown -R 65534'
	chown 0:0 "$TREE/.reinject"
}
