# results - what a benchmark measured, for tests/bench/report.py: a file of rows in build/bench/results, from which docs/benchmarks.md is made.
# results_rest: before each part, waits until the machine is at rest.
# results_begin NAME COMMAND: begins build/bench/results/NAME.tsv anew; on its machine, with its versions, and how busy others kept it.
# result CHART UNIT BAR TEXT VALUES...: a row; CHART is '-' or the chart that it is drawn in, BAR '-' or what it must not pass.
# results_end: only now the row counts; a benchmark that was interrupted leaves the last one's.

# How much of the processors' time, in percent, was taken within a second; waiting for a disk counts, as it keeps the next part's writes waiting.
results_busy_now() {
	local -a before after
	local i all=0
	read -r -a before </proc/stat
	read -r -t 1 _ <> <(:) || true
	read -r -a after </proc/stat
	# 'cpu', then user, nice, system, idle and four more.
	for ((i = 1; i <= 8; i++)); do all=$((all + after[i] - before[i])); done
	((all > 0)) || all=1
	printf '%d' "$((100 - 100 * (after[4] - before[4]) / all))"
}

# Until nine tenths of a second's time were free, REST_S seconds (60) at most: what went before would be measured too, and so would the others on this
# machine. `results_busy`: the most that there was in the end, of all parts.
results_busy=0
results_rest() {
	local busy end=$((SECONDS + ${REST_S:-60}))
	busy=$(results_busy_now)
	while ((busy > 10 && SECONDS < end)); do busy=$(results_busy_now); done
	((busy <= 10)) || printf 'bench: others keep the processors %d %% busy: what comes now is not to be trusted\n' "$busy" >&2
	((busy <= results_busy)) || results_busy=$busy
}

results_begin() {
	results=$root/build/bench/results/$1.tsv
	mkdir -p "${results%/*}"
	{
		printf '#command\t%s\n' "$2"
		printf '#date\t%s\n' "$(date -u +%Y-%m-%d)"
		printf '#busy\t%s\n' "$results_busy"
		printf '#machine\t%s\n' "$(results_machine)"
	} >"$results.new"
}

# No name of the machine, no path of it.
results_machine() {
	printf '%s, %s cores, %s GB, Linux %s, %s, %s' "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1 | tr -s ' ')" "$(nproc)" \
		"$(awk '/^MemTotal/ { printf "%.0f", $2 / 1e6 }' /proc/meminfo)" "$(uname -r | sed 's/-.*//')" \
		"$(df --output=fstype "$root/build" | tail -n 1)" "$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release)"
}

# results_version NAME TEXT: a program that was measured or used.
results_version() { printf '#version\t%s\t%s\n' "$1" "$2" >>"$results.new"; }

# The versions that every benchmark has.
results_versions() {
	results_version reinject "$("${reinject:-$root/build/reinject}" --version | head -n 1 | cut -d' ' -f2)"
	results_version git "$(git --version | cut -d' ' -f3)"
}

result() {
	local chart=$1 unit=$2 bar=$3 text=$4
	shift 4
	printf '%s\t%s\t%s\t%s\t%s\n' "$chart" "$unit" "$bar" "$text" "$*" >>"$results.new"
}

# result_file CHART UNIT BAR TEXT FILE [DIVISOR]: the same with one value a line; nothing where there is no such file.
result_file() {
	[[ -s $5 ]] || return 0
	result "$1" "$2" "$3" "$4" "$(awk -v d="${6:-1}" '{ printf "%s%g", (NR > 1 ? " " : ""), $1 / d }' "$5")"
}

results_end() { mv "$results.new" "$results"; }
