#!/usr/bin/env bats
# Compile errors, and an image that others hold, replace or delete, while it watches.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; watch_setup; }
teardown() { fixture_teardown; }

MAIN=drivers/net/netd/src/main.rs

netd_source() { printf 'fn main() {\n    println!("netd=%s {}", proto::mark());\n}\n' "$1"; }

save_netd() { netd_source "$1" >"$T/tmp/netd.rs" && mv "$T/tmp/netd.rs" "$SRC/$MAIN"; }

# ---- compile errors

@test "a compile error is shown, tried once, and gone after the edit" {
	rest
	note_cargo
	watch
	local sum
	sum=$(image_sum)
	break_source netd
	expect_round failed netd
	grep -q 'src/main\.rs:[0-9]' "$T/watch.err" || fail "the error's place is not shown"
	soon 1 '.event == "build" and .package == "netd" and .result == "failed"'
	soon 1 '.event == "done" and .result == "failed" and (.error | type == "string")'
	expect_equal "$(image_sum)" "$sum"
	# Nothing has changed: no second build, whatever makes it look.
	touch "$SRC/$MAIN"
	expect_quiet
	touch "$SRC/$MAIN"
	printf x >"$SRC/README"
	expect_quiet
	mark inputd 2
	expect_round ok inputd
	expect_equal "$(cargo_builds | sort | paste -sd' ')" "inputd netd"
	# Another wrong text is another try.
	printf '// and more\n' >>"$SRC/$MAIN"
	expect_round failed netd
	save_netd 2
	expect_round ok netd
	expect_quiet
	stop_watch
	netd_says "netd=2 proto=1 common=1"
	expect_stale
}

@test "that an error has gone is told" {
	rest
	watch
	break_source netd
	expect_round failed netd
	save_netd 2
	expect_round ok netd
	told 5 'netd.*(builds again|gone|again|no longer|fixed|mended)|(gone|again|no longer|fixed|mended).*netd'
	stop_watch
}

@test "the edit that broke it taken back: nothing is built, and what failed is forgotten" {
	rest
	note_cargo
	watch
	break_source netd
	expect_round failed netd
	rx_ok status --json
	expect_jq '.[0].failed == ["netd"]'
	: >"$T/cargo.log"
	save_netd 1
	expect_settled
	expect_equal "$(cargo_builds)" ""
	told 5 'netd.*(builds again|gone|again|no longer|fixed|mended)|(gone|again|no longer|fixed|mended).*netd'
	stop_watch
	rx_ok status --json
	expect_jq '.[0].failed == [] and .[0].stale == []'
}

@test "an error in a shared library: its dependents fail once, and the others are built" {
	rest
	watch
	break_source proto
	expect_round failed netd
	mark odd 2
	expect_round ok odd_pkg
	expect_quiet
	stop_watch
	expect_equal "$(image_says /usr/bin/rxe2e-odd)" odd=2
}

@test "one package fails, the other of the same round is put" {
	rest
	watch
	printf 'fn broken( {\n' >>"$SRC/drivers/inputd/src/main.rs" && mark netd 2
	next_round
	[[ $round != "cancelled"* ]] || next_round
	if [[ $round == "failed inputd" ]]; then expect_round ok netd; else expect_equal "$round" "failed inputd netd"; fi
	expect_quiet
	stop_watch
	netd_says "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=1"
}

# ---- the image

@test "the image replaced while it watches: what it lacks is put, and the rest is left" {
	cp -a "$IMAGE" "$T/empty.img"
	rest
	watch
	mark netd 2
	expect_round ok netd
	# As a build of the whole image does it: another file under the same name, with none of ours.
	image_copy "$T/empty.img" "$T/tmp/new.img"
	mv "$T/tmp/new.img" "$IMAGE"
	all() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=2 proto=1 common=1" && $(image_says /usr/bin/rxe2e-odd 2>/dev/null) == odd=1 && $(image_says /usr/lib/drivers/inputd 2>/dev/null) == "inputd=2 common=1" ]]; }
	# The image itself need not be watched; a save makes it look.
	mark inputd 2
	wait_until 40 all || watch_fail "the new image lacks what the old one had"
	wait_until 20 image_has /etc/beacon
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	in_image grep -q untouched etc/bystander
	stop_watch
	expect_stale
}

