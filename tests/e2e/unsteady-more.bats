#!/usr/bin/env bats
# What is edited while cargo runs, where the file that is written is not the one that is named; and what cargo itself writes, which is no edit.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# around_cargo PACKAGE BEFORE AFTER: what is done around the first build of PACKAGE, once; $T/builds gets a line for each build of it.
around_cargo() {
	mkdir -p "$T/bin"
	: >"$T/builds"
	cat >"$T/bin/cargo" <<-END
		#!/bin/bash
		[[ " \$* " == *" build "*" -p $1 "* ]] || exec '$(command -v cargo)' "\$@"
		echo build >>'$T/builds'
		first=
		if mkdir '$T/began' 2>/dev/null; then first=yes; fi
		[[ ! \$first ]] || { $2; }
		r=0
		'$(command -v cargo)' "\$@" || r=\$?
		[[ ! \$first ]] || { $3; }
		exit "\$r"
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
}

@test "an edit behind a link that was compiled and taken back is not in the image" {
	mkdir "$SRC/behind"
	printf 'pub fn mark() -> u32 {\n    1\n}\n' >"$SRC/behind/helper.rs"
	ln -s ../../../../behind/helper.rs "$SRC/drivers/net/netd/src/helper.rs"
	printf 'mod helper;\nfn main() {\n    println!("netd=1 {} helper={}", proto::mark(), helper::mark());\n}\n' >"$SRC/drivers/net/netd/src/main.rs"
	commit 'a link'
	rx_ok refresh
	mark netd 2
	around_cargo netd "sed -i.kept s/1/9/ '$SRC/behind/helper.rs'" "mv '$SRC/behind/helper.rs.kept' '$SRC/behind/helper.rs'; touch '$SRC/behind/helper.rs'"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=2 proto=1 common=1 helper=1'
	expect_equal "$(wc -l <"$T/builds")" 2
	expect_stale
}
