#!/usr/bin/env bats
# Care of the image: leaked room, compact, mounting by hand, the stamp, what is kept and for how long.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# A 1 MB file of its own for each number.
noise() {
	head -c 1000000 /dev/zero | openssl enc -aes-128-ctr -K "$(printf '%032x' "$1")" -iv 00000000000000000000000000000000
}

# All that the image holds: names, kinds, modes, owners, times of files, contents, links.
image_census() {
	in_image sh -c 'find . -mindepth 1 \( -type f -printf "%p %M %U:%G %s %T@\n" -o -printf "%p %M %U:%G %l\n" \) | sort; find . -type f | sort | xargs sha256sum'
}

free_mb() {
	"$REINJECT" -C "$TREE" image check | sed -nE 's/^([0-9.]+) MB of .* are free in it$/\1/p'
}

replace() { # FROM TO
	local i
	for ((i = $1; i <= $2; i++)); do
		noise "$i" >"$T/noise"
		rx_ok inject "$T/noise" /usr/lib/noise
	done
}

@test "what replaced files leak is counted, said from the limit on, and compact gets it back with every file as it was" {
	local n=${SOAK_IMAGE:-24} i before after said=0 census
	ini_set image leak_limit_mb 1
	rx_ok refresh
	in_image ln -s . link >/dev/null
	for ((i = 1; i <= n; i++)); do
		noise "$i" >"$T/noise"
		rx_ok inject "$T/noise" /usr/lib/noise
		if grep -q 'have leaked about' "$T/err"; then
			said=$((said + 1))
			[[ $n -gt 100 ]] || continue
			rx_ok image compact
		fi
	done
	((said > 0)) || fail "nothing was said of leaked room in $n runs"
	if [[ $n -gt 100 ]]; then echo "# said $said times in $n runs, $(free_mb) MB free" >&3; fi
	for ((; i <= n + 9; i++)); do
		noise "$i" >"$T/noise"
		rx_ok inject "$T/noise" /usr/lib/noise
	done
	expect_err 'reinject image compact'
	census=$(image_census)
	before=$(free_mb)
	rx_ok image check
	# The same size in each line: not MB of two kinds.
	expect_equal "$(sed -nE "s/.* has ([0-9.]+) MB.*/\1/p; s/^RedoxFS .* ([0-9.]+) MB, gen.*/\1/p; s/.* of ([0-9.]+) MB are free.*/\1/p" "$T/out" | sort -u | wc -l)" 1
	expect_out 'about [0-9.]+ MB of its room have leaked'
	rx_ok image check --deep
	expect_out 'MB of its room have leaked through replaced files; `reinject image compact`'
	rx_ok image compact
	expect_err 'MB are back.*files are as they were'
	after=$(free_mb)
	awk -v a="$after" -v b="$before" 'BEGIN { exit !(a > b + 1) }' || fail "free: $before MB before, $after after"
	expect_equal "$(image_census)" "$census"
	rx_ok image check --deep
	refute grep -q leaked "$T/out"
	rx_ok refresh
	refute grep -q leaked "$T/err"
	rx_ok image compact
	expect_err 'nothing has leaked'
	rx_ok status --json
	expect_jq '.[0].stale == []'
	rx_ok log --json
	expect_jq '.[0].result == "nothing" and .[0].verb == "compact"'
}

@test "compact keeps the image before, its owner and mode, and is refused while somebody has the image mounted" {
	local p sum
	replace 1 6
	sum=$(image_sum)
	chmod 0640 "$IMAGE"
	chown 123:456 "$IMAGE"
	mount_image "$IMAGE" "$T/other"
	p=$pid
	rx image compact
	expect_status 75
	unmount_image "$T/other" "$p"
	sum=$(image_sum)
	rx_ok image compact
	expect_equal "$(stat -c '%a %u:%g' "$IMAGE")" '640 123:456'
	expect_equal "$(sha256 "$IMAGE.prev")" "$sum"
	expect_nothing_left
	refute test -e "$IMAGE.shadow"
}

