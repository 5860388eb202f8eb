#!/bin/sh
# make check-deb: builds the Debian package in a copy of what git has, as a user without rights would, and lets lintian judge it.
set -eu
cd "$(dirname "$0")/.."
for program in dpkg-buildpackage dh lintian; do
	command -v "$program" >/dev/null || {
		echo "check-deb: '$program' is missing: apt-get install dpkg-dev debhelper lintian fakeroot" >&2
		exit 3
	}
done
version=$(sed -n 's/^VERSION := //p' Makefile)
[ "$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)" = "$version" ] || {
	echo "check-deb: debian/changelog is of another version than the Makefile ($version)" >&2
	exit 1
}
work=build/deb
rm -rf "$work"
mkdir -p "$work/reinject-$version"
# With what is not committed yet.
revision=$(git stash create)
git archive "${revision:-HEAD}" | tar -x -C "$work/reinject-$version"
(cd "$work/reinject-$version" && env -u CFLAGS -u LDFLAGS -u MAKEFLAGS -u DEV -u SANITIZE dpkg-buildpackage -us -uc -b) >"$work/build.log" 2>&1 || {
	tail -n 40 "$work/build.log" >&2
	exit 1
}
dpkg-deb --contents "$work"/reinject_*.deb >"$work/contents"
lintian --allow-root --fail-on error --tag-display-limit 0 "$work"/*.changes
echo "check-deb: reinject $version: $(wc -l <"$work/contents") entries, lintian has no errors"
