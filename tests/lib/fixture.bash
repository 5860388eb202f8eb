# fixture - a small cargo workspace, a RedoxFS image of its drivers, and the care for both.
# fixture_setup_file once for each file: builds the template. fixture_setup for each test: a copy with a warm target folder.
# fixture_teardown: unmounts and ends what the test left, and fails the test when that was reinject's to do.
#
#   $T      the test's own folder; everything below it is the test's
#   $TREE   $T/tree: reinject.ini, disk.img, src/
#   $SRC    the git repository and cargo workspace
#   $IMAGE  the image

REPO=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
: "${REINJECT:=$REPO/build/reinject}"
# Where `make deps` puts redoxfs: a file of tests that is run by itself finds it, too.
case ":$PATH:" in *":$REPO/build/tools/bin:"*) ;; *) export PATH=$REPO/build/tools/bin:$PATH ;; esac

# The user's own settings must not reach a test.
unset "${!GIT_@}" REINJECT_FAULT REINJECT_FAULT_STOP SUDO_UID SUDO_GID SUDO_USER RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_INCREMENTAL "${!CARGO_PROFILE_@}" "${!SCCACHE_@}" SOCKET_DIR MAKEFLAGS MAKELEVEL NO_COLOR
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export LC_ALL=C.UTF-8

fixture_setup_file() {
	local t=$BATS_FILE_TMPDIR/template
	[[ -x $REINJECT ]] || { echo "no binary to test at '$REINJECT': run make" >&2; return 1; }
	mkdir -p "$t"
	workspace_make "$t/src"
	image_root "$BATS_FILE_TMPDIR/root"
	image_make "$t/disk.img" "$BATS_FILE_TMPDIR/root"
}

fixture_setup() {
	T=$BATS_TEST_TMPDIR TREE=$BATS_TEST_TMPDIR/tree
	SRC=$TREE/src IMAGE=$TREE/disk.img
	started=() mounted=() daemons=()
	mkdir -p "$T/tmp" "$T/run"
	chmod 0700 "$T/run"
	# Private mount folders and sockets land below $T, where the teardown finds them.
	export TMPDIR=$T/tmp XDG_RUNTIME_DIR=$T/run
	if [[ -d $BATS_FILE_TMPDIR/template ]]; then
		cp -a --sparse=always --reflink=auto "$BATS_FILE_TMPDIR/template" "$TREE"
		ini_base
	else
		mkdir -p "$TREE"
	fi
}

fixture_teardown() {
	local p m leak=
	if [[ -z ${BATS_TEST_COMPLETED-} && -f $T/trail ]]; then tail -n 120 "$T/trail" >&2; fi
	# First ours: whoever holds an image or a lock open.
	for p in "${started[@]}"; do end_pid "$p"; done
	for m in "${mounted[@]}"; do
		if is_mounted "$m"; then umount "$m" || true; fi
	done
	mounted=()
	for p in "${daemons[@]}"; do
		wait_until 10 pid_gone "$p" || end_pid "$p"
	done
	# Then what should not be there. A child that was just told to end gets a moment.
	wait_until 20 nothing_left || leak=$(leftovers)
	for p in $(tree_mounts | tac); do umount "$p" || true; done
	for p in $(tree_pids); do end_pid "$p"; done
	for p in $(tree_mounts | tac); do umount "$p" || true; done
	if [[ -n $leak ]]; then fail "left behind: $leak"; fi
}

# let_others_in: bats makes its folders for root alone; they are the test's own and go with it.
let_others_in() { chmod o+x "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$T"; }

# end_pid PID: asks, then insists. Only for processes that this test began, directly or through reinject.
end_pid() {
	pid_gone "$1" && return
	kill -TERM "$1" 2>/dev/null || return 0
	wait_until 20 pid_gone "$1" || kill -KILL "$1" 2>/dev/null || true
}

