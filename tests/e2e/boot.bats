#!/usr/bin/env bats
# Boots: the verdict, the console in each of its places, checks, what is kept, and how a machine ends. The machine is a shell script (lib/boot); guest.bats
# has a real one.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { boot_setup_file; }
setup() { fixture_setup; boot_setup; }
teardown() {
	machine_end
	fixture_teardown
}

# ---- up

boot_up() {
	mode "$1"
	monitor
	rx boot --wait --stop --json
	expect_status 0
	verdict up
	expect_jq '.[0] | .ms > 0 and .ms < 20000 and .error == null and .running == false'
	boot_log | grep -q 'mounted' || fail "the log lacks the console: $(boot_log)"
	boot_log | grep -q 'login:'
	expect_machine_ended
	expect_nothing_left
}

@test "a console on a terminal: up, and the machine is asked to end" { boot_up pty; }
@test "a console on a socket: up, and the machine is asked to end" { boot_up socket; }
@test "a console in tmux: up, and the machine is asked to end" { boot_up tmux; }
@test "a console in a file: up, and the machine is asked to end" { boot_up file; }

@test "the program gets the image, its sockets and what it is about" {
	mode socket
	ini_add <<<$'[share]\npath = share'
	rx_ok boot --json
	expect_equal "$(<"$T/env")" "RAW_IMG=$IMAGE RUN= IMAGE=$IMAGE SHARE=$TREE/share"
}

@test "without --stop a machine on a socket runs on, and its console is free for the user" {
	mode socket
	guest <<<'printf "login: "; read -r x; exec sleep 60'
	rx_ok boot --json
	verdict up
	expect_jq '.[0].running'
	expect_machine_runs
	expect_err 'runs on; console: socket:'
}

@test "the log keeps escape sequences, the patterns do not see them" {
	mode socket
	ini_set boot ready '^redox login: $'
	rx_ok boot --json
	verdict up
	boot_log | grep -qF $'\033[32mredoxfs\033[0m' || fail "the log is not what the console said"
}

@test "without SOCKET_DIR the sockets lie in the state folder" {
	mode socket
	monitor
	unset SOCKET_DIR
	rx_ok boot --stop --json
	verdict up
	expect_machine_ended
}

# ---- failed and timed out

@test "a line that matches failure before ready: failed, with the line" {
	mode socket
	guest <<<'echo hello; echo "panicked at main.rs:3: no disk"; echo "login:"; read -r x'
	rx boot --wait --stop --json
	expect_status 1
	verdict failed
	expect_jq '.[0] | .line == "panicked at main.rs:3: no disk" and (.error | contains("panicked"))'
	expect_err 'panicked at main.rs'
	refute test -e "$IMAGE.good"
}

@test "nothing that matches: timeout, and the limit can be given" {
	mode socket
	guest <<<'echo almost; read -r x; exec sleep 60'
	rx boot --wait --timeout 6 --json
	expect_status 1
	verdict timeout
	expect_jq '.[0] | .ms >= 6000 and (.error | contains("login:"))'
	expect_err 'almost'
	expect_machine_runs
}

@test "timeout_scale makes every limit longer" {
	mode socket
	ini_set boot timeout_s 1
	ini_set boot timeout_scale 60
	guest <<<'echo early; until [[ -e $T/go ]]; do read -rt 0.05 x; done; printf "login: "; read -r x'
	export T
	start boot "$REINJECT" boot --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/1.log
	# Longer than the limit without its scale.
	pause 1.5
	touch "$T/go"
	finish boot 20
	verdict up
}

@test "the program's end before ready is failed, with its status and its last words" {
	mode pty
	guest <<<'echo one; echo "no accelerator found"; exit 3'
	rx boot --wait --json
	expect_status 1
	verdict failed
	expect_jq '.[0] | (.error | contains("exited with 3")) and .line == "no accelerator found"'
}

@test "a program that fails before any machine is there says why" {
	mode socket
	printf '#!/bin/sh\necho "qemu: could not open disk" >&2\nexit 1\n' >"$TREE/run-dev.sh"
	rx boot --wait --json
	expect_status 1
	verdict failed
	expect_jq '.[0].error | contains("exited with 1") and contains("could not open disk")'
}

@test "a machine in the background that ends before ready is seen" {
	mode socket
	guest <<<'echo going; exit 0'
	rx boot --wait --json
	verdict failed
	mode file
	rx boot --wait --json
	verdict failed
	mode tmux
	rx boot --wait --json
	verdict failed
}

@test "exit_ok and exit_failed: a guest that ends by itself says how" {
	mode pty
	ini_set boot exit_ok 51
	ini_set boot exit_failed 53
	guest <<<'echo done; exit 51'
	rx boot --wait --json
	expect_status 0
	verdict up
	guest <<<'echo done; exit 53'
	rx boot --wait --json
	expect_status 1
	verdict failed
	expect_jq '.[0].error | contains("53")'
	guest <<<'echo done; exit 0'
	rx boot --wait --json
	verdict failed
}

