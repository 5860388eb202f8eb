#!/usr/bin/env bats
# `reinject doctor`: each check with the thing whole, then broken, and mended by --fix where there is a fix, else by the command that it names.

load ../lib/assert
load ../lib/fixture

setup_file() {
	fixture_setup_file
	mkdir -p "$BATS_FILE_TMPDIR/root/etc/pcid.d"
	SRC=$BATS_FILE_TMPDIR/template/src initfs_image "$BATS_FILE_TMPDIR/root/boot/initfs"
	image_make "$BATS_FILE_TMPDIR/template/disk.img" "$BATS_FILE_TMPDIR/root"
}

setup() {
	fixture_setup
	export CARGO_NET_OFFLINE=true
	rm -f "$TREE/reinject.ini"
	rx_ok init
	# For ini_set, which knows headers without a comment.
	sed -i -E 's/^(\[[a-z]+\]) +;.*/\1/' "$TREE/reinject.ini"
	MAP=$TREE/packages.ini INI=$TREE/reinject.ini
}

teardown() { fixture_teardown; }

# le BYTES NUMBER: little-endian.
le() {
	local i
	for ((i = 0; i < $1; i++)); do printf "\\x$(printf %02x $((($2 >> (8 * i)) & 255)))"; done
}

# initfs_image FILE [ENTRY] [SIZE] [MAGIC]: as packed, with a bootstrap behind the header's page: a program of this host, as the build is.
initfs_image() {
	local elf=$SRC/target/release/rxe2e-odd entry
	entry=$(readelf -h "$elf" | awk '/Entry point/ { print $4 }')
	{
		printf '%s' "${4:-RedoxFtw}"
		le 4 48
		le 12 0
		le 2 1
		le 8 "${2:-$((entry))}"
		le 8 "${3:-$((4096 + $(stat -c %s "$elf")))}"
		le 2 4096
		head -c $((4096 - 44)) /dev/zero
		cat "$elf"
	} >"$1"
}

# doctor ARGS...: leaves what it says of each check as JSON in $T/out.
doctor() { rx doctor --json "$@"; }

# finds STATUS CHECK [SAID] [DOCTOR ARGS...]: the check, alone, says so; a failure is exit 3, a warning is not.
finds() {
	local want=$1 check=$2 said=${3-}
	doctor "$check" "${@:4}"
	expect_json
	expect_equal "$(jq -r --arg c "$check" 'select(.check == $c) | .status' "$T/out")" "$want"
	jq -r --arg c "$check" 'select(.check == $c) | .said' "$T/out" | grep -Eq -- "$said" || fail "'$check' does not say /$said/"
	if [[ $want == failure ]]; then expect_status 3; fi
}

# mends CHECK PATTERN: the command of what was found last.
mends() {
	jq -r --arg c "$1" 'select(.check == $c) | .command' "$T/out" | grep -Eq -- "$2" || fail "'$1' names no command like /$2/"
}

# fixes CHECK: --fix puts it right, says so, and then it is.
fixes() {
	expect_jq 'any(.[]; .check == $c and .fixable and (.fixed | not))' --arg c "$1"
	doctor --fix "$1"
	expect_jq 'any(.[]; .check == $c and .status == "ok" and .fixed)' --arg c "$1"
	doctor "$1"
	expect_jq 'any(.[]; .check == $c and .status == "ok" and (.fixed | not))' --arg c "$1"
}

# fake_toolchain: a toolchain named 'fake' whose rustc is a script, and the real one otherwise; as rustup has it.
fake_toolchain() {
	local real
	real=$(rustc --print sysroot)
	FAKE=$T/rustup/toolchains/fake
	mkdir -p "$FAKE/bin"
	ln -s "$real/lib" "$FAKE/lib"
	ln -s "$real/bin/cargo" "$FAKE/bin/cargo"
	# It loads what says that it is for it.
	cat >"$FAKE/bin/rustc" <<-END
		#!/bin/sh
		for arg in "\$@"; do
			case \$arg in
			-Zcodegen-backend=*)
				grep -q 'for fake' "\${arg#*=}" && exit 0
				echo 'error: could not load codegen backend: another version' >&2
				exit 1
				;;
			esac
		done
		exec '$real/bin/rustc' "\$@"
	END
	chmod +x "$FAKE/bin/rustc"
	printf 'version = "12"\ndefault_toolchain = "fake"\n' >"$T/rustup/settings.toml"
	export RUSTUP_HOME=$T/rustup
	command -v rustup >/dev/null || fake_proxies
}

