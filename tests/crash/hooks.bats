# `hooks install` and `uninstall`, killed at every point of theirs: git always finds the user's hook or ours, which runs it; the next call goes on, and in the
# end the folder is what it was. Runs on the test build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture

setup() {
	fixture_setup
	HOOKS=$SRC/.git/hooks
	mkdir -p "$SRC"
	git -C "$SRC" init -q -b main
	image_make "$IMAGE" "$SRC" >/dev/null
	ini_base
	rm -f "$HOOKS"/*
	printf '#!/bin/sh\necho ran >>"%s/ran"\n' "$T" >"$HOOKS/post-commit"
	printf '#!/bin/sh\n' >"$HOOKS/post-merge"
	chmod +x "$HOOKS/post-commit"
	before=$(listing)
	config=$(cat "$SRC/.git/config")
}

teardown() {
	fixture_teardown
}

listing() {
	(cd "$HOOKS" && find . -mindepth 1 -printf '%p %y %m %l\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

faults() {
	"$REINJECT" --list-faults | grep '^hooks-'
}

# The user's hook is run by what git finds, whatever has happened.
expect_hook_runs() {
	rm -f "$T/ran"
	REINJECT=0 "$HOOKS/post-commit"
	expect_equal "$(cat "$T/ran")" ran
}

@test "killed at each point of an install" {
	local fault n=0
	for fault in $(faults); do
		REINJECT_FAULT=$fault rx hooks install
		expect_status 0 137
		[[ $status == 0 ]] || n=$((n + 1))
		expect_hook_runs
		if ((n % 2)); then
			rx_ok hooks install
			rx_ok hooks status
			expect_hook_runs
		fi
		rx_ok hooks uninstall
		expect_equal "$(listing)" "$before"
	done
	((n >= 3)) || fail "only $n points were met"
}

@test "killed at each point of an uninstall" {
	local fault n=0
	for fault in $(faults); do
		rx_ok hooks install
		REINJECT_FAULT=$fault rx hooks uninstall
		expect_status 0 137
		[[ $status == 0 ]] || n=$((n + 1))
		expect_hook_runs
		rx_ok hooks uninstall
		expect_equal "$(listing)" "$before"
	done
	((n >= 1)) || fail "only $n points were met"
}

@test "failing at each point of an install: said, and put right by the next" {
	local fault
	for fault in $(faults); do
		REINJECT_FAULT=$fault:EIO rx hooks install
		expect_status 0 1
		expect_hook_runs
		rx_ok hooks install
		rx_ok hooks uninstall
		expect_equal "$(listing)" "$before"
	done
}

@test "a configuration that git 2.54 would read is never left with an event without a command" {
	local fault name n=0
	mkdir -p "$T/bin"
	printf '#!/bin/sh\n[ "$1" = version ] && { echo "git version 2.54.0"; exit; }\nexec "%s" "$@"\n' "$(command -v git)" >"$T/bin/git"
	chmod +x "$T/bin/git"
	for fault in hooks-command hooks-event; do
		PATH=$T/bin:$PATH REINJECT_FAULT=$fault rx hooks install
		[[ $status == 0 ]] || n=$((n + 1))
		PATH=$T/bin:$PATH rx_ok hooks install
		PATH=$T/bin:$PATH REINJECT_FAULT=$fault rx hooks uninstall
		[[ $status == 0 ]] || n=$((n + 1))
		for name in $(git -C "$SRC" config --get-regexp '^hook\..*\.event$' | cut -d' ' -f1); do
			git -C "$SRC" config "${name%.event}.command" >/dev/null || fail "$name has no command"
		done
		PATH=$T/bin:$PATH rx_ok hooks uninstall
		expect_equal "$(cat "$SRC/.git/config")" "$config"
	done
	expect_equal "$n" 2
}
