#!/usr/bin/env bats
# The pages and completions are those of the program that is tested: made from its tables, complete, and their examples are taken by it.

load ../lib/assert
load ../lib/fixture

setup() {
	T=$BATS_TEST_TMPDIR TREE=$BATS_TEST_TMPDIR/tree
	started=() mounted=() daemons=()
	GENDOCS=${REINJECT%/*}/gendocs
	[[ -x $GENDOCS ]] || fail "there is no '$GENDOCS': run make $GENDOCS"
	mkdir -p "$TREE" "$T/tmp"
	export TMPDIR=$T/tmp
}
teardown() { fixture_teardown; }

# verbs: their names, as the help lists them.
verbs() {
	"$REINJECT" help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# options VERB: the long ones that its help names.
options() {
	"$REINJECT" help "$@" | sed -n '/^options/,/^$/s/^  .*--\([a-z-]*\).*/\1/p'
}

# plain PAGE: without what only roff reads.
plain() {
	sed 's/\\f[BIR]//g; s/\\//g' "$1"
}

@test "what make docs writes is in the tree as it would write it now" {
	mkdir -p "$T/new/docs/man" "$T/new/completions"
	"$GENDOCS" "$T/new"
	diff -u "$REPO/docs/configuration.md" "$T/new/docs/configuration.md" || fail "docs/configuration.md is stale: run make docs"
	diff -ru "$REPO/docs/man" "$T/new/docs/man" || fail "docs/man is stale: run make docs"
	diff -ru "$REPO/completions" "$T/new/completions" || fail "completions is stale: run make docs"
}

@test "every verb and every option has its place in the manual" {
	local verb option
	[[ $(verbs | wc -l) -gt 20 ]]
	for verb in $(verbs); do
		grep -q "^reinject\\\\-$verb " "$REPO/docs/man/reinject-$verb.1" || fail "no page for $verb"
		grep -q "^\\\\fB$verb\\\\fR" "$REPO/docs/man/reinject.1" || fail "reinject.1 lacks $verb"
		grep -q "^|.*\`reinject $verb\b" "$REPO/README.md" || fail "the README's table lacks $verb"
		for option in $(options "$verb"); do
			plain "$REPO/docs/man/reinject-$verb.1" | grep -q -- "--$option\b" || fail "no --$option of $verb"
		done
	done
	[[ $(options | wc -l) -gt 8 ]]
	for option in $(options); do
		plain "$REPO/docs/man/reinject.1" | grep -q -- "--$option\b" || fail "reinject.1 lacks --$option"
	done
}

@test "every key that is in force has its place in the reference and in the manual" {
	local section key
	printf '[source base]\npath = .\n' >"$TREE/reinject.ini"
	rx_ok config --json
	[[ $(wc -l <"$T/out") -gt 30 ]]
	while IFS=$'\t' read -r section key; do
		sed -n "/^## \[${section%% *}\b/,/^## /p" "$REPO/docs/configuration.md" | grep -q "^| \`$key\`" || fail "configuration.md lacks $key of $section"
		sed -n "/^\.SS \[${section%% *}\b/,/^\.SS /p" "$REPO/docs/man/reinject.ini.5" | grep -q "^\\\\fB$key\\\\fR" ||
			fail "reinject.ini.5 lacks $key of $section"
	done < <(jq -r '[.section, .key] | @tsv' "$T/out")
}

@test "the manual's pages are well-formed" {
	local page
	for page in "$REPO"/docs/man/*.[15]; do
		mandoc -Tlint -W warning "$page" >"$T/lint" 2>&1 || true
		[[ ! -s $T/lint ]] || fail "$(cat "$T/lint")"
	done
	mandoc -Tutf8 "$REPO/docs/man/reinject-service.1" | col -b >"$T/page"
	grep -q "REINJECT-SERVICE(1)" "$T/page" || fail "$(cat "$T/page")"
	# A list of the help is one of the page.
	grep -Eq "^     uninstall|^ +uninstall$" "$T/page" || fail "$(cat "$T/page")"
}

# ini_blocks FILE: each ```ini block into $T/block.N, a base of what every configuration needs before it; how many are in $n.
ini_blocks() {
	rm -f "$T"/block.*
	awk -v t="$T/block." '/^ *```ini/ { n++; indent = index($0, "`") - 1; on = 1; next } /^ *```/ { on = 0 } on { print substr($0, indent + 1) > (t n) }
		END { print n + 0 }' "$1"
}

@test "the examples of a configuration are taken as they stand" {
	local file block n
	mkdir -p "$TREE/src"
	for file in "$REPO"/README.md "$REPO"/docs/*.md; do
		n=$(ini_blocks "$file")
		[[ $file != */configuration.md ]] || ((n > 10)) || fail "$file has $n examples"
		for block in "$T"/block.*; do
			[[ -e $block ]] || continue
			: >"$TREE/packages.ini"
			cp "$block" "$TREE/reinject.ini"
			grep -q '^\[source' "$block" || printf '[source base]\npath = src\n' >>"$TREE/reinject.ini"
			chmod 0644 "$TREE"/*.ini
			rx config
			((status == 0)) || fail "$file: $(cat "$block" "$T/err")"
		done
	done
}

@test "what a page links to is there" {
	local file link bad=
	for file in "$REPO"/*.md "$REPO"/docs/*.md; do
		for link in $(grep -o ']([^) ]*)' "$file" | sed 's/^](//; s/)$//' | grep -v '^http'); do
			[[ $link == '#'* ]] || [[ -e ${file%/*}/${link%%#*} ]] || bad+=" ${file##*/}: $link"
		done
	done
	[[ -z $bad ]] || fail "dead links:$bad"
}

