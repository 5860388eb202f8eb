# tty - a watch on a pseudo terminal, and what is typed and shown there. tty_close belongs into the teardown, before the fixture's.

# tty_open: an interactive shell on a pseudo terminal; what is typed goes into the fifo `keys`, what is shown is in tty.log.
tty_open() {
	command -v script >/dev/null || skip "script (util-linux) is not installed"
	mkfifo "$T/keys"
	WATCH_OUT=$T/watch.out
	: >"$T/watch.err"
	(cd "$TREE" && exec env TERM=xterm T="$T" REINJECT="$REINJECT" script -qfc 'PS1="shell> " exec bash --norc --noprofile --noediting -i' "$T/tty.log" <"$T/keys" >"$T/script.out" 2>&1 3>&-) &
	pid_tty=$!
	started+=("$pid_tty")
	exec {keys}>"$T/keys"
	shown 10 'shell> '
}

tty_close() {
	[[ -n ${pid_tty-} ]] || return 0
	type_line 'exit' 2>/dev/null || true
	exec {keys}>&- || true
	wait_until 5 pid_gone "$pid_tty" || kill -HUP "$pid_tty" || true
	if [[ -z ${BATS_TEST_COMPLETED-} ]]; then cat -v "$T/tty.log" | tail -n 60 >&2; fi
}

type_keys() { printf '%s' "$1" >&"$keys"; }
type_line() { printf '%s\n' "$1" >&"$keys"; }

# shown SECONDS PATTERN: what the terminal got, from its beginning.
tty_has() { LC_ALL=C grep -aEq -- "$1" "$T/tty.log" 2>/dev/null; }
shown() { wait_until "$1" tty_has "$2" || fail "the terminal never showed /$2/"; }

# tty_watch: the watch in the terminal's foreground, its events in watch.out, and the terminal's settings before it.
tty_watch() {
	type_line 'stty -a >$T/before'
	type_line '$REINJECT watch --json >$T/watch.out; echo "ended: $?" >$T/ended; stty -a >$T/after'
	wait_until 30 said '.event == "ready"' || fail "never ready"
	seen=0
}

# tty_ended STATUS: it has ended, and the terminal is what it was.
tty_ended() {
	wait_until 20 test -s "$T/after" || fail "it does not end"
	expect_equal "$(cat "$T/ended")" "ended: $1"
	expect_equal "$(cat "$T/after")" "$(cat "$T/before")"
}

# The shell of the terminal is the test's own.
expect_nothing_left_but_tty() {
	tty_close
	pid_tty=
	expect_nothing_left
}
