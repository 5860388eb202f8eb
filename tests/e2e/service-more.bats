#!/usr/bin/env bats
# Services of places with names that service managers read in ways of their own.

load ../lib/assert
load ../lib/fixture

setup() {
	fixture_setup
	mkdir -p "$T/src"
	printf '[source base]\npath = src\n\n[image]\npath = disk.img\n' >"$T/reinject.ini"
}
teardown() { fixture_teardown; }

@test "a program in a folder with a dollar: systemd finds it where it is" {
	mkdir "$T/a \$b %h"
	cp "$REINJECT" "$T/a \$b %h/reinject"
	(cd "$T" && "$T/a \$b %h/reinject" service install watch --print) >"$T/unit"
	# The first of the two.
	sed -n '/^# .*-failed.service$/q; p' "$T/unit" >"$T/x.service"
	grep -qxF "ExecStart=\"$T/a \$b %%h/reinject\" -c \"$T/reinject.ini\" watch" "$T/x.service" || fail "$(cat "$T/x.service")"
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
	systemd-analyze --user verify --man=no "$T/x.service" >"$T/said" 2>&1
	refute grep -F 'is not executable' "$T/said"
}

@test "a place whose name is no UTF-8 is refused, for either system: systemd would pass over the line" {
	local odd=$T/$'caf\xe9' system
	mkdir -p "$odd/src"
	cp "$T/reinject.ini" "$odd/"
	for system in systemd launchd; do
		RX_DIR=$odd rx service install watch --print --system "$system"
		expect_refused 2
		expect_err 'is no UTF-8: no service can be made of it'
	done
}
