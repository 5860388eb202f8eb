#!/usr/bin/env bats
# Whatever is wrong: a sentence, the right exit status, the image byte for byte what it was, nothing mounted, nothing running.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# image_with CMD...: the template's folder, changed by a command that runs in it, as the image.
image_with() {
	cp -a "$BATS_FILE_TMPDIR/root" "$T/root"
	(cd "$T/root" && "$@")
	image_make "$IMAGE" "$T/root"
}

# ---- images that cannot be used

@test "a missing image" {
	rm "$IMAGE"
	rx refresh
	expect_refused 1 2 3
	expect_err 'disk\.img'
	refute test -e "$IMAGE"
	expect_nothing_left
}

@test "a file that is no RedoxFS" {
	local kind
	for kind in text zeros random empty; do
		rm -f "$IMAGE"
		case $kind in
		text) printf 'not an image\n' >"$IMAGE" ;;
		zeros) truncate -s 64M "$IMAGE" ;;
		random) head -c 2M /dev/urandom >"$IMAGE" ;;
		empty) : >"$IMAGE" ;;
		esac
		local sum
		sum=$(image_sum)
		rx build netd
		expect_refused 1 2 3
		expect_err 'disk\.img'
		expect_untouched "$sum"
	done
}

@test "a folder where the image should be" {
	rm "$IMAGE"
	mkdir "$IMAGE"
	rx build netd
	expect_refused 1 2 3
	expect_err 'disk\.img'
	expect_nothing_left
}

@test "a full image" {
	fill() { head -c 62500000 /dev/urandom >filler; }
	image_with fill
	local sum
	sum=$(image_sum)
	rx refresh --json
	expect_refused 1
	expect_err '[Ss]pace|full'
	expect_equal "$(events done .result)" failed
	expect_equal "$(events swap .image)" ""
	expect_untouched "$sum"
}

@test "no free host space for the copy" {
	# Four of seven megabytes are taken: a second image does not fit.
	fill() { head -c 4000000 /dev/urandom >filler; }
	image_with fill
	mkdir "$T/small"
	mount -t tmpfs -o size=7m tmpfs "$T/small"
	mounted+=("$T/small")
	image_copy "$IMAGE" "$T/small/disk.img"
	IMAGE=$T/small/disk.img
	ini_set image path "$IMAGE"
	local sum
	sum=$(image_sum)
	rx build netd
	expect_refused 1 3
	expect_err '[Ss]pace'
	expect_untouched "$sum"
	# A copy that did not fit must not keep the space.
	refute test -e "$IMAGE.shadow"
}

@test "a mount that never comes" {
	printf '#!/bin/sh\necho $$ >>"%s/tool.pids"\nread -r never <>"%s/never"\n' "$T" "$T" >"$T/tool.sh"
	chmod +x "$T/tool.sh"
	mkfifo "$T/never"
	ini_set image tool "$T/tool.sh"
	local sum p
	sum=$(image_sum)
	rx build netd
	expect_refused 1 3
	[[ -s $T/tool.pids ]] || fail "the configured tool was not called"
	while read -r p; do pid_gone "$p" || fail "the tool (pid $p) still runs"; done <"$T/tool.pids"
	expect_untouched "$sum"
}

@test "a mount tool that fails says why" {
	printf '#!/bin/sh\necho "no fuse today" >&2\nexit 1\n' >"$T/tool.sh"
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
	local sum
	sum=$(image_sum)
	rx build netd
	expect_refused 1 3
	expect_err 'no fuse today'
	expect_untouched "$sum"
}

@test "a mount tool that is not there" {
	ini_set image tool /nonexistent/redoxfs
	local sum
	sum=$(image_sum)
	rx build netd
	expect_refused 3
	expect_err '/nonexistent/redoxfs'
	expect_untouched "$sum"
}

# ---- destinations

