# night - nights on a workspace of eight drivers d1 ... d8, each of which prints `dN=VERSION`, with a machine that boots what is in the image.
# Needs lib/fixture, lib/watch and lib/boot. night_machine for a project of one's own; or night_setup_file, which builds the template, and
# night_setup for each test: drivers, [boot], [nightly], attempts = 2.
#
#   guest_of CODE       the guest mounts a copy of the image that is booted and sets v[dN] to what its drivers say; CODE (bash) decides what it does then:
#                       `panic WORDS` ends it with 'panicked at WORDS', `hang` says no more, `die` ends the machine; else it comes up
#   $T/booted           a line for each boot: 'd1=1 d2=1 ...'
#   edit N VERSION...   changes drivers, uncommitted; commit MESSAGE (lib/fixture) commits
#   night STATUS        one night, with that exit status

night_drivers() { printf '%s\n' d1 d2 d3 d4 d5 d6 d7 d8; }

night_setup_file() {
	local t=$BATS_FILE_TMPDIR/template d
	[[ -x $REINJECT ]] || { echo "no binary to test at '$REINJECT': run make" >&2; return 1; }
	mkdir -p "$t/src"
	printf '[workspace]\nresolver = "2"\nmembers = ["d*", "common"]\n\n[profile.release]\nopt-level = 0\n' >"$t/src/Cargo.toml"
	printf 'target\n' >"$t/src/.gitignore"
	crate "$t/src/common" common
	printf 'pub fn mark() -> &'\''static str {\n    "common=1"\n}\n' >"$t/src/common/src/lib.rs"
	for d in $(night_drivers); do
		crate "$t/src/$d" "$d"
		printf 'fn main() {\n    println!("%s=1");\n}\n' "$d" >"$t/src/$d/src/main.rs"
	done
	# Two of them have a crate in common.
	for d in d1 d2; do printf 'common = { path = "../common" }\n' >>"$t/src/$d/Cargo.toml"; done
	(cd "$t/src" && cargo build --quiet --offline --release) || return
	git -C "$t/src" init -q -b main
	commit "$t/src" 'eight drivers'
	image_root "$BATS_FILE_TMPDIR/root"
	image_make "$t/disk.img" "$BATS_FILE_TMPDIR/root" 32M
}

night_setup() {
	local d
	fixture_setup
	watch_setup
	cat >"$TREE/reinject.ini" <<-'END'
		[source base]
		path = src
		shared = Cargo.toml

		[image]
		path = disk.img

		[destinations]
		** = /usr/lib/drivers

		[package common]
		paths = common
		bins =
	END
	for d in $(night_drivers); do
		printf '\n[package %s]\npaths = %s\n' "$d" "$d" >>"$TREE/reinject.ini"
	done
	night_machine
	: >"$T/booted"
}

# night_machine: [boot] and [nightly] for whatever project there is; on_failure writes into $T/told.
night_machine() {
	boot_machine
	mode socket
	monitor
	ini_add <<-END
		[nightly]
		attempts = 2
		on_failure = sh -c 'echo \$REINJECT_RUN \$REINJECT_RESULT >>"$T/told"'
	END
}

night_teardown() {
	machine_end
	fixture_teardown
}

edit() {
	local d version=${!#}
	for d in "${@:1:$#-1}"; do sed -i -E "s/\"$d=[0-9]+/\"$d=$version/" "$SRC/$d/src/main.rs"; done
}

guest_of() {
	{
		printf 'REPO=%q DRIVERS=%q\n' "$REPO" "$(night_drivers | tr '\n' ' ')"
		cat <<-'END'
			. "$REPO/tools/image.bash"
			panic() { echo "panicked at $*"; exec sleep 60; }
			hang() { echo "nothing more"; exec sleep 60; }
			die() { exit 1; }
			answer() { :; }
			declare -A v
			read_image() {
				local d m=$T/run/guest.$$ said=
				cp --sparse=always "$RAW_IMG" "$m.img"
				trap image_cleanup EXIT
				image_mount "$m.img" "$m" || { echo "no image"; exit 1; }
				for d in $DRIVERS; do
					[[ ! -x $m/usr/lib/drivers/$d ]] || v[$d]=$("$m/usr/lib/drivers/$d")
					v[$d]=${v[$d]#*=}
					said+="$d=${v[$d]-} "
				done
				image_unmount "$m"
				trap - EXIT
				rm -rf "$m" "$m.img"
				echo "$said" >>"$T/booted"
			}
		END
		printf '%s\n' "${2-echo BIOS}" read_image "$1" "printf 'login: '; serve"
	} | guest
}

night() {
	rx nightly --json
	expect_status "$1"
	expect_json
	machine_end
}

boots() { jq -r 'select(.event == "boot") | .result' "$T/out" | tr '\n' ' '; }

# expect_night FILTER: jq on the night's own line.
expect_night() {
	jq -se "map(select(.event == \"night\"))[0] | $1" "$T/out" >/dev/null || fail "not so: $1: $(jq -c 'select(.event == "night")' "$T/out")"
}

# expect_drivers V1 ... V8: what the image's drivers say.
expect_drivers() {
	local d want= i=1
	for d in $(night_drivers); do want+="$d=${!i} "; ((i++)); done
	expect_equal "$(drivers_in_image)" "$want"
}

drivers_in_image() {
	in_image bash -c 'for d in "$@"; do printf "%s " "$(./usr/lib/drivers/$d)"; done' - $(night_drivers)
}

# expect_kept_booted: the last boot was of exactly what the image has, and that is IMAGE.good.
expect_kept_booted() {
	expect_equal "$(tail -n 1 "$T/booted")" "$(drivers_in_image)"
	cmp -s "$IMAGE" "$IMAGE.good" || fail "IMAGE.good is another one"
}

# night_good: the image with all eight at version 1 has booted.
night_good() {
	guest_of :
	rx_ok refresh
	rx_ok boot --wait --stop
	machine_end
	cmp -s "$IMAGE" "$IMAGE.good" || fail "no IMAGE.good"
	: >"$T/booted"
}

# good_one: the same for a project of one's own.
good_one() {
	rx_ok refresh
	rx_ok boot --wait --stop
	machine_end
	cmp -s "$IMAGE" "$IMAGE.good" || fail "no IMAGE.good"
}

# commit_each N...: version 2 of each of these drivers, a commit each.
commit_each() {
	local d
	for d in "$@"; do
		edit "$d" 2
		commit "$d 2"
	done
}
