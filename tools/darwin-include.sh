#!/bin/sh
# darwin-include.sh FOLDER: links to the libraries' headers, which are the same on all systems, and to nothing else of /usr/include.
set -eu
folder=$1
rm -rf "$folder"
mkdir -p "$folder/arch"
link() { # NAME: from the first place that has it; a second one, of the architecture, goes to arch/
	found=
	for dir in /usr/include /usr/local/include "/usr/include/$(cc -print-multiarch 2>/dev/null)"; do
		[ -e "$dir/$1" ] || continue
		[ -n "$found" ] && { ln -sfn "$dir/$1" "$folder/arch/$1"; continue; }
		ln -sfn "$dir/$1" "$folder/$1"
		found=yes
	done
	[ -n "$found" ] || { echo "check-darwin: the header '$1' is nowhere: 'make deps' installs what is missing" >&2; exit 1; }
}
for name in git2 git2.h uv uv.h sqlite3.h jansson.h jansson_config.h ini.h libfswatch openssl; do link "$name"; done
