#!/bin/sh
# make deps: installs what building and testing need and what is not there yet, as root, asking nothing: Debian packages, cargo, redoxfs.
# When all is there it only looks (a few milliseconds). Exit status: 0 done, 1 something failed, 3 packages are missing and we are not root.
set -u
cd "$(dirname "$0")/.." || exit 1

redoxfs_version=0.9.0
# What a user's shell lacks in PATH: mkfs.ext4 and e2fsck live there.
PATH=$PWD/build/tools/bin:$PATH:${HOME-}/.cargo/bin:/usr/local/sbin:/usr/sbin:/sbin
export PATH

say() { echo "deps: $*" >&2; }

# PACKAGE:COMMAND - the package is there when one of its commands is.
commands="
	build-essential:cc build-essential:make pkg-config:pkg-config git:git bats:bats jq:jq fuse3:fusermount3 fuse2fs:fuse2fs
	e2fsprogs:mkfs.ext4 llvm:llvm-strip inotify-tools:inotifywait cppcheck:cppcheck shellcheck:shellcheck util-linux:setsid procps:pgrep
	qemu-system-x86:qemu-system-x86_64 gdisk:sgdisk python3:python3 systemd:systemd-analyze tmux:tmux socat:socat sqlite3:sqlite3 busybox-static:busybox
	cpio:cpio ruby:ruby clang:clang clang-tidy:clang-tidy valgrind:valgrind mandoc:mandoc zsh:zsh fish:fish"
# PACKAGE:MODULE - of pkg-config.
modules="libgit2-dev:libgit2 libinih-dev:inih libuv1-dev:libuv libsqlite3-dev:sqlite3 libjansson-dev:jansson libssl-dev:libcrypto libcmocka-dev:cmocka"

missing=
add() {
	case " $missing " in *" $1 "*) ;; *) missing="$missing${missing:+ }$1" ;; esac
}

look() {
	missing=
	for pair in $commands; do
		command -v "${pair#*:}" >/dev/null || add "${pair%%:*}"
	done
	all=
	for pair in $modules; do all="$all ${pair#*:}"; done
	# shellcheck disable=SC2086 # a list of words
	if ! pkg-config --exists $all 2>/dev/null; then
		for pair in $modules; do
			pkg-config --exists "${pair#*:}" 2>/dev/null || add "${pair%%:*}"
		done
	fi
	# libfswatch has no pkg-config file here; its header comes with the library.
	[ -e /usr/include/libfswatch/c/libfswatch.h ] || [ -e /usr/local/include/libfswatch/c/libfswatch.h ] || add fswatch
	# check-darwin's compiler comes as a Python package.
	python3 -c 'import ensurepip' 2>/dev/null || add python3-venv
	# Without certificates cargo cannot fetch what redoxfs needs.
	[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/ssl/cert.pem ] || add ca-certificates
	need_runtime=
	fuzzer_is_there || need_runtime=yes
	need_cargo=
	if ! command -v cargo >/dev/null; then
		need_cargo=yes
	elif [ ! -x build/tools/bin/redoxfs ] && ! cargo_is_current; then
		need_cargo=yes
	fi
}

# libFuzzer and the sanitizers of clang, which Debian has in a package of their own, named after its version.
fuzzer_is_there() {
	command -v clang >/dev/null && [ -n "$(find "$(clang -print-resource-dir)/lib/" -follow -name 'libclang_rt.fuzzer*' 2>/dev/null | head -n 1)" ]
}

runtime_package() {
	candidate clang | sed 's/^[0-9]*://; s/[^0-9].*//; s/..*/libclang-rt-&-dev/'
}

