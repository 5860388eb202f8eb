# The modes without a copy, killed and failed everywhere: at each fault point, and at random moments (KILLS=N in all, 30 by default, also in shadow mode;
# the seed is printed, CRASH_SEED repeats it). The next start makes the set whole, the journal settled and the image clean. Runs on the test build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture

# Six kinds: two victims, three modes.
kills=$(((${KILLS:-30} + 5) / 6))

setup_file() {
	fixture_setup_file
}

setup() {
	fixture_setup
}

teardown() {
	fixture_teardown
}

# use MODE: with a live mount, when that is it. Leaves `served`.
use() {
	mode=$1
	ini_set image mode "$mode"
	[[ $mode != live ]] || ini_set image mount_point "$T/mnt"
	mount_if_live
}

mount_if_live() {
	[[ $mode == live ]] || return 0
	mount_image "$IMAGE" "$T/mnt"
	served=$pid
}

unmount_if_live() {
	[[ $mode != live ]] || unmount_image "$T/mnt" "$served"
}

# look CMD...: in the image as it is now.
look() {
	if [[ $mode == live ]]; then (cd "$T/mnt" && "$@") 3>&-; else in_image "$@"; fi
}

what_it_says() {
	look sh -c 'usr/lib/drivers/netd; usr/lib/drivers/inputd; ls usr/bin; find . -name ".reinject*"' | paste -sd' '
}

old='netd=1 proto=1 common=1 inputd=1 common=1 rxe2e-odd'
new='netd=2 proto=1 common=1 inputd=2 common=1'

# Two packages change and a third one leaves at once. cargo has nothing left to do, which makes a round short.
prepare() {
	rx_ok refresh
	mark netd 2
	mark inputd 2
	(cd "$SRC" && for p in netd inputd; do cargo build --quiet --offline --release -p "$p"; done)
	ini_set 'package odd_pkg' dest ""
	unmount_if_live
	cp -a --sparse=always "$TREE" "$T/before"
}

again() {
	rm -rf "$TREE"
	cp -a --sparse=always "$T/before" "$TREE"
	mount_if_live
}

# What a fault leaves must be the whole old set or the whole new one, but for the files that lie ready and the moments in which names change.
expect_whole() {
	local says
	says=$(what_it_says | sed 's, \./[^ ]*/\.reinject[^ ]*,,g')
	case $says in "$old" | "$new") return 0 ;; esac
	[[ $2 == steps-decided || $2 == steps-one ]] || fail "after $1 the image is a mixture: $says"
}

expect_recovered() {
	rx refresh --json
	expect_status 0
	expect_equal "$(what_it_says)" "$new"
	refute test -e "$IMAGE.steps"
	refute test -e "$IMAGE.mnt"
	expect_stale
	rx_ok log --json
	expect_jq 'all(.[]; .result != "pending")'
	expect_nothing_left
}

# The points that a mode passes, of all that there are.
points() {
	local all
	all=$("$REINJECT" --list-faults | grep -E '^(journal|txn|build|put|steps)-' | grep -vxE 'txn-copied|put-renamed|put-removed')
	if [[ $mode == live ]]; then grep -vx txn-unmounted <<<"$all"; else printf '%s\n' "$all"; fi
}

killed_at_each_point() {
	local point n=0
	use "$1"
	prepare
	for point in $(points); do
		again
		REINJECT_FAULT=$point rx refresh
		expect_status 137
		expect_whole "a kill at $point" "$point"
		expect_recovered
		unmount_if_live
		n=$((n + 1))
	done
	((n >= 13)) || fail "only $n fault points"
}

failed_at_each_point() {
	local point code i=0
	local -a codes=(EIO ENOSPC EACCES EINTR)
	use "$1"
	prepare
	for point in $(points); do
		# All of them with CRASH_ALL=1; in turn otherwise.
		for code in "${codes[@]}"; do
			i=$((i + 1))
			[[ -n ${CRASH_ALL-} || $((i % 4)) == $((i / 4 % 4)) ]] || continue
			again
			REINJECT_FAULT=$point:$code rx refresh
			expect_nothing_left
			expect_whole "$code at $point" "$point"
			expect_recovered
			unmount_if_live
		done
	done
}

@test "in-place: killed at each fault point, the next start makes it whole" { killed_at_each_point in-place; }
@test "live: killed at each fault point, the next start makes it whole" { killed_at_each_point live; }
@test "in-place: failing at each fault point, the next start makes it whole" { failed_at_each_point in-place; }
@test "live: failing at each fault point, the next start makes it whole" { failed_at_each_point live; }

@test "steps that were decided are carried out although the sources went on" {
	use in-place
	prepare
	again
	REINJECT_FAULT=steps-one rx refresh
	expect_status 137
	rx_ok status
	# Only recovery, nothing built: what was decided is there.
	ini_set 'package odd_pkg' dest /usr/bin
	mark netd 3
	rx_ok build multi
	expect_equal "$(what_it_says)" "$new"
	rx_ok log --json
	expect_jq 'any(.[]; .run == 2 and .result == "ok")'
}

@test "steps that were not decided are taken back" {
	use in-place
	prepare
	again
	REINJECT_FAULT=steps-ready rx refresh
	expect_status 137
	# Only recovery: nothing is stale for `multi`.
	rx_ok build multi
	expect_equal "$(what_it_says)" "$old"
	refute test -e "$IMAGE.steps"
	rx_ok log --json
	expect_jq 'any(.[]; .run == 2 and .result == "failed")'
}

@test "a file that lay ready and is damaged does not take its place" {
	use live
	prepare
	again
	REINJECT_FAULT=steps-decided rx refresh
	expect_status 137
	local temp
	temp=$(find "$T/mnt/usr/lib/drivers" -name '.reinject-*' | sort | head -n 1)
	printf 'damaged\n' >"$temp"
	rx_ok build multi
	expect_err 'left as it is'
	refute grep -rq damaged "$T/mnt/usr"
	refute test -e "$temp"
	unmount_if_live
}

