#!/usr/bin/env bats
# What the journal believes must be what the image holds: edits during a build, images changed behind our back, builds cut short.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

@test "an edit during the build is never lost" {
	slow_package
	rx_ok refresh -n
	start run "$REINJECT" refresh --json
	slow_begun
	# netd was built before `slow` began; this edit is not in its binary.
	mark netd 7
	slow_release
	finish run
	expect_status 0
	expect_err 'edited while it was being built'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=7 proto=1 common=1"
	expect_stale
}

@test "an image put back by hand is not believed, also after a run that looked at a part of it" {
	rx_ok refresh
	cp --sparse=always "$IMAGE" "$T/earlier.img"
	mark netd 2
	mark inputd 2
	rx_ok refresh
	expect_stale
	cp --sparse=always "$T/earlier.img" "$IMAGE"
	# This makes the image ours again, but says nothing about inputd.
	rx_ok build netd
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
}

@test "the same after an inject" {
	rx_ok refresh
	cp --sparse=always "$IMAGE" "$T/earlier.img"
	mark netd 2
	rx_ok refresh
	cp --sparse=always "$T/earlier.img" "$IMAGE"
	rx_ok inject "$TREE/reinject.ini" /etc
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "what a killed run left building is ended by the next start" {
	slow_package
	start run "$REINJECT" refresh
	slow_recorded
	local builder
	builder=$(<"$T/slow.pid")
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	refute pid_gone "$builder"
	rx_ok build netd
	expect_err 'left running'
	pid_gone "$builder" || fail "the build of the dead run (pid $builder) still runs"
	rx_ok log --json
	expect_jq 'map(select(.result == "failed" and (.error | test("interrupted")))) | length == 1'
}

@test "a package goes in whole or not at all" {
	ini_set 'package netd' dest '/usr/bin /no/such/folder/'
	ini_set 'package inputd' dest /usr/bin
	rx refresh --json
	expect_status 1
	expect_err '/no/such/folder'
	refute image_has /usr/bin/netd
	image_has /usr/bin/inputd
	expect_equal "$(events done .result)" failed
	expect_stale netd
}

@test "what was replaced is kept, so that it can be put back" {
	local before
	before=$(image_file_sum /usr/lib/drivers/inputd | cut -d' ' -f1)
	rx_ok refresh
	rx_ok show 1 --json
	expect_jq '.[0].files[] | select(.path == "/usr/lib/drivers/inputd") | .old_hash == $h' --arg h "$before"
	# Settled by the run itself, not by the next start.
	expect_jq '.[0].files | all(.result == "ok")'
	expect_equal "$(sha256 "$TREE/.reinject/blobs/${before:0:2}/${before:2}")" "$before"
}

@test "two configurations of one image do not believe each other" {
	rx_ok refresh
	cp "$TREE/reinject.ini" "$TREE/other.ini"
	sed -i 's/^\[source base\]/[reinject]\nstate = .other\n\n[source base]/' "$TREE/other.ini"
	mark netd 2
	rx_ok -c "$TREE/other.ini" refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	git -C "$SRC" checkout -q drivers
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
}

@test "fresh but old: a file with an older time moved over a source" {
	rx_ok refresh
	sed 's/netd=1/netd=9/' "$SRC/drivers/net/netd/src/main.rs" >"$T/main.rs"
	touch -d '2001-01-01' "$T/main.rs"
	mv "$T/main.rs" "$SRC/drivers/net/netd/src/main.rs"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=9 proto=1 common=1"
	expect_stale
}

@test "fresh but old, and fresh again after cargo clean, which cleans another folder: it is not taken for new" {
	ini_add <<<$'[build]\ncargo_args = --target-dir '"$T/elsewhere"
	rx_ok refresh
	cp "$SRC/drivers/net/netd/src/main.rs" "$T/main.rs"
	sed -i 's/netd=1/netd=2/' "$T/main.rs"
	touch -d '2001-01-01' "$T/main.rs"
	mv "$T/main.rs" "$SRC/drivers/net/netd/src/main.rs"
	rx refresh
	expect_status 1
	expect_err 'fresh even after'
	expect_err 'keys of \[build\]'
	netd_says 'netd=1 proto=1 common=1'
	touch "$SRC/drivers/net/netd/src/main.rs"
	rx_ok refresh --retry
	netd_says 'netd=2 proto=1 common=1'
}

@test "fresh but old: a link that is made to lead to an older file" {
	local dir=$SRC/drivers/net/netd/src
	cp "$dir/main.rs" "$dir/one.rs"
	sed 's/netd=1/netd=2/' "$dir/main.rs" >"$dir/two.rs"
	ln -sf one.rs "$dir/main.rs"
	rx_ok refresh
	ln -sfn two.rs "$dir/main.rs"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	expect_stale
}

@test "fresh but old: the same in a library that the package uses" {
	rx_ok refresh
	sed 's/common=1/common=9/' "$SRC/crates/common/src/lib.rs" >"$T/lib.rs"
	touch -d '2001-01-01' "$T/lib.rs"
	mv "$T/lib.rs" "$SRC/crates/common/src/lib.rs"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=9"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=9"
}

@test "fresh but old: an object that only the linker sees" {
	printf 'int reinject_mark = 1;\n' >"$T/mark.c"
	cc -c "$T/mark.c" -o "$TREE/mark.o"
	ini_add <<-END
		[build]
		rustflags = -Clink-arg=$TREE/mark.o -Clink-arg=-Wl,-u,reinject_mark
	END
	rx_ok refresh
	local before
	before=$(image_file_sum /usr/lib/drivers/netd)
	printf 'int reinject_mark = 2;\n' >"$T/mark.c"
	cc -c "$T/mark.c" -o "$TREE/mark.o"
	rx_ok refresh
	[[ $(image_file_sum /usr/lib/drivers/netd) != "$before" ]] || fail "the old object is still in the image"
	expect_stale
}

@test "a file that git ignores and a source includes" {
	printf 'secret.txt\n' >>"$SRC/.gitignore"
	printf 'one' >"$SRC/drivers/net/netd/secret.txt"
	printf 'fn main() {\n    println!("{}", include_str!("../secret.txt"));\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	commit 'includes what git ignores'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" one
	expect_stale
	printf 'two' >"$SRC/drivers/net/netd/secret.txt"
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" two
	expect_stale
	# With an older time cargo does not see it.
	printf 'six' >"$T/secret.txt"
	touch -d '2001-01-01' "$T/secret.txt"
	mv "$T/secret.txt" "$SRC/drivers/net/netd/secret.txt"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" six
}

@test "a path dependency outside the source that nobody mentioned" {
	crate "$TREE/far" far
	printf 'pub fn mark() -> u32 {\n    1\n}\n' >"$TREE/far/src/lib.rs"
	printf 'far = { path = "../../../far" }\n' >>"$SRC/drivers/inputd/Cargo.toml"
	printf 'fn main() {\n    println!("far={}", far::mark());\n}\n' >"$SRC/drivers/inputd/src/main.rs"
	(cd "$SRC" && cargo generate-lockfile -q --offline)
	commit 'depends on what lies outside'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" far=1
	expect_stale
	sed -i 's/    1/    2/' "$TREE/far/src/lib.rs"
	expect_stale inputd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" far=2
}

@test "a build script that names a folder and makes a source" {
	mkdir "$SRC/drivers/inputd/data"
	printf 'one' >"$SRC/drivers/inputd/data/word"
	cat >"$SRC/drivers/inputd/build.rs" <<-'END'
		fn main() {
		    println!("cargo:rerun-if-changed=data");
		    let word = std::fs::read_to_string("data/word").unwrap();
		    let out = std::env::var("OUT_DIR").unwrap();
		    std::fs::write(out + "/word.rs", format!("const WORD: &str = {word:?};")).unwrap();
		}
	END
	printf 'include!(concat!(env!("OUT_DIR"), "/word.rs"));\nfn main() {\n    println!("{}", WORD);\n}\n' >"$SRC/drivers/inputd/src/main.rs"
	commit 'a build script'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" one
	expect_stale
	printf 'two' >"$SRC/drivers/inputd/data/word"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" two
	expect_stale
}

@test "what does not enter the binary costs no compilation" {
	rx_ok refresh
	note_cargo
	printf 'More words.\n' >>"$SRC/drivers/net/netd/README.md"
	rx_ok refresh --json
	expect_equal "$(events build '.package + " " + .result')" "netd fresh"
	refute grep -q clean "$T/cargo.log"
}

@test "one of several destinations brings only that one up to date" {
	ini_set 'package odd_pkg' dest '/usr/bin /usr/lib/drivers'
	rx_ok refresh
	mark odd 2
	rx_ok build odd_pkg /usr/bin
	expect_stale odd_pkg
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/rxe2e-odd)" "odd=2"
}

