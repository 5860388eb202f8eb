# Completion of reinject for bash. Made by `make docs` from the program's tables: change those.

# The -C and -c of the line so far, for what is asked of the program itself.
_reinject_ask() {
	reinject "${where[@]}" "$@" 2>/dev/null
}

_reinject_offer() {
	local kind=$1
	case $kind in
	file | folder)
		compopt -o filenames 2>/dev/null
		[[ $kind == file ]] && mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		[[ $kind == folder ]] && mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		;;
	package) mapfile -t COMPREPLY < <(compgen -W "$(_reinject_ask config | sed -n 's/^\[package \(.*\)\]$/\1/p')" -- "$cur") ;;
	run) mapfile -t COMPREPLY < <(compgen -W "$(_reinject_ask log | sed 's/^ *\([0-9]*\).*/\1/')" -- "$cur") ;;
	revision) mapfile -t COMPREPLY < <(compgen -W "HEAD $(git for-each-ref --format='%(refname:short)' 2>/dev/null)" -- "$cur") ;;
	setting)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -S = -W "$_reinject_keys" -- "$cur")
		;;
	key) mapfile -t COMPREPLY < <(compgen -W "$_reinject_keys" -- "$cur") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$cur") ;;
	esac
}

_reinject_verbs='init doctor refresh watch hooks build inject adopt rollback bisect boot nightly extract status log show report symbols affected config image initfs service help'
_reinject_keys='reinject.include reinject.state reinject.keep_runs reinject.keep_days reinject.auto_update reinject.rules build.toolchain build.target build.codegen_backend build.relibc build.build_std build.build_std_features build.rustflags build.profile build.features build.cargo_args build.target_dir build.strip build.cache image.path image.format image.mode image.tool image.mount image.unmount image.mount_point image.block image.keep_previous image.stamp image.mount_timeout_ms image.answer_timeout_ms image.leak_limit_mb initfs.dir initfs.tool initfs.bootstrap initfs.max_size initfs.dest watch.quiet_ms watch.on_busy watch.trigger watch.hold_over watch.backend watch.poll_ms watch.notify watch.on_success watch.on_failure boot.when boot.command boot.args boot.console boot.ready boot.failure boot.timeout_s boot.timeout_scale boot.exit_ok boot.exit_failed boot.record boot.stop nightly.boot nightly.attempts nightly.max_boots nightly.timeout_s nightly.on_boot_failure nightly.report nightly.on_failure hooks.quiet_ms hooks.on_success hooks.on_failure hooks.isolate share.path share.after_put'

_reinject_value() {
	case $1:$2 in
	init:--source) echo 'folder' ;;
	init:--image) echo 'file' ;;
	init:--redoxfs) echo 'file' ;;
	init:--target) echo '-' ;;
	init:--toolchain) echo '-' ;;
	init:--backend) echo 'file' ;;
	init:--relibc) echo 'folder' ;;
	init:--strip) echo 'file' ;;
	init:--boot) echo 'file' ;;
	init:--initfs) echo 'folder' ;;
	init:--initfs-tool) echo 'file' ;;
	init:--bootstrap) echo 'file' ;;
	init:--rules) echo 'file' ;;
	refresh:--wait-lock) echo '-' ;;
	build:--wait-lock) echo '-' ;;
	inject:--wait-lock) echo '-' ;;
	adopt:--wait-lock) echo '-' ;;
	rollback:--wait-lock) echo '-' ;;
	bisect:--wait-lock) echo '-' ;;
	boot:--timeout) echo '-' ;;
	extract:--wait-lock) echo '-' ;;
	log:--number) echo '-' ;;
	report:--output | report:-o) echo 'file' ;;
	report:--number) echo '-' ;;
	affected:--since) echo 'revision' ;;
	affected:--commit) echo 'revision' ;;
	affected:--commits) echo '-' ;;
	image:--wait-lock) echo '-' ;;
	initfs:--check) echo 'file' ;;
	initfs:--wait-lock) echo '-' ;;
	service:--time) echo '-' ;;
	service:--system) echo 'systemd launchd' ;;
	*:--directory | *:-C) echo 'folder' ;;
	*:--config | *:-c) echo 'file' ;;
	*:--option | *:-o) echo 'setting' ;;
	*:--color) echo 'auto always never' ;;
	esac
}

_reinject_options() {
	echo ' --directory --config --option --json --quiet --verbose --color --help --version'
	case $1 in
	init) echo ' --update --dry-run --source --image --redoxfs --target --toolchain --backend --relibc --strip --boot --initfs --initfs-tool --bootstrap --rules' ;;
	doctor) echo ' --fix' ;;
	refresh) echo ' --dry-run --retry --wait-lock' ;;
	watch) echo ' --pause --resume --wait' ;;
	build) echo ' --dry-run --wait-lock' ;;
	inject) echo ' --wait-lock' ;;
	adopt) echo ' --wait-lock' ;;
	rollback) echo ' --image --good --wait-lock' ;;
	bisect) echo ' --wait-lock' ;;
	boot) echo ' --wait --timeout --stop' ;;
	nightly) echo ' --dry-run' ;;
	extract) echo ' --force --wait-lock' ;;
	log) echo ' --number' ;;
	report) echo ' --output --number' ;;
	affected) echo ' --since --commit --commits --explain' ;;
	image) echo ' --deep --wait-lock' ;;
	initfs) echo ' --check --dry-run --wait-lock' ;;
	service) echo ' --time --print --system' ;;
	esac
}

_reinject_operand() {
	case $1:$2 in
	doctor:*) echo 'configuration map repository clock toolchain target backend relibc libgcc_eh strip sccache mount-program fuse image room leftovers holders content initfs boot-script qemu inotify' ;;
	watch:*) echo 'package' ;;
	hooks:0) echo 'install uninstall status' ;;
	build:*) echo 'package' ;;
	inject:0) echo 'file' ;;
	adopt:*) echo 'revision' ;;
	rollback:0) echo 'run' ;;
	bisect:0) echo 'run' ;;
	bisect:1) echo 'run' ;;
	extract:1) echo 'file' ;;
	show:0) echo 'run' ;;
	symbols:0) echo 'package' ;;
	affected:*) echo 'file' ;;
	config:0) echo 'key' ;;
	image:0) echo 'check compact stamp mount unmount' ;;
	image:1) echo 'file' ;;
	service:0) echo 'install uninstall status' ;;
	service:1) echo 'watch nightly' ;;
	help:0) echo 'init doctor refresh watch hooks build inject adopt rollback bisect boot nightly extract status log show report symbols affected config image initfs service help' ;;
	esac
}

_reinject() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb='' word kind i n=0
	local -a where=()
	COMPREPLY=()
	# bash cuts --option=value at the sign.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -?* ]]; then
			[[ -n $(_reinject_value "$verb" "$word") ]] || continue
			[[ ${COMP_WORDS[i + 1]-} == = ]] && ((i++))
			((i++))
			case $word in -C | --directory | -c | --config) where+=("${word}" "${COMP_WORDS[i]/#\~\//$HOME/}") ;; esac
		elif [[ -z $verb ]]; then
			verb=$word
		else
			((n++))
		fi
	done
	kind=$(_reinject_value "$verb" "$prev")
	if [[ $prev == -?* && -n $kind ]]; then
		_reinject_offer "$kind"
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_reinject_options "$verb")" -- "$cur")
	elif [[ -z $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$_reinject_verbs" -- "$cur")
	else
		kind=$(_reinject_operand "$verb" "$n")
		[[ -n $kind ]] && _reinject_offer "$kind"
	fi
}

complete -F _reinject reinject
