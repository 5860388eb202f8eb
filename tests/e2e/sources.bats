#!/usr/bin/env bats
# Several sources, each a repository and a workspace of its own; and packages that others are built from without cargo knowing it.

load ../lib/assert
load ../lib/fixture

setup_file() {
	fixture_setup_file
	# A second workspace: the same folder names, a package of its own, and one that is built from the first source.
	local two=$BATS_FILE_TMPDIR/template/two
	mkdir -p "$two"
	printf '[workspace]\nresolver = "2"\nmembers = ["drivers/inputd", "drivers/bridge"]\n\n[profile.release]\nopt-level = 0\n' >"$two/Cargo.toml"
	printf 'target\n' >"$two/.gitignore"
	crate "$two/drivers/inputd" second
	printf 'fn main() {\n    println!("second=1");\n}\n' >"$two/drivers/inputd/src/main.rs"
	crate "$two/drivers/bridge" bridge common=../../../src/crates/common
	printf 'fn main() {\n    println!("bridge=1 {}", common::mark());\n}\n' >"$two/drivers/bridge/src/main.rs"
	(cd "$two" && cargo build --quiet --offline --release)
	git -C "$two" init -q -b main
	commit "$two" 'a second workspace'
}
setup() {
	fixture_setup
	TWO=$TREE/two
}
teardown() { fixture_teardown; }

two_sources() {
	ini_add <<-'END'
		[source two]
		path = two
		shared = Cargo.toml

		[package second]
		source = two
		paths = drivers/inputd

		[package bridge]
		source = two
		paths = drivers/bridge
	END
}

