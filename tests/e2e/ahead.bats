#!/usr/bin/env bats
# What a refresh does while cargo runs, so that nobody waits for it afterwards; and what it leaves until nobody waits any more.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

blob_of() {
	local hash
	hash=$(sha256sum <"$1" | cut -d' ' -f1)
	printf '%s' "$TREE/.reinject/blobs/${hash:0:2}/${hash:2}"
}

@test "while cargo runs, the content that may be replaced is read and kept; what was not ours to replace is not" {
	rx_ok refresh
	rx_ok extract /usr/lib/drivers/netd "$T/netd"
	rx_ok extract /usr/lib/drivers/inputd "$T/inputd"
	[[ ! -e $(blob_of "$T/netd") ]] || fail "kept before anything replaced it"
	# One that does not compile: its part of the image was ready, and nothing is put.
	printf 'no rust\n' >>"$SRC/drivers/net/netd/src/main.rs"
	sum=$(sha256sum <"$IMAGE")
	rx refresh
	expect_status 1
	cmp "$T/netd" "$(blob_of "$T/netd")"
	[[ ! -e $(blob_of "$T/inputd") ]] || fail "inputd was not to be built"
	expect_equal "$(sha256sum <"$IMAGE")" "$sum"
	# It serves the put that follows, and a rollback after that.
	printf 'fn main() {\n    println!("netd=2");\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	rx_ok refresh
	rx_ok rollback
	rx_ok extract /usr/lib/drivers/netd "$T/again"
	cmp "$T/netd" "$T/again"
}

# Descriptors of files without a name: an image that was swapped away.
gone_files() { find "/proc/$1/fd" -lname "$TREE/*.img* (deleted)" | wc -l; }

@test "the room of an image that went away is given back once the round is told" {
	watch_setup
	rest
	watch
	for i in 1 2 3; do
		printf 'fn main() {\n    println!("inputd=%s");\n}\n' "$i" >"$SRC/drivers/inputd/src/main.rs"
		expect_round ok inputd
	done
	[[ -e $IMAGE.prev ]]
	wait_until 20 none_gone || fail "held open: $(ls -l "/proc/$pid_watch/fd")"
}
none_gone() { (($(gone_files "$pid_watch") == 0)); }
