# [hooks] isolate, killed at every point of its own: the next commit finds its folder in any state, and makes it the commit and nothing else. Runs on the test
# build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup 'quiet_ms = 0' 'isolate = yes'
	begin
}

teardown() { hooks_teardown; }

faults() {
	"$REINJECT" --list-faults | grep '^isolate-' | grep -v removed
}

# What stands in the folder, less its own .gitignore; and what the commit has.
apart() {
	(cd "$TREE"/.src.reinject-* && find . -type f ! -path ./.gitignore -exec sha256sum {} + | sort)
}

committed() {
	rm -rf "$T/clone"
	git clone -q "$SRC" "$T/clone"
	(cd "$T/clone" && find . -path ./.git -prune -o -type f ! -path ./.gitignore -exec sha256sum {} + | sort)
}

# round N FAULT: a commit that adds files, killed; the next one takes them away again, and must find no trace of them.
round() {
	mark netd "$1"
	mkdir -p "$SRC/drivers/multi/src/bin" "$SRC/added"
	printf 'fn main() {}\n' >"$SRC/drivers/multi/src/bin/stray.rs"
	for i in 1 2 3 4 5 6; do echo "$1 $i" >"$SRC/added/$i"; done
	git -C "$SRC" add -A
	REINJECT_FAULT=$2 git -C "$SRC" commit -qm "round $1" 3>&-
}

# What a worker had begun with is still there, and the worker is not.
killed() {
	[[ -s $STATE/spool/taken ]] && no_worker
}

clean_up() {
	mark netd "$1"
	git -C "$SRC" rm -rq added drivers/multi/src/bin/stray.rs
	git -C "$SRC" commit -qam "after round $1" 3>&-
	settled
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=$1 proto=1 common=1"
	diff <(committed) <(apart)
}

@test "killed at each point: the next commit makes the folder whole" {
	local fault n=1
	for fault in $(faults); do
		round $((++n)) "$fault"
		wait_until 60 killed || fail "the worker was not killed at $fault: $(cat "$STATE/hooks.log")"
		clean_up $((++n))
	done
	((n == 7)) || fail "$n"
	expect_stale
}

@test "failing at each point: journaled, and put right by the next" {
	local fault n=1
	for fault in $(faults); do
		round $((++n)) "$fault:EIO"
		settled
		expect_equal "$(cd "$TREE" && "$REINJECT" log --json | head -n 1 | jq -r .result)" failed
		clean_up $((++n))
	done
	expect_stale
}

@test "killed in the middle of an uninstall: the next one goes on" {
	mark netd 2
	git -C "$SRC" commit -qam 'netd 2' 3>&-
	settled
	apart >/dev/null
	REINJECT_FAULT=isolate-removed rx hooks uninstall
	expect_status 137
	rx_ok hooks uninstall
	refute test -e "$STATE/isolated"
	expect_equal "$(cd "$TREE" && shopt -s nullglob && echo .src.reinject-*)" ''
}
