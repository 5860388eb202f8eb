#!/usr/bin/env bats
# The main job: what changed in the workspace is in the image after a refresh, whole, and only that.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# all_programs: what each program in the image prints, in the order of their names.
all_programs() {
	in_image sh -c 'usr/lib/drivers/inputd; usr/lib/drivers/multi-a; usr/lib/drivers/multi-b; usr/lib/drivers/netd; usr/bin/rxe2e-odd'
}

built() { events build .package | sort | paste -sd' '; }
result() { events done .result; }

# ---- the first time, and the second

@test "the first refresh builds every package that has a destination and swaps once" {
	rm -rf "$SRC/target"
	rx_ok refresh --json
	expect_json
	expect_equal "$(events build '"\(.package) \(.result)"' | sort | paste -sd,)" "inputd ok,multi ok,netd ok,odd_pkg ok"
	expect_equal "$(events put '"\(.path) \(.result)"' | sort)" "/usr/bin/rxe2e-odd written
/usr/lib/drivers/inputd written
/usr/lib/drivers/multi-a written
/usr/lib/drivers/multi-b written
/usr/lib/drivers/netd written"
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_equal "$(result)" ok
	expect_nothing_left
	expect_equal "$(all_programs)" "inputd=1 common=1
multi-a=1
multi-b=1
netd=1 proto=1 common=1
odd=1"
}

@test "what is in the image is cargo's binary after strip, and nothing else has changed" {
	local before p
	before=$(image_files | grep -v inputd)
	rx_ok refresh
	image_files >"$T/files"
	for p in usr/lib/drivers/netd usr/lib/drivers/inputd usr/lib/drivers/multi-a usr/lib/drivers/multi-b usr/bin/rxe2e-odd; do
		expect_equal "$(awk -v p="./$p" '$2 == p { print $1 }' "$T/files")" "$(stripped "${p##*/}")"
	done
	expect_equal "$(grep -vE 'drivers/|rxe2e' "$T/files")" "$before"
}

@test "events come in the documented order with the documented keys" {
	rx_ok refresh --json
	expect_json
	expect_jq 'all(.[]; (.event | type == "string") and (.t_ms | type == "number"))'
	expect_jq '[.[].t_ms] | . == sort'
	# change, plan, build and put, swap, done; events of other names may be added one day.
	expect_jq '[.[].event | {change: 1, plan: 2, build: 3, put: 3, swap: 4, done: 6}[.] | values] | . == sort'
	expect_jq '[.[] | select(.event == "plan")] | length == 1 and (.[0] | (.run | type == "number") and (.assets | type == "array") and
		(.stale | sort) == ["inputd", "multi", "netd", "odd_pkg"])'
	expect_jq 'all(.[] | select(.event == "change"); .packages | type == "array")'
	expect_jq 'all(.[] | select(.event == "build"); (.package | type == "string") and (.ms | type == "number") and (.result | IN("ok", "fresh", "failed")))'
	expect_jq 'all(.[] | select(.event == "put"); (.path | startswith("/")) and (.bytes | type == "number") and (.result | IN("written", "identical")))'
	expect_jq '[.[] | select(.event == "swap")] | length == 1 and (.[0] | .image == $image and (.after_build_ms | type == "number" and . >= 0))' --arg image "$IMAGE"
	expect_jq '[.[] | select(.event == "done")] | length == 1 and (.[0] | .result == "ok" and .error == null and has("error"))'
	expect_jq '([.[] | select(.event == "plan") | .run]) == [.[] | select(.event == "done") | .run]'
	expect_jq '.[-1].event == "done"'
}

@test "put says the bytes that were written" {
	rx_ok refresh --json
	local bytes
	bytes=$(events put 'select(.path == "/usr/lib/drivers/netd") | .bytes')
	expect_equal "$bytes" "$(in_image stat -c %s usr/lib/drivers/netd)"
}

