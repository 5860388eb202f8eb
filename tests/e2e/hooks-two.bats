#!/usr/bin/env bats
# Two projects of one repository, and one of them goes although the program of the hooks has gone before it.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup 'quiet_ms = 200'
	mkdir "$T/it's own"
	cp "$REINJECT" "${REINJECT%/*}/reinject-hook" "$T/it's own"
	REINJECT="$T/it's own/reinject"
	sed 's/^\[image\]/[reinject]\nstate = other\n\n[image]/' "$TREE/reinject.ini" >"$TREE/other.ini"
	ls -l "$HOOKS" >"$T/before"
	rx_ok hooks install
	rx_ok -c "$TREE/other.ini" hooks install
}

teardown() { hooks_teardown; }

# projects: the state folders that post-commit serves.
projects() {
	sed -n 's/^# project [^ ]* \([^ ]*\) .*/\1/p' "$HOOKS/post-commit" | xargs -rn1 basename | paste -sd' '
}

@test "without the program one project is taken out, and stays out when the program is back" {
	expect_equal "$(projects)" '.reinject other'
	mv "$T/it's own/reinject-hook" "$T/away"
	rx_ok hooks uninstall
	refute grep -q 'nothing to do' "$T/err"
	expect_equal "$(projects)" other
	for event in post-commit post-merge post-checkout post-rewrite; do
		refute grep -qF "$STATE" "$HOOKS/$event"
	done
	mv "$T/away" "$T/it's own/reinject-hook"
	rx hooks status
	expect_out 'post-commit +absent'
	rx_ok -c "$TREE/other.ini" hooks status
	rx_ok -c "$TREE/other.ini" hooks uninstall
	ls -l "$HOOKS" | diff "$T/before" -
}

@test "where the hook does not tell its program either, that is said, and nothing is written" {
	rm "$T/it's own/reinject-hook"
	sed -i '/^\[ -x /d' "$HOOKS/post-commit"
	cp "$HOOKS/post-commit" "$T/edited"
	rx hooks uninstall
	expect_refused 3
	expect_err "'$HOOKS/post-commit'"
	expect_err 'make install'
	cmp "$HOOKS/post-commit" "$T/edited"
}
