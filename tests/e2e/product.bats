#!/usr/bin/env bats
# What somebody meets who does not know the program: what is missing is said before anything is done, and what to do about it.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# stranger_rx ARGS: as rx, as another user, who may read the tree.
stranger_rx() {
	local p
	for p in "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$T"; do chmod o+x "$p"; done
	[[ -e $T/reinject ]] || cp "$REINJECT" "$T/reinject"
	status=0
	(cd "$TREE" && HOME=$T/tmp timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups "$T/reinject" "$@") \
		>"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $*, as nobody"
}

# ---- what is missing

# bare_path LESS...: a PATH of links to what these tests run, less the named programs.
bare_path() {
	local p dir=$T/path
	rm -rf "$dir"
	mkdir "$dir"
	for p in git cargo rustc rustup llvm-strip redoxfs redoxfs-clone fusermount3 fusermount sh env cc ld; do
		[[ " $* " == *" $p "* ]] || ln -s "$(command -v "$p")" "$dir/$p" 2>/dev/null || true
	done
	printf '%s' "$dir"
}

# less_rx PROGRAM ARGS: as rx, where PROGRAM is not on PATH.
less_rx() {
	local dir
	dir=$(bare_path "$1")
	shift
	status=0
	(cd "$TREE" && exec env PATH="$dir" "$REINJECT" "$@") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $*, with fewer programs"
}

# lacks PROGRAM: a refresh with something to build ends before it builds, and leaves no run.
lacks() {
	local sum
	sum=$(image_sum)
	less_rx "$1" refresh
	expect_refused 3
	expect_err "cannot (run|find program) '$1'"
	grep -qE '^  .*install' "$T/err" || fail "no remedy: $(cat "$T/err")"
	refute grep -q 'compil' "$T/err"
	rx_ok log --json
	expect_equal "$(cat "$T/out")" ''
	expect_untouched "$sum"
}

@test "without strip, cargo or the image's program nothing is built, and no run fails" {
	lacks llvm-strip
	lacks cargo
	lacks redoxfs
	less_rx redoxfs inject "$SRC/Cargo.toml" /etc/file
	expect_refused 3
	rx_ok log --json
	expect_equal "$(cat "$T/out")" ''
	rx_ok refresh
	less_rx redoxfs refresh
	expect_status 0
	less_rx llvm-strip refresh
	expect_status 0
}

@test "a workspace without Cargo.lock, or with an old one, is told what makes it" {
	rm "$SRC/Cargo.lock" "$TREE/reinject.ini"
	rx_ok init --image "$IMAGE"
	expect_err 'no Cargo\.lock in .* yet: .*cargo generate-lockfile'
	refute grep -q -e '--locked' "$T/err"
	(cd "$SRC" && cargo generate-lockfile --offline -q)
	printf '\n[dependencies]\nproto = { path = "../../crates/proto" }\n' >>"$SRC/drivers/multi/Cargo.toml"
	sed -i '0,/^\[dependencies\]$/{//d}' "$SRC/drivers/multi/Cargo.toml"
	rm "$TREE/reinject.ini" "$TREE/packages.ini"
	rx_ok init --image "$IMAGE"
	expect_err 'Cargo\.lock in .* is behind the manifests: .*cargo update --workspace'
}

@test "a command's missing program fails its package alone, and an asset needs no strip" {
	ini_add <<-'END'
		[package slow]
		paths = custom
		command = no-such-program
		artifact = custom/input
		dest = /usr/bin
	END
	rx refresh --json
	expect_status 1
	expect_equal "$(events build '"\(.package) \(.result)"' | sort | paste -sd,)" 'inputd fresh,multi fresh,netd fresh,odd_pkg fresh,slow failed'
	ini_base
	ini_add <<-'END'
		[asset conf]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
	less_rx llvm-strip refresh
	expect_status 0
	expect_said 'put   /etc/netd.toml'
}

# ---- somebody else's tree

@test "another user is told whose state folder it is, and what to do" {
	rx_ok refresh
	chmod 0700 "$TREE/.reinject"
	local verb
	for verb in refresh status log; do
		stranger_rx "$verb"
		expect_refused 3
		expect_err "state folder '.*' is closed to you"
		expect_err 'sudo -u root reinject'
		refute grep -q 'no watch runs' "$T/err"
	done
	chown 4711:4711 "$TREE/.reinject"
	stranger_rx refresh
	expect_refused 2
	expect_err 'belongs to user 4711'
	expect_err 'sudo chown -R 65534'
	chown 0:0 "$TREE/.reinject"
}