is_mounted() {
	awk -v m="$1" '$5 == m { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# Mounts below the test's folder, outermost first, less those that the test itself made.
tree_mounts() {
	local m
	for m in $(awk -v t="$T/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo); do
		[[ " ${mounted[*]} " == *" $m "* ]] || printf '%s\n' "$m"
	done
}

# Processes that name the test's folder in their arguments or stand in it, less those that the test itself started.
tree_pids() {
	local p
	for p in $({
		grep -lsF -- "$T/" /proc/[0-9]*/cmdline
		find /proc/[0-9]*/cwd -maxdepth 0 \( -lname "$T" -o -lname "$T/*" \) 2>/dev/null
	} | cut -d/ -f3 | sort -un); do
		[[ " $$ $BASHPID ${started[*]} ${daemons[*]} " == *" $p "* ]] || pid_gone "$p" || printf '%s\n' "$p"
	done
}

nothing_left() {
	[[ -z $(tree_mounts) && -z $(tree_pids) ]]
}

leftovers() {
	local p
	for p in $(tree_mounts); do printf 'mount %s ' "$p"; done
	for p in $(tree_pids); do printf 'process %s (%s) ' "$p" "$(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null)"; done
}

# daemon_pids: the redoxfs and fuse2fs processes that reinject runs on the test's files.
daemon_pids() {
	local p
	for p in $(tree_pids); do
		case $(cat "/proc/$p/comm" 2>/dev/null) in redoxfs | fuse2fs) printf '%s\n' "$p" ;; esac
	done
}

daemon_runs() {
	[[ -n $(daemon_pids) ]]
}

# ---- the workspace

# crate DIR NAME DEPS...: a member that depends on others by path (DEP=RELATIVE/PATH).
crate() {
	local dir=$1 name=$2 dep
	shift 2
	mkdir -p "$dir/src"
	printf '[package]\nname = "%s"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n' "$name" >"$dir/Cargo.toml"
	for dep in "$@"; do printf '%s = { path = "%s" }\n' "${dep%%=*}" "${dep#*=}" >>"$dir/Cargo.toml"; done
}

# Every program prints one mark for itself and one for each library it is made of: `netd=1 proto=1 common=1`.
workspace_make() {
	local src=$1
	mkdir -p "$src"
	cat >"$src/Cargo.toml" <<-'END'
		[workspace]
		resolver = "2"
		members = ["crates/common", "crates/proto", "drivers/net/netd", "drivers/inputd", "drivers/multi", "tools/odd"]

		[profile.release]
		opt-level = 0
	END
	printf 'target\n' >"$src/.gitignore"

	crate "$src/crates/common" common
	printf 'pub fn mark() -> String {\n    String::from("common=1")\n}\n' >"$src/crates/common/src/lib.rs"

	crate "$src/crates/proto" proto common=../common
	printf 'pub fn mark() -> String {\n    format!("proto=1 {}", common::mark())\n}\n' >"$src/crates/proto/src/lib.rs"

	crate "$src/drivers/net/netd" netd proto=../../../crates/proto
	printf 'fn main() {\n    println!("netd=1 {}", proto::mark());\n}\n' >"$src/drivers/net/netd/src/main.rs"
	printf 'A network driver.\n' >"$src/drivers/net/netd/README.md"
	printf 'class = 2\n' >"$src/drivers/net/netd/config.toml"

	crate "$src/drivers/inputd" inputd common=../../crates/common
	printf 'fn main() {\n    println!("inputd=1 {}", common::mark());\n}\n' >"$src/drivers/inputd/src/main.rs"

	crate "$src/drivers/multi" multi
	rmdir "$src/drivers/multi/src"
	mkdir -p "$src/drivers/multi/src/bin"
	printf 'fn main() {\n    println!("multi-a=1");\n}\n' >"$src/drivers/multi/src/bin/multi-a.rs"
	printf 'fn main() {\n    println!("multi-b=1");\n}\n' >"$src/drivers/multi/src/bin/multi-b.rs"

	# Folder, package and binary have three names.
	crate "$src/tools/odd" odd_pkg
	printf '\n[[bin]]\nname = "rxe2e-odd"\npath = "src/main.rs"\n' >>"$src/tools/odd/Cargo.toml"
	printf 'fn main() {\n    println!("odd=1");\n}\n' >"$src/tools/odd/src/main.rs"

	mkdir -p "$src/custom"
	printf 'firmware=1\n' >"$src/custom/input"

	# One package after the other, as reinject does: a run for all would give other fingerprints to cargo.
	local p
	for p in netd inputd multi odd_pkg; do
		(cd "$src" && cargo build --quiet --offline --release -p "$p") || return
	done
	git -C "$src" init -q -b main
	commit "$src" 'a workspace'
}

# commit [DIR] MESSAGE: everything.
commit() {
	local dir=$SRC
	if (($# > 1)); then
		dir=$1
		shift
	fi
	git -C "$dir" add -A
	git -C "$dir" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false commit -q -m "$1"
}

# mark NAME VALUE: the edit of these tests: the crate that prints NAME=... prints NAME=VALUE.
mark() {
	local f
	f=$(grep -rlE --include=*.rs "\"$1=" "$SRC/crates" "$SRC/drivers" "$SRC/tools")
	sed -i -E "s/\"$1=[0-9]+/\"$1=$2/" "$f"
}

# break_source NAME: what no compiler takes.
break_source() {
	local f
	f=$(grep -rlE --include=*.rs "\"$1=" "$SRC/crates" "$SRC/drivers" "$SRC/tools")
	printf 'fn broken( {\n' >>"$f"
}

# stripped NAME: the SHA-256 that cargo's binary has after strip, worked out beside reinject.
stripped() {
	llvm-strip "$SRC/target/release/$1" -o "$T/tmp/stripped.$1" && sha256 "$T/tmp/stripped.$1"
}

sha256() {
	sha256sum <"$1" | cut -d' ' -f1
}

# ---- the configuration

ini_base() {
	cat >"$TREE/reinject.ini" <<-'END'
		[source base]
		path = src
		shared = Cargo.toml

		[image]
		path = disk.img
		keep_previous = yes

		[destinations]
		drivers/** = /usr/lib/drivers

		[package common]
		paths = crates/common
		bins =

		[package proto]
		paths = crates/proto
		uses = crates/common
		bins =

		[package netd]
		paths = drivers/net/netd
		uses = crates/proto

		[package inputd]
		paths = drivers/inputd
		uses = crates/common

		[package multi]
		paths = drivers/multi
		bins = multi-a multi-b

		[package odd_pkg]
		paths = tools/odd
		bins = rxe2e-odd
		dest = /usr/bin
	END
}

# ini_set SECTION KEY VALUE: replaces the key or adds it to its section, which must exist.
ini_set() {
	SECTION="[$1]" KEY=$2 VALUE=$3 awk '
		function put() { print ENVIRON["KEY"] " = " ENVIRON["VALUE"]; done = 1 }
		/^\[/ { inside = $0 == ENVIRON["SECTION"] }
		inside && index($0, ENVIRON["KEY"] " =") == 1 { if (!done) put(); next }
		{ print }
		/^\[/ && inside && !done { held = 1 }
		inside && held && !done { put(); held = 0 }
	' "$TREE/reinject.ini" >"$T/tmp/ini" && cat "$T/tmp/ini" >"$TREE/reinject.ini"
}

# ini_add: appends what stdin has.
ini_add() {
	{ echo && cat; } >>"$TREE/reinject.ini"
}

# ini_line TEXT: the number of the first line that has it.
ini_line() {
	grep -nF -m1 -- "$1" "${2:-$TREE/reinject.ini}" | cut -d: -f1
}

# ---- images

# image_root DIR: what the template image holds. inputd is there already, with a mode and an owner to keep.
image_root() {
	mkdir -p "$1/usr/lib/drivers" "$1/usr/bin" "$1/etc" "$1/boot"
	printf 'old inputd\n' >"$1/usr/lib/drivers/inputd"
	chmod 0711 "$1/usr/lib/drivers/inputd"
	chown 123:456 "$1/usr/lib/drivers/inputd"
	printf 'untouched\n' >"$1/etc/bystander"
}

# image_make FILE DIR [SIZE]
image_make() {
	rm -f "$1"
	truncate -s "${3:-64M}" "$1" && redoxfs-ar "$1" "$2" >/dev/null
}

image_sum() {
	sha256 "$IMAGE"
}

# image_copy FROM TO: sparse, so that 64 MB cost nothing.
image_copy() {
	cp --sparse=always --reflink=auto "$1" "$2"
}

# mount_image FILE DIR: a mount of somebody else's: its own session, waited for, ended by unmount_image. Leaves `pid`.
mount_image() {
	local file=$1 dir=$2
	mkdir -p "$dir"
	setsid redoxfs -d "$file" "$dir" >"$T/redoxfs.log" 2>&1 </dev/null 3>&- &
	pid=$!
	daemons+=("$pid")
	mounted+=("$dir")
	wait_until 20 mounted_or_dead "$dir" "$pid" && is_mounted "$dir" || fail "cannot mount '$file': $(cat "$T/redoxfs.log")"
}

mounted_or_dead() {
	is_mounted "$1" || pid_gone "$2"
}

# unmount_image DIR PID: plainly, and only the daemon's exit status means that all is written.
unmount_image() {
	umount "$1" || return
	wait_until 20 pid_gone "$2" || fail "redoxfs (pid $2) stays after umount"
	wait "$2" || fail "redoxfs ended with $?"
	wait_until 20 not_mounted "$1"
}

not_mounted() {
	refute is_mounted "$1" 2>/dev/null
}

# in_image CMD...: runs a command in the root of a mounted COPY: a bare mount writes to an image.
in_image() {
	local r=0 p
	image_copy "$IMAGE" "$T/look.img"
	mount_image "$T/look.img" "$T/look" || return
	p=$pid
	(cd "$T/look" && "$@") 3>&- || r=$?
	unmount_image "$T/look" "$p" || return
	rm -f "$T/look.img"
	return "$r"
}

# image_says PATH: what the program in the image prints.
image_says() {
	in_image "./${1#/}"
}

netd_says() {
	expect_equal "$(image_says /usr/lib/drivers/netd)" "$1"
}

# drivers_say: what netd and inputd in the image print, in a line.
drivers_say() {
	in_image sh -c './usr/lib/drivers/netd; ./usr/lib/drivers/inputd' | xargs
}

image_file_sum() {
	in_image sha256 "./${1#/}"
}

# image_stat PATH: mode and owner.
image_stat() {
	in_image stat -c '%a %u:%g' "./${1#/}"
}

# image_has PATH: a file, a folder or a link of that name.
image_has() {
	in_image test -e "./${1#/}" -o -L "./${1#/}"
}

# image_files: every file with its hash, in order.
image_files() {
	in_image sh -c 'find . -type f -print0 | sort -z | xargs -0r sha256sum'
}

# ---- programs that are real, and leave a note that they ran

# note_tool: the image tool is redoxfs by way of a script that writes a line for each start.
note_tool() {
	printf '#!/bin/sh\necho "$@" >>"%s/tool.log"\nexec redoxfs "$@"\n' "$T" >"$T/tool.sh"
	chmod +x "$T/tool.sh"
	: >"$T/tool.log"
	ini_set image tool "$T/tool.sh"
}

# note_cargo: a cargo first on PATH that writes its arguments, one run a line, and is the real one otherwise.
note_cargo() {
	mkdir -p "$T/bin"
	printf '#!/bin/sh\necho "$@" >>"%s/cargo.log"\nexec "%s" "$@"\n' "$T" "$(command -v cargo)" >"$T/bin/cargo"
	chmod +x "$T/bin/cargo"
	: >"$T/cargo.log"
	PATH=$T/bin:$PATH
}

# cargo_builds: the packages that cargo was asked to build, one run a line.
cargo_builds() {
	grep -E '(^| )build ' "$T/cargo.log" | grep -oE -- '-p [a-z_-]+' | cut -d' ' -f2 || true
}

# ---- what must hold after any end

# expect_untouched SUM: the image is what it was, byte for byte, nothing is mounted and nothing runs.
expect_untouched() {
	expect_equal "$(image_sum)" "$1"
	expect_nothing_left
}

expect_nothing_left() {
	wait_until 20 nothing_left || fail "left behind: $(leftovers)"
}

# A package that stays in its build until the test lets go: `slow` says "here" by a file, and waits for a fifo.
slow_package() {
	mkfifo "$T/gate"
	cat >"$T/slow.sh" <<-END
		trap 'exit 143' TERM
		env -0 >'$T/slow.env'
		echo \$\$ >'$T/slow.pid.new' && mv '$T/slow.pid.new' '$T/slow.pid'
		read -r go <'$T/gate'
		mkdir -p '$SRC/target/slow' && cp '$SRC/target/release/multi-a' '$SRC/target/slow/slow'
	END
	ini_add <<-END
		[package slow]
		paths = custom
		command = sh $T/slow.sh
		artifact = target/slow/slow
		dest = /usr/bin
	END
}

slow_begun() {
	wait_until 60 test -e "$T/slow.pid" || fail "the slow build never began: $(cat "$T"/*.err)"
}

# slow_recorded: and its process is in the journal, by which the next run ends it should this one be killed.
slow_recorded() {
	slow_begun
	wait_until 20 slow_has_row || fail "the slow build is not in the journal"
}
slow_has_row() { [[ $(sqlite3 "$TREE/.reinject/journal.db" "SELECT count(*) FROM child WHERE pid = $(<"$T/slow.pid")") == 1 ]]; }

# Opening the fifo for both never blocks, should nobody read any more; it stays open until the reader has read.
slow_release() {
	exec {gate}<>"$T/gate"
	echo go >&"$gate"
	wait_until 20 pid_gone "$(<"$T/slow.pid")"
	exec {gate}>&-
}