@test "an edit that is taken back during the build leaves nothing believed" {
	slow_package
	rx_ok refresh -n
	exec {feed}<>"$T/gate"
	echo go >&"$feed"
	rx_ok refresh
	exec {feed}>&-
	rm -f "$T/slow.pid"
	mark netd 2
	echo two >"$SRC/custom/input"
	start run "$REINJECT" refresh --json
	slow_begun
	# netd=2 is built and will be put; the source goes back to what the journal has as fresh.
	mark netd 1
	slow_release
	finish run
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
}

@test "a file put over a package's or an asset's own is not believed" {
	ini_add <<-END
		[asset netd-config]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
	rx_ok refresh
	printf 'mine\n' >"$T/netd.toml"
	rx_ok inject "$T/netd.toml" /etc/netd.toml
	rx_ok inject "$TREE/reinject.ini" /usr/lib/drivers/inputd
	rx_ok status --json
	expect_jq '.[0].stale == ["inputd"]'
	rx_ok refresh
	expect_equal "$(in_image cat etc/netd.toml)" "class = 2"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=1"
	expect_stale
}

@test "what breaks the whole workspace is no package's failure" {
	rx_ok refresh
	mark netd 2
	sed -i 's|members = \[|members = ["no/such/member", |' "$SRC/Cargo.toml"
	rx refresh
	expect_status 1
	rx_ok status --json
	expect_jq '.[0].failed == [] and (.[0].stale | index("netd") != null)'
	git -C "$SRC" checkout -q Cargo.toml
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "a target with setuid fails its package and leaves the others alone" {
	rx_ok inject /bin/true /usr/bin/rxe2e-odd
	local copy=$T/copy.img p
	image_copy "$IMAGE" "$copy"
	mount_image "$copy" "$T/m"
	p=$pid
	chmod 4755 "$T/m/usr/bin/rxe2e-odd"
	unmount_image "$T/m" "$p"
	cp --sparse=always "$copy" "$IMAGE"
	in_image test -u usr/bin/rxe2e-odd || skip "this RedoxFS keeps no setuid bit"
	rx refresh --json
	expect_status 1
	expect_err setuid
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_stale odd_pkg
}

@test "two images of one state folder do not mix what they stage" {
	cp --sparse=always "$IMAGE" "$TREE/two.img"
	slow_package
	start run "$REINJECT" refresh --json
	slow_begun
	rx_ok -o image.path=two.img -o build.strip=none build netd
	slow_release
	finish run
	expect_status 0
	expect_equal "$(image_file_sum /usr/lib/drivers/netd | cut -d' ' -f1)" "$(stripped netd)"
}

@test "packages are packages in the log, and steps tell how far a run came" {
	rx_ok inject "$TREE/reinject.ini" /etc
	rx_ok log --json
	expect_jq '.[0].packages == []'
	rx_ok refresh
	rx_ok show 2 --json
	expect_jq '[.[0].steps[].kind] | index("begin") != null and index("verify") != null and index("swap") != null'
	expect_jq '.[0].steps | all(.result == "ok")'
}

@test "a save inside a submodule counts, and so does its commit" {
	git init -q -b main "$T/lib"
	printf 'pub const WORD: &str = "one";\n' >"$T/lib/word.rs"
	commit "$T/lib" 'a word'
	git -C "$SRC" -c protocol.file.allow=always submodule --quiet add "$T/lib" drivers/inputd/sub
	printf 'include!("../sub/word.rs");\nfn main() {\n    println!("{}", WORD);\n}\n' >"$SRC/drivers/inputd/src/main.rs"
	commit 'with a submodule'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" one
	expect_stale
	sed -i 's/one/two/' "$SRC/drivers/inputd/sub/word.rs"
	expect_stale inputd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" two
	expect_stale
	commit "$SRC/drivers/inputd/sub" 'two'
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	expect_stale
}

@test "a save inside a submodule counts where no compiler names its files" {
	git init -q -b main "$T/lib"
	printf 'one\n' >"$T/lib/word"
	commit "$T/lib" 'a word'
	git -C "$SRC" -c protocol.file.allow=always submodule --quiet add "$T/lib" custom/sub
	commit 'with a submodule'
	ini_add <<-END
		[package firmware]
		paths = custom
		command = cp target/release/multi-a target/firmware
		artifact = target/firmware
		dest = /usr/bin
	END
	rx_ok refresh
	expect_stale
	echo two >"$SRC/custom/sub/word"
	expect_stale firmware
	echo one >"$SRC/custom/sub/word"
	expect_stale
}

@test "a package inside a submodule: a save in it counts, and so does its commit" {
	git init -q -b main "$T/lib"
	mkdir "$T/lib/fw" "$T/lib/other"
	printf 'one\n' >"$T/lib/fw/word"
	commit "$T/lib" 'a word'
	git -C "$SRC" -c protocol.file.allow=always submodule --quiet add "$T/lib" sub
	commit 'with a submodule'
	ini_add <<-END
		[package firmware]
		paths = sub/fw
		command = cp target/release/multi-a target/firmware
		artifact = target/firmware
		dest = /usr/bin
	END
	rx_ok refresh
	expect_stale
	echo two >"$SRC/sub/fw/word"
	expect_stale firmware
	rx_ok refresh
	expect_stale
	commit "$SRC/sub" 'two'
	rx_ok refresh
	expect_stale
	git -C "$SRC/sub" checkout -q HEAD~1
	expect_stale firmware
}

@test "a submodule that cannot be read is told of, not passed over" {
	git init -q -b main "$T/lib"
	printf 'one\n' >"$T/lib/word"
	commit "$T/lib" 'a word'
	git -C "$SRC" -c protocol.file.allow=always submodule --quiet add "$T/lib" drivers/inputd/sub
	commit 'with a submodule'
	rx_ok refresh
	local settings=$SRC/.git/modules/drivers/inputd/sub/config
	git config -f "$settings" core.repositoryformatversion 1
	git config -f "$settings" extensions.foo true
	rx refresh
	expect_refused 3
	expect_err "submodule '.*drivers/inputd/sub"
	git config -f "$settings" --unset extensions.foo
	# Nothing checked out is no trouble.
	git -C "$SRC" submodule --quiet deinit -f drivers/inputd/sub
	rx_ok status
}

@test "a repository inside a package that is no submodule is passed over, and said so" {
	rx_ok refresh
	git init -q -b main "$SRC/drivers/inputd/own"
	printf 'nothing of ours\n' >"$SRC/drivers/inputd/own/file"
	commit "$SRC/drivers/inputd/own" 'own'
	rx_ok status
	expect_out "drivers/inputd/own' is a repository of its own"
	expect_stale
}

@test "a package gives the same binary alone and beside a partner that turns a feature on, from an empty target folder" {
	printf '\n[features]\nloud = []\n' >>"$SRC/crates/common/Cargo.toml"
	printf 'pub fn mark() -> String {\n    String::from(if cfg!(feature = "loud") { "common=LOUD" } else { "common=1" })\n}\n' >"$SRC/crates/common/src/lib.rs"
	sed -i 's|^common = .*|common = { path = "../../crates/common", features = ["loud"] }|' "$SRC/drivers/inputd/Cargo.toml"
	commit 'inputd is loud'
	rm -rf "$SRC/target"
	rx_ok build netd
	local alone together
	alone=$(image_file_sum /usr/lib/drivers/netd)
	rm -rf "$SRC/target" "$TREE/.reinject"
	rx_ok inject "$TREE/reinject.ini" /usr/lib/drivers/netd
	rx_ok refresh --json
	expect_equal "$(events build '"\(.package) \(.result)"' | head -1)" "inputd ok"
	expect_equal "$(image_file_sum /usr/lib/drivers/netd)" "$alone"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=LOUD"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	# What one cargo run for both would have given.
	(cd "$SRC" && cargo build --quiet --offline --release -p netd -p inputd)
	together=$(stripped netd)
	[[ $together != "$alone" ]] || fail 'the partner changes nothing: this test proves nothing'
}
