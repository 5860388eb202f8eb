#!/usr/bin/env bats
# The page's words of a console: from the end of its log, whatever the log is by now.

load ../lib/assert
load ../lib/fixture
load ../lib/boot

setup_file() { boot_setup_file; }
setup() {
	fixture_setup
	boot_setup
	mode pty
	guest <<<'echo "panicked at x"; read -r x'
	rx boot --wait
	expect_status 1
	LOG=$TREE/.reinject/boots/1.log
}
teardown() {
	machine_end
	fixture_teardown
}

# console: what the page shows of it, one line a line.
console() {
	rx_ok report
	python3 "$REPO/tests/lib/report.py" "$TREE/.reinject/report.html" >"$T/page.json"
	expect_equal "$(jq -c .faults "$T/page.json")" '[]'
	jq -r '.consoles[]' "$T/page.json"
}

@test "the last twenty lines of a long log" {
	seq -f 'line %05g of a long text' 2000 >"$LOG"
	expect_equal "$(console | grep -o 'line 0[0-9]*' | sed -n '1p;$p' | xargs)" 'line 01981 line 02000'
	expect_equal "$(console | grep -c 'line 0')" 20
}

@test "a NUL in the log hides nothing" {
	printf 'before\0it\nafter\n' >"$LOG"
	expect_equal "$(console | xargs)" 'before it after'
}

@test "a log that became a pipe, a link or nothing is not waited for, nor followed" {
	rm "$LOG"
	shows_nothing
	mkfifo "$LOG"
	shows_nothing
	rm "$LOG"
	echo secret >"$T/secret"
	ln -s "$T/secret" "$LOG"
	shows_nothing
}

shows_nothing() {
	RX_LIMIT=10 console >"$T/shown"
	expect_equal "$(<"$T/shown")" ''
}

@test "what is held twice is told with the words of the newest night, what a rollback holds with none" {
	sqlite3 "$TREE/.reinject/journal.db" "
		INSERT INTO run (id, verb, image, started, ms, result) VALUES (1, 'nightly', '$IMAGE', 1000, 5, 'ok');
		INSERT INTO fingerprint (image, subject, fingerprint, state, run, at) VALUES
			('$IMAGE', 'package netd', 'f1', 'held', 1, 1), ('$IMAGE', 'package inputd', 'f2', 'held', 1, 1), ('$IMAGE', 'package odd', 'f3', 'failed', 1, 1);
		INSERT INTO night (id, image, started, ms, result) VALUES (1, '$IMAGE', 1000, 5, 'culprits'), (2, '$IMAGE', 2000, 5, 'culprits');
		INSERT INTO culprit (night, subject, fingerprint, commits, line) VALUES
			(1, 'package netd', 'f1', 'aaaa', 'the older words'), (2, 'package netd', 'f1', 'bbbb', 'the newer words')"
	console >/dev/null
	expect_equal "$(jq -c '.held | sort' "$T/page.json")" '["inputd","netd"]'
	expect_equal "$(grep -o 'the [a-z]* words' "$TREE/.reinject/report.html")" 'the newer words'
	expect_equal "$(grep -c ', by a rollback' "$TREE/.reinject/report.html")" 1
}

@test "days are told apart by their years, each run has one sign, and older ones are folded away" {
	local i rows=
	for i in {1..14}; do rows+=",('refresh', '$IMAGE', 1748779200000 + $i, 5, '$([[ $i == 7 ]] && echo failed || echo ok)')"; done
	sqlite3 "$TREE/.reinject/journal.db" "INSERT INTO run (verb, image, started, ms, result) VALUES ('build', '$IMAGE', 1685620800000, 5, 'ok')$rows"
	console >/dev/null
	expect_equal "$(jq '.runs | length' "$T/page.json")" 15
	expect_equal "$(grep -oE 'aria-label="[0-9]+ runs, [0-9]+ failed' "$TREE/.reinject/report.html" | sed 's/.*"//' | sort | paste -sd';')" \
		'0 runs, 0 failed;1 runs, 0 failed;14 runs, 1 failed'
	expect_equal "$(grep -oE '<title>run [0-9]+,' "$TREE/.reinject/report.html" | sort | uniq -d)" ''
	expect_equal "$(grep -oE '<title>run [0-9]+,' "$TREE/.reinject/report.html" | wc -l)" 15
	grep -q '<summary>3 earlier runs</summary>' "$TREE/.reinject/report.html"
}

@test "logs that are not there have no link" {
	console >/dev/null
	refute grep -q 'hooks.log' "$TREE/.reinject/report.html"
	: >"$TREE/.reinject/hooks.log"
	console >/dev/null
	jq -e '.links | index("./hooks.log")' "$T/page.json"
}
