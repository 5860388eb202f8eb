#!/usr/bin/env bats
# kill -9 at random moments: the image is whole, old or new, and the next refresh puts the rest right by itself.
# CRASH_SEED=N repeats a run; the seed is printed.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

moments=30

# begin: a first refresh, what is beside the package under test, and how long a refresh takes.
begin() {
	seed=${CRASH_SEED:-$((${EPOCHREALTIME/[.,]/} % 32768))}
	RANDOM=$seed
	echo "# seed $seed" >&3
	rx_ok refresh
	image_files | grep -v multi- >"$T/beside"
	version=1 hits=0 n_old=0 n_new=0
	local t
	next_version
	t=$(now_ms)
	rx_ok refresh
	duration=$(($(now_ms) - t))
	version=2
}

# Both binaries of the package change: half of them new would be seen.
next_version() {
	mark multi-a $((version + 1))
	mark multi-b $((version + 1))
}

random_moment() {
	# A fifth longer than a refresh takes: the end of it is where old becomes new.
	ms=$((RANDOM * duration * 6 / 5 / 32768))
	pause "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}

programs() { printf 'multi-a=%s\nmulti-b=%s' "$1" "$1"; }

expect_whole() {
	local got
	got=$(in_image sh -c 'usr/lib/drivers/multi-a; usr/lib/drivers/multi-b') || fail "the image cannot be read"
	case $got in
	"$(programs "$version")") n_old=$((n_old + 1)) ;;
	"$(programs $((version + 1)))") n_new=$((n_new + 1)) ;;
	*) fail "neither old ($version) nor new: $got" ;;
	esac
}

expect_recovery() {
	rx refresh --json
	expect_status 0
	expect_nothing_left
	expect_equal "$(in_image sh -c 'usr/lib/drivers/multi-a; usr/lib/drivers/multi-b')" "$(programs $((version + 1)))"
	version=$((version + 1))
}

# The rest of the image, the journal and the workspace after all of it.
expect_healthy() {
	echo "# $hits kills; old $n_old, new $n_new; a refresh takes $duration ms" >&3
	((hits >= moments)) || fail "only $hits kills met anything alive"
	expect_equal "$(image_files | grep -v multi-)" "$(cat "$T/beside")"
	rx_ok status --json
	expect_jq '.[0] | .running == null and .stale == []'
	rx_ok log --json
	expect_json
	rx_ok image check
	refute test -e "$IMAGE.shadow"
}

@test "reinject killed at 30 random moments of a refresh" {
	begin
	local i p
	# A moment after its end proves nothing and is drawn again.
	for ((i = 0; hits < moments && i < 4 * moments; i++)); do
		next_version
		start run "$REINJECT" refresh --json
		random_moment
		# What was over by then takes less time than was thought: the first refresh was a slow one.
		if kill -KILL "$pid" 2>/dev/null; then hits=$((hits + 1)); elif ((ms < duration)); then duration=$ms; fi
		wait "$pid" 2>/dev/null || true
		# Each third time its mount dies with it, as when a whole session is killed.
		if ((i % 3 == 2)); then
			for p in $(daemon_pids); do kill -KILL "$p" || true; done
		fi
		expect_whole
		expect_recovery
	done
	expect_healthy
}

@test "redoxfs killed at 30 random moments of a refresh" {
	begin
	daemon_or_end() { pid_gone "$pid" || daemon_runs; }
	local i p before began
	for ((i = 0; hits < moments && i < 4 * moments; i++)); do
		next_version
		before=$hits began=$(now_ms)
		start run "$REINJECT" refresh --json
		random_moment
		# Before the first mount and between two of them there is none to kill.
		wait_until 60 daemon_or_end
		for p in $(daemon_pids); do
			if kill -KILL "$p" 2>/dev/null; then hits=$((hits + 1)); fi
		done
		finish run 60
		# One that nothing happened to tells how long it takes now, if it was not kept waiting by us.
		if ((hits == before && $(now_ms) - began < duration)); then duration=$(($(now_ms) - began)); fi
		# It may try again by itself or say that it failed; only the image counts.
		expect_status 0 1
		expect_nothing_left
		expect_whole
		expect_recovery
	done
	expect_healthy
}
