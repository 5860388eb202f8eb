#!/usr/bin/env bats
# The commands that the pages tell a reader to type: the program takes each, make knows each, and what a sample can stand is run as printed.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	PAGES=("$REPO"/README.md "$REPO"/CONTRIBUTING.md "$REPO"/docs/*.md)
}
teardown() { fixture_teardown; }

# sh_lines PAGE: the lines of its sh blocks, without comments.
sh_lines() {
	awk '/^ *```sh/ { on = 1; next } /^ *```/ { on = 0 } on' "$1" | sed 's/  *#.*//; /^#/d'
}

# code PAGE: what stands between backquotes, also over the end of a line, one a line.
code() {
	sed '/^ *```/,/^ *```$/d; s/^|.*/&\n/; s/^- /\n&/' "$1" |
		awk 'BEGIN { RS = "" } { gsub(/\n */, " "); n = split($0, part, "`"); for (i = 2; i <= n; i += 2) print part[i] }' | sed 's/\\|/|/g'
}

# commands PROGRAM PAGE...: what the pages have of it, each once.
commands() {
	local program=$1 page
	shift
	for page; do
		sh_lines "$page"
		code "$page"
	done | sed 's/^sudo //' | grep "^$program " | sort -u
}

# named WORD TEXT: the word stands in it by itself.
named() { grep -qE -- "(^|[^a-z-])$1([^a-z-]|\$)" <<<"$2"; }

# A synopsis: each of its options is in the help of the verb, and each word that is no place-holder in its usage.
look_at_synopsis() {
	local help word where
	help=$("$REINJECT" help "$1" && "$REINJECT" help) || fail "no such verb: $*"
	for word in $(tr '[]|.' '    ' <<<"${*:2}"); do
		[[ $word != -* ]] && where=$(sed '/^$/q' <<<"$help") || where=$help
		[[ $word =~ ^/?[A-Z/]+$ || $word == html ]] || named "$word" "$where" || fail "reinject help $1 does not know '$word', of: reinject $*"
	done
}

# parse WORD...: how far the program gets without a configuration; none of it is anything that it does.
parse() {
	status=0
	(cd "$TREE" && exec timeout --foreground -k 10 "$RX_LIMIT" "$REINJECT" -c "$T/none.ini" "$@") >"$T/out" 2>&1 </dev/null 3>&- || status=$?
}

# A command: its verb, options and number of operands are taken; a configuration that is not there stops it before it does anything.
look_at_command() {
	local usage
	case $1 in
	help) parse help "${2/VERB/watch}" ;;
	doctor) parse "${@/NAME/clock}" ;;
	# A mention of what needs more to work on.
	build | inject | extract) if (($# == 1)); then parse help "$1"; else parse "$@"; fi ;;
	*) parse "$@" ;;
	esac
	# init has come as far when it finds the configuration of the sample.
	((status == 0)) || grep -qE "cannot open configuration '$T/none.ini'|/reinject.ini' is there already" "$T/out" || fail "not taken: reinject $*: $(cat "$T/out")"
	case $1 in
	image | hooks | service)
		usage=$("$REINJECT" help "$1" | sed '/^$/q')
		named "$2" "$usage" || fail "reinject $1 has no '$2'"
		[[ $1 != service ]] || named "$3" "$usage" || fail "reinject service has no '$3'"
		;;
	esac
}

@test "the program takes each command that the pages have, with its options" {
	local command n=0
	local -a words
	while IFS= read -r command; do
		read -ra words <<<"$command"
		n=$((n + 1))
		case $command in
		*'['* | *'|'*) look_at_synopsis "${words[@]:1}" ;;
		*) look_at_command "${words[@]:1}" ;;
		esac
	done < <(commands reinject "${PAGES[@]}")
	((n > 50)) || fail "only $n commands were found on the pages"
}

