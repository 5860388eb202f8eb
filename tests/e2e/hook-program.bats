#!/usr/bin/env bats
# reinject-hook by itself: the record, byte for byte; what it makes and does not make; and how the worker is started, which here is a script that writes
# down what it was given. Whatever is wrong, it ends with 0 and without a word: it runs in every commit.

load ../lib/assert
load ../lib/fixture

setup() {
	fixture_setup
	HOOK=${REINJECT%/*}/reinject-hook
	STATE=$T/state TOP=$T/top CONFIG=$T/reinject.ini
	mkdir "$STATE" "$TOP"
	: >"$CONFIG"
	cat >"$T/worker" <<-END
		#!/bin/bash
		echo start >>'$T/starts'
		exec 9>>'$T/worker.tmp'
		{
			echo "args \$*"
			echo "cwd \$(pwd)"
			echo "stdin \$(readlink /proc/self/fd/0)"
			echo "session \$(ps -o sid= -p \$\$)"
			grep -E '^Sig(Blk|Ign):' /proc/self/status
			env
			for fd in /proc/self/fd/*; do readlink "\$fd"; done
		} >&9
		echo 'a word to stdout'
		echo 'a word to stderr' >&2
		mv '$T/worker.tmp' '$T/worker.said'
	END
	chmod +x "$T/worker"
}

teardown() { fixture_teardown; }

# A worker is there already: only the record counts.
hold_worker() {
	exec {held}>>"$STATE/worker.lock"
	flock -x "$held"
}

# call WORDS...: the program as the shim calls it, in TOP. It has no word for anybody, and never fails.
call() {
	(cd "$TOP" && timeout 30 "$HOOK" "$@") >"$T/said" 2>&1 3>&- </dev/null || fail "it ended with $?"
	expect_equal "$(<"$T/said")" ''
}

# hook ARGS...: of a post-checkout.
hook() {
	call post-checkout 1 "$TOP" "$STATE" "$T/worker" "$CONFIG" "$@"
}

records() {
	[[ ! -e $STATE/spool/queue ]] || cut -d' ' -f2- "$STATE/spool/queue"
}

worked() {
	wait_until 20 test -e "$T/worker.said" || fail 'no worker was started'
}

# The worker of this call would have been started by a grandchild of it, which has ended by now or has not: one that is told to follow has the last word.
expect_no_worker() {
	exec {held}>&-
	call wake 1 '' "$STATE" "$T/worker" "$CONFIG"
	worked
	expect_equal "$(wc -l <"$T/starts")" 1
	rm "$T/starts" "$T/worker.said"
}

@test "a record is one line: its milliseconds, and percent for every byte that is no plain one" {
	TOP=$T/$'a b%c\nd\te\x7f\xc3\xbc'
	mkdir "$TOP"
	hold_worker
	local before after ms
	before=$(now_ms)
	hook $'\x01' '~' ''
	after=$(now_ms)
	expect_equal "$(wc -l <"$STATE/spool/queue")" 1
	read -r ms _ <"$STATE/spool/queue"
	((ms >= before && ms <= after)) || fail "$ms is not between $before and $after"
	expect_equal "$(records)" "post-checkout $T/a%20b%25c%0ad%09e%7f%c3%bc %01 ~ "
}

@test "of the hook's arguments three are kept" {
	hold_worker
	hook a b c d
	expect_equal "$(records)" "post-checkout $TOP a b c"
}

@test "a record that is too long is not written, nor a part of it; the next one is whole" {
	local long wide before
	long=$(printf 'x%.0s' {1..20000})
	wide=$(printf '%%%.0s' {1..6000})
	hold_worker
	# The last percent that does not fit leaves room for a byte or two, or for none.
	for before in '' x xx; do hook "$before$wide"; done
	hook "$long" b
	hook "${long:0:16000}" "${long:0:1000}" b
	expect_equal "$(records)" ''
	hook a b 1
	expect_equal "$(records)" "post-checkout $TOP a b 1"
}

@test "a place whose path is too long is no place" {
	local deep
	deep=$STATE/$(printf 'd/%.0s' {1..9000})
	call post-checkout 1 "$TOP" "$deep" "$T/worker" "$CONFIG" a b 1
	refute test -e "$STATE/d"
}

@test "a queue or a log that is a link is not followed, one that is a pipe not waited for; the worker starts all the same" {
	mkdir "$STATE/spool"
	ln -s "$T/elsewhere" "$STATE/spool/queue"
	ln -s "$T/elsewhere" "$STATE/hooks.log"
	hook a b 1
	worked
	refute test -e "$T/elsewhere"
	rm "$STATE/spool/queue" "$STATE/hooks.log" "$T/worker.said"
	mkfifo "$STATE/spool/queue" "$STATE/hooks.log"
	hook a b 1
	worked
}

@test "what it makes is for its owner's eyes" {
	rm -r "$STATE"
	umask 0
	hook a b 1
	worked
	expect_equal "$(stat -c %a "$STATE" "$STATE/spool" "$STATE/spool/queue" "$STATE/hooks.log" | xargs)" '700 700 600 600'
}

@test "forty hooks at once that find no state folder: forty records" {
	local i pids=()
	rm -r "$STATE"
	for i in {1..40}; do
		(cd "$TOP" && exec "$HOOK" post-checkout 1 "$TOP" "$STATE" /bin/true "$CONFIG" "$i" b 1) 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	expect_equal "$(records | sort -u | wc -l)" 40
}

@test "of a project that is gone nothing is made" {
	rm -r "$STATE" "$CONFIG"
	hook a b 1
	refute test -e "$STATE"
}

@test "root makes nothing in somebody else's folder" {
	((EUID == 0)) || skip 'needs root'
	local nobody
	nobody=$(id -u nobody)
	chown "$nobody" "$STATE"
	hook a b 1
	refute test -e "$STATE/spool"
	mkdir "$T/project"
	chown "$nobody" "$T/project"
	STATE=$T/project/state
	hook a b 1
	refute test -e "$STATE"
}

@test "the worker: its words, nothing of git's, no signal held back, no descriptor, a session and a place of its own" {
	exec {open}<"$CONFIG"
	(
		trap '' INT QUIT HUP PIPE
		cd "$TOP"
		GIT_DIR=x GIT_INDEX_FILE=y GITHUB_ACTIONS=kept MY_GIT_X=kept timeout 30 env --block-signal=TERM,USR1 "$HOOK" post-commit 1 "$TOP" "$STATE" "$T/worker" "$CONFIG" <"$T/worker" 3>&-
	)
	worked
	exec {open}<&-
	expect_equal "$(head -n 3 "$T/worker.said")" "args -c $CONFIG hooks run
cwd /
stdin /dev/null"
	expect_equal "$(grep -cE '^Sig(Blk|Ign):' "$T/worker.said")" 2
	# The C library keeps 32 and 33 for itself: they stay as they were when the test began.
	for held in $(sed -nE 's/^Sig(Blk|Ign):\t//p' "$T/worker.said"); do
		((16#$held & 0x7fffffff)) && fail "signals held back: $held"
	done
	expect_equal "$(grep -cE '^(GITHUB_ACTIONS|MY_GIT_X)=kept' "$T/worker.said")" 2
	refute grep '^GIT_' "$T/worker.said"
	refute grep "^session *$(ps -o sid= -p $$ | tr -d ' ')\$" "$T/worker.said"
	refute grep -F "$CONFIG" <(grep -v '^args' "$T/worker.said")
	expect_equal "$(cat "$STATE/hooks.log")" $'a word to stdout\na word to stderr'
	# The next one's words come after them.
	rm "$T/worker.said"
	call wake 1 '' "$STATE" "$T/worker" "$CONFIG"
	worked
	wait_until 20 eval '(($(wc -l <"$STATE/hooks.log") == 4))' || fail "the log: $(cat "$STATE/hooks.log")"
	expect_equal "$(records)" "post-commit $TOP"
}

@test "beside a worker or a watch none is started" {
	hold_worker
	hook a b 1
	expect_no_worker
	rm "$STATE/worker.lock"
	exec {held}>>"$STATE/watch.lock"
	flock -x "$held"
	hook a b 2
	expect_no_worker
}

@test "words that make no sense, and REINJECT=0: nothing at all is done" {
	local n
	hold_worker
	for n in 1x x -1 2 99999999999999999999 4294967297 1001; do
		call post-checkout "$n" "$TOP" "$STATE" "$T/worker" "$CONFIG" a b 1
	done
	call
	call post-checkout
	call post-checkout 1
	call post-checkout 1 "$TOP"
	call post-checkout 0 "$TOP" "$STATE" "$T/worker" "$CONFIG"
	REINJECT=0 hook a b 1
	expect_equal "$(records)" ''
	REINJECT=00 hook a b 1
	expect_equal "$(records)" "post-checkout $TOP a b 1"
}

@test "each project has its own: of another work tree nothing, of every one where none is named" {
	mkdir "$T/other" "$T/second" "$T/third"
	hold_worker
	exec {more}>>"$T/second/worker.lock"
	flock -x "$more"
	exec {third}>>"$T/third/worker.lock"
	flock -x "$third"
	call post-merge 3 "$T/other" "$STATE" "$T/worker" "$CONFIG" "$TOP" "$T/second" "$T/worker" "$CONFIG" '' "$T/third" "$T/worker" "$CONFIG" 0
	expect_equal "$(records)" ''
	STATE=$T/second
	expect_equal "$(records)" "post-merge $TOP 0"
	STATE=$T/third
	expect_equal "$(records)" 'post-merge  0'
	exec {more}>&- {third}>&-
}