mark_two() {
	sed -i -E "s/\"$1=[0-9]+/\"$1=$2/" "$TWO"/drivers/*/src/main.rs
}

@test "two sources: each package knows its own, and what it uses of the other" {
	two_sources
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/bridge)" "bridge=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/second)" "second=1"
	expect_stale
	mark_two second 2
	expect_stale second
	rx_ok status --json
	expect_jq '.[0].source | map([.name, .dirty]) == [["base", 0], ["two", 1]]'
	expect_jq '.[0].source | map(.head) | length == 2 and .[0] != .[1]'
	rx_ok affected --json
	expect_jq '.[0].direct == ["second"]'
	# The same relative path in the other.
	mark inputd 2
	expect_stale inputd second
	# Through cargo's own edge, over the sources' border.
	mark common 2
	expect_stale bridge inputd netd second
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/bridge)" "bridge=1 common=2"
	expect_equal "$(image_says /usr/lib/drivers/second)" "second=2"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=2"
	expect_stale
}

@test "a shared file concerns its own source" {
	two_sources
	rx_ok refresh
	printf '\n# words\n' >>"$TWO/Cargo.toml"
	expect_stale bridge second
	rx_ok affected --json
	expect_jq '.[0].affected == ["bridge", "second"]'
	git -C "$TWO" checkout -q Cargo.toml
	printf '\n# words\n' >>"$SRC/Cargo.toml"
	# bridge is built from a crate of that source.
	expect_stale bridge inputd multi netd odd_pkg
}

@test "affected: paths and commits of two sources" {
	two_sources
	rx_ok affected "$SRC/drivers/inputd/src/main.rs" "$TWO/drivers/inputd/src/main.rs"
	expect_equal "$(<"$T/out")" $'inputd\nsecond'
	rx_ok affected src/drivers/inputd/src/main.rs two/drivers/bridge
	expect_equal "$(<"$T/out")" $'bridge\ninputd'
	mark_two second 2
	commit "$TWO" two
	# A revision is the first source's, or that of the source we stand in.
	RX_DIR=$TWO rx_ok affected --commit HEAD
	expect_equal "$(<"$T/out")" second
	RX_DIR=$TWO rx_ok affected --commits HEAD~1..HEAD --json
	expect_jq 'length == 1 and .[0].affected == ["second"]'
	rx affected --commit "$(git -C "$TWO" rev-parse HEAD)"
	expect_refused 2
	mark netd 2
	commit "$SRC" netd
	rx_ok affected --commit HEAD
	expect_equal "$(<"$T/out")" netd
	rx_ok affected --help
	expect_out 'Of several sources, a revision is'
}

@test "a source that is gone, or has no commit" {
	two_sources
	rx_ok refresh
	mv "$TWO" "$TREE/away"
	rx status
	expect_refused 2 3
	expect_err "two'.*No such file|two' is missing"
	rx refresh
	expect_refused 2 3
	mv "$TREE/away" "$TWO"
	rm -rf "$TWO/.git"
	rx status
	expect_status 3
	expect_err 'lies in no git repository'
	git -C "$TWO" init -q
	expect_stale
	rx_ok status --json
	expect_jq '.[0].source[1].head == null and .[0].source[1].dirty > 0'
	commit "$TWO" first
	expect_stale
}

@test "two packages of one name are a configuration error" {
	ini_add <<-'END'
		[source two]
		path = two

		[package inputd]
		source = two
		paths = drivers/inputd
	END
	rx status
	expect_refused 2
	expect_err "reinject.ini:[0-9]+: .*package inputd. stands twice"
}

# inside FOLDER: the second source moves there, below the first.
inside() {
	mv "$TWO" "$SRC/$1"
	TWO=$SRC/$1
	sed -i "s|../../../src/crates|$2/crates|" "$TWO/drivers/bridge/Cargo.toml"
	sed -i "1a exclude = [\"$1\"]" "$SRC/Cargo.toml"
	commit "$TWO" inside
	two_sources
	sed -i "s|^path = two|path = src/$1|" "$TREE/reinject.ini"
}

expect_inner_only() {
	rx_ok refresh
	expect_stale
	rx_ok status
	refute grep -q 'repository of its own' "$T/out"
	mark_two second 2
	expect_stale second
	rx_ok affected
	expect_equal "$(<"$T/out")" second
	rx_ok affected "$TWO/drivers/inputd"
	expect_equal "$(<"$T/out")" second
}

@test "a source inside another, as its submodule: each package once, by the inner one" {
	inside two ../../..
	commit "$SRC" outside
	expect_inner_only
}

@test "a source inside a package of another, which knows nothing of it" {
	inside custom/two ../../../..
	git -C "$SRC" -c user.name=test -c user.email=test@localhost commit -q -a -m x
	ini_add <<-'END'
		[package firmware]
		paths = custom
		command = cp target/release/multi-a target/firmware
		artifact = target/firmware
		dest = /usr/bin
	END
	expect_inner_only
}

# A relibc: its command makes an object that all others link, and says in which order things were built.
relibc_package() {
	mkdir -p "$SRC/zlibc"
	printf 'int reinject_mark = 1;\n' >"$SRC/zlibc/mark.c"
	cat >"$T/libc.sh" <<-END
		echo zlibc >>'$T/order'
		mkdir -p '$SRC/target/zlibc' '$SRC/target/release'
		cc -c '$SRC/zlibc/mark.c' -o '$SRC/target/zlibc/mark.o' || exit 1
		cc -o '$SRC/target/zlibc/zlibc' -x c - <<<'int main(void) { return 0; }'
	END
	ini_add <<-END
		[build]
		rustflags = -Clink-arg=$SRC/target/zlibc/mark.o -Clink-arg=-Wl,-u,reinject_mark

		[package zlibc]
		paths = zlibc
		command = bash $T/libc.sh
		artifact = target/zlibc/zlibc
		dest = /usr/bin
		invalidates = *
	END
	commit 'a libc'
}

@test "what invalidates all is built first, and all others from it, in one refresh" {
	relibc_package
	rx_ok refresh --json
	expect_equal "$(events build .package | head -n 1)" zlibc
	expect_equal "$(events done .result)" ok
	expect_stale
	local before
	before=$(image_file_sum /usr/lib/drivers/netd)
	printf 'int reinject_mark = 2;\n' >"$SRC/zlibc/mark.c"
	expect_stale inputd multi netd odd_pkg zlibc
	rx_ok refresh --json
	expect_equal "$(events build .package | tr '\n' ' ')" "zlibc inputd multi netd odd_pkg "
	[[ $(image_file_sum /usr/lib/drivers/netd) != "$before" ]] || fail "linked with the old object"
	expect_stale
}

@test "what is built from a package that failed waits for it" {
	relibc_package
	rx_ok refresh
	local before
	before=$(image_sum)
	printf 'int reinject_mark = ;\n' >"$SRC/zlibc/mark.c"
	rx refresh --json
	expect_status 1
	expect_equal "$(events build '.package + " " + .result' | sort -u | head -n 2 | tr '\n' ' ')" "inputd failed multi failed "
	expect_err 'zlibc'
	expect_equal "$(image_sum)" "$before"
	# Left alone until something changes.
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	# Nor is one of the others built from the old object when it changes by itself.
	mark netd 5
	rx refresh --json
	expect_status 1
	expect_equal "$(events build '.package + " " + .result')" "netd failed"
	expect_err 'not built, because zlibc failed'
	expect_equal "$(image_sum)" "$before"
	printf 'int reinject_mark = 3;\n' >"$SRC/zlibc/mark.c"
	rx_ok refresh --json
	expect_equal "$(events build .package | tr '\n' ' ')" "zlibc inputd multi netd odd_pkg "
	expect_stale
}

@test "a package whose command takes what another made comes behind it, also when both are named" {
	ini_add <<-END
		[package aboot]
		paths = custom
		uses = tools/zroot
		command = cp target/zroot target/aboot
		artifact = target/aboot
		dest = /usr/bin

		[package zroot]
		paths = tools/zroot
		command = cp tools/zroot/content target/zroot
		artifact = target/zroot
		dest = /usr/bin
	END
	mkdir "$SRC/tools/zroot"
	cp "$(type -P true)" "$SRC/tools/zroot/content"
	commit 'two commands'
	rx_ok build aboot zroot
	rx_ok status --json
	expect_jq '.[0].stale | index("aboot") == null and index("zroot") == null'
	cp "$(type -P false)" "$SRC/tools/zroot/content"
	rx_ok refresh --json
	expect_equal "$(events build .package | grep -E 'aboot|zroot' | tr '\n' ' ')" "zroot aboot "
	expect_equal "$(sha256 "$SRC/target/aboot")" "$(sha256 "$(type -P false)")"
	expect_stale
}
