#!/usr/bin/env bats
# [hooks] isolate under sudo: what is written beside the work tree, and built there, is the caller's.

load ../lib/assert
load ../lib/fixture

USER_ID=$(id -u nobody)

setup() {
	((EUID == 0)) || skip "needs root"
	fixture_setup
	let_others_in
	mkdir -p "$SRC/custom" "$T/root/usr/bin"
	cp "$(type -P true)" "$SRC/custom/input"
	printf 'id -u >custom/who\ncp custom/input custom/made\n' >"$SRC/custom/make.sh"
	printf 'made\nwho\n' >"$SRC/custom/.gitignore"
	git -C "$SRC" init -q -b main
	commit 'a command'
	image_make "$IMAGE" "$T/root" 16M
	cat >"$TREE/reinject.ini" <<-END
		[source base]
		path = src
		[image]
		path = disk.img
		[hooks]
		quiet_ms = 0
		isolate = yes
		[package firmware]
		paths = custom
		command = sh custom/make.sh
		artifact = custom/made
		dest = /usr/bin
	END
	chown -R "$USER_ID:$(id -g nobody)" "$TREE" "$T/tmp" "$T/run"
}

teardown() {
	fixture_teardown
}

run_worker() {
	mkdir -p "$TREE/.reinject/spool"
	echo "1000 post-commit $SRC" >"$TREE/.reinject/spool/queue"
	chown -R "$USER_ID:$(id -g nobody)" "$TREE/.reinject"
	chmod 0700 "$TREE/.reinject"
	SUDO_UID=$USER_ID SUDO_GID=$(id -g nobody) rx hooks run
	expect_status 0
}

@test "sudo: folder, index and artefact belong to the caller, who builds; what comes next can write them" {
	run_worker
	in_image test -x usr/bin/firmware
	expect_equal "$(cat "$TREE"/.src.reinject-*/custom/who)" "$USER_ID"
	expect_equal "$(find "$TREE" ! -uid "$USER_ID" -printf '%P ')" ''
	expect_equal "$(find "$TREE" ! -gid "$(id -g nobody)" -printf '%P ')" ''
	cp "$(type -P false)" "$SRC/custom/input"
	git config --file "$T/trust" safe.directory '*'
	GIT_CONFIG_GLOBAL=$T/trust commit 'another'
	run_worker
	refute in_image ./usr/bin/firmware
	SUDO_UID=$USER_ID SUDO_GID=$(id -g nobody) GIT_CONFIG_GLOBAL=$T/trust rx hooks uninstall
	expect_status 0
	expect_equal "$(cd "$TREE" && shopt -s nullglob && echo .src.reinject-*)" ''
}