@test "a second refresh builds nothing, mounts nothing and writes nothing" {
	note_tool
	note_cargo
	rx_ok refresh
	[[ -s $T/tool.log && -n $(cargo_builds) ]] || fail "the first refresh ran neither the tool nor cargo"
	local sum inode
	sum=$(image_sum) inode=$(stat -c '%i %Y' "$IMAGE")
	: >"$T/tool.log"
	: >"$T/cargo.log"
	rx_ok refresh --json
	expect_json
	expect_equal "$(result)" nothing
	expect_jq 'any(.[]; .event == "plan" and .stale == [] and .assets == [])'
	expect_jq 'all(.[]; .event | IN("build", "put", "swap") | not)'
	expect_untouched "$sum"
	expect_equal "$(stat -c '%i %Y' "$IMAGE")" "$inode"
	expect_equal "$(cat "$T/tool.log")" ""
	expect_equal "$(cargo_builds)" ""
}

@test "each stale package gets a cargo run of its own" {
	note_cargo
	rx_ok refresh
	expect_equal "$(cargo_builds | sort | paste -sd' ')" "inputd multi netd odd_pkg"
}

# ---- what an edit rebuilds

@test "an edit in a shared library rebuilds exactly its dependents" {
	rx_ok refresh
	mark common 2
	expect_stale inputd netd
	rx_ok refresh --json
	expect_equal "$(built)" "inputd netd"
	expect_equal "$(events put .path | sort | paste -sd' ')" "/usr/lib/drivers/inputd /usr/lib/drivers/netd"
	expect_equal "$(all_programs)" "inputd=1 common=2
multi-a=1
multi-b=1
netd=1 proto=1 common=2
odd=1"

	mark proto 2
	rx_ok refresh --json
	expect_equal "$(built)" netd
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=2 common=2"
}

@test "a shared file concerns every package" {
	rx_ok refresh
	printf '# a comment\n' >>"$SRC/Cargo.toml"
	expect_stale inputd multi netd odd_pkg
}

@test "each build line says why" {
	rx_ok refresh
	mark common 2
	rx_ok refresh
	expect_said 'inputd: crates/common/src/lib\.rs, through common'
	expect_said 'netd: crates/common/src/lib\.rs, through (common|proto)'
}

@test "saving a file and then committing the same content rebuilds once" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh --json
	expect_equal "$(built)" netd
	commit 'the same content'
	local sum
	sum=$(image_sum)
	rx_ok refresh --json
	expect_equal "$(result)" nothing
	expect_equal "$(built)" ""
	expect_untouched "$sum"
}

@test "a new file counts before and after it is added and committed" {
	rx_ok refresh
	printf 'pub const EXTRA: &str = "extra";\n' >"$SRC/drivers/multi/src/bin/extra.inc"
	expect_stale multi
	rx_ok refresh
	git -C "$SRC" add -A
	expect_stale
	commit 'a new file'
	expect_stale
	git -C "$SRC" rm -q drivers/multi/src/bin/extra.inc
	expect_stale multi
}

@test "a checkout of another commit is noticed by content" {
	mark netd 2
	commit 'netd 2'
	rx_ok refresh
	git -C "$SRC" checkout -q HEAD~1
	rx_ok refresh --json
	expect_equal "$(built)" netd
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	# Two branches with one content are the same.
	git -C "$SRC" checkout -q -b elsewhere
	expect_stale
}

@test "a README in a package is a fresh build and an identical file: the image stays" {
	rx_ok refresh
	local sum
	sum=$(image_sum)
	printf 'More words.\n' >>"$SRC/drivers/net/netd/README.md"
	rx_ok refresh --json
	expect_equal "$(events build '"\(.package) \(.result)"')" "netd fresh"
	expect_equal "$(events put '"\(.path) \(.result)"')" "/usr/lib/drivers/netd identical"
	expect_equal "$(events swap .image)" ""
	expect_equal "$(result)" nothing
	expect_untouched "$sum"
	# and it is remembered
	rx_ok refresh --json
	expect_equal "$(built)" ""
}

@test "a touch or a file that git ignores is no change" {
	rx_ok refresh
	touch "$SRC/crates/common/src/lib.rs"
	mkdir "$SRC/drivers/inputd/target"
	printf 'x\n' >"$SRC/drivers/inputd/target/junk"
	rx_ok refresh --json
	expect_equal "$(built)" ""
	expect_equal "$(result)" nothing
}

