#!/usr/bin/env bats
# Git hooks: commit, and the image follows, without git noticing.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup 'quiet_ms = 300'
}

teardown() { hooks_teardown; }

# hook_runs [FILTER]: how many runs by a hook there are in the journal.
hook_runs() {
	(cd "$TREE" && "$REINJECT" log --json 2>/dev/null) | jq -s "map(select(.verb == \"hook\") | select(${1:-true})) | length"
}

# change N MESSAGE: netd says N, committed.
change() {
	mark netd "$1"
	g commit -qam "${2:-netd $1}"
}

expect_netd() {
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=$1 proto=1 common=1"
	expect_stale
}

# fired EVENT: that hook has left a record.
fired() {
	rx hooks status --json
	jq -e --arg e "$1" 'any(.hooks[]; .event == $e and .fired != null)' "$T/out" >/dev/null
}

# ---- which hook fires

@test "commit, revert, cherry-pick, --no-verify: post-commit, and the image has what HEAD has" {
	begin
	change 2
	settled
	expect_netd 2
	fired post-commit
	expect_equal "$(hook_runs)" 1
	g revert --no-edit HEAD >/dev/null
	settled
	expect_netd 1
	g cherry-pick HEAD~1 >/dev/null
	settled
	expect_netd 2
	mark netd 3
	g commit -q --no-verify -am 'without verify'
	settled
	expect_netd 3
	expect_equal "$(hook_runs '.result == "ok"')" 4
	refute fired post-merge
}

@test "commit --amend: post-commit and post-rewrite, one refresh" {
	begin
	change 2
	settled
	mark netd 3
	g commit -q --amend -am 'netd 3'
	settled
	expect_netd 3
	fired post-rewrite
	expect_equal "$(hook_runs)" 2
}

@test "merge, by a commit and by a fast-forward: post-merge" {
	begin
	g switch -qc side
	change 2
	settled
	g switch -q main
	settled
	expect_netd 1
	g merge -q --ff-only side
	settled
	expect_netd 2
	fired post-merge
	g switch -qc other HEAD~1
	echo more >>"$SRC/drivers/net/netd/README.md"
	g commit -qam 'a note'
	g merge -q --no-ff -m 'a merge' main
	settled
	expect_netd 2
}

@test "pull: post-merge" {
	begin
	g clone -q "$SRC" "$T/upstream"
	sed -i 's/"netd=1/"netd=7/' "$T/upstream/drivers/net/netd/src/main.rs"
	git -C "$T/upstream" commit -qam 'netd 7'
	g pull -q "$T/upstream" main
	settled
	expect_netd 7
	fired post-merge
}

@test "merge --squash moves no HEAD: nothing is refreshed, the commit after it is" {
	begin
	g switch -qc side
	change 2
	g switch -q main
	settled
	g merge -q --squash side >/dev/null
	fired post-merge
	settled
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	g commit -qm squashed
	settled
	expect_netd 2
}

@test "rebase of ten commits: one refresh, after its end" {
	local i before
	begin
	g switch -qc side
	settled
	for i in {2..11}; do
		mark netd "$i"
		REINJECT=0 g commit -qam "netd $i"
	done
	REINJECT=0 g switch -q main
	echo more >>"$SRC/drivers/inputd/note"
	g add -A
	REINJECT=0 g commit -qm 'main moves on'
	REINJECT=0 g switch -q side
	at_rest
	before=$(hook_runs)
	# One step lasts until the worker has said that it waits, and then twice the quiet time: only git's own sign keeps it waiting.
	mkfifo "$T/slow"
	cat >"$T/step.sh" <<-END
		[[ ! -e '$T/slow-step' ]] || exit 0
		touch '$T/slow-step'
		for i in {1..500}; do
			! grep -q 'a rebase.*waiting for its end' '$STATE/hooks.log' 2>/dev/null || break
			read -rt 0.02 <>'$T/slow'
		done
		read -rt 0.7 <>'$T/slow'
		exit 0
	END
	g rebase -q --exec "bash '$T/step.sh'" main
	grep -q 'a rebase.*waiting for its end' "$STATE/hooks.log"
	settled
	expect_netd 11
	expect_equal "$(hook_runs)" "$((before + 1))"
	expect_equal "$(cd "$TREE" && "$REINJECT" log --json | jq -rs '.[0].commits' | grep -oE '[0-9a-f]{40}')" "$(g rev-parse HEAD)"
	fired post-rewrite
}

