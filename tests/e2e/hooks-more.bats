#!/usr/bin/env bats
# Git hooks: what the table of hooks says of restore, fetch and clone, submodules, the shim by itself, and every field of `hooks status --json`.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup 'quiet_ms = 200'
}

teardown() { hooks_teardown; }

# Somebody else's worker: records stay where they are.
hold_worker() {
	mkdir -p "$STATE"
	exec {held}>>"$STATE/worker.lock"
	flock -x "$held"
}

records() {
	[[ -e $STATE/spool/queue ]] || return 0
	cut -d' ' -f2- "$STATE/spool/queue"
}

@test "restore leaves a record of flag 0; fetch and clone leave none" {
	rx_ok hooks install
	hold_worker
	mark netd 2
	g restore drivers/net/netd/src/main.rs
	expect_equal "$(records)" "post-checkout $SRC $(g rev-parse HEAD) $(g rev-parse HEAD) 0"
	git clone -q "$SRC" "$T/clone" 3>&-
	refute test -e "$T/clone/.git/hooks/post-commit"
	git -C "$T/clone" commit -q --allow-empty -m 'elsewhere' 3>&-
	g fetch -q "$T/clone" main
	expect_equal "$(records | wc -l)" 1
	g commit -q --allow-empty -m 'here'
	expect_equal "$(records | tail -n 1)" "post-commit $SRC"
	g commit -q --amend --allow-empty -m 'again'
	expect_equal "$(records | tail -n 1)" "post-rewrite $SRC amend"
	g switch -qc side
	expect_equal "$(records | tail -n 1)" "post-checkout $SRC $(g rev-parse HEAD) $(g rev-parse HEAD) 1"
}

@test "a submodule has hooks of ours only when it is a source" {
	git init -q -b main "$T/lib"
	printf 'a\n' >"$T/lib/file"
	commit "$T/lib" 'a library'
	g -c protocol.file.allow=always submodule --quiet add "$T/lib" sub
	g commit -qm 'a submodule'
	rx_ok hooks install
	test -x "$HOOKS/post-commit"
	refute test -e "$SRC/.git/modules/sub/hooks/post-commit"
	ini_add <<<$'[source sub]\npath = src/sub'
	rx_ok hooks install
	test -x "$SRC/.git/modules/sub/hooks/post-commit"
	rx_ok hooks status
	hold_worker
	git -C "$SRC/sub" commit -q --allow-empty -m 'in the submodule' 3>&-
	expect_equal "$(records)" "post-commit $SRC/sub"
	rx_ok hooks uninstall
	refute test -e "$SRC/.git/modules/sub/hooks/post-commit"
	refute test -e "$HOOKS/post-commit"
}

@test "the shim needs nothing of PATH, the program no library; without the program it is silent and well" {
	mkdir "$T/own"
	cp "$REINJECT" "${REINJECT%/*}/reinject-hook" "$T/own"
	REINJECT=$T/own/reinject rx_ok hooks install
	hold_worker
	expect_equal "$(cd "$SRC" && env -i PATH=/nonexistent "$HOOKS/post-checkout" a b 1 2>&1)" ''
	expect_equal "$(records)" "post-checkout $SRC a b 1"
	refute grep -q INTERP <(readelf -lW "$T/own/reinject-hook")
	rm "$T/own/reinject-hook"
	(cd "$SRC" && env -i PATH=/nonexistent "$HOOKS/post-checkout" a b 1 >"$T/said" 2>&1) || fail "it ended with $?"
	expect_equal "$(<"$T/said")" ''
	expect_equal "$(records | wc -l)" 1
}

@test "forty hooks at once: forty whole records" {
	local i pids=()
	rx_ok hooks install
	hold_worker
	for i in {1..40}; do
		(cd "$SRC" && exec "$HOOKS/post-checkout" "$i$(printf 'x%.0s' {1..200})" b 1) 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_equal "$(records | wc -l)" 40
	expect_equal "$(records | grep -cE "^post-checkout $SRC [0-9]+x{200} b 1\$")" 40
	expect_equal "$(records | sort -u | wc -l)" 40
}

@test "git 2.54: the command is guarded against a missing program" {
	mkdir "$T/own" "$T/bin"
	printf '#!/bin/sh\n[ "$1" = version ] && { echo "git version 2.54.0"; exit; }\nexec "%s" "$@"\n' "$(command -v git)" >"$T/bin/git"
	chmod +x "$T/bin/git"
	cp "$REINJECT" "${REINJECT%/*}/reinject-hook" "$T/own"
	REINJECT=$T/own/reinject PATH=$T/bin:$PATH rx_ok hooks install
	hold_worker
	local command
	command=$(g config --get-regexp '^hook\.reinject-.*-post-checkout\.command$' | cut -d' ' -f2-)
	(cd "$SRC" && sh -c "$command \"\$@\"" "$command" a b 1 3>&-)
	expect_equal "$(records)" "post-checkout $SRC a b 1"
	rm "$T/own/reinject-hook"
	(cd "$SRC" && sh -c "$command \"\$@\"" "$command" a b 1 >"$T/said" 2>&1) || fail "it ended with $?"
	expect_equal "$(<"$T/said")" ''
}

@test "hooks status --json: every field, before, between and after; exit 1 and 0" {
	rx hooks status --json
	expect_status 1
	expect_jq '.[0] | .well == false and .last == null and .spool == 0 and (.hooks | length == 4 and all(.[]; .state == "absent" and .fired == null))'
	rx_ok refresh
	rx_ok hooks install
	rx_ok hooks status --json
	expect_jq ".[0] | .well and (.program | endswith(\"/reinject-hook\")) and .worker == null and .watch == false"
	expect_jq ".[0].hooks | all(.[]; .state == \"installed\" and .program and .kept == false and .source == \"base\" and .repository == \"$SRC\" and .folder == \"$HOOKS\")"
	hold_worker
	mark netd 2
	g commit -qam 'netd 2'
	rx_ok hooks status --json
	expect_jq '.[0] | .spool == 1 and (.hooks[] | select(.event == "post-commit") | .fired != null)'
	expect_jq '.[0].hooks | map(select(.fired != null)) | length == 1'
	exec {held}>&-
	g commit -q --allow-empty -m 'nothing'
	settled
	rx_ok hooks status --json
	expect_jq '.[0] | .spool == 0 and .last.result == "ok" and .last.run > 1 and .last.error == null and .worker == null'
	rx_ok hooks status
	expect_out 'last +run [0-9]+, .*: ok'
	expect_out 'waiting +0 records'
	expect_out 'post-commit +installed +fired [0-9]'
	expect_out 'post-merge +installed +fired never'
	break_source netd
	g commit -qam 'broken'
	settled
	rx_ok hooks status --json
	expect_jq '.[0].last | .result == "failed" and (.error | test("netd"))'
}