# Where cargo and rustc are the system's own packages: a rustup whose rustc is the toolchain's.
fake_proxies() {
	mkdir -p "$T/proxies"
	printf '#!/bin/sh\nexec "%s/bin/rustc" "$@"\n' "$FAKE" >"$T/proxies/rustup"
	chmod +x "$T/proxies/rustup"
	ln -s rustup "$T/proxies/rustc"
	PATH=$T/proxies:$PATH
}

# redox_parts: what a cross build needs, as the Redox tree has it; nothing of it is compiled with here.
redox_parts() {
	RELIBC=$TREE/relibc SPEC=$SRC/aarch64-unknown-redox-clif.json
	mkdir -p "$RELIBC"
	touch "$RELIBC"/{crt0.o,crt0_rust.o,crti.o,crtn.o,libunwind_stubs.a,libgcc_eh.a}
	printf '{\n  "llvm-target": "aarch64-unknown-redox",\n  "pre-link-objects": {},\n  "os": "redox"\n}\n' >"$SPEC"
	ini_set build target aarch64-unknown-redox-clif.json
	ini_set build relibc relibc
	rx_ok init --update
}

# ---- all of it

@test "a good configuration: nothing is wrong, and nothing is written but a shadow" {
	local before
	before=$(image_sum)$(sha256 "$INI")$(sha256 "$MAP")
	rx doctor
	expect_status 0
	refute grep -Eq '^(warning|failure)' "$T/out"
	expect_err '^nothing is wrong$'
	expect_out '^ok +configuration: .*6 packages'
	expect_out '^ok +content: [0-9]+ MB are free in the image'
	refute grep -q '^skipped' "$T/out"
	expect_err '^[0-9]+ do not apply or could not be looked at: -v lists them'
	refute grep -q $'\033' "$T/out"
	expect_equal "$(image_sum)$(sha256 "$INI")$(sha256 "$MAP")" "$before"
	rx doctor -v
	expect_out "^skipped +backend: rustc's own"
	doctor
	expect_status 0
	expect_json
	expect_jq 'length == 22 and ([.[].check] | unique | length) == 22 and all(.[]; .why != "" and .said != "")'
	expect_nothing_left
}

@test "what a person reads: why, what to do, a count at the end, and what --fix would do; quiet tells only what is wrong" {
	chmod g+w "$INI"
	rm "$IMAGE"
	rx doctor -q
	expect_status 3
	expect_equal "$(grep -Ec '^[a-z]' "$T/out")" 2
	expect_out '^warning  configuration: '
	expect_out '^ +why: all else is read from it'
	expect_out "^ +--fix does it: chmod g-w '$INI'\$"
	expect_out "^failure  image: cannot open image '$IMAGE'"
	expect_out '^ +do: make the image first'
	rx doctor
	expect_err '^1 failure, 1 warning$'
	expect_err '`reinject doctor --fix` puts 1 of these right'
	rx doctor --fix
	expect_status 3
	expect_out '^ok +configuration: .* \(put right\)$'
	expect_err '^1 failure, 0 warnings, 1 put right$'
}

@test "only the checks that are named; one that there is not is exit 2" {
	doctor clock image
	expect_jq '[.[].check] == ["clock", "image"]'
	rx doctor clokc
	expect_refused 2
	expect_err "there is no check 'clokc'"
}

@test "colours on a terminal, and only there; not with NO_COLOR" {
	local run="cd '$TREE' && '$REINJECT' doctor"
	script -qfec "$run" "$T/colour" </dev/null >/dev/null 3>&-
	grep -q $'\033\[32mok' "$T/colour"
	NO_COLOR=1 script -qfec "$run" "$T/plain" </dev/null >/dev/null 3>&-
	grep -q '^ok' "$T/plain"
	refute grep -q $'\033' "$T/plain"
	rx doctor --color always
	expect_out $'\033\[32mok'
}

# ---- the configuration

