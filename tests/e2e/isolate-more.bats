#!/usr/bin/env bats
# [hooks] isolate = yes where the folder or what is built is not what it seems.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup 'quiet_ms = 200' 'isolate = yes'
}

teardown() { hooks_teardown; }

# commit_netd N: netd says N, that alone is committed, and a worker is run here for it, as a hook would have it.
commit_netd() {
	mark netd "$1"
	git -C "$SRC" commit -qm "netd $1" drivers/net/netd
	work
}

work() {
	mkdir -p "$STATE/spool"
	printf '1 post-commit %s\n' "$SRC" >>"$STATE/spool/queue"
	rx hooks run
}

@test "a link in the place of the folder is not followed: what lies behind it stays" {
	rx_ok refresh
	commit_netd 2
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	local folder
	folder=$(echo "$TREE"/.src.reinject-*)
	rm -r "$folder"
	mkdir "$TREE/mine"
	echo precious >"$TREE/mine/notes"
	ln -s mine "$folder"
	commit_netd 3
	expect_equal "$(cat "$TREE/mine/notes")" precious
	expect_equal "$(ls -A "$TREE/mine")" notes
	expect_said "is a link"
}

@test "a link into the work tree: what was built of uncommitted work is not taken for the commit's" {
	ln -s "$SRC/crates/common/src/lib.rs" "$SRC/drivers/net/netd/src/copy.rs"
	printf 'mod copy;\nfn main() {\n    println!("netd=1 {} {}", copy::mark(), proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	commit link
	rx_ok refresh
	expect_stale
	mark common 8
	commit_netd 2
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 common=8 proto=1 common=1'
	git -C "$SRC" checkout -q -- crates
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 common=1 proto=1 common=1'
	expect_stale
}

@test "a link to a file in no source: what stands there counts" {
	printf 'pub fn mark() -> String {\n    String::from("out=1")\n}\n' >"$TREE/out.rs"
	ln -s ../../../../../out.rs "$SRC/drivers/net/netd/src/copy.rs"
	printf 'mod copy;\nfn main() {\n    println!("netd=1 {} {}", copy::mark(), proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	commit link
	rx_ok refresh
	expect_stale
	sed -i s/out=1/out=2/ "$TREE/out.rs"
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 out=2 proto=1 common=1'
	expect_stale
}

@test "a folder whose writing ended before the commit's own files hid it is known, and uninstall removes it" {
	local object
	mkdir "$SRC/.cargo"
	echo one >"$SRC/.cargo/a"
	echo two, which is not to be had >"$SRC/.cargo/b"
	commit 'what comes before .gitignore'
	rx_ok refresh
	object=$(git -C "$SRC" rev-parse HEAD:.cargo/b)
	rm -f "$SRC/.git/objects/${object:0:2}/${object:2}"
	commit_netd 2
	test -e "$(echo "$TREE"/.src.reinject-*)/.cargo/a"
	rx_ok hooks uninstall
	expect_equal "$(compgen -G "$TREE/.src.reinject-*" || true)" ''
}
