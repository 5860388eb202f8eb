#!/usr/bin/env bats
# Names that share a file with the image, and images that change while they boot: IMAGE.good and IMAGE.prev stay what they were.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	boot_machine
}
teardown() {
	# A stopped daemon would hold up the unmounting.
	if [[ -s $T/stopped ]]; then kill -CONT "$(<"$T/stopped")" 2>/dev/null || true; fi
	machine_end
	fixture_teardown
}

# ---- in place

# keep_links: what a boot in shadow mode and a swap that was undone half-way leave: other names of the image's own file.
keep_links() {
	ln -f "$IMAGE" "$IMAGE.good"
	ln -f "$IMAGE" "$IMAGE.prev"
	sum=$(image_sum)
}

expect_links_untouched() {
	expect_equal "$(sha256 "$IMAGE.good")" "$sum"
	expect_equal "$(sha256 "$IMAGE.prev")" "$sum"
}

@test "in-place: IMAGE.good, a link since a boot in shadow mode, is not changed with the image" {
	rx_ok refresh
	keep_links
	ini_set image mode in-place
	mark netd 2
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	expect_links_untouched
	rx_ok rollback --good
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}

@test "live: IMAGE.good, a link since a boot in shadow mode, is not changed with the image" {
	rx_ok refresh
	ini_set image mode live
	ini_set image mount_point "$T/mnt"
	mount_image "$IMAGE" "$T/mnt"
	keep_links
	mark netd 2
	rx_ok refresh
	expect_links_untouched
	unmount_image "$T/mnt" "$pid"
}

@test "image mount: what is written there by hand does not change IMAGE.good" {
	rx_ok refresh
	keep_links
	rx_ok image mount "$T/mnt"
	printf 'mine\n' >"$T/mnt/etc/bystander"
	rx_ok image unmount "$T/mnt"
	refute test "$IMAGE" -ef "$IMAGE.good"
	expect_links_untouched
}

# ---- boots

@test "in-place: an image that is changed while it boots is not kept as good" {
	rx_ok refresh
	ini_set image mode in-place
	mode socket
	mark netd 2
	guest <<<'echo early; until [[ -e $T/go ]]; do read -rt 0.05 x; done; printf "login: "; read -r x'
	export T
	ini_set boot timeout_s 120
	start boot "$REINJECT" boot --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/1.log
	rx_ok refresh
	touch "$T/go"
	finish boot 60
	expect_equal "$(jq -r .result "$T/out")" up
	refute test -e "$IMAGE.good"
	expect_err 'not kept'
}

@test "an image that is replaced before the machine opens it: the one of before is not taken for the one that booted" {
	mode socket
	sed -i "/^printf 'RAW_IMG/i mv '$IMAGE' '$IMAGE.prev'; cp --sparse=always '$IMAGE.prev' '$IMAGE'" "$TREE/run-dev.sh"
	rx_ok boot --json
	expect_equal "$(jq -r .result "$T/out")" up
	refute test "$IMAGE.good" -ef "$IMAGE.prev"
}

@test "a monitor that answers before the boot is somebody else's: it is not told to end its machine" {
	mode pty
	monitor
	printf '#!/bin/bash\nprintf "login: "\nread -r x\n' >"$TREE/run-dev.sh"
	socat "UNIX-LISTEN:$T/run/redox-mon.sock,fork" "SYSTEM:cat >>$T/heard" 3>&- &
	started+=("$!")
	wait_until 20 socket_listens "$T/run/redox-mon.sock"
	rx boot --wait --stop
	refute test -s "$T/heard"
	expect_refused 75
	expect_err 'did not start'
}

# ---- recovery

@test "recovery leaves a user's mount of the image alone, whatever IMAGE.shadow is" {
	ini_set image mode in-place
	# Its daemon is stopped as soon as it has mounted, so that the run can be killed there. By builtins alone: a grep for each look may come too late.
	cat >"$T/tool.sh" <<-END
		#!/bin/bash
		( until IFS= read -rd '' mounts </proc/self/mountinfo; [[ \$mounts == *' $IMAGE.mnt '* ]]; do :; done; kill -STOP \$\$; echo \$\$ >"$T/stopped" ) &
		renice -n -20 "\$!" >/dev/null 2>&1
		exec redoxfs "\$@"
	END
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
	start run "$REINJECT" refresh
	wait_until 20 test -s "$T/stopped"
	kill -KILL "$pid_run"
	kill -CONT "$(<"$T/stopped")"
	wait_until 20 pid_gone "$pid_run"
	wait_until 20 umount "$IMAGE.mnt"
	wait_until 10 pid_gone "$(<"$T/stopped")"
	ini_set image tool redoxfs
	touch "$IMAGE.shadow"
	mount_image "$IMAGE" "$T/mine"
	rx refresh
	is_mounted "$T/mine" || fail "the user's mount has gone"
	expect_status 75
	unmount_image "$T/mine" "$pid"
}
