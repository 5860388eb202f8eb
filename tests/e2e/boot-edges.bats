#!/usr/bin/env bats
# Boots at their edges: words that come in pieces, numbers, last words that come with the end, a console file that is written anew, who is asked to end.

load ../lib/assert
load ../lib/fixture
load ../lib/tty
load ../lib/boot

setup_file() { boot_setup_file; }
setup() {
	fixture_setup
	boot_setup
}
teardown() {
	tty_close
	machine_end
	fixture_teardown
}

@test "an echo that comes in two pieces is no answer either" {
	mode socket
	guest <<-'END'
		printf 'login: '
		read -r line
		printf 'sh# show net'
		read -rt 0.3 x
		printf 'd=7\r\n'
		read -r line
	END
	ini_add <<<$'[check echo]\nsend = show netd=7\nexpect = show net\ntimeout_s = 1'
	rx boot --wait --stop --json
	expect_status 1
	verdict failed
	expect_jq '.[0].checks[0].result == "failed"'
}

@test "every number of a line is recorded, under the words around it" {
	mode socket
	guest <<<$'printf "  boot   took 1.5  s, net  took = 2\\nlogin: "\nserve'
	ini_set boot record '[a-z]+ +took[ =]+([0-9.]+)'
	rx_ok boot --json
	expect_jq '.[0].numbers == {"boot took": 1.5, "net took": 2}'
}

@test "exit_ok = 0: a guest on a terminal that ends well was up; one in the background has only been left" {
	ini_set boot exit_ok 0
	mode pty
	guest <<<'echo done; exit 0'
	rx boot --wait --json
	expect_status 0
	verdict up
	mode socket
	guest <<<'echo going; read -rt 0.3 x; exit 0'
	rx boot --wait --json
	expect_status 1
	verdict failed
}

@test "last words that come with the end, in a file, are heard" {
	mode file
	# In the foreground: its end and its last line are there at once.
	ini_set boot args "-F $T/console"
	guest <<<'echo "panicked at the end"; exit 1'
	rx boot --wait --json
	expect_status 1
	verdict failed
	expect_jq '.[0].line == "panicked at the end"'
}

@test "a console file that is written anew is read from its head, and who reads it is in nobody's way" {
	mode file
	printf 'of yesterday\n' >"$T/console"
	exec {reader}<"$T/console"
	guest <<-'END'
		for i in {1..50}; do echo "a line of the first text"; done
		read -rt 0.3 x <>"$T/never.guest"
		exec >"$T/console"
		echo 'login:'
		read -rt 5 x <>"$T/never.guest"
	END
	mkfifo "$T/never.guest"
	rx boot --wait --json
	exec {reader}<&-
	expect_status 0
	verdict up
}

# QEMU's other monitor: JSON, and nothing before its capabilities were asked for.
qmp_monitor() {
	cat >"$T/qmp.sh" <<-END
		#!/bin/bash
		echo '{"QMP": {"version": {}, "capabilities": []}}'
		while read -r line; do
			echo "\$line" >>'$T/qmp.log'
			[[ \$line != *'"quit"'* ]] || { kill "\$(<'$T/machine.pid')"; exit; }
			echo '{"return": {}}'
		done
	END
	chmod +x "$T/qmp.sh"
	sed -i "s|EXEC:\$0 monitor|EXEC:$T/qmp.sh|" "$TREE/run-dev.sh"
}

@test "a monitor that speaks QMP is asked in QMP" {
	mode socket
	monitor
	qmp_monitor
	rx_ok boot --stop --json
	verdict up
	expect_machine_ended
	expect_equal "$(<"$T/qmp.log")" '{"execute":"qmp_capabilities"}
{"execute":"quit"}'
}

# late_monitor: one that takes calls for 0.7 s after the machine and its console have ended.
late_monitor() {
	mkfifo "$T/never"
	cat >"$T/listen.py" <<-'END'
		import os, signal, socket, sys
		listener = socket.socket(socket.AF_UNIX)
		listener.bind(sys.argv[1] + ".new")
		listener.listen(1000)
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		signal.pause()
	END
	sed -i -e 's|socat "UNIX-LISTEN:$MONSOCK.*|python3 "$T/listen.py" "$MONSOCK" \&|' -e \
		's|trap .kill.*|monitor=$(<"$T/socat.pid"); trap '\''(read -rt 0.7 x <>"$T/never"; kill "$monitor") </dev/null >/dev/null 2>\&1 \&'\'' EXIT|' "$TREE/run-dev.sh"
	[[ $(grep -c 'listen.py\|never' "$TREE/run-dev.sh") == 2 ]] || fail "the machine is another one by now"
}

@test "a machine whose monitor ends after its console is not met by the next boot" {
	local i
	mode socket
	monitor
	late_monitor
	guest <<<'until [[ -S $SOCKET_DIR/redox-mon.sock ]]; do read -rt 0.01 x <>"$T/never"; done; exit 1'
	for i in 1 2 3; do
		rx boot --wait --stop --json
		expect_status 1
		verdict failed
	done
}

@test "at a terminal nobody is ended by force: a machine that cannot be asked goes on, and that is said" {
	mode socket
	mkfifo "$T/never.guest"
	guest <<<'printf "login: "; while :; do read -rt 5 x <>"$T/never.guest"; done'
	tty_open
	type_line '$REINJECT boot --wait --stop 2>$T/told; echo "ended: $?" >$T/ended'
	wait_until 20 test -s "$T/ended" || fail 'it does not end'
	expect_equal "$(<"$T/ended")" 'ended: 0'
	grep -q 'goes on .* it is left alone' "$T/told" || fail "$(<"$T/told")"
	expect_machine_runs
}

@test "the two hundred newest logs are kept" {
	mode socket
	monitor
	rx_ok boot --stop
	test -s "$TREE/.reinject/boots/1.log"
	sqlite3 "$TREE/.reinject/journal.db" 'UPDATE boot SET id = 199 WHERE id = 1'
	rx_ok boot --stop
	test -s "$TREE/.reinject/boots/200.log"
	test -s "$TREE/.reinject/boots/1.log"
	rx_ok boot --stop
	test -s "$TREE/.reinject/boots/201.log"
	refute test -e "$TREE/.reinject/boots/1.log"
}