@test "rebase that only fast-forwards, switch, bisect: post-checkout with flag 1" {
	begin
	g switch -qc side
	settled
	g switch -q main
	change 2
	change 3
	settled
	g switch -q side
	settled
	expect_netd 1
	g rebase -q main
	settled
	expect_netd 3
	g bisect start HEAD HEAD~2 >/dev/null 2>&1
	settled
	expect_netd 2
	g bisect reset >/dev/null 2>&1
	settled
	expect_netd 3
	fired post-checkout
}

@test "checkout -- FILE moves no HEAD: a record, and no refresh" {
	begin
	change 2
	settled
	mark netd 5
	g checkout -q -- drivers/net/netd/src/main.rs
	settled
	fired post-checkout
	expect_equal "$(hook_runs)" 1
	expect_netd 2
	grep -q 'nothing to do' "$STATE/hooks.log"
}

@test "checkout -- FILE of what a refresh by hand has put: the image goes back to HEAD too" {
	begin
	mark netd 5
	rx_ok refresh
	expect_netd 5
	g checkout -q -- drivers/net/netd/src/main.rs
	settled
	expect_netd 1
}

@test "reset --hard, am and update-ref fire nothing: the next hook catches up with them" {
	begin
	change 2
	change 3
	settled
	g reset -q --hard HEAD~1
	at_rest
	g checkout -q -- drivers/net/netd/src/main.rs
	settled
	expect_netd 2
	g format-patch -q -1 --stdout ORIG_HEAD >"$T/patch"
	g am -q "$T/patch" 2>/dev/null
	g checkout -q -- drivers/net/netd/src/main.rs
	settled
	expect_netd 3
	g update-ref HEAD HEAD~1
	g checkout -q HEAD -- drivers
	g checkout -q -- drivers/net/netd/src/main.rs
	settled
	expect_netd 2
}

@test "worktree add: the new work tree's hook is none of ours; as a source of its own it is, with a queue of its own" {
	begin
	g worktree add -q "$TREE/linked" -b linked
	at_rest
	git -C "$TREE/linked" commit -q --allow-empty -m 'in the linked one' 3>&-
	at_rest
	expect_equal "$(hook_runs)" 0
	mkdir "$TREE/second"
	sed "s|^path = src|path = $TREE/linked|; s|disk.img|$TREE/second/disk.img|" "$TREE/reinject.ini" >"$TREE/second/reinject.ini"
	image_copy "$IMAGE" "$TREE/second/disk.img"
	RX_DIR=$TREE/second rx_ok hooks install
	RX_DIR=$TREE/second rx_ok hooks status
	rx_ok hooks status
	sed -i 's/"netd=1/"netd=9/' "$TREE/linked/drivers/net/netd/src/main.rs"
	git -C "$TREE/linked" commit -qam 'netd 9' 3>&-
	at_rest
	STATE=$TREE/second/.reinject settled 100
	expect_equal "$(hook_runs)" 0
	IMAGE=$TREE/second/disk.img
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=9 proto=1 common=1"
	# The one goes, the other's stay.
	RX_DIR=$TREE/second rx_ok hooks uninstall
	rx_ok hooks status
	rx_ok hooks uninstall
	refute test -e "$HOOKS/post-commit"
}

# ---- git does not notice

@test "fifty commits within five seconds: the right image, few refreshes, none lost" {
	local i begun
	begin
	begun=$(now_ms)
	for i in {2..51}; do change "$i"; done
	(($(now_ms) - begun < 5000)) || skip "this machine does not make fifty commits in five seconds"
	settled
	expect_netd 51
	(($(hook_runs) <= 4)) || fail "$(hook_runs) refreshes"
	rx_ok status --json
	expect_jq '.[0].spool == 0'
}

@test "git commit | cat is not held up by the worker, which stands in its build meanwhile" {
	slow_package
	# The template's image knows nothing of it yet: the worker builds it.
	rx_ok hooks install
	mark netd 2
	# A hook's standard output is git's standard error.
	(cd "$SRC" && timeout 20 git commit -qam 'netd 2' 2>&1 3>&- | timeout 20 cat)
	refute test -e "$T/slow.pid"
	wait_until 20 worker_runs || fail "no worker"
	tr '\0' '\n' <"/proc/$(<"$STATE/worker.lock")/environ" >"$T/worker.env"
	grep -q '^PATH=' "$T/worker.env"
	refute grep '^GIT_' "$T/worker.env"
	expect_equal "$(readlink "/proc/$(<"$STATE/worker.lock")/cwd")" /
	expect_equal "$(ps -o sid= -p "$(<"$STATE/worker.lock")" | tr -d ' ')" "$(ps -o pgid= -p "$(<"$STATE/worker.lock")" | tr -d ' ')"
	refute test "$(ps -o sid= -p "$(<"$STATE/worker.lock")" | tr -d ' ')" = "$(ps -o sid= -p $$ | tr -d ' ')"
	slow_begun
	tr '\0' '\n' <"$T/slow.env" | refute grep '^GIT_'
	slow_release
	settled
	expect_netd 2
}