@test "a destination folder that the image lacks" {
	ini_set 'package odd_pkg' dest /no/such/place/
	local sum
	sum=$(image_sum)
	rx build odd_pkg
	expect_refused 1
	expect_err '/no/such/place'
	expect_untouched "$sum"
	rx build netd /opt/drivers/
	expect_refused 1
	expect_err '/opt/drivers'
	expect_untouched "$sum"
	printf 'x\n' >"$T/file"
	rx inject "$T/file" /no/such/place/file
	expect_refused 1
	expect_untouched "$sum"
}

@test "a destination with .." {
	local sum
	sum=$(image_sum)
	rx build netd /usr/../etc
	expect_refused 2
	expect_err '\.\.'
	expect_untouched "$sum"
	printf 'x\n' >"$T/file"
	rx inject "$T/file" /etc/../../file
	expect_refused 2
	expect_untouched "$sum"
	ini_set 'package odd_pkg' dest /usr/bin/../lib
	rx refresh
	expect_refused 2
	expect_untouched "$sum"
}

@test "a program with setuid is not replaced" {
	suid() { printf 'old netd\n' >usr/lib/drivers/netd && chmod 4755 usr/lib/drivers/netd; }
	image_with suid
	local sum
	sum=$(image_sum)
	rx build netd
	expect_refused 1
	expect_err netd
	expect_untouched "$sum"
}

