#!/usr/bin/env bats
# What init leaves alone, and what it makes of odd names.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	rm "$TREE/reinject.ini"
	MAP=$TREE/packages.ini
}
teardown() { fixture_teardown; }

init() { rx_ok init --source src --image disk.img --rules none "$@"; }

@test "a map that was edited above its checksum is known as edited, and left as it is" {
	init
	sed -i '1a [asset mine]\npath = custom/input\ndest = /usr/mine' "$MAP"
	cp "$MAP" "$T/edited"
	mkdir -p "$SRC/drivers/newd"
	crate "$SRC/drivers/newd" newd
	echo 'fn main() {}' >"$SRC/drivers/newd/src/main.rs"
	sed -i 's|"tools/odd"|"tools/odd", "drivers/newd"|' "$SRC/Cargo.toml"
	rx init --update
	cmp "$T/edited" "$MAP"
	expect_refused 2
	expect_err 'was changed by hand'
}

# tree NAME: a tree of its own whose source folder and image are called so, for init.
tree() {
	rm -rf "$T/odd"
	mkdir "$T/odd"
	cp -a "$SRC" "$T/odd/$1"
	cp --sparse=always "$IMAGE" "$T/odd/$1.img"
	RX_DIR=$T/odd rx init --source "$1" --image "$1.img" --rules none
}

@test "odd names: what is written is what was told" {
	local name
	for name in 'semi;colon' '# hash' "q'u\"o" '~tilde' 'b\s' ' lead' ';c' '%s%n' '[x]' 'a=b' '--help'; do
		tree "$name"
		expect_status 0
		refute grep -E 'missing|error' "$T/err"
		RX_DIR=$T/odd rx_ok config --json
		jq -se --arg p "$T/odd/$name.img" 'select(any(.. | strings; . == $p))' "$T/out" >/dev/null || fail "the image is not '$name.img': $(cat "$T/out")"
		jq -se --arg p "$T/odd/$name" 'select(any(.. | strings; . == $p))' "$T/out" >/dev/null || fail "the source is not '$name'"
	done
}

@test "a name that no configuration can hold is refused before anything is written: it would be lines of its own" {
	local name
	for name in $'x\n[boot]\ncommand = touch' 'a ;b' '${HOME}x' 'trail ' "$(printf 'l%.0s' {1..190})"; do
		tree "$name"
		expect_refused 2
		expect_err 'cannot stand in a configuration; nothing was written'
		refute test -e "$T/odd/reinject.ini"
		refute test -e "$T/odd/packages.ini"
	done
}

@test "a boot script with a blank in its name is one word of the command" {
	printf '#!/bin/sh\n' >"$TREE/run it.sh"
	chmod +x "$TREE/run it.sh"
	init --boot 'run it.sh'
	rx doctor boot-script
	expect_out "^ok +boot-script: .*/run it.sh"
}
