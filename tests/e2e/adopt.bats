#!/usr/bin/env bats
# Taking an image as it is, and taking a run back.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# An image with everything in it that no journal knows.
foreign_image() {
	rx_ok refresh
	rm -rf "$TREE/.reinject"
}

@test "adopt takes what is there without a build and without a write" {
	foreign_image
	local before
	before=$(image_sum)
	note_cargo
	rx_ok adopt --json
	expect_jq '[.[] | select(.event == "adopt") | "\(.package) \(.result)"] == ["inputd adopted", "multi adopted", "netd adopted", "odd_pkg adopted"]'
	expect_jq '.[-1] | .event == "done" and .result == "ok" and .error == null'
	expect_equal "$(cargo_builds)" ""
	expect_untouched "$before"
	expect_stale
	rx_ok log --json
	expect_jq '.[0] | .verb == "adopt" and .packages == ["inputd", "multi", "netd", "odd_pkg"]'
	# An edit is stale from then on, and going back is fresh.
	mark netd 2
	expect_stale netd
	mark netd 1
	expect_stale
	rx_ok refresh
	expect_equal "$(cargo_builds)" ""
}

@test "what the image lacks is not adopted" {
	foreign_image
	mount_image "$IMAGE" "$T/other"
	local p=$pid
	rm "$T/other/usr/lib/drivers/multi-b" "$T/other/usr/bin/rxe2e-odd"
	rmdir "$T/other/usr/bin"
	unmount_image "$T/other" "$p"
	rx_ok adopt
	expect_err "package multi is not adopted: the image has no file '/usr/lib/drivers/multi-b'"
	expect_err "package odd_pkg is not adopted: the image has no file '/usr/bin'"
	expect_stale multi odd_pkg
}

@test "adopt REV: what has changed since then is stale, the work tree's edits included" {
	foreign_image
	mark inputd 2
	commit 'a new inputd'
	mark odd 2
	rx_ok adopt HEAD~1
	expect_stale inputd odd_pkg
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
	rx_ok adopt base=HEAD
	expect_stale odd_pkg
	rx adopt nosuch
	expect_refused 2
	expect_err "'nosuch' is no commit"
}

@test "adopt REV knows that commit's lock file" {
	rx_ok refresh
	printf '\n# no change of any closure\n' >>"$SRC/Cargo.lock"
	commit 'the same, with a comment'
	rx_ok adopt HEAD~1
	expect_stale
}

@test "the first refresh of many packages names adopt" {
	local i
	for i in 1 2 3; do
		printf '\n[package p%s]\npaths = custom\ncommand = true\nartifact = target/release/netd\ndest = /usr/bin/p%s\n' "$i" "$i" >>"$TREE/reinject.ini"
	done
	rx_ok refresh
	expect_err 'builds all 7 packages.*`reinject adopt`'
}

@test "rollback puts the earlier files back, and they are not built again" {
	rx_ok refresh
	local before
	before=$(image_files)
	mark netd 2
	rx_ok refresh
	rx_ok rollback --json
	expect_equal "$(events put '"\(.path) \(.result)"')" "/usr/lib/drivers/netd written"
	expect_jq '[.[] | select(.event == "swap")] | length == 1'
	expect_equal "$(image_files)" "$before"
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == ["netd"]'
	# Not by the next refresh, nor by one that has other things to do.
	rx_ok refresh
	mark inputd 2
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	# The sources before are what the image holds; new ones are stale.
	mark netd 1
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == []'
	mark netd 3
	expect_stale netd
	# Asked for by name, or by --retry.
	mark netd 2
	expect_stale
	rx_ok refresh --retry
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == []'
}

@test "a rollback can be taken back" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	local after
	after=$(image_files)
	rx_ok rollback
	rx_ok rollback
	expect_equal "$(image_files)" "$after"
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == []'
}

@test "rollback removes what was new, and brings back what was removed" {
	rx_ok refresh
	rx_ok inject "$TREE/reinject.ini" /etc/new
	rx_ok rollback
	refute image_has /etc/new
	local sum
	sum=$(image_file_sum /usr/bin/rxe2e-odd)
	ini_set 'package odd_pkg' dest ""
	rx_ok refresh
	refute image_has /usr/bin/rxe2e-odd
	rx_ok rollback
	expect_equal "$(image_file_sum /usr/bin/rxe2e-odd)" "$sum"
	expect_equal "$(image_stat /usr/bin/rxe2e-odd)" "755 0:0"
	rx_ok refresh
	image_has /usr/bin/rxe2e-odd
}

