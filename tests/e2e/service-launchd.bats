#!/usr/bin/env bats
# launchd's agents, installed, looked at and taken away through a launchctl that is a script; and what either manager's silence comes to. What a property list
# holds is told in service.bats.

load ../lib/assert
load ../lib/fixture

setup() {
	fixture_setup
	mkdir -p "$TREE/src" "$T/home" "$T/bin"
	printf '[source base]\npath = src\n\n[image]\npath = disk.img\n' >"$TREE/reinject.ini"
	# No cargo is called here, so that HOME may be another.
	export HOME=$T/home USER=nobody-lingers
	unset XDG_CONFIG_HOME NOTIFY_SOCKET JOURNAL_STREAM
	AGENTS=$HOME/Library/LaunchAgents DOMAIN=gui/$(id -u)
	cat >"$T/bin/launchctl" <<-END
		#!/bin/sh
		echo "\$*" >>'$T/asked'
		[ ! -e '$T/no-manager' ] || { echo 'Could not find domain for port' >&2; exit 125; }
		case \$1 in
		print) [ -e '$T/loaded' ] || exit 113 ;;
		bootstrap) [ -f "\$3" ] && : >'$T/loaded' ;;
		bootout) [ ! -e '$T/stuck' ] || { echo 'Operation now in progress' >&2; exit 36; }; rm '$T/loaded' ;;
		esac
	END
	cat >"$T/bin/systemctl" <<-END
		#!/bin/sh
		echo "\$*" >>'$T/asked'
		echo 'Failed to connect to bus: No medium found' >&2
		exit 1
	END
	chmod +x "$T/bin/launchctl" "$T/bin/systemctl"
	: >"$T/asked"
	PATH=$T/bin:$PATH
}
teardown() { fixture_teardown; }

# service WORDS: of launchd.
service() { rx service "$@" --system launchd; }
service_ok() {
	service "$@"
	expect_status 0
}

# asked: what launchctl was asked since the last time.
asked() {
	cat "$T/asked"
	: >"$T/asked"
}

home_list() { (cd "$HOME" && find . -printf '%y %m %p\n' | sort); }

@test "an agent is loaded, left alone while nothing changes, loaded anew when it does, and unloaded" {
	local agent label
	home_list >"$T/before"
	service_ok install watch
	expect_err "^.*$AGENTS: 1 file written"
	# Whose session it runs in is systemd's affair.
	refute grep -q linger "$T/err"
	agent=$(echo "$AGENTS"/reinject.watch.tree-????????.plist)
	label=$(basename "$agent" .plist)
	expect_equal "$(asked)" "print $DOMAIN/$label
bootstrap $DOMAIN $agent"
	# The agent's log lies there.
	[[ -d $TREE/.reinject && -f $T/loaded ]]
	service_ok status watch
	expect_out "^installed +$agent$"
	expect_out "^active +${agent##*/}$"
	asked >/dev/null
	service_ok install watch
	expect_err '0 files written'
	expect_equal "$(asked)" "print $DOMAIN/$label"
	PATH=$PATH:/elsewhere service status watch
	expect_status 1
	expect_out "^outdated +$agent$"
	asked >/dev/null
	PATH=$PATH:/elsewhere service_ok install watch
	expect_equal "$(asked)" "print $DOMAIN/$label
bootout $DOMAIN/$label
bootstrap $DOMAIN $agent"
	PATH=$PATH:/elsewhere service_ok uninstall watch
	expect_equal "$(asked)" "bootout $DOMAIN/$label"
	[[ ! -e $T/loaded ]] || fail "it is still loaded"
	home_list | diff "$T/before" -
	service_ok uninstall watch
	expect_err 'nothing to do'
	expect_equal "$(asked)" ''
}

@test "a nightly agent keeps its time, and two kinds do not meet" {
	service_ok install nightly --time 4:15
	service_ok install watch
	service_ok install nightly
	grep -qA1 'Hour' "$AGENTS"/reinject.nightly.*.plist
	service_ok status nightly
	expect_out 'at 04:15$'
	service_ok uninstall nightly
	expect_equal "$(cd "$AGENTS" && echo *)" "$(cd "$AGENTS" && echo reinject.watch.tree-????????.plist)"
	service_ok status watch --json
	expect_jq '.[0].service == "watch" and .[0].active == null and .[0].files[0].state == "installed"'
}