@test "compact keeps what lies around a file system in a partition" {
	replace 1 8
	{
		noise 100
		head -c 48576 /dev/zero
	} >"$T/head"
	noise 101 >"$T/tail"
	cat "$T/head" "$IMAGE" "$T/tail" >"$T/whole"
	mv "$T/whole" "$IMAGE"
	local census before
	census=$(image_census)
	before=$(free_mb)
	rx_ok image compact
	cmp -n "$(stat -c %s "$T/head")" "$IMAGE" "$T/head"
	tail -c "$(stat -c %s "$T/tail")" "$IMAGE" | cmp - "$T/tail"
	expect_equal "$(stat -c %s "$IMAGE")" "$(($(stat -c %s "$T/head") + 67108864 + $(stat -c %s "$T/tail")))"
	expect_equal "$(image_census)" "$census"
	awk -v a="$(free_mb)" -v b="$before" 'BEGIN { exit !(a > b) }' || fail "nothing came back"
	expect_equal "$(find "$TREE/.reinject" -name compact.img)" ''
}

@test "a damaged image is not compacted, nor one that the clone does not hold in full" {
	replace 1 8
	local sum
	sum=$(image_sum)
	mkdir -p "$T/tools"
	ln -s "$(command -v redoxfs)" "$T/tools/redoxfs"
	# A clone that forgets a file.
	cat >"$T/tools/redoxfs-clone" <<-END
		#!/bin/sh
		redoxfs-ar "\$2" "$BATS_FILE_TMPDIR/root" >/dev/null
	END
	chmod +x "$T/tools/redoxfs-clone"
	ini_set image tool "$T/tools/redoxfs"
	rx image compact
	expect_status 1
	expect_err 'does not hold what the image holds'
	expect_untouched "$sum"
	printf '#!/bin/sh\necho it is broken\nexit 1\n' >"$T/tools/redoxfs-clone"
	rx image compact
	expect_status 1
	expect_err 'it is broken'
	expect_untouched "$sum"
	refute test -e "$IMAGE.shadow"
}

@test "the image is mounted and unmounted by hand: waiting, never by force, naming who keeps it busy" {
	rx image mount
	expect_status 2
	ini_set image mount_point hand
	rx_ok image mount
	is_mounted "$TREE/hand"
	local p q
	p=$(daemon_pids)
	test -e "$TREE/hand/etc/bystander"
	rx image mount
	expect_status 75
	rx inject "$REPO/LICENSE" /etc/licence
	expect_status 75
	mkfifo "$T/gate"
	start holder sh -c "exec 5<hand/etc/bystander; read -r _ <'$T/gate'"
	q=$pid
	wait_until 10 test -e "/proc/$q/fd/5"
	rx image unmount --wait-lock 1
	expect_status 75
	expect_err "is in use by sh \(process $q\)"
	is_mounted "$TREE/hand"
	# Somebody who leaves in time is waited for.
	start unmount "$REINJECT" image unmount
	echo >"$T/gate"
	finish unmount
	expect_status 0
	refute is_mounted "$TREE/hand"
	pid_gone "$p"
	rx image unmount
	expect_status 2
	expect_err 'nothing is mounted'
	rx_ok inject "$REPO/LICENSE" /etc/licence
	rx_ok image mount "$T/elsewhere"
	is_mounted "$T/elsewhere"
	rx_ok image unmount "$T/elsewhere"
}

@test "a folder of the user's own stays as it is when it is mounted at, also when that fails" {
	local own=$T/own
	mkdir -m 0755 "$own"
	printf '#!/bin/sh\nexit 1\n' >"$T/fails"
	chmod +x "$T/fails"
	rx -o "image.tool=$T/fails" image mount "$own"
	expect_status 1
	expect_equal "$(stat -c %a "$own")" 755
	rx_ok image mount "$own"
	rx_ok image unmount "$own"
	expect_equal "$(stat -c %a "$own")" 755
	# One that it made goes with what failed.
	rx -o "image.tool=$T/fails" image mount "$T/made"
	expect_status 1
	refute test -e "$T/made"
}