@test "[hooks] on_success gets the run, nothing of git's own variables, and no descriptor of git's" {
	begin
	cat >"$T/told.sh" <<-END
		#!/bin/sh
		env >'$T/told.env'
		ls -l /proc/self/fd | grep -v "fd.\$" >'$T/told.fds'
	END
	chmod +x "$T/told.sh"
	sed -i "s|^quiet_ms = 300|quiet_ms = 300\non_success = $T/told.sh|" "$TREE/reinject.ini"
	change 2
	settled
	expect_netd 2
	wait_until 10 test -s "$T/told.env"
	refute grep '^GIT_' "$T/told.env"
	grep -q '^REINJECT_RESULT=ok' "$T/told.env"
	refute grep -q "$SRC/.git" "$T/told.fds"
}

@test "REINJECT=0 skips, and a hook that was there runs all the same" {
	printf '#!/bin/sh\necho before >>"%s/before"\n' "$T" >"$HOOKS/post-commit"
	chmod +x "$HOOKS/post-commit"
	begin
	mark netd 2
	REINJECT=0 g commit -qam 'netd 2'
	refute test -e "$STATE/spool/queue"
	refute worker_runs
	expect_equal "$(cat "$T/before")" before
}

@test "a commit without a PATH, as graphical clients make it: the worker finds its programs where the install did" {
	begin
	mark netd 2
	refute env PATH=/usr/bin:/bin sh -c 'command -v redoxfs'
	(cd "$SRC" && env PATH=/usr/bin:/bin git commit -qam 'netd 2' 3>&-)
	settled
	expect_netd 2
}

@test "root's commit in another's project: the record is the owner's, and no worker of root's starts" {
	local nobody
	((EUID == 0)) || skip "needs root"
	nobody=$(id -u nobody)
	begin
	chown -R "$nobody" "$STATE"
	change 2
	expect_equal "$(stat -c %u "$STATE/spool/queue")" "$nobody"
	refute worker_runs
	refute test -e "$STATE/hooks.log"
	chown -R 0 "$STATE"
	change 3
	settled
	expect_netd 3
}

