#!/usr/bin/env bats
# Without a copy: [image] mode = in-place and live. The set is whole or not there, nothing is left in the image, nothing is mounted twice.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() {
	# One that a test stopped cannot be asked to end.
	local p
	for p in ${stopped-}; do kill -CONT "$p" 2>/dev/null || true; done
	fixture_teardown
}

live() {
	ini_set image mode live
	ini_set image mount_point "$T/mnt"
	mkdir -p "$T/mnt"
}

# live_mount: as its user has it. Leaves `served`.
live_mount() {
	live
	mount_image "$IMAGE" "$T/mnt"
	served=$pid
}

in_place() {
	ini_set image mode in-place
}

# No name of ours is in the image that is mounted at $1.
expect_no_temp() {
	expect_equal "$(find "$1" -name '.reinject*')" ""
}

expect_clean() {
	in_image sh -c 'find . -name ".reinject*"' >"$T/temps"
	expect_equal "$(cat "$T/temps")" ""
	refute test -e "$IMAGE.steps"
	refute test -e "$IMAGE.shadow"
	refute test -e "$IMAGE.mnt"
}

stop_daemon() {
	kill -STOP "$1"
	stopped="${stopped-} $1"
}

# ---- in-place

@test "in-place: files are put, replaced, removed and rolled back in the image itself" {
	in_place
	local inode
	inode=$(stat -c %i "$IMAGE")
	rx_ok refresh --json
	expect_json
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_equal "$(image_file_sum /usr/lib/drivers/netd)" "$(stripped netd)"
	expect_equal "$(image_stat /usr/lib/drivers/inputd)" '711 123:456'
	mark netd 2
	mark multi-a 2
	ini_set 'package odd_pkg' dest ""
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	expect_equal "$(image_says /usr/lib/drivers/multi-a)" 'multi-a=2'
	refute image_has /usr/bin/rxe2e-odd
	rx_ok rollback
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	image_has /usr/bin/rxe2e-odd
	expect_equal "$(stat -c %i "$IMAGE")" "$inode"
	refute test -e "$IMAGE.prev"
	expect_clean
	expect_nothing_left
	rx_ok image check --deep
}

