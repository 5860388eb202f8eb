#!/usr/bin/env bats
# What the share has lost is put again: a file that is gone, one that is another, a folder that is another. What is there is left alone.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	ini_add <<<$'[share]\npath = share'
	ini_set 'package netd' dest share:/bin/
	NETD=$TREE/share/bin/netd
}
teardown() { fixture_teardown; }

# all_there: netd and whatever else a test has in the share is up to date, and in the journal.
all_there() {
	rx_ok refresh
	expect_stale
}

# puts: what the last `refresh --json` put into the share.
puts() {
	events put 'select(.path | startswith("share:")) | .path + " " + .result'
}

# expect_mended: one refresh puts netd back, and no other package is built.
expect_mended() {
	rx_ok refresh --json
	expect_equal "$(puts)" "share:/bin/netd ${1-written}"
	expect_equal "$(events build '.package + " " + .result')" 'netd fresh'
	expect_equal "$("$NETD")" 'netd=1 proto=1 common=1'
	expect_stale
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "a file that is gone from the share is put again, without a build and without the image" {
	all_there
	local sum
	sum=$(image_sum)
	rm "$NETD"
	expect_stale netd
	rx_ok refresh -n
	expect_out "^build netd -> share:/bin/ .*share:/bin/netd is not in '$TREE/share'"
	expect_mended
	rm -r "$TREE/share"
	expect_stale netd
	expect_mended
	expect_equal "$(image_sum)" "$sum"
}

@test "what somebody else has put in its place is replaced" {
	all_there
	# Of the same size, and as old.
	touch -r "$NETD" "$T/time"
	printf 'X' | dd of="$NETD" bs=1 seek=9 conv=notrunc status=none
	touch -r "$T/time" "$NETD"
	expect_stale
	touch "$NETD"
	expect_stale netd
	rx_ok refresh -n
	expect_out "share:/bin/netd is not as it was put into '$TREE/share'"
	expect_mended
	printf 'mine\n' >"$NETD"
	expect_stale netd
	expect_mended
	# Nobody waits for a pipe.
	rm "$NETD"
	mkfifo "$NETD"
	expect_stale netd
	expect_mended
}

@test "the same content is the same file, however it came there, and is read once" {
	all_there
	cp "$NETD" "$T/copy"
	mv "$T/copy" "$NETD"
	touch -d '2001-01-01' "$NETD"
	expect_stale
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	# Noted as it looks now: only a look into it could tell.
	touch -r "$NETD" "$T/time"
	printf 'X' | dd of="$NETD" bs=1 seek=9 conv=notrunc status=none
	touch -r "$T/time" "$NETD"
	expect_stale
}

@test "another [share] path loses all, and the way back costs nothing" {
	all_there
	ini_set share path other
	expect_stale netd
	NETD=$TREE/other/bin/netd
	expect_mended
	ini_set share path share
	expect_stale
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	ini_set share path other
	expect_stale
}

@test "each place counts: an asset, a copy, every binary; and only what was lost is put" {
	ini_set 'package netd' copy share:/net
	ini_set 'package multi' dest share:/multi/
	ini_add <<<$'[asset class]\npath = drivers/net/netd/config.toml\ndest = share:/etc/class.toml /etc/class.toml'
	all_there
	rm "$TREE/share/net"
	expect_stale netd
	rm "$TREE/share/multi/multi-b"
	expect_stale multi netd
	rx_ok refresh --json
	expect_equal "$(puts | sort)" 'share:/bin/netd identical
share:/multi/multi-a identical
share:/multi/multi-b written
share:/net written'
	expect_stale
	rm "$TREE/share/etc/class.toml"
	rx_ok refresh -n
	expect_out 'class.*share:/etc/class.toml is not in'
	rx_ok refresh
	expect_equal "$(<"$TREE/share/etc/class.toml")" 'class = 2'
	rx_ok refresh -n
	refute grep -q class "$T/out"
}

@test "what goes there no more is missed by nobody" {
	ini_set 'package netd' dest 'share:/bin/ share:/netd'
	all_there
	ini_set 'package netd' dest share:/netd
	all_there
	rm "$NETD"
	expect_stale
	ini_set 'package netd' dest /usr/bin
	all_there
	rm "$TREE/share/netd"
	expect_stale
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "what was recorded without a put is put: [share] path comes later, or what the image holds is adopted" {
	ini_set share path ''
	ini_set 'package netd' dest '/usr/bin share:/bin/'
	ini_add <<<$'[asset class]\npath = drivers/net/netd/config.toml\ndest = share:/class.toml /etc/class.toml'
	rx_ok refresh
	expect_stale
	ini_set share path share
	expect_stale netd
	rx_ok refresh -n
	expect_out "netd .*nothing of it was put into '$TREE/share' yet"
	expect_out "class .*nothing of it was put into '$TREE/share' yet"
	rx_ok refresh --json
	expect_equal "$(puts | sort)" 'share:/bin/netd written
share:/class.toml written'
	expect_stale
	rm -r "$TREE/.reinject"
	rx_ok adopt
	expect_stale netd
	rx_ok refresh --json
	expect_equal "$(puts | sort)" 'share:/bin/netd identical
share:/class.toml identical'
	expect_stale
}

@test "a share that cannot be looked at is an error with a hint, for its package alone" {
	all_there
	mv "$TREE/share" "$TREE/away"
	ln -s share "$TREE/share"
	rx_ok refresh -n
	expect_out 'share:/bin/netd cannot be looked at in .*Too many levels'
	mark inputd 2
	rx refresh
	expect_status 1
	expect_err "netd: cannot make folder '$TREE/share"
	expect_err 'is the disk of \[share\] path there'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=2 common=1'
	rm "$TREE/share"
	mv "$TREE/away" "$TREE/share"
	rx_ok refresh
	expect_stale
}

@test "folders that root makes in the share belong to its owner" {
	((EUID == 0)) || skip "needs root"
	local id
	id=$(id -u nobody)
	mkdir "$TREE/share"
	chown "$id:$id" "$TREE/share"
	ini_set 'package netd' dest share:/a/b/
	rx_ok refresh
	expect_equal "$(find "$TREE/share" -uid "$id" -gid "$id" -printf '%P\n' | sort | xargs)" 'a a/b a/b/netd'
	chown "$id:$id" "$TREE"
	rm -r "$TREE/share"
	rx_ok refresh
	expect_equal "$(find "$TREE/share" ! -uid "$id")" ''
}

@test "a watch mends it at its next look, and again when it is lost again" {
	watch_setup
	rest
	watch
	local i
	for i in 1 2; do
		rm "$NETD"
		# It makes the watch look, and no more.
		g commit --allow-empty -q -m "$i"
		expect_round ok netd
		test -x "$NETD" || watch_fail "not put again"
	done
	expect_quiet
	stop_watch
}

@test "a watch tries once what cannot be put, and what else is edited goes its way" {
	watch_setup
	rest
	watch
	rm -r "$TREE/share"
	: >"$TREE/share"
	g commit --allow-empty -q -m look
	expect_round failed netd
	told 10 'is the disk of'
	g commit --allow-empty -q -m look
	mark inputd 2
	expect_round failed inputd netd
	# The image is another now.
	expect_round failed netd
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=2 common=1'
	rm "$TREE/share"
	rx_ok refresh
	expect_round ok netd
	test -x "$NETD" || watch_fail "not put again"
	expect_quiet
	stop_watch
}
