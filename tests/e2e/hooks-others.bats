#!/usr/bin/env bats
# Hooks among other tools and other gits: what is in the place of ours, and what a git that is missing, fails or is killed leaves behind. No package is built.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup() {
	fixture_setup
	mkdir -p "$TREE"
	git init -q -b main "$SRC"
	printf '[source base]\npath = src\n\n[image]\npath = disk.img\n' >"$TREE/reinject.ini"
	hooks_setup
	rm -f "$HOOKS"/*
}
teardown() { hooks_teardown; }

listing() { (cd "$HOOKS" && find . -printf '%P %y %m %l\n' | sort && sha256sum -- * 2>/dev/null || true); }

# foreign EVENT WORD: somebody else's hook.
foreign() {
	printf '#!/bin/sh\necho %s\n' "$2" >"$HOOKS/$1"
	chmod +x "$HOOKS/$1"
}

# fake_git WHAT: a git that says it is 2.54, and does WHAT before the real one, which it is otherwise.
fake_git() {
	mkdir -p "$T/bin"
	cat >"$T/bin/git" <<-END
		#!/bin/sh
		[ "\$1" != version ] || { echo "git version 2.54.0"; exit; }
		$1
		exec "$(command -v git)" "\$@"
	END
	chmod +x "$T/bin/git"
}
rx_fake() { PATH=$T/bin:$PATH rx "$@"; }

@test "another tool has replaced ours, and one from before is kept: refused with the line to add, and both stay" {
	local line
	foreign post-commit first
	rx_ok hooks install
	foreign post-commit second
	listing >"$T/before"
	rx hooks install
	expect_refused 3
	expect_err "hook post-commit in '$HOOKS' was replaced by another tool, and an earlier one is still kept as 'post-commit.before-reinject'"
	listing | diff "$T/before" -
	rx hooks status
	expect_status 1
	expect_out 'post-commit +foreign'
	# The line does what ours would.
	rx hooks install
	line=$(sed -n 's/.*add this line to the hook that is there: //p' "$T/err")
	[[ -n $line ]] || fail "no line"
	printf '%s\n' "$line" >>"$HOOKS/post-commit"
	g commit -q --allow-empty -m one >"$T/said" 2>&1
	expect_equal "$(cat "$T/said")" second
	rx hooks status --json
	expect_jq '.[0].hooks[] | select(.event == "post-commit") | .fired != null'
	settled
	rx_ok hooks uninstall
	expect_err 'hook post-commit was replaced by another tool; the one from before stays as .post-commit.before-reinject'
	grep -q 'echo second' "$HOOKS/post-commit"
	grep -q 'echo first' "$HOOKS/post-commit.before-reinject"
	expect_equal "$(ls "$HOOKS")" 'post-commit
post-commit.before-reinject'
}

@test "a hook without its run bit is outdated, one of another project's alone is absent; install mends both" {
	rx_ok hooks install
	chmod a-x "$HOOKS/post-merge"
	rx hooks status
	expect_status 1
	expect_out 'post-merge +outdated'
	rx_ok hooks install
	rx_ok hooks status
	sed 's/^\[image\]/[reinject]\nstate = other\n\n[image]/' "$TREE/reinject.ini" >"$TREE/other.ini"
	rx -c "$TREE/other.ini" hooks status
	expect_status 1
	expect_out 'post-merge +absent'
	rx_ok -c "$TREE/other.ini" hooks install
	rx_ok -c "$TREE/other.ini" hooks status
	rx_ok hooks uninstall
	rx_ok -c "$TREE/other.ini" hooks status
	rx_ok -c "$TREE/other.ini" hooks uninstall
	expect_equal "$(ls "$HOOKS")" ''
}

@test "a hooks folder of ours that somebody uses since stays, and so does what is in it" {
	rmdir "$HOOKS"
	rx_ok hooks install
	printf 'mine\n' >"$HOOKS/notes"
	rx_ok hooks uninstall
	expect_equal "$(ls "$HOOKS")" notes
}

@test "a hooks folder that is a link to nowhere is nobody's to fill" {
	rmdir "$HOOKS"
	ln -s "$T/nowhere" "$HOOKS"
	rx hooks install
	expect_refused 3
	expect_err 'another tool owns'
	[[ ! -e $T/nowhere ]]
}

@test "no git, a git that is killed, a git that fails: said, and nothing is written" {
	listing >"$T/before"
	cp "$SRC/.git/config" "$T/config"
	mkdir "$T/few"
	ln -s "$(command -v timeout)" "$(command -v sed)" "$T/few/"
	PATH=$T/few rx hooks install
	expect_refused 3
	expect_err "there is no git on PATH, or no folder '$SRC'"
	expect_err 'install git'
	fake_git 'kill -KILL $$'
	rx_fake hooks install
	expect_refused 1
	expect_err 'git was killed|git .*signal'
	fake_git 'echo fatal: detected dubious ownership >&2; exit 128'
	rx_fake hooks status
	expect_refused 3
	expect_err "git, in '$SRC', .*128.*: fatal: detected dubious ownership"
	expect_err "git -C '$SRC' status"
	listing | diff "$T/before" -
	cmp "$SRC/.git/config" "$T/config"
}

@test "lines of git's configuration that were changed by hand, or are gone, are told and set right" {
	local key
	fake_git ''
	rx_fake hooks install
	expect_status 0
	cp "$SRC/.git/config" "$T/installed"
	key=$(g config --get-regexp '^hook\.reinject-.*-post-merge\.event$' | cut -d' ' -f1)
	g config "$key" post-checkout
	rx_fake hooks status
	expect_status 1
	expect_out 'post-merge +edited'
	rx_fake hooks install
	expect_status 0
	cmp "$SRC/.git/config" "$T/installed"
	g config "${key%.event}.command" true
	rx_fake hooks status
	expect_out 'post-merge +edited'
	g config --unset "$key"
	rx_fake hooks status
	expect_out 'post-merge +absent'
	rx_fake hooks install
	rx_fake hooks status
	expect_status 0
}

@test "a configuration that git cannot read or write: said, and no event is left without its command" {
	cp "$SRC/.git/config" "$T/config"
	# Cannot be read.
	fake_git 'case "$*" in *--get-all*) echo "fatal: bad config line 1" >&2; exit 128 ;; esac'
	for words in 'hooks install' 'hooks status' 'hooks uninstall'; do
		# shellcheck disable=SC2086 # words
		rx_fake $words
		expect_refused 3
		expect_err 'fatal: bad config line 1'
	done
	cmp "$SRC/.git/config" "$T/config"
	# Locked when the event is to be set, or unset.
	fake_git 'case "$*" in *--replace-all*.event*) echo "error: could not lock config file" >&2; exit 255 ;; esac'
	rx_fake hooks install
	expect_refused 3
	expect_err 'could not lock config file'
	expect_equal "$(g config --get-regexp '^hook\..*\.event$' || true)" ''
	fake_git ''
	rx_fake hooks install
	expect_status 0
	fake_git 'case "$*" in *--remove-section*) echo "error: could not lock config file" >&2; exit 255 ;; esac'
	rx_fake hooks uninstall
	expect_refused 3
	expect_equal "$(g config --get-regexp '^hook\..*-post-commit\.event$' || true)" ''
	fake_git ''
	rx_fake hooks uninstall
	expect_status 0
	cmp "$SRC/.git/config" "$T/config"
}
