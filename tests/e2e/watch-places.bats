#!/usr/bin/env bats
# A watch where the work tree lies in an unusual place: inside its own repository, or beside an image that is called like it.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
}
teardown() { fixture_teardown; }

# saves: what is saved, committed and saved again is built, each by a round of its own.
saves() {
	rest
	watch
	mark netd 2
	expect_round ok netd
	commit "$SRC" 'netd 2'
	expect_quiet
	mark inputd 2
	expect_round ok inputd
	netd_says 'netd=2 proto=1 common=1'
	stop_watch
}

@test "a work tree inside its bare repository: a save is built at once" {
	git clone -q --bare "$SRC" "$T/bare.git"
	git -C "$T/bare.git" worktree add -q -b mine "$T/bare.git/main"
	[[ ! -d $SRC/target ]] || mv "$SRC/target" "$T/bare.git/main/"
	rm -rf "$SRC"
	SRC=$T/bare.git/main
	sed -i "s|^path = src|path = $SRC|" "$TREE/reinject.ini"
	saves
}

@test "an image called like the source, less its end: a save is built at once" {
	mv "$SRC" "$TREE/disk.src"
	mv "$IMAGE" "$TREE/disk"
	SRC=$TREE/disk.src IMAGE=$TREE/disk
	sed -i 's|^path = src|path = disk.src|; s|^path = disk.img|path = disk|' "$TREE/reinject.ini"
	saves
}