@test "a prompt and an end in one breath: the prompt was there" {
	mode pty
	guest <<<'printf "login: "; exit 0'
	rx boot --wait --json
	verdict up
}

@test "no program is exit 3, no pattern exit 2, a wrong console exit 2" {
	rm "$TREE/run-dev.sh"
	rx boot
	expect_refused 3
	expect_err 'run-dev.sh'
	ini_set boot ready ''
	rx boot
	expect_refused 2
	expect_err 'ready'
	ini_set boot ready login
	ini_set boot console serial
	rx boot
	expect_refused 2
	expect_err 'socket:PATH'
}

# ---- checks

checks() {
	ini_add <<-'END'
		[check login]
		send = root
		expect = root:.*#

		[check version]
		send = netd
		expect = netd=[0-9]+
	END
}

run_checks() {
	mode "$1"
	monitor
	checks
	rx boot --wait --stop --json
	expect_status 0
	verdict up
	expect_jq '.[0].checks | map([.name, .result, .required]) == [["login", "ok", true], ["version", "ok", true]]'
	expect_jq '.[0].checks[1].line | startswith("netd=1 common=1")'
}

@test "checks on a terminal: log in, run the driver, see its version" { run_checks pty; }
@test "checks on a socket" { run_checks socket; }
@test "checks in tmux" { run_checks tmux; }

@test "the echo of what was sent is no answer" {
	mode pty
	monitor
	guest <<-'END'
		answer() { printf 'nothing\nroot:~# '; }
		printf 'login: '
		serve
	END
	ini_add <<<$'[check echo]\nsend = show netd=7\nexpect = netd=7\ntimeout_s = 1'
	rx boot --wait --json
	expect_status 1
	verdict failed
	expect_jq '.[0].checks[0].result == "failed"'
	# Without an echo, the same words are an answer.
	ini_set 'check echo' timeout_s 20
	mode socket
	guest <<-'END'
		answer() { printf 'you said: %s\n' "$1"; }
		printf 'login: '
		serve
	END
	rx boot --wait --stop --json
	verdict up
}

@test "a required check that fails fails the boot and skips the rest; one that is not is only reported" {
	mode socket
	monitor
	ini_add <<-'END'
		[check login]
		send = root
		expect = root:.*#

		[check pci]
		send = pci
		expect = 00--
		timeout_s = 1

		[check version]
		send = netd
		expect = netd=1
	END
	rx boot --wait --stop --json
	expect_status 1
	verdict failed
	expect_jq '.[0] | (.checks | map(.result)) == ["ok", "failed", "skipped"] and (.error | contains("pci"))'
	refute test -e "$IMAGE.good"
	ini_set 'check pci' required no
	rx boot --wait --stop --json
	expect_status 0
	verdict up
	expect_jq '.[0].checks | map(.result) == ["ok", "failed", "ok"]'
	expect_err 'check pci failed \(only reported\)'
}

@test "a panic during the checks fails the boot" {
	mode socket
	guest <<-'END'
		answer() { echo "thread panicked at netd"; }
		printf 'login: '
		serve
	END
	checks
	rx boot --wait --json
	verdict failed
	expect_jq '.[0].line | contains("panicked")'
}

@test "lines cannot be sent to a file" {
	mode file
	checks
	rx boot
	expect_refused 2
	expect_err 'takes no lines'
}

# ---- what is kept

@test "numbers out of the console are told and kept" {
	mode socket
	ini_set boot record '(boot took|mounted in) ([0-9.]+)'
	rx_ok boot --json
	expect_jq '.[0].numbers == {"boot took": 0.5}'
	expect_equal "$(sqlite "SELECT name || '=' || value FROM boot_number WHERE boot = 1")" "boot took=0.5"
	expect_equal "$(sqlite "SELECT id || ' ' || result || ' ' || (ms > 0) FROM boot")" "1 up 1"
}

@test "a record that may match nothing takes no number from behind the line's end" {
	mode socket
	ini_set boot record '([0-9.]+)?$'
	guest <<<'printf "aaaa 3.5\n7.5\nx\nlogin: "; read -r x'
	rx_ok boot --json
	expect_jq '.[0].numbers == {"record": 7.5}'
}

# Read by the program that wrote it: sqlite3's own may be missing.
sqlite() {
	sqlite3 "$TREE/.reinject/journal.db" "$1"
}