# ---- the plan alone

@test "-n prints the plan and changes nothing" {
	rx_ok refresh
	mark proto 2
	local sum binary
	sum=$(image_sum) binary=$(sha256 "$SRC/target/release/netd")
	rx_ok refresh -n
	expect_out netd
	refute grep -q inputd "$T/out"
	expect_untouched "$sum"
	expect_equal "$(sha256 "$SRC/target/release/netd")" "$binary"
	rx_ok refresh -n --json
	expect_json
	expect_jq 'any(.[]; .event == "plan" and .stale == ["netd"])'
	expect_jq 'all(.[]; .event | IN("build", "put", "swap") | not)'
	expect_stale netd
}

@test "-n -v prints the command in a form that a shell takes" {
	rx_ok refresh
	mark netd 2
	rx_ok build -n -v netd
	# Continued lines are one line.
	sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$T/out" "$T/err" | grep -E 'cargo .*build' | grep -m1 -E -- '-p netd' >"$T/line" || fail "no command line printed"
	(cd "$SRC" && bash -e "$T/line") >"$T/pasted.out" 2>&1 || fail "the pasted line fails: $(cat "$T/line" "$T/pasted.out")"
	expect_equal "$("$SRC/target/release/netd")" "netd=2 proto=1 common=1"
}

# ---- when something does not build

@test "one failing package does not hold the others up" {
	rx_ok refresh
	break_source inputd
	mark netd 2
	mark multi-a 2
	rx refresh --json
	expect_status 1
	expect_json
	expect_equal "$(events build '"\(.package) \(.result == "failed")"' | sort | paste -sd,)" "inputd true,multi false,netd false"
	expect_equal "$(result)" failed
	expect_jq 'any(.[]; .event == "done" and (.error | type == "string"))'
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_jq 'all(.[] | select(.event == "put"); .path != "/usr/lib/drivers/inputd")'
	expect_equal "$(all_programs)" "inputd=1 common=1
multi-a=2
multi-b=1
netd=2 proto=1 common=1
odd=1"
}

@test "the compiler's words reach the terminal and the list of locations" {
	rx_ok refresh
	break_source inputd
	rx --color=always refresh
	expect_status 1
	expect_err 'error'
	expect_err 'drivers/inputd/src/main\.rs'
	expect_err $'\033\\['
	# Into a file nobody wants the colours.
	rx refresh --retry
	expect_status 1
	refute grep -q $'\033' "$T/err"
	grep -Eq 'drivers/inputd/src/main\.rs:[0-9]+:[0-9]+: ' "$TREE/.reinject/locations" || fail "no location of the error"
}

@test "what failed before is neither stale nor tried again until it changes or is named" {
	rx_ok refresh
	break_source inputd
	rx refresh
	expect_status 1
	expect_stale
	expect_jq '.[0].failed == ["inputd"]'
	rx_ok refresh --json
	expect_equal "$(built)" ""
	expect_equal "$(result)" nothing
	rx build inputd
	expect_status 1
	git -C "$SRC" checkout -q drivers/inputd
	mark inputd 3
	rx_ok refresh --json
	expect_equal "$(built)" inputd
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=3 common=1"
	rx_ok status --json
	expect_jq '.[0].failed == []'
}

@test "a package that lacks one of its binaries puts none of them" {
	ini_set 'package multi' bins 'multi-a multi-b multi-c'
	rx refresh --json
	expect_status 1
	expect_jq 'any(.[]; .event == "build" and .package == "multi" and .result == "failed")'
	expect_jq 'all(.[] | select(.event == "put"); .path | contains("multi") | not)'
	refute image_has /usr/lib/drivers/multi-a
	image_has /usr/lib/drivers/netd
}

# ---- kinds of packages

@test "several binaries of one package go in one transaction" {
	rx_ok refresh
	mark multi-a 2
	mark multi-b 2
	rx_ok refresh --json
	expect_equal "$(events put '"\(.path) \(.result)"' | sort | paste -sd,)" "/usr/lib/drivers/multi-a written,/usr/lib/drivers/multi-b written"
	expect_equal "$(events swap .image | wc -l)" 1
	# The one that stayed the same is not written again.
	mark multi-b 3
	rx_ok refresh --json
	expect_equal "$(events put '"\(.path) \(.result)"' | sort | paste -sd,)" "/usr/lib/drivers/multi-a identical,/usr/lib/drivers/multi-b written"
	expect_equal "$(in_image sh -c 'usr/lib/drivers/multi-a; usr/lib/drivers/multi-b')" "multi-a=2
multi-b=3"
}