# A target stands in a Makefile, a variable in one or in the script that the target runs.
@test "make knows each target and variable that the pages give it" {
	local command word n=0 bad=
	while IFS= read -r command; do
		n=$((n + 1))
		for word in ${command#make }; do
			case $word in
			*=*) grep -rqw -- "${word%%=*}" "$REPO/Makefile" "$REPO/tests/hardening.mk" "$REPO/tests/bench" || bad+=" $word" ;;
			*) grep -qE "^([a-z-]+ )*$word( [a-z-]+)*:" "$REPO/Makefile" "$REPO/tests/hardening.mk" || bad+=" $word" ;;
			esac
		done
	done < <(commands make "${PAGES[@]}")
	((n > 20)) || fail "only $n commands were found on the pages"
	[[ -z $bad ]] || fail "make does not know:$bad"
}

# not_here COMMAND: why it is not run below; or nothing, and it is.
not_here() {
	case $1 in
	*'['* | *'|'*) echo 'a synopsis, not a command' ;;
	'reinject build' | 'reinject init' | 'reinject init --image'*) echo 'named without what it needs, or run by readme.bats' ;;
	'reinject watch'* | 'reinject refresh') echo 'run by readme.bats, and by the tests of the watch' ;;
	'reinject boot' | 'reinject bisect' | 'reinject nightly' | 'reinject initfs') echo 'needs a machine or a packer: their own tests' ;;
	'reinject service install'*) echo 'changes the units of whoever runs this: service.bats' ;;
	'reinject image mount'* | 'reinject image unmount'*) echo 'the block of troubleshooting.md, below' ;;
	'reinject image stamp' | 'reinject inject FILE'* | 'reinject extract'*) echo 'a row of the table of verbs' ;;
	'reinject help'*) echo 'looked at above' ;;
	esac
}

# with_values WORD...: place-holders become what the sample has, in `words`.
with_values() {
	local word
	words=()
	for word; do
		case $word in
		PKG) word=netd ;;
		ID | RUN) word=$run ;;
		NAME) word=clock ;;
		FILE) word=$T/page.html ;;
		esac
		words+=("$word")
	done
}

# a_change: one run that replaces a driver; leaves its number in `run`.
a_change() {
	mark netd $((++edition))
	rx_ok refresh
	rx_ok status --json
	run=$(jq .last "$T/out")
}

@test "what the pages tell to type works as printed, in a sample" {
	local command n=0 edition=1 run
	local -a words
	printf '[reinject]\ninclude = packages.ini\nrules = /dev/null\n' | ini_add
	rx_ok init --update
	rx_ok refresh
	a_change
	while IFS= read -r command; do
		[[ -z $(not_here "$command") ]] || continue
		n=$((n + 1))
		[[ $command != *rollback* ]] || a_change
		read -ra words <<<"${command#reinject }"
		with_values "${words[@]}"
		rx "${words[@]}"
		# What doctor finds on this machine is not the page's to say.
		if [[ $command == 'reinject doctor' ]]; then expect_status 0 3; else expect_status 0; fi
	done < <(commands reinject "${PAGES[@]}")
	((n > 20)) || fail "only $n commands were run"
	[[ -s $T/page.html ]] || fail 'reinject report -o FILE has written nothing'
	rx_ok hooks uninstall
}

@test "a folder is made in the image as troubleshooting.md says" {
	local page
	# The blocks of the other pages would be run here, too: a new one must be.
	for page in "$REPO"/CONTRIBUTING.md "$REPO"/docs/*.md; do
		[[ $page == */troubleshooting.md ]] || expect_equal "$(sh_lines "$page")" ""
	done
	sh_lines "$REPO/docs/troubleshooting.md" >"$T/lines"
	expect_equal "$(grep -c . "$T/lines")" 4
	mkdir "$T/bin"
	ln -s "$REINJECT" "$T/bin/reinject"
	(cd "$TREE" && PATH=$T/bin:$PATH timeout "$RX_LIMIT" bash -eu "$T/lines") >"$T/out" 2>"$T/err" </dev/null 3>&- || fail "$(cat "$T/err")"
	image_has /etc/pcid || fail "the image has no such folder: $(cat "$T/err")"
}
