#!/usr/bin/env bats
# What left the map or the source leaves the image too; and an image that somebody else has written is compared, not built anew.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# ini_drop SECTION: without it and its keys.
ini_drop() {
	SECTION="[$1]" awk '/^\[/ { drop = $0 == ENVIRON["SECTION"] } !drop' "$TREE/reinject.ini" >"$T/tmp/ini" && cat "$T/tmp/ini" >"$TREE/reinject.ini"
}

# The image as somebody else leaves it, after CMD in its root.
write_image() {
	local p
	mount_image "$IMAGE" "$T/other"
	p=$pid
	(cd "$T/other" && "$@") 3>&-
	unmount_image "$T/other" "$p"
}

config_asset() {
	ini_add <<-'END'
		[asset netd-config]
		path = drivers/net/netd/config.toml
		dest = /etc/netd.toml
	END
}

@test "a package and an asset that left the configuration leave the image, in one swap with the rest" {
	config_asset
	rx_ok refresh
	local sum
	sum=$(image_file_sum /usr/lib/drivers/netd)
	ini_drop 'package netd'
	ini_drop 'asset netd-config'
	mark inputd 2
	rx_ok refresh -n
	expect_out '^remove /etc/netd.toml +\(asset netd-config is in the configuration no more\)'
	expect_out '^remove /usr/lib/drivers/netd '
	rx_ok status
	expect_out '^remove +/usr/lib/drivers/netd'
	rx_ok refresh --json
	expect_jq '[.[] | select(.event == "swap")] | length == 1'
	expect_jq '.[] | select(.event == "plan") | .removals == ["/etc/netd.toml", "/usr/lib/drivers/netd"]'
	expect_equal "$(events remove '"\(.path) \(.result)"')" "/etc/netd.toml removed
/usr/lib/drivers/netd removed"
	refute image_has /usr/lib/drivers/netd
	refute image_has /etc/netd.toml
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	# The content is kept, and there is nothing more to do.
	test -e "$TREE/.reinject/blobs/${sum:0:2}/${sum:2}"
	rx_ok refresh --json
	expect_jq '.[] | select(.event == "plan") | .removals == [] and .stale == []'
}

@test "a package whose folder left the source leaves the image, and comes back with it" {
	rx_ok refresh
	git -C "$SRC" rm -rq drivers/inputd
	sed -i 's|"drivers/inputd", ||' "$SRC/Cargo.toml"
	commit 'no inputd any more'
	rx_ok refresh
	refute image_has /usr/lib/drivers/inputd
	git -C "$SRC" reset -q --hard HEAD~1
	# The workspace's manifest is a shared file.
	expect_stale inputd multi netd odd_pkg
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=1"
}

@test "nothing is removed while git is in the middle of something, or cargo does not know the workspace" {
	rx_ok refresh
	rm -r "$SRC/drivers/inputd"
	# The workspace names a member that is not there: cargo metadata fails.
	rx_ok refresh --json
	expect_jq '.[] | select(.event == "plan") | .removals == []'
	sed -i 's|"drivers/inputd", ||' "$SRC/Cargo.toml"
	git -C "$SRC" rev-parse HEAD >"$SRC/.git/MERGE_HEAD"
	rx status --json
	rx_ok refresh -n --json
	expect_jq '.[] | select(.event == "plan") | .removals == []'
	rm "$SRC/.git/MERGE_HEAD"
	: >"$SRC/.git/index.lock"
	rx_ok refresh -n --json
	expect_jq '.[] | select(.event == "plan") | .removals == []'
	rm "$SRC/.git/index.lock"
	rx_ok refresh -n --json
	expect_jq '.[] | select(.event == "plan") | .removals == ["/usr/lib/drivers/inputd"]'
	image_has /usr/lib/drivers/inputd
}

@test "what goes elsewhere is removed only after it is there" {
	rx_ok refresh
	ini_set 'package odd_pkg' dest /usr/lib/drivers
	break_source odd
	rx refresh
	expect_status 1
	image_has /usr/bin/rxe2e-odd
	git -C "$SRC" checkout -q .
	rx_ok refresh
	refute image_has /usr/bin/rxe2e-odd
	expect_equal "$(image_says /usr/lib/drivers/rxe2e-odd)" "odd=1"
	# Nowhere to go any more.
	ini_set 'package odd_pkg' dest ""
	rx_ok refresh
	refute image_has /usr/lib/drivers/rxe2e-odd
}

@test "a file that is not ours any more stays" {
	rx_ok refresh
	write_image sh -c 'echo mine >usr/lib/drivers/netd'
	ini_drop 'package netd'
	rx_ok refresh --json
	expect_equal "$(events remove '"\(.path) \(.result)"')" "/usr/lib/drivers/netd kept"
	expect_err "is not the file that was put there"
	expect_equal "$(in_image cat usr/lib/drivers/netd)" mine
	# Said once.
	rx_ok refresh --json
	expect_jq '.[] | select(.event == "plan") | .removals == []'
	# Nor one that was moved, with a link in its place.
	write_image sh -c 'mv usr/lib/drivers/inputd usr/bin/mine; ln -s ../../bin/mine usr/lib/drivers/inputd'
	ini_drop 'package inputd'
	rx_ok refresh
	expect_err "inputd' is not the file that was put there"
	image_has /usr/bin/mine
}