@test "a package with a command and an artifact of its own" {
	printf '#!/bin/sh\nset -e\nmkdir -p "%s/target/fw"\ncp "%s/target/release/multi-a" "%s/target/fw/fw.elf"\n' "$SRC" "$SRC" "$SRC" >"$T/make.sh"
	ini_add <<-END
		[package firmware]
		paths = custom
		command = sh "$T/make.sh"
		artifact = target/fw/fw.elf
		dest = /boot/fw.elf
	END
	rx_ok refresh --json
	expect_jq 'any(.[]; .event == "build" and .package == "firmware" and .result == "ok")'
	expect_equal "$(events put 'select(.path == "/boot/fw.elf") | .result')" written
	expect_equal "$(image_says /boot/fw.elf)" "multi-a=1"
	rx_ok refresh --json
	expect_equal "$(result)" nothing
	printf 'firmware=2\n' >"$SRC/custom/input"
	expect_stale firmware
	# A command that fails is a package that fails.
	printf 'echo "no such board" >&2\nexit 3\n' >"$T/make.sh"
	rx refresh --json
	expect_status 1
	expect_jq 'any(.[]; .event == "build" and .package == "firmware" and .result == "failed")'
	expect_err 'no such board'
}

@test "an artifact amid its own sources, which no .gitignore names, is told of" {
	printf 'date +%%N >"%s/custom/made" && cp "%s/target/release/multi-a" "%s/custom/fw.elf"\n' "$SRC" "$SRC" "$SRC" >"$T/make.sh"
	ini_add <<-END
		[package firmware]
		paths = custom
		command = sh "$T/make.sh"
		artifact = custom/fw.elf
		dest = /boot/fw.elf
	END
	rx_ok refresh
	expect_err "firmware: edited .*'custom/fw.elf'.* .gitignore"
	printf 'fw.elf\nmade\n' >"$SRC/custom/.gitignore"
	rx_ok refresh
	refute grep -q edited "$T/err"
	rx_ok refresh --json
	expect_equal "$(result)" nothing
}

@test "no GIT variable reaches a child, and a custom build is told about its run" {
	slow_package
	RX_DIR=$TREE start run env GIT_DIR=/nonexistent GIT_INDEX_FILE=/nonexistent/index GIT_WORK_TREE=/nonexistent KEPT=yes "$REINJECT" refresh --json
	slow_begun
	slow_release
	finish run
	expect_status 0
	tr '\0' '\n' <"$T/slow.env" >"$T/env"
	refute grep -q '^GIT_' "$T/env"
	grep -qx 'KEPT=yes' "$T/env"
	grep -qx "REINJECT_RUN=$(events plan .run)" "$T/env"
	grep -qx "REINJECT_IMAGE=$IMAGE" "$T/env"
	grep -qx "REINJECT_COMMIT=$(git -C "$SRC" rev-parse HEAD)" "$T/env"
	grep -q '^REINJECT_RESULT=' "$T/env"
	grep -q '^REINJECT_PACKAGES=.*slow' "$T/env"
}

@test "one package with two destinations and a copy under another name" {
	ini_set 'package odd_pkg' dest '/usr/bin /usr/lib/drivers'
	ini_set 'package odd_pkg' copy /usr/bin/rxe2e-even
	rx_ok refresh
	expect_equal "$(in_image sh -c 'usr/bin/rxe2e-odd; usr/lib/drivers/rxe2e-odd; usr/bin/rxe2e-even')" "odd=1
odd=1
odd=1"
}

@test "a copy is of the binary that the configuration names first, whatever the order in which cargo tells of them" {
	ini_set 'package multi' bins 'multi-b multi-a'
	ini_set 'package multi' copy /usr/bin/first
	rx_ok build multi
	expect_equal "$(image_says /usr/bin/first)" 'multi-b=1'
	ini_set 'package multi' bins 'multi-a multi-b'
	rx_ok build multi
	expect_equal "$(image_says /usr/bin/first)" 'multi-a=1'
}

