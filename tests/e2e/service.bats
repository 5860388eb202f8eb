#!/usr/bin/env bats
# What a service manager is given, and what it hears of us. systemctl is a script that writes down what it was asked; the units are judged by
# systemd-analyze, the agents by a parser of property lists, and sd_notify by a socket of ours.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	# HOME stays: cargo's proxies live there.
	export XDG_CONFIG_HOME=$T/home/config USER=nobody-lingers
	unset NOTIFY_SOCKET WATCHDOG_USEC WATCHDOG_PID JOURNAL_STREAM
	mkdir -p "$T/home"
	UNITS=$XDG_CONFIG_HOME/systemd/user
	fake_systemctl
}
teardown() { fixture_teardown; }

# fake_systemctl: answers as a manager would; with $T/no-manager there is none.
fake_systemctl() {
	mkdir -p "$T/bin"
	cat >"$T/bin/systemctl" <<-END
		#!/bin/sh
		echo "\$*" >>'$T/asked'
		[ ! -e '$T/no-manager' ] || { echo 'Failed to connect to bus: No medium found' >&2; exit 1; }
		[ ! -e '$T/no-start' ] || case \$2 in restart|start) echo 'Job failed.' >&2; exit 1 ;; esac
		[ "\$2" != is-active ] || echo active
	END
	chmod +x "$T/bin/systemctl"
	: >"$T/asked"
	PATH=$T/bin:$PATH
}

asked() { cat "$T/asked"; }

# printed KIND [ARGS]: the files that an install would write, below $T/printed.
printed() {
	local i n
	rx_ok service install "$@" --print --json
	expect_json
	rm -rf "$T/printed"
	mkdir "$T/printed"
	n=$(wc -l <"$T/out")
	for ((i = 1; i <= n; i++)); do
		sed -n "${i}p" "$T/out" | jq -j .text >"$T/printed/$(sed -n "${i}p" "$T/out" | jq -r '.path | split("/") | last')"
	done
}

# verify FILE...: systemd takes an unknown key for a warning and ends with 0, hence the silence.
verify() {
	command -v systemd-analyze >/dev/null || skip 'no systemd-analyze here'
	systemd-analyze --user verify --man=no "$@" >"$T/verify" 2>&1 || fail "refused: $(cat "$T/verify")"
	[[ ! -s $T/verify ]] || fail "systemd says: $(cat "$T/verify")"
}

has_line() { grep -qxF -- "$1" "$2" || fail "$2 lacks: $1"; }

tree_list() { (cd "$1" && find . -printf '%y %m %p\n' | sort); }

@test "the units of watch: systemd finds no fault, and they say what an unattended watch needs" {
	printed watch
	verify "$T"/printed/*
	local unit failed
	unit=$(echo "$T"/printed/reinject-watch-tree-????????.service)
	failed=${unit%.service}-failed.service
	expect_equal "$(find "$T/printed" -type f | sort)" "$(printf '%s\n' "$unit" "$failed" | sort)"
	for line in Type=notify NotifyAccess=main Restart=on-failure 'SuccessExitStatus=75 130' KillMode=mixed WantedBy=default.target \
		'UnsetEnvironment=GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE' "OnFailure=${failed##*/}" "Environment=\"PATH=$PATH\"" \
		"ConditionPathExists=$TREE/reinject.ini" "ExecStart=\"$(readlink -f "$REINJECT")\" -c \"$TREE/reinject.ini\" watch"; do
		has_line "$line" "$unit"
	done
	grep -q '^WatchdogSec=' "$unit"
	has_line "ExecStart=\"$(readlink -f "$REINJECT")\" -c \"$TREE/reinject.ini\" service failed watch" "$failed"
	[[ ! -e $XDG_CONFIG_HOME ]] || fail "--print has written"
}