@test "a list of steps that somebody else's change has overtaken does no harm" {
	use in-place
	prepare
	again
	REINJECT_FAULT=steps-decided rx refresh
	expect_status 137
	for p in $(daemon_pids); do kill -KILL "$p"; done
	wait_until 20 refute daemon_runs
	umount "$IMAGE.mnt"
	mount_image "$IMAGE" "$T/other"
	printf '#!/bin/sh\necho mine\n' >"$T/other/usr/lib/drivers/netd.new"
	chmod 0755 "$T/other/usr/lib/drivers/netd.new"
	mv "$T/other/usr/lib/drivers/netd.new" "$T/other/usr/lib/drivers/netd"
	unmount_image "$T/other" "$pid"
	# It is left alone, which is said; then the refresh puts its own, since the image is not as it was left.
	rx_ok refresh
	expect_err "netd.*changed by somebody else"
	expect_equal "$(what_it_says)" "$new"
	refute test -e "$IMAGE.steps"
}

@test "an unreadable or cut list of steps does no harm" {
	use in-place
	prepare
	local text
	for text in '' 'garbage' 'reinject steps 1' $'reinject steps 1\nstep .reinject-1-0 - - /usr/lib/dri' $'reinject steps 1\nstep ../../etc/x - - /etc/bystander\ndecided\n'; do
		again
		printf '%s' "$text" >"$IMAGE.steps"
		expect_recovered
	done
}

# ---- random moments: a rollback puts five files back, the next one takes that back, and cargo has no part in it.

begin_random() {
	seed=${CRASH_SEED:-$((${EPOCHREALTIME/[.,]/} % 32768))}
	RANDOM=$seed
	echo "# seed $seed" >&3
	use "$1"
	rx_ok refresh
	mark netd 2
	mark inputd 2
	mark multi-a 2
	mark multi-b 2
	rx_ok refresh
	local t
	t=$(now_ms)
	rx_ok rollback
	duration=$(($(now_ms) - t))
	hits=0 n_old=0 n_new=0
}

random_moment() {
	ms=$((RANDOM * duration * 6 / 5 / 32768))
	pause "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}

# Whatever it was: after the next start all files are of one set, and the journal says which.
expect_one_set() {
	rx refresh --json
	expect_status 0
	local says
	says=$(look sh -c 'cd usr/lib/drivers; ./netd; ./inputd; ./multi-a; ./multi-b; find /proc/self/cwd/ -name ".reinject*"' | paste -sd' ')
	case $says in
	'netd=1 proto=1 common=1 inputd=1 common=1 multi-a=1 multi-b=1') n_old=$((n_old + 1)) ;;
	'netd=2 proto=1 common=1 inputd=2 common=1 multi-a=2 multi-b=2') n_new=$((n_new + 1)) ;;
	*) fail "after kill number $hits, a mixture: $says" ;;
	esac
	refute test -e "$IMAGE.steps"
	expect_nothing_left
}

end_random() {
	echo "# $mode: $hits kills; old $n_old, new $n_new; a rollback takes $duration ms" >&3
	((hits >= kills)) || fail "only $hits kills met anything alive"
	rx_ok log --json
	expect_jq 'all(.[]; .result != "pending")'
	unmount_if_live
	rx_ok image check --deep
}

reinject_killed() {
	begin_random "$1"
	local i p
	for ((i = 0; hits < kills && i < 12 * kills; i++)); do
		start run "$REINJECT" rollback
		random_moment
		# What was over by then takes less time than was thought: the first rollback was a slow one.
		if kill -KILL "$pid" 2>/dev/null; then hits=$((hits + 1)); elif ((ms < duration)); then duration=$ms; fi
		wait "$pid" 2>/dev/null || true
		# Each third time its mount dies with it.
		if ((i % 3 == 2)); then
			for p in $(daemon_pids); do kill -KILL "$p" || true; done
		fi
		expect_one_set
	done
	end_random
}

# The daemons of reinject's own mounts, each by its process, the last one last.
noted_tool() {
	printf '#!/bin/sh\necho $$ >>"%s/tool.pids"\nexec redoxfs "$@"\n' "$T" >"$T/tool.sh"
	chmod +x "$T/tool.sh"
	: >"$T/tool.pids"
	ini_set image tool "$T/tool.sh"
}

kill_the_daemon() {
	local p=$served
	[[ $mode == live ]] || p=$(tail -n 1 "$T/tool.pids")
	if [[ -n $p ]] && kill -KILL "$p" 2>/dev/null; then hits=$((hits + 1)); fi
}

remount_if_live() {
	[[ $mode == live ]] || return 0
	wait_until 20 pid_gone "$served"
	umount "$T/mnt"
	mount_if_live
}

redoxfs_killed() {
	begin_random "$1"
	noted_tool
	local i
	for ((i = 0; hits < kills && i < 12 * kills; i++)); do
		start run "$REINJECT" rollback
		random_moment
		kill_the_daemon
		finish run 60
		expect_status 0 1 3
		remount_if_live
		expect_one_set
	done
	end_random
}

@test "shadow: reinject killed at random moments" { reinject_killed shadow; }
@test "shadow: redoxfs killed at random moments" { redoxfs_killed shadow; }
@test "in-place: reinject killed at random moments" { reinject_killed in-place; }
@test "live: reinject killed at random moments" { reinject_killed live; }
@test "in-place: redoxfs killed at random moments" { redoxfs_killed in-place; }
@test "live: redoxfs killed at random moments" { redoxfs_killed live; }