@test "assets are copied without a build" {
	ini_add <<-'END'
		[asset netd-conf]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
	rx_ok refresh --json
	expect_jq 'any(.[]; .event == "plan" and .assets == ["netd-conf"])'
	expect_equal "$(events put 'select(.path == "/etc/netd.toml") | .result')" written
	expect_equal "$(in_image cat etc/netd.toml)" "class = 2"
	expect_equal "$(image_stat /etc/netd.toml)" "644 0:0"
	rx_ok refresh --json
	expect_equal "$(result)" nothing
	printf 'class = 3\n' >"$SRC/drivers/net/netd/config.toml"
	rx_ok refresh --json
	expect_jq 'any(.[]; .event == "plan" and .assets == ["netd-conf"])'
	expect_equal "$(events put 'select(.result == "written") | .path')" /etc/netd.toml
	expect_equal "$(in_image cat etc/netd.toml)" "class = 3"
}

@test "a package or asset whose folder or file is missing is a warning" {
	ini_add <<-'END'
		[package ghost]
		paths = drivers/ghost

		[asset ghostconf]
		path = drivers/ghost/config.toml
		dest = /etc/ghost.toml
	END
	rx_ok refresh
	expect_err ghost
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
}

# ---- files and modes

@test "a replaced file keeps its mode and owner, a new program is root's and 0755" {
	rx_ok refresh
	expect_equal "$(image_stat /usr/lib/drivers/inputd)" "711 123:456"
	expect_equal "$(image_stat /usr/lib/drivers/netd)" "755 0:0"
}

@test "strip is called as configured, and cargo's own binary stays as it is" {
	printf '#!/bin/sh\necho "$@" >>"%s/strip.log"\nexec llvm-strip "$@"\n' "$T" >"$T/strip.sh"
	chmod +x "$T/strip.sh"
	ini_add <<-END
		[build]
		strip = $T/strip.sh
	END
	local before
	before=$(sha256 "$SRC/target/release/netd")
	rx_ok refresh
	grep -qE '^[^ ]*/netd -o [^ ]+$' "$T/strip.log" || fail "not called as STRIP BINARY -o OUT: $(cat "$T/strip.log")"
	refute grep -qE -- "-o $SRC/target" "$T/strip.log"
	expect_equal "$(sha256 "$SRC/target/release/netd")" "$before"
}

@test "a program for another machine is refused before anything is touched" {
	# 0xb7 at offset 18 makes an aarch64 program of it.
	printf '#!/bin/sh\nllvm-strip "$@" && printf "\\267" | dd of="$3" bs=1 seek=18 conv=notrunc status=none\n' >"$T/strip.sh"
	chmod +x "$T/strip.sh"
	ini_add <<-END
		[build]
		strip = $T/strip.sh
	END
	local sum
	sum=$(image_sum)
	rx build netd
	expect_refused 1
	expect_err netd
	expect_untouched "$sum"
	# The same sources would give the same program: it is not built again by itself.
	rx_ok status --json
	expect_jq '.[0].failed == ["netd"]'
}

@test "IMAGE.prev is the image before" {
	local sum
	sum=$(image_sum)
	rx_ok refresh
	expect_equal "$(sha256 "$IMAGE.prev")" "$sum"
	sum=$(image_sum)
	mark netd 2
	rx_ok refresh
	expect_equal "$(sha256 "$IMAGE.prev")" "$sum"
	refute test -e "$IMAGE.shadow"
}

@test "keep_previous = no leaves no IMAGE.prev" {
	ini_set image keep_previous no
	rx_ok refresh
	refute test -e "$IMAGE.prev"
}

@test "who has the image open for reading keeps the old one" {
	local sum
	sum=$(image_sum)
	exec {old}<"$IMAGE"
	rx_ok refresh
	expect_equal "$(sha256sum <&"$old" | cut -d' ' -f1)" "$sum"
	exec {old}<&-
	[[ $(image_sum) != "$sum" ]] || fail "the image is the old one"
}