@test "the units of nightly: a timer that makes up for what was missed, and the least priority" {
	printed nightly --time 23:05
	verify "$T"/printed/*
	local timer unit
	timer=$(echo "$T"/printed/reinject-nightly-*.timer)
	unit=${timer%.timer}.service
	for line in 'OnCalendar=*-*-* 23:05:00' Persistent=true FixedRandomDelay=true WantedBy=timers.target; do has_line "$line" "$timer"; done
	grep -q '^RandomizedDelaySec=' "$timer"
	for line in Type=oneshot Nice=19 IOSchedulingClass=idle KillMode=mixed SuccessExitStatus=75 \
		'UnsetEnvironment=GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE' "OnFailure=$(basename "${unit%.service}")-failed.service"; do
		has_line "$line" "$unit"
	done
	# The night's own limit comes first, and it has an hour to put the good image back and to tell.
	has_line TimeoutStartSec=32400 "$unit"
	refute grep -q '^RuntimeMaxSec=\|^Restart=\|^\[Install\]' "$unit"
	grep -q ' nightly$' "$unit"
	printed nightly
	has_line 'OnCalendar=*-*-* 02:30:00' "$(echo "$T"/printed/*.timer)"
	ini_add <<<$'[nightly]\ntimeout_s = 43200'
	printed nightly
	has_line TimeoutStartSec=46800 "$unit"
}

@test "words that make no sense are refused, and nothing is written" {
	for words in 'install' 'install boot' 'frob watch' 'install nightly --time 24:00' 'install nightly --time 2:60' 'install nightly --time 0230' \
		'install nightly --time 2:30x' 'install nightly --time -1:30' 'install watch --time 02:30' 'install watch --system upstart'; do
		# shellcheck disable=SC2086 # words
		rx service $words
		expect_refused 2
	done
	SUDO_UID=4711 rx service install watch
	expect_refused 2
	expect_err 'without sudo'
	[[ ! -e $XDG_CONFIG_HOME && ! -s $T/asked ]] || fail "something was done"
}

@test "launchd's agents are property lists with the paths as they are" {
	local odd="$T/a & <b> \"c\" 100% \$PATH"
	mv "$TREE" "$odd"
	cat >"$T/plist.py" <<-'END'
		import json, plistlib, sys
		print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))
	END
	RX_DIR=$odd rx_ok service install watch --print --system launchd
	python3 "$T/plist.py" <"$T/out" >"$T/plist.json"
	jq -e --arg ini "$odd/reinject.ini" --arg log "$odd/.reinject/service-watch.log" --arg path "$PATH" \
		'.ProgramArguments[1:] == ["-c", $ini, "watch"] and .StandardErrorPath == $log and .RunAtLoad and .KeepAlive.SuccessfulExit == false
		and .EnvironmentVariables.PATH == $path and (.Label | startswith("reinject.watch."))' "$T/plist.json"
	RX_DIR=$odd rx_ok service install nightly --time 3:07 --print --system launchd
	python3 "$T/plist.py" <"$T/out" >"$T/plist.json"
	jq -e '.StartCalendarInterval == {Hour: 3, Minute: 7} and .LowPriorityIO and .Nice == 19 and .ProgramArguments[3] == "nightly"
		and (has("KeepAlive") | not)' "$T/plist.json"
	mv "$odd" "$TREE"
}

@test "a path with all that systemd would read as something else" {
	local odd="$T/a \$PATH %h \"q\" b\\\\c;d 'e'"
	mv "$TREE" "$odd"
	RX_DIR=$odd printed watch
	verify "$T"/printed/*
	has_line "ExecStart=\"$(readlink -f "$REINJECT")\" -c \"$T/a \$\$PATH %%h \\\"q\\\" b\\\\\\\\c;d 'e'/reinject.ini\" watch" \
		"$(echo "$T"/printed/reinject-watch-*-????????.service)"
	# This one is not quoted: only % means something.
	has_line "ConditionPathExists=$T/a \$PATH %%h \"q\" b\\\\c;d 'e'/reinject.ini" "$(echo "$T"/printed/reinject-watch-*-????????.service)"
	mv "$odd" "$TREE"
	printf 'x' >"$T/log"
	mkdir "$T/"$'new\nline'
	cp "$TREE/reinject.ini" "$T/"$'new\nline/'
	RX_DIR=$T/$'new\nline' rx service install watch --print
	expect_refused 2
}

@test "install, status, a second install, uninstall: all is as it was" {
	local unit
	mkdir -p "$XDG_CONFIG_HOME/systemd"
	tree_list "$T/home" >"$T/before"
	rx service status watch
	expect_status 1
	rx_ok service install watch
	expect_err 'enable-linger'
	unit=$(cd "$UNITS" && echo reinject-watch-tree-????????.service)
	expect_equal "$(asked | tail -n 3)" "--user daemon-reload
--user enable $unit
--user restart $unit"
	expect_equal "$(find "$UNITS" -type f | wc -l)" 2
	verify "$UNITS"/*
	rx_ok service status watch --json
	expect_jq '.[0].active == "active" and ([.[0].files[].state] | unique) == ["installed"] and (.[0].files | length) == 2'
	# Nothing to write, and what runs is left alone.
	tree_list "$UNITS" >"$T/units"
	sha256sum "$UNITS"/* >"$T/sums"
	: >"$T/asked"
	rx_ok service install watch
	expect_err '0 files written'
	expect_equal "$(asked | tail -n 1)" "--user start $unit"
	sha256sum --quiet -c "$T/sums"
	: >"$T/asked"
	rx_ok service uninstall watch
	expect_equal "$(asked)" "--user disable --now $unit
--user daemon-reload"
	tree_list "$T/home" | diff "$T/before" -
	: >"$T/asked"
	rx_ok service uninstall watch
	expect_err 'nothing to do'
	expect_equal "$(asked)" ''
}

@test "a time that was given stays, and another PATH makes it outdated" {
	rx_ok service install nightly --time 4:15
	expect_equal "$(tail -n 1 "$T/asked")" "--user restart $(cd "$UNITS" && echo reinject-nightly-*.timer)"
	rx_ok service install nightly
	has_line 'OnCalendar=*-*-* 04:15:00' "$(echo "$UNITS"/*.timer)"
	PATH=$PATH:/elsewhere rx service status nightly --json
	expect_status 1
	expect_jq '[.[0].files[].state] | sort == ["installed", "outdated", "outdated"]'
	PATH=$PATH:/elsewhere rx_ok service install nightly --time 5:16
	PATH=$PATH:/elsewhere rx_ok service status nightly
	expect_out '05:16'
	rx_ok service uninstall nightly
	[[ ! -e $XDG_CONFIG_HOME ]] || fail "folders that were made stay: $(tree_list "$T/home")"
}

@test "without a user manager the files are there, and what to type is said" {
	: >"$T/no-manager"
	rx service install watch
	expect_refused 3
	expect_err 'systemctl --user daemon-reload && systemctl --user enable --now reinject-watch-tree-'
	expect_equal "$(find "$UNITS" -type f | wc -l)" 2
	rx_ok service uninstall watch
	[[ ! -e $UNITS ]]
	rm "$T/no-manager"
	: >"$T/no-start"
	rx service install watch
	expect_refused 1
	expect_err 'Job failed'
	expect_err 'systemctl --user status reinject-watch-tree-'
}

@test "a file that is not ours, or was edited, or is a link, is neither overwritten nor removed" {
	local unit failed
	rx_ok service install watch
	unit=$(echo "$UNITS"/reinject-watch-tree-????????.service) failed=${unit%.service}-failed.service
	cp "$unit" "$T/ours"
	rm "$failed"
	refuses() {
		tree_list "$UNITS" >"$T/units"
		sha256sum "$UNITS"/* >"$T/sums"
		: >"$T/asked"
		for word in install uninstall; do
			rx service $word watch
			expect_refused 1
			expect_err "$1"
			tree_list "$UNITS" | diff "$T/units" -
			sha256sum --quiet -c "$T/sums"
			expect_equal "$(asked)" ''
		done
		rx service status watch --json
		expect_status 1
		expect_jq '[.[0].files[].state] | contains([$s])' --arg s "$2"
	}
	sed -i 's/^RestartSec=.*/RestartSec=1min/' "$unit"
	refuses 'by hand' edited
	printf '[Unit]\nDescription=mine\n' >"$unit"
	refuses 'not written by reinject' foreign
	rm "$unit"
	ln -s "$T/ours" "$unit"
	refuses 'not written by reinject' foreign
	cmp "$T/ours" <(cat "$unit")
}

