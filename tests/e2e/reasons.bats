#!/usr/bin/env bats
# What is said of why something is built: what differs from what the image was given last, not from HEAD.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# reasons: the plan's lines, as `PACKAGE (WHY)`.
reasons() {
	rx_ok refresh -n
	sed -nE 's/^(build|copy) +([a-z_-]+) -> .* \((.*)\)$/\2 (\3)/p' "$T/out"
}

@test "a file that is in the image is no reason any more, though it is not committed" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	mark proto 2
	expect_equal "$(reasons)" 'netd (crates/proto/src/lib.rs, through proto)'
	rx_ok refresh
	mark netd 3
	expect_equal "$(reasons)" 'netd (drivers/net/netd/src/main.rs)'
}

@test "an edit that was put and is taken back is named, although nothing is uncommitted" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	git -C "$SRC" checkout -q .
	expect_equal "$(reasons)" 'netd (drivers/net/netd/src/main.rs)'
}

@test "what commits brought is named, a rename once for each name, and what is uncommitted beside it" {
	rx_ok refresh
	mark common 2
	commit 'one'
	printf 'pub const MORE: u8 = 1;\n' >"$SRC/crates/common/src/more.rs"
	expect_equal "$(reasons | grep inputd)" 'inputd (crates/common/src/lib.rs, through common and 1 more)'
	commit 'two'
	rx_ok refresh
	git -C "$SRC" mv crates/common/src/more.rs crates/common/src/other.rs
	commit 'three'
	expect_equal "$(reasons | grep inputd)" 'inputd (crates/common/src/more.rs, through common and 1 more)'
}

@test "each file is counted once, by however many ways it comes in" {
	sed -i 's,^uses = crates/proto,uses = crates/proto crates crates/common/src,' "$TREE/reinject.ini"
	rx_ok refresh
	mark common 2
	expect_equal "$(reasons | grep netd)" 'netd (crates/common/src/lib.rs, through common)'
}

@test "the first time is the first time, whatever is uncommitted" {
	mark netd 2
	expect_equal "$(reasons | grep netd)" 'netd (first time)'
}

@test "what is no file of its own is named by what it is" {
	rx_ok refresh
	ini_set 'package odd_pkg' dest /usr/lib/drivers
	expect_equal "$(reasons)" 'odd_pkg (its destinations)'
	ini_set 'package odd_pkg' dest /usr/bin
	printf '# a word\n' >>"$SRC/Cargo.toml"
	expect_equal "$(reasons | sort -u -k2)" 'inputd (Cargo.toml)'
	git -C "$SRC" checkout -q .
	ini_add <<-'END'
		[build]
		rustflags = --cfg one
	END
	expect_equal "$(reasons | grep -c '(the toolchain or the settings of \[build\])')" 4
}

@test "an asset is named by its file" {
	ini_add <<-'END'
		[asset netd-config]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
	rx_ok refresh
	printf 'class = 3\n' >"$SRC/drivers/net/netd/config.toml"
	rx_ok refresh -n
	expect_out '^copy +netd-config -> .* \(drivers/net/netd/config\.toml\)$'
	commit 'the same'
	rx_ok refresh -n
	expect_out '^copy +netd-config -> .* \(drivers/net/netd/config\.toml\)$'
}

@test "what was adopted is what a reason is measured by" {
	local first
	rx_ok refresh
	first=$(git -C "$SRC" rev-parse HEAD)
	mark netd 2
	commit 'two'
	mark inputd 2
	commit 'three'
	rm -rf "$TREE/.reinject"
	rx_ok adopt "$first"
	expect_equal "$(reasons)" 'inputd (drivers/inputd/src/main.rs)
netd (drivers/net/netd/src/main.rs)'
}

@test "a commit that git has let go leaves the folder's name" {
	rx_ok refresh
	mark netd 2
	commit 'to be let go'
	rx_ok refresh
	mark netd 3
	git -C "$SRC" add -A
	git -C "$SRC" -c user.name=test -c user.email=test@localhost commit -q --amend -m 'another'
	git -C "$SRC" -c gc.reflogExpire=now -c gc.reflogExpireUnreachable=now gc -q --prune=now
	git -C "$SRC" reflog expire --expire=now --all
	git -C "$SRC" gc -q --prune=now
	expect_equal "$(reasons)" 'netd (drivers/net/netd)'
}

@test "a file that somebody else replaced in the image is said to be that" {
	rx_ok refresh
	rx_ok inject "$SRC/Cargo.toml" /usr/lib/drivers/netd
	expect_equal "$(reasons)" 'netd (the image does not have it as run 1 left it)'
}
