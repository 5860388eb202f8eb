#!/usr/bin/env bats
# `[build] cache = sccache` with the real sccache and a redis of this test's own, on a socket in its folder: what two checkouts share, and what a changed
# backend must not share. Both servers are ended here, by what they were started with. What needs no sccache is in e2e/cache.bats.

load ../lib/assert
load ../lib/fixture

setup_file() {
	fixture_setup_file
	local src=$BATS_FILE_TMPDIR/template/src vendor=$BATS_FILE_TMPDIR/vendor
	# A crate from a registry, which lies in one place for all checkouts.
	mkdir -p "$vendor/rxdep/src" "$src/.cargo"
	printf '[package]\nname = "rxdep"\nversion = "1.0.0"\nedition = "2021"\n' >"$vendor/rxdep/Cargo.toml"
	printf 'pub fn mark() -> u32 {\n    1\n}\n' >"$vendor/rxdep/src/lib.rs"
	printf '{"files":{}}\n' >"$vendor/rxdep/.cargo-checksum.json"
	printf '[source.crates-io]\nreplace-with = "shared"\n[source.shared]\ndirectory = "%s"\n' "$vendor" >"$src/.cargo/config.toml"
	printf 'rxdep = "1"\n' >>"$src/drivers/net/netd/Cargo.toml"
	printf 'fn main() {\n    println!("netd={} {}", rxdep::mark(), proto::mark());\n}\n' >"$src/drivers/net/netd/src/main.rs"
	(cd "$src" && cargo generate-lockfile --offline --quiet && git add -A && git -c user.name=t -c user.email=t@localhost commit -q -m 'A crate of a registry')
}

setup() {
	fixture_setup
	rm -rf "$SRC/target"
	ini_add <<<$'[build]\ncache = sccache'
	export SCCACHE_SERVER_UDS=$T/run/sccache SCCACHE_IDLE_TIMEOUT=120 SCCACHE_REDIS_ENDPOINT=unix://localhost$T/run/redis CARGO_NET_OFFLINE=true
	start redis redis-server --port 0 --unixsocket "$T/run/redis" --save '' --appendonly no --dir "$T/run"
	wait_until 10 redis_answers || fail "no redis: $(cat "$T/redis.out" "$T/redis.err")"
}

teardown() {
	if [[ -S ${SCCACHE_SERVER_UDS-} ]]; then sccache --stop-server >"$T/stop" 2>&1 || cat "$T/stop" >&2; fi
	fixture_teardown
}

redis_answers() { [[ $(redis-cli -s "$T/run/redis" ping 2>/dev/null) == PONG ]]; }

# expect_cache RUN HITS MISSES: what the run's builds found, all of it in redis.
expect_cache() {
	rx_ok show "$1" --json
	expect_jq '.[0].cache | .hits == $hits and .misses == $misses and .errors == 0 and .store == "redis"' --argjson hits "$2" --argjson misses "$3"
}

# another_machine: its server, which has counted nothing yet, and a checkout by which nothing was built. The store stays.
another_machine() {
	sccache --stop-server >/dev/null 2>&1
	wait_until 10 server_gone || fail "the server does not end"
	rm -rf "$SRC/target" "$TREE/.reinject"
}
server_gone() { ! sccache --show-stats >/dev/null 2>&1 || [[ $(sccache --show-stats --stats-format=json | jq '.stats.compile_requests') == 0 ]]; }

@test "a second checkout at the same path finds all that can be cached; one in another folder what lies outside of it" {
	rx_ok build netd
	expect_cache 1 0 3
	first=$(sha256sum <"$SRC/target/release/netd")
	another_machine
	rx_ok build netd
	expect_cache 1 3 0
	rx_ok show 1
	expect_out '^cache +sccache \(redis\) had 3 of 3, 100 %$'
	expect_equal "$(sha256sum <"$SRC/target/release/netd")" "$first"
	# sccache takes the folder of the compilation into its key, as it is in what comes out.
	cp -a "$TREE" "$T/other"
	rm -rf "$T/other/src/target" "$T/other/.reinject"
	TREE=$T/other
	rx_ok build netd
	expect_cache 1 1 2
}

@test "a backend that was built anew under its old name gets no objects of the old one" {
	real=$(rustc --print sysroot)
	# No rustc that is sure to be here can load a backend: this one takes the flag, and does without. sccache looks for it where it says that it lies.
	mkdir -p "$T/toolchain/bin"
	ln -s "$real/lib" "$T/toolchain/lib"
	cat >"$T/toolchain/bin/rustc" <<-END
		#!/bin/bash
		for word; do
			[[ \$word != codegen-backend=* ]] || unset 'words[-1]'
			[[ \$word == *codegen-backend=* ]] || words+=("\$word")
		done
		if [[ "\$*" != *--print* ]]; then exec '$real/bin/rustc' "\${words[@]}"; fi
		set -o pipefail
		'$real/bin/rustc' "\${words[@]}" | sed 's#$real#$T/toolchain#'
	END
	chmod +x "$T/toolchain/bin/rustc"
	ini_set build env.RUSTC "$T/toolchain/bin/rustc"
	ini_set build codegen_backend "$T/backend.so"
	printf 'one\n' >"$T/backend.so"
	rx_ok build netd
	expect_cache 1 0 3
	another_machine
	rx_ok build netd
	expect_cache 1 3 0
	another_machine
	printf 'two\n' >"$T/backend.so"
	rx_ok build netd
	expect_cache 1 0 3
}

@test "a store that does not answer: cargo's words and sccache's are shown, and the image stays" {
	sum=$(sha256sum <"$IMAGE")
	SCCACHE_REDIS_ENDPOINT=unix://localhost$T/run/no-such SCCACHE_STARTUP_TIMEOUT_MS=2000 rx build netd
	expect_status 1
	expect_said sccache
	expect_equal "$(sha256sum <"$IMAGE")" "$sum"
}
