#!/usr/bin/env bats
# Cargo's own configuration above a source and in its home: a build of cargo's would heed it, so what was built with another one is stale.

load ../lib/assert
load ../lib/fixture
load ../lib/watch

setup_file() { fixture_setup_file; }
setup() { fixture_setup; }
teardown() { fixture_teardown; }

# why: netd's line of the plan; nothing when it is not stale.
why() {
	rx_ok refresh -n
	sed -nE 's/^build +netd -> .* \((.*)\)$/\1/p' "$T/out"
}

# profile FILE LEVEL
profile() {
	mkdir -p "${1%/*}"
	printf '[profile.release]\nopt-level = %s\n' "$2" >"$1"
}

# rebuilt: a refresh in which cargo compiles netd, and after which nothing is stale.
rebuilt() {
	rx_ok refresh --json
	expect_event '.event == "build" and .package == "netd" and .result == "ok"'
	expect_equal "$(why)" ''
}

# nights: of builds alone.
nights() {
	ini_add <<-'END'
		[nightly]
		boot = no
	END
}

# expect_event FILTER
expect_event() {
	jq -es "any(.[]; $1)" "$T/out" >"$T/jq.out" || fail "no event: $1: $(cat "$T/out")"
}

@test "a profile in a folder above the source, under either name: everything of cargo's is stale, named, and compiled" {
	local file level=0 levels=(1 2 3 '"s"')
	rx_ok refresh
	for file in "$TREE/.cargo/config.toml" "$T/.cargo/config"; do
		profile "$file" "${levels[level++]}"
		expect_equal "$(why)" "another cargo configuration: $file"
		rebuilt
		profile "$file" "${levels[level++]}"
		expect_equal "$(why)" "another cargo configuration: $file"
		rebuilt
		rm "$file"
		expect_equal "$(why)" "another cargo configuration: $file"
		rx_ok refresh
	done
}

@test "the configuration in cargo's home, where [build] env says it is" {
	mkdir "$T/home"
	ini_add <<-END
		[build]
		env.CARGO_HOME = $T/home
	END
	rx_ok refresh
	profile "$T/home/config.toml" 1
	expect_equal "$(why)" "another cargo configuration: $T/home/config.toml"
	rebuilt
	profile "$T/home/.cargo/config.toml" 2
	expect_equal "$(why)" ''
}

@test "what is built of the commit beside the work tree is fresh in the work tree, and the other way round" {
	profile "$TREE/.cargo/config.toml" 1
	nights
	rx_ok refresh
	rx_ok nightly --json
	expect_event '.event == "done" and .result == "nothing"'
	profile "$TREE/.cargo/config.toml" 2
	rx_ok nightly --json
	expect_event '.event == "build" and .package == "netd" and .result == "ok"'
	expect_equal "$(why)" ''
}

@test "the same for one that lies in the repository above the source, and that git ignores" {
	rm -rf "$SRC/.git"
	printf '/*\n!/src\n' >"$TREE/.gitignore"
	printf '/target\n' >"$SRC/.gitignore"
	git -C "$TREE" init -q -b main
	commit "$TREE" 'all of it'
	profile "$TREE/.cargo/config.toml" 1
	nights
	rx_ok nightly --json
	expect_event '.event == "build" and .package == "netd"'
	expect_equal "$(why)" ''
	profile "$TREE/.cargo/config.toml" 2
	rx_ok refresh
	rx_ok nightly --json
	expect_event '.event == "done" and .result == "nothing"'
}

@test "a watch sees a change of one that is there at once" {
	profile "$TREE/.cargo/config.toml" 1
	watch_setup
	rest
	watch
	profile "$TREE/.cargo/config.toml" 2
	next_round
	[[ $round == *netd* ]] || watch_fail "a round without netd: $round"
	stop_watch
}
