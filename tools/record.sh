#!/usr/bin/env bash
# make record: docs/demo.svg, a terminal session with the program as it is built now. The sample of `make demo` is made and brought into its image; then the
# commands below are run on a terminal, one after the other, and what stands there at the end is drawn. Needs root, because it mounts the image.
# The scratch folder is shown as ~/redox; nothing else is changed.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=$root/build:$root/build/tools/bin:$PATH
scratch=$(mktemp -d)
# shellcheck source-path=SCRIPTDIR source=image.bash
. "$root/tools/image.bash"
trap 'image_cleanup; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM HUP

unset "${!GIT_@}" RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTC_WRAPPER NO_COLOR
"$root/tools/sample.sh" "$scratch/redox"
cd "$scratch/redox"
reinject -q refresh
"$root/tools/terminal-svg.py" --title 'A line of a shared crate changes, and the image follows' --shown "$scratch/redox=~/redox" "$root/docs/demo.svg" \
	"sed -i 's/first edition/second edition/' source/lib/common/src/lib.rs" \
	'reinject status' \
	'reinject refresh' \
	'reinject refresh' \
	'reinject rollback' \
	'reinject log'