@test "an image changed outside is not said to be checked when there is nothing to check" {
	break_source netd
	ini_drop 'package inputd'
	ini_drop 'package multi'
	ini_drop 'package odd_pkg'
	rx refresh
	expect_status 1
	write_image touch etc/more
	rx_ok status --json
	expect_jq '.[0].image.changed_outside == false'
}

@test "what inject put, and a one-off, is never taken for gone" {
	rx_ok refresh
	rx_ok inject "$TREE/reinject.ini" /usr/lib/drivers/extra
	rx_ok build netd /usr/bin/netd-test
	rx_ok refresh --json
	expect_jq '.[] | select(.event == "plan") | .removals == []'
	image_has /usr/lib/drivers/extra
	image_has /usr/bin/netd-test
}

@test "an image changed outside is compared: nothing is built when all is there" {
	rx_ok refresh
	write_image sh -c 'echo more >etc/more'
	rx_ok status
	expect_out 'changed outside, to be checked'
	rx_ok refresh -n
	expect_err 'what it holds is compared first'
	note_cargo
	rx_ok refresh --json
	expect_err 'is all there'
	expect_jq '[.[] | select(.event == "build" or .event == "swap")] == []'
	expect_equal "$(cargo_builds)" ""
	rx_ok status
	refute grep -q 'changed outside' "$T/out"
	expect_equal "$(in_image cat etc/more)" more
	# The copy that was made for it is used by the next.
	test -e "$IMAGE.shadow"
	rx_ok inject "$TREE/reinject.ini" /etc
	expect_equal "$(in_image cat etc/more)" more
}

@test "an image changed outside is compared: only what differs is put again" {
	rx_ok refresh
	write_image sh -c 'echo broken >usr/lib/drivers/netd; rm usr/lib/drivers/multi-b'
	rx_ok refresh --json
	expect_err 'of 4 packages and assets, 2 are not as they were left: multi netd'
	expect_equal "$(events build .package)" "multi
netd"
	expect_equal "$(events put '"\(.path) \(.result)"' | sort)" "/usr/lib/drivers/multi-a identical
/usr/lib/drivers/multi-b written
/usr/lib/drivers/netd written"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_stale
}

@test "a link that leads in a circle where a file was fails its package, not the run" {
	rx_ok refresh
	write_image sh -c 'ln -sf netd usr/lib/drivers/netd; rm -r usr/bin; ln -s bin usr/bin'
	mark inputd 2
	ini_drop 'package odd_pkg'
	rx refresh
	expect_status 1
	expect_err 'netd'
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale netd
	rx_ok adopt
	expect_err 'package netd is not adopted'
}

@test "an image that was made anew gets everything again" {
	rx_ok refresh
	rm -rf "$T/root2" && image_root "$T/root2" && image_make "$IMAGE" "$T/root2"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
	expect_stale
}

@test "a package that goes to the same folder by its other name stays" {
	write_image ln -s usr/bin bin
	ini_set 'package odd_pkg' dest /bin
	rx_ok refresh
	ini_set 'package odd_pkg' dest /usr/bin
	rx_ok refresh
	image_has /usr/bin/rxe2e-odd
	refute expect_err 'rxe2e-odd'
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
	# The other way, by name first, and the removal later.
	ini_set 'package odd_pkg' dest /bin
	rx_ok build odd_pkg
	rx_ok refresh
	image_has /usr/bin/rxe2e-odd
	expect_stale
	# It is still known as ours.
	ini_drop 'package odd_pkg'
	rx_ok refresh
	refute image_has /usr/bin/rxe2e-odd
}

@test "a package whose place another one had taken is not fresh when it comes back" {
	rx_ok refresh
	cp "$TREE/reinject.ini" "$T/ini"
	ini_drop 'package odd_pkg'
	ini_add <<-'END2'
		[package other]
		paths = custom
		command = true
		artifact = target/release/netd
		bins = rxe2e-odd
		dest = /usr/bin
	END2
	rx_ok refresh
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "netd=1 proto=1 common=1"
	cp "$T/ini" "$TREE/reinject.ini"
	expect_stale odd_pkg
	rx_ok refresh
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" "odd=1"
}

@test "an inject of the very same file leaves it to its package" {
	rx_ok refresh
	llvm-strip "$SRC/target/release/netd" -o "$T/netd"
	rx_ok inject "$T/netd" /usr/lib/drivers/netd
	expect_stale
	ini_set 'package netd' dest ""
	rx_ok refresh
	refute image_has /usr/lib/drivers/netd
}
