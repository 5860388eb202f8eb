# results - what a benchmark measured, for tests/bench/report.py: a file of rows in build/bench/results, from which docs/benchmarks.md is made.
# results_begin NAME COMMAND: begins build/bench/results/NAME.tsv anew; on its machine, with its versions, at its load.
# result CHART UNIT BAR TEXT VALUES...: a row; CHART is '-' or the chart that it is drawn in, BAR '-' or what it must not pass.
# results_end: only now the row counts; a benchmark that was interrupted leaves the last one's.

results_begin() {
	local load
	results=$root/build/bench/results/$1.tsv
	mkdir -p "${results%/*}"
	read -r load _ </proc/loadavg
	{
		printf '#command\t%s\n' "$2"
		printf '#date\t%s\n' "$(date -u +%Y-%m-%d)"
		printf '#load\t%s\n' "$load"
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
