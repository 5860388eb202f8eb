#!/usr/bin/env bats
# The real input: 16 members of the base tree. Skipped where the bundle, or the registry that it needs once, is missing.

load ../lib/assert
load ../lib/fixture

setup_file() {
	local bundle=${REINJECT_REAL:-$REPO/../shared/real/base-plain.bundle} t=$BATS_FILE_TMPDIR/real
	export REAL_SKIP=
	if [[ ! -f $bundle ]]; then
		REAL_SKIP="no bundle at $bundle"
		return 0
	fi
	mkdir -p "$t"
	# The bundle has no HEAD to check out.
	git clone -q -b main "$bundle" "$t/src"
	if ! (cd "$t/src" && timeout 240 cargo fetch --locked) >"$t/fetch.log" 2>&1; then
		REAL_SKIP="cargo fetch failed: $(grep -v Updating "$t/fetch.log" | head -n 1)"
		return 0
	fi
	# What cargo needs is here now, and no test goes back to the network.
	(cd "$t/src" && cargo build --offline --release --quiet -p simple-ls && cargo build --offline --release --quiet -p simple-coreutils) >"$t/build.log" 2>&1 || {
		cat "$t/build.log" >&2
		return 1
	}
	image_root "$BATS_FILE_TMPDIR/root"
	image_make "$t/disk.img" "$BATS_FILE_TMPDIR/root"
	{
		printf '[source base]\npath = src\nshared = Cargo.toml .cargo\n\n[image]\npath = disk.img\n\n'
		printf '[package simple-ls]\npaths = simple-ls\ndest = /usr/bin\n\n'
		printf '[package simple-coreutils]\npaths = simple-coreutils\ndest = /usr/bin\nbins = '
		coreutils_of "$t/src" | sed '2,$s/^/\t/'
	} >"$t/reinject.ini"
}

# One binary a line: together they are longer than a line of an INI may be.
coreutils_of() {
	(cd "$1" && cargo metadata --offline --locked --no-deps --format-version 1) |
		jq -r '.packages[] | select(.name == "simple-coreutils") | .targets[] | select(.kind == ["bin"]) | .name' | sort
}

setup() {
	[[ -z $REAL_SKIP ]] || skip "$REAL_SKIP"
	fixture_setup
	rmdir "$TREE"
	cp -a --sparse=always --reflink=auto "$BATS_FILE_TMPDIR/real" "$TREE"
	export CARGO_NET_OFFLINE=true
}

teardown() {
	[[ -n $REAL_SKIP ]] || fixture_teardown
}

@test "build simple-ls /usr/bin" {
	rx_ok build simple-ls /usr/bin --json
	expect_json
	expect_equal "$(events put '"\(.path) \(.result)"')" "/usr/bin/simple-ls written"
	expect_equal "$(image_file_sum /usr/bin/simple-ls)" "$(stripped simple-ls)"
	# It is a program that runs.
	in_image sh -c './usr/bin/simple-ls etc' | grep -q bystander
}

@test "refresh after a real edit" {
	rx_ok refresh
	grep -q 'fn main() {' "$SRC/simple-ls/src/main.rs" || fail "simple-ls has another main than these tests know"
	sed -i '0,/fn main() {/s//fn main() {\n    println!("edited by hand");/' "$SRC/simple-ls/src/main.rs"
	rx_ok refresh --json
	expect_equal "$(events build '"\(.package) \(.result)"')" "simple-ls ok"
	expect_equal "$(events put '"\(.path) \(.result)"')" "/usr/bin/simple-ls written"
	expect_equal "$(image_says /usr/bin/simple-ls | head -n 1)" "edited by hand"
	commit 'edited by hand'
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "simple-coreutils puts its 19 binaries in one transaction" {
	rx_ok build simple-coreutils --json
	expect_json
	expect_equal "$(events put 'select(.result == "written") | .path' | sort)" "$(coreutils_of "$SRC" | sed 's,^,/usr/bin/,')"
	expect_equal "$(events put .path | wc -l)" 19
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_equal "$(events build .package)" simple-coreutils
	local b
	image_files >"$T/files"
	for b in $(coreutils_of "$SRC"); do
		expect_equal "$(awk -v p="./usr/bin/$b" '$2 == p { print $1 }' "$T/files")" "$(stripped "$b")"
	done
	expect_nothing_left
}