@test "configuration: an error is told with file and line, and what hangs on it is skipped" {
	printf '[image]\nnonsense = 1\n' >>"$INI"
	finds failure configuration 'reinject.ini:[0-9]+: .*nonsense'
	mends configuration '^correct the lines named$'
	doctor
	expect_jq 'all(.[1:][]; .status == "skipped") and length == 22'
	sed -i '/^nonsense/d' "$INI"
	chmod 0666 "$INI"
	finds failure configuration 'reinject.ini'
	mends configuration 'chmod'
	rm "$INI"
	finds failure configuration 'there is no reinject.ini'
	mends configuration 'reinject init'
}

@test "configuration: what it names and is not there" {
	ini_add <<<$'[asset rc]\npath = no-such-file\ndest = /etc/rc'
	finds warning configuration 'reinject.ini:[0-9]+: .*no-such-file'
	expect_status 0
}

@test "configuration: writable by the group" {
	chmod 0664 "$INI"
	finds warning configuration 'may be written by its group'
	expect_status 0
	fixes configuration
	expect_equal "$(stat -c %a "$INI")" 644
}

@test "map: behind the workspace, changed by hand, not resolved" {
	crate "$SRC/drivers/newd" newd
	printf 'fn main() {}\n' >"$SRC/drivers/newd/src/main.rs"
	sed -i 's,"tools/odd",&\, "drivers/newd",' "$SRC/Cargo.toml"
	(cd "$SRC" && cargo generate-lockfile --offline --quiet)
	finds warning map 'lacks what is new in the workspace: new: newd'
	mends map '^reinject init --update$'
	fixes map
	grep -qx '\[package newd\]' "$MAP"
	sed -i 's/^bins = newd/bins = oldd/' "$MAP"
	finds warning map 'was changed by hand'
	expect_jq 'any(.[]; .check == "map" and (.fixable | not))'
	doctor --fix
	grep -qx 'bins = oldd' "$MAP"
	rm "$MAP"
	rx_ok init --update
	printf '\n[dependencies.no-such-crate-at-all]\nversion = "1"\n' >>"$SRC/drivers/newd/Cargo.toml"
	finds warning map 'is not resolved'
	mends map 'cargo fetch'
}

# ---- git

@test "repository: none, a split index, a sparse index: the command that is named mends it" {
	local made
	mv "$SRC/.git" "$T/git"
	finds failure repository 'lies in no git repository'
	mends repository "^git init '$SRC'"
	mv "$T/git" "$SRC/.git"
	for made in 'config core.splitIndex true' 'sparse-checkout set --cone --sparse-index crates drivers tools'; do
		git -C "$SRC" $made 2>/dev/null
		[[ $made != config* ]] || git -C "$SRC" update-index --split-index
		[[ $made != sparse* ]] || git -C "$SRC" ls-files --sparse | grep -q '/$' || continue
		finds failure repository 'which libgit2 cannot read'
		sh -c "$(jq -r 'select(.check == "repository") | .command' "$T/out")"
		finds ok repository
	done
}

# missing: how many objects of its history a repository lacks.
missing() { git -C "$SRC" rev-list --objects --all --missing=print | grep -c '^?' || true; }

@test "repository: a partial clone is a whole one after what doctor tells to type" {
	echo again >>"$SRC/drivers/net/netd/README.md"
	commit 'another text'
	git clone -q --bare "$SRC" "$T/upstream.git"
	git -C "$T/upstream.git" config uploadpack.allowFilter true
	rm -rf "$SRC"
	git clone -q --filter=blob:none "file://$T/upstream.git" "$SRC"
	finds warning repository 'partial clone'
	refute test "$(missing)" = 0
	sh -c "$(jq -r 'select(.check == "repository") | .command' "$T/out")"
	finds ok repository
	expect_equal "$(missing)" 0
}

@test "repository: a partial clone, hooks elsewhere, a foreign owner" {
	git -C "$SRC" config core.hooksPath /somewhere
	finds warning repository 'core.hooksPath = /somewhere'
	mends repository 'config --show-origin core.hooksPath'
	git -C "$SRC" config --unset core.hooksPath
	git -C "$SRC" config remote.origin.promisor true
	finds warning repository 'partial clone'
	mends repository 'fetch --refetch'
	git -C "$SRC" config --unset remote.origin.promisor
	finds ok repository
	((EUID == 0)) || return 0
	chown -R 12345:12345 "$SRC/.git" "$SRC"
	finds failure repository 'belongs to another user'
	mends repository 'safe.directory'
}

