#!/usr/bin/env bats
# `boot` on a terminal, where the console is the user's; and consoles in places that are somebody else's, or none. The machine is that of lib/boot.

load ../lib/assert
load ../lib/fixture
load ../lib/boot
load ../lib/tty

setup_file() { boot_setup_file; }
setup() { fixture_setup; boot_setup; }
teardown() {
	tty_close
	machine_end
	fixture_teardown
}

# tty_boot ARGS: in the terminal's foreground; its status in $T/ended, and the terminal's settings before and after it.
tty_boot() {
	type_line 'stty -a >$T/before'
	type_line "\$REINJECT boot $*; echo \"ended: \$?\" >\$T/ended; stty -a >\$T/after"
}

@test "on a terminal the console is the user's: keys reach the guest, Ctrl-C too, and the terminal comes back as it was" {
	mode pty
	guest <<-'END'
		trap 'printf "guest: interrupted\n"' INT
		answer() { printf 'guest heard <%s>\n' "$1"; }
		printf 'redox login: '
		serve
	END
	tty_open
	tty_boot
	shown 20 'redox login: '
	shown 20 'boot 1: up after'
	expect_machine_runs
	type_line 'hello there'
	shown 20 'guest heard <hello there>'
	type_keys $'\003'
	shown 20 'guest: interrupted'
	expect_machine_runs
	[[ ! -e $T/ended ]] || fail "Ctrl-C ended it"
	type_keys $'\001x'
	tty_ended 0
	expect_machine_ended
	expect_nothing_left_but_tty
}

@test "on a terminal a boot that fails says so amid the console, and ends with 1 when the machine does" {
	mode pty
	guest <<-'END'
		answer() { :; }
		printf 'booting\nkernel panicked at main.rs\n'
		serve
	END
	tty_open
	tty_boot
	shown 20 'boot 1: failed after'
	shown 20 'kernel panicked at main.rs'
	# Each line of what is told begins at the left.
	shown 20 $'boot 1: failed after.*\r$'
	shown 20 $'the console\'s log: .*\r$'
	type_keys $'\001x'
	tty_ended 1
	expect_machine_ended
}

@test "on a terminal --wait keeps the keys: the verdict is told, and the machine is asked to end" {
	mode pty
	tty_open
	tty_boot --wait
	shown 20 'boot 1: up after'
	tty_ended 0
	refute tty_has 'redox login: '
	expect_machine_ended
}

@test "-v tells each line of the console" {
	mode socket
	monitor
	rx_ok -v boot --stop
	expect_err '^console: redoxfs mounted$'
	expect_err '^console: boot took 0.50 s$'
}

# ---- places of consoles

@test "a console's file that somebody writes is left alone: exit 75, with who it is" {
	mode file
	printf 'of another machine\n' >"$T/console"
	start writer bash -c "exec 9>>'$T/console'; : >'$T/holds'; exec sleep 60"
	wait_until 10 test -e "$T/holds"
	rx boot --wait
	expect_refused 75
	# shellcheck disable=SC2154 # start sets it
	expect_err "'$T/console' is written by .*sleep.* \(process $pid_writer\): a machine that reinject did not start"
	expect_equal "$(<"$T/console")" 'of another machine'
	[[ ! -e $T/console.old && ! -e $T/machine.pid ]]
	end_pid "$pid_writer"
	rx_ok boot --wait --stop
	expect_equal "$(<"$T/console.old")" 'of another machine'
}

@test "a console's file that is begun anew is read from its head" {
	mode file
	# It waits for what it wrote to have been read, then begins with less.
	guest <<-END
		printf 'page fault? no: %0300d\\n' 7
		for ((i = 0; i < 1000; i++)); do
			! grep -qs 0007 '$TREE/.reinject/boots/1.log' || break
			read -rt 0.02 <>'$T/never'
		done
		exec >'$T/console'
		printf 'redox login: '
		exec sleep 60
	END
	mkfifo "$T/never"
	rx_ok boot --wait --json
	expect_jq '.[0].result == "up"'
	boot_log | grep -qx 'redox login: ' || fail "$(boot_log)"
}

@test "a socket's path that no system takes is a mistake of the configuration; one that cannot be there is told" {
	local long
	long=$T/$(printf '%0100d' 0)
	ini_set boot console "socket:$long"
	rx boot --wait
	expect_refused 2
	expect_err "\[boot\] console: the path of the socket '$long' is too long"
	expect_err 'SOCKET_DIR'
	[[ ! -e $T/machine.pid ]]
	: >"$T/file"
	ini_set boot console "socket:$T/file/sock"
	rx boot --wait
	expect_status 1
	expect_err "cannot connect to the console '$T/file/sock': Not a directory"
	machine_end
	ini_set boot console "file:$T/file/console"
	rx boot --wait
	expect_status 1
	expect_err "cannot open the console '$T/file/console': Not a directory"
}
