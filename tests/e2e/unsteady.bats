#!/usr/bin/env bats
# What is edited while cargo runs, and put back before it ends, is not in the image; nor is the package called broken for it.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# meddling_cargo: a cargo that does $T/before and $T/after around its first build of netd, and $T/always after each; it notes its builds.
meddling_cargo() {
	mkdir -p "$T/bin"
	cat >"$T/bin/cargo" <<-END
		#!/bin/bash
		T='$T' SRC='$SRC' MAIN='$SRC/drivers/net/netd/src/main.rs'
		real='$(command -v cargo)'
		[[ " \$* " == *" build "*" -p netd "* ]] || exec "\$real" "\$@"
		echo netd >>'$T/builds'
		first=
		if mkdir '$T/began' 2>/dev/null; then first=yes; . '$T/before'; fi
		r=0
		"\$real" "\$@" || r=\$?
		if [[ \$first ]]; then . '$T/after'; fi
		if [[ -e '$T/always' ]]; then . '$T/always'; fi
		exit "\$r"
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
	: >"$T/builds"
}

builds() { wc -l <"$T/builds"; }

@test "an edit that was compiled and taken back is not in the image" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo 'cp -p "$MAIN" "$T/kept"; sed -i "s/netd=2/netd=9/" "$MAIN"' >"$T/before"
	echo 'cat "$T/kept" >"$MAIN"' >"$T/after"
	rx_ok refresh --json
	expect_equal "$(events build '"\(.package) \(.result)"')" 'netd ok'
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	expect_equal "$(builds)" 2
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "nor one that was taken back with its old time, which cargo takes for no change" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo 'mv "$MAIN" "$T/kept"; sed "s/netd=2/netd=9/" "$T/kept" >"$MAIN"' >"$T/before"
	echo 'mv "$T/kept" "$MAIN"' >"$T/after"
	rx_ok refresh --json
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
}

@test "an edit in a library that was taken back is not in the image of who uses it" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo 'sed -i "s/common=1/common=9/" "$SRC/crates/common/src/lib.rs"' >"$T/before"
	echo 'git -C "$SRC" checkout -q crates/common' >"$T/after"
	rx_ok refresh --json
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

@test "an error that was taken back fails nothing" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo 'cp -p "$MAIN" "$T/kept"; echo "fn broken( {" >>"$MAIN"' >"$T/before"
	echo 'cat "$T/kept" >"$MAIN"' >"$T/after"
	rx_ok refresh --json
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1'
}

@test "what was edited and stays is not called fresh, and not believed when its file gets an old time" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo : >"$T/before"
	echo 'sed "s/netd=2/netd=3/" "$MAIN" >"$T/new"; touch -d 2001-01-01 "$T/new"; mv "$T/new" "$MAIN"' >"$T/after"
	rx_ok refresh --json
	expect_err 'edited while it was being built'
	expect_stale netd
	rx_ok refresh --json
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=3 proto=1 common=1'
}

@test "a build that writes its own sources each time comes to an end, and is fresh after it" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo : | tee "$T/before" >"$T/after"
	echo 'cat "$MAIN" >"$T/same"; cat "$T/same" >"$MAIN"' >"$T/always"
	rx_ok refresh --json
	expect_equal "$(builds)" 2
	rx_ok refresh --json
	expect_equal "$(events done .result)" nothing
	expect_equal "$(builds)" 2
}

@test "a build beside which nothing was written is one build" {
	rx_ok refresh
	mark netd 2
	meddling_cargo
	echo 'touch "$SRC/drivers/inputd/src/main.rs"' >"$T/before"
	echo : >"$T/after"
	rx_ok refresh --json
	expect_equal "$(builds)" 1
}
