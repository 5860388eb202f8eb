#!/usr/bin/env bats
# Who owns what a run leaves behind: an ordinary user, root under sudo for that user, and the two in turn.

load ../lib/assert
load ../lib/fixture

# fusermount3 wants a user who has a name.
USER_ID=$(id -u nobody)

setup_file() {
	((EUID == 0)) || skip "needs root"
	fixture_setup_file
}
setup() {
	fixture_setup
	let_others_in
	mkdir -p "$T/host/bin" "$T/host/toolchain" "$T/home"
	cp "$REINJECT" "${REINJECT%/*}/reinject-hook" "$(command -v redoxfs)" "$T/host/bin/"
	mknod "$T/host/fuse" c 10 229
	chmod 0666 "$T/host/fuse"
	chown -R "$USER_ID:$USER_ID" "$TREE" "$T/home" "$T/tmp" "$T/run"
}
teardown() { fixture_teardown; }

# user_shell NAMESPACE-SETUP...: in a mount namespace of its own, where the node of FUSE is open to all; the real one is left alone.
in_namespace='
	mount --bind "$T/host/fuse" /dev/fuse &&
	mount --bind "$TOOLCHAIN" "$T/host/toolchain" &&
	PATH=$T/host/toolchain/bin:$T/host/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin &&
	export HOME=$T/home CARGO_HOME=$T/home/.cargo RUSTUP_HOME=$T/home/.rustup GIT_CONFIG_GLOBAL=$T/home/.gitconfig &&
	exec "$@"'

in_namespace() {
	T=$T TOOLCHAIN=$(rustc --print sysroot) unshare -m -- bash -c "$in_namespace" namespace timeout --foreground -k 10 "$RX_LIMIT" "$@"
}

as_user() {
	in_namespace setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups -- "$@"
}

# What sudo leaves in the environment.
as_sudo() {
	in_namespace env SUDO_UID="$USER_ID" SUDO_GID="$USER_ID" SUDO_USER=somebody "$@"
}

# user_rx ARGS, sudo_rx ARGS: as rx.
user_rx() {
	status=0
	(cd "$TREE" && as_user "$T/host/bin/reinject" "$@") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $* (as user $USER_ID)"
}

sudo_rx() {
	status=0
	(cd "$TREE" && as_sudo "$T/host/bin/reinject" "$@") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $* (under sudo)"
}

# expect_owned: all that lies below the tree is the user's; what is not is named.
expect_owned() {
	local foreign
	foreign=$(find "$TREE" \( ! -uid "$USER_ID" -o ! -gid "$USER_ID" \) "$@" -printf '%P (%u:%g)\n' | head -n 20)
	[[ -z $foreign ]] || fail "not the user's: $foreign"
}

@test "an ordinary user: a whole refresh" {
	user_rx refresh
	expect_status 0
	expect_owned
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	mark netd 2
	user_rx refresh
	expect_status 0
	expect_equal "$(stat -c %u "$IMAGE.prev")" "$USER_ID"
	user_rx status --json
	expect_jq '.[0].stale == []'
}

@test "under sudo all that is left behind is the user's, and the user goes on" {
	chmod 0640 "$IMAGE"
	mark netd 2
	sudo_rx refresh
	expect_status 0
	expect_owned
	expect_equal "$(stat -c %a "$IMAGE")" 640
	expect_equal "$(stat -c %u:%g "$IMAGE.prev")" "$USER_ID:$USER_ID"
	mark netd 3
	mark common 2
	user_rx refresh
	expect_status 0
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=3 proto=1 common=2"
	mark netd 4
	sudo_rx refresh
	expect_status 0
	user_rx status --json
	expect_status 0
	expect_jq '.[0].stale == []'
	expect_owned
}

@test "under sudo a build has the user's powers, and a failed one leaves nothing of root's" {
	printf 'id -u >who; id -g >>who; echo "$HOME" >>who; cp target/release/multi-a firmware\n' >"$TREE/make.sh"
	ini_add <<-END
		[package firmware]
		paths = custom
		command = sh $TREE/make.sh
		artifact = firmware
		dest = /usr/bin
	END
	chown "$USER_ID:$USER_ID" "$TREE/make.sh"
	break_source netd
	sudo_rx refresh
	expect_status 1
	expect_equal "$(<"$SRC/who")" "$USER_ID
$(id -g nobody)
$(getent passwd nobody | cut -d: -f6)"
	expect_owned
	[[ -s $TREE/.reinject/locations ]] || fail "no locations"
	sudo_rx inject "$TREE/reinject.ini" /etc
	expect_status 0
	sudo_rx inject "$TREE/make.sh" /usr/lib/drivers/inputd
	expect_status 0
	expect_owned
	# Without sudo there is nobody to be.
	printf 'id -u >who; exit 1\n' >"$TREE/make.sh"
	chown -R 0:0 "$SRC"
	sudo_rx build firmware
	expect_status 1
	expect_equal "$(<"$SRC/who")" 0
}

@test "root who is not the user, nor called by him, does not trust his repository" {
	chown root "$TREE/reinject.ini"
	rx status
	expect_status 3
	expect_err "belongs to another user, nobody \($USER_ID\)"
	expect_err "git config --global --add safe.directory '$SRC'"
	[[ ! -e $TREE/.reinject ]] || expect_owned
}

@test "a user over root's image or root's state folder is refused with a remedy" {
	chown root:root "$IMAGE"
	local before
	before=$(image_sum)
	user_rx refresh
	expect_status 3
	expect_err 'belongs to.*root|root.s'
	expect_err 'chown'
	expect_equal "$(image_sum)" "$before"
	chown "$USER_ID:$USER_ID" "$IMAGE"
	rm -rf "$TREE/.reinject"
	mkdir -m 0755 "$TREE/.reinject"
	user_rx refresh
	expect_refused 2 3
	expect_err "\.reinject"
	expect_err 'chown|sudo'
	expect_equal "$(image_sum)" "$before"
}

@test "a state folder that others can write is refused" {
	user_rx refresh
	expect_status 0
	chmod o+w "$TREE/.reinject"
	user_rx refresh
	expect_status 2
	expect_err 'can be written by everybody'
	expect_err "chmod o-w"
	sudo_rx refresh
	expect_status 2
	chmod o-w "$TREE/.reinject"
	chown 4712:4712 "$TREE/.reinject"
	sudo_rx refresh
	expect_status 2
	expect_err 'belongs to user 4712'
	chown "$USER_ID:$USER_ID" "$TREE/.reinject"
	user_rx refresh
	expect_status 0
}

@test "hooks that root installs under sudo are the user's, and the user takes them out" {
	printf '#!/bin/sh\n' >"$SRC/.git/hooks/post-commit"
	chown "$USER_ID:$USER_ID" "$SRC/.git/hooks/post-commit"
	sudo_rx hooks install
	expect_status 0
	test -x "$SRC/.git/hooks/post-merge"
	expect_owned
	user_rx hooks status
	expect_status 0
	user_rx hooks install
	expect_status 0
	grep -q 'nothing to do' "$T/err"
	user_rx hooks uninstall
	expect_status 0
	refute test -e "$SRC/.git/hooks/post-merge"
	expect_equal "$(cat "$SRC/.git/hooks/post-commit")" '#!/bin/sh'
	rm -rf "$SRC/.git/hooks"
	sudo_rx hooks install
	expect_status 0
	expect_owned
}
