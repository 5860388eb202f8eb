# boot - a virtual machine that is a shell script, with the modes of the real run-dev.sh, its variables and a monitor; and a project that boots it.
# boot_setup for each test (after fixture_setup): $TREE/run-dev.sh, an image, reinject.ini with [boot].
# guest: what stdin has becomes the guest: bash, which sees its console as stdin and stdout. `serve` answers lines by the function answer.
# Modes: none (the console is the terminal), -s (socket), -t -d (tmux), -f FILE. The machine says `up N` into $T/machine.pid before the guest begins.

boot_setup_file() {
	[[ -x $REINJECT ]] || { echo "no binary to test at '$REINJECT': run make" >&2; return 1; }
	image_root "$BATS_FILE_TMPDIR/root"
	image_make "$BATS_FILE_TMPDIR/disk.img" "$BATS_FILE_TMPDIR/root" 16M
}

boot_setup() {
	mkdir -p "$TREE/src"
	image_copy "$BATS_FILE_TMPDIR/disk.img" "$IMAGE"
	cat >"$TREE/reinject.ini" <<-'END'
		[source base]
		path = src

		[image]
		path = disk.img
	END
	boot_machine
}

# boot_machine: the machine and its [boot], for whatever project there is.
boot_machine() {
	export SOCKET_DIR=$T/run
	# A server of its own, below $T.
	export TMUX_TMPDIR=$T/run
	unset TMUX
	ini_add <<-'END'
		[boot]
		ready = login:
		failure = panicked at|INCORRECT HASH
		timeout_s = 20
	END
	machine_make "$TREE/run-dev.sh"
	guest_plain
}

# mode KIND [ARGS...]: where the console is.
mode() {
	case $1 in
	pty) ini_set boot console pty ;;
	socket)
		ini_set boot console "socket:\${SOCKET_DIR}/redox.sock"
		ini_set boot args -s
		;;
	tmux)
		ini_set boot console tmux:redox-dev
		ini_set boot args '-t -d'
		;;
	file)
		ini_set boot console "file:$T/console"
		ini_set boot args "-f $T/console"
		;;
	esac
}

monitor() {
	ini_set boot stop "monitor:\${SOCKET_DIR}/redox-mon.sock"
}

# The machine proper is `run-dev.sh machine`: one process whose end is the machine's, with the monitor beside it.
machine_make() {
	cat >"$1" <<-END
		#!/bin/bash
		T='$T'
	END
	cat >>"$1" <<-'END'
		SOCK=${SOCK:-$SOCKET_DIR/redox.sock} MONSOCK=${MONSOCK:-$SOCKET_DIR/redox-mon.sock}
		machine() {
			trap 'kill "$(<"$T/socat.pid")" 2>/dev/null' EXIT
			bash "$T/guest.sh"
			exit
		}
		monitor() {
			printf 'QEMU 9.9 monitor - type '\''help'\'' for more information\n(qemu) '
			while read -r word; do
				echo "$word" >>"$T/monitor.log"
				[[ $word != quit ]] || { kill "$(<"$T/machine.pid")"; exit; }
			done
		}
		case ${1-} in
		machine) machine ;;
		monitor)
			monitor
			exit
			;;
		esac
		printf 'RAW_IMG=%s RUN=%s IMAGE=%s SHARE=%s\n' "$RAW_IMG" "${REINJECT_RUN-}" "${REINJECT_IMAGE-}" "${SHARE-}" >"$T/env"
		[[ -r $RAW_IMG ]] || { echo "run-dev.sh: no image $RAW_IMG" >&2; exit 1; }
		# The image stays open for as long as the machine runs, as snapshot=on has it.
		exec 9<"$RAW_IMG"
		rm -f "$MONSOCK" "$SOCK"
		# A socat that ends must not remove the next machine's socket.
		socat "UNIX-LISTEN:$MONSOCK,unlink-close=0" "EXEC:$0 monitor" 2>/dev/null &
		echo $! >"$T/socat.pid"
		case ${1-} in
		-s)
			echo "socket: $SOCK"
			socat "UNIX-LISTEN:$SOCK,unlink-close=0" "EXEC:$0 machine" >>"$T/socat.log" 2>&1 &
			;;
		-t)
			tmux new-session -d -s redox-dev -x 100 -y 20 "$0 machine"
			;;
		-f) "$0" machine </dev/null >"$2" & ;;
		-F) "$0" machine </dev/null >"$2" ;;
		*) machine ;;
		esac
	END
	chmod +x "$1"
}

guest() {
	{
		cat <<-END
			T='$T'
		END
		cat <<-'END'
			echo $$ >"$T/machine.pid.new" && mv "$T/machine.pid.new" "$T/machine.pid"
			serve() {
				local c line= escape=
				[[ ! -t 0 ]] || stty -icanon -echoctl min 1
				while IFS= read -r -N1 c; do
					case $escape$c in
					$'\n' | $'\r') answer "$line"; line= ;;
					$'\001') escape=1 ;;
					1x) exit 0 ;;
					*) line+=$c escape= ;;
					esac
				done
			}
		END
		cat
	} >"$T/guest.sh"
}

# Comes up, and is a shell of sorts.
guest_plain() {
	guest <<-'END'
		answer() {
			case $1 in
			root) printf 'welcome\nroot:~# ' ;;
			netd) printf 'netd=1 common=1\nroot:~# ' ;;
			off) exit 0 ;;
			*) printf '%s: not found\nroot:~# ' "$1" ;;
			esac
		}
		printf 'BIOS\r\n\033[32mredoxfs\033[0m mounted\r\nboot took 0.50 s\r\nredox \033[1mlogin:\033[0m '
		serve
	END
}

# machine_gone: the fake machine and its monitor, which the test ends where reinject must leave them alone.
machine_gone() {
	pid_gone "$(<"$T/machine.pid")"
}

machine_end() {
	local f more
	for f in "$T/machine.pid" "$T/socat.pid"; do
		if [[ -s $f ]]; then end_pid "$(<"$f")"; fi
	done
	# One that had not said its number yet when reinject was killed is known by what it runs. Until none is left: it may have forked another meanwhile.
	while more=$(machine_pids) && [[ -n $more ]]; do
		for f in $more; do end_pid "$f"; done
	done
	tmux kill-server 2>/dev/null || true
}

machine_pids() {
	local p
	for p in $(tree_pids); do
		case $(tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline") in
		*run-dev.sh' machine ' | *run-dev.sh' -'[stfF]' '* | *"$T/guest.sh " | 'sleep 60 ') echo "$p" ;;
		esac
	done
}

# verdict RESULT: the boot's, by --json.
verdict() {
	expect_json
	expect_equal "$(jq -r 'select(.event == "boot") | .result' "$T/out")" "$1"
}

expect_machine_ended() {
	wait_until 20 machine_gone || fail "the machine goes on"
}

expect_machine_runs() {
	if machine_gone; then fail "the machine has ended"; fi
}

# boot_log: what the console of the last boot said.
boot_log() {
	cat "$(jq -r .log "$T/out")"
}