@test "the image keeps its mode and owner" {
	chmod 0640 "$IMAGE"
	chown 123:456 "$IMAGE"
	rx_ok refresh
	expect_equal "$(stat -c '%a %u:%g' "$IMAGE")" "640 123:456"
}

# ---- build and inject

@test "build takes packages by name" {
	rx_ok build netd odd_pkg --json
	expect_equal "$(built)" "netd odd_pkg"
	expect_equal "$(in_image sh -c 'usr/lib/drivers/netd; usr/bin/rxe2e-odd; cat usr/lib/drivers/inputd')" "netd=1 proto=1 common=1
odd=1
old inputd"
	expect_stale inputd multi
}

@test "build with another destination is a one-off" {
	rx_ok refresh
	mark netd 2
	rx_ok build netd /usr/bin --json
	expect_equal "$(events put '"\(.path) \(.result)"')" "/usr/bin/netd written"
	expect_equal "$(image_says /usr/bin/netd)" "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	# Its fingerprint is not stored.
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "build of the configured destination is no one-off" {
	rx_ok refresh
	mark netd 2
	rx_ok build netd /usr/lib/drivers
	expect_stale
}

@test "build of a package that does not exist" {
	local sum
	sum=$(image_sum)
	rx build nosuchd
	expect_refused 2
	expect_err nosuchd
	expect_equal "$(cat "$T/out")" ""
	expect_untouched "$sum"
	# One wrong name among right ones stops all of them.
	rx build netd nosuchd
	expect_refused 2
	expect_untouched "$sum"
}

@test "inject puts any file in by the same transaction" {
	printf 'hello\n' >"$T/motd"
	chmod 0640 "$T/motd"
	rx_ok inject "$T/motd" /etc/motd --json
	expect_json
	expect_equal "$(events put '"\(.path) \(.result) \(.bytes)"')" "/etc/motd written 6"
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_equal "$(result)" ok
	expect_equal "$(in_image cat etc/motd)" hello
	expect_equal "$(image_stat /etc/motd)" "640 0:0"
	local sum
	sum=$(image_sum)
	rx_ok inject "$T/motd" /etc/motd --json
	expect_equal "$(events put .result)" identical
	expect_equal "$(result)" nothing
	expect_untouched "$sum"
}

@test "inject into a folder keeps the file's name" {
	printf 'one\n' >"$TREE/one"
	printf 'two\n' >"$TREE/two"
	rx_ok inject one /etc
	rx_ok inject two /etc/
	expect_equal "$(in_image cat etc/one etc/two)" "one
two"
}

@test "inject of a file that is not there" {
	local sum
	sum=$(image_sum)
	rx inject "$T/nothing-here" /etc/
	expect_refused 1 2
	expect_err nothing-here
	expect_untouched "$sum"
}

# ---- what it says about itself

@test "status before and after" {
	rx_ok status --json
	expect_json
	expect_equal "$(wc -l <"$T/out")" 1
	expect_jq '.[0] | (.image | type == "object") and .failed == [] and .held == [] and .running == null and (.spool | type == "number") and
		(.stale | sort) == ["inputd", "multi", "netd", "odd_pkg"]'
	rx_ok refresh --json
	local run
	run=$(events done .run)
	mark netd 2
	rx_ok status --json
	expect_jq '.[0] | .stale == ["netd"] and .last == $run and .running == null' --argjson run "$run"
	expect_jq '.[0].source | length == 1 and (.[0] | (.path | endswith("src")) and .head == $head and .dirty == 1)' \
		--arg head "$(git -C "$SRC" rev-parse HEAD)"
	rx_ok status
	expect_said netd
}

@test "log and show tell what was injected when, from which commit, with what result" {
	rx_ok refresh --json
	local first second head
	first=$(events done .run) head=$(git -C "$SRC" rev-parse HEAD)
	break_source inputd
	mark netd 2
	rx refresh --json
	expect_status 1
	second=$(events done .run)
	((second > first)) || fail "run $second after run $first"
	rx_ok log --json
	expect_json
	expect_jq 'any(.[]; .run == $run and .verb == "refresh" and .result == "ok" and has("started") and (.ms | type == "number") and
		(.packages | tostring | contains("netd")) and (.commits | tostring | contains($head)))' --argjson run "$first" --arg head "$head"
	expect_jq 'any(.[]; .run == $run and .result == "failed")' --argjson run "$second"
	rx_ok log
	expect_out refresh
	rx_ok show "$first"
	expect_out netd
	expect_out /usr/lib/drivers/netd
	rx_ok show "$first" --json
	expect_json
	expect_jq '.[0] | .run == $run and (.steps | any(.kind == "build" and .subject == "netd")) and
		(.files | any(.path == "/usr/lib/drivers/netd" and .owner == "package netd" and .old_hash == null and (.hash | test("^[0-9a-f]{64}$"))))' --argjson run "$first"
	rx_ok show "$second" --json
	expect_jq '.[0].files | any(.path == "/usr/lib/drivers/netd" and (.old_hash | test("^[0-9a-f]{64}$")) and .old_hash != .hash)'
	rx show 999999
	expect_refused 1 2
}