@test "a state folder that was deleted is made anew by the next commit" {
	begin
	settled
	rm -rf "$STATE"
	change 2
	settled
	test -e "$STATE/.gitignore"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "a refresh that fails is in the journal, in the log, and told by on_failure" {
	begin
	sed -i "s|^quiet_ms = 300|quiet_ms = 300\non_failure = /bin/sh -c 'echo \$REINJECT_RESULT >$T/told'|" "$TREE/reinject.ini"
	break_source netd
	g commit -qam broken
	settled
	expect_equal "$(hook_runs '.result == "failed"')" 1
	expect_equal "$(cat "$T/told")" failed
	grep -q 'netd' "$STATE/hooks.log"
	rx hooks status --json
	expect_status 0
	expect_jq '.[0].last.result == "failed"'
}

@test "an image that another run holds: the record waits, and its holder wakes the worker" {
	begin
	slow_package
	start holder "$REINJECT" build slow
	slow_begun
	change 2
	wait_until 20 grep -q 'being worked on' "$STATE/hooks.log"
	wait_until 10 refute worker_runs 2>/dev/null
	rx status --json
	expect_jq '.[0].spool == 1'
	slow_release
	finish holder
	expect_status 0
	settled
	expect_netd 2
	expect_equal "$(hook_runs '.result == "ok"')" 1
}

@test "an image that somebody else holds: the record waits, and the next commit takes both" {
	begin
	exec {held}<>"$IMAGE"
	change 2
	wait_until 30 grep -q 'disk.img' "$STATE/hooks.log"
	wait_until 30 refute worker_runs 2>/dev/null
	rx status --json
	expect_jq '.[0].spool == 1'
	exec {held}>&-
	change 3
	settled
	expect_netd 3
}

@test "beside a watch no worker starts" {
	begin
	start watch "$REINJECT" watch --json
	wait_until 30 grep -q '"ready"' "$T/watch.out"
	change 2
	fired post-commit
	refute worker_runs
	refute test -e "$STATE/hooks.log"
	rx_ok watch --wait
	expect_netd 2
	kill -INT "$pid_watch"
	finish watch 20
	expect_equal "$(hook_runs)" 0
}

@test "a worker that was killed is no obstacle: the next commit takes its records too" {
	begin
	slow_package
	change 2
	slow_recorded
	kill -KILL "$(<"$STATE/worker.lock")"
	wait_until 10 pid_gone "$(<"$STATE/worker.lock")"
	rm -f "$T/slow.pid"
	change 3
	slow_begun
	slow_release
	settled
	expect_netd 3
}

# ---- install and uninstall

# listing: all of the hooks folder: names, kinds, modes, links and contents.
listing() {
	stat -c '%a %F' "$HOOKS" 2>/dev/null || echo none
	[[ ! -d $HOOKS ]] || (cd "$HOOKS" && find . -mindepth 1 -printf '%p %y %m %l\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

@test "a second install writes nothing; uninstall leaves the folder as it was" {
	local before first
	printf '#!/bin/sh\nexit 0\n' >"$HOOKS/post-merge"
	chmod 0711 "$HOOKS/post-merge"
	chmod 0750 "$HOOKS"
	before=$(listing)
	rx_ok hooks install
	expect_err 'post-merge was there before'
	first=$(find "$HOOKS" -printf '%p %i %T@ %C@\n' | sort)
	rx_ok hooks install
	expect_err 'nothing to do'
	expect_equal "$(find "$HOOKS" -printf '%p %i %T@ %C@\n' | sort)" "$first"
	rx_ok hooks status
	expect_out 'post-commit +installed'
	expect_out 'post-merge +installed +\(after the one'
	rx_ok hooks uninstall
	expect_equal "$(listing)" "$before"
	rx hooks status
	expect_status 1
	rx_ok hooks uninstall
	expect_equal "$(listing)" "$before"
}

@test "a hooks folder that was not there is made, and goes again" {
	rm -rf "$HOOKS"
	rx_ok hooks install
	test -x "$HOOKS/post-commit"
	rx_ok hooks uninstall
	refute test -e "$HOOKS"
}

@test "a hooks folder that was there, and empty, stays" {
	rm -f "$HOOKS"/*
	rx_ok hooks install
	rx_ok hooks uninstall
	test -d "$HOOKS"
	expect_equal "$(ls -A "$HOOKS")" ''
}

@test "a hook that was there gets its arguments, its standard input and its say" {
	local event
	for event in post-checkout post-rewrite; do
		printf '#!/bin/sh\necho "%s $*" >>"%s/said"\ncat >>"%s/said"\nexit 7\n' "$event" "$T" "$T" >"$HOOKS/$event"
		chmod +x "$HOOKS/$event"
	done
	rx_ok hooks install
	mark netd 2
	g commit -qam 'netd 2'
	local old
	old=$(g rev-parse HEAD)
	g commit -q --amend -m 'netd 2 again' || true
	expect_equal "$(cat "$T/said")" "post-rewrite amend
$old $(g rev-parse HEAD)"
	rm "$T/said"
	status=0
	g checkout -qb other || status=$?
	expect_equal "$status" 1
	grep -q "post-checkout $(g rev-parse HEAD) $(g rev-parse HEAD) 1" "$T/said"
	fired post-rewrite
	fired post-checkout
	status=0
	"$HOOKS/post-checkout" a b 1 </dev/null || status=$?
	expect_equal "$status" 7
}

@test "a hook without its run bit, a dangling link, a link, a folder: kept, not run, and back as they were" {
	local before
	printf '#!/bin/sh\ntouch "%s/ran"\n' "$T" >"$HOOKS/post-commit"
	chmod 0644 "$HOOKS/post-commit"
	ln -s "$T/nowhere" "$HOOKS/post-merge"
	printf '#!/bin/sh\ntouch "%s/linked-ran"\n' "$T" >"$T/real.sh"
	chmod +x "$T/real.sh"
	ln -s "$T/real.sh" "$HOOKS/post-rewrite"
	mkdir "$HOOKS/post-checkout"
	before=$(listing)
	rx_ok hooks install
	refute test -e "$T/nowhere"
	mark netd 2
	g commit -qam 'netd 2'
	g commit -q --amend -m again
	g checkout -q -- .
	refute test -e "$T/ran"
	test -e "$T/linked-ran"
	fired post-checkout
	rx_ok hooks uninstall
	expect_equal "$(listing)" "$before"
	refute test -e "$T/nowhere"
	expect_equal "$(sha256 "$T/real.sh")" "$(printf '#!/bin/sh\ntouch "%s/linked-ran"\n' "$T" | sha256 /dev/stdin)"
}

@test "a hook that mentions reinject is not taken for ours" {
	printf '#!/bin/sh\n# reinject hook, of my own: reinject-hook\n' >"$HOOKS/post-commit"
	local before
	before=$(listing)
	rx hooks status
	expect_out 'post-commit +foreign'
	rx_ok hooks uninstall
	expect_equal "$(listing)" "$before"
	rx_ok hooks install
	test -e "$HOOKS/post-commit.before-reinject"
}

@test "a hook of ours that was edited is told, saved and replaced" {
	rx_ok hooks install
	echo 'echo mine' >>"$HOOKS/post-commit"
	cp "$HOOKS/post-commit" "$T/edited"
	rx hooks status
	expect_status 1
	expect_out 'post-commit +edited'
	rx_ok hooks install
	expect_err 'edited by hand'
	cmp "$T/edited" "$STATE/edited-hooks/post-commit-1"
	rx_ok hooks status
	echo 'echo mine again' >>"$HOOKS/post-commit"
	rx_ok hooks uninstall
	refute test -e "$HOOKS/post-commit"
	grep -q 'mine again' "$STATE/edited-hooks/post-commit-2"
}

@test "a missing program is silent, and status tells" {
	mkdir "$T/own"
	cp "$REINJECT" "${REINJECT%/*}/reinject-hook" "$T/own"
	REINJECT=$T/own/reinject rx_ok hooks install
	rm "$T/own/reinject-hook"
	mark netd 2
	g commit -qam 'netd 2' >"$T/said" 2>&1
	expect_equal "$(cat "$T/said")" ""
	REINJECT=$T/own/reinject rx hooks status
	expect_status 1
	expect_out 'missing'
	REINJECT=$T/own/reinject rx hooks install
	expect_refused 3
	REINJECT=$T/own/reinject rx_ok hooks uninstall
	refute test -e "$HOOKS/post-commit"
}

@test "core.hooksPath of another tool: nothing is written, the line to add is printed, and it works" {
	local line
	mkdir -p "$SRC/.husky"
	g config core.hooksPath .husky
	cp "$SRC/.git/config" "$T/config"
	rx hooks install
	expect_refused 3
	expect_err 'another tool owns'
	expect_equal "$(ls -A "$SRC/.husky")" ""
	refute test -e "$HOOKS/post-commit"
	cmp "$SRC/.git/config" "$T/config"
	rx hooks status --json
	expect_status 1
	expect_jq '.[0].hooks | all(.state == "shadowed")'
	rx hooks install
	line=$(grep -oE '\[ ! -x .*' "$T/err")
	printf '#!/bin/sh\n%s\n' "$line" >"$SRC/.husky/post-commit"
	chmod +x "$SRC/.husky/post-commit"
	change 2
	settled
	expect_netd_of 2
	# Hooks that core.hooksPath hides later are still taken out.
	g config --unset core.hooksPath
	rx_ok hooks install
	g config core.hooksPath .husky
	rx_ok hooks uninstall
	refute test -e "$HOOKS/post-commit"
}

# Beside an untracked folder `status` says the same, but the word is the image's here.
expect_netd_of() {
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=$1 proto=1 common=1"
}

@test "pre-commit's way: ours moved to .legacy still counts, and is taken out there" {
	rx_ok hooks install
	mv "$HOOKS/post-commit" "$HOOKS/post-commit.legacy"
	printf '#!/bin/sh\nexec "$0.legacy" "$@"\n' >"$HOOKS/post-commit"
	chmod +x "$HOOKS/post-commit"
	rx_ok hooks status
	rx_ok hooks install
	expect_err 'nothing to do'
	change 2
	settled
	expect_netd 2
	rx_ok hooks uninstall
	refute test -e "$HOOKS/post-commit.legacy"
	grep -q legacy "$HOOKS/post-commit"
}

@test "two installs at once: one set of hooks, and the one from before comes back" {
	local before i
	printf '#!/bin/sh\nexit 0\n' >"$HOOKS/post-commit"
	chmod +x "$HOOKS/post-commit"
	before=$(listing)
	for i in {1..5}; do
		start one "$REINJECT" hooks install
		start two "$REINJECT" hooks install
		finish one
		expect_status 0
		finish two
		expect_status 0
		rx_ok hooks status
		expect_equal "$(find "$HOOKS" -name '*reinject*' -printf '%f\n')" post-commit.before-reinject
		rx_ok hooks uninstall
		expect_equal "$(listing)" "$before"
	done
}

@test "a hooks folder that cannot be written: exit 3, and what to do" {
	mount --bind "$HOOKS" "$HOOKS"
	mounted+=("$HOOKS")
	mount -o remount,ro,bind "$HOOKS"
	rx hooks install
	expect_refused 3
	expect_err 'cannot write into'
	umount "$HOOKS"
	refute test -e "$HOOKS/post-commit"
}

@test "paths with blanks, quotes and newlines" {
	local odd=$T/$'a b\'c"d\ne $HOME'
	mv "$TREE" "$odd"
	TREE=$odd SRC=$odd/src IMAGE=$odd/disk.img STATE=$odd/.reinject HOOKS=$odd/src/.git/hooks
	rx_ok refresh
	rx_ok hooks install
	rx_ok hooks status
	change 2
	settled
	expect_netd 2
	fired post-commit
	rx_ok hooks uninstall
	refute test -e "$HOOKS/post-commit"
}

@test "a bare repository is refused with a sentence; its work tree is served" {
	g clone -q --bare "$SRC" "$T/bare.git"
	sed "s|^path = src|path = $T/bare.git|" "$TREE/reinject.ini" >"$TREE/bare.ini"
	rx -c "$TREE/bare.ini" hooks install
	expect_refused 3
	expect_err 'bare repository'
	rx -c "$TREE/bare.ini" hooks status
	expect_refused 3
	rm -rf "$SRC"
	git -C "$T/bare.git" worktree add -q "$SRC" main
	HOOKS=$T/bare.git/hooks
	rx_ok hooks install
	test -x "$HOOKS/post-commit"
	change 2
	settled
	expect_netd_of 2
}

@test "no repository: exit 3" {
	rm -rf "$SRC/.git"
	rx hooks install
	expect_refused 3
	rx hooks status
	expect_refused 3
	rx hooks frobnicate
	expect_refused 2
	rx hooks
	expect_refused 2
}

# A git that says it is 2.54 and is the real one otherwise: what is written is tested, not that such a git runs it.
@test "with a git that calls itself 2.54 the hooks are lines of the configuration" {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\n[ "$1" = version ] && { echo "git version 2.54.0"; exit; }\necho "$*" >>"%s/git.log"\nexec "%s" "$@"\n' "$T" "$(command -v git)" >"$T/bin/git"
	chmod +x "$T/bin/git"
	rx_ok hooks install
	cp "$SRC/.git/config" "$T/config"
	PATH=$T/bin:$PATH rx_ok hooks install
	refute test -e "$HOOKS/post-commit"
	expect_equal "$(g config --get-regexp '^hook\.reinject-.*\.event$' | cut -d' ' -f2 | sort | paste -sd' ')" "post-checkout post-commit post-merge post-rewrite"
	PATH=$T/bin:$PATH rx_ok hooks status
	cp "$SRC/.git/config" "$T/installed"
	PATH=$T/bin:$PATH rx_ok hooks install
	expect_err 'nothing to do'
	cmp "$SRC/.git/config" "$T/installed"
	# As git runs it: by a shell, with the hook's arguments after it.
	local command
	command=$(g config --get-regexp '^hook\.reinject-.*-post-commit\.command$' | cut -d' ' -f2-)
	mark netd 2
	g commit -qam 'netd 2'
	(cd "$SRC" && REINJECT=0 sh -c "$command \"\$@\"" "$command" a b)
	refute test -e "$STATE/spool/queue"
	(cd "$SRC" && env -u REINJECT sh -c "$command \"\$@\"" "$command" a b 3>&-)
	settled
	expect_netd 2
	: >"$T/git.log"
	PATH=$T/bin:$PATH rx_ok hooks uninstall
	cmp "$SRC/.git/config" "$T/config"
	# The event goes first: an event without its command stops every commit.
	grep -nE 'unset-all .*post-commit.event|remove-section .*post-commit' "$T/git.log" | head -1 | grep -q unset-all
}