# What redoxfs depends on has the 2024 edition, which cargo reads since 1.85.
cargo_is_current() {
	version=$(cargo --version 2>/dev/null | cut -d' ' -f2)
	major=${version%%.*} rest=${version#*.}
	[ "${major:-0}" -gt 1 ] || { [ "${major:-0}" -eq 1 ] && [ "${rest%%.*}" -ge 85 ]; }
}

candidate() {
	LC_ALL=C apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '^(none)$'
}

# Debian 12's cargo (0.66) cannot read today's crates; its cargo-web can, and so can the cargo of Debian 13.
cargo_packages() {
	if [ -n "$(candidate cargo-web)" ]; then
		echo 'cargo-web rustc-web'
	elif version=$(candidate cargo) && dpkg --compare-versions "$version" ge 1.85; then
		echo 'cargo rustc'
	fi
}

known_to_apt() {
	for package in $missing; do
		[ -n "$(candidate "$package")" ] || return 1
	done
	[ -z "$need_runtime" ] || [ -n "$(runtime_package)" ] || return 1
	[ -z "$need_cargo" ] || [ -n "$(cargo_packages)" ]
}

# What apt says is hundreds of lines: they go into a file, and only the last ones of a failure are shown.
apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold "$@" </dev/null >>build/deps.log 2>&1 || {
		tail -n 20 build/deps.log >&2
		return 1
	}
}

install_packages() {
	mkdir -p build && : >build/deps.log || return 1
	updated=
	if ! known_to_apt; then
		say "reading the package lists"
		apt update || say "apt-get update failed; trying with the lists that are there"
		updated=yes
	fi
	if [ -n "$need_cargo" ]; then
		packages=$(cargo_packages)
		[ -n "$packages" ] || {
			say "no current cargo among this system's packages; install one from https://rustup.rs"
			exit 1
		}
		for package in $packages; do add "$package"; done
	fi
	[ -z "$need_runtime" ] || add "$(runtime_package)"
	say "installing $missing"
	say "which takes one to three minutes; what apt says is in build/deps.log"
	# shellcheck disable=SC2086 # a list of words
	apt install --no-install-recommends $missing && return
	[ -z "$updated" ] || return 1
	say "that failed; once more with fresh package lists"
	# shellcheck disable=SC2086
	apt update && apt install --no-install-recommends $missing
}

# Under sudo what is made here belongs to whoever has the tree: `make` goes on without it.
give_back() {
	status=$?
	if [ "$(id -u)" -eq 0 ] && [ -d build ]; then
		owner=$(stat -c %u:%g . 2>/dev/null || stat -f %u:%g .)
		if [ "$owner" != 0:0 ]; then
			chown -h "$owner" build
			for made in build/tools build/vm.log build/deps.log; do
				[ ! -e "$made" ] || chown -hR "$owner" "$made"
			done
		fi
	fi
	exit "$status"
}
trap give_back EXIT

no_packages() {
	[ -z "$need_cargo" ] || missing="$missing${missing:+ }cargo"
	[ -z "$need_runtime" ] || missing="$missing${missing:+ }$(runtime_package)"
	say "missing: $missing"
	if ! command -v apt-get >/dev/null; then
		say "this system has no apt-get; install these (Debian's names) by its own means, cargo from https://rustup.rs, then run 'make deps' again"
	else
		say "as root, 'make deps' installs them, or: apt-get install $(echo "$missing" | sed 's/\bcargo\b/cargo-web rustc-web/')"
	fi
	exit 3
}

look
if [ -n "$missing$need_cargo$need_runtime" ]; then
	if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then no_packages; fi
	install_packages || {
		say "apt-get could not install: $missing"
		exit 1
	}
	hash -r
	look
	[ -z "$missing$need_cargo$need_runtime" ] || {
		say "still missing after installing: $missing ${need_cargo:+cargo} ${need_runtime:+the runtime of clang (libclang-rt-...-dev)}"
		exit 1
	}
	say "all packages are there"
fi

if [ ! -x build/tools/bin/redoxfs ] || [ ! -x build/tools/bin/redoxfs-ar ]; then
	say "building redoxfs $redoxfs_version into build/tools, which takes one to five minutes"
	mkdir -p build/tools
	# The user's settings for other builds must not reach this one.
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u CARGO_TARGET_DIR -u RUSTC_WRAPPER -u MAKEFLAGS \
		cargo install redoxfs --version "$redoxfs_version" --locked --root build/tools || {
		say "cargo could not build redoxfs (it needs the network the first time); the line above tells why"
		exit 1
	}
fi

# The guest of the boot tests. Without it only those cannot run.
if command -v apt-cache >/dev/null && ! tools/vm.sh >/dev/null 2>build/vm.log; then
	say "the virtual machine of the tests could not be made: $(tail -n 1 build/vm.log)"
fi
