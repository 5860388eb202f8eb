#!/usr/bin/env bats
# Nights whose image could not be checked: it is neither good nor bad. It stays, that is told, and the next night proves it.

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
	night_machine
	WITHOUT=$PATH
}
teardown() {
	PATH=$WITHOUT
	night_teardown
}

# program NAME: bash that takes a program's place, until the test sets PATH=$WITHOUT.
program() {
	mkdir -p "$T/bin"
	{ printf '#!/bin/bash\nT=%q IMAGE=%q\n' "$T" "$IMAGE"; cat; } >"$T/bin/$1"
	chmod +x "$T/bin/$1"
	PATH=$T/bin:$WITHOUT
}

# small_disk MB: the image, with 8 MB that do not compress, moves to a disk of its own.
small_disk() {
	cp -a "$BATS_FILE_TMPDIR/root" "$T/root"
	head -c 8000000 /dev/urandom >"$T/root/noise"
	rm "$IMAGE"
	image_make "$IMAGE" "$T/root"
	mkdir "$T/small"
	mount -t tmpfs -o "size=$1m" tmpfs "$T/small"
	mounted+=("$T/small")
	image_copy "$IMAGE" "$T/small/disk.img"
	IMAGE=$T/small/disk.img
	ini_set image path "$IMAGE"
	ini_set image mode in-place
}

# leave_free MB: of that disk.
leave_free() {
	local room
	rm -f "$T/small/filler"
	room=$(df --output=avail -B1M "$T/small" | tail -n 1)
	head -c "$((room - $1))M" /dev/zero >"$T/small/filler"
}

# expect_unproved STATUS WHY: a night with netd 2 in the image, which nobody has proved and nobody has taken back.
expect_unproved() {
	night "$1"
	expect_err "could not be checked: .*$2"
	refute grep -q 'damaged' "$T/err"
	expect_equal "$(boots)" ''
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	refute cmp -s "$IMAGE" "$IMAGE.good"
	expect_equal "$(wc -l <"$T/told")" 1
	[[ -z $(compgen -G "$IMAGE.check-*") ]] || fail "a scratch file is left"
}

commit_netd() {
	mark netd "$1"
	commit "netd $1"
}

@test "no room for the deep check: the image stays, and the disk is named" {
	small_disk 64
	good_one
	# Enough for the copy, and not for what else writes there.
	leave_free 12
	rx image check --deep
	expect_status 3
	expect_err 'could not be checked: .*no room'
	commit_netd 2
	leave_free 6
	expect_unproved 3 'no room'
	expect_err 'free some room'
}

@test "the disk fills up while the check runs: that is no damage" {
	small_disk 64
	good_one
	commit_netd 2
	program redoxfs-clone <<-'END'
		head -c 60M /dev/zero >"$T/small/filler" 2>/dev/null
		echo 'failed to clone: I/O error' >&2
		exit 1
	END
	expect_unproved 3 'no room'
}

@test "the check is killed, or cannot be loaded: that is no damage" {
	good_one
	commit_netd 2
	program redoxfs-clone <<<'kill -KILL $$'
	expect_unproved 1 'redoxfs-clone was ended by signal 9'
	program redoxfs-clone <<<'echo "error while loading shared libraries" >&2; exit 127'
	rx image check --deep
	expect_status 1
	expect_err 'could not be checked: redoxfs-clone exited with 127'
}

@test "an e2fsck that is killed or cannot do its work is no damage either" {
	local how
	rm "$IMAGE"
	mkfs.ext4 -q -d "$BATS_FILE_TMPDIR/root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	ini_set image format ext4
	for how in 'kill -TERM $$' 'exit 132' 'exit 8'; do
		program e2fsck <<<"$how"
		rx image check --deep
		expect_status 1
		expect_err 'could not be checked: e2fsck '
		refute grep -q 'damaged' "$T/err"
	done
	program e2fsck <<<'echo "Filesystem still has errors"; exit 12'
	rx image check --deep
	expect_err 'is damaged: .*still has errors'
}

# expect_proved_next: the next night has nothing new, and proves what is there.
expect_proved_next() {
	PATH=$WITHOUT
	night 0
	expect_err 'is proved now'
	expect_equal "$(boots)" 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	cmp -s "$IMAGE" "$IMAGE.good" || fail "IMAGE.good is another one"
	night 0
	expect_equal "$(boots)" ''
	refute grep -q 'is proved now' "$T/err"
}

