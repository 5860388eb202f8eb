# assert - running reinject and judging what it said.
# rx ARGS...      runs it in TREE (or in RX_DIR); leaves `status`, $T/out, $T/err; never fails by itself.
# start NAME CMD  runs a command in the background; leaves `pid`, $T/NAME.out, $T/NAME.err; finish NAME waits for it.
# expect_*        fail the test with a sentence. Plain `! cmd` would not fail a bats test, hence refute.

fail() {
	printf '%s\n' "$*" >&2
	return 1
}

refute() {
	if "$@"; then fail "should not have succeeded: $*"; fi
}

# Longer than any limit inside reinject that the documents name, so that a hang fails one test and not the whole run.
RX_LIMIT=${RX_LIMIT:-150}

rx() {
	status=0
	(cd "${RX_DIR:-$TREE}" && exec timeout --foreground -k 10 "$RX_LIMIT" "$REINJECT" "$@") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $*"
}

# trail WORDS: what was run and what came of it, shown when the test fails.
trail() {
	{
		printf '$ %s\n' "$1"
		sed 's/^/  out: /' "$T/out"
		sed 's/^/  err: /' "$T/err"
		printf '  exit: %s\n' "$status"
	} >>"$T/trail"
}

# rx_ok ARGS: for the steps that a test only stands on.
rx_ok() {
	rx "$@"
	expect_status 0
}

# A background job of a script ignores SIGINT; --default-signal gives it back what a terminal would give.
start() {
	local name=$1
	shift
	# Here, not in the child: nobody must read what one of the same name said before.
	: >"$T/$name.out" >"$T/$name.err"
	(cd "${RX_DIR:-$TREE}" && exec env --default-signal=INT,QUIT "$@") >"$T/$name.out" 2>"$T/$name.err" </dev/null 3>&- &
	pid=$!
	started+=("$pid")
	declare -g "pid_$name=$pid"
}

finish() {
	local name=$1 var=pid_$1
	wait_until "${2:-$RX_LIMIT}" pid_gone "${!var}" || fail "$name (pid ${!var}) did not end: $(cat "$T/$name.err")"
	status=0
	wait "${!var}" || status=$?
	cp "$T/$name.out" "$T/out"
	cp "$T/$name.err" "$T/err"
	trail "$name, in the background"
}

# A zombie has ended: only its parent has not looked yet.
pid_gone() {
	local stat
	# Not $(<FILE): where the file is missing that ends the whole shell under errexit.
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	stat=${stat##*) }
	[[ $stat == Z* ]]
}

# socket_listens PATH: somebody takes calls there. A name alone comes with bind(), a moment before listen().
socket_listens() {
	awk -v path="$1" '$4 == "00010000" && $8 == path { found = 1 } END { exit !found }' /proc/net/unix
}

# wait_until SECONDS CMD...: polls on a fifo that nobody writes to, which costs no process.
wait_until() {
	local end=$(($(now_ms) + $1 * 1000))
	shift
	while ! "$@"; do
		(($(now_ms) < end)) || return 1
		pause 0.02
	done
}

# pause SECONDS: only as the tick of wait_until, and for the random moments of crash.bats.
pause() {
	[[ -p $T/never ]] || mkfifo "$T/never"
	read -rt "$1" <>"$T/never" || true
}

now_ms() {
	local t=${EPOCHREALTIME/[.,]/}
	printf '%s' "$((t / 1000))"
}

expect_status() {
	local want
	for want in "$@"; do
		[[ $status != "$want" ]] || return 0
	done
	fail "exit status is $status, expected $*"
}

expect_err() {
	grep -Eq -- "$1" "$T/err" || fail "stderr lacks /$1/"
}

expect_out() {
	grep -Eq -- "$1" "$T/out" || fail "stdout lacks /$1/"
}

# For sentences whose stream the documents leave open.
expect_said() {
	cat "$T/out" "$T/err" | grep -Eq -- "$1" || fail "neither stdout nor stderr has /$1/"
}

# A refusal is one that says something, and leaves stdout to facts.
expect_refused() {
	expect_status "$@"
	[[ -s $T/err ]] || fail "refused without a word"
}

# expect_json: every line of stdout is one JSON object, and there is at least one.
expect_json() {
	[[ -s $T/out ]] || fail "no JSON at all"
	local line
	while IFS= read -r line; do
		jq -e 'type == "object"' >/dev/null 2>&1 <<<"$line" || fail "not a JSON object: $line"
	done <"$T/out"
}

# expect_jq FILTER [jq options]: the filter, over all lines of stdout as one array, must be true.
expect_jq() {
	local filter=$1
	shift
	jq -es "$@" "$filter" "$T/out" >/dev/null || fail "not true of the output: $filter"
}

# events NAME FILTER: what jq gives for each event of that name, one a line.
events() {
	jq -r --arg e "$1" "select(.event == \$e) | $2" "$T/out"
}

expect_equal() {
	[[ $1 == "$2" ]] || fail "got: $1
expected: $2"
}

# expect_stale PKG...: what `status` calls stale, in any order.
expect_stale() {
	rx_ok status --json
	expect_equal "$(jq -r '.stale | sort | join(" ")' "$T/out")" "$(printf '%s\n' "$@" | sort | paste -sd' ')"
}
