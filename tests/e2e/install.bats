#!/usr/bin/env bats
# What `make install` puts where, that it works there, and that uninstall leaves nothing of it; and how the programs are hardened.

load ../lib/assert
load ../lib/fixture

setup() {
	fixture_setup
	BUILT=${REINJECT%/reinject}
	STAGE="$T/a stage"
	# Whoever runs this suite has given make words of its own.
	unset DESTDIR PREFIX LIBEXECDIR DEV FAULTS
	mkdir -p "$STAGE"
}
teardown() { fixture_teardown; }

# staged VERB [WORD...]: make install or uninstall into the stage.
staged() { make -s -C "$REPO" "$@" "DESTDIR=$STAGE" PREFIX=/opt/rx >"$T/make" 2>&1 || fail "make $*: $(cat "$T/make")"; }

everything() { (cd "$STAGE" && find . -mindepth 1 | sort); }

# tells PROGRAM READELF-OPTION PATTERN: readelf says so of the program.
tells() { LC_ALL=C readelf -W "$2" "$1" | grep -Eq -- "$3" || fail "$1 lacks '$3': $(LC_ALL=C readelf -W "$2" "$1" | head -n 40)"; }

@test "an installed program runs, finds its rules and its hook program, and uninstall leaves an empty tree" {
	staged install
	local file
	for file in bin/reinject libexec/reinject-hook share/reinject/samples/redox-aarch64.ini share/reinject/rules/redox.ini \
		share/doc/reinject/README.md share/doc/reinject/LICENSE; do
		[[ -s $STAGE/opt/rx/$file ]] || fail "not installed: $file"
	done
	expect_equal "$(stat -c %a "$STAGE/opt/rx/bin/reinject" "$STAGE/opt/rx/libexec/reinject-hook" "$STAGE/opt/rx/share/doc/reinject/README.md" | tr '\n' ' ')" "755 755 644 "

	REINJECT=$STAGE/opt/rx/bin/reinject
	rx_ok --version
	expect_out '^reinject [0-9]'
	mkdir -p "$SRC"
	git -C "$SRC" init -q
	ini_base
	rx_ok -C "$TREE" hooks install
	grep -qF "$STAGE/opt/rx/libexec/reinject-hook" "$SRC/.git/hooks/post-commit" || fail "another hook program: $(cat "$SRC/.git/hooks/post-commit")"
	rx_ok -C "$TREE" hooks uninstall

	staged uninstall
	expect_equal "$(everything)" ""
}

@test "what lies in man and completions is installed where each shell looks" {
	local copy=$T/copy share="$STAGE/opt/rx/share"
	mkdir -p "$copy/tools" "$copy/docs/man" "$copy/completions" "$copy/build"
	cp "$REPO/tools/install.sh" "$copy/tools/"
	touch "$copy/docs/man/"{reinject.1,reinject-watch.1,reinject.ini.5} "$copy/completions/"{reinject.bash,reinject.zsh,reinject.fish}
	DESTDIR=$STAGE PREFIX=/opt/rx "$copy/tools/install.sh" install build
	local file
	for file in man/man1/reinject.1 man/man1/reinject-watch.1 man/man5/reinject.ini.5 bash-completion/completions/reinject \
		zsh/site-functions/_reinject fish/vendor_completions.d/reinject.fish; do
		[[ -f $share/$file ]] || fail "not installed: $file"
	done
	DESTDIR=$STAGE PREFIX=/opt/rx "$copy/tools/install.sh" uninstall build
	expect_equal "$(everything)" ""
}

@test "uninstall leaves what others have put beside it" {
	staged install
	mkdir -p "$STAGE/opt/rx/share/reinject/rules" "$STAGE/opt/rx/share/man/man1"
	echo mine >"$STAGE/opt/rx/share/reinject/rules/mine.ini"
	echo theirs >"$STAGE/opt/rx/bin/other"
	staged uninstall
	expect_equal "$(cd "$STAGE" && find . -type f | sort | tr '\n' ' ')" "./opt/rx/bin/other ./opt/rx/share/reinject/rules/mine.ini "
}

@test "--version names the libraries as they are now, as text and as JSON" {
	rx_ok --version
	local name
	for name in libgit2 libfswatch libuv SQLite jansson OpenSSL inih; do
		expect_out "$name [a-z.]*[0-9]"
	done
	expect_out '^Licence GPL-3.0-or-later$'
	rx_ok --json --version
	expect_json
	expect_jq '.[0].version == $v' --arg v "$(rx_version)"
	expect_jq '.[0].libraries | keys | length == 7'
	expect_jq '[.[0].libraries[] | test("[0-9]")] | all'
}

rx_version() { "$REINJECT" --version | sed -n '1s/^reinject //p'; }

@test "both programs are hardened: PIE, read-only relocations, no lazy binding, no executable stack, stack protector" {
	local program
	for program in "$BUILT/reinject" "$BUILT/reinject-hook"; do
		tells "$program" -h 'Type: +DYN'
		tells "$program" -l 'GNU_RELRO'
		tells "$program" -d 'Flags:.*NOW.*PIE'
		tells "$program" -l 'GNU_STACK .* RW +0x'
	done
	tells "$BUILT/reinject" --dyn-syms '__stack_chk_fail'
}

@test "the program's calls of the C library are fortified" {
	[[ $BUILT != */sanitize && $BUILT != */thread ]] || skip 'the sanitizers see to it here'
	tells "$BUILT/reinject" --dyn-syms '__(snprintf|vsnprintf|memcpy|fprintf|printf|read|readlink)_chk'
}