@test "clock: a file of the future" {
	touch -d '+1 hour' "$SRC/Cargo.lock"
	finds warning clock "Cargo.lock' was written [0-9]+ s in the future"
	mends clock 'touch'
	touch "$SRC/Cargo.lock"
	finds ok clock
}

# ---- the build

@test "toolchain: not installed, without the standard library's source" {
	ini_set build toolchain no-such-toolchain
	finds failure toolchain "'no-such-toolchain' is not installed"
	mends toolchain '^rustup toolchain install no-such-toolchain$'
	fake_toolchain
	ini_set build toolchain fake
	finds ok toolchain "$FAKE/bin/rustc"
	ini_set build build_std core,alloc
	rm "$FAKE/lib"
	finds failure toolchain 'needs the standard library.s source'
	mends toolchain '^rustup component add rust-src --toolchain fake$'
	mkdir -p "$FAKE/lib/rustlib/src/rust/library"
	finds ok toolchain
}

@test "target: missing, no JSON, start objects of rustc's own" {
	redox_parts
	finds ok target aarch64-unknown-redox-clif.json
	printf '{\n  "b": "2 ö",\n  "pre-link-objects": {\n    "dynamic-nopic-exe": ["crt0.o"]\n  },\n  "a": [1, 2.5, true]\n}\n' >"$SPEC"
	cp "$SPEC" "$T/spec"
	chmod 0640 "$SPEC"
	finds failure target 'pre-link-objects'
	fixes target
	cmp "$SPEC.orig" "$T/spec"
	expect_equal "$(stat -c %a "$SPEC")" 640
	expect_equal "$(jq -c . "$SPEC")" '{"b":"2 ö","pre-link-objects":{},"a":[1,2.5,true]}'
	# The first copy stays, whatever comes later.
	printf '{"a": 1}\n' >"$SPEC"
	finds failure target 'pre-link-objects'
	fixes target
	cmp "$SPEC.orig" "$T/spec"
	printf '{"a": \n' >"$SPEC"
	finds failure target 'is no JSON: line [0-9]+'
	doctor --fix
	expect_equal "$(cat "$SPEC")" '{"a": '
	rm "$SPEC"
	finds failure target 'is missing'
	ini_set build target aarch64-unknown-linux-none
	finds failure target 'no standard library for'
	mends target 'rustup target add aarch64-unknown-linux-none'
}

@test "backend: missing, for another toolchain" {
	fake_toolchain
	ini_set build codegen_backend backend.so
	finds failure backend "backend.so' is missing"
	printf 'for fake\n' >"$TREE/backend.so"
	finds ok backend loads
	printf 'for another\n' >"$TREE/backend.so"
	finds failure backend "does not load with .*: error: could not load codegen backend: another version"
	mends backend 'toolchain = the one it was built with'
	expect_equal "$(ls "$TMPDIR" | grep doctor)" ""
}

@test "backend: what rustc itself says of a file that is none" {
	ini_set build codegen_backend backend.so
	ini_set build env.RUSTC_BOOTSTRAP 1
	printf 'no library\n' >"$TREE/backend.so"
	finds failure backend 'does not load with .*rustc.: error: '
}

@test "relibc: each of its objects, and the empty libgcc_eh" {
	redox_parts
	finds ok relibc
	local f
	for f in crt0.o crt0_rust.o crti.o crtn.o libunwind_stubs.a; do
		mv "$RELIBC/$f" "$T/object"
		finds failure relibc "lacks $f\$"
		mv "$T/object" "$RELIBC/$f"
	done
	rm "$RELIBC/libgcc_eh.a" "$RELIBC/crti.o"
	finds failure libgcc_eh "libgcc_eh.a' is missing"
	mends libgcc_eh "^llvm-ar rcs '$RELIBC/libgcc_eh.a'\$"
	fixes libgcc_eh
	llvm-ar rcs "$T/empty.a"
	cmp "$RELIBC/libgcc_eh.a" "$T/empty.a"
	rm -r "$RELIBC"
	finds failure relibc lacks
	finds skipped libgcc_eh
}

