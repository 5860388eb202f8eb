#!/usr/bin/env bats
# completions/: what bash, zsh and fish offer, each asked by its own means. The files are made from the program's tables (docs.bats says that they are current).

load ../lib/assert
load ../lib/fixture

setup() {
	T=$BATS_TEST_TMPDIR TREE=$BATS_TEST_TMPDIR/tree SRC=$BATS_TEST_TMPDIR/tree/src
	started=() mounted=() daemons=()
	mkdir -p "$SRC" "$TREE/folder" "$T/bin" "$T/tmp"
	export TMPDIR=$T/tmp
	ln -s "$REINJECT" "$T/bin/reinject"
	export PATH=$T/bin:$PATH
	: >"$TREE/file one.txt"
	: >"$TREE/file-two"
	printf '[source base]\npath = src\n[package alpha]\npaths = alpha\n[package beta-2]\npaths = beta\n' >"$TREE/reinject.ini"
	chmod 0644 "$TREE/reinject.ini"
}
teardown() { fixture_teardown; }

# in_bash WORDS...: COMPREPLY for the line of these words, of which the last one is being typed.
in_bash() {
	cat >"$T/ask.bash" <<-'END'
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_reinject
		((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
	END
	(cd "$TREE" && bash --norc "$T/ask.bash" "$REPO/completions/reinject.bash" "$@") | sed 's/ *$//' | sort
}

in_zsh() {
	(cd "$TREE" && timeout 30 zsh -f "$REPO/tests/lib/complete.zsh" "$REPO/completions" "$BATS_FILE_TMPDIR" "$1" 3>&-)
}

# Without the descriptions, which fish gives behind a tab.
in_fish() {
	(cd "$TREE" && HOME=$T timeout 30 fish --no-config -c "source '$REPO/completions/reinject.fish'; complete -C '$1'" 3>&-) | cut -f1 | sort
}

# offers LINE WORDS...: what zsh and fish offer at its end, and bash for its words.
offers() {
	local line=$1 want words
	shift
	want=$(printf '%s\n' "$@" | sort)
	read -ra words <<<"$line"
	[[ $line != *' ' ]] || words+=('')
	expect_equal "bash: $(in_bash "${words[@]}")" "bash: $want"
	expect_equal "zsh: $(in_zsh "$line")" "zsh: $want"
	expect_equal "fish: $(in_fish "$line")" "fish: $want"
}

@test "verbs" {
	offers 'reinject re' refresh report
	"$REINJECT" help | sed -n '/^verbs:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' | sort >"$T/verbs"
	[[ $(wc -l <"$T/verbs") -gt 20 ]]
	expect_equal "$(in_bash reinject '')" "$(cat "$T/verbs")"
	expect_equal "$(in_zsh 'reinject ')" "$(cat "$T/verbs")"
	expect_equal "$(in_fish 'reinject ')" "$(cat "$T/verbs")"
	offers 'reinject -v --color auto -C . he' help
}

@test "options: those of every verb, and the verb's own" {
	offers 'reinject --verb' --verbose
	offers 'reinject refresh --re' --retry
	offers 'reinject adopt --re'
	offers 'reinject service install watch --pr' --print
}

@test "words that are one of a few" {
	offers 'reinject --color ' auto always never
	offers 'reinject service --system la' launchd
	offers 'reinject hooks ' install uninstall status
	offers 'reinject service install ' watch nightly
	offers 'reinject image sta' stamp
	offers 'reinject doctor --fix lib' libgcc_eh
	offers 'reinject help ini' init initfs
}

@test "bash cuts an option and its value at the sign" {
	expect_equal "$(in_bash reinject --color =)" "$(printf 'always\nauto\nnever')"
	expect_equal "$(in_bash reinject --color = al)" always
	expect_equal "$(in_bash reinject --directory = "$TREE" sta)" status
}

@test "packages, by the configuration that the line names" {
	offers 'reinject build ' alpha beta-2
	offers 'reinject build alpha b' beta-2
	offers 'reinject symbols al' alpha
	offers "reinject -C $TREE/folder build al" alpha
	offers 'reinject -C /nowhere build al'
}

@test "keys, with the sign behind them where a value follows" {
	offers 'reinject config watch.qu' watch.quiet_ms
	expect_equal "$(in_bash reinject -o watch.qu)" watch.quiet_ms=
	expect_equal "$(in_zsh 'reinject -o watch.qu')" watch.quiet_ms
	expect_equal "$(in_fish 'reinject -o watch.qu')" watch.quiet_ms=
	# Behind `report` the letter is a file.
	expect_equal "$(in_bash reinject report -o file-)" file-two
	expect_equal "$(in_fish 'reinject report -o file-')" file-two
}

@test "files and folders" {
	offers 'reinject inject file-' file-two
	expect_equal "$(in_bash reinject inject file)" "$(printf 'file one.txt\nfile-two')"
	expect_equal "$(in_bash reinject --directory f)" folder
	expect_equal "$(in_zsh 'reinject --directory f')" folder
	expect_equal "$(in_fish 'reinject --directory f')" folder/
	# The second operand is a path in the image, of which nothing is known here.
	expect_equal "$(in_bash reinject inject file-two f)" ''
	expect_equal "$(in_fish 'reinject inject file-two f')" ''
}

@test "revisions and runs" {
	git -C "$TREE" init -q -b main
	git -C "$TREE" -c user.name=t -c user.email=t@localhost commit -q --allow-empty -m first
	git -C "$TREE" branch side
	offers 'reinject affected --since ' HEAD main side
	offers 'reinject adopt si' side
	# No run was made yet.
	offers 'reinject show '
}
