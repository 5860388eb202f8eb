#!/usr/bin/env bats
# `[build] cache = sccache`, with a script in sccache's place that notes what it is given, and counts as it is told to. The real one, with a store that two
# checkouts share, is tests/sccache/sccache.bats (make check-sccache).

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	ini_add <<<$'[build]\ncache = sccache'
	mkdir "$T/bin" "$T/counts"
	# Calls rustc as it is told to, and calls each library that it compiles a hit or a miss, as the test says.
	cat >"$T/bin/sccache" <<-END
		#!/bin/sh
		T=$T
	END
	cat >>"$T/bin/sccache" <<-'END'
		count() { find "$T/counts" -name "$1.*" | wc -l; }
		if [ "$1" = --show-stats ]; then
			env >"$T/env.stats"
			[ ! -e "$T/silent" ] || exit 1
			printf '{"stats":{"cache_hits":{"counts":{"Rust":%s,"C/C++":1000},"adv_counts":{"Rust":9}},"cache_misses":{"counts":{"Rust":%s}},' \
				"$(count hit)" "$(count miss)"
			printf '"cache_errors":{"counts":{}},"cache_read_errors":0,"cache_write_errors":%s,"not_cached":{"crate-type":3}},' "$(count error)"
			printf '"cache_location":"redis, name: 0, prefix: /","version":"0.19.0"}'
			exit 0
		fi
		case " $* " in
		*' --crate-type lib '*)
			env >"$T/env.rustc"
			mktemp "$T/counts/$(cat "$T/verdict" 2>/dev/null || echo miss).XXXXXX" >/dev/null
			;;
		esac
		exec "$@"
	END
	chmod +x "$T/bin/sccache"
	export PATH=$T/bin:$PATH
	rm -rf "$SRC/target"
}

teardown() { fixture_teardown; }

@test "cargo calls rustc through it, not incremental, with the user's SCCACHE_*; show says what it had" {
	mkdir -p "$SRC/.cargo"
	printf '[env]\nCARGO_INCREMENTAL = "1"\n' >"$SRC/.cargo/config.toml"
	ini_set build env.SCCACHE_REDIS_ENDPOINT redis://localhost:1
	SCCACHE_SERVER_PORT=4711 CARGO_INCREMENTAL=1 rx_ok build netd
	for name in rustc stats; do
		grep -qx 'SCCACHE_REDIS_ENDPOINT=redis://localhost:1' "$T/env.$name"
		grep -qx 'SCCACHE_SERVER_PORT=4711' "$T/env.$name"
	done
	grep -qx 'RUSTC_WRAPPER=sccache' "$T/env.rustc"
	grep -qx 'CARGO_INCREMENTAL=0' "$T/env.rustc"
	rx_ok show 1
	expect_out '^cache +sccache \(redis\) had 0 of 2, 0 %$'
	# The counts of others, before and after, are not this run's.
	printf 'hit\n' >"$T/verdict"
	rm -rf "$SRC/target"
	printf '// more\n' >>"$SRC/drivers/net/netd/src/main.rs"
	touch "$T/counts/error.old"
	rx_ok refresh
	touch "$T/counts/miss.later"
	rx_ok show 2 --json
	expect_jq '.[0].cache == {hits: 2, misses: 0, errors: 0, rate: 100, store: "redis"}'
	rx_ok show 2
	expect_out '^cache +sccache \(redis\) had 2 of 2, 100 %$'
}

@test "it is missing: exit 3 with the remedy, before anything is built" {
	rm "$T/bin/sccache"
	# Where the machine has one: nothing but what the build needs.
	for program in cargo rustc cc ld as git redoxfs redoxfs-ar llvm-strip fusermount3 sh; do
		path=$(command -v "$program") || continue
		printf '#!/bin/sh\nexec %q "$@"\n' "$path" >"$T/bin/$program"
		chmod +x "$T/bin/$program"
	done
	ini_set build env.PATH "$T/bin"
	sum=$(sha256sum <"$IMAGE")
	rx refresh
	expect_refused 3
	expect_err "no program 'sccache'"
	expect_err 'cargo install sccache'
	[[ ! -e $SRC/target ]] || fail "something was built"
	expect_equal "$(sha256sum <"$IMAGE")" "$sum"
	rx doctor sccache --json
	expect_status 3
	expect_jq '.[0].status == "failure"'
	# What needs no cargo needs no cache.
	printf 'x\n' >"$T/file"
	rx_ok inject "$T/file" /usr/lib/x
	ini_set build cache none
	rx_ok build netd
	rx_ok show 2 --json
	expect_jq '.[0].cache == null'
}

@test "a program of another name; one that does not say its counts fails nothing" {
	mv "$T/bin/sccache" "$T/my-cache"
	ini_set build env.RUSTC_WRAPPER "$T/my-cache"
	touch "$T/silent"
	rx_ok build netd
	grep -qx "RUSTC_WRAPPER=$T/my-cache" "$T/env.rustc"
	rx_ok show 1 --json
	expect_jq '.[0].cache == null'
	rx_ok doctor sccache --json
	expect_jq '.[0].status == "ok"'
}

@test "turning it on, or naming another store, makes nothing stale; other variables do" {
	ini_set build cache none
	rx_ok refresh
	ini_set build cache sccache
	expect_stale
	ini_set build env.SCCACHE_REDIS_ENDPOINT redis://localhost:2
	expect_stale
	ini_set build env.OTHER 1
	rx_ok status --json
	expect_jq '.[0].stale | length > 0'
}
