#!/usr/bin/env bats
# `copy = share:/...`: the same binary under another name in the share, beside what goes into the image.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	ini_add <<<$'[share]\npath = share'
}
teardown() { fixture_teardown; }

@test "a copy in the share of a package that goes into the image" {
	ini_set 'package netd' copy share:/bin/net
	rx_ok refresh --json
	expect_equal "$("$TREE/share/bin/net")" 'netd=1 proto=1 common=1'
	expect_equal "$(events put .path | grep -c '^share:/bin/net$')" 1
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
	expect_stale
	mark netd 2
	rx_ok refresh
	expect_equal "$("$TREE/share/bin/net")" 'netd=2 proto=1 common=1'
	rx_ok refresh -n
	refute grep -q netd "$T/out"
}

@test "a copy in the image of a package that goes to the share" {
	ini_set 'package netd' dest share:/bin/
	ini_set 'package netd' copy /usr/bin/net
	rx_ok refresh -n
	expect_out '^build netd -> share:/bin/ '
	rx_ok refresh
	mark netd 2
	rx_ok refresh --json
	expect_equal "$("$TREE/share/bin/netd")" 'netd=2 proto=1 common=1'
	expect_equal "$(image_says /usr/bin/net)" 'netd=2 proto=1 common=1'
	expect_stale
}

@test "in the share alone, the copy too: the image is not needed" {
	ini_set 'package multi' dest share:/
	ini_set 'package multi' copy 'share:/first share:/other/first'
	rx_ok refresh
	printf 'fn main() {\n    println!("multi-a=2");\n}\n' >"$SRC/drivers/multi/src/bin/multi-a.rs"
	local sum
	sum=$(image_sum)
	rx_ok refresh --json
	expect_equal "$(events swap .image)" ''
	expect_equal "$("$TREE/share/first") $("$TREE/share/other/first") $("$TREE/share/multi-a")" 'multi-a=2 multi-a=2 multi-a=2'
	expect_equal "$(image_sum)" "$sum"
	expect_stale
}
