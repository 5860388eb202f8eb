#!/usr/bin/env bats
# The other half of a stripped binary, kept for gdb; and what is said after a swap.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

SYMBOLS=.reinject/symbols
netd=/usr/lib/drivers/netd

# kept: how many binaries lie there.
kept() {
	find "$TREE/$SYMBOLS" -type f 2>/dev/null | wc -l
}

# build_set KEY VALUE: in [build], which the base configuration does without.
build_set() {
	grep -q '^\[build\]' "$TREE/reinject.ini" || ini_add <<<'[build]'
	ini_set build "$1" "$2"
}

# with_build_id FLAG: what the linker is told, for all packages.
with_build_id() {
	build_set rustflags "-Clink-arg=-Wl,--build-id=$1"
}

symbols_path() {
	awk -v p="$1" '$1 == p { print $2 }' "$T/out"
}

# ---- kept

@test "after a refresh each binary's unstripped twin is there, by build-id, and is cargo's" {
	with_build_id sha1
	rx_ok refresh
	local id p
	id=$(readelf -n "$SRC/target/release/netd" | sed -n 's/.*Build ID: //p')
	[[ ${#id} == 40 ]] || fail "no build-id: $id"
	rx_ok symbols netd
	p=$TREE/$SYMBOLS/.build-id/${id:0:2}/${id:2}.debug
	expect_equal "$(cat "$T/out")" "$netd  $p"
	cmp "$p" "$SRC/target/release/netd"
	expect_equal "$(cat "$T/err")" ""
	rx_ok symbols 1
	expect_equal "$(wc -l <"$T/out")" 5
	expect_equal "$(cut -d' ' -f1 "$T/out" | paste -sd' ')" "/usr/bin/rxe2e-odd /usr/lib/drivers/inputd /usr/lib/drivers/multi-a /usr/lib/drivers/multi-b $netd"
	rx_ok symbols multi --json
	expect_json
	expect_jq 'length == 2 and all(.[]; .package == "multi" and .run == 1 and (.build_id | length == 40) and (.hash | length == 64) and (.symbols | startswith("/")))'
	rx_ok symbols 1 --json
	expect_jq '[.[].path] | length == 5'
	for p in $(jq -r '"\(.path)=\(.symbols)"' "$T/out"); do
		cmp "${p#*=}" "$SRC/target/release/$(basename "${p%%=*}")"
	done
}

@test "gdb finds them in the folder by itself" {
	command -v gdb >/dev/null || skip "no gdb"
	with_build_id sha1
	build_set env.CARGO_PROFILE_RELEASE_DEBUG true
	rx_ok build netd
	in_image cp usr/lib/drivers/netd "$T/stripped-netd"
	gdb -q -nx -batch -ex "set debug-file-directory $TREE/$SYMBOLS" -ex "file $T/stripped-netd" -ex 'info line netd::main' >"$T/gdb" 2>&1 || true
	grep -q 'Line 1 of ".*main.rs"' "$T/gdb" || fail "$(cat "$T/gdb")"
	gdb -q -nx -batch -ex "file $T/stripped-netd" -ex 'info line netd::main' >"$T/gdb" 2>&1 || true
	refute grep -q 'main.rs' "$T/gdb"
}

@test "without a build-id they are named by the stripped file that is in the image" {
	with_build_id none
	rx_ok refresh
	refute test -e "$TREE/$SYMBOLS/.build-id"
	local sum
	sum=$(image_file_sum $netd)
	sum=${sum%% *}
	rx_ok symbols netd --json
	expect_jq '.[0].build_id == null and .[0].hash == $sum' --arg sum "$sum"
	expect_equal "$(jq -r .symbols "$T/out")" "$TREE/$SYMBOLS/by-hash/${sum:0:2}/${sum:2}"
	cmp "$(jq -r .symbols "$T/out")" "$SRC/target/release/netd"
}

@test "equal content is kept once, other content with the same build-id beside it" {
	with_build_id 0x0123456789
	rx_ok refresh
	expect_equal "$(kept)" 5
	expect_equal "$(find "$TREE/$SYMBOLS/.build-id" -type f | wc -l)" 1
	rx_ok symbols 1 --json
	local p
	for p in $(jq -r '"\(.path)=\(.symbols)"' "$T/out"); do
		cmp "${p#*=}" "$SRC/target/release/$(basename "${p%%=*}")"
	done
	# The same file under another name in the image is another row, and no other file.
	rx_ok build netd /usr/bin/netd2
	expect_equal "$(kept)" 5
	rx_ok symbols netd
	expect_equal "$(wc -l <"$T/out")" 2
}

@test "a run's symbols stay its own, and PKG means what the image holds now" {
	rx_ok refresh
	cp "$SRC/target/release/netd" "$T/netd.1"
	mark netd 2
	rx_ok refresh
	rx_ok symbols netd
	cmp "$(symbols_path $netd)" "$SRC/target/release/netd"
	rx_ok symbols 1
	cmp "$(symbols_path $netd)" "$T/netd.1"
	rx_ok symbols 2
	expect_equal "$(cut -d' ' -f1 "$T/out")" $netd
	expect_equal "$(kept)" 6
	# Back again: the old binary is there, and the run that brought it is not the one that kept it first.
	mark netd 1
	rx_ok refresh
	rx_ok symbols netd
	cmp "$(symbols_path $netd)" "$T/netd.1"
	expect_equal "$(kept)" 6
}

@test "what somebody else has put at a package's place is not called the package's" {
	rx_ok refresh
	printf 'x\n' >"$T/x"
	rx_ok inject "$T/x" $netd
	rx symbols netd
	expect_refused 1
	expect_equal "$(cat "$T/out")" ""
	rx symbols 2
	expect_refused 1
	rx_ok symbols 1
}

@test "a package with a command: its artifact as it was before strip" {
	cat >"$T/make.sh" <<-END
		cp '$SRC/target/release/multi-a' '$SRC/custom/artifact'
	END
	ini_add <<-END
		[package made]
		paths = custom
		command = sh $T/make.sh
		artifact = custom/artifact
		dest = /usr/bin
	END
	printf 'custom/artifact\n' >>"$SRC/.gitignore"
	rx_ok build made
	rx_ok symbols made
	cmp "$(symbols_path /usr/bin/made)" "$SRC/target/release/multi-a"
}

# ---- lost

@test "a binary that was overwritten before it could be kept is said to be lost, and the run is ok" {
	# The image's tool is what runs after the last strip, and before anything is kept.
	cat >"$T/tool.sh" <<-END
		#!/bin/sh
		[ ! -e '$T/armed' ] || { cat '$SRC/target/release/multi-a' >'$SRC/target/release/netd'; rm '$T/armed'; }
		exec redoxfs "\$@"
	END
	chmod +x "$T/tool.sh"
	ini_set image tool "$T/tool.sh"
	rx_ok refresh
	mark netd 2
	# Not before cargo has run: the first mount of a run is beside it, the second one verifies.
	cat >"$T/armer.sh" <<-END
		#!/bin/sh
		llvm-strip "\$@" && : >'$T/armed'
	END
	chmod +x "$T/armer.sh"
	build_set strip "$T/armer.sh"
	rx_ok build netd --json
	expect_equal "$(events done .result)" ok
	expect_err 'warning: .*netd.*lost.*overwritten'
	expect_equal "$(image_says $netd)" "netd=2 proto=1 common=1"
	rx symbols netd
	expect_refused 1
	expect_err 'no symbols were kept'
	# Built again, they are kept although the image has the file already.
	rm "$SRC/target/release/netd"
	rx_ok build netd
	rx_ok symbols netd
	cmp "$(symbols_path $netd)" "$SRC/target/release/netd"
}

@test "one that was pruned is said, with what brings it back" {
	rx_ok refresh
	rx_ok symbols multi
	rm "$(symbols_path /usr/lib/drivers/multi-a)"
	rx symbols multi
	expect_refused 1
	expect_err 'multi-a: its symbols were kept, but are not there any more'
	expect_equal "$(cut -d' ' -f1 "$T/out")" /usr/lib/drivers/multi-b
	rx_ok build multi
	rx_ok symbols multi
	cmp "$(symbols_path /usr/lib/drivers/multi-a)" "$SRC/target/release/multi-a"
	# Cut short, as after a power cut.
	chmod 0600 "$(symbols_path /usr/lib/drivers/multi-a)"
	: >"$(symbols_path /usr/lib/drivers/multi-a)"
	rx symbols multi
	expect_refused 1
}

@test "a full disk costs a warning, not the run" {
	mkdir -p "$TREE/.reinject/symbols"
	chmod 0700 "$TREE/.reinject"
	mount -t tmpfs -o size=1m tmpfs "$TREE/.reinject/symbols"
	mounted+=("$TREE/.reinject/symbols")
	rx_ok refresh --json
	expect_equal "$(events done .result)" ok
	expect_err 'warning: netd: .*symbols.*lost'
	expect_equal "$(find "$TREE/.reinject/symbols" -type f | wc -l)" 0
	expect_equal "$(image_says $netd)" "netd=1 proto=1 common=1"
	rx symbols netd
	expect_refused 1
}

@test "unknown packages and runs, and nothing done yet" {
	rx symbols nobody
	expect_refused 2
	expect_err nobody
	rx symbols 7
	expect_refused 2
	rx symbols netd
	expect_refused 1
	expect_err 'reinject build netd'
	rx_ok refresh
	rx symbols 7
	expect_refused 2
	rx symbols common
	expect_refused 1
	rx symbols
	expect_refused 2
}

@test "on a terminal there is a hint for gdb, and in a pipe none" {
	with_build_id sha1
	rx_ok refresh
	local text
	text=$(cd "$TREE" && script -qec "'$REINJECT' symbols netd" /dev/null </dev/null)
	[[ $text == *"gdb -ex 'set debug-file-directory $TREE/$SYMBOLS'"* ]] || fail "it said: $text"
	text=$(cd "$TREE" && script -qec "'$REINJECT' -q symbols netd" /dev/null </dev/null)
	[[ $text != *gdb* ]] || fail "it said: $text"
	rx_ok symbols netd
	expect_equal "$(cat "$T/err")" ""
}

# ---- what the change needs

@test "after a swap it is said what the change needs, for what was really written" {
	ini_set 'package netd' activate 'kill netd\n/usr/lib/drivers/netd &'
	ini_set 'package odd_pkg' activate none
	ini_add <<-'END'
		[asset motd]
		path = custom/input
		dest = /etc/motd

		[asset netd-config]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
	rx_ok refresh --json
	expect_json
	expect_equal "$(events swap '.activate[] | "\(.package) \(.asset) \(.needs) \(.lines | join(";"))"' | sort)" \
		"inputd null reboot 
multi null reboot 
netd null console kill netd;/usr/lib/drivers/netd &
null motd reboot 
odd_pkg null none "
	expect_err '^ +needs a reboot: inputd, multi, asset motd$'
	expect_err '^ +in the running guest: kill netd; /usr/lib/drivers/netd & \(netd\)$'
	expect_err '^ +nothing else: odd_pkg$'
	rx_ok show 1
	expect_out '^then +needs a reboot: '
	rx_ok show 1 --json
	expect_jq '.[0].activate | length == 5'
	# Only what was written: the package whose file is the same already is not named.
	mark odd 2
	rx_ok build odd_pkg inputd --json
	expect_equal "$(events swap '.activate[].package')" odd_pkg
	printf 'class = 3\n' >"$SRC/drivers/net/netd/config.toml"
	rx_ok refresh --json
	expect_equal "$(events swap '.activate[] | "\(.package) \(.needs)"')" "netd console"
	printf 'x\n' >"$T/x"
	rx_ok inject "$T/x" /etc/x --json
	expect_equal "$(events swap '.activate | length')" 0
}