@test "the stamp: one line at the head, replaced by each run that writes, by hand too" {
	local line short
	rx image stamp
	expect_status 2
	expect_err 'names no file to stamp'
	ini_set image stamp /etc/initrc
	printf 'echo hello\nstart\n' >"$T/initrc"
	rx_ok inject "$T/initrc" /etc/initrc
	rx_ok refresh
	short=$(git -C "$SRC" rev-parse --short=7 HEAD)
	line="^echo 'Build: $short @ [0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}'$"
	in_image cat etc/initrc >"$T/stamped"
	head -n 1 "$T/stamped" | grep -qE "$line"
	expect_equal "$(tail -n +2 "$T/stamped")" "$(<"$T/initrc")"
	# Nothing to write, nothing to stamp.
	rx_ok refresh
	expect_equal "$(in_image cat etc/initrc)" "$(<"$T/stamped")"
	mark netd 2
	commit 'netd 2'
	rx_ok refresh
	short=$(git -C "$SRC" rev-parse --short=7 HEAD)
	expect_equal "$(in_image grep -c Build etc/initrc)" 1
	in_image head -n 1 etc/initrc | grep -q "$short"
	# The stamp of a later run is not in the way of a rollback of this one, and what is stamped is not gone.
	mark inputd 2
	commit 'inputd 2'
	rx_ok refresh
	rx_ok rollback 4
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	in_image head -n 1 etc/initrc | grep -q "$(git -C "$SRC" rev-parse --short=7 HEAD)"
	printf 'x\n' >"$SRC/more"
	commit 'more'
	rx_ok image stamp
	in_image head -n 1 etc/initrc | grep -q "$(git -C "$SRC" rev-parse --short=7 HEAD)"
	ini_set image stamp /no/such/folder/file
	mark inputd 3
	rx_ok refresh
	expect_err 'the image is not stamped'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=3 common=1'
	image_has /etc/initrc
}

old() {
	find "$TREE/.reinject/blobs" "$TREE/.reinject/symbols" -type f -exec touch -d '2 hours ago' {} + 2>/dev/null || true
}

blobs() {
	find "$TREE/.reinject/blobs" -type f | wc -l
}

@test "contents and symbols of old runs are let go, never what a kept run refers to" {
	local i
	ini_set image keep_previous no
	ini_add <<<'[reinject]'
	ini_set reinject keep_runs 3
	ini_set reinject keep_days 0
	for i in 1 2 3 4; do
		mark netd "$i"
		rx_ok refresh
		old
	done
	# Four runs: what the first replaced (inputd of before) is not kept any more; three contents of netd and nothing else are.
	expect_equal "$(blobs)" 3
	for i in 5 6; do
		mark netd "$i"
		rx_ok refresh
		old
	done
	expect_equal "$(blobs)" 3
	rx rollback 1
	refute [ "$status" = 0 ]
	# The symbols of the three others, of the netd that the image has, and of the three that rollbacks bring back.
	rx_ok symbols netd
	expect_equal "$(find "$TREE/.reinject/symbols" -type f | wc -l)" 8
	rx_ok rollback
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=5 proto=1 common=1'
	rx_ok symbols netd
	rx_ok rollback 5
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=4 proto=1 common=1'
}

@test "a content is kept that is young, or that the runs of today refer to" {
	local i
	ini_add <<<'[reinject]'
	ini_set reinject keep_runs 1
	ini_set reinject keep_days 1
	for i in 1 2 3; do
		noise "$i" >"$T/noise"
		rx_ok inject "$T/noise" /usr/lib/noise
		old
	done
	expect_equal "$(blobs)" 2
	ini_set reinject keep_days 0
	noise 4 >"$T/noise"
	rx_ok inject "$T/noise" /usr/lib/noise
	expect_equal "$(blobs)" 1
	# Nobody may refer to it yet.
	: >"$TREE/.reinject/blobs/young"
	for i in 5 6; do
		noise "$i" >"$T/noise"
		rx_ok inject "$T/noise" /usr/lib/noise
	done
	test -e "$TREE/.reinject/blobs/young"
	rx_ok rollback
}
