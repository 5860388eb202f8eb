#!/usr/bin/env bats
# mode = live, and whose the mount is: its user's runs go by it, root's are told whose it is, and a mount whose daemon is dead is said to be that to both.

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
	mkdir -p "$T/host" "$T/home" "$TREE/mnt"
	cp "$REINJECT" "$(command -v redoxfs)" "$T/host/"
	mknod "$T/host/fuse" c 10 229
	chmod 0666 "$T/host/fuse"
	printf 'one\n' >"$TREE/file"
	mkdir "$T/host/cargo"
	printf '#!/bin/sh\ncase " $* " in *" build "*) : >"%s/built" ;; esac\nexec "%s" "$@"\n' "$T" "$(command -v cargo)" >"$T/host/cargo/cargo"
	chmod +x "$T/host/cargo/cargo"
	mkfifo "$T/never"
	ini_set image mode live
	ini_set image mount_point mnt
	chown -R "$USER_ID:$USER_ID" "$TREE" "$T/home" "$T/tmp" "$T/run" "$T/never"
}

teardown() { fixture_teardown; }

# in_namespace: what stdin has, in a mount namespace of its own, where the node of FUSE is open to all. There: mount_it, user CMD, rx NAME CMD, which
# leaves NAME.status and NAME.err, and gone.
in_namespace() {
	{
		cat <<-'END'
			set -eu
			mount --bind "$T/host/fuse" /dev/fuse
			export PATH=$T/host:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=$T/home SUDO_UID=$USER_ID SUDO_GID=$USER_ID SUDO_USER=somebody
			cd "$TREE"
			user() { env -u SUDO_UID -u SUDO_GID -u SUDO_USER setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups -- "$@"; }
			until_true() { local i; for ((i = 0; i < 500; i++)); do ! "$@" || return 0; read -rt 0.02 x <>"$T/never" || true; done; return 1; }
			mounted() { grep -q " $TREE/mnt " /proc/self/mountinfo; }
			mount_it() { user redoxfs -d "$TREE/disk.img" "$TREE/mnt" >"$T/redoxfs.log" 2>&1 & daemon=$!; until_true mounted; }
			trap 'user fusermount3 -u "$TREE/mnt" 2>/dev/null || umount -l "$TREE/mnt" 2>/dev/null || true; wait' EXIT
			rx() { local name=$1 r=0; shift; "$@" >"$T/$name.out" 2>"$T/$name.err" </dev/null || r=$?; echo "$r" >"$T/$name.status"; }
		END
		cat
	} >"$T/script"
	T=$T TREE=$TREE USER_ID=$USER_ID timeout --foreground -k 10 "$RX_LIMIT" unshare -m -- bash "$T/script" >"$T/script.out" 2>&1 3>&- ||
		fail "the script failed: $(cat "$T/script.out" "$T"/*.err "$T/redoxfs.log")"
}

expect_run() { # NAME STATUS [WORDS]
	expect_equal "$1: $(cat "$T/$1.status") $(grep -Eo -- "${3-$}" "$T/$1.err" | head -n 1)" "$1: $2 ${3-}" || { cat "$T/$1.err" >&2; false; }
}

@test "the user's own run goes by the mount; root's is refused, names whose it is, and changes nothing" {
	in_namespace <<-'END'
		mount_it
		rx user user reinject inject file /etc/one
		user sha256sum disk.img >"$T/before"
		rx root reinject inject file /etc/two
		rx build env PATH="$T/host/cargo:$PATH" reinject refresh
		user sha256sum disk.img >"$T/after"
		user cat mnt/etc/one >"$T/one"
		user ls -A mnt/etc >"$T/etc"
		rx again user reinject inject file /etc/three
	END
	expect_run user 0
	expect_equal "$(<"$T/one")" one
	expect_run root 3 "it is another user's: run reinject as that user"
	# Before anything is built, too.
	expect_run build 3 "it is another user's: run reinject as that user"
	refute test -e "$T/built"
	expect_equal "$(<"$T/etc")" $'bystander\none'
	expect_equal "$(<"$T/after")" "$(<"$T/before")"
	expect_run again 0
	expect_equal "$(in_image cat etc/three)" one
	refute image_has /etc/two
	expect_nothing_left
	expect_equal "$(find "$TREE" ! -uid "$USER_ID" -printf '%P ')" ""
}

@test "a mount whose daemon is dead: both are told, nothing is mounted or unmounted, and a new mount is taken" {
	in_namespace <<-'END'
		mount_it
		rx first user reinject inject file /etc/one
		kill -KILL "$(ps -o pid= --ppid "$daemon" | grep . || echo "$daemon")"
		wait "$daemon" || true
		until_true user sh -c '! ls mnt 2>/dev/null'
		rx user user reinject inject file /etc/two
		rx root reinject inject file /etc/two
		rx status reinject status
		mounted
		user fusermount3 -u mnt
		mount_it
		rx again user reinject inject file /etc/three
	END
	expect_run first 0
	expect_run user 3 'nobody serves image'
	expect_run root 3 'nobody serves image'
	expect_run status 0
	expect_run again 0
	expect_equal "$(in_image cat etc/one etc/three)" $'one\none'
	refute image_has /etc/two
	expect_nothing_left
}

@test "another user's QEMU beside the user's mount, whose locks alone are seen: refused" {
	in_namespace <<-'END'
		mount_it
		qemu-system-x86_64 -accel tcg -m 32 -nodefaults -display none -S -device virtio-blk-pci,drive=d \
			-drive "file=$TREE/disk.img,format=raw,if=none,id=d,snapshot=on" >"$T/vm.log" 2>&1 &
		vm=$!
		trap 'kill "$vm" || true; user fusermount3 -u "$TREE/mnt" 2>/dev/null || true; wait' EXIT
		until_true grep -q "OFDLCK .*:$(stat -c %i "$TREE/disk.img") 201 201" /proc/locks
		rx beside user reinject inject file /etc/one
		kill "$vm"
		wait "$vm" || true
		rx alone user reinject inject file /etc/two
	END
	expect_run beside 75 'a QEMU of another user'
	expect_run alone 0
	expect_equal "$(in_image cat etc/two)" one
	refute image_has /etc/one
	expect_nothing_left
}
