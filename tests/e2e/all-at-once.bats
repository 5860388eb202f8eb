#!/usr/bin/env bats
# Two reinjects, a watch, a hook's worker and a mount of the user's, all at once; a seed draws who comes when (ALL_SEED=N: another order).
# Whoever builds the package `gated` waits at a fifo until all five are there, so that no moment is guessed.

load ../lib/assert
load ../lib/fixture
load ../lib/hooks
load ../lib/watch

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	watch_setup
	gated_make
	hooks_setup 'quiet_ms = 50'
	rest
	image_files >"$T/files.before"
	rx_ok hooks install
	rx_ok log --json
	n_rows=$(wc -l <"$T/out")
	: >"$T/begun"
	mkfifo "$T/gate"
	local name
	for name in netd inputd multi-a odd; do mark "$name" 2; done
	gated_source 2
	came=() build_ended=
}

teardown() { hooks_teardown; }

# ---- the gate

gated_make() {
	mkdir -p "$SRC/gated"
	gated_source 1
	printf 'gated/out\n' >>"$SRC/.gitignore"
	cat >"$T/gated.sh" <<-END
		echo \$PPID >>'$T/begun'
		if [ -p '$T/gate' ]; then read -r go <'$T/gate'; fi
		exec cc -o gated/out gated/main.c
	END
	ini_add <<-END
		[package gated]
		paths = gated
		command = sh $T/gated.sh
		artifact = gated/out
		dest = /usr/bin
	END
	commit 'gated'
}

gated_source() {
	printf '#include <stdio.h>\nint main(void)\n{\n\treturn puts("gated=%s") < 0;\n}\n' "$1" >"$SRC/gated/main.c"
}

# gate_open: lets go who waits, and whoever comes later.
gate_open() {
	exec {gate}<>"$T/gate"
	rm "$T/gate"
	exec {gate}>&-
}

n_begun() { wc -l <"$T/begun"; }
one_builds() { (($(n_begun) > 0)); }

# ---- the five. Each is waited for until it builds, or has found the image taken.

is_there() { [[ " ${came[*]} " == *" $1 "* ]]; }

come_refresh() {
	start refresh "$REINJECT" refresh --wait-lock 60 --json
	# Beside another it waits, which nobody sees from outside.
	if [[ -z ${came[*]} ]]; then wait_until 60 one_builds; fi
}

come_build() {
	start build "$REINJECT" build gated inputd --json
	if [[ -z ${came[*]} ]]; then
		wait_until 60 one_builds
	elif ! is_there watch; then
		finish build 20
		expect_refused 75
		build_ended=1
	fi
}

come_watch() {
	watch
	if [[ -z ${came[*]} ]]; then
		wait_until 60 one_builds
	else
		told 20 'goes into the image when it is free again'
	fi
}

come_commit() {
	g commit -qam 'all of them'
	if [[ -z ${came[*]} ]]; then
		wait_until 60 one_builds
	elif ! is_there watch; then
		wait_until 20 test -s "$STATE/hooks.log"
		wait_until 20 no_worker
	fi
}

come_mount() {
	mount_image "$IMAGE" "$T/user"
	pid_user=$pid
	printf 'by hand\n' >"$T/user/etc/by-hand"
}

leave_mount() {
	printf 'and more\n' >>"$T/user/etc/by-hand"
	unmount_image "$T/user" "$pid_user"
}

# The one that builds has come to its end: it, or its round.
end_first() {
	case ${came[0]} in
	refresh | build) wait_until 40 pid_gone "$pid" ;;
	watch) soon 40 '.event == "done"' ;;
	commit) wait_until 40 no_worker ;;
	esac
}

draw() { # SEED: an order of the four, into which the test puts the mount.
	mapfile -t order < <(shuf -e refresh build watch commit --random-source=<(yes "$1"))
}

# all_at_once EARLY|LATE ACTOR...: EARLY: the user unmounts before the first one's build ends, else after that one has found the mount.
all_at_once() {
	local when=$1 actor n=1 first
	shift
	[[ $1 != mount ]] || n=0
	printf '# %s, the mount goes %s\n' "$*" "$when" >>"$T/trail"
	for actor in "$@"; do
		"come_$actor" || fail "$actor, after: ${came[*]}"
		came+=("$actor")
		[[ $actor != "$1" || $actor == mount ]] || first=$pid
	done
	expect_equal "$(n_begun)" "$n"
	[[ $when != early ]] || leave_mount
	gate_open
	if [[ $when == late ]]; then
		pid=$first end_first
		leave_mount
	fi
	expect_ends
	expect_all_in
}

# Those that are still there end by themselves, with all done or the image taken.
expect_ends() {
	finish refresh 40
	expect_status 0 75
	if [[ -z $build_ended ]]; then
		finish build 40
		expect_status 0 75
	fi
	wait_until 40 no_worker
	rx_ok watch --wait
	stop_watch
}

expect_all_in() {
	expect_stale
	in_image sh -c 'for f in usr/lib/drivers/netd usr/lib/drivers/inputd usr/lib/drivers/multi-a usr/bin/rxe2e-odd usr/bin/gated; do ./$f; done' >"$T/says"
	expect_equal "$(grep -o '^[a-z-]*=2' "$T/says" | paste -sd' ')" 'netd=2 inputd=2 multi-a=2 odd=2 gated=2'
	image_files >"$T/files.after"
	expect_equal "$(grep -vE 'by-hand|/(netd|inputd|multi-a|rxe2e-odd|gated)$' "$T/files.after")" \
		"$(grep -vE '/(netd|inputd|multi-a|rxe2e-odd|gated)$' "$T/files.before")"
	expect_equal "$(in_image cat etc/by-hand)" $'by hand\nand more'
	rx_ok image check --deep
	rx_ok log --json
	# One of them has put each, and no row is left open.
	expect_jq '[.[:length - $n][] | select(.result == "ok") | .packages[]] | sort == ["gated", "inputd", "multi", "netd", "odd_pkg"]' --argjson n "$n_rows"
	expect_jq 'all(.result != null and .result != "pending")'
	rx_ok status --json
	expect_jq '.[0] | .spool == 0 and .running == null'
}

@test "two reinjects, a watch, a hook's worker and a user's mount: one wins, all is in the image, and the image is whole" {
	draw "${ALL_SEED:-1}"
	all_at_once early "${order[@]:0:2}" mount "${order[@]:2}"
}

@test "the same, and the user's mount is there when the first of them wants to swap" {
	draw "${ALL_SEED:-2}"
	all_at_once late "${order[@]:0:3}" mount "${order[@]:3}"
}

@test "the same, and the user's mount was there before them" {
	draw "${ALL_SEED:-3}"
	all_at_once early mount "${order[@]}"
}
