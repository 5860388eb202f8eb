#!/usr/bin/env bats
# [hooks] isolate = yes: what was committed is built, in a plain folder beside the work tree, and the half-edited tree is left alone.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	hooks_setup 'quiet_ms = 200' 'isolate = yes'
}

teardown() { hooks_teardown; }

# commit_netd N: netd says N, that alone is committed, and the worker has been.
commit_netd() {
	mark netd "$1"
	g commit -qm "netd $1" drivers/net/netd
	settled
}

# iso: the plain folder.
iso() {
	local all=("$TREE"/.src.reinject-*)
	[[ ${#all[@]} == 1 && -d ${all[0]} ]] || fail "not one folder: ${all[*]}"
	printf '%s\n' "${all[0]}"
}

hook_results() {
	(cd "$TREE" && "$REINJECT" log --json 2>/dev/null) | jq -rs '[.[] | select(.verb == "hook") | .result] | reverse | join(" ")'
}

log_says() {
	grep -Eq -- "$1" "$STATE/hooks.log" || fail "the log does not say '$1': $(cat "$STATE/hooks.log")"
}

# ---- what is built

@test "a commit from a half-edited tree: what was committed is built, the edits stay where they are" {
	begin
	mark netd 2
	g add -A
	mark netd 3
	break_source inputd
	g commit -qm 'netd 2'
	settled
	expect_equal "$(hook_results)" ok
	netd_says 'netd=2 proto=1 common=1'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	grep -q '"netd=3' "$SRC/drivers/net/netd/src/main.rs"
	# What was recorded is the commit's: the edits are still to be built.
	expect_stale inputd netd
	expect_equal "$(g status --porcelain | tr -d ' \n')" 'Mdrivers/inputd/src/main.rsMdrivers/net/netd/src/main.rs'
}

@test "a library that is half edited: who depends on it is built with it as it was committed" {
	begin
	mark common 7
	commit_netd 2
	netd_says 'netd=2 proto=1 common=1'
}

@test "the user's repository sees nothing of it: no branch, no work tree, no object, no file" {
	begin
	printf 'src\n.reinject\ndisk.img*\nreinject.ini\n' >"$TREE/.gitignore"
	git -C "$TREE" init -q
	commit "$TREE" 'around'
	mark netd 2
	g commit -qam 'netd 2' --no-verify
	# From here on only the worker's doing counts.
	g status >/dev/null
	(cd "$SRC/.git" && find . -type f ! -name index -exec sha256sum {} + | sort) >"$T/before"
	settled
	netd_says 'netd=2 proto=1 common=1'
	(cd "$SRC/.git" && find . -type f ! -name index -exec sha256sum {} + | sort) >"$T/after"
	diff "$T/before" "$T/after"
	expect_equal "$(g branch --format='%(refname)')" refs/heads/main
	expect_equal "$(g worktree list | wc -l)" 1
	expect_equal "$(g status --porcelain)" ''
	expect_equal "$(cat "$(iso)/.gitignore")" '*'
	refute test -e "$(iso)/.git"
	expect_equal "$(git -C "$TREE" status --porcelain)" ''
}

@test "the folder holds the commit: bits, links, names with blanks; what is deleted goes, what somebody edits there is put right" {
	begin
	printf '#!/bin/sh\n' >"$SRC/run me.sh"
	chmod +x "$SRC/run me.sh"
	ln -s 'run me.sh' "$SRC/link"
	mkdir "$SRC/old" && echo old >"$SRC/old/file"
	g add -A
	g commit -qm 'more files'
	settled
	local folder
	folder=$(iso)
	expect_equal "$(cd "$folder" && find . -type f -o -type l | sort | grep -v '^./.gitignore$')" \
		"$(cd "$SRC" && git ls-files | sed 's|^|./|' | LC_ALL=C sort | grep -v '^./.gitignore$')"
	test -x "$folder/run me.sh"
	expect_equal "$(readlink "$folder/link")" 'run me.sh'
	echo 'fn broken( {' >>"$folder/drivers/net/netd/src/main.rs"
	echo stray >"$folder/drivers/net/netd/src/stray.rs"
	mkdir "$folder/strange" && echo stray >"$folder/strange/file"
	g rm -qr old link
	commit_netd 2
	netd_says 'netd=2 proto=1 common=1'
	g reset -q --hard
	expect_equal "$(cd "$folder" && find . -type f -o -type l | sort | grep -v '^./.gitignore$')" \
		"$(cd "$SRC" && git ls-tree -r --name-only HEAD | sed 's|^|./|' | LC_ALL=C sort | grep -v '^./.gitignore$')"
}

@test "untouched files keep their times: the second build compiles the changed package and no other" {
	begin
	commit_netd 2
	local folder
	folder=$(iso)
	find "$folder" -type f -printf '%P %T@ %i\n' | sort >"$T/before"
	find "$STATE"/isolated/*/target -name '*.rlib' -printf '%P %T@\n' | sort >"$T/libs"
	grep -q common "$T/libs"
	stat -c '%i %y' "$STATE/cargo/base.json" >"$T/graph"
	commit_netd 3
	netd_says 'netd=3 proto=1 common=1'
	find "$folder" -type f -printf '%P %T@ %i\n' | sort >"$T/after"
	expect_equal "$(comm -3 "$T/before" "$T/after" | awk '{print $1}' | sort -u)" drivers/net/netd/src/main.rs
	find "$STATE"/isolated/*/target -name '*.rlib' -printf '%P %T@\n' | sort | diff "$T/libs" -
	# And cargo need not be asked for its graph of the work tree again.
	expect_equal "$(stat -c '%i %y' "$STATE/cargo/base.json")" "$(<"$T/graph")"
}

@test "its own target folder, also where [build] target_dir says another; the work tree's is not touched" {
	ini_add <<<$'[build]\ntarget_dir = src/target'
	begin
	find "$SRC/target" -printf '%P %T@\n' | sort >"$T/before"
	commit_netd 2
	netd_says 'netd=2 proto=1 common=1'
	find "$SRC/target" -printf '%P %T@\n' | sort | diff "$T/before" -
	test -x "$(echo "$STATE"/isolated/*/target/release/netd)"
	refute test -e "$(iso)/target"
}

# ---- the same as at home

@test "a refresh of the clean tree finds fresh what was built apart, and the other way round; the program is the same, byte for byte" {
	begin
	note_cargo
	commit_netd 2
	expect_equal "$(cargo_builds)" netd
	expect_stale
	rx_ok refresh
	expect_equal "$(cargo_builds)" netd
	# Built at home, it is what was built apart.
	(cd "$SRC" && cargo build --quiet --offline --release -p netd)
	expect_equal "$(image_file_sum /usr/lib/drivers/netd)" "$(stripped netd)"
	# And back: what a refresh has brought is HEAD's.
	mark inputd 5
	rx_ok refresh
	: >"$T/cargo.log"
	g commit -qam 'inputd 5'
	settled
	expect_equal "$(cargo_builds)" ''
}

@test "built at home and apart in turn, nothing is called outdated that is not" {
	begin
	note_cargo
	commit_netd 2
	mark netd 3
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	netd_says 'netd=2 proto=1 common=1'
	mark netd 4
	rx_ok refresh
	g checkout -q -- drivers/net/netd
	settled
	commit_netd 5
	g revert --no-edit HEAD >/dev/null
	settled
	netd_says 'netd=2 proto=1 common=1'
	refute grep -q '^clean' "$T/cargo.log"
}

# A cargo that builds for the host whatever target's description it is given.
plain_cargo() {
	note_cargo
	cat >"$T/bin/cargo" <<-END
		#!/bin/bash
		echo "\$@" >>"$T/cargo.log"
		words=()
		while ((\$#)); do
			if [[ \$1 == --target ]]; then shift 2; else words+=("\$1") && shift; fi
		done
		exec "$(PATH=${PATH#*:} command -v cargo)" "\${words[@]}"
	END
}

@test "a target's description in the source is the commit's, and names and fingerprints are those of the clean tree" {
	plain_cargo
	printf '{"arch": "%s"}\n' "$(uname -m)" >"$SRC/host.json"
	commit 'a target'
	ini_add <<<$'[build]\ntarget = host.json'
	begin
	printf '{"arch": "arm"}\n' >"$SRC/host.json"
	mark netd 2
	g commit -qm 'netd 2' drivers/net/netd
	settled
	netd_says 'netd=2 proto=1 common=1'
	grep -qF -- "--target $(iso)/host.json" "$T/cargo.log"
	g checkout -q -- host.json
	settled
	expect_stale
	printf '{"arch": "%s", "os": "linux"}\n' "$(uname -m)" >"$SRC/host.json"
	g commit -qam 'another target'
	settled
	expect_stale
	grep -c 'build.*-p' "$T/cargo.log" >"$T/n"
	(($(<"$T/n") >= 9)) || fail "a changed target concerns every package: $(<"$T/cargo.log")"
}

@test ".cargo and shared files: of the commit, and the fingerprint is that of the clean tree" {
	ini_set 'source base' shared 'Cargo.toml .cargo'
	mkdir "$SRC/.cargo"
	printf '[env]\nSOME = "1"\n' >"$SRC/.cargo/config.toml"
	commit 'a cargo configuration'
	begin
	printf '[env]\nSOME = "2"\n' >"$SRC/.cargo/config.toml"
	mark netd 2
	g commit -qm 'netd 2' drivers/net/netd
	settled
	grep -q '"1"' "$(iso)/.cargo/config.toml"
	g checkout -q -- .cargo
	expect_stale
}

@test "what git ignores and a build reads comes along: an included file, Cargo.lock, cargo's configuration" {
	printf 'target\ngenerated.rs\nCargo.lock\n.cargo\n' >"$SRC/.gitignore"
	g rm -q --cached Cargo.lock
	printf 'pub const MARK: u32 = 1;\n' >"$SRC/drivers/net/netd/src/generated.rs"
	printf 'include!("generated.rs");\nfn main() {\n    println!("netd=1 made={} {}", MARK, proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	mkdir "$SRC/.cargo"
	printf '[env]\nSOME = "1"\n' >"$SRC/.cargo/config.toml"
	commit 'a generated file'
	begin
	mark netd 2
	echo 'not ignored, not committed' >"$SRC/drivers/net/netd/src/other.rs"
	g commit -qm 'netd 2' drivers/net/netd/src/main.rs
	settled
	netd_says 'netd=2 made=1 proto=1 common=1'
	cmp "$SRC/Cargo.lock" "$(iso)/Cargo.lock"
	test -e "$(iso)/.cargo/config.toml"
	refute test -e "$(iso)/drivers/net/netd/src/other.rs"
	rm "$SRC/drivers/net/netd/src/other.rs"
	expect_stale
	# It counts from there too.
	printf 'pub const MARK: u32 = 2;\n' >"$SRC/drivers/net/netd/src/generated.rs"
	g commit -q --allow-empty -m 'nothing'
	settled
	expect_equal "$(hook_results)" 'ok ok'
	netd_says 'netd=2 made=2 proto=1 common=1'
	expect_stale
}

@test "a tracked file that no package owns is read at the commit, and an edit of it is still to be built" {
	printf 'one' >"$SRC/notes.txt"
	printf 'fn main() {\n    println!("netd=1 notes={} {}", include_str!("../../../../notes.txt"), proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	commit 'notes'
	begin
	printf 'two' >"$SRC/notes.txt"
	commit_netd 2
	netd_says 'netd=2 notes=one proto=1 common=1'
	expect_stale netd
	rx_ok refresh
	netd_says 'netd=2 notes=two proto=1 common=1'
	g checkout -q -- notes.txt
	settled
	netd_says 'netd=2 notes=one proto=1 common=1'
	expect_stale
}

@test "a submodule is named: its folder stays empty, all else is built" {
	git init -q -b main "$T/lib"
	printf 'a\n' >"$T/lib/file"
	commit "$T/lib" 'a library'
	g -c protocol.file.allow=always submodule --quiet add "$T/lib" sub
	g commit -qm 'a submodule'
	begin
	commit_netd 2
	commit_netd 3
	netd_says 'netd=3 proto=1 common=1'
	log_says "submodule '$SRC/sub' is not in the folder"
	expect_equal "$(ls -A "$(iso)/sub")" ''
	expect_equal "$(hook_results)" 'ok ok'
}

@test "a path dependency outside resolves from beside the work tree as from within" {
	crate "$TREE/beside" beside
	printf 'pub fn mark() -> u32 {\n    4\n}\n' >"$TREE/beside/src/lib.rs"
	printf 'beside = { path = "../../../../beside" }\n' >>"$SRC/drivers/net/netd/Cargo.toml"
	printf 'fn main() {\n    println!("netd=1 beside={} {}", beside::mark(), proto::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	(cd "$SRC" && cargo build --quiet --offline --release -p netd)
	commit 'beside'
	begin
	commit_netd 2
	netd_says 'netd=2 beside=4 proto=1 common=1'
	expect_stale
}

@test "a source in a folder of its repository: the whole repository stands beside it" {
	mkdir "$TREE/mono"
	mv "$SRC" "$TREE/mono/src"
	rm -rf "$TREE/mono/src/.git"
	SRC=$TREE/mono/src
	ini_set 'source base' path mono/src
	git -C "$TREE/mono" init -q -b main
	commit "$TREE/mono" 'one repository'
	begin
	mark inputd 9
	mark netd 2
	g commit -qm 'netd 2' drivers/net/netd
	settled
	netd_says 'netd=2 proto=1 common=1'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	test -e "$(echo "$TREE"/.mono.reinject-*)/src/Cargo.toml"
	expect_equal "$(git -C "$TREE/mono" status --porcelain | tr -d ' ')" 'Msrc/drivers/inputd/src/main.rs'
	g checkout -q -- .
	settled
	expect_stale
}

@test "a command's package and an asset come from the commit, too" {
	printf 'cp custom/input custom/made\n' >"$SRC/custom/make.sh"
	printf 'made\n' >"$SRC/custom/.gitignore"
	commit 'a command'
	ini_add <<-END
		[package firmware]
		paths = custom
		command = sh custom/make.sh
		artifact = custom/made
		dest = /usr/bin

		[asset netd-config]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
	cp "$(type -P true)" "$SRC/custom/input"
	commit 'an input'
	begin
	in_image ./usr/bin/firmware
	printf 'class = 3\n' >"$SRC/drivers/net/netd/config.toml"
	cp "$(type -P false)" "$SRC/custom/input"
	g commit -qam 'both'
	printf 'class = 4\n' >"$SRC/drivers/net/netd/config.toml"
	settled
	expect_equal "$(in_image cat etc/netd.toml)" 'class = 3'
	refute in_image ./usr/bin/firmware
	g checkout -q -- .
	settled
	expect_stale
}

# ---- what is said

@test "uncommitted work that was in the image and that HEAD has replaced is named" {
	begin
	mark netd 7
	mark inputd 3
	rx_ok refresh
	netd_says 'netd=7 proto=1 common=1'
	g commit -qm 'inputd 3' drivers/inputd
	settled
	netd_says 'netd=1 proto=1 common=1'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=3 common=1'
	log_says 'HEAD has replaced uncommitted work in the image: netd \(drivers/net/netd/src/main.rs\);'
	refute grep -q 'uncommitted.*inputd' "$STATE/hooks.log"
	rx_ok refresh
	netd_says 'netd=7 proto=1 common=1'
}

@test "nothing is said to be replaced that was not in the image" {
	begin
	mark inputd 3
	commit_netd 2
	refute grep -q 'uncommitted' "$STATE/hooks.log"
	expect_equal "$(hook_results)" ok
}

@test "a commit that does not compile: the places of its errors are those in the work tree" {
	begin
	break_source netd
	g commit -qam 'broken'
	settled
	expect_equal "$(hook_results)" failed
	grep -q "^$SRC/drivers/net/netd/src/main.rs:" "$STATE/locations" || fail "$(cat "$STATE/locations")"
	netd_says 'netd=1 proto=1 common=1'
}

@test "a source without a commit has nothing to build: said, and the next commit is built" {
	begin
	g checkout -q --orphan empty
	(cd "$SRC" && .git/hooks/post-checkout a b 1 3>&-)
	settled
	log_says "source 'base' has no commit yet"
	expect_equal "$(hook_results)" failed
	mark netd 2
	g commit -qam 'netd 2'
	settled
	netd_says 'netd=2 proto=1 common=1'
}

@test "no room beside the work tree: the run fails, and says why" {
	begin
	commit_netd 2
	local folder
	folder=$(iso)
	rm -r "$folder"
	# Somebody's file has its name.
	: >"$folder"
	commit_netd 3
	expect_equal "$(hook_results)" 'ok failed'
	log_says 'cannot make the folder'
	rm "$folder"
	commit_netd 4
	netd_says 'netd=4 proto=1 common=1'
}

# ---- kept, killed, removed

@test "what a killed one left is no obstacle: a lock, half a folder, an index that is gone" {
	begin
	commit_netd 2
	local folder index
	folder=$(iso)
	index=$(echo "$STATE"/isolated/*/*.index)
	: >"$index.lock"
	rm -r "$folder/crates"
	commit_netd 3
	netd_says 'netd=3 proto=1 common=1'
	rm "$index"
	commit_netd 4
	netd_says 'netd=4 proto=1 common=1'
	rm -r "$folder"
	commit_netd 5
	netd_says 'netd=5 proto=1 common=1'
	expect_equal "$(hook_results)" 'ok ok ok ok'
}

@test "uninstall removes the folder, its target folder and nothing else" {
	begin
	commit_netd 2
	iso >/dev/null
	mkdir "$TREE/.src.reinject-mine" && echo mine >"$TREE/.src.reinject-mine/file"
	rx_ok hooks uninstall
	expect_equal "$(cd "$TREE" && echo .src.reinject-*)" .src.reinject-mine
	test -e "$TREE/.src.reinject-mine/file"
	refute test -e "$STATE/isolated"
	rx_ok hooks uninstall
}

@test "uninstall while a run has the image: 75, and the folder stays" {
	begin
	commit_netd 2
	exec {held}>>"$IMAGE.lock"
	flock -x "$held"
	rx hooks uninstall
	expect_status 75
	iso >/dev/null
	exec {held}>&-
	rx_ok hooks uninstall
	refute test -e "$STATE/isolated"
}