@test "after a boot that is up the image is IMAGE.good, the same file" {
	mode socket
	monitor
	rx_ok boot --stop --json
	expect_equal "$(stat -c %i "$IMAGE.good")" "$(stat -c %i "$IMAGE")"
	# What booted once is still good after another image has failed.
	image_copy "$IMAGE" "$IMAGE.other"
	mv "$IMAGE.other" "$IMAGE"
	guest <<<'echo "panicked at x"; read -r x'
	rx boot --stop --json
	verdict failed
	refute test "$IMAGE.good" -ef "$IMAGE"
	guest_plain
	rx_ok boot --stop --json
	test "$IMAGE.good" -ef "$IMAGE" || fail "the newer image is not the good one"
}

@test "an image that is replaced while it boots: the one that was booted is the good one" {
	local booted
	mode socket
	guest <<<'echo early; until [[ -e $T/go ]]; do read -rt 0.05 x; done; printf "login: "; read -r x'
	export T
	booted=$(stat -c %i "$IMAGE")
	start boot "$REINJECT" boot --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/1.log
	mv "$IMAGE" "$IMAGE.prev"
	image_copy "$IMAGE.prev" "$IMAGE"
	touch "$T/go"
	finish boot 20
	verdict up
	expect_equal "$(stat -c %i "$IMAGE.good")" "$booted"
}

# ---- whose machine it is

@test "a machine that reinject did not start is not touched: exit 75" {
	mode socket
	monitor
	(cd "$TREE" && RAW_IMG=$IMAGE ./run-dev.sh -s) >/dev/null 2>&1 3>&-
	wait_until 20 socket_listens "$T/run/redox.sock"
	# The one who listens only takes one connection: as QEMU does while somebody is there.
	socat -u "UNIX-CONNECT:$T/run/redox.sock" OPEN:/dev/null >/dev/null 2>&1 3>&- &
	started+=("$!")
	wait_until 20 test -s "$T/machine.pid"
	tmux new-session -d -s redox-dev 'read x' 3>&-
	mode tmux
	rx boot
	expect_refused 75
	expect_machine_runs
	tmux has-session -t redox-dev || fail "the session has gone"
	refute test -e "$T/monitor.log"
}

@test "a socket where somebody listens is refused" {
	mode socket
	socat "UNIX-LISTEN:$T/run/redox.sock,fork" EXEC:'sleep 60' 3>&- &
	started+=("$!")
	wait_until 20 socket_listens "$T/run/redox.sock"
	rx boot
	expect_refused 75
	expect_err 'did not start'
}

@test "a socket whose listener takes no more calls is somebody's, however often it is asked" {
	local socket i
	mode socket
	monitor
	# It has its name when it listens.
	cat >"$T/listen.py" <<-'END'
		import os, signal, socket, sys
		listener = socket.socket(socket.AF_UNIX)
		listener.bind(sys.argv[1] + ".new")
		listener.listen(1)
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		signal.pause()
	END
	for socket in redox-mon redox; do
		python3 "$T/listen.py" "$T/run/$socket.sock" 3>&- &
		started+=("$!")
		wait_until 20 test -S "$T/run/$socket.sock"
		for i in 1 2 3 4; do
			rx boot
			expect_refused 75
			expect_err "'$T/run/$socket.sock'.* did not start"
		done
		kill -KILL $!
		rm "$T/run/$socket.sock"
	done
	refute test -e "$T/env"
}

@test "an old socket and an old console file are in nobody's way" {
	mode socket
	socat "UNIX-LISTEN:$T/run/redox.sock,unlink-close=0" EXEC:true 3>&- &
	wait_until 20 socket_listens "$T/run/redox.sock"
	end_pid $!
	rx_ok boot --json
	verdict up
	machine_end
	printf 'login: of yesterday\n' >"$T/console"
	mode file
	guest <<<'echo new; exit 1'
	rx boot --json
	verdict failed
	expect_equal "$(<"$T/console.old")" "login: of yesterday"
}

@test "two boots at once: the second is busy" {
	mode socket
	guest <<<'echo early; read -r x'
	start boot "$REINJECT" boot --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/1.log
	rx boot
	expect_refused 75
	kill -INT "$pid_boot"
	finish boot 20
}

@test "Ctrl-C: 130, and the machine is asked to end" {
	mode pty
	guest <<-'END'
		echo early
		serve
	END
	start boot "$REINJECT" boot --json
	wait_until 30 grep -qs early "$TREE"/.reinject/boots/1.log
	kill -INT "$pid_boot"
	finish boot 20
	expect_status 130
	expect_machine_ended
	expect_equal "$(sqlite "SELECT result FROM boot")" cancelled
}

@test "a machine on a terminal that hears nothing is hung up on, and ended in the end" {
	mode pty
	guest <<<'trap "" HUP TERM INT; printf "login: "; while :; do read -rt 5 x; done'
	rx boot --wait --json
	verdict up
	expect_machine_ended
}

@test "the monitor is asked, in its own language" {
	mode socket
	monitor
	rx_ok boot --stop --json
	expect_equal "$(<"$T/monitor.log")" quit
	expect_machine_ended
}
