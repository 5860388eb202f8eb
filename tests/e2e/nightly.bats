#!/usr/bin/env bats
# Nights: what is committed, checked and booted; what becomes of an image that does not boot. The machine is a shell script (lib/boot).

load ../lib/assert
load ../lib/fixture
load ../lib/watch
load ../lib/boot
load ../lib/night

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	watch_setup
	night_machine
}
teardown() { night_teardown; }

expect_boots() { expect_equal "$(boots)" "$1"; }

# guest_by_try WORDS...: bash that the guest runs; $n is how many have been started. It comes up when that ends.
guest_by_try() {
	guest <<<"echo x >>\$T/tries; n=\$(wc -l <\$T/tries); $*; printf 'login: '; answer() { :; }; serve"
}

@test "nothing is stale: nothing is built, checked or booted" {
	rx_ok refresh
	night 0
	expect_boots ''
	expect_jq 'any(.[]; .event == "done" and .result == "nothing") and all(.[]; .event != "build" and .event != "swap")'
	refute test -e "$T/told"
}

@test "a good night: what is committed is in the image, the half-edited is not, and it becomes IMAGE.good" {
	good_one
	mark netd 2
	commit 'netd 2'
	mark inputd 9
	night 0
	expect_boots 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=1 common=1"
	cmp -s "$IMAGE" "$IMAGE.good" || fail "IMAGE.good is another one"
	[[ -s $TREE/.reinject/report.html ]] || fail "no report"
	refute test -e "$T/told"
	rx_ok log --json
	expect_jq '.[0].verb == "nightly" and .[0].result == "ok"'
}

@test "it does not boot, twice at the same line: the last good image is back and boots, and what was new is held" {
	good_one
	# The only new thing is at fault: tonight's image and the good one with it fail, the good one boots.
	guest_by_try '((n == 3 || n > 5)) || { echo panicked at 7; exec sleep 60; }'
	mark netd 2
	commit 'netd 2'
	night 1
	expect_boots 'failed failed up failed failed up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_equal "$(wc -l <"$T/told")" 1
	grep -q ' failed$' "$T/told"
	# The next night leaves it alone, until it changes.
	night 0
	expect_boots ''
	rx_ok status --json
	expect_jq '.[0].held == ["netd"]'
	guest_plain
	mark netd 3
	commit 'netd 3'
	night 0
	expect_boots 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=3 proto=1 common=1"
}

@test "the last good image does not boot either: the host is named, tonight's image stays, and nothing is held" {
	good_one
	guest <<<'echo panicked at 7; exec sleep 60'
	mark netd 2
	commit 'netd 2'
	night 3
	expect_boots 'failed failed failed failed '
	expect_err 'the host or the guest, and no package'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok status --json
	expect_jq '.[0].held == [] and .[0].stale == []'
}

@test "other lines each time: flaky, nobody is blamed, and the good image stays" {
	good_one
	guest_by_try '((n > 2)) || { echo panicked at $n; exec sleep 60; }'
	mark netd 2
	commit 'netd 2'
	night 1
	expect_boots 'failed failed up '
	expect_err 'no package is blamed'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	rx_ok status --json
	expect_jq '.[0].held == [] and .[0].stale == ["netd"]'
}

@test "other lines each time, and of the good image too: the host" {
	good_one
	guest_by_try 'echo panicked at $n; exec sleep 60'
	mark netd 2
	commit 'netd 2'
	night 3
	expect_boots 'failed failed failed failed '
	expect_err 'host or the guest, and no package'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok status --json
	expect_jq '.[0].held == []'
}