@test "two projects have two services" {
	cp -a "$TREE" "$T/other"
	mkdir "$T/deep"
	cp -a "$TREE" "$T/deep/tree"
	rx_ok service install watch
	RX_DIR=$T/other rx_ok service install watch
	RX_DIR=$T/deep/tree rx_ok service install watch
	expect_equal "$(find "$UNITS" -name '*-failed.service' | wc -l)" 3
	rx_ok service uninstall watch
	expect_equal "$(find "$UNITS" -name '*-failed.service' | wc -l)" 2
}

# ---- what the manager hears

# listen: every datagram as a block of lines in $T/heard, ended by '--'.
listen() {
	cat >"$T/listen.py" <<-'END'
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind("\0" + sys.argv[1][1:] if sys.argv[1][0] == "@" else sys.argv[1])
		with open(sys.argv[2], "ab", buffering=0) as f:
		    f.write(b"listening\n")
		    while True:
		        f.write(s.recv(65536) + b"\n--\n")
	END
	start listen python3 "$T/listen.py" "$1" "$T/heard"
	wait_until 20 grep -qs listening "$T/heard"
}

heard() { grep -qsE "$1" "$T/heard"; }

@test "a watch tells its manager that it is ready, what it does, that it lives, and that it ends; its children do not speak" {
	watch_setup
	rest
	slow_package
	listen "$T/notify"
	export NOTIFY_SOCKET=$T/notify WATCHDOG_USEC=200000
	watch
	wait_until 20 heard '^READY=1$' || fail "never ready: $(cat "$T/heard")"
	slow_begun
	wait_until 20 heard '^STATUS=building: slow$' || fail "no status: $(cat "$T/heard")"
	refute grep -aqzE '^(NOTIFY_SOCKET|WATCHDOG)' "$T/slow.env"
	# Also amid a build the loop turns.
	: >"$T/heard"
	wait_until 20 heard '^WATCHDOG=1$' || fail "no sign of life"
	slow_release
	wait_until 60 heard '^STATUS=run [0-9]+: ok$' || fail "no result: $(cat "$T/heard")"
	refute heard '^STOPPING=1$'
	stop_watch
	wait_until 20 heard '^STOPPING=1$' || fail "its end was not told"
	expect_equal "$(grep -c '^READY=1$' "$T/heard")" 0
	# shellcheck disable=SC2154 # start sets it
	end_pid "$pid_listen"
}