@test "what root mends in the folder of somebody else belongs to that one" {
	((EUID == 0)) || skip "needs root"
	redox_parts
	rm "$RELIBC/libgcc_eh.a"
	printf '{}\n' >"$SPEC"
	chown 12345:54321 "$RELIBC" "$SRC" "$SPEC"
	doctor --fix target libgcc_eh
	expect_status 0
	expect_equal "$(stat -c %u:%g "$RELIBC/libgcc_eh.a" "$SPEC" "$SPEC.orig" | sort -u)" 12345:54321
}

@test "a fix that cannot be done is a failure with its reason" {
	((EUID == 0)) || skip "needs root"
	redox_parts
	mount -t tmpfs tmpfs "$RELIBC"
	mounted+=("$RELIBC")
	mount -o remount,ro "$RELIBC"
	finds failure libgcc_eh 'it could not be mended: .*Read-only file system' --fix
	expect_jq '.[0].fixable and (.[0].fixed | not)'
}

@test "strip: missing, of the host while the target is another" {
	ini_set build strip no-such-strip
	finds failure strip "there is no 'no-such-strip'"
	redox_parts
	printf '#!/bin/sh\n' >"$T/strip"
	chmod +x "$T/strip"
	ini_set build strip "$T/strip"
	finds warning strip 'may not know'
	mends strip 'strip = llvm-strip'
	ini_set build strip llvm-strip
	finds ok strip
}

@test "sccache: with incremental builds, by the environment or by the tree" {
	ini_set build env.RUSTC_WRAPPER /usr/bin/sccache
	finds ok sccache
	ini_set build env.CARGO_INCREMENTAL 1
	finds failure sccache 'builds are incremental'
	mends sccache 'env.CARGO_INCREMENTAL = 0'
	sed -i '/CARGO_INCREMENTAL/d' "$INI"
	mkdir "$SRC/.cargo"
	printf '[env]\nCARGO_INCREMENTAL = "1"\n' >"$SRC/.cargo/config.toml"
	finds failure sccache 'builds are incremental'
	ini_set build env.CARGO_INCREMENTAL 0
	finds ok sccache
}

# ---- the image

@test "mount program: missing, of another version" {
	ini_set image tool no-such-redoxfs
	finds failure mount-program "there is no 'no-such-redoxfs'"
	mends mount-program '^cargo install redoxfs'
	mkdir -p "$T/cargo/bin"
	ln "$(command -v redoxfs)" "$T/cargo/bin/redoxfs" 2>/dev/null || cp "$(command -v redoxfs)" "$T/cargo/bin/redoxfs"
	printf '[v1]\n"redoxfs 0.4.4 (registry+https://github.com/rust-lang/crates.io-index)" = ["redoxfs"]\n' >"$T/cargo/.crates.toml"
	ini_set image tool "$T/cargo/bin/redoxfs"
	finds warning mount-program 'is version 0.4.4'
	sed -i 's/0.4.4/0.9.0/' "$T/cargo/.crates.toml"
	finds ok mount-program 'version 0.9.0'
}

# in_namespace SETUP ARGS...: reinject in a mount namespace of its own, with what SETUP puts over the host's files.
in_namespace() {
	status=0
	(cd "$TREE" && timeout 60 unshare -m -- bash -c "$1 && shift && exec \"\$@\"" namespace "$@") >"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail "in a namespace: $*"
}

says() {
	expect_jq 'any(.[]; .check == $c and .status == $s and (.said | test($r)))' --arg c "$2" --arg s "$1" --arg r "$3"
}

