#!/usr/bin/env bats
# Programs with required-features: cargo builds them, or leaves them out without a word, and the map, the plan and the image have just what it builds.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }

setup() {
	fixture_setup
	export CARGO_NET_OFFLINE=true
	MAP=$TREE/packages.ini
	programs_with_features
	rm "$TREE/reinject.ini"
	# Where things go is no matter of features.
	rx_ok init --rules none
	sed -i 's/^\[build\].*/[build]/' "$TREE/reinject.ini"
	printf '\n[destinations]\ndrivers/** = /usr/lib/drivers\n' >>"$TREE/reinject.ini"
}

teardown() { fixture_teardown; }

# multi has a program for each way to turn a feature on; inputd is built with its library and lends it a feature, as no build of multi alone does.
programs_with_features() {
	local name
	cat >>"$SRC/drivers/multi/Cargo.toml" <<-'END'
		common = { path = "../../crates/common" }

		[features]
		default = []
		tools = []
		lent = []
		deep = ["common/deep"]

		[[bin]]
		name = "multi-ctl"
		path = "src/ctl.rs"
		required-features = ["tools"]

		[[bin]]
		name = "multi-lent"
		path = "src/lent.rs"
		required-features = ["lent"]

		[[bin]]
		name = "multi-deep"
		path = "src/deep.rs"
		required-features = ["common/deep"]
	END
	for name in ctl lent deep; do printf 'fn main() {\n    println!("multi-%s=1");\n}\n' "$name" >"$SRC/drivers/multi/src/$name.rs"; done
	: >"$SRC/drivers/multi/src/lib.rs"
	printf 'multi = { path = "../multi", features = ["lent"] }\n' >>"$SRC/drivers/inputd/Cargo.toml"
	printf '\n[features]\ndeep = []\n' >>"$SRC/crates/common/Cargo.toml"
	(cd "$SRC" && cargo generate-lockfile --offline --quiet)
	commit 'programs with features'
}

# defaults FEATURES: of multi, as its manifest lists them.
defaults() {
	sed -i "s|^default = .*|default = [$1]|" "$SRC/drivers/multi/Cargo.toml"
}

bins() {
	awk '/^\[/ { inside = $0 == "[package multi]" } inside && sub(/^bins = /, "")' "$MAP"
}

# in_the_image: the programs of multi that are there.
in_the_image() {
	in_image ls usr/lib/drivers | grep ^multi- | paste -sd' '
}

# expect_just PROGRAMS: a refresh brings the map and the image to these, and nothing is left to do.
expect_just() {
	rx_ok refresh
	expect_equal "$(bins)" "$1"
	expect_equal "$(in_the_image)" "$1"
	expect_stale
}

@test "what cargo leaves out is in no map, no plan and no image, and the map says which feature it needs" {
	expect_equal "$(bins)" 'multi-a multi-b'
	grep -qxF '; cargo leaves out multi-ctl: it needs tools, which is off' "$MAP"
	# On in the whole workspace, for inputd's sake; off in a build of multi.
	(cd "$SRC" && cargo metadata --offline --locked --format-version 1) 2>/dev/null >"$T/metadata"
	jq -e 'any(.resolve.nodes[]; .features == ["default", "lent"])' "$T/metadata" >"$T/jq"
	grep -qxF '; cargo leaves out multi-lent: it needs lent, which is off' "$MAP"
	rx_ok refresh -n
	expect_out '^build multi -> '
	refute grep -q warning "$T/err"
	expect_just 'multi-a multi-b'
	expect_equal "$(image_says /usr/lib/drivers/multi-b)" multi-b=1
	# What is kept of cargo's answer says the same as cargo.
	rx_ok refresh
	refute grep -q 'has changed' "$T/err"
	grep -qxF '; cargo leaves out multi-ctl: it needs tools, which is off' "$MAP"
}

@test "a feature that becomes a default brings its program, and takes it away when it is none any more" {
	rx_ok refresh
	defaults '"tools", "common/deep"'
	rx_ok refresh -n
	expect_err 'changed: multi\), and .* does not know of it yet'
	expect_equal "$(bins)" 'multi-a multi-b'
	rx_ok refresh --json
	expect_equal "$(events put .path | grep -o 'multi-.*' | sort | paste -sd' ')" 'multi-a multi-b multi-ctl multi-deep'
	expect_just 'multi-a multi-b multi-ctl multi-deep'
	expect_equal "$(image_says /usr/lib/drivers/multi-ctl)" multi-ctl=1
	defaults '"common/deep"'
	expect_just 'multi-a multi-b multi-deep'
}

@test "what [build] asks for counts: features, and the same words among cargo_args" {
	rx_ok refresh
	ini_set build features tools
	# The others have no such feature, and cargo refuses to build them with it.
	rx_ok build multi
	expect_equal "$(in_the_image)" 'multi-a multi-b multi-ctl'
	ini_set build features ''
	rx_ok build multi
	expect_equal "$(bins)" 'multi-a multi-b'
	ini_set build cargo_args '-F multi/tools --features=lent,common/deep'
	rx_ok build multi
	expect_equal "$(bins)" 'multi-a multi-b multi-ctl multi-deep multi-lent'
	expect_equal "$(image_says /usr/lib/drivers/multi-lent)" multi-lent=1
	# These, every package has.
	defaults '"tools"'
	ini_set build cargo_args '--no-default-features'
	expect_just 'multi-a multi-b'
	ini_set build cargo_args '--all-features'
	expect_just 'multi-a multi-b multi-ctl multi-deep multi-lent'
}

@test "while the lock is behind, the manifests say what is on; a package of nothing else is a library meanwhile" {
	defaults '"common/deep"'
	expect_just 'multi-a multi-b multi-deep'
	sed -i '/required-features = \["tools"\]/!b; s/^/# /' "$SRC/drivers/multi/Cargo.toml"
	sed -i 's/^version = .*/version = "0.2.0"/' "$SRC/drivers/multi/Cargo.toml"
	rx_ok init --update
	refute grep -q '; cargo leaves out multi-ctl' "$MAP"
	rx_ok refresh
	expect_err 'behind the manifests'
	expect_just 'multi-a multi-b multi-ctl multi-deep'
	# A target of its own for what had none.
	printf '\n[features]\nextra = []\n\n[[bin]]\nname = "netd"\npath = "src/main.rs"\nrequired-features = ["extra"]\n' >>"$SRC/drivers/net/netd/Cargo.toml"
	rx_ok refresh
	refute image_has /usr/lib/drivers/netd
	sed -i 's/^extra = .*/extra = []\ndefault = ["extra"]/' "$SRC/drivers/net/netd/Cargo.toml"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" 'netd=1 proto=1 common=1'
}
