#!/bin/sh
# zig.sh FOLDER: zig's C compiler, which compiles for macOS, as a Python package in a virtual environment of its own.
set -eu
version=0.17.1
venv=$1
trap 'rm -rf "$venv.new"' EXIT
rm -rf "$venv.new"
python3 -m venv "$venv.new" || {
	echo "zig: python3 cannot make a virtual environment (Debian's package: python3-venv)" >&2
	exit 1
}
"$venv.new/bin/python" -m pip install -q --disable-pip-version-check "ziglang==$version" || {
	echo "zig: pip could not install ziglang $version (it needs the network the first time); the lines above tell why" >&2
	exit 1
}
# The compiler itself, without Python in front of it at each call.
(cd "$venv.new" && ln -s lib/python3*/site-packages/ziglang/zig zig && ./zig version >/dev/null)
mkdir -p "${venv%/*}"
mv "$venv.new" "$venv"