@test "the next night that can proves what was left unproved, however many could not" {
	good_one
	commit_netd 2
	program redoxfs-clone <<<'kill -KILL $$'
	expect_unproved 1 'ended by signal 9'
	# Nothing is stale now, and it fails in the same way; then it cannot even begin.
	night 1
	expect_err 'could not be checked'
	expect_equal "$(wc -l <"$T/told")" 2
	PATH=$WITHOUT rx -o boot.command=./not-there.sh nightly
	expect_refused 3
	# One that finds the image held proves nothing, and forgets nothing.
	start holder sh -c "exec sleep 60 9<>'$IMAGE'"
	wait_until 20 test -e "/proc/$pid_holder/fd/9" || fail "nobody holds it"
	PATH=$WITHOUT rx nightly
	expect_status 75
	kill "$pid_holder"
	finish holder
	expect_proved_next
}

@test "a night that was killed, then one that finds the image held: the next proves it all the same" {
	good_one
	guest <<<'echo hello; exec sleep 60'
	commit_netd 2
	start killed "$REINJECT" nightly --json
	wait_until 60 grep -q '"swap"' "$T/killed.out" || fail "$(cat "$T/killed.err")"
	wait_until 20 test -s "$T/machine.pid"
	kill -KILL "$pid_killed"
	finish killed
	machine_end
	guest_plain
	start holder sh -c "exec sleep 60 9<>'$IMAGE'"
	wait_until 20 test -e "/proc/$pid_holder/fd/9" || fail "nobody holds it"
	mark netd 3
	commit "netd 3"
	rx nightly
	expect_status 75
	kill "$pid_holder"
	finish holder
	git -C "$SRC" reset -q --hard HEAD~1
	expect_equal "$(sqlite3 "$TREE/.reinject/journal.db" 'SELECT result FROM night ORDER BY id' | tr '\n' ' ')" 'interrupted busy '
	expect_proved_next
	grep -q 'Another run had the image' "$TREE/.reinject/report.html" || fail "the report does not know it"
}

@test "what was left unproved, and has been booted by hand since, is not proved again" {
	good_one
	commit_netd 2
	program redoxfs-clone <<<'kill -KILL $$'
	expect_unproved 1 'ended by signal 9'
	PATH=$WITHOUT
	rx_ok boot --wait --stop
	machine_end
	night 0
	expect_equal "$(boots)" ''
	expect_night '.result == "nothing"'
}

@test "live: nothing could check or take back what a night puts, so it puts nothing, and says what to do" {
	good_one
	mark inputd 2
	rx_ok refresh
	commit_netd 2
	ini_set image mode live
	ini_set image mount_point "$T/mnt"
	mkdir "$T/mnt"
	mount_image "$IMAGE" "$T/mnt"
	rx_ok nightly -n
	expect_err 'mode = live'
	refute grep -q 'deep check' "$T/err"
	rx nightly --json
	expect_refused 2
	expect_err 'mode = live'
	expect_err 'image.mode=shadow'
	expect_equal "$(cat "$T/out")" ''
	expect_equal "$("$T/mnt/usr/lib/drivers/netd")" 'netd=1 proto=1 common=1'
	expect_equal "$(wc -l <"$T/told")" 1
	rx_ok log --json
	expect_jq '.[0].verb == "nightly" and .[0].result == "failed" and (.[0].error | contains("live"))'
	rx bisect 1 2
	expect_status 75
	# As the hint says: unmounted, and with a copy.
	rx_ok image unmount
	rx -o image.mode=shadow nightly --json
	expect_status 0
	machine_end
	expect_equal "$(boots)" 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "a deep check that is killed leaves nothing beside the image, also while another one runs" {
	local child
	rx_ok refresh
	program redoxfs-clone <<-'END'
		echo $$ >"$T/clone.pid"
		exec sleep 60
	END
	start killed "$REINJECT" image check --deep
	wait_until 20 test -s "$T/clone.pid" || fail "$(cat "$T/killed.err")"
	# Its scratch file is no hindrance to another check, which finds no fault and measures the leak.
	PATH=$WITHOUT rx_ok image check --deep
	expect_out 'every block was read'
	kill -KILL "$pid_killed"
	finish killed
	child=$(<"$T/clone.pid")
	started+=("$child")
	end_pid "$child"
	expect_equal "$(cd "$TREE" && echo disk.img.check*)" 'disk.img.check*'
}