@test "version and help need no configuration" {
	local verb
	RX_DIR=$T/tmp
	rx_ok --version
	expect_out '[0-9]+\.[0-9]+'
	rx_ok --help
	for verb in build inject refresh status log show config image; do
		expect_out "$verb"
	done
	for verb in build inject refresh status log show config image; do
		rx_ok "$verb" --help
		expect_out "$verb"
	done
}

@test "the help fits the terminal, and is no wider than 100 columns in a pipe" {
	local verb
	command -v script >/dev/null || skip "script (util-linux) is not installed"
	for verb in '' init watch extract hooks; do
		script -qec "stty cols 64; exec '$REINJECT' help $verb" "$T/typescript" </dev/null >"$T/shown" 2>&1
		expect_equal "$(tr -d '\r' <"$T/shown" | awk 'length > 64')" ""
		# shellcheck disable=SC2086
		rx_ok help $verb
		expect_equal "$(awk 'length > 100' "$T/out")" ""
		expect_equal "$(tr -s '\r\n ' '\n\n\n' <"$T/shown")" "$(tr -s '\n ' '\n\n' <"$T/out")"
	done
}

@test "global options stand before or after the verb, and -- ends them" {
	rx_ok --json status
	expect_json
	rx_ok status --json
	expect_json
	RX_DIR=/
	rx_ok -C "$TREE" status --json
	expect_jq '.[0].stale | length == 4'
	rx_ok status --json -C "$TREE"
	expect_jq '.[0].stale | length == 4'
	rx_ok -c "$TREE/reinject.ini" --json status
	expect_jq '.[0].stale | length == 4'
	RX_DIR=$TREE
	rx build -- --json
	expect_refused 2
	expect_err '--json'
}

@test "facts that standard output did not take are no success; who stops reading wants no more" {
	local words
	for words in 'status --json' 'affected --json' config help --version; do
		# shellcheck disable=SC2086 # words
		"$REINJECT" -C "$TREE" $words >/dev/full 2>"$T/err" && fail "$words: the end is 0"
		grep -q 'not the whole' "$T/err" || fail "$words: $(cat "$T/err")"
	done
	local reader gone
	mkfifo "$T/pipe"
	exec {reader}<>"$T/pipe" {gone}>"$T/pipe" {reader}>&-
	for words in 'status --json' 'affected --json' config help; do
		# shellcheck disable=SC2086 # words
		"$REINJECT" -C "$TREE" $words >&"$gone" 2>"$T/err" || fail "$words: $?: $(cat "$T/err")"
		refute test -s "$T/err"
	done
	exec {gone}>&-
}

@test "started with its standard descriptors closed: nothing is printed into what is opened instead" {
	local closed n=1
	for closed in '>&-' '2>&-' '<&-' '>&- 2>&-' '<&- >&- 2>&-'; do
		mark netd "$((++n))"
		eval "timeout 60 \"\$REINJECT\" -C \"\$TREE\" refresh --json $closed" || fail "$closed: it ends with $?"
		expect_stale
		netd_says "netd=$n proto=1 common=1"
	done
	rx_ok log --json
	expect_jq 'length == 5 and all(.[]; .result == "ok")'
	rx_ok image check --deep
}

