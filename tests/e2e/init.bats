#!/usr/bin/env bats
# `reinject init`: from a tree to a configuration that works, and the generated map that follows the workspace.
# What cargo resolves is worked out beside reinject, by jq over the whole of `cargo metadata`.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() {
	fixture_setup_file
	# No folder is made in an image, and the real tree's rules name one more.
	mkdir -p "$BATS_FILE_TMPDIR/root/etc/pcid" "$BATS_FILE_TMPDIR/root/etc/pcid.d"
	image_make "$BATS_FILE_TMPDIR/template/disk.img" "$BATS_FILE_TMPDIR/root"
	# The fixture's own reinject.ini is not for these tests; the real tree is for some.
	local bundle=${REINJECT_REAL:-$REPO/../shared/real/base-plain.bundle} real=$BATS_FILE_TMPDIR/real
	export REAL_SKIP=
	if [[ ! -f $bundle ]]; then
		REAL_SKIP="no bundle at $bundle"
		return 0
	fi
	git clone -q -b main "$bundle" "$real"
	(cd "$real" && timeout 240 cargo fetch --locked) >"$BATS_FILE_TMPDIR/fetch.log" 2>&1 ||
		REAL_SKIP="cargo fetch failed: $(grep -v Updating "$BATS_FILE_TMPDIR/fetch.log" | head -n 1)"
}

setup() {
	fixture_setup
	rm -f "$TREE/reinject.ini"
	export CARGO_NET_OFFLINE=true
	MAP=$TREE/packages.ini INI=$TREE/reinject.ini WATCH_OUT=$T/watch.out
}

teardown() { fixture_teardown; }

# real_tree: the real workspace in the Redox tree's own layout.
real_tree() {
	[[ -z $REAL_SKIP ]] || skip "$REAL_SKIP"
	rm -rf "$SRC"
	SRC=$TREE/recipes/core/base/source
	mkdir -p "${SRC%/*}" "$TREE/build/aarch64"
	cp -a "$BATS_FILE_TMPDIR/real" "$SRC"
	mv "$IMAGE" "$TREE/build/aarch64/pure-rust.img"
	IMAGE=$TREE/build/aarch64/pure-rust.img
}

# graph_of DIR: one line for each member: NAME FOLDER | BINARIES | FOLDERS OF WHAT IT DEPENDS ON. Ways through a registry's packages are one edge.
graph_of() {
	(cd "$1" && cargo metadata --offline --locked --format-version 1 2>/dev/null) | jq -r --arg root "$1" '
		(.workspace_members) as $members
		| (reduce .packages[] as $p ({}; .[$p.id] = $p)) as $packages
		| (reduce .resolve.nodes[] as $n ({}; .[$n.id] =
			[$n.deps[] | select(any(.dep_kinds[]; .kind != "dev")) | .pkg])) as $edges
		| def folder($id): $packages[$id].manifest_path[($root | length) + 1:] | sub("/?Cargo.toml$"; "") | if . == "" then "." else . end;
		def step($id; $seen): reduce $edges[$id][] as $d ($seen;
			if .[$d] then . elif $packages[$d].source == null then .[$d] = true else .[$d] = true | step($d; .) end);
		$members[] | . as $id | $packages[$id]
		| "\(.name) \(folder($id)) | \([.targets[] | select(.kind == ["bin"]) | .name] | sort | join(" ")) | \(
			[step($id; {}) | keys[] | select($packages[.].source == null and . != $id) | folder(.)] | unique | join(" "))"
	' | LC_ALL=C sort
}

