#!/usr/bin/env bats
# What the journal has no name for: a file of a package's that was replaced by another way to it.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# link_folder: /u is /usr, in the image.
link_folder() {
	mount_image "$IMAGE" "$T/mnt"
	ln -s usr "$T/mnt/u"
	unmount_image "$T/mnt" "$pid"
}

@test "a file put over a package's own by way of a linked folder is not believed" {
	link_folder
	ini_add <<-END
		[asset netd-config]
		path = drivers/net/netd/config.toml
		dest = /usr/bin/netd.toml
	END
	rx_ok refresh
	rx_ok inject "$TREE/reinject.ini" /u/lib/drivers/inputd
	rx_ok status --json
	expect_jq '.[0].stale == ["inputd"]'
	rx_ok inject "$TREE/reinject.ini" /u/bin/netd.toml
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'inputd=1 common=1'
	expect_equal "$(in_image cat usr/bin/netd.toml)" 'class = 2'
	expect_stale
}