@test "a link to a folder of the image is followed inside the image" {
	link() { ln -s /usr/bin bin; }
	image_with link
	ini_set 'package odd_pkg' dest /bin
	rx_ok build odd_pkg --json
	expect_equal "$(events put .path)" /bin/rxe2e-odd
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
	expect_equal "$(in_image readlink bin)" /usr/bin
	refute test -e /usr/bin/rxe2e-odd
	refute test -e /bin/rxe2e-odd
	rx_ok refresh
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "an absolute link never leads to the host" {
	mkdir "$T/host"
	link() { ln -s "$T/host" outside; }
	image_with link
	local sum
	sum=$(image_sum)
	rx build netd /outside/
	expect_refused 1
	expect_untouched "$sum"
	printf 'x\n' >"$T/file"
	rx inject "$T/file" /outside/file
	expect_refused 1
	expect_untouched "$sum"
	expect_equal "$(ls -A "$T/host")" ""
}

@test "a climbing link never leads to the host" {
	mkdir "$T/host"
	local up=../../../../../../../../../../..
	link() {
		ln -s "$up$T/host" usr/outside
		# At the root of the image, going up stays there: this one is a folder of the image.
		ln -s "$up/usr/bin" usr/inside
	}
	image_with link
	local sum
	sum=$(image_sum)
	rx build netd /usr/outside/
	expect_refused 1
	expect_untouched "$sum"
	expect_equal "$(ls -A "$T/host")" ""
	rx build odd_pkg /usr/inside/
	refute test -e /usr/bin/rxe2e-odd
	if ((status == 0)); then
		expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
	else
		expect_refused 1
		expect_untouched "$sum"
	fi
}

@test "a file of the image that is a link to a host file" {
	printf 'precious\n' >"$T/precious"
	link() { ln -s "$T/precious" usr/lib/drivers/netd; }
	image_with link
	rx build netd
	expect_status 0 1
	expect_equal "$(cat "$T/precious")" precious
	expect_nothing_left
}

# ---- others who hold the image

# Whoever holds the image does so from a process of its own: reinject's own parents must not count.
# hold MODE: opens the image with that redirection until the test ends; its pid in `pid`.
hold() {
	mkfifo "$T/hold"
	start holder bash -c "exec 7$1'$IMAGE'; echo up; read -r never <>'$T/hold'"
	wait_until 10 grep -q up "$T/holder.out"
}

@test "an image that somebody else has mounted" {
	mount_image "$IMAGE" "$T/other"
	local other=$pid sum
	sum=$(image_sum)
	rx refresh
	expect_refused 75
	expect_err "(^|[^0-9])$other([^0-9]|$)"
	expect_untouched "$sum"
	# and that mount still works
	expect_equal "$(cat "$T/other/etc/bystander")" untouched
	unmount_image "$T/other" "$other"
	rx_ok refresh
}

# In a container, root often may list other processes' descriptors but not follow them.
@test "an image that is mounted, seen by a root that may not look into other processes" {
	mount_image "$IMAGE" "$T/theirs"
	local theirs=$pid sum
	printf 'x\n' >"$TREE/file"
	sum=$(image_sum)
	status=0
	(cd "$TREE" && timeout 60 setpriv --bounding-set -sys_ptrace --inh-caps -sys_ptrace "$REINJECT" inject file /etc/file) >"$T/out" 2>"$T/err" 3>&- ||
		status=$?
	trail 'reinject inject file /etc/file, without CAP_SYS_PTRACE'
	expect_refused 75
	expect_err "process $theirs[)] has it mounted"
	expect_untouched "$sum"
	unmount_image "$T/theirs" "$theirs"
}

@test "an image that somebody else has open for writing" {
	hold '<>'
	local sum
	sum=$(image_sum)
	rx refresh
	expect_refused 75
	expect_err "(^|[^0-9])$pid([^0-9]|$)"
	expect_untouched "$sum"
	end_pid "$pid"
	rx_ok refresh
}

@test "an image that somebody else has open for reading is no obstacle" {
	hold '<'
	rx_ok refresh
}

# QEMU's own lock bytes, taken as QEMU takes them: shared locks of the open file description (37 is F_OFD_SETLK).
qemu_locks() {
	mkfifo "$T/hold"
	start vm perl -e '
		open(my $f, "<", shift) or die; $| = 1;
		while (@ARGV > 1) { my $at = shift; fcntl($f, 37, pack("s s x4 q q l x4", 0, 0, $at, 1, 0)) or die "byte $at: $!"; }
		print "up\n"; open(my $n, "+<", shift) or die; <$n>;' "$IMAGE" "$@" "$T/hold"
	wait_until 10 grep -q up "$T/vm.out" || fail "no locks: $(cat "$T/vm.err")"
}

@test "the locks of a QEMU that may write are seen, whoever has them" {
	qemu_locks 100 101 201
	local sum
	sum=$(image_sum)
	rx refresh
	expect_refused 75
	expect_err '[Qq][Ee][Mm][Uu]'
	expect_untouched "$sum"
}

@test "a QEMU with snapshot=on may stay, and has to be restarted to see the change" {
	qemu_locks 100 201 203
	rx_ok refresh
	expect_said 'restart'
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
}

@test "a second reinject at the same time" {
	slow_package
	start first "$REINJECT" refresh --json
	slow_begun
	local sum
	sum=$(image_sum)
	rx refresh
	expect_refused 75
	expect_equal "$(image_sum)" "$sum"
	printf 'x\n' >"$T/file"
	rx inject "$T/file" /etc/file
	expect_refused 75
	expect_equal "$(image_sum)" "$sum"
	# The first goes on as if nothing had been.
	slow_release
	finish first
	expect_status 0
	expect_equal "$(events done .result)" ok
	expect_equal "$(image_says /usr/bin/slow)" "multi-a=1"
}

@test "--wait-lock waits for the other, and no longer than it says" {
	slow_package
	start first "$REINJECT" refresh --json
	slow_begun
	rx refresh --wait-lock 1
	expect_refused 75
	start second "$REINJECT" refresh --wait-lock 100 --json
	slow_release
	finish first
	expect_status 0
	finish second
	expect_status 0
	expect_equal "$(events done .result)" nothing
}

@test "status and log speak while a refresh runs" {
	slow_package
	start first "$REINJECT" refresh --json
	slow_begun
	rx_ok status --json
	expect_jq '.[0].running | type == "number"'
	rx_ok log --json
	slow_release
	finish first
	expect_status 0
	local run
	run=$(events done .run)
	rx_ok status --json
	expect_jq '.[0] | .running == null and .last == $run' --argjson run "$run"
}

@test "an image that is changed by others during the build is not overwritten" {
	slow_package
	start first "$REINJECT" refresh --json
	slow_begun
	wait_until 30 daemon_runs || fail "the copy is not mounted while the build runs"
	local other
	mount_image "$IMAGE" "$T/other"
	other=$pid
	printf 'theirs\n' >"$T/other/etc/theirs"
	unmount_image "$T/other" "$other"
	slow_release
	finish first
	# A new copy or a refusal: their file is never lost.
	expect_status 0 1 75
	expect_equal "$(in_image cat etc/theirs)" theirs
}

# ---- signals

# interrupt SIGNAL [-]: in the middle of a build; with a dash to the whole group, as a terminal does it.
interrupt() {
	slow_package
	local sum target
	sum=$(image_sum)
	start run setsid "$REINJECT" refresh --json
	target=$pid
	slow_begun
	wait_until 30 daemon_runs || fail "the copy is not mounted while the build runs"
	kill -"$1" -- "${2-}$target"
	finish run 30
	expect_status 130
	pid_gone "$(<"$T/slow.pid")" || fail "the build goes on"
	expect_equal "$(events swap .image)" ""
	expect_equal "$(events done .result)" cancelled
	expect_untouched "$sum"
	# The next one is not hampered.
	rx_ok build netd
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
}

@test "SIGINT during the build" { interrupt INT; }
@test "SIGTERM during the build" { interrupt TERM; }
@test "SIGHUP during the build" { interrupt HUP; }
@test "Ctrl-C, which reaches the whole group" { interrupt INT -; }

@test "SIGINT during a cargo build" {
	# A build script that says that it runs, and waits.
	mkfifo "$T/gate"
	printf 'fn main() {\n    std::fs::write("%s/slow.pid", std::process::id().to_string() + "\\n").unwrap();\n    let _ = std::fs::read("%s/gate");\n}\n' \
		"$T" "$T" >"$SRC/drivers/multi/build.rs"
	local sum
	sum=$(image_sum)
	start run "$REINJECT" build multi --json
	slow_begun
	kill -INT "$pid"
	finish run 30
	expect_status 130
	expect_untouched "$sum"
}

# ---- a prepared copy

@test "a copy that was not needed is kept unmounted and never mistaken for the image" {
	rx_ok refresh
	local sum
	sum=$(image_sum)
	break_source netd
	rx refresh
	expect_status 1
	expect_untouched "$sum"
	git -C "$SRC" checkout -q drivers/net/netd
	# Another hand changes the image meanwhile: the old copy no longer counts.
	mount_image "$IMAGE" "$T/other"
	local other=$pid
	printf 'theirs\n' >"$T/other/etc/theirs"
	unmount_image "$T/other" "$other"
	mark netd 2
	rx_ok refresh
	expect_equal "$(in_image cat etc/theirs)" theirs
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "a strange file where the copy would be" {
	printf 'left by somebody\n' >"$IMAGE.shadow"
	rx refresh
	expect_status 0 1 3
	expect_nothing_left
	if ((status == 0)); then expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"; fi
}

# ---- rights

@test "an ordinary user over a root-owned image" {
	let_others_in
	cp "$REINJECT" "$T/reinject"
	chown -R 65534:65534 "$TREE" "$TMPDIR" "$XDG_RUNTIME_DIR"
	chown 0:0 "$IMAGE"
	chmod 0644 "$IMAGE"
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$T/reinject" || skip "an ordinary user cannot reach $T"
	local sum
	sum=$(image_sum)
	printf 'x\n' >"$TREE/file"
	status=0
	(cd "$TREE" && HOME=$TMPDIR timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups "$T/reinject" inject file /etc/file) \
		>"$T/out" 2>"$T/err" 3>&- || status=$?
	trail 'reinject inject file /etc/file, as nobody'
	expect_refused 3
	expect_err 'root|owne|sudo|chown'
	expect_equal "$(stat -c %u:%g "$IMAGE")" 0:0
	expect_untouched "$sum"
}

# ---- ext4, by fuse2fs

@test "ext4 by fuse2fs" {
	rm "$IMAGE"
	mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	ini_set image format ext4
	rx_ok refresh --json
	expect_json
	expect_equal "$(events swap .image)" "$IMAGE"
	debugfs -R "dump /usr/lib/drivers/netd $T/netd" "$IMAGE" 2>"$T/debugfs.err"
	expect_equal "$(sha256 "$T/netd")" "$(stripped netd)"
	debugfs -R 'stat /usr/lib/drivers/inputd' "$IMAGE" 2>>"$T/debugfs.err" | grep -Eq 'Mode: +0711' || fail "the mode is lost"
	debugfs -R 'stat /usr/lib/drivers/inputd' "$IMAGE" 2>>"$T/debugfs.err" | grep -Eq 'User: +123 +Group: +456' || fail "the owner is lost"
	e2fsck -fn "$IMAGE" >"$T/fsck.out" 2>&1 || fail "e2fsck: $(cat "$T/fsck.out")"
	local sum
	sum=$(image_sum)
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	expect_untouched "$sum"
	mark netd 2
	rx_ok refresh
	debugfs -R "dump /usr/lib/drivers/netd $T/netd" "$IMAGE" 2>>"$T/debugfs.err"
	expect_equal "$(sha256 "$T/netd")" "$(stripped netd)"
	expect_equal "$(sha256 "$IMAGE.prev")" "$sum"
}

@test "ext4: a missing folder, and a RedoxFS image called ext4" {
	ini_set image format ext4
	local sum
	sum=$(image_sum)
	rx build netd
	expect_refused 1 2 3
	expect_untouched "$sum"
	rm "$IMAGE"
	mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	sum=$(image_sum)
	rx build netd /opt/drivers/
	expect_refused 1
	expect_untouched "$sum"
}

# ---- image check

@test "image check finds a whole image whole and leaves it alone" {
	rx_ok refresh
	local sum
	sum=$(image_sum)
	rx_ok image check
	expect_untouched "$sum"
}

@test "image check finds a damaged image" {
	rx_ok refresh
	local at
	# One byte in the middle of a driver's content.
	at=$(grep -abo 'netd=1' "$IMAGE" | tail -n 1 | cut -d: -f1)
	[[ -n $at ]] || skip "the content does not lie in the image as it is"
	printf 'X' | dd of="$IMAGE" bs=1 seek="$at" conv=notrunc status=none
	local sum
	sum=$(image_sum)
	rx image check --deep
	expect_status 1
	expect_untouched "$sum"
}

@test "image check of what is no RedoxFS" {
	truncate -s 0 "$IMAGE"
	truncate -s 64M "$IMAGE"
	rx image check
	expect_refused 1 2 3
	expect_nothing_left
}

@test "which run a machine has, after the image was replaced under it" {
	rx_ok refresh
	# A program of that name that has the image open; QEMU's own locks are tested above.
	cp "$(command -v tail)" "$T/qemu-system-none"
	start vm "$T/qemu-system-none" -f -c 1 "$IMAGE"
	wait_until 10 test -s "$T/vm.out"
	rx_ok status
	expect_out "qemu-system-none \(process $pid_vm\) runs the image as it is"
	mark netd 2
	rx_ok refresh
	mark inputd 2
	rx_ok refresh
	rx_ok status
	expect_out "qemu-system-none \(process $pid_vm\) runs run 1, the image is at 3: inputd, netd differ"
	rx_ok status --json
	expect_jq ".[0].image.machines == [{pid: $pid_vm, program: \"qemu-system-none\", run: 1, differs: [\"inputd\", \"netd\"]}]"
}
