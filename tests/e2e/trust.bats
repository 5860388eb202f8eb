#!/usr/bin/env bats
# Whoever can write the configuration, the state folder or the socket decides what runs: each is refused when that is not the user alone, for root as for
# an ordinary user, with the command that mends it.

load ../lib/assert
load ../lib/fixture

USER_ID=$(id -u nobody) STRANGER=4712

setup_file() {
	((EUID == 0)) || skip "needs root"
}

# No image and no workspace is needed to be refused.
setup() {
	fixture_setup
	mkdir -p "$SRC" "$TREE/.reinject" "$T/bin"
	git -C "$SRC" init -q
	ini_base
	let_others_in
	cp "$REINJECT" "$T/bin/reinject"
	chmod 0700 "$TREE/.reinject"
	chmod 0644 "$TREE/reinject.ini"
}
teardown() { fixture_teardown; }

# as WHO ARGS...: root, or user, to whom all of it belongs then.
as() {
	local who=$1 run=()
	shift
	[[ $who == root ]] || run=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups)
	status=0
	(cd "$TREE" && exec env HOME="$T" timeout 60 "${run[@]}" "$T/bin/reinject" "$@") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "reinject $* (as $who)"
}

owner() {
	if [[ $1 == root ]]; then chown -R 0:0 "$TREE"; else chown -R "$USER_ID:$USER_ID" "$TREE"; fi
}

# mends: the command that the last line of the refusal names is run, as root.
mends() {
	local command
	command=$(grep -oE "(sudo )?(chmod|chown) .*'" "$T/err" | tail -n 1)
	[[ -n $command ]] || fail "the refusal names no command: $(cat "$T/err")"
	sh -c "${command#sudo }"
}

refused_then_mended() { # WHO PATTERN ARGS...
	local who=$1 pattern=$2
	shift 2
	as "$who" "$@"
	expect_refused 2
	expect_err "$pattern"
	expect_equal "$(cat "$T/out")" ""
	mends
	as "$who" "$@"
	refute grep -Eq "$pattern" "$T/err"
}

configuration() {
	owner "$1"
	as "$1" config
	expect_status 0
	chmod o+w "$TREE/reinject.ini"
	refused_then_mended "$1" 'everybody may write it' config
	expect_status 0
	chown "$STRANGER" "$TREE/reinject.ini"
	refused_then_mended "$1" "belongs to user $STRANGER" config
	expect_status 0
}

@test "a configuration that others can write: root" { configuration root; }
@test "a configuration that others can write: a user" { configuration user; }

@test "an included map of a stranger's, for a user" {
	sed -i '1i [reinject]\ninclude = packages.ini' "$TREE/reinject.ini"
	printf '[package extra]\npaths = extra\nbins =\n' >"$TREE/packages.ini"
	owner user
	chown "$STRANGER" "$TREE/packages.ini"
	refused_then_mended user "packages.ini.*belongs to user $STRANGER" config
	expect_status 0
	expect_out extra
}

state_folder() {
	owner "$1"
	chmod o+w "$TREE/.reinject"
	refused_then_mended "$1" 'can be written by everybody' log
	expect_status 0
	chown "$STRANGER" "$TREE/.reinject"
	chmod o+rx "$TREE/.reinject"
	refused_then_mended "$1" "belongs to user $STRANGER" log
	expect_status 0
}

@test "a state folder that others can write: root" { state_folder root; }
@test "a state folder that others can write: a user" { state_folder user; }

# A socket on which somebody answers; whoever trusts it would be told lies.
listen() { # MODE OWNER
	start liar python3 -c '
import os, socket, sys
path, mode, owner = sys.argv[1], int(sys.argv[2], 8), int(sys.argv[3])
s = socket.socket(socket.AF_UNIX)
s.bind(path + ".new"); s.listen(8)
os.chmod(path + ".new", mode); os.chown(path + ".new", owner, owner)
os.rename(path + ".new", path)
if owner: os.setgid(owner); os.setuid(owner)
while True:
    c, _ = s.accept()
    print("asked", flush=True)
    c.close()
' "$TREE/.reinject/watch.sock" "$1" "$2"
	wait_until 20 test -S "$TREE/.reinject/watch.sock" || fail "nobody listens: $(cat "$T/liar.err")"
}

socket_of() { # WHO UID
	owner "$1"
	listen 0666 "$2"
	as "$1" refresh
	expect_refused 2
	expect_err 'no socket of ours'
	expect_err 'delete the file'
	end_pid "$pid_liar"
	rm "$TREE/.reinject/watch.sock"
	listen 0600 "$STRANGER"
	as "$1" refresh
	expect_refused 2
	expect_err 'no socket of ours'
	expect_equal "$(cat "$T/liar.out")" ""
	end_pid "$pid_liar"
}

@test "a socket that others can write, or of a stranger's: root" { socket_of root 0; }
@test "a socket that others can write, or of a stranger's: a user" { socket_of user "$USER_ID"; }

@test "the folder of the socket, where the state folder's path is too long for one" {
	local long
	long=$TREE/$(printf 'd%.0s' {1..90})
	mkdir -m 0700 "$long"
	sed -i "1i [reinject]\nstate = $(basename "$long")" "$TREE/reinject.ini"
	owner user
	mkdir -m 0777 "$T/shared-run"
	chmod 0777 "$T/shared-run"
	XDG_RUNTIME_DIR=$T/shared-run as user refresh
	expect_refused 2
	expect_err 'XDG_RUNTIME_DIR'
	expect_err '0700'
}
