# hooks - a project whose commits wake a worker. hooks_setup after fixture_setup, hooks_teardown in the place of fixture_teardown; beside lib/watch, load
# this one first: its `g` says nothing of who commits.
# settled: every record is worked off, and the worker has ended. worker_runs, at_rest, spool_empty: the parts of it.

# hooks_setup [LINE...]: the lines of [hooks].
hooks_setup() {
	STATE=$TREE/.reinject
	HOOKS=$SRC/.git/hooks
	export GIT_AUTHOR_NAME=test GIT_AUTHOR_EMAIL=test@localhost GIT_COMMITTER_NAME=test GIT_COMMITTER_EMAIL=test@localhost GIT_EDITOR=true
	if (($#)); then ini_add < <(printf '%s\n' '[hooks]' "$@"); fi
}

hooks_teardown() {
	if worker_runs && [[ -s $STATE/worker.lock ]]; then end_pid "$(<"$STATE/worker.lock")"; fi
	unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL GIT_EDITOR
	fixture_teardown
}

g() {
	git -C "$SRC" -c advice.detachedHead=false "$@" 3>&-
}

worker_runs() {
	[[ -e $STATE/worker.lock ]] && ! flock -ns "$STATE/worker.lock" true
}

no_worker() {
	! worker_runs
}

spool_empty() {
	[[ ! -s $STATE/spool/queue && ! -e $STATE/spool/taken && ! -e $STATE/spool/more ]]
}

at_rest() {
	spool_empty && no_worker
}

# settled [SECONDS]
settled() {
	wait_until "${1:-60}" at_rest || fail "the worker does not come to an end: $(cat "$STATE/hooks.log")"
	if [[ -s $STATE/worker.lock ]]; then wait_until 10 pid_gone "$(<"$STATE/worker.lock")" || fail "the worker stays"; fi
}

# begin: the image is up to date, and the hooks are there.
begin() {
	rx_ok refresh
	rx_ok hooks install
}
