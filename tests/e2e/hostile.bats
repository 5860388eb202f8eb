#!/usr/bin/env bats
# Names that somebody else has chosen, with newlines, quotes and escape sequences: whatever verb prints them for people, none begins a line of its own or
# speaks to the terminal, and --json is JSON that holds them whole.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() {
	# Only where there was one: it ends the tmux server of the test.
	[[ -z ${TMUX_TMPDIR-} ]] || machine_end
	fixture_teardown
}

# A quote of each kind, a title for the terminal, one of C1, and a newline before a word that a script would look for.
bad=$'q"\'\\`\e]0;owned\a\xc2\x9b1m\nINJECTED $(x) &'
visible='q"'"'"'\`\x1b]0;owned\x07\xc2\x9b1m\x0aINJECTED'

# expect_tame: what was printed holds no control byte but newlines and tabs, and no line that a name has begun.
expect_tame() {
	local f
	for f in "$T/out" "$T/err"; do
		if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$f"; then fail "control bytes after $1: $(cat -v "$f")"; fi
		if grep -q '^INJECTED' "$f"; then fail "a name began a line after $1: $(cat -v "$f")"; fi
	done
}

tame() {
	rx "$@"
	expect_tame "$*"
}

# Everything lies in a folder of such a name, and so do a file of a package's, one of nobody's and a place in the image.
hostile_tree() {
	mv "$TREE" "$T/$bad"
	TREE=$T/$bad SRC=$T/$bad/src IMAGE=$T/$bad/disk.img
	printf 'x\n' >"$SRC/drivers/net/netd/a$bad"
	printf 'x\n' >"$SRC/nobody$bad"
	ini_add <<-END
		[asset odd]
		path = custom/input
		dest = /etc/$(printf '\033[1m')odd
	END
	git -C "$SRC" checkout -q -b "br\"'\$(x)"
	commit "subject$bad"
}

@test "no verb lets a name speak to the terminal" {
	hostile_tree
	tame config
	expect_status 0
	expect_out 'INJECTED'
	tame status
	tame doctor -v
	tame refresh -n -v
	# Its commands are still to be pasted.
	printf '%s\npwd\n' "$(grep -m1 -o "cd '.*' &&" "$T/out") true" >"$T/pasted"
	(cd / && bash "$T/pasted") >"$T/where"
	expect_equal "$(cat "$T/where")" "$SRC"
	tame affected --commit HEAD --explain
	expect_out '^netd: owns drivers/net/netd/aq"'
	expect_out '^nobody: nobodyq"'
	grep -qF "$visible" "$T/out" || fail "not as it should look: $(cat -v "$T/out")"
	tame refresh -v
	expect_status 0
	tame log
	tame show 1
	expect_out 'x1b\[1modd'
	tame symbols netd
	tame image check
	tame hooks install
	tame hooks status
	tame hooks uninstall
	tame report
	tame inject "$SRC/nobody$bad" "/etc/$bad"
	tame extract "/etc/none$bad" -
	tame rollback
	tame adopt "no$bad"
	tame build "no$bad"
	tame "no$bad"
	tame -c "no$bad" status
	tame -o "no$bad" status
}

@test "and in --json each line is an object that has the names whole" {
	hostile_tree
	rx_ok affected --commit HEAD --json
	expect_json
	expect_jq '.[0].unowned == [$name]' --arg name "nobody${bad/$'\xc2\x9b'/$'\u009b'}"
	rx_ok config --json image.path
	expect_jq '.[0].value | contains("\u001b]0;owned\u0007")'
	local v
	rx_ok refresh --json
	expect_json
	for v in status doctor log 'show 1' 'symbols netd' 'image check' 'hooks status' 'affected --commit HEAD --explain'; do
		# shellcheck disable=SC2086 # a list of words
		rx $v --json
		expect_json
	done
}

@test "what a compiler says of such a source, without colours and with them" {
	printf 'fn main() { let x: u8 = "\e]0;owned\a\xc2\x9b1m"; }\n' >"$SRC/drivers/multi/src/bin/multi-a.rs"
	tame build multi
	expect_status 1
	expect_err 'multi-a\.rs'
	rx --color always build multi
	expect_err $'\e\\[[0-9;]*m'
	sed -i $'s/\e\\[[0-9;]*m//g' "$T/err"
	expect_tame 'a build in colour'
}

@test "what a console says" {
	boot_machine
	mode socket
	monitor
	guest <<<'printf "\033]0;owned\007\233 panicked at \033[2J \302\2331m\\\"x\n"; exec sleep 60'
	tame boot --stop
	expect_status 1
	expect_err 'panicked at'
	rx status
	tame report
	rx boot --stop --json
	expect_json
}
