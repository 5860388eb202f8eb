#!/usr/bin/env bats
# The same for ever: a save, a commit or a checkout, and the image follows.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# watch ARGS: starts it and waits until it has looked for the first time.
watch() {
	start watch "$REINJECT" watch --json "$@"
	wait_until 30 said '.event == "ready"' || fail "never ready: $(cat "$T/watch.err")"
}

# said FILTER [N]: at least N (1) events of the watch are so.
said() {
	[[ -s $T/watch.out ]] && (($(jq -c "select($1)" "$T/watch.out" | wc -l) >= ${2:-1}))
}

# expect_said_by_watch SECONDS FILTER [N]
soon() {
	wait_until "$1" said "$2" "${3:-1}" || fail "the watch never said: $2
$(cat "$T/watch.out" "$T/watch.err")"
}

rounds() {
	jq -c 'select(.event == "done")' "$T/watch.out" | wc -l
}

stop_watch() {
	kill -INT "$pid_watch"
	finish watch 20
	expect_status 130
}

@test "a start brings the image up to date, then each save does" {
	watch
	soon 60 '.event == "done" and .result == "ok"'
	expect_jq_file
	mark netd 2
	soon 60 '.event == "done" and .result == "ok"' 2
	mark inputd 2
	soon 60 '.event == "done" and .result == "ok"' 3
	stop_watch
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	expect_equal "$(image_says /usr/lib/drivers/inputd)" "inputd=2 common=1"
	expect_stale
}

expect_jq_file() {
	jq -es 'map(select(.event)) | length > 0' "$T/watch.out" >/dev/null
}

@test "one watch for each project; it can be paused, resumed and waited for" {
	watch
	rx watch
	expect_refused 75
	expect_err "$pid_watch"
	rx_ok watch --wait
	mark netd 2
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok watch --pause
	mark netd 3
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	rx_ok watch --resume
	rx_ok watch --wait
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=3 proto=1 common=1"
	stop_watch
	rx watch --wait
	expect_refused 1
	expect_err 'no watch runs'
}

@test "a command after a round that went well, and after one that did not" {
	cat >"$T/told.sh" <<-END
		#!/bin/sh
		echo "\$1 \$REINJECT_RUN \$REINJECT_RESULT \$REINJECT_PACKAGES \$REINJECT_IMAGE \$REINJECT_COMMIT" >>'$T/told'
		echo said by \$1
	END
	chmod +x "$T/told.sh"
	ini_add <<-END
		[watch]
		on_success = $T/told.sh well
		on_failure = $T/told.sh badly
	END
	rx_ok refresh
	watch
	mark netd 2
	soon 60 '.event == "done" and .result == "ok"'
	wait_until 20 test -s "$T/told"
	break_source inputd
	soon 60 '.event == "done" and .result == "failed"'
	wait_until 20 grep -q badly "$T/told"
	stop_watch
	local head
	head=$(git -C "$SRC" rev-parse HEAD)
	expect_equal "$(cat "$T/told")" "well 2 ok netd $IMAGE $head
badly 3 failed  $IMAGE $head"
	expect_err 'said by badly'
}
