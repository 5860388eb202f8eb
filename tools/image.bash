# shellcheck shell=bash
# tools/image.bash - mounting a RedoxFS image from a script: sourced by tools/demo.sh and tests/bench/inject.sh.
#
#   image_mount IMAGE FOLDER     mounts, and returns when the mount is there
#   image_unmount FOLDER         unmounts, and returns when the daemon has written everything and ended
#   image_cleanup                for a trap: ends every mount that is left, and its daemon
#
# Never a sleep: what is waited for is asked for every two milliseconds, with a limit.

declare -A image_pids=() # mount point -> daemon
IMAGE_LIMIT_MS=${IMAGE_LIMIT_MS:-20000}

# A pipe that nobody writes to: reading it with a limit is a pause that costs no process.
exec {image_tick}<> <(:)

# wait_for MS COMMAND...: until the command succeeds; 1 when MS milliseconds have passed.
wait_for() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000)) _
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		read -r -t 0.002 -u "$image_tick" _ || true
	done
}

# In mountinfo the mount point stands behind its root, blanks as \040. Read in one piece: line by line the shell seeks, and misses a mount when an older
# one goes meanwhile.
image_is_mounted() {
	local mounts
	IFS= read -rd '' mounts </proc/self/mountinfo || true
	[[ $mounts == *" / ${1// /\\040} "* ]]
}

image_process_gone() {
	local state
	{ read -r state </proc/"$1"/stat; } 2>/dev/null || return 0
	[[ ${state##*) } == Z* ]]
}

image_mounted_or_ended() {
	image_is_mounted "$1" || image_process_gone "$2"
}

# Its own session: a Ctrl-C at this terminal must not kill it under the mount.
image_mount() {
	local image=$1 folder
	mkdir -p "$2"
	folder=$(realpath "$2")
	setsid redoxfs -d "$image" "$folder" >"$folder.log" 2>&1 </dev/null &
	image_pids[$folder]=$!
	wait_for "$IMAGE_LIMIT_MS" image_mounted_or_ended "$folder" "$!" || true
	if ! image_is_mounted "$folder"; then
		echo "cannot mount '$image': $(tail -n 1 "$folder.log")" >&2
		return 1
	fi
}

image_try_unmount() {
	umount "$1" 2>/dev/null || ! image_is_mounted "$1"
}

# umount returns before the daemon has written its last blocks; only the daemon's end means done.
image_unmount() {
	local folder pid status=0
	folder=$(realpath "$1")
	pid=${image_pids[$folder]}
	if ! wait_for "$IMAGE_LIMIT_MS" image_try_unmount "$folder" || ! wait_for "$IMAGE_LIMIT_MS" image_process_gone "$pid"; then
		echo "cannot unmount '$folder'" >&2
		return 1
	fi
	wait "$pid" || status=$?
	unset "image_pids[$folder]"
	rm -f "$folder.log"
	return "$status"
}

image_cleanup() {
	local folder pid
	for folder in "${!image_pids[@]}"; do
		pid=${image_pids[$folder]}
		wait_for 3000 image_try_unmount "$folder" || true
		if ! wait_for 3000 image_process_gone "$pid"; then
			kill -TERM "$pid" 2>/dev/null || true
			wait_for 3000 image_process_gone "$pid" || kill -KILL "$pid" 2>/dev/null || true
		fi
		if image_is_mounted "$folder"; then umount "$folder" || true; fi
		unset "image_pids[$folder]"
	done
}