# graph_in_map: the same lines, as the configuration has them.
graph_in_map() {
	rx_ok config --json
	jq -rs '
		[.[] | select(.section | startswith("package "))] | group_by(.section)[]
		| (map({(.key): .value}) | add) as $v
		| def list($k): ($v[$k] // "") | gsub("\\\\ "; "\u0000") | split(" ") | map(gsub("\u0000"; " ") | if . == "" then empty else . end) | sort;
		"\(.[0].section[8:]) \(list("paths") | join(" ") | if . == "" then "." else . end) | \(list("bins") | join(" ")) | \(list("uses") | join(" "))"
	' "$T/out" | LC_ALL=C sort
}

expect_graph() {
	expect_equal "$(graph_in_map)" "$(graph_of "$SRC")"
}

lock() {
	(cd "$SRC" && cargo generate-lockfile --offline --quiet)
}

@test "the real tree: no questions, every member, binary and dependency, and refresh works at once" {
	real_tree
	RX_DIR=$SRC/drivers rx init
	expect_status 0
	expect_equal "$(cat "$T/out")" "$INI
$MAP"
	expect_graph
	expect_equal "$(graph_in_map | wc -l)" 16
	expect_equal "$(graph_in_map | grep '^simple-coreutils ' | cut -d'|' -f2 | wc -w)" 19
	expect_equal "$(graph_in_map | grep '^redox-initfs-tools ' | cut -d'|' -f2)" ' redox-initfs-ar redox-initfs-dump redox-initfs-extract '
	grep -q 'of no package (no member): bootstrap$' "$MAP"
	grep -q 'of no package (a workspace of its own): readdir-bench$' "$MAP"
	rx_ok refresh -n
	refute grep -q warning "$T/err"
	# A place for one of them, by a key that wins over the map, and it is built.
	printf '\n[package simple-ls]\ndest = /usr/bin\n' >>"$INI"
	rx_ok refresh -n
	expect_out '^build simple-ls -> /usr/bin '
	rx_ok refresh --json
	expect_equal "$(events put 'select(.result == "written") | .path' | sort)" "/etc/pcid/initfs.toml
/usr/bin/simple-ls"
}

@test "the real tree: an edge that only [patch] makes" {
	real_tree
	printf '\n[dependencies.redox-scheme]\nversion = "0.8"\n' >>"$SRC/simple-file/Cargo.toml"
	(cd "$SRC" && cargo metadata --offline --format-version 1) >/dev/null 2>&1 || skip "this cargo needs the network for that lock"
	rx_ok init
	expect_err 'reinject doctor'
	expect_graph
	grep -A2 '^\[package simple-file\]' "$MAP" | grep -qx 'uses = redox-scheme'
}

@test "places come from the tree's own recipe, where it names them; a changed recipe is followed, a key of one's own wins" {
	local recipe=$TREE/recipes/core/base/recipe.toml
	mkdir -p "${recipe%/*}"
	mv "$SRC" "${recipe%/*}/source"
	SRC=${recipe%/*}/source
	cat >"$recipe" <<-'END'
		[build]
		template = "custom"
		script = """
		BINS=(inputd multi-a)
		BINS+=(multi-b)
		for bin in "${BINS[@]}"; do
		    if [[ "${bin}" == "inputd" ]]; then
		        cp -v "target/${TARGET}/${build_type}/${bin}" "${COOKBOOK_STAGE}/usr/lib/drivers"
		    else
		        cp -v "target/${TARGET}/${build_type}/${bin}" "${COOKBOOK_STAGE}/usr/bin"
		    fi
		done
		"""
	END
	rx_ok init
	expect_equal "$(grep -A4 '^\[package inputd\]' "$MAP" | grep ^dest)" 'dest = /usr/lib/drivers'
	expect_equal "$(grep -A4 '^\[package multi\]' "$MAP" | grep ^dest)" 'dest = /usr/bin'
	expect_equal "$(grep -A4 '^\[package netd\]' "$MAP" | grep ^dest)" ''
	grep -qx "; places as recipe 'base' has them" "$MAP"
	rx_ok refresh
	expect_equal "$(image_says /usr/bin/multi-a)" multi-a=1
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	sed -i 's,STAGE}/usr/bin,STAGE}/usr/lib/drivers,' "$recipe"
	rx_ok refresh
	expect_err 'changed: multi'
	expect_equal "$(image_says /usr/lib/drivers/multi-a)" multi-a=1
	refute image_has /usr/bin/multi-a
	printf '\n[package multi]\ndest = /usr/bin\n' >>"$INI"
	rx_ok config --json
	expect_jq 'any(.[]; .section == "package multi" and .key == "dest" and .value == "/usr/bin")'
	rx_ok init --update
	mv "$INI" "$T/ini"
	rm "$MAP"
	rx_ok init --rules none
	refute grep -q '^dest' "$MAP"
}

@test "what cannot be resolved offline: manifests and lock, and a warning that says what may be missing" {
	mkdir -p "$SRC/extra/src"
	printf '[package]\nname = "extra"\nversion = "0.1.0"\n[dependencies]\ncommon = { path = "../crates/common" }\nno-such-crate-at-all = "1"\n' \
		>"$SRC/extra/Cargo.toml"
	printf 'fn main() {}\n' >"$SRC/extra/src/main.rs"
	sed -i 's,"tools/odd",&\, "extra",' "$SRC/Cargo.toml"
	rx_ok init
	expect_err "source '.*' is not resolved: .*manifests and Cargo.lock are read instead: .* is missing"
	grep -A2 '^\[package extra\]' "$MAP" | grep -qx 'uses = crates/common'
	grep -q '^; graph = incomplete$' "$MAP"
	rx_ok config
}

@test "-n writes nothing and shows all; --json has the facts" {
	rx_ok init -n
	refute test -e "$INI"
	refute test -e "$MAP"
	expect_out '^\[package netd\]$'
	expect_out '^include = packages.ini '
	rx_ok init --json
	expect_json
	expect_jq '.[0] | .written and .resolved and .members == 6 and .found.image == $i and .found.source == $s and .problems == []' \
		--arg i "$IMAGE" --arg s "$SRC"
	expect_jq '.[0] | .config == $c and .map == $m' --arg c "$INI" --arg m "$MAP"
}

@test "nothing of the user's is written over" {
	printf '; mine\n' >"$MAP"
	rx init
	expect_refused 2
	expect_err 'packages.ini.* is not written over'
	refute test -e "$INI"
	expect_equal "$(cat "$MAP")" '; mine'
	rm "$MAP"
	rx_ok init
	local before
	before=$(sha256 "$INI")$(sha256 "$MAP")
	rx init
	expect_refused 2
	expect_err '`reinject init --update`'
	expect_equal "$(sha256 "$INI")$(sha256 "$MAP")" "$before"
}

@test "--update writes the map alone, shows a unified diff, and leaves what was changed by hand" {
	rx_ok init
	printf '; mine\n' >>"$INI"
	local ini
	ini=$(sha256 "$INI")
	rx_ok init --update
	expect_equal "$(cat "$T/out")" ""
	expect_err 'is up to date'
	mkdir -p "$SRC/drivers/net/multi"
	git -C "$SRC" mv drivers/multi/Cargo.toml drivers/multi/src drivers/net/multi/
	sed -i 's,"drivers/multi",&\, "drivers/net/multi",; s,"drivers/multi"\, ,,' "$SRC/Cargo.toml"
	rx_ok init --update -n
	grep -qx 'paths = drivers/multi' "$MAP"
	rx_ok init --update
	expect_out '^-paths = drivers/multi$'
	expect_out '^\+paths = drivers/net/multi$'
	expect_out '^@@ '
	expect_equal "$(sha256 "$INI")" "$ini"
	expect_graph
	sed -i 's/^bins = netd/bins = netd2/' "$MAP"
	local map
	map=$(sha256 "$MAP")
	# Edited, and the workspace is as it was: still not ours to write over.
	rx init --update
	expect_refused 2
	expect_err 'was changed by hand'
	expect_equal "$(sha256 "$MAP")" "$map"
	rm "$MAP"
	rx_ok init --update
	expect_graph
}

@test "options say what is where; what is not there is refused" {
	rx init --image nowhere.img
	expect_refused 2
	expect_err "nowhere.img' is not the disk image"
	cp --sparse=always "$IMAGE" "$T/other image.img"
	rx_ok init --image "$T/other image.img" --strip llvm-strip --rules none
	rx_ok config image.path
	expect_out "other image.img"
	refute grep -q '^\[destinations\]' "$MAP"
	rx_ok init --update
	refute grep -q '^\[destinations\]' "$MAP"
}

@test "the Redox tree's own layout: everything is found where it lies, and doctor goes by it" {
	local core=$TREE/recipes/core relibc build=$TREE/build/aarch64
	mkdir -p "$core/base" "$build/cranelift-initfs/initfs" "$TREE/build/fstools/bin"
	mv "$SRC" "$core/base/source"
	SRC=$core/base/source relibc=$core/relibc/source/target/aarch64-unknown-redox-clif/release
	mkdir -p "$relibc" "$SRC/rust/compiler" "$build/cranelift-initfs/initfs-tools-target/release" "$TREE/rustc_codegen_cranelift/dist/lib"
	printf '{}\n' >"$SRC/aarch64-unknown-redox-clif.json"
	mv "$IMAGE" "$build/pure-rust.img"
	cp -a --sparse=always "$build/pure-rust.img" "$build/another.img"
	ln -s "$(command -v redoxfs)" "$TREE/build/fstools/bin/redoxfs"
	touch "$relibc/crt0.o" "$build/bootstrap-cranelift-stripped" "$build/cranelift-initfs/initfs-tools-target/release/redox-initfs-ar"
	touch "$TREE/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.so"
	printf '[toolchain]\nchannel = "nightly-2026-01-02"\n' >"$TREE/rustc_codegen_cranelift/rust-toolchain.toml"
	printf '#!/bin/sh\n' >"$TREE/run-dev.sh"
	RX_DIR=$SRC/drivers rx init --json
	expect_status 0
	expect_jq '.[0].config == $c and .[0].found == {
		source: "\($core)/base/source", target: "\($core)/base/source/aarch64-unknown-redox-clif.json", image: "\($b)/pure-rust.img",
		redoxfs: "\($t)/build/fstools/bin/redoxfs", backend: "\($t)/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.so",
		toolchain: "nightly-2026-01-02", relibc: $r, strip: null, boot: "\($t)/run-dev.sh", initfs: "\($b)/cranelift-initfs/initfs",
		"initfs-tool": "\($b)/cranelift-initfs/initfs-tools-target/release/redox-initfs-ar", bootstrap: "\($b)/bootstrap-cranelift-stripped", mount_point: null}' \
		--arg c "$INI" --arg core "$core" --arg b "$build" --arg t "$TREE" --arg r "$relibc"
	# What is written means the same, with paths that move with the tree.
	refute grep -q "$TREE" "$INI"
	grep -q '^ignore = rust ' "$INI"
	grep -q '^build_std = core,alloc,std,panic_abort ' "$INI"
	rx_ok config --json
	expect_jq 'any(.[]; .section == "build" and .key == "relibc" and .value == $r) and any(.[]; .section == "image" and .key == "path" and .value == $i)' \
		--arg r "$relibc" --arg i "$build/pure-rust.img"
	rx doctor
	expect_status 3
	expect_out '^failure  relibc: .* lacks crt0_rust.o, crti.o, crtn.o, libunwind_stubs.a$'
	expect_out '^failure  target: .*pre-link-objects'
	expect_out "^warning  boot-script: '$TREE/run-dev.sh' is not executable"
}

@test "without a terminal nothing is asked, and what is not found is said with its option" {
	mv "$IMAGE" "$T/elsewhere.img"
	rx_ok init
	expect_err 'not found: the disk image; --image names it, or a line in reinject.ini'
	grep -q '^; path = ' "$INI"
	rx doctor
	expect_out '^failure  image: the configuration names no image$'
	rm "$INI" "$MAP"
	rx_ok init --image ''
	refute grep -q 'not found: the disk image' "$T/err"
}

@test "an image that its user keeps mounted: the mode is live, and refresh goes through that mount" {
	mount_image "$IMAGE" "$TREE/redox-mount"
	local daemon=$pid before
	rx_ok init --json
	expect_jq '.[0].found.mount_point == $m' --arg m "$TREE/redox-mount"
	grep -q '^mode = live ' "$INI"
	grep -q '^mount_point = redox-mount ' "$INI"
	before=$(image_sum)
	rx doctor --json
	expect_status 0
	expect_jq 'any(.[]; .check == "holders" and .status == "ok") and any(.[]; .check == "room" and (.said | test("no copy")))'
	expect_jq 'any(.[]; .check == "content" and .status == "ok" and (.said | test("MB are free in the image")))'
	expect_equal "$(image_sum)" "$before"
	rx_ok refresh
	expect_equal "$("$TREE/redox-mount/usr/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	unmount_image "$TREE/redox-mount" "$daemon"
	rx doctor
	expect_status 3
	expect_out "is not mounted: with mode = live"
}

@test "several workspaces and nobody to ask: they are named" {
	cp -a "$SRC" "$TREE/other"
	rx init
	expect_refused 2
	expect_err "there are 2 cargo workspaces: '$TREE/other', '$SRC'"
	rx_ok init --source src
	expect_graph
}

@test "no workspace at all" {
	mkdir "$T/empty"
	RX_DIR=$T/empty rx init
	expect_refused 2
	expect_err 'there is no cargo workspace'
	expect_equal "$(ls -A "$T/empty")" ""
}

@test "on a terminal it asks for what it does not find" {
	mv "$IMAGE" "$T/elsewhere.img"
	mkfifo "$T/keys"
	# Open for both, so that nobody waits for the other.
	exec {keys}<>"$T/keys"
	start asked bash -c "exec script -qfec \"'$REINJECT' init\" '$T/typed' <'$T/keys'"
	wait_until 20 grep -qs 'the disk image' "$T/typed" || fail "no question: $(cat "$T/typed" "$T/asked.err")"
	printf 'nowhere\n' >&"$keys"
	wait_until 20 grep -qs "nowhere' is not the disk image" "$T/typed" || fail "taken: $(cat "$T/typed")"
	printf '%s\n' "$T/elsewhere.img" >&"$keys"
	wait_until 20 test -e "$INI" || fail "nothing written: $(cat "$T/typed")"
	finish asked 20
	exec {keys}>&-
	rx_ok config image.path
	expect_out elsewhere.img
}

# ---- what cargo makes of a workspace

@test "the shapes of a workspace: nested, by path alone, renamed, for one target, build scripts, cycles of tests, names with blanks" {
	mkdir -p "$SRC"
	cd "$SRC"
	# A member by its path alone, in a folder with a blank and letters of another language.
	crate "$SRC/gemeinsam für alle" shared
	crate "$SRC/drivers/net/netd/nested" nested common=../../../../crates/common
	crate "$SRC/buildtool" buildtool
	crate "$SRC/scheme" rx-scheme
	crate "$SRC/tester" tester
	crate "$SRC/main" main-app
	cat >>main/Cargo.toml <<-'END'
		other = { package = "shared", path = "../gemeinsam für alle" }
		[target.'cfg(windows)'.dependencies]
		nested = { path = "../drivers/net/netd/nested" }
		[build-dependencies]
		buildtool = { path = "../buildtool" }
		[dev-dependencies]
		tester = { path = "../tester" }
	END
	printf '[dependencies.main-app]\npath = "../main"\n' >>tester/Cargo.toml
	local d
	for d in "gemeinsam für alle" drivers/net/netd/nested buildtool scheme tester; do printf 'pub fn f() {}\n' >"$d/src/lib.rs"; done
	printf 'fn main() {}\n' >main/src/main.rs
	printf 'fn main() {}\n' >main/build.rs
	printf 'pub fn f() {}\n' >main/src/lib.rs
	sed -i 's,"tools/odd",&\, "main"\, "scheme",' Cargo.toml
	lock
	rx_ok init
	expect_graph
	grep -A3 '^\[package main-app\]' "$MAP" | grep -qxF 'uses = buildtool drivers/net/netd/nested gemeinsam\ für\ alle'
	grep -A1 '^\[package shared\]' "$MAP" | grep -qxF 'paths = gemeinsam\ für\ alle'
	grep -A3 '^\[package tester\]' "$MAP" | grep -qx 'uses = main'
	rx_ok affected --json "gemeinsam für alle/src/lib.rs"
	expect_jq '.[0].direct == ["shared"] and .[0].affected == ["main-app", "shared", "tester"]'
}

@test "an edge that only [patch] makes, without a registry" {
	crate "$SRC/scheme" rx-scheme
	printf 'pub fn f() {}\n' >"$SRC/scheme/src/lib.rs"
	sed -i 's,"tools/odd",&\, "scheme",' "$SRC/Cargo.toml"
	printf '\n[patch.crates-io]\nrx-scheme = { path = "scheme" }\n' >>"$SRC/Cargo.toml"
	printf 'rx-scheme = "0.1"\n' >>"$SRC/drivers/inputd/Cargo.toml"
	mkdir -p "$SRC/.cargo" "$SRC/vendor"
	printf '[source.crates-io]\nreplace-with = "none"\n[source.none]\ndirectory = "vendor"\n' >"$SRC/.cargo/config.toml"
	lock
	rx_ok init
	expect_graph
	grep -A2 '^\[package inputd\]' "$MAP" | grep -qx 'uses = crates/common scheme'
	rx_ok affected --json scheme/src/lib.rs
	expect_jq '.[0].direct == ["rx-scheme"] and .[0].affected == ["inputd", "rx-scheme"]'
}

@test "a workspace with a root package" {
	sed -i '1i [package]\nname = "root"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\ncommon = { path = "crates/common" }\n' "$SRC/Cargo.toml"
	mkdir -p "$SRC/src"
	printf 'fn main() {}\n' >"$SRC/src/main.rs"
	lock
	rx_ok init
	expect_graph
	grep -A3 '^\[package root\]' "$MAP" | grep -qx 'paths = .'
	rx_ok affected --json src/main.rs
	expect_jq '.[0].direct == ["root"] and .[0].affected == ["root"]'
}

@test "two binaries of one name for one place: a clear error, and a key that mends it" {
	printf '\n[[bin]]\nname = "netd"\npath = "src/bin/multi-b.rs"\n' >>"$SRC/drivers/multi/Cargo.toml"
	lock
	rx init
	expect_status 2
	expect_err "packages.ini:[0-9]+: binary 'netd' of \[package netd\] goes to '/usr/lib/drivers/netd', and so does binary 'netd' of \[package multi\]"
	expect_err 'a key in .*reinject.ini. wins'
	printf '\n[package multi]\ndest = /usr/bin\n' >>"$INI"
	rx_ok refresh -n
}

# ---- the map follows

@test "refresh lets the map follow a member that came, moved, got another name" {
	rx_ok init
	rx_ok refresh
	crate "$SRC/drivers/newd" newd common=../../crates/common
	printf 'fn main() {\n    println!("newd=1 {}", common::mark());\n}\n' >"$SRC/drivers/newd/src/main.rs"
	sed -i 's,"tools/odd",&\, "drivers/newd",' "$SRC/Cargo.toml"
	# The lock does not know it yet.
	rx_ok refresh --json
	expect_err 'the workspace has changed \(new: newd\).*follows'
	expect_equal "$(events put 'select(.result == "written") | .path')" /usr/lib/drivers/newd
	# cargo has resolved it by now.
	rx_ok refresh
	expect_graph
	mkdir -p "$SRC/drivers/more"
	mv "$SRC/drivers/newd" "$SRC/drivers/more/newd"
	sed -i 's,drivers/newd,drivers/more/newd,' "$SRC/Cargo.toml"
	sed -i 's,\.\./\.\./crates,../../../crates,' "$SRC/drivers/more/newd/Cargo.toml"
	rx_ok refresh
	expect_err 'moved: newd \(drivers/newd to drivers/more/newd\)'
	expect_graph
	sed -i 's/name = "newd"/name = "netd2"/' "$SRC/drivers/more/newd/Cargo.toml"
	rx_ok refresh --json
	expect_err 'new: netd2; gone: newd'
	expect_equal "$(events put 'select(.result == "written") | .path')" /usr/lib/drivers/netd2
	rx_ok refresh
	expect_graph
	refute grep -q 'workspace has changed' "$T/err"
}

@test "a member that a glob in the manifest takes in, and a binary that no manifest names" {
	sed -i 's,"drivers/inputd"\, "drivers/multi",glob,; s,members = \[,members = ["drivers/*d"\, "drivers/multi"\, "kinds/*/*"\, ,; s,\, glob,,' "$SRC/Cargo.toml"
	crate "$SRC/kinds/net/virtd" virtd
	printf 'fn main() {}\n' >"$SRC/kinds/net/virtd/src/main.rs"
	lock
	rx_ok init
	rx_ok refresh
	crate "$SRC/drivers/globd" globd
	printf 'fn main() {}\n' >"$SRC/drivers/globd/src/main.rs"
	printf 'fn main() {}\n' >"$SRC/drivers/multi/src/bin/multi-c.rs"
	rx_ok refresh
	expect_err 'new: globd; changed: multi'
	lock
	# A folder beside those that hold crates, and a program with a folder of its own, which is none before its main.rs.
	crate "$SRC/kinds/audio/ac97d" ac97d
	printf 'fn main() {}\n' >"$SRC/kinds/audio/ac97d/src/main.rs"
	mkdir "$SRC/drivers/multi/src/bin/multi-d"
	rx_ok refresh
	expect_err 'new: ac97d'
	printf 'fn main() {}\n' >"$SRC/drivers/multi/src/bin/multi-d/main.rs"
	rx_ok refresh
	expect_err 'changed: multi'
	lock
	rx_ok refresh
	expect_graph
}

@test "auto_update = no, -n and -o only say so" {
	rx_ok init
	rx_ok refresh
	local map
	map=$(sha256 "$MAP")
	printf '\n[[bin]]\nname = "second"\npath = "src/main.rs"\n' >>"$SRC/drivers/inputd/Cargo.toml"
	rx_ok refresh -n
	expect_err "changed: inputd.*does not know of it yet: reinject init --update"
	rx refresh -o image.keep_previous=no
	expect_err 'does not know of it yet'
	sed -i 's/^auto_update = yes/auto_update = no/' "$INI"
	rx refresh
	expect_err 'does not know of it yet'
	expect_equal "$(sha256 "$MAP")" "$map"
	sed -i 's/^auto_update = no/auto_update = yes/' "$INI"
	sed -i 's/^bins = odd/bins = even/; s/^bins = rxe2e-odd/& /' "$MAP"
	map=$(sha256 "$MAP")
	rx refresh
	expect_err 'was changed by hand, is left as it is'
	expect_equal "$(sha256 "$MAP")" "$map"
}

@test "a map without its rule file is not written anew without rules" {
	cp "$REPO/config/rules/redox.ini" "$TREE/rules.ini"
	rx_ok init --rules rules.ini
	rm "$TREE/rules.ini"
	printf '\n[[bin]]\nname = "second"\npath = "src/main.rs"\n' >>"$SRC/drivers/inputd/Cargo.toml"
	rx refresh -n
	expect_status 0
	expect_err "cannot tell whether '.*packages.ini' is up to date: .*rules.ini"
	rx init --update
	expect_refused 2
}

shows() { [[ $(image_says "$1" 2>/dev/null) == "$2" ]]; }

@test "a watch lets the map follow: a member that came is built and then watched, one that went is taken out" {
	rx_ok init
	rx_ok refresh
	watch
	crate "$SRC/drivers/newd" newd
	printf 'fn main() {\n    println!("newd=1");\n}\n' >"$SRC/drivers/newd/src/main.rs"
	sed -i 's,"tools/odd",&\, "drivers/newd",' "$SRC/Cargo.toml"
	told 40 'the workspace has changed \(new: newd\).*follows'
	wait_until 40 shows /usr/lib/drivers/newd newd=1 || watch_fail "newd is not in the image"
	mark newd 2
	wait_until 40 shows /usr/lib/drivers/newd newd=2 || watch_fail "a save of newd is not seen"
	sed -i 's,\, "drivers/newd",,' "$SRC/Cargo.toml"
	rm -r "$SRC/drivers/newd"
	told 40 'gone: newd'
	gone() { refute image_has /usr/lib/drivers/newd 2>/dev/null; }
	wait_until 40 gone || watch_fail "newd is still in the image"
	stop_watch
	expect_graph
}

@test "a watch that may not write the map says what it lacks, once" {
	rx_ok init
	sed -i 's/^auto_update = yes/auto_update = no/' "$INI"
	rx_ok refresh
	local map
	map=$(sha256 "$MAP")
	watch
	printf '\n[[bin]]\nname = "second"\npath = "src/main.rs"\n' >>"$SRC/drivers/inputd/Cargo.toml"
	told 40 'changed: inputd.*does not know of it yet: reinject init --update'
	mark netd 2
	wait_until 40 shows /usr/lib/drivers/netd 'netd=2 proto=1 common=1' || watch_fail "no round"
	stop_watch
	expect_equal "$(n_told 'does not know of it yet')" 1
	expect_equal "$(sha256 "$MAP")" "$map"
}