@test "where no launchd answers the agent is there, what to type is said, and it can be taken away" {
	local agent
	: >"$T/no-manager"
	service install watch
	expect_refused 3
	agent=$(echo "$AGENTS"/reinject.watch.tree-????????.plist)
	expect_err 'no service manager of this user.s answers here: Could not find domain for port$'
	expect_err "launchctl bootstrap $DOMAIN $agent$"
	service_ok status watch
	expect_out "^unknown +${agent##*/}: launchd does not tell whether it runs \(Could not find domain for port\)$"
	expect_out 'it is not loaded, or belongs to another user$'
	service_ok uninstall watch
	expect_err "launchctl did not unload ${agent##*/}: Could not find domain for port"
	[[ ! -e $AGENTS ]]
}

@test "an agent that does not end for its next text is told of, with what launchctl said" {
	service_ok install watch
	: >"$T/stuck"
	PATH=$PATH:/elsewhere service install watch
	expect_refused 1
	expect_err 'the service manager could not start it: Operation now in progress'
	expect_err "launchctl print $DOMAIN/reinject.watch.tree-"
}

@test "an agent of somebody else's hand is neither overwritten nor removed" {
	local agent
	service_ok install watch
	agent=$(echo "$AGENTS"/*.plist)
	sed -i 's/<integer>60</<integer>61</' "$agent"
	cp "$agent" "$T/edited"
	asked >/dev/null
	for word in install uninstall; do
		service $word watch
		expect_refused 1
		expect_err 'was changed by hand'
	done
	expect_equal "$(asked)" ''
	cmp "$agent" "$T/edited"
	# Larger than any of ours: not even read.
	truncate -s 70000 "$agent"
	service install watch
	expect_refused 1
	expect_err 'not written by reinject'
	# With our mark, and cut off behind it.
	grep -m1 -o '^<!-- reinject-service 1 .*sum=....' "$T/edited" >"$agent"
	service uninstall watch
	expect_refused 1
	expect_err 'not written by reinject'
	rm "$agent"
	mkdir "$agent"
	service install watch
	expect_refused 1
	expect_err 'not written by reinject'
	[[ -d $agent ]]
}

@test "without a home there is no place for a service" {
	for system in launchd systemd; do
		HOME='' rx service install watch --system $system
		expect_refused 3
		expect_err 'HOME is not set'
	done
	HOME=here rx service install watch
	expect_refused 3
	# What is in the way of the folder stays.
	: >"$HOME/.config"
	rx service install watch
	expect_refused 1
	expect_err "$HOME/.config"
	expect_equal "$(asked)" ''
	rm "$HOME/.config"
	# A relative one counts for nothing, as for everybody else.
	XDG_CONFIG_HOME=config rx service install watch --print
	expect_out "^# $HOME/.config/systemd/user/reinject-watch-tree-"
}

@test "an environment that no text can hold is refused by what is wrong with it" {
	local bad
	for bad in $'/a\x01b' $'/a\x7fb' $'/a\nb'; do
		CARGO_HOME=$bad rx service install watch
		expect_refused 2
		expect_err "CARGO_HOME=/a.*b' has a control byte: no service can be made of it"
	done
	CARGO_HOME=$'/caf\xe9' service install nightly
	expect_refused 2
	expect_err 'is no UTF-8'
	[[ ! -e $AGENTS && ! -e $HOME/.config ]]
}

@test "systemd that is silent: what status and uninstall say; and what -o says is not the service's" {
	rx service install watch -o watch.quiet_ms=70
	expect_refused 3
	expect_err "what -o says counts for this call alone: the service reads '$TREE/reinject.ini'"
	rx_ok service status watch
	expect_out '^unknown +reinject-watch-tree-.*systemd does not tell whether it runs \(Failed to connect to bus: No medium found\)$'
	expect_out 'systemctl --user status$'
	rx -v service uninstall watch
	expect_status 0
	expect_err 'systemctl did not disable reinject-watch-tree-.*: Failed to connect to bus'
	expect_err 'systemctl daemon-reload: Failed to connect'
	# No program at all; these two are the test's own.
	mkdir "$T/few"
	ln -s "$(command -v timeout)" "$(command -v sed)" "$T/few/"
	PATH=$T/few rx service install watch
	expect_refused 3
	expect_err "cannot run 'systemctl'"
	PATH=$T/few rx_ok service uninstall watch
	[[ ! -e $HOME/.config ]]
}

@test "a service that failed before anything was ever run: it is told, and there is no run to speak of" {
	printf '[watch]\non_failure = touch %s\n' "$T/told" >>"$TREE/reinject.ini"
	rx_ok service failed watch
	expect_err "the watch service of '$TREE/reinject.ini' has failed: nobody knows how"
	[[ ! -e $T/told ]]
}
