#!/usr/bin/env bash
# make demo: the main job in one command, in build/demo: a workspace and an image are made, all drivers are built into the image, a line of a shared
# crate is changed, and one `reinject refresh` later the image has exactly the drivers that this concerns. A driver of the sample is an ordinary
# program of this host, so it is run from the mounted image to prove it.
#
# May be run again; leaves no mount and no process, also when it fails or is interrupted. Needs no root where /dev/fuse and fusermount3 are for everybody.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=$root/build/tools/bin:$PATH
program=$(realpath -m "${REINJECT:-$root/build/reinject}")
demo=$root/build/demo
# shellcheck source-path=SCRIPTDIR source=image.bash
. "$root/tools/image.bash"

# The caller's settings for other builds must not change what is shown.
unset "${!GIT_@}" RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTC_WRAPPER REINJECT_FAULT MAKEFLAGS MAKELEVEL

step=0
tell() { printf '\n== %d. %s\n' "$((step += 1))" "$*"; }
reinject() { "$program" "$@"; }
run() {
	printf '$ %s\n' "$*"
	"$@"
}
fail() {
	printf 'demo: %s\n' "$*" >&2
	exit 1
}

finish() {
	local status=$?
	trap '' INT TERM HUP
	image_cleanup
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

[[ -x $program ]] || fail "there is no program at '$program': run make"
command -v redoxfs >/dev/null || fail "redoxfs is missing: 'make deps' builds it"
# What a demo that was killed may have left.
if image_is_mounted "$demo/look"; then umount "$demo/look"; fi
rm -rf "$demo"

tell "A sample: a cargo workspace with two shared crates and four programs, a map of its packages, and an empty RedoxFS image"
run "$root/tools/sample.sh" "$demo"
cd "$demo"
ls -1 "$demo"

tell "The first refresh: everything is stale, so all four programs are built, stripped, and put into the image in one transaction"
run reinject refresh

tell "A line of lib/common changes; netd and blkd are made of it (through lib/virtio), and so is inputd; zerod is not"
sed -i 's/first edition/SECOND EDITION/' source/lib/common/src/lib.rs
git -C source --no-pager -c color.ui=never diff -U0 | grep '^[-+] '

tell "The same command again: only what depends on that line is built and replaced; the image is swapped whole"
before=$(stat -c %i disk.img)
run reinject refresh
[[ $(stat -c %i disk.img) != "$before" ]] || fail "the image was not replaced"

tell "Proof: a copy of the image is mounted, and the driver in it is run"
cp --sparse=always --reflink=auto disk.img look.img
image_mount look.img look
run look/usr/lib/drivers/netd | tee said
grep -q 'common: SECOND EDITION' said || fail "the image has an old driver"
llvm-strip source/target/release/netd -o built
run sha256sum built look/usr/lib/drivers/netd
cmp built look/usr/lib/drivers/netd || fail "the image has another driver than cargo built"
image_unmount look
rm -rf look look.img built said

tell "What reinject knows of it"
run reinject log

printf '\nThe image is %s; change something in %s and run it again: %s -C %s refresh\n' "$demo/disk.img" "$demo/source" "$program" "$demo"
