#!/usr/bin/env bats
# The HTML page: its numbers are the journal's, it needs nothing else, and nobody's words become markup.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { fixture_setup_file && boot_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# page [FILE]: what the page says, in $T/page.json; a fault in it fails the test.
page() {
	python3 "$REPO/tests/lib/report.py" "${1:-$TREE/.reinject/report.html}" >"$T/page.json" || fail "the page cannot be read"
	expect_equal "$(jq -c .faults "$T/page.json")" '[]'
}

# says FILTER [ARGS]
says() {
	local filter=$1
	shift
	jq -e "$@" "$filter" "$T/page.json" >/dev/null || fail "not true of the page: $filter
$(jq 'del(.text)' "$T/page.json")"
}

# journal_says: the same numbers from `log` and `show`, in $T/journal.json.
journal_says() {
	local run
	rx_ok log --json
	cp "$T/out" "$T/log"
	for run in $(jq .run "$T/log"); do
		rx_ok show "$run" --json
		cat "$T/out"
	done | jq -s '
		([.[] | .steps[] | select(.kind == "build" and .detail != "fresh" and (.result == "ok" or .result == "failed"))]) as $built | {
		runs: [.[] | {run, started, verb, result, ms}],
		failures: [.[] | select(.result == "failed") | .run],
		figures: {runs: length, failed: [.[] | select(.result == "failed")] | length, builds: ($built | length),
			median: ([.[] | select(.result == "ok") | .ms] | sort | .[((length - 1) / 2) | floor])},
		packages: (reverse | [.[] | .steps[] | select(.kind == "build" and .detail != "fresh" and (.result == "ok" or .result == "failed"))] | group_by(.subject)
			| map({key: .[0].subject, value: {last: .[-1].ms, median: (map(.ms) | sort | .[((length - 1) / 2) | floor]), longest: (map(.ms) | max),
				builds: length, failed: map(select(.result == "failed")) | length}}) | from_entries)}' >"$T/journal.json"
}

history() {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	mark netd 3
	mark inputd 3
	rx_ok refresh
	break_source inputd
	rx refresh
	expect_status 1
	git -C "$SRC" checkout -q -- drivers/inputd
	rx_ok rollback
	rx refresh
}

@test "the page's numbers are the journal's" {
	history
	rx_ok report
	expect_equal "$(cat "$T/out")" "$TREE/.reinject/report.html"
	page
	journal_says
	says '[.runs[] | del(.what)] == $j[0].runs' --slurpfile j "$T/journal.json"
	says '.failures == $j[0].failures and (.failures | length) == 1' --slurpfile j "$T/journal.json"
	says '.packages == $j[0].packages and (.packages | keys | length) >= 2' --slurpfile j "$T/journal.json"
	says '[.figures | .runs, .failed, .builds, .median] == ($j[0].figures | [.runs, .failed, .builds, .median])' --slurpfile j "$T/journal.json"
	says '.last == ($j[0].runs[0] | {run, result})' --slurpfile j "$T/journal.json"
	says '.runs[] | select(.result == "failed") | .what | test("inputd: cargo exited with 101")'
	rx_ok report --json -o "$T/again.html"
	expect_jq '.[0].report == $f and .[0].bytes > 1000' --arg f "$T/again.html"
}

@test "room in the image: what redoxfs says after each swap, and what is lost" {
	rx_ok refresh
	for n in 2 3 4; do
		mark netd $n
		rx_ok refresh
	done
	rx_ok refresh
	rx_ok report
	page
	# Four swaps; each begins with what the one before has left, and a file of equal size in its place costs some room for good.
	says '(.space | map(.run)) == [4, 3, 2, 1]'
	says '[.space[] | .used + .free] | unique | length == 1'
	says '.space[:3] | all(.grown < 10000)'
	says '[.space[].lost] | .[3] == 0 and .[2] > 0 and .[1] > .[2] and .[0] > .[1] and .[0] < 900000'
	says '.figures.space == [.space[0].used, .space[0].used + .space[0].free, .space[0].lost] and .figures.used == .space[0].used'
	# df counts blocks, and so do we.
	in_image sh -c 'df -B1 --output=used,avail . | tail -n 1' >"$T/df"
	read -r used avail <"$T/df"
	says '.space[0].used == $u' --argjson u "$used"
	says '.space[0].free == $a' --argjson a "$avail"
}

@test "what is recorded is what the files have grown by" {
	rx_ok refresh
	ini_add <<<$'[asset big]\npath = custom/big\ndest = /etc/big'
	head -c 300000 /dev/urandom >"$SRC/custom/big"
	rx_ok refresh
	head -c 100000 /dev/urandom >"$SRC/custom/big"
	rx_ok refresh
	rx_ok rollback
	rx_ok report
	page
	says '[.space[:3][].grown] == [200000, -200000, 300000]'
}

@test "a page can be made before anything was done, and while a run goes on" {
	rx_ok report
	page
	says '.last == null and .runs == [] and (.text | test("Nothing was done yet"))'
	[[ ! -e $TREE/.reinject/journal.db && -e $TREE/.reinject/.gitignore ]]
	slow_package
	start slow "$REINJECT" build slow
	slow_begun
	rx_ok report
	page
	says '.last.result == "running" and .runs[0].result == "running"'
	slow_release
	finish slow
	rx_ok report
	page
	says '.last.result == "ok"'
}