@test "in-place: what only looks changes nothing that counts" {
	in_place
	rx_ok refresh
	local files
	files=$(image_files)
	rx_ok extract /etc/bystander -
	expect_equal "$(cat "$T/out")" untouched
	rx_ok status --json
	expect_jq '.[0] | .image.changed_outside == false and .stale == []'
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	expect_equal "$(image_files)" "$files"
	# Somebody else's change is seen.
	mount_image "$IMAGE" "$T/other"
	printf 'mine\n' >"$T/other/usr/lib/drivers/netd"
	unmount_image "$T/other" "$pid"
	rx_ok status --json
	expect_jq '.[0].image.changed_outside'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "in-place: a failure before all is ready leaves every file as it was" {
	in_place
	rx_ok refresh
	local files
	files=$(image_files)
	mark netd 2
	break_source inputd
	rx refresh
	expect_status 1
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	files=$(image_files)
	rx build netd multi /opt/nowhere/
	expect_refused 1
	expect_equal "$(image_files)" "$files"
	expect_clean
}

@test "in-place: an image that has no room" {
	fill() { head -c 62500000 /dev/urandom >filler; }
	cp -a "$BATS_FILE_TMPDIR/root" "$T/root"
	(cd "$T/root" && fill)
	image_make "$IMAGE" "$T/root"
	in_place
	local files
	files=$(image_files)
	rx refresh
	expect_refused 1
	expect_err '[Ss]pace|full'
	expect_equal "$(image_files)" "$files"
	expect_clean
	expect_nothing_left
}

@test "in-place: a sparse image whose disk has no room" {
	mkdir "$T/small"
	mount -t tmpfs -o size=5m tmpfs "$T/small"
	mounted+=("$T/small")
	image_copy "$IMAGE" "$T/small/disk.img"
	IMAGE=$T/small/disk.img
	ini_set image path "$IMAGE"
	in_place
	head -c 4200k /dev/urandom >"$T/small/filler" || true
	local files
	files=$(image_files)
	rx refresh
	expect_refused 1 3
	expect_err '[Ss]pace|full'
	expect_equal "$(image_files)" "$files"
	expect_nothing_left
	rm "$T/small/filler"
	rx refresh
	expect_refused 1 3
	expect_equal "$(image_files)" "$files"
}

@test "in-place: ext4" {
	rm "$IMAGE"
	mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	ini_set image format ext4
	in_place
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	debugfs -R "dump /usr/lib/drivers/netd $T/netd" "$IMAGE" 2>"$T/debugfs.err"
	expect_equal "$(sha256 "$T/netd")" "$(stripped netd)"
	e2fsck -fn "$IMAGE" >"$T/fsck.out" 2>&1 || fail "e2fsck: $(cat "$T/fsck.out")"
	expect_equal "$(debugfs -R 'ls -p /usr/lib/drivers' "$IMAGE" 2>/dev/null | grep -c reinject || true)" 0
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "in-place: an image that may not be written" {
	in_place
	mount --bind "$IMAGE" "$IMAGE"
	mounted+=("$IMAGE")
	mount -o remount,bind,ro "$IMAGE"
	local sum
	sum=$(image_sum)
	rx refresh
	expect_refused 1 3
	expect_untouched "$sum"
	umount "$IMAGE"
	mounted=()
	rx_ok refresh
}

# ---- live

@test "live: files go in by the user's own mount, which stays" {
	live_mount
	rx_ok refresh --json
	expect_json
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_equal "$(sha256 "$T/mnt/usr/lib/drivers/netd")" "$(stripped netd)"
	expect_equal "$(stat -c '%a %u:%g' "$T/mnt/usr/lib/drivers/inputd")" '711 123:456'
	mark netd 2
	ini_set 'package odd_pkg' dest ""
	rx_ok refresh
	expect_equal "$("$T/mnt/usr/lib/drivers/netd")" 'netd=2 proto=1 common=1'
	refute test -e "$T/mnt/usr/bin/rxe2e-odd"
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	rx_ok rollback
	expect_equal "$("$T/mnt/usr/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_no_temp "$T/mnt"
	refute pid_gone "$served"
	unmount_image "$T/mnt" "$served"
	expect_clean
	rx_ok image check --deep
}

@test "live: the mount is found by who has the image, wherever it is" {
	live
	mount_image "$IMAGE" "$T/elsewhere"
	rx_ok refresh
	expect_equal "$(sha256 "$T/elsewhere/usr/lib/drivers/netd")" "$(stripped netd)"
	unmount_image "$T/elsewhere" "$pid"
}

@test "live: an image that nobody has mounted is not mounted" {
	live
	local sum
	sum=$(image_sum)
	note_cargo
	rx refresh
	expect_refused 3
	expect_err 'not mounted'
	expect_err "redoxfs '$IMAGE' '$T/mnt'"
	# Not after the build.
	expect_equal "$(cargo_builds)" ""
	expect_untouched "$sum"
}

@test "live: something else at the mount point is not the image" {
	live
	image_copy "$IMAGE" "$T/other.img"
	mount_image "$T/other.img" "$T/mnt"
	local sum
	sum=$(image_sum)
	rx refresh
	expect_refused 3
	expect_err 'another image'
	refute test -e "$T/mnt/usr/lib/drivers/netd"
	unmount_image "$T/mnt" "$pid"
	expect_untouched "$sum"
}

@test "live: a mount whose daemon is dead" {
	live_mount
	kill -KILL "$served"
	wait_until 20 pid_gone "$served"
	rx refresh
	expect_refused 3
	expect_err 'nobody serves|umount'
	umount "$T/mnt"
	mount_image "$IMAGE" "$T/mnt"
	rx_ok refresh
	expect_equal "$(sha256 "$T/mnt/usr/lib/drivers/netd")" "$(stripped netd)"
	unmount_image "$T/mnt" "$pid"
}

@test "live: an image that is mounted twice is refused" {
	live_mount
	mount_image "$IMAGE" "$T/second"
	local second=$pid
	rx refresh
	expect_refused 75
	expect_err 'mounted twice'
	refute test -e "$T/second/usr/lib/drivers/netd"
	# Nothing was written: no harm was done yet.
	unmount_image "$T/second" "$second"
	unmount_image "$T/mnt" "$served"
}

@test "live: a mount whose daemon is stopped ends in a clear error, and goes on later" {
	live_mount
	rx_ok refresh
	mark netd 2
	ini_set image answer_timeout_ms 1000
	stop_daemon "$served"
	# The address sanitizer would wait for the thread that waits for the daemon.
	RX_LIMIT=30 ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 rx refresh
	expect_refused 1
	expect_err 'does not answer'
	expect_err "kill -CONT $served"
	kill -CONT "$served"
	ini_set image answer_timeout_ms 60000
	rx_ok refresh
	expect_equal "$("$T/mnt/usr/lib/drivers/netd")" 'netd=2 proto=1 common=1'
	expect_no_temp "$T/mnt"
	unmount_image "$T/mnt" "$served"
}

@test "live: unmounted while it was built for, and back the next time" {
	live_mount
	slow_package
	rx_ok build netd
	start run "$REINJECT" build slow
	slow_begun
	unmount_image "$T/mnt" "$served"
	local sum
	sum=$(image_sum)
	slow_release
	finish run
	expect_refused 3
	expect_err 'not mounted'
	expect_untouched "$sum"
	mount_image "$IMAGE" "$T/mnt"
	served=$pid
	rm "$T/slow.pid"
	start run "$REINJECT" build slow
	slow_begun
	slow_release
	finish run
	expect_status 0
	expect_equal "$("$T/mnt/usr/bin/slow")" 'multi-a=1'
	unmount_image "$T/mnt" "$served"
}

@test "live: ext4" {
	rm "$IMAGE"
	mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	ini_set image format ext4
	live
	setsid fuse2fs -f "$IMAGE" "$T/mnt" -o fakeroot >"$T/fuse2fs.log" 2>&1 </dev/null 3>&- &
	daemons+=("$!")
	mounted+=("$T/mnt")
	wait_until 20 is_mounted "$T/mnt"
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	expect_equal "$(sha256 "$T/mnt/usr/lib/drivers/netd")" "$(stripped netd)"
	expect_no_temp "$T/mnt"
	umount "$T/mnt"
	wait_until 20 pid_gone "${daemons[0]}"
	e2fsck -fn "$IMAGE" >"$T/fsck.out" 2>&1 || fail "e2fsck: $(cat "$T/fsck.out")"
}

# ---- our own mounts, of all modes

# A redoxfs that is stopped as soon as it has mounted: $1 is the how-manieth of the run.
stopping_tool() {
	# By builtins alone: a grep for each look may come after all has been read back. Who looks comes first on a busy machine, from before the daemon begins.
	cat >"$T/tool.sh" <<-END
		#!/bin/bash
		echo x >>"$T/tool.count"
		[[ \$(wc -l <"$T/tool.count") -ne $1 ]] || {
			( until IFS= read -rd '' mounts </proc/self/mountinfo; [[ \$mounts == *" \${!#} "* ]]; do :; done; kill -STOP \$\$; echo >"$T/tool.stopped" ) &
			renice -n -20 "\$!" >/dev/null 2>&1
		}
		exec redoxfs "\$@"
	END
	chmod +x "$T/tool.sh"
	: >"$T/tool.count"
	ini_set image tool "$T/tool.sh"
	# It is also the limit of what goes well.
	ini_set image answer_timeout_ms 4000
}

# hung MODE NUMBER
hung() {
	ini_set image mode "$1"
	rx_ok refresh
	mark netd 2
	local files before
	files=$(image_files)
	stopping_tool "$2"
	before=$(now_ms)
	RX_LIMIT=120 rx refresh
	test -e "$T/tool.stopped" || fail "the daemon was never stopped"
	expect_refused 1
	expect_err 'did not answer for 4000 ms and was ended'
	(($(now_ms) - before < 60000)) || fail "it took $(($(now_ms) - before)) ms"
	expect_nothing_left
	ini_set image tool redoxfs
	ini_set image answer_timeout_ms 60000
	expect_equal "$(image_files | grep -v '/\.reinject-')" "$files"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	expect_nothing_left
	in_image sh -c 'find . -name ".reinject*"' >"$T/temps"
	expect_equal "$(cat "$T/temps")" ""
}

@test "shadow: a daemon that is stopped while files are put is ended in time" { hung shadow 1; }
@test "shadow: a daemon that is stopped while files are read back is ended in time" { hung shadow 2; }
@test "in-place: a daemon that is stopped while files are put is ended in time" { hung in-place 1; }
@test "in-place: a daemon that is stopped while files are read back is ended in time" { hung in-place 2; }

@test "a mount folder that is not empty is left alone" {
	local mode sum
	mkdir "$IMAGE.mnt"
	printf 'mine\n' >"$IMAGE.mnt/file"
	chmod 0755 "$IMAGE.mnt"
	sum=$(image_sum)
	for mode in shadow in-place; do
		ini_set image mode $mode
		rx refresh
		expect_refused 1
		expect_err 'disk\.img\.mnt'
		expect_equal "$(cat "$IMAGE.mnt/file")" mine
		expect_equal "$(stat -c %a "$IMAGE.mnt")" 755
		expect_untouched "$sum"
	done
	rm -r "$IMAGE.mnt"
	rx_ok refresh
}

@test "a dead mount at our folder is cleared by the next run" {
	local mode
	for mode in shadow in-place; do
		ini_set image mode $mode
		image_copy "$IMAGE" "$T/other.img"
		mount_image "$T/other.img" "$IMAGE.mnt"
		kill -KILL "$pid"
		wait_until 20 pid_gone "$pid"
		mark netd 2
		[[ $mode == shadow ]] || mark netd 3
		rx_ok refresh
		refute test -e "$IMAGE.mnt"
	done
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=3 proto=1 common=1'
}

@test "an image that is a link: the link stays, its target is changed" {
	local mode n=1
	mkdir "$T/far"
	mv "$IMAGE" "$T/far/real.img"
	ln -s ../far/real.img "$IMAGE"
	for mode in shadow in-place live; do
		n=$((n + 1))
		[[ $mode != live ]] || live_mount
		ini_set image mode $mode
		mark netd $n
		rx_ok refresh
		[[ $mode != live ]] || unmount_image "$T/mnt" "$served"
		expect_equal "$(readlink "$IMAGE")" ../far/real.img
		expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=$n proto=1 common=1"
		expect_equal "$(find "$TREE" -name 'disk.img.*')" ""
	done
}

@test "an image without write permission" {
	local mode n=1
	chmod 0444 "$IMAGE"
	for mode in shadow in-place; do
		n=$((n + 1))
		ini_set image mode $mode
		mark netd $n
		rx_ok refresh
		expect_equal "$(stat -c %a "$IMAGE")" 444
		expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=$n proto=1 common=1"
	done
}

# replaced MODE: another image takes the name while a package is built.
replaced() {
	slow_package
	[[ $1 != live ]] || live_mount
	ini_set image mode "$1"
	start run "$REINJECT" refresh
	slow_begun
	image_copy "$IMAGE" "$T/new.img"
	mv "$T/new.img" "$IMAGE"
	local files
	files=$(image_files)
	slow_release
	finish run
	expect_refused 3 75
	expect_equal "$(image_files)" "$files"
	refute test -e "$IMAGE.steps"
	if [[ $1 == live ]]; then
		expect_no_temp "$T/mnt"
		refute test -e "$T/mnt/usr/lib/drivers/netd"
		unmount_image "$T/mnt" "$served"
		mount_image "$IMAGE" "$T/mnt"
		served=$pid
	fi
	rm "$T/slow.pid"
	start run "$REINJECT" refresh
	slow_begun
	slow_release
	finish run
	expect_status 0
	[[ $1 != live ]] || unmount_image "$T/mnt" "$served"
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "shadow: an image file that is replaced during the build" { replaced shadow; }
@test "in-place: an image file that is replaced during the build" { replaced in-place; }
@test "live: an image file that is replaced during the build" { replaced live; }

@test "from mode to mode: each finds what the other left" {
	local mode n=1
	rx_ok refresh
	for mode in in-place shadow in-place live shadow live in-place; do
		n=$((n + 1))
		[[ $mode != live ]] || live_mount
		ini_set image mode $mode
		mark netd $n
		rx_ok refresh --json
		expect_equal "$(events put .path)" /usr/lib/drivers/netd
		[[ $mode != live ]] || unmount_image "$T/mnt" "$served"
		expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=$n proto=1 common=1"
	done
}