@test "rollback of an earlier run, and of one whose files were replaced again" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	mark inputd 2
	rx_ok refresh
	rx_ok rollback 2
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	local before
	before=$(image_sum)
	rx rollback 1
	expect_refused 1
	expect_err "changed again by run [34]"
	expect_untouched "$before"
	rx rollback 99
	expect_refused 2
	rx rollback many
	expect_refused 2
	expect_untouched "$before"
}

@test "rollback of a file that somebody else has replaced is refused" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	mount_image "$IMAGE" "$T/other"
	local p=$pid before
	echo mine >"$T/other/usr/lib/drivers/netd"
	unmount_image "$T/other" "$p"
	before=$(image_sum)
	rx rollback
	expect_refused 1
	expect_err "is somebody else's now"
	expect_untouched "$before"
}

@test "nothing to take back" {
	rx rollback
	expect_refused 2
	expect_err 'nothing to take back'
}

@test "what the image has lost is doubted by adopt, also where the journal knows it" {
	rx_ok refresh
	local p
	mount_image "$IMAGE" "$T/other"
	p=$pid
	rm "$T/other/usr/lib/drivers/netd"
	unmount_image "$T/other" "$p"
	rx_ok adopt
	expect_err "package netd is not adopted"
	expect_stale netd
	rx_ok refresh
	image_has /usr/lib/drivers/netd
}

@test "rollback of a run whose file later sources gave as well holds these" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	printf 'More words.\n' >>"$SRC/drivers/net/netd/README.md"
	rx_ok refresh --json
	expect_jq '.[-1].result == "nothing"'
	rx_ok rollback
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == ["netd"]'
}

@test "what a rollback has removed is not fresh" {
	rx_ok refresh
	printf 'More words.\n' >>"$SRC/drivers/net/netd/README.md"
	rx_ok refresh
	rx_ok rollback 1
	refute image_has /usr/lib/drivers/netd
	rx_ok status --json
	expect_jq '.[0] | .held | index("netd")'
}

@test "two rollbacks, one after the other, hold both" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	mark netd 3
	rx_ok refresh
	rx_ok rollback 3
	rx_ok rollback 2
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == ["netd"]'
	mark netd 2
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == ["netd"]'
	mark netd 1
	rx_ok status --json
	expect_jq '.[0] | .stale == [] and .held == []'
}

@test "sources are not fresh again while another of their files is a later run's" {
	rx_ok refresh
	mark multi-a 2
	rx_ok refresh
	mark multi-b 2
	rx_ok refresh
	rx_ok rollback 2
	mark multi-a 1
	mark multi-b 1
	expect_stale multi
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/multi-b)" "multi-b=1"
}

@test "rollback leaves a folder alone that stands where a file was" {
	rx_ok inject "$TREE/reinject.ini" /etc/new
	rx_ok rollback
	local p
	mount_image "$IMAGE" "$T/other"
	p=$pid
	mkdir "$T/other/etc/new"
	unmount_image "$T/other" "$p"
	rx rollback
	expect_refused 1
	expect_err "somebody else's now"
	refute image_has /etc/new/new
}

@test "what comes back with its package is the package's again" {
	ini_set 'package odd_pkg' copy /usr/bin/copy
	rx_ok refresh
	ini_set 'package odd_pkg' copy /usr/lib/drivers/copy
	rx_ok refresh
	rx_ok rollback
	image_has /usr/bin/copy
	# Held with the new place, fresh with the old one, and gone without any.
	rx_ok refresh
	image_has /usr/bin/copy
	ini_set 'package odd_pkg' copy /usr/bin/copy
	expect_stale
	ini_set 'package odd_pkg' copy ""
	rx_ok refresh
	refute image_has /usr/bin/copy
	# Also when it was new, and the rollback is taken back.
	mark netd 2
	ini_set 'package netd' copy /usr/bin/netd2
	rx_ok refresh
	rx_ok rollback
	refute image_has /usr/bin/netd2
	rx_ok rollback
	ini_set 'package netd' dest ""
	ini_set 'package netd' copy ""
	rx_ok refresh
	refute image_has /usr/bin/netd2
	refute image_has /usr/lib/drivers/netd
}

@test "sources are not fresh again while another of their files is somebody else's" {
	rx_ok refresh
	mark multi-a 2
	rx_ok refresh
	mount_image "$IMAGE" "$T/other"
	local p=$pid
	echo mine >"$T/other/usr/lib/drivers/multi-b"
	unmount_image "$T/other" "$p"
	rx_ok rollback
	mark multi-a 1
	expect_stale multi
}