@test "fuse: no device, no permission, and who sees a user's mount" {
	((EUID == 0)) || skip "needs root"
	unshare -m true 2>/dev/null || skip "no mount namespaces here"
	local user="setpriv --reuid $(id -u nobody) --regid $(id -g nobody) --clear-groups"
	mknod "$T/none" c 240 250
	mknod "$T/closed" c 10 229
	chmod 0600 "$T/closed"
	mknod "$T/open" c 10 229
	chmod 0666 "$T/open"
	printf '#user_allow_other\n' >"$T/fuse.conf"
	in_namespace "mount --bind '$T/none' /dev/fuse" "$REINJECT" doctor --json
	says failure fuse 'has no /dev/fuse'
	let_others_in
	cp "$REINJECT" "$T/reinject"
	chown -R nobody "$TREE" "$T/tmp" "$T/run"
	in_namespace "mount --bind '$T/closed' /dev/fuse" $user "$T/reinject" doctor --json
	says failure fuse 'may not be opened: Permission denied'
	ini_set image mode live
	ini_set image mount_point mnt
	in_namespace "mount --bind '$T/open' /dev/fuse && mount --bind '$T/fuse.conf' /etc/fuse.conf" $user "$T/reinject" doctor --json
	says warning fuse 'lacks user_allow_other'
	printf 'user_allow_other\n' >"$T/fuse.conf"
	in_namespace "mount --bind '$T/open' /dev/fuse && mount --bind '$T/fuse.conf' /etc/fuse.conf" $user "$T/reinject" doctor --json
	says ok fuse 'can be opened'
}

@test "image: not named, missing, no file system in it, cut" {
	cp --sparse=always "$IMAGE" "$T/whole.img"
	finds ok image "$IMAGE"
	truncate -s 1M "$IMAGE"
	finds failure image 'is cut: its file system should reach to byte 67108864, and the file ends at 1048576'
	mends image 'IMAGE.prev'
	finds skipped content 'see above'
	rm "$IMAGE"
	truncate -s 1M "$IMAGE"
	finds failure image
	rm "$IMAGE"
	finds failure image 'No such file'
	sed -i '/^path = disk.img/d' "$INI"
	finds failure image 'names no image'
	mends image 'path = the disk image'
}

@test "room: a host without any for a copy" {
	((EUID == 0)) || skip "needs root"
	local small=$T/small
	mkdir "$small"
	mount -t tmpfs -o size=20m tmpfs "$small"
	mounted+=("$small")
	cp --sparse=always "$IMAGE" "$small/disk.img"
	ini_set image path "$small/disk.img"
	head -c 16000000 /dev/zero >"$small/full"
	finds failure room 'MB are free beside the image, and a copy of it needs'
	mends room "make room on the file system of '$small'"
	rm "$small/full"
	finds ok room 'are free beside the image'
	# Whoever has looked inside keeps the copy.
	finds ok content
	finds ok room 'a copy is ready'
}

@test "leftovers: the mount of a dead run, and one of somebody's own whose daemon is dead" {
	image_copy "$IMAGE" "$T/other.img"
	mount_image "$T/other.img" "$TREE/disk.img.mnt"
	kill -KILL "$pid"
	wait_until 10 pid_gone "$pid"
	finds failure leftovers "disk.img.mnt' is still there, though nothing runs"
	fixes leftovers
	refute is_mounted "$TREE/disk.img.mnt"
	mount_image "$T/other.img" "$TREE/redox-mount"
	finds ok leftovers
	kill -KILL "$pid"
	wait_until 10 pid_gone "$pid"
	finds failure leftovers "the daemon of the mount '$TREE/redox-mount' is dead"
	mends leftovers "^umount '$TREE/redox-mount'\$"
	fixes leftovers
	refute is_mounted "$TREE/redox-mount"
}

@test "holders: whoever has it mounted is named, and the content is not looked at" {
	mount_image "$IMAGE" "$T/mine"
	local daemon=$pid
	finds failure holders "$daemon"
	mends holders '^umount it; or, if you keep it mounted, in .image.: mode = live'
	finds skipped content
	unmount_image "$T/mine" "$daemon"
	finds ok holders
	start reader tail -f "$IMAGE"
	reads() { [[ -n $(find "/proc/$pid/fd" -lname "$IMAGE" 2>/dev/null) ]]; }
	wait_until 10 reads
	finds ok holders 'tail .process [0-9]+. has it open.*, which does no harm'
	end_pid "$pid"
}

@test "content: an image that is almost full, and one that has leaked" {
	local i
	mkdir "$T/root"
	head -c 6000000 /dev/urandom >"$T/root/big"
	image_make "$IMAGE" "$T/root" 20M
	finds failure content 'only [0-9]+ KB are free in the image'
	mends content 'make it larger'
	rm "$T/root/big"
	image_make "$IMAGE" "$T/root" 32M
	finds ok content ' 1 MB in no file'
	head -c 300000 /dev/urandom >"$T/file"
	mount_image "$IMAGE" "$T/mine"
	for ((i = 0; i < 150; i++)); do
		cat "$T/file" >"$T/mine/new" && mv "$T/mine/new" "$T/mine/file"
	done
	unmount_image "$T/mine" "$pid"
	finds warning content 'MB of the image are in no file: RedoxFS has leaked them'
	mends content '^reinject image compact$'
	rx_ok image compact
	finds ok content
}

