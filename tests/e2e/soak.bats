#!/usr/bin/env bats
# Random edits, renames, deletions, commits, checkouts at random moments, also during builds. At the end, when it is at rest, the image has what a
# clean build of each package alone gives, and the watch has grown by nothing.
# SOAK_SEED=N repeats a run, SOAK_CHANGES=N says how many (60); the seed is printed. `make soak` makes 2,000.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() { fixture_teardown; }

changes=${SOAK_CHANGES:-60}
# What is measured at the end is compared with what it was then. A short run ends before memory has settled: there only a gross leak is seen.
warm=$((changes < 400 ? changes / 3 : 200))
MARKS=(common proto netd inputd multi-a multi-b odd)
DIRS=(crates/common crates/proto drivers/net/netd drivers/inputd drivers/multi tools/odd)
grown_kb=$((changes < 400 ? 8192 : 2048))

# Leaves a number below $1 in `n`; never in a subshell, which would draw the same again.
draw() { n=$((RANDOM % $1)); }

source_of() { grep -rlE --include=*.rs "\"$1=" "$SRC/crates" "$SRC/drivers" "$SRC/tools"; }

step() { printf '%s %s\n' "$i" "$*" >>"$T/steps"; }

edit() {
	draw ${#MARKS[@]}
	local name=${MARKS[n]}
	draw 1000
	local v=$((n + 10)) f
	f=$(source_of "$name")
	draw 4
	step "edit $name $v by $n"
	case $n in
	0) mark "$name" "$v" ;;
	1) sed -i -E "s/\"$name=[0-9]+/\"$name=$v/" "$f" ;;
	2) sed -E "s/\"$name=[0-9]+/\"$name=$v/" "$f" >"$T/tmp/soak" && cat "$T/tmp/soak" >"$f" ;;
	3) printf '// %s\n' "$v" >>"$f" ;;
	esac
}

# break: what no compiler takes, until an edit of git or `mend` takes it back.
break_one() {
	draw ${#MARKS[@]}
	step "break ${MARKS[n]}"
	printf 'fn broken( {\n' >>"$(source_of "${MARKS[n]}")"
}

mend_all() {
	local f
	for f in $(grep -rl --include=*.rs '^fn broken( {$' "$SRC/crates" "$SRC/drivers" "$SRC/tools" || true); do
		step "mend $f"
		sed '/^fn broken( {$/d' "$f" >"$T/tmp/mend" && cat "$T/tmp/mend" >"$f"
	done
}

# extra: files and folders that belong to a package and are not compiled.
extra() {
	draw ${#DIRS[@]}
	local dir=$SRC/${DIRS[n]}/extra
	draw 6
	step "extra $n in $dir"
	case $n in
	0 | 1) mkdir -p "$dir/a/b" && printf '%s\n' "$i" >"$dir/a/b/f" ;;
	2) [[ ! -d $dir ]] || { rm -rf "$dir.old" && mv "$dir" "$dir.old"; } ;;
	3) rm -rf "$dir" "$dir.old" ;;
	4) mkdir -p "$T/outside/x" "$dir" && printf '%s\n' "$i" >"$T/outside/x/f" && rm -rf "$dir/x" && mv "$T/outside/x" "$dir/x" ;;
	5) mkdir -p "$dir" && ln -sfn "nowhere-$i" "$dir/link" ;;
	esac
}

git_step() {
	draw 8
	step "git $n"
	case $n in
	0 | 1 | 2) g add -A && g commit --allow-empty -m "step $i" ;;
	3) g reset --hard ;;
	4) g reset --hard HEAD~1 || g reset --hard ;;
	5) g checkout -f -B side HEAD~1 || g checkout -f -B side ;;
	6) g checkout -f main ;;
	7)
		g stash -u || true
		g stash pop || g reset --hard
		;;
	esac
}

