# watch - a watch in the background, its rounds, and proof that nothing happened.
# watch_setup for each test (after fixture_setup): a second source with an asset, the beacon, which no git command of a test touches.
# watch ARGS...: starts it and waits until it watches. rest: begins from an image that is up to date.
# expect_round RESULT NAME...: waits for the NEXT round, which must have these packages and assets, all of them and no others.
# expect_quiet: nothing has been begun since the last round. It changes the beacon: the round that brings it must be the next one.
# WATCH_OUT is where the events are.

watch_setup() {
	WATCH_OUT=$T/watch.out
	seen=0 beacons=0
	mkdir -p "$TREE/side"
	printf '0\n' >"$TREE/side/beacon"
	git -C "$TREE/side" init -q -b main
	commit "$TREE/side" 'a beacon'
	ini_add <<-'END'
		[source side]
		path = side

		[asset beacon]
		source = side
		path = beacon
		dest = /etc/beacon
	END
}

# rest: the image has all of it before the test begins.
rest() {
	rx_ok refresh
	cp "$T/out" "$T/rest.out"
}

watch() {
	start watch "$REINJECT" watch --json "$@"
	seen=0
	wait_until 30 said '.event == "ready"' || watch_fail "never ready"
}

# slow_watch: the slow package (fixture) is up to date and watched, and its next build waits; `gate` is open. slow_again: what it is made of changes while
# its build waits; the pid of that build is left in `first`, and is gone before another one begins.
slow_watch() {
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	rest
	rm -f "$T/slow.pid"
	watch
	printf '2\n' >"$SRC/custom/input"
	slow_begun
}

slow_again() {
	first=$(<"$T/slow.pid")
	rm "$T/slow.pid"
	printf '3\n' >"$SRC/custom/input"
	wait_until 20 pid_gone "$first" || watch_fail "the command goes on"
	slow_begun
}

# slow_done: the build may end, and comes out as before.
slow_done() {
	echo go >&"$gate"
	last_round nothing slow
	exec {gate}>&-
	stop_watch
}

watch_fail() {
	fail "$1
$(cat "$WATCH_OUT" "$T/watch.err" 2>/dev/null)"
}

# said FILTER [N]: at least N (1) events of the watch are so. A line that is only half written is none.
said() {
	[[ -s $WATCH_OUT ]] && (($(events_json | jq -c "select($1)" | wc -l) >= ${2:-1}))
}

events_json() {
	jq -cR 'fromjson? // empty' "$WATCH_OUT"
}

# soon SECONDS FILTER [N]
soon() {
	wait_until "$1" said "$2" "${3:-1}" || watch_fail "the watch never said: $2"
}

# told SECONDS PATTERN: a sentence on stderr.
told() {
	wait_until "$1" grep -Eqi -- "$2" "$T/watch.err" || watch_fail "the watch never told: $2"
}

n_told() {
	grep -Eci -- "$1" "$T/watch.err" || true
}

# rounds: what has ended since the last expect_round, one a line: RESULT NAME..., the names in order.
rounds() {
	events_json | tail -n +$((seen + 1)) | jq -rs '
		[.[] | select(.event == "plan" or .event == "done")] | . as $e
		| [range(length) | select($e[.].event == "done") | . as $i
			| ([$e[:$i][] | select(.event == "plan" and .run == $e[$i].run)] | last // {stale: [], assets: []}) as $p
			| [$e[$i].result] + (($p.stale + $p.assets + [$p.removals[]? | (.name? // .)]) | sort | unique)] | .[] | join(" ")'
}

a_round() {
	[[ -n $(rounds) ]]
}

# next_round [SECONDS]: leaves the next round in `round`, and counts it as seen. Less than the minute after which a watch looks in any case, which would
# hide that an event was lost.
next_round() {
	wait_until "${1:-40}" a_round || watch_fail "no round ended"
	round=$(rounds | head -n 1)
	seen=$(events_json | jq -rn --argjson s "$seen" '[inputs.event] | to_entries | map(select(.key >= $s and .value == "done")) | .[0].key + 1')
}

expect_round() {
	local want
	want=$(printf '%s\n' "${@:2}" | sort | paste -sd' ')
	next_round
	expect_equal "$round" "$1${want:+ $want}" || watch_fail "that was the next round"
}

# last_round RESULT NAME...: rounds that were cancelled before it do not count.
last_round() {
	local want
	want=$(printf '%s\n' "${@:2}" | sort | paste -sd' ')
	next_round
	while [[ $round == cancelled* ]]; do next_round; done
	expect_equal "$round" "$1${want:+ $want}" || watch_fail "that was the next round"
}

# any_round NAME...: the next one has exactly these, and its program may have come out the same as before, after strip.
any_round() {
	next_round
	local want
	want=$(printf '%s\n' "$@" | sort | paste -sd' ')
	[[ $round == "ok $want" || $round == "nothing $want" ]] || watch_fail "the next round was: $round; expected: $want"
}

beacon() {
	beacons=$((beacons + 1))
	# By rename: a look must not find it half written.
	printf '%s\n' "$beacons" >"$T/tmp/beacon"
	mv "$T/tmp/beacon" "$TREE/side/beacon"
	if [[ ${1-} == commit ]]; then commit "$TREE/side" "beacon $beacons"; fi
}

# expect_quiet [commit]: with trigger = commit only a commit is seen.
expect_quiet() {
	beacon "$@"
	expect_round ok beacon
}

# expect_settled: as expect_quiet, for what may have begun a round that had no effect: a look that fell into the middle of a change.
expect_settled() {
	beacon "$@"
	next_round
	while [[ $round != *beacon* ]]; do
		[[ $round == cancelled* || $round == nothing* ]] || watch_fail "a round with an effect: $round"
		next_round
	done
}

# reach NAME...: several saves, which may come in one round or in several: all of these, and no others.
reach() {
	local left=" $* " name
	while [[ $left == *[a-z]* ]]; do
		next_round
		[[ $round != cancelled* ]] || continue
		[[ $round == ok* ]] || watch_fail "the next round was: $round; expected of:$left"
		for name in ${round#* }; do
			[[ " $* " == *" $name "* ]] || watch_fail "the next round was: $round; expected of: $*"
			left=${left/ $name / }
		done
	done
}

# mark NAME VALUE: as the fixture's, but by one rename from outside: a look must not find the temporary file that sed makes in the package.
mark() {
	local f
	f=$(grep -rlE --include=*.rs "\"$1=" "$SRC/crates" "$SRC/drivers" "$SRC/tools")
	sed -E "s/\"$1=[0-9]+/\"$1=$2/" "$f" >"$T/tmp/mark"
	mv "$T/tmp/mark" "$f"
}

# built_by_watch: every build that has begun and ended, one package a line.
built_by_watch() {
	events_json | jq -r 'select(.event == "build") | .package'
}

# stop_watch [SIGNAL]
stop_watch() {
	kill "-${1:-INT}" "$pid_watch"
	finish watch 20
	expect_status 130
	expect_nothing_left
}

# g ARGS: git in the source, by somebody.
g() {
	git -C "$SRC" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false -c gc.auto=0 -c advice.detachedHead=false "$@" >>"$T/git.log" 2>&1
}
