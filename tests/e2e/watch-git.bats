#!/usr/bin/env bats
# What git does under a watch: one command is one round, what was saved before is not built again, and nothing is built in the middle.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() {
	[[ ! -f $T/queue.was ]] || cat "$T/queue.was" >/proc/sys/fs/inotify/max_queued_events
	fixture_teardown
}

# two_states N: branch `main` as it is, and `other`, where N files of multi, the shared library and one more program differ. Ends on main.
two_states() {
	local n=$1
	many_files "$n" 1
	commit 'many files'
	g checkout -b other
	many_files "$n" 2
	mark common 2
	mark odd 2
	commit 'all of them changed'
	g checkout main
}

many_files() {
	awk -v n="$1" -v v="$2" -v dir="$SRC/drivers/multi/data" 'BEGIN {
		for (i = 0; i < n; i++) { if (i % 100 == 0) system("mkdir -p " dir "/d" int(i / 100)); f = dir "/d" int(i / 100) "/f" i ".rs"; print "// " v " " i >f; close(f) }
	}'
}

# only_round_of_checkout: all four in one, multi's data being content that compiles to the same.
only_round_of_checkout() {
	expect_round ok inputd multi netd odd_pkg
	expect_quiet
}

@test "a checkout that changes 5,600 files is one round, with every stale package in it" {
	two_states 5600
	rest
	watch
	g checkout other
	only_round_of_checkout
	expect_equal "$(built_by_watch | sort | paste -sd' ')" "inputd multi netd odd_pkg"
	g checkout main
	only_round_of_checkout
	stop_watch
	netd_says "netd=1 proto=1 common=1"
	expect_stale
}

@test "the same when the event queue overflows while the watch is stopped" {
	two_states 5600
	rest
	# For the start of the watch alone: the limit is taken when inotify is set up, and it is the host's.
	cat /proc/sys/fs/inotify/max_queued_events >"$T/queue"
	if ! { echo 256 >/proc/sys/fs/inotify/max_queued_events; } 2>/dev/null; then skip "fs.inotify.max_queued_events cannot be set here"; fi
	mv "$T/queue" "$T/queue.was"
	watch
	# What is watching keeps its limit: others get the host's again.
	cat "$T/queue.was" >/proc/sys/fs/inotify/max_queued_events
	rm "$T/queue.was"
	expect_quiet
	kill -STOP "$pid_watch"
	g checkout other
	kill -CONT "$pid_watch"
	# It may have been stopped in the middle of a look: what comes of that is interrupted.
	last_round ok inputd multi netd odd_pkg
	expect_quiet
	# It sees on after the overflow, in folders that were there and in new ones.
	mkdir -p "$SRC/drivers/inputd/src/after/it"
	printf 'x\n' >"$SRC/drivers/inputd/src/after/it/file"
	any_round inputd
	mark netd 5
	expect_round ok netd
	stop_watch
	netd_says "netd=5 proto=1 common=2"
	expect_stale
}

@test "a commit of what was saved builds nothing, nor does amend, nor gc" {
	rest
	note_cargo
	watch
	mark netd 2
	expect_round ok netd
	: >"$T/cargo.log"
	commit 'netd'
	expect_quiet
	g commit --amend -m 'netd, with another message'
	expect_quiet
	g branch another
	g tag -a -m 'a tag' v1
	g pack-refs --all
	g gc --quiet
	expect_quiet
	expect_equal "$(cargo_builds)" ""
	# And a commit beside which another file is saved is a round of that one.
	mark inputd 2
	expect_round ok inputd
	stop_watch
	expect_stale
}

@test "reset --hard and stash take a save back, and bring it again" {
	rest
	watch
	mark netd 2
	expect_round ok netd
	g stash
	expect_round ok netd
	netd_says "netd=1 proto=1 common=1"
	g stash pop
	expect_round ok netd
	netd_says "netd=2 proto=1 common=1"
	g reset --hard
	expect_round ok netd
	netd_says "netd=1 proto=1 common=1"
	mark inputd 2
	mark netd 3
	reach inputd netd
	commit 'both'
	expect_quiet
	g reset --hard HEAD~1
	expect_round ok inputd netd
	expect_quiet
	stop_watch
	netd_says "netd=1 proto=1 common=1"
	expect_stale
}

@test "a reset that moves only HEAD builds nothing" {
	rest
	watch
	mark netd 2
	expect_round ok netd
	commit 'netd'
	g reset --soft HEAD~1
	g reset
	expect_quiet
	stop_watch
}

@test "a merge and a pull of another repository are one round each" {
	rest
	git clone -q "$SRC" "$T/theirs"
	git -C "$SRC" remote add theirs "$T/theirs"
	watch
	(SRC=$T/theirs; mark netd 2; mark common 2; commit 'theirs 1'; mark odd 2; commit 'theirs 2')
	g fetch theirs
	expect_quiet
	g merge theirs/main
	expect_round ok inputd netd odd_pkg
	expect_quiet
	(SRC=$T/theirs; mark odd 3; commit 'theirs 3')
	mark inputd 5
	expect_round ok inputd
	commit 'ours'
	expect_quiet
	g pull --no-rebase --no-edit theirs main
	expect_round ok odd_pkg
	expect_quiet
	stop_watch
	netd_says "netd=2 proto=1 common=2"
	expect_stale
}

