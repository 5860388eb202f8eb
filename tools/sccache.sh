#!/bin/sh
# make check-sccache: what its tests need, apart from `make deps`, as sccache takes some seven minutes to build: sccache in build/tools, and Debian's redis.
# Both stay for the next time. Exit status: 0 there, 1 something failed, 3 redis is missing and we are not root.
set -u
cd "$(dirname "$0")/.." || exit 1

sccache_version=0.19.0
PATH=$PWD/build/tools/bin:$PATH:${HOME-}/.cargo/bin
export PATH

say() { echo "sccache: $*" >&2; }

if ! command -v redis-server >/dev/null || ! command -v redis-cli >/dev/null; then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
		say "redis is missing (Debian's package: redis-server)"
		exit 3
	fi
	# Its service is not for us: the tests start one of their own. Run level 1 keeps the package from starting it.
	RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends redis-server </dev/null || {
		say "apt-get could not install redis-server; after 'apt-get update' it may"
		exit 1
	}
fi

if [ ! -x build/tools/bin/sccache ]; then
	say "building sccache $sccache_version into build/tools, which takes some minutes"
	mkdir -p build/tools
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u CARGO_TARGET_DIR -u RUSTC_WRAPPER -u MAKEFLAGS \
		cargo install sccache --version "$sccache_version" --locked --no-default-features --features redis --root build/tools || {
		say "cargo could not build sccache (it needs the network the first time, and Rust 1.91); the line above tells why"
		exit 1
	}
fi