@test "up at the second try is no bad image" {
	good_one
	guest_by_try '((n > 1)) || { echo panicked at 7; exec sleep 60; }'
	mark netd 2
	commit 'netd 2'
	night 0
	expect_boots 'failed up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "no image has booted before: the new one stays and that is said; keep says nothing" {
	guest <<<'echo panicked at 7; exec sleep 60'
	night 1
	expect_boots 'failed failed '
	expect_err 'no image has booted before'
	ini_set nightly on_boot_failure keep
	mark netd 2
	commit 'netd 2'
	night 1
	refute grep -q 'no image has booted' "$T/err"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "no machine comes to life: the host" {
	good_one
	printf '#!/bin/sh\nexit 1\n' >"$TREE/run-dev.sh"
	mark netd 2
	commit 'netd 2'
	night 3
	expect_boots 'failed failed failed failed '
	expect_err 'no machine came to life'
	rx_ok status --json
	expect_jq '.[0].held == []'
}

@test "one package does not compile: the others are in the image and booted, and the night failed" {
	good_one
	mark netd 2
	break_source inputd
	commit 'half of it'
	night 1
	expect_boots 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	expect_equal "$(wc -l <"$T/told")" 1
}

@test "the deep check finds damage: the last good image is back, before anything is booted but it" {
	good_one
	mark netd 2
	commit 'netd 2'
	mkdir "$T/bin"
	printf '#!/bin/sh\necho "INCORRECT HASH" >&2\nexit 1\n' >"$T/bin/redoxfs-clone"
	chmod +x "$T/bin/redoxfs-clone"
	PATH=$T/bin:$PATH night 1
	expect_boots 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	# Blocks that cannot be read are no package's fault.
	rx_ok status --json
	expect_jq '.[0].held == []'
}

@test "what cannot even begin stands in the journal" {
	rx_ok refresh
	rm "$IMAGE"
	rx nightly --json
	expect_status 3
	rx_ok log --json
	expect_jq '.[0].verb == "nightly" and .[0].result == "failed" and (.[0].error | contains("disk.img"))'
}

@test "max_boots is the end of trying" {
	good_one
	guest_by_try 'echo panicked at 7; exec sleep 60'
	ini_set nightly max_boots 1
	mark netd 2
	commit 'netd 2'
	night 1
	expect_boots 'failed '
	expect_err 'max_boots'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
}

@test "boot = no: checked, not booted; -n does nothing" {
	good_one
	ini_set nightly boot no
	mark netd 2
	rx_ok nightly -n
	expect_err 'nothing is stale at HEAD'
	commit 'netd 2'
	rx_ok nightly -n
	expect_err 'stale at HEAD: netd'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	night 0
	expect_boots ''
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "nothing in [boot]: checked, not booted, and said; [nightly] boot = yes asks for it" {
	good_one
	sed -i '/^\[boot\]/,/^\[/{/^\[boot\]/d;/^\[/!d}' "$TREE/reinject.ini"
	refute grep -q '^\[boot\]' "$TREE/reinject.ini"
	mark netd 2
	commit 'netd 2'
	rx_ok nightly -n
	expect_err 'no boot .*nothing in .boot'
	rx -o nightly.boot=yes nightly
	expect_refused 2
	expect_err 'does not say how a boot that is up is known'
	night 0
	expect_boots ''
	expect_err 'not booted: .*nothing in .boot'
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	mark netd 3
	commit 'netd 3'
	rx -o 'boot.ready=login:' nightly --json
	expect_status 0
	machine_end
	expect_boots 'up '
}

@test "[boot] that cannot boot: said before anything is built or put, by -n too, and on_failure is told" {
	good_one
	mark netd 2
	commit 'netd 2'
	cp "$TREE/reinject.ini" "$T/ini"
	sed -i '/^ready/d' "$TREE/reinject.ini"
	rx_ok nightly -n
	expect_err 'does not say how a boot that is up is known'
	rx nightly --json
	expect_refused 2
	expect_err 'does not say how a boot that is up is known'
	expect_equal "$(cat "$T/out")" ''
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	expect_equal "$(wc -l <"$T/told")" 1
	[[ -s $TREE/.reinject/report.html ]] || fail "no report"
	rx_ok log --json
	expect_jq '.[0].verb == "nightly" and .[0].result == "failed" and (.[0].error | test("a boot that is up"))'
	rx bisect
	expect_status 2
	cp "$T/ini" "$TREE/reinject.ini"
	ini_set boot command ./not-there.sh
	rx nightly
	expect_refused 3
	expect_err "cannot run './not-there.sh'"
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=1 proto=1 common=1"
	cp "$T/ini" "$TREE/reinject.ini"
	night 0
	expect_boots 'up '
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
}

@test "a second night, and a refresh, while one boots: 75" {
	good_one
	guest <<<'echo hello; until [[ -e $T/go ]]; do read -rt 0.05 x; done; printf "login: "; answer() { :; }; serve'
	mark netd 2
	commit 'netd 2'
	ini_set boot timeout_s 120
	start night "$REINJECT" nightly --json
	wait_until 60 grep -q '"swap"' "$T/night.out" || fail "$(cat "$T/night.err")"
	rx nightly
	expect_status 75
	rx refresh
	expect_status 75
	: >"$T/go"
	finish night
	expect_status 0
}

@test "interrupted while it boots: 130, the machine is asked to end, and nothing is left" {
	good_one
	guest <<<'echo hello; exec sleep 60'
	mark netd 2
	commit 'netd 2'
	# That of the boot before is still there.
	rm "$T/machine.pid"
	start night "$REINJECT" nightly --json
	wait_until 60 grep -q '"swap"' "$T/night.out" || fail "$(cat "$T/night.err")"
	wait_until 20 test -s "$T/machine.pid"
	kill -INT "$pid_night"
	finish night 60
	expect_status 130
	expect_machine_ended
}

@test "a night that finds the image held: 75, on_failure is not told, and the next has nothing to prove" {
	good_one
	rm "$IMAGE.good"
	mark netd 2
	commit 'netd 2'
	start holder sh -c "exec sleep 60 9<>'$IMAGE'"
	wait_until 20 test -e "/proc/$pid_holder/fd/9" || fail "nobody holds it"
	rx nightly
	expect_status 75
	refute test -e "$T/told"
	kill "$pid_holder"
	finish holder
	git -C "$SRC" reset -q --hard HEAD~1
	night 0
	expect_boots ''
}
