#!/usr/bin/env bats
# The README's quick starts, word for word, as a stranger types them.

load ../lib/assert
load ../lib/fixture

setup() {
	T=$BATS_TEST_TMPDIR TREE=$BATS_TEST_TMPDIR/home SRC=$BATS_TEST_TMPDIR/home/work IMAGE=$BATS_TEST_TMPDIR/home/disk.img
	started=() mounted=() daemons=()
	mkdir -p "$TREE" "$T/tmp" "$T/bin" "$T/run"
	chmod 0700 "$T/run"
	export TMPDIR=$T/tmp XDG_RUNTIME_DIR=$T/run
	# The toolchain is where it was, though the home is another.
	export CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} HOME=$TREE
	ln -s "$REINJECT" "$T/bin/reinject"
	ln -s "$REPO/config" "$T/config"
	export PATH=$T/bin:$REPO/build/tools/bin:$PATH
	"$REPO/tools/sample.sh" "$T/sample"
}
teardown() { fixture_teardown; }

# block HEADING: the first sh block below it.
block() {
	awk -v heading="$1" '/^##+ / && substr($0, index($0, " ") + 1) == heading { on = 1; next } on && /^### |^## / { exit } on && /^```sh/ { copy = 1; next } copy && /^```/ { exit } copy' "$REPO/README.md"
}

# type_in FILE: what a shell makes of these lines, in the home or in TYPE_DIR; stops at the first that fails.
type_in() {
	status=0
	(cd "${TYPE_DIR:-$TREE}" && timeout --foreground -k 10 "$RX_LIMIT" bash -eu "$1") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "$(cat "$1")"
}

@test "I have any cargo workspace and an image" {
	cp -a "$T/sample/source" "$SRC"
	cp --sparse=always "$T/sample/disk.img" "$IMAGE"
	block 'I have any cargo workspace and an image' >"$T/lines"
	grep -q '^reinject refresh$' "$T/lines" || fail "the README has no such block"
	type_in "$T/lines"
	expect_status 0
	expect_said 'run 1: 4 files written'
	# Programs of the sample are this host's.
	rx_ok -C "$SRC" extract /usr/bin/inputd "$T/inputd"
	expect_equal "$("$T/inputd" | head -n 1)" 'inputd: first edition'
	rx_ok -C "$SRC" refresh
	expect_err 'nothing is stale'
}

@test "I have a Redox tree" {
	local redox=$TREE/redox
	mkdir -p "$redox/recipes/core/base" "$redox/build/x86_64"
	cp -a "$T/sample/source" "$redox/recipes/core/base/source"
	SRC=$redox/recipes/core/base/source IMAGE=$redox/build/x86_64/harddrive.img
	cp --sparse=always "$T/sample/disk.img" "$IMAGE"
	block 'I have a Redox tree' >"$T/lines"
	# The last line ends when its user does; what it would do at once is done by --wait, beside it.
	expect_equal "$(tail -n 1 "$T/lines" | cut -d' ' -f1,2)" 'reinject watch'
	sed '$d' "$T/lines" >"$T/before"
	# The image has none of the packages yet, so there is nothing to adopt: that it is said, and goes on, is what counts.
	type_in "$T/before"
	expect_status 0
	[[ -f $redox/reinject.ini && -f $redox/packages.ini ]] || fail "init has written nothing: $(cat "$T/err")"
	RX_DIR=$redox start watch "$REINJECT" watch
	wait_until 60 grep -q 'swap ' "$T/watch.err" || fail "the watch did not put anything: $(cat "$T/watch.err")"
	RX_DIR=$redox rx_ok watch --wait
	kill -INT "$pid"
	finish watch
	expect_status 130
	RX_DIR=$redox rx_ok status
	expect_out 'nothing is stale'
}

# no_installing: sudo runs what it is given, and the test fails where packages would be installed.
no_installing() {
	printf '#!/bin/sh\nexec "$@"\n' >"$T/bin/sudo"
	printf '#!/bin/sh\necho "a test installs nothing: run make deps" >&2\nexit 1\n' >"$T/bin/apt-get"
	chmod +x "$T/bin/sudo" "$T/bin/apt-get"
	# Whoever runs this suite has given make words of its own.
	unset PREFIX LIBEXECDIR DEV FAULTS
	export TYPE_DIR=$REPO
}

@test "See it work" {
	no_installing
	block 'See it work' >"$T/lines"
	# The second line runs this very test.
	expect_equal "$(cut -d' ' -f1,2 "$T/lines" | paste -sd,)" 'make demo,make check'
	sed -i '$d' "$T/lines"
	type_in "$T/lines"
	expect_status 0
	expect_out 'common: SECOND EDITION'
	expect_out "^The image is $REPO/build/demo/disk.img"
}

@test "Start here" {
	no_installing
	export DESTDIR=$T/stage
	block 'Start here' >"$T/lines"
	expect_equal "$(sed 's/ *#.*//' "$T/lines" | paste -sd,)" 'sudo make deps,make,sudo make install,export PATH=$PWD/build/tools/bin:$PATH'
	printf 'command -v redoxfs >"%s"\n' "$T/found" >>"$T/lines"
	PATH=${PATH//"$REPO/build/tools/bin:"/} type_in "$T/lines"
	expect_status 0
	expect_equal "$(cat "$T/found")" "$REPO/build/tools/bin/redoxfs"
	expect_equal "$("$DESTDIR/usr/local/bin/reinject" --version | head -n 1)" "$("$REINJECT" --version | head -n 1)"
	[[ -x $DESTDIR/usr/local/libexec/reinject-hook ]] || fail "the hooks' program was not installed"
}

@test "each block of commands on the page is one of these" {
	expect_equal "$(awk '/^##+ / { heading = substr($0, index($0, " ") + 1) } /^ *```sh/ { print heading }' "$REPO/README.md" | sort | paste -sd,)" \
		"$(sed -n 's/^@test "\(.*\)" {$/\1/p' "$BATS_TEST_FILENAME" | grep -v '^each block' | sort | paste -sd,)"
}