@test "the functions and files that the pages name are there" {
	local file name bad=
	for file in docs/architecture.md CONTRIBUTING.md docs/image-safety.md; do
		for name in $(grep -o '`[a-z0-9_]*()`\|`image_txn_[a-z]*`' "$REPO/$file" | tr -d '`()' | sort -u); do
			grep -rqE --include='*.[ch]' "\b$name\(" "$REPO"/{base,config,cargo,image,journal,watcher,hooks,boot,report,refresh,server,night,setup,cli} ||
				bad+=" $file: $name"
		done
		for name in $(grep -oE '\b(base|config|cargo|image|journal|watcher|hooks|boot|report|refresh|server|night|setup|cli|tools|tests)/[a-zA-Z_/-]+\.(c|h|ini|bats)\b' \
			"$REPO/$file" | sort -u); do
			[[ -e $REPO/$name || $name == */cmd-NAME.c ]] || bad+=" $file: $name"
		done
	done
	[[ -z $bad ]] || fail "not in the sources:$bad"
}

@test "each event, and each key of what a verb prints as JSON, is in the machine interface" {
	local page=$REPO/docs/architecture.md event verb key bad=
	for event in $(grep -rhoE '"event", "[a-z]+"' "$REPO"/{cli,night} | cut -d'"' -f4 | sort -u); do
		grep -q "^| \`$event\` |" "$page" || bad+=" event $event"
	done
	git -C "$TREE" init -q
	git -C "$TREE" -c user.name=t -c user.email=t@localhost commit -q --allow-empty -m first
	: >"$TREE/disk.img"
	printf '[source base]\npath = .\n[image]\npath = disk.img\n' >"$TREE/reinject.ini"
	for verb in status affected config doctor 'hooks status' 'service status'; do
		# shellcheck disable=SC2086 # two words
		rx $verb $([[ $verb != service* ]] || echo watch) --json
		[[ -s $T/out ]] || fail "$verb said nothing: $(cat "$T/err")"
		for key in $(head -n 1 "$T/out" | jq -r 'del(.t_ms) | keys[]'); do
			grep "^| \`$verb\` |" "$page" | grep -q "\`$key\`" || bad+=" $verb: $key"
		done
	done
	[[ -z $bad ]] || fail "docs/architecture.md lacks:$bad"
}

# fixed TEXT: its longest part without a value, in one line.
fixed() {
	sed 's/%[a-z0-9.*]*/\n/g; s/\\"/"/g' <<<"$1" | sed "s/^[^A-Za-z/]*//; s/[^A-Za-z]*\$//" | awk 'length > n { n = length; t = $0 } END { print t }'
}

@test "each check of doctor, and each thing that it finds wrong, is in troubleshooting.md" {
	local page=$REPO/docs/troubleshooting.md check said n=0 bad=
	tr -s '\n ' '  ' <"$page" >"$T/page"
	printf '[source base]\npath = .\n' >"$TREE/reinject.ini"
	rx doctor -v --json
	[[ $(wc -l <"$T/out") -gt 15 ]]
	for check in $(jq -r .check "$T/out"); do
		grep -qx "## $check" "$page" || bad+=$'\n'"no heading '## $check'"
		said=$(jq -r --arg check "$check" 'select(.check == $check) | .why' "$T/out")
		sed -n "/^## $check\$/,/^## ./p" "$page" | tr -s '\n ' '  ' | grep -qiF -- "$said" || bad+=$'\n'"not why $check: $said"
	done
	# The sentences, from the sources: the words between the values, the longest of them.
	while IFS= read -r said; do
		said=$(fixed "$said")
		[[ -n $said ]] || continue
		n=$((n + 1))
		grep -qF -- "$said" "$T/page" || bad+=$'\n'"$said"
	done < <(sed -nE 's/.*doctor_(warn|fail)\(finding, "(([^"\\]|\\.)*)".*/\2/p' "$REPO"/setup/doctor_*.c)
	((n > 30)) || fail "only $n sentences were found in the sources"
	[[ -z $bad ]] || fail "docs/troubleshooting.md lacks:$bad"
}
