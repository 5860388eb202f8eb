#!/bin/sh
# Includes point down only: base < config < cargo, image, journal < watcher < hooks, boot, report < refresh < server, night, setup < cli. Rooms of one level
# do not know each other.
set -eu
level() {
	case $1 in
	base) echo 0 ;; config) echo 1 ;; cargo | image | journal) echo 2 ;;
	watcher) echo 3 ;; hooks | boot | report) echo 4 ;; refresh) echo 5 ;;
	server | night | setup) echo 6 ;; cli) echo 7 ;;
	*) echo 'unknown' ;;
	esac
}
bad=0
n=0
for file in */*.[ch]; do
	room=${file%%/*}
	for include in $(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file"); do
		n=$((n + 1))
		other=${include%%/*}
		[ "$other" = "$room" ] && continue
		if [ "$(level "$other")" = unknown ] || [ "$(level "$other")" -ge "$(level "$room")" ]; then
			echo "$file: includes $include, which does not lie below $room/" >&2
			bad=1
		fi
	done
done
[ "$bad" = 0 ] && echo "check-layers: $n includes, all point down"
exit "$bad"