other_step() {
	draw 3
	step "other $n"
	case $n in
	0) beacon ;;
	1) touch "$SRC"/drivers/*/src/*.rs ;;
	2) mkdir -p "$SRC/target/soak" && printf '%s\n' "$i" >"$SRC/target/soak/$i" ;;
	esac
}

change() {
	draw 20
	case $n in
	[0-8]) edit ;;
	9) break_one ;;
	10) mend_all ;;
	11 | 12 | 13) extra ;;
	1[4-7]) git_step ;;
	*) other_step ;;
	esac
	draw 10
	# Mostly at once or within the debounce; now and then in the middle of a build.
	((n < 4)) || pause "0.$(((n - 3) * 6 + 10))"
}

settled() {
	local s
	s=$("$REINJECT" -C "$TREE" status --json 2>/dev/null) || return 1
	jq -e '.stale == [] and .failed == [] and .running == null' >/dev/null <<<"$s" && [[ -z $(children) ]]
}

children() { cat /proc/"$pid_watch"/task/*/children; }

at_rest() {
	mend_all
	wait_until 120 settled || fail "not at rest (seed $seed, change $i): $("$REINJECT" -C "$TREE" status --json)
$(tail -n 20 "$T/watch.err" "$T/steps")"
}

rss_kb() { awk '/^VmRSS/ { print $2 }' "/proc/$pid_watch/status"; }
# The sanitizer's entry is named in each program built with it, whether its library is shared or not.
sanitized() { LC_ALL=C grep -qa __asan_init "$REINJECT"; }
n_fds() { ls "/proc/$pid_watch/fd" | wc -l; }

# It closes what it was asked by, and the image that went, a moment later.
no_more_fds() { (($(n_fds) <= fds)); }

# expect_clean_builds: in an empty target folder each, as cargo does it alone.
expect_clean_builds() {
	local p bin path
	image_files >"$T/files"
	for p in netd:netd:usr/lib/drivers inputd:inputd:usr/lib/drivers multi:multi-a:usr/lib/drivers multi:multi-b:usr/lib/drivers odd_pkg:rxe2e-odd:usr/bin; do
		IFS=: read -r p bin path <<<"$p"
		rm -rf "$T/clean"
		(cd "$SRC" && CARGO_TARGET_DIR=$T/clean cargo build --quiet --offline --release -p "$p") >>"$T/clean.log" 2>&1 || fail "no clean build: $(cat "$T/clean.log")"
		llvm-strip "$T/clean/release/$bin" -o "$T/tmp/clean.bin"
		expect_equal "$bin $(awk -v f="./$path/$bin" '$2 == f { print $1 }' "$T/files")" "$bin $(sha256 "$T/tmp/clean.bin")"
	done
	expect_equal "$(in_image cat etc/beacon)" "$(cat "$TREE/side/beacon")"
	in_image grep -q untouched etc/bystander
}

@test "$changes random changes: the image is right, and the watch has not grown" {
	local i n seed rss fds
	seed=${SOAK_SEED:-$((${EPOCHREALTIME/[.,]/} % 32768))}
	RANDOM=$seed
	echo "# seed $seed" >&3
	g commit --allow-empty -m 'so that there is one before'
	rest
	watch
	for ((i = 1; i <= changes; i++)); do
		change
		pid_gone "$pid_watch" && watch_fail "the watch has ended (seed $seed, change $i)"
		((i % 100 != 0)) || at_rest
		if ((i == warm)); then
			at_rest
			rss=$(rss_kb) fds=$(n_fds)
		fi
	done
	at_rest
	echo "# RSS $rss -> $(rss_kb) kB, descriptors $fds -> $(n_fds), rounds $(jq -cR 'fromjson? | select(.event == "done") | .result' "$T/watch.out" | sort | uniq -c | tr -s ' \n' ' ')" >&3
	if sanitized; then
		# The address sanitizer keeps what was freed (its quarantine), so memory grows whatever the program does; its own end tells of leaks.
		echo "# memory is not compared: '$REINJECT' has the address sanitizer in it" >&3
	else
		(($(rss_kb) <= rss + grown_kb)) || fail "it has grown from $rss to $(rss_kb) kB (seed $seed)"
	fi
	wait_until 20 no_more_fds || fail "it has $(n_fds) descriptors, and had $fds"
	expect_equal "$(children)" ""
	expect_equal "$(tree_mounts)" ""
	stop_watch
	expect_clean_builds
	rx_ok image check
	rx_ok refresh --json
	expect_jq 'any(.[]; .event == "done" and .result == "nothing")'
}
