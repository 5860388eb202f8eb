#!/usr/bin/env bats
# config/samples/redox-aarch64.ini gives, word for word, the command line and environment that the design prints.
# The one fake of these tests: a cargo first on PATH that records a build and fails; nothing here can build for Redox.

load ../lib/assert
load ../lib/fixture

setup_file() {
	image_root "$BATS_FILE_TMPDIR/root"
	image_make "$BATS_FILE_TMPDIR/disk.img" "$BATS_FILE_TMPDIR/root"
}

setup() {
	fixture_setup
	SRC=$TREE/recipes/core/base/source IMAGE=$TREE/build/aarch64/pure-rust.img
	relibc=$TREE/recipes/core/relibc/source/target/aarch64-unknown-redox-clif/release
	backend=$T/rustc_codegen_cranelift/dist/lib/librustc_codegen_cranelift.dylib
	[[ -f $REPO/config/samples/redox-aarch64.ini ]] || fail "config/samples/redox-aarch64.ini is missing"
	cp "$REPO"/config/samples/*.ini "$TREE/"
	mv "$TREE/redox-aarch64.ini" "$TREE/reinject.ini"
	chmod 0644 "$TREE"/*.ini
	mkdir -p "$SRC" "$relibc" "${IMAGE%/*}" "${backend%/*}"
	image_copy "$BATS_FILE_TMPDIR/disk.img" "$IMAGE"
	redox_source
	recording_cargo
}
teardown() { fixture_teardown; }

# As much of the base tree as virtio-netd needs.
redox_source() {
	crate "$SRC/drivers/common" common
	crate "$SRC/drivers/virtio-core" virtio-core common=../common
	crate "$SRC/drivers/net/driver-network" driver-network
	touch "$SRC"/drivers/{common,virtio-core,net/driver-network}/src/lib.rs
	crate "$SRC/drivers/net/virtio-netd" virtio-netd common=../../common virtio-core=../../virtio-core driver-network=../driver-network
	printf 'fn main() {}\n' >"$SRC/drivers/net/virtio-netd/src/main.rs"
	printf '[workspace]\nresolver = "2"\nmembers = ["drivers/common", "drivers/virtio-core", "drivers/net/driver-network", "drivers/net/virtio-netd"]\n' \
		>"$SRC/Cargo.toml"
	printf '{}\n' >"$SRC/aarch64-unknown-redox-clif.json"
	printf 'target\n' >"$SRC/.gitignore"
	touch "$relibc"/{crt0,crt0_rust,crti,crtn}.o "$backend"
	(cd "$SRC" && cargo generate-lockfile --quiet --offline)
	git -C "$SRC" init -q -b main
	commit "$SRC" 'the base tree'
}

# A build is recorded and fails; the rest is the real cargo, less the toolchain, which is not here, and what only that one understands.
# It says the version of that nightly, which does not know -Zjson-target-spec.
recording_cargo() {
	mkdir -p "$T/bin"
	cat >"$T/bin/cargo" <<-END
		#!/bin/bash
		rest=("\$@")
		case \${1-} in +*) rest=("\${@:2}") ;; esac
		case " \${rest[*]} " in
		*" build "*)
			n=1
			until mkdir "$T/record.\$n" 2>/dev/null; do n=\$((n + 1)); done
			pwd -P >"$T/record.\$n/cwd"
			printf '%s\n' "\$@" >"$T/record.\$n/argv"
			env -0 | tr '\0' '\n' >"$T/record.\$n/env"
			echo 'error: recorded, not built' >&2
			exit 101 ;;
		*" --version "* | *" -V "* | *" -Vv "* | *" -vV "*)
			echo 'cargo 1.94.0-nightly (3861f60f6 2025-12-19)'
			exit 0 ;;
		esac
		exec env -u CARGO_ENCODED_RUSTFLAGS -u DYLD_LIBRARY_PATH "$(command -v cargo)" "\${rest[@]}"
	END
	chmod +x "$T/bin/cargo"
	PATH=$T/bin:$PATH
}

expected_argv() {
	printf '%s\n' +nightly-2026-01-02 build --target "$SRC/aarch64-unknown-redox-clif.json" --release \
		-Z build-std=core,alloc,std,panic_abort -Zbuild-std-features=compiler_builtins/no-f16-f128 -p virtio-netd
}

expected_flags() {
	local flags=(
		"-Zcodegen-backend=$backend"
		-Crelocation-model=static
		"-Clink-arg=-L$relibc"
		"-Clink-arg=$relibc/crt0.o"
		"-Clink-arg=$relibc/crt0_rust.o"
		"-Clink-arg=$relibc/crti.o"
		"-Clink-arg=$relibc/crtn.o"
		-Clink-arg=-lunwind_stubs
		-Clink-arg=-z
		-Clink-arg=muldefs
		-Cpanic=abort
	)
	local IFS=$'\x1f'
	printf '%s' "${flags[*]}"
}

# recorded_flags DIR: one a line, however they travelled: pasted they are RUSTFLAGS, as people write them, which cargo splits at blanks.
recorded_flags() {
	sed -n 's/^CARGO_ENCODED_RUSTFLAGS=//p' "$1/env" | tr '\037' '\n'
	sed -n 's/^RUSTFLAGS=//p' "$1/env" | tr ' ' '\n'
}

# expect_recorded DIR: where cargo ran, with what words, in what environment.
expect_recorded() {
	expect_equal "$(cat "$1/cwd")" "$SRC"
	expect_equal "$(grep -c '^--message-format=json-diagnostic-rendered-ansi$' "$1/argv")" 1
	expect_equal "$(grep -v '^--message-format=' "$1/argv")" "$(expected_argv)"
	expect_equal "$(recorded_flags "$1")" "$(expected_flags | tr '\037' '\n')"
	expect_equal "$(sed -n 's/^DYLD_LIBRARY_PATH=//p' "$1/env")" "$HOME/.rustup/toolchains/nightly-2026-01-02-aarch64-apple-darwin/lib"
	expect_equal "$(grep -cE '^(CARGO_ENCODED_)?RUSTFLAGS=' "$1/env")" 1
}

@test "cargo gets the words and the environment that the design prints" {
	local sum
	sum=$(image_sum)
	rx build virtio-netd
	expect_status 1
	expect_err 'recorded, not built'
	expect_recorded "$T/record.1"
	refute grep -q '^RUSTFLAGS=' "$T/record.1/env"
	refute grep -q '^GIT_' "$T/record.1/env"
	refute test -e "$T/record.2"
	expect_untouched "$sum"
}

@test "-n -v prints them, and what is pasted into a shell gives cargo the same" {
	rx_ok build -n -v virtio-netd
	refute test -e "$T/record.1"
	sed -e ':a' -e '/\\$/N; s/\\\n//; ta' "$T/out" "$T/err" | grep -E 'cargo .*build' | grep -m1 -F -- '-p virtio-netd' >"$T/line" || fail "no command line printed"
	local word
	for word in $(expected_argv); do
		grep -qF -- "$word" "$T/line" || fail "'$word' is not printed"
	done
	(cd "$SRC" && bash "$T/line") >"$T/pasted" 2>&1 || true
	[[ -d $T/record.1 ]] || fail "pasting ran no cargo: $(cat "$T/line" "$T/pasted")"
	expect_recorded "$T/record.1"
}

@test "a target file beside the INI, when the source has none" {
	git -C "$SRC" mv aarch64-unknown-redox-clif.json "$TREE/aarch64-unknown-redox-clif.json" 2>/dev/null ||
		mv "$SRC/aarch64-unknown-redox-clif.json" "$TREE/"
	rx build virtio-netd
	expect_status 1
	grep -qxF -- "$TREE/aarch64-unknown-redox-clif.json" "$T/record.1/argv" || fail "--target is $(grep -A1 -e --target "$T/record.1/argv")"
}

@test "a backend and a relibc that are not there are cargo's to complain of" {
	rm -r "${backend%/*}" "$relibc"
	rx build virtio-netd
	expect_status 1
	expect_recorded "$T/record.1"
}

@test "the sample has the whole package table" {
	local p
	rx_ok config
	for p in virtio-netd virtio-9pd xhcid usbhidd pcid pcid-spawner inputd redoxerd audiod ipcd ptyd redox_netstack smolnetd init logd ramfs randd \
		zerod nulld acpid fbbootlogd fbcond hwd lived rtcd vesad nvmed virtio-blkd virtio-gpud; do
		grep -qwF -- "$p" "$T/out" || fail "the sample lacks $p"
	done
	expect_out '/etc/pcid\.d/xhcid\.toml'
	expect_out '/etc/pcid/initfs\.toml'
	expect_out 'initfs:/bin/nulld'
	expect_out 'initfs:/lib/drivers'
	expect_out 'init_drivers\.rc'
}