@test "an abstract socket is spoken to, and one where nobody listens costs nothing" {
	watch_setup
	rest
	listen "@reinject-test-$$-$BATS_TEST_NUMBER"
	export NOTIFY_SOCKET=@reinject-test-$$-$BATS_TEST_NUMBER
	watch
	wait_until 20 heard '^READY=1$' || fail "never ready"
	refute heard WATCHDOG
	stop_watch
	# shellcheck disable=SC2154 # start sets it
	end_pid "$pid_listen"
	export NOTIFY_SOCKET=$T/nobody WATCHDOG_USEC=50000
	watch
	mark netd 2
	expect_round ok netd
	stop_watch
}

@test "systemd's journal gets a level with each line, and nobody else does" {
	rm -rf "$TREE/src/target"
	break_source netd
	: >"$T/journal"
	JOURNAL_STREAM=$(stat -c %d:%i "$T/journal")
	export JOURNAL_STREAM
	(cd "$TREE" && ! "$REINJECT" build netd nothing 2>"$T/journal" >/dev/null </dev/null)
	grep -q '^<3>error: ' "$T/journal"
	refute grep -qvE '^<[3467]>' "$T/journal"
	rx config --color=maybe
	expect_err '^error: '
}

@test "a service that failed for good runs the user's command" {
	rx_ok refresh
	ini_add <<-END
		[watch]
		on_failure = sh -c "echo \\\$REINJECT_RESULT \\\$REINJECT_RUN >$T/told; echo the mail is sent"
		[nightly]
		on_failure = sh -c "echo \\\$REINJECT_RESULT >$T/told"
	END
	MONITOR_SERVICE_RESULT=watchdog MONITOR_EXIT_CODE=killed MONITOR_EXIT_STATUS=ABRT rx_ok service failed watch
	expect_err 'watch service .* failed: watchdog \(killed ABRT\)'
	expect_equal "$(cat "$T/told")" 'failed 1'
	expect_err '^the mail is sent$'
	rm "$T/told"
	# It has told by itself.
	MONITOR_SERVICE_RESULT=exit-code MONITOR_EXIT_CODE=exited MONITOR_EXIT_STATUS=1 rx_ok service failed nightly
	[[ ! -e $T/told ]]
	MONITOR_SERVICE_RESULT=timeout MONITOR_EXIT_CODE=killed MONITOR_EXIT_STATUS=TERM rx_ok service failed nightly
	expect_equal "$(cat "$T/told")" failed
	# A journal that knows no run: there is nothing to tell it of.
	rm "$T/told"
	sqlite3 "$TREE/.reinject/journal.db" 'DELETE FROM run'
	rx_ok service failed nightly
	[[ ! -e $T/told ]]
}