@test "the image held by a writer: said once, and put when it is free" {
	rest
	watch
	mount_image "$IMAGE" "$T/held"
	local holder=$pid
	mark netd 2
	told 20 "$holder|redoxfs"
	mark inputd 2
	# Three tries' time: it goes on trying, and says no more.
	if wait_until 4 a_round; then [[ $(rounds) != *ok* ]] || watch_fail "put into a held image"; fi
	expect_equal "$(n_told "process $holder|pid $holder|\b$holder\b")" 1
	seen=$(events_json | wc -l)
	unmount_image "$T/held" "$holder"
	reach netd inputd
	expect_quiet
	stop_watch
	netd_says "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
}

@test "the image held, let go, held again: said again" {
	rest
	watch
	local i holder
	for i in 2 3; do
		mount_image "$IMAGE" "$T/held"
		holder=$pid
		mark netd "$i"
		told 20 "\b$holder\b"
		unmount_image "$T/held" "$holder"
		reach netd
	done
	stop_watch
	netd_says "netd=3 proto=1 common=1"
}

@test "the image deleted: said, and it goes on when there is one again" {
	rest
	watch
	mv "$IMAGE" "$T/away.img"
	mark netd 2
	told 20 'disk\.img'
	refute pid_gone "$pid_watch"
	mv "$T/away.img" "$IMAGE"
	netd2() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=2 proto=1 common=1" ]]; }
	wait_until 30 netd2 || watch_fail "it does not go on when the image is back"
	mark netd 3
	netd3() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=3 proto=1 common=1" ]]; }
	wait_until 30 netd3 || watch_fail "a save after that is not seen"
	# Said once, not with every look.
	(($(n_told 'disk\.img.*(no such|not|miss)|(no such|not|miss).*disk\.img') <= 2)) || watch_fail "said too often"
	stop_watch
	expect_stale
}

@test "a refresh beside a watch: both end well, and the image has it" {
	rest
	watch
	mark netd 2
	rx refresh
	expect_status 0 75
	netd2() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=2 proto=1 common=1" ]]; }
	wait_until 30 netd2 || watch_fail "the save is not in the image"
	mark odd 2
	odd2() { [[ $(image_says /usr/bin/rxe2e-odd 2>/dev/null) == odd=2 ]]; }
	wait_until 30 odd2 || watch_fail "a save after that is not seen"
	stop_watch
	expect_stale
}

@test "what is stored is deleted: .reinject gone while it watches" {
	rest
	watch
	mark netd 2
	expect_round ok netd
	rm -rf "$TREE/.reinject"
	mark netd 3
	netd3() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=3 proto=1 common=1" ]]; }
	wait_until 40 netd3 || watch_fail "a save after that is not in the image"
	stop_watch
	# The next start begins anew, from what the image holds.
	rx_ok refresh
	expect_stale
	netd_says "netd=3 proto=1 common=1"
}

@test "a second watch of the same image ends with 75 and says who has it" {
	rest
	watch
	local first=$pid_watch
	RX_LIMIT=30 rx watch --json
	expect_refused 75
	expect_err "\b$first\b"
	mark netd 2
	expect_round ok netd
	stop_watch
}

@test "kill -9 of the watch: the next one puts right what it left, and goes on" {
	rest
	watch
	mark netd 2
	wait_until 20 said '.event == "plan"'
	kill -KILL "$pid_watch"
	wait_until 10 pid_gone "$pid_watch"
	watch
	netd2() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=2 proto=1 common=1" ]]; }
	wait_until 30 netd2 || watch_fail "what was interrupted is not in the image"
	mark netd 3
	netd3() { [[ $(image_says /usr/lib/drivers/netd 2>/dev/null) == "netd=3 proto=1 common=1" ]]; }
	wait_until 30 netd3 || watch_fail "a save is not in the image"
	stop_watch
	expect_stale
}