@test "where it goes: the configured file, a file that is named, standard output; the newest N runs" {
	local sum
	rx_ok refresh
	rx_ok refresh
	sum=$(sha256 "$TREE/.reinject/journal.db")
	ini_add <<<$'[nightly]\nreport = pages/today.html'
	rx_ok report
	page "$TREE/pages/today.html"
	says '.runs | length == 2'
	rx_ok report --number 1 -o -
	expect_out '^<!DOCTYPE html>'
	page "$T/out"
	says '[.runs[].run] == [2] and (.space | length) == 0'
	says '[.links[] | select(startswith("#") | not)] | all(startswith("file:///"))'
	mkdir "$T/here"
	RX_DIR=$T/here rx_ok -C "$TREE" report -o mine.html
	page "$T/here/mine.html"
	# A page that cannot be written leaves the one before as it is.
	mkdir "$T/here/folder"
	rx report -o "$T/here/folder"
	expect_refused 1
	rx report -o ''
	expect_refused 2
	expect_equal "$(ls -A "$T/here")" $'folder\nmine.html'
	expect_equal "$(sha256 "$TREE/.reinject/journal.db")" "$sum"
}

@test "nobody's words become markup" {
	local odd
	rx_ok refresh
	sqlite3 "$TREE/.reinject/journal.db" "INSERT INTO run (verb, image, started, ms, result, error, packages, commits)
		VALUES ('<b>', '$IMAGE', 1, 5, 'failed', '<script>alert(1)</script>' || CAST(x'ff1b9b00' AS TEXT) || '&amp; \"quoted\"', '<i>', 'a<b=\"12');
		INSERT INTO step (run, kind, subject, result, detail, started, ms) VALUES (2, 'build', '\"><script>x', 'failed', '</title></svg><img src=x>', 1, 7)"
	rx_ok report
	page
	says '.failures == [2] and .packages["\"><script>x"].failed == 1'
	says '.runs[0].what | startswith("<script>alert(1)</script>\ufffd\ufffd")'
	says '.text | contains("</title></svg><img src=x>") and contains("a<b at \"12")'
	odd="$T/a & <b> \"q' % #?"
	mv "$TREE" "$odd"
	RX_DIR=$odd rx_ok report
	page "$odd/.reinject/report.html"
	says '.text | contains("a & <b> \"q")'
	mv "$odd" "$TREE"
}

@test "boots: the verdict, and where it failed the console's last lines and its log" {
	boot_setup
	mode file
	ini_set boot record 'it took ([0-9.]+)'
	guest <<<$'echo it took 2.5\necho login:\nserve'
	rx_ok boot --stop
	guest <<-'END'
		echo it took 1.25
		for i in $(seq 30); do echo "line $i of <boot>"; done
		printf '\033[31mthread panicked at drivers/x\033[0m\n'
		serve
	END
	rx boot --stop
	expect_status 1
	rx_ok report
	page
	says '[.boots[] | [.boot, .result]] == [[2, "failed"], [1, "up"]] and .failed_boots == [2]'
	says '.consoles | length == 1'
	says '.consoles[0] | contains("line 30 of <boot>\nthread panicked at drivers/x") and (contains("line 5 of") | not)'
	says '.text | test("Last boot: failed after")'
	says '.numbers == {"it took": [1.25, 1.25, 2.5, 2]}'
	# The page lies in the state folder, so that its links go with it.
	says '.links | index("./boots/2.log")'
	[[ -f $TREE/.reinject/boots/2.log ]]
	expect_equal "$(jq -c '[.boots[].ms]' "$T/page.json")" \
		"$(sqlite3 "$TREE/.reinject/journal.db" "SELECT '[' || group_concat(ms) || ']' FROM (SELECT ms FROM boot ORDER BY id DESC)")"
}

@test "in a browser nothing is wider than a phone's or a desktop's window" {
	command -v chromium >/dev/null || skip 'no chromium here'
	history
	rx_ok report
	page
	cp "$TREE/.reinject/report.html" "$T/page.html"
	cat >"$T/frames.html" <<-'END'
		<!DOCTYPE html><title>none</title>
		<iframe src="page.html" style="width:320px;height:900px"></iframe><iframe src="page.html" style="width:390px;height:900px"></iframe>
		<iframe src="page.html" style="width:1280px;height:900px"></iframe>
		<script>onload = () => { document.title = Array.from({ length: frames.length }, (_, i) => frames[i]).map(f => f.document.documentElement).map(e => e.scrollWidth > e.clientWidth ? e.scrollWidth : "fits").join(" ") }</script>
	END
	timeout 60 chromium --headless --no-sandbox --disable-gpu --allow-file-access-from-files --user-data-dir="$T/profile" --dump-dom "file://$T/frames.html" \
		>"$T/dom" 2>"$T/chromium.err" 3>&- || skip 'this chromium does not run here'
	expect_equal "$(grep -o '<title>[^<]*' "$T/dom")" '<title>fits fits fits'
}
