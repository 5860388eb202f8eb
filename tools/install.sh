#!/bin/sh
# install.sh install|uninstall BUILD: what `make install` puts where, in one list, so that uninstall takes away the same and nothing else.
# DESTDIR, PREFIX and LIBEXECDIR come from the environment. BUILD is the folder that the programs were built in.
set -eu
cd "$(dirname "$0")/.."
verb=$1
build=$2
: "${PREFIX:=/usr/local}"
: "${LIBEXECDIR:=$PREFIX/libexec}"
: "${DESTDIR:=}"
share=$PREFIX/share

# each MODE FOLDER FILE...: a pattern that matches nothing is skipped.
each() {
	mode=$1
	folder=$2
	shift 2
	for file in "$@"; do
		[ ! -f "$file" ] || one "$mode" "$file" "$folder/${file##*/}"
	done
}

one() { # MODE FILE TARGET
	to=$DESTDIR$3
	if [ "$verb" = install ]; then
		mkdir -p "${to%/*}"
		install -m "$1" "$2" "$to"
	else
		rm -f "$to"
		tidy "${3%/*}"
	fi
}

# Empty folders go: below DESTDIR all that are on the way, otherwise only those with our name.
tidy() {
	folder=$1
	while [ -n "$folder" ]; do
		case $DESTDIR:$folder/ in :*/reinject/*) ;; :*) return 0 ;; esac
		if [ -d "$DESTDIR$folder" ]; then
			rmdir "$DESTDIR$folder" 2>/dev/null || return 0
		fi
		folder=${folder%/*}
	done
}

each 755 "$PREFIX/bin" "$build/reinject"
each 755 "$LIBEXECDIR" "$build/reinject-hook"
each 644 "$share/reinject/samples" config/samples/*
each 644 "$share/reinject/rules" config/rules/*
each 644 "$share/man/man1" docs/man/*.1
each 644 "$share/man/man5" docs/man/*.5
each 644 "$share/doc/reinject" README.md LICENSE docs/*.md docs/*.svg
each 644 "$share/doc/reinject/facts" docs/facts/*.md
for file in completions/*; do
	case $file in
	*.bash) one 644 "$file" "$share/bash-completion/completions/reinject" ;;
	*.zsh | */_*) one 644 "$file" "$share/zsh/site-functions/_reinject" ;;
	*.fish) one 644 "$file" "$share/fish/vendor_completions.d/reinject.fish" ;;
	esac
done
if [ "$verb" = install ]; then
	echo "installed: $DESTDIR$PREFIX/bin/reinject, $DESTDIR$LIBEXECDIR/reinject-hook, and in $DESTDIR$share its manual, completions, rules and samples"
else
	echo "uninstalled from $DESTDIR$PREFIX"
fi
