#!/usr/bin/env bats
# What somebody meets who does not know the program: what is missing is said before anything is done, and what to do about it.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# stranger_rx ARGS: as rx, as another user, who may read the tree.
stranger_rx() {
	let_others_in
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

# ---- what is told afterwards

@test "status: a library needs no destination, a program without one is named, and the last run says how it ended" {
	sed -i '/^dest = \/usr\/bin$/d' "$TREE/reinject.ini"
	rx_ok status
	expect_out '^nowhere  1: odd_pkg '
	refute grep -qE 'common|proto|^last' "$T/out"
	rx_ok refresh
	rx_ok status
	expect_out '^last     run 1 \(refresh\) ok; '
	break_source netd
	rx refresh
	expect_status 1
	rx_ok status
	expect_out '^last     run 2 \(refresh\) failed: netd: .*; .reinject show 2. '
}

@test "status: an image that was mounted by image mount is said to be that, one that somebody else wrote is not" {
	rx_ok refresh
	rx_ok image mount "$T/mine"
	rx_ok image unmount "$T/mine"
	rx_ok status
	expect_out 'mounted by hand since the last run, to be checked'
	rx_ok refresh
	expect_said 'all there'
	rx_ok status
	refute grep -qE 'checked' "$T/out"
	mount_image "$IMAGE" "$T/theirs"
	unmount_image "$T/theirs" "$pid"
	rx_ok status
	expect_out 'changed outside, to be checked'
}

@test "rollback --image and compact tell what they did, and not that no file was written" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	rx_ok rollback --image
	expect_said 'run 3: the image as a whole is another one now'
	refute grep -q '0 files' "$T/err"
}

@test "affected: a name that nothing has is not passed over in silence" {
	rx_ok affected nofile
	expect_err "there is no 'nofile', .*spelt"
	rx_ok affected src/drivers/net/netd/src/main.rs
	expect_equal "$(cat "$T/out")" netd
	expect_equal "$(cat "$T/err")" ''
	rm "$SRC/drivers/net/netd/README.md"
	rx_ok affected src/drivers/net/netd/README.md
	expect_equal "$(cat "$T/err")" ''
	printf 'x\n' >"$SRC/notes"
	rx_ok affected src/notes
	expect_err "nobody owns 'notes'"
}

@test "the help names no option that this program does not have" {
	rx_ok --help
	refute grep -q faults "$T/out"
	rx --list-faults
	# Only a test build (make coverage) has it, and its help is the same.
	if [[ -n ${FAULTS-} ]]; then expect_out '^journal-run-begin$'; else expect_refused 2; fi
}

@test "show has no line that is empty, and tells of the boots of its image, as log does" {
	cat >"$T/machine.sh" <<-'END'
		#!/bin/sh
		echo 'redox login:'
	END
	chmod +x "$T/machine.sh"
	ini_add <<-END
		[boot]
		command = $T/machine.sh
		console = pty
		ready = login:
	END
	break_source netd
	rx refresh
	git -C "$SRC" checkout -q .
	rx_ok inject "$SRC/Cargo.toml" /etc/file
	rx_ok show 2
	refute grep -qE '^[a-z]+ *$' "$T/out"
	# Its columns fit the usual terminal, and the image is named once.
	expect_out '^  put +/etc/file .* no file -> [0-9a-f]{12}$'
	expect_out '^  swap +disk\.img +ok '
	expect_equal "$(grep '^  ' "$T/out" | awk 'length > 79')" ""
	rx_ok config image
	expect_equal "$(grep 'default$' "$T/out" | awk 'length > 79')" ""
	rx_ok boot --wait
	rx_ok show 2
	expect_out '^  boot +1 +up '
	rx_ok show 2 --json
	expect_jq '.[0].boots | length == 1 and .[0].result == "up" and .[0].boot == 1'
	rx_ok log
	expect_out '^ +2 .*\(boot: up\)$'
	refute grep -qE '^ +1 .*boot' "$T/out"
	rx_ok log --json
	expect_jq '.[0].boot == "up" and .[1].boot == null'
}

@test "service status says what cannot be known, and why" {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\necho "Failed to connect to bus: No medium found" >&2\nexit 1\n' >"$T/bin/systemctl"
	chmod +x "$T/bin/systemctl"
	PATH=$T/bin:$PATH rx service status watch
	expect_out '^unknown +reinject-.*: systemd does not tell whether it runs'
	expect_out 'systemctl --user status'
}

@test "doctor: a command that it names can be pasted whatever a folder is called, and a foreign .orig stays" {
	local odd="$TREE/it's an odd one" command
	mkdir -p "$odd"
	printf '#!/bin/sh\n' >"$odd/run me.sh"
	ini_add <<-END
		[build]
		target = spec.json
		relibc = relibc
		[boot]
		command = "$odd/run me.sh"
		ready = login:
	END
	rx doctor boot-script --json
	command=$(jq -r 'select(.check == "boot-script") | .command' "$T/out")
	refute test -x "$odd/run me.sh"
	sh -c "$command"
	test -x "$odd/run me.sh"
	mkdir "$TREE/relibc"
	printf '{"a": 1}\n' >"$SRC/spec.json"
	printf 'mine\n' >"$SRC/spec.json.orig"
	rx doctor --fix target
	expect_equal "$(cat "$SRC/spec.json.orig")" mine
	expect_equal "$(cat "$SRC/spec.json.orig.1")" '{"a": 1}'
	expect_equal "$(jq -c . "$SRC/spec.json")" '{"a":1,"pre-link-objects":{}}'
}
