#!/bin/sh
# make bench-peers: the programs that the benchmarks measure beside ours, as far as the registries have them: entr and inotify-tools from Debian, watchexec
# from crates.io, pre-commit from PyPI, lefthook and husky from npm; all but Debian's go into build/tools. What cannot be had is said, and left out: the
# benchmarks measure what is there. Exit status: 0.
set -u
cd "$(dirname "$0")/.." || exit 1
tools=$PWD/build/tools
PATH=$tools/bin:$PATH:${HOME-}/.cargo/bin
export PATH
mkdir -p "$tools/bin"

say() { echo "peers: $*" >&2; }
# there NAME: one that is there is left as it is.
there() { command -v "$1" >/dev/null; }
link() { ln -sf "$1" "$tools/bin/${1##*/}"; }

for pair in entr:entr inotify-tools:inotifywait; do
	there "${pair#*:}" && continue
	if [ "$(id -u)" -ne 0 ] || ! there apt-get; then
		say "without ${pair#*:}: install ${pair%%:*}"
		continue
	fi
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${pair%%:*}" </dev/null ||
		say "without ${pair#*:}: apt-get could not install ${pair%%:*}"
done

if ! there watchexec; then
	say "building watchexec, which takes some minutes"
	env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u CARGO_TARGET_DIR -u RUSTC_WRAPPER -u MAKEFLAGS \
		cargo install watchexec-cli --locked --root build/tools || say "without watchexec: cargo could not build it"
fi

if ! there pre-commit; then
	if python3 -m venv "$tools/pre-commit" && "$tools/pre-commit/bin/pip" install -q --disable-pip-version-check pre-commit; then
		link "$tools/pre-commit/bin/pre-commit"
	else
		say "without pre-commit: pip could not install it (Debian: python3-venv)"
	fi
fi

# Without their scripts: lefthook's would install its hooks into this very repository.
for name in lefthook husky; do
	there "$name" && continue
	if there npm && npm install --silent --ignore-scripts --no-audit --no-fund --prefix "$tools/npm" "$name" && [ -e "$tools/npm/node_modules/.bin/$name" ]; then
		link "$tools/npm/node_modules/.bin/$name"
	else
		say "without $name: npm could not install it"
	fi
done