# conflict: `main` and `other` differ in netd; other has inputd too.
conflict() {
	g checkout -b other
	mark inputd 2
	commit 'inputd on other'
	mark netd 2
	commit 'netd on other'
	mark odd 2
	commit 'odd on other'
	g checkout main
	mark netd 3
	commit 'netd on main'
	g checkout other
}

# A rebase has no event that says 'nothing will come': what comes within more than the debounce's 2 s would be a fault.
nothing_in_the_middle() {
	if wait_until 3 a_round; then watch_fail "a round in the middle: $(rounds)"; fi
	refute said "$1"
}

@test "a rebase with a conflict: nothing is built in the middle, one round at its end" {
	conflict
	rest
	note_cargo
	watch
	refute g rebase main
	grep -q '<<<<<<<' "$SRC/drivers/net/netd/src/main.rs" || fail "there is no conflict"
	nothing_in_the_middle '.event == "plan"'
	# Saves in the middle wait too.
	printf 'fn main() {\n    println!("netd=4 {}", proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	nothing_in_the_middle '.event == "plan"'
	expect_equal "$(cargo_builds)" ""
	g add -A
	GIT_EDITOR=true g rebase --continue
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=4 proto=1 common=1"
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" odd=2
	expect_stale
}

@test "what is waited for during a rebase is told" {
	conflict
	rest
	watch
	refute g rebase main
	told 20 'rebase'
	g rebase --abort
	stop_watch
}

@test "a rebase given up: nothing is built" {
	conflict
	rest
	note_cargo
	watch
	refute g rebase main
	nothing_in_the_middle '.event == "plan"'
	g rebase --abort
	expect_quiet
	expect_equal "$(cargo_builds)" ""
	stop_watch
}

@test "a merge with a conflict waits for its end" {
	conflict
	g checkout main
	rest
	watch
	refute g merge other
	nothing_in_the_middle '.event == "plan"'
	printf 'fn main() {\n    println!("netd=5 {}", proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	commit 'merged'
	expect_round ok inputd netd odd_pkg
	expect_quiet
	stop_watch
	netd_says "netd=5 proto=1 common=1"
	expect_stale
}

@test "a rebase of ten commits without a conflict is one round" {
	local i
	g checkout -b other
	for ((i = 2; i <= 11; i++)); do
		mark netd "$i"
		commit "netd $i"
	done
	g checkout main
	mark inputd 2
	commit 'inputd on main'
	g checkout other
	rest
	watch
	g rebase main
	expect_round ok inputd
	expect_quiet
	stop_watch
	netd_says "netd=11 proto=1 common=1"
	expect_stale
}

@test "an index.lock that a dead git left holds nothing up for long" {
	rest
	watch
	: >"$SRC/.git/index.lock"
	mark netd 2
	# A live git would end within this; so nothing at once.
	if wait_until 2 a_round; then watch_fail "a round under index.lock: $(rounds)"; fi
	next_round
	expect_equal "$round" "ok netd"
	grep -q 'index\.lock' "$T/watch.err" || fail "index.lock is not named: $(cat "$T/watch.err")"
	# It does not hold up the saves after it either.
	mark netd 3
	next_round
	expect_equal "$round" "ok netd"
	rm "$SRC/.git/index.lock"
	expect_quiet
	stop_watch
	netd_says "netd=3 proto=1 common=1"
}

@test "a linked work tree as the source: its commits and checkouts are seen" {
	g worktree add -b linked "$T/linked"
	mv "$SRC/target" "$T/linked/target"
	ini_set 'source base' path "$T/linked"
	SRC=$T/linked
	rest
	watch
	mark netd 2
	expect_round ok netd
	commit 'in the linked tree'
	expect_quiet
	g reset --hard HEAD~1
	expect_round ok netd
	stop_watch
	netd_says "netd=1 proto=1 common=1"
	expect_stale
}

# ---- trigger = commit

commit_trigger() {
	ini_add <<<$'[watch]\ntrigger = commit'
	rest
	watch
}

@test "trigger = commit: a save does nothing, the commit builds it once" {
	commit_trigger
	mark netd 2
	mark inputd 2
	expect_quiet commit
	g add drivers/net/netd
	g commit -m 'netd alone'
	expect_round ok netd
	expect_quiet commit
	netd_says "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=1"
	commit 'inputd too'
	expect_round ok inputd
	expect_quiet commit
	stop_watch
	expect_stale
}

@test "trigger = commit: a commit that gives a package another dependency is built, and the map follows" {
	commit_trigger
	printf 'proto = { path = "../../crates/proto" }\n' >>"$SRC/drivers/inputd/Cargo.toml"
	printf 'fn main() {\n    println!("inputd=2 {}", proto::mark());\n}\n' >"$SRC/drivers/inputd/src/main.rs"
	commit 'inputd uses proto'
	last_round ok inputd
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 proto=1 common=1"
	stop_watch
}

@test "trigger = commit: checkout, reset, merge and update-ref build what HEAD changed, once" {
	g checkout -b other
	mark netd 2
	mark common 2
	commit 'other'
	g checkout main
	commit_trigger
	g checkout other
	expect_round ok inputd netd
	g checkout main
	expect_round ok inputd netd
	g merge --no-ff -m merged other
	expect_round ok inputd netd
	g reset --hard HEAD~1
	expect_round ok inputd netd
	netd_says "netd=1 proto=1 common=1"
	g commit --allow-empty -m 'nothing in it'
	expect_quiet commit
	g commit --amend --allow-empty -m 'nothing in it either'
	expect_quiet commit
	stop_watch
}
