#!/usr/bin/env bash
# tools/sample.sh [--size SIZE] [--fill MB] DIR - a workspace as an operating system's developer has one, small enough to build in seconds.
#
#   DIR/source         a git repository and cargo workspace: shared crates in lib/, drivers in drivers/, daemons in daemons/; no dependency that
#                      would have to be fetched
#   DIR/packages.ini   the map, as `reinject init` generates it: which folder is which package, and what it uses
#   DIR/reinject.ini   the configuration
#   DIR/disk.img       a RedoxFS image of SIZE (64M), with MB (0) megabytes of files in it; it holds no driver yet
#
# DIR must not exist, or be empty. Every program prints a line for itself and one for each shared crate that is linked into it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PATH=$root/build/tools/bin:$PATH
# No setting, hook or template of the user's may reach the sample's repository.
unset "${!GIT_@}"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null

usage() {
	echo "usage: tools/sample.sh [--size SIZE] [--fill MB] DIR" >&2
	exit 2
}

size=64M fill=0
while [[ ${1-} == --* ]]; do
	case $1 in
	--size) size=${2:?} ;;
	--fill) fill=${2:?} ;;
	*) usage ;;
	esac
	shift 2
done
(($# == 1)) || usage
dir=$1
mkdir -p "$dir"
[[ -z $(ls -A "$dir") ]] || { echo "sample: '$dir' is not empty" >&2; exit 1; }
command -v redoxfs-ar >/dev/null || { echo "sample: redoxfs-ar is missing: 'make deps' builds it" >&2; exit 3; }

# crate GROUP/FOLDER NAME DEPENDENCY...: a member that depends on others of lib/.
crate() {
	local path=$dir/source/$1 name=$2 dependency
	shift 2
	mkdir -p "$path/src"
	printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n' "$name" >"$path/Cargo.toml"
	for dependency in "$@"; do
		printf '%s = { path = "../../lib/%s" }\n' "$dependency" "$dependency" >>"$path/Cargo.toml"
	done
}

# library NAME DEPENDENCY...
library() {
	crate "lib/$1" "$@"
	{
		printf '//! Shared by several drivers: a change here concerns all of them.\n\n'
		printf 'pub fn describe() -> String {\n    String::from("  %s: first edition\\n")' "$1"
		shift
		(($# == 0)) || printf ' + &%s::describe()' "$@"
		printf '\n}\n'
	} >"$dir/source/lib/$1/src/lib.rs"
}

# program PATH DEPENDENCY...: named like its folder.
program() {
	local path=$1 name=${1##*/} parts='' dependency
	shift
	crate "$path" "$name" "$@"
	for dependency in "$@"; do parts+="    print!(\"{}\", $dependency::describe());"$'\n'; done
	printf 'fn main() {\n    println!("%s: first edition");\n%s}\n' "$name" "$parts" >"$dir/source/$path/src/main.rs"
}

make_source() {
	mkdir -p "$dir/source"
	cat >"$dir/source/Cargo.toml" <<-'END'
		[workspace]
		resolver = "2"
		members = ["lib/*", "drivers/*", "daemons/*"]

		[profile.release]
		panic = "abort"
	END
	printf '/target\n' >"$dir/source/.gitignore"
	library common
	library virtio common
	program drivers/netd virtio
	program drivers/blkd virtio
	program drivers/zerod
	program daemons/inputd common
	printf '# Read by the device manager, not compiled.\nclass = 2\n' >"$dir/source/drivers/netd/config.toml"
	(cd "$dir/source" && cargo generate-lockfile --quiet --offline)
	git -C "$dir/source" init -q -b main
	git -C "$dir/source" add -A
	git -C "$dir/source" -c user.name=sample -c user.email=sample@localhost commit -q -m 'A workspace of drivers'
}

make_configuration() {
	cat >"$dir/packages.ini" <<-'END'
		[package blkd]
		paths = drivers/blkd
		uses = lib/virtio

		[package common]
		paths = lib/common
		bins =

		[package inputd]
		paths = daemons/inputd
		uses = lib/common

		[package netd]
		paths = drivers/netd
		uses = lib/virtio

		[package virtio]
		paths = lib/virtio
		uses = lib/common
		bins =

		[package zerod]
		paths = drivers/zerod
	END
	cat >"$dir/reinject.ini" <<-'END'
		[reinject]
		include = packages.ini

		[source base]
		path = source
		shared = Cargo.toml .cargo rust-toolchain.toml

		[image]
		path = disk.img
		format = redoxfs
		mode = shadow
		keep_previous = yes

		[destinations]
		drivers/** = /usr/lib/drivers
		daemons/** = /usr/bin

		[asset netd-config]
		path = drivers/netd/config.toml
		dest = /etc/pcid.d/netd.toml
	END
}

# Files of about a megabyte that no compression could shrink, as a real image has them.
fill_folder() {
	mkdir -p "$1"
	head -c "$((fill * 1000000))" /dev/urandom | split -b 1070000 -a 3 -d - "$1/file-"
}

make_image() {
	local content
	content=$(mktemp -d "$dir/image.XXXXXX")
	mkdir -p "$content"/{boot,etc/pcid.d,usr/bin,usr/lib/drivers}
	printf 'sample\n' >"$content/etc/hostname"
	((fill == 0)) || fill_folder "$content/usr/share/fill"
	truncate -s "$size" "$dir/disk.img"
	redoxfs-ar "$dir/disk.img" "$content" >"$dir/redoxfs-ar.log" 2>&1 || {
		cat "$dir/redoxfs-ar.log" >&2
		exit 1
	}
	rm -rf "$content" "$dir/redoxfs-ar.log"
}

make_source
make_configuration
make_image