# ---- the initfs

# initfs_parts: [initfs] as the tree has it.
initfs_parts() {
	mkdir -p "$TREE/initfs"
	cp "$SRC/target/release/rxe2e-odd" "$TREE/bootstrap"
	printf '#!/bin/sh\n' >"$TREE/redox-initfs-ar"
	chmod +x "$TREE/redox-initfs-ar"
	ini_add <<<$'[initfs]\ndir = initfs\ntool = redox-initfs-ar\nbootstrap = bootstrap'
}

@test "initfs: its folder, packer and bootstrap" {
	initfs_parts
	finds ok initfs 'has its bootstrap'
	mv "$TREE/bootstrap" "$T/bootstrap"
	finds failure initfs "bootstrap ELF '.*' is missing"
	printf 'no ELF\n' >"$TREE/bootstrap"
	finds failure initfs bootstrap
	mv "$T/bootstrap" "$TREE/bootstrap"
	chmod -x "$TREE/redox-initfs-ar"
	finds failure initfs 'cannot be run'
	chmod +x "$TREE/redox-initfs-ar"
	rmdir "$TREE/initfs"
	finds failure initfs 'folder .* is missing'
}

@test "initfs: the header of what lies in the image" {
	initfs_parts
	mkdir -p "$T/root/boot"
	initfs_image "$T/root/boot/initfs" -1
	image_make "$IMAGE" "$T/root"
	finds failure initfs "initfs '/boot/initfs' has no entry point: it was packed without its bootstrap"
	mends initfs '^reinject initfs'
	initfs_image "$T/root/boot/initfs" 4
	image_make "$IMAGE" "$T/root"
	finds failure initfs 'begins at 0x4, its bootstrap at'
	initfs_image "$T/root/boot/initfs" '' 5000
	image_make "$IMAGE" "$T/root"
	finds failure initfs 'bytes, its header says 5000'
	initfs_image "$T/root/boot/initfs" '' '' RedoxFta
	image_make "$IMAGE" "$T/root"
	finds failure initfs "'/boot/initfs' in the image is no initfs"
	rm "$T/root/boot/initfs"
	image_make "$IMAGE" "$T/root"
	finds warning initfs
	mends initfs 'dest = its place in the image'
}

# ---- the host

@test "boot script: not executable, missing; and QEMU" {
	printf '#!/bin/sh\n' >"$TREE/run-dev.sh"
	chmod 0640 "$TREE/run-dev.sh"
	finds warning boot-script 'is not executable'
	fixes boot-script
	expect_equal "$(stat -c %a "$TREE/run-dev.sh")" 750
	ini_add <<<$'[boot]\ncommand = ./boot.sh'
	finds warning boot-script "there is no '$TREE/boot.sh'"
	mends boot-script 'command = what boots the image'
	redox_parts
	printf '#!/bin/sh\n' >"$TREE/boot.sh"
	chmod +x "$TREE/boot.sh"
	mkdir "$T/bin"
	ln -s /bin/true "$T/bin/qemu-system-aarch64"
	PATH=$T/bin:$PATH finds ok qemu "$T/bin/qemu-system-aarch64"
	ini_set build target mips-unknown-none
	finds warning qemu "there is no 'qemu-system-mips'"
}

@test "inotify: a limit below what is to be watched" {
	finds ok inotify '^[0-9]+ folders, of '
	unshare -Ur sh -c 'echo 8 >/proc/sys/user/max_inotify_watches' 2>/dev/null || skip "no user namespaces here"
	status=0
	(cd "$TREE" && timeout 60 unshare -Ur sh -c 'echo 8 >/proc/sys/user/max_inotify_watches && exec "$@"' sh "$REINJECT" doctor --json) \
		>"$T/out" 2>"$T/err" </dev/null 3>&- || status=$?
	trail 'with eight watches'
	says warning inotify 'of 8'
	mends inotify 'max_user_watches'
}
