#!/usr/bin/env bats
# Git hooks: commit, and the image follows, without git noticing.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	STATE=$TREE/.reinject
	HOOKS=$SRC/.git/hooks
	export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost GIT_EDITOR=true
	if [[ -e $TREE/reinject.ini ]]; then
		ini_add <<-END
			[hooks]
			quiet_ms = 300
		END
	fi
}

teardown() {
	end_worker
	unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_EDITOR
	fixture_teardown
}

g() {
	git -C "$SRC" "$@" 3>&-
}

worker_runs() {
	[[ -e $STATE/worker.lock ]] && ! flock -ns "$STATE/worker.lock" true
}

spool_empty() {
	[[ ! -s $STATE/spool/queue && ! -e $STATE/spool/taken && ! -e $STATE/spool/more ]]
}

at_rest() {
	spool_empty && refute worker_runs 2>/dev/null
}

end_worker() {
	local pid
	if [[ -s $STATE/worker.lock ]] && worker_runs; then
		read -r pid <"$STATE/worker.lock"
		end_pid "$pid"
	fi
}

# settled [SECONDS]: every record is worked off, and the worker has ended.
settled() {
	wait_until "${1:-60}" at_rest || fail "the worker does not come to an end: $(cat "$STATE/hooks.log")"
	if [[ -s $STATE/worker.lock ]]; then wait_until 10 pid_gone "$(<"$STATE/worker.lock")" || fail "the worker stays"; fi
}

# hook_runs [FILTER]: how many runs by a hook there are in the journal.
hook_runs() {
	(cd "$TREE" && "$REINJECT" log --json 2>/dev/null) | jq -s "map(select(.verb == \"hook\") | select(${1:-true})) | length"
}

# begin: the image is up to date, and the hooks are there.
begin() {
	rx_ok refresh
	rx_ok hooks install
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
	# Longer than the quiet time at each step: only git's own sign keeps the worker waiting.
	g rebase -q --exec 'read -rt 0.2 <> "'"$(mkfifo "$T/slow" && echo "$T/slow")"'" || true' main
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