@test "wrong use is exit 2 and a sentence on stderr" {
	local args
	for args in '' frobnicate 'refresh --frobnicate' build inject 'inject /etc/motd' show 'refresh extra words'; do
		# shellcheck disable=SC2086
		rx $args
		expect_refused 2
		expect_equal "$(cat "$T/out")" ""
	done
}

@test "facts go to stdout, sentences to stderr" {
	break_source multi-a
	rx refresh --json
	expect_status 1
	expect_json
	expect_err multi
}

# ---- where things lie

@test "a tree with a blank in its path" {
	mv "$TREE" "$T/a tree"
	TREE="$T/a tree" SRC="$T/a tree/src" IMAGE="$T/a tree/disk.img"
	RX_DIR=$TREE
	mark netd 2
	rx_ok refresh --json
	expect_equal "$(events swap .image)" "$IMAGE"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "a target folder elsewhere" {
	ini_add <<-'END'
		[build]
		target_dir = out
	END
	rx_ok build odd_pkg
	[[ -x $TREE/out/release/rxe2e-odd ]] || fail "not built in target_dir"
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
}

@test "the state folder makes itself invisible" {
	rx_ok refresh
	expect_equal "$(cat "$TREE/.reinject/.gitignore")" "*"
	[[ -f $TREE/.reinject/CACHEDIR.TAG ]] || fail "no CACHEDIR.TAG"
}

@test "with the state folder gone everything is looked at again and nothing is written" {
	rx_ok refresh
	local sum
	sum=$(image_sum)
	rm -r "$TREE/.reinject"
	rx_ok refresh --json
	expect_equal "$(events put .result | sort -u)" identical
	expect_equal "$(result)" nothing
	expect_untouched "$sum"
}

@test "a source that is a linked work tree" {
	git -C "$SRC" worktree add -q "$TREE/linked" -b linked
	ini_set 'source base' path linked
	SRC=$TREE/linked
	mark odd 2
	rx_ok build odd_pkg
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=2"
	expect_stale inputd multi netd
}

@test "a change of the destination puts the file there" {
	rx_ok refresh
	ini_set 'package odd_pkg' dest /usr/lib/drivers
	expect_stale odd_pkg
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/rxe2e-odd)" "odd=1"
}

@test "a package without a destination is neither stale nor built" {
	sed -i '/^dest = /d' "$TREE/reinject.ini"
	rx_ok refresh --json
	expect_equal "$(built)" "inputd multi netd"
	expect_stale
}

@test "a lock file that cargo has to write is no edit of the user's" {
	git -C "$SRC" rm -q --cached Cargo.lock 2>/dev/null || true
	rm -f "$SRC/Cargo.lock"
	commit 'no lock' || true
	rx_ok refresh --json
	expect_equal "$(result)" ok
	[[ -e $SRC/Cargo.lock ]] || fail "cargo wrote no lock, so nothing was tested"
	rx_ok refresh --json
	expect_equal "$(built)" ""
	expect_equal "$(result)" nothing
}

@test "a target folder that no .gitignore names is no input" {
	mkdir "$TREE/solo" "$TREE/solo/src"
	printf '[package]\nname = "solo"\nversion = "0.1.0"\nedition = "2021"\n' >"$TREE/solo/Cargo.toml"
	printf 'fn main() {\n    println!("solo=1");\n}\n' >"$TREE/solo/src/main.rs"
	git -C "$TREE/solo" init -q -b main
	commit "$TREE/solo" 'one crate, its folder the whole repository'
	printf '[source solo]\npath = solo\n[image]\npath = disk.img\n[package solo]\npaths = .\ndest = /usr/bin\n' >"$TREE/reinject.ini"
	rx_ok refresh --json
	expect_equal "$(result)" ok
	rx_ok refresh --json
	expect_equal "$(result)" nothing
	expect_equal "$(built)" ""
	sed -i 's/solo=1/solo=2/' "$TREE/solo/src/main.rs"
	rx_ok refresh
	expect_equal "$(image_says /usr/bin/solo)" "solo=2"
}
