#!/usr/bin/env bats
# Unusual git repositories: the same content is the same fingerprint, or there is a sentence with a remedy that works; none is written to.

load ../lib/assert
load ../lib/fixture

setup_file() { fixture_setup_file; }
setup() {
	fixture_setup
	# The toolchain is the user's, git's configuration is not.
	export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} HOME=$T/home
	mkdir -p "$HOME"
	# Of submodules and of clones by file://.
	git config --file "$HOME/.gitconfig" protocol.file.allow always
	export GIT_CONFIG_GLOBAL=$HOME/.gitconfig
}
teardown() { fixture_teardown; }

# git_state: names, times, modes and contents of every git folder below the tree.
git_state() {
	local d
	for d in "$TREE"/*/.git "$TREE"/*.git; do
		[[ -e $d ]] || continue
		find "$d" -printf '%p %s %T@ %C@ %m %u\n' | sort
		find "$d" -type f -print0 | sort -z | xargs -0 sha256sum
	done
}

# expect_unwritten CMD...: the command succeeds and no git folder is touched.
expect_unwritten() {
	git_state >"$T/before"
	"$@"
	git_state >"$T/after"
	diff "$T/before" "$T/after" >&2 || fail "written into a repository by: $*"
}

ask_all() {
	rx_ok status --json
	rx_ok affected --json
	rx_ok affected --commit HEAD --json
	rx_ok refresh -n
}

# shape NAME CMD...: the source becomes what the command makes of $PLAIN; the image, made from the plain one, holds all of it.
shape() {
	local name=$1
	shift
	rm -rf "$SRC"
	"$@" >"$T/shape.log" 2>&1 || fail "$name: $(cat "$T/shape.log")"
	trail_shape "$name"
	expect_unwritten expect_stale
	mark netd 2
	expect_unwritten expect_stale netd
	expect_unwritten rx_ok affected
	expect_equal "$(<"$T/out")" netd
	mark netd 1
	expect_unwritten expect_stale
}

trail_shape() {
	printf -- '---- %s\n' "$1" >>"$T/trail"
}

in_source() {
	cp -a "$PLAIN" "$SRC" && git -C "$SRC" "$@"
}

index_of_all_kinds() {
	in_source update-index --index-version 4 &&
		git -C "$SRC" update-index --force-untracked-cache &&
		git -C "$SRC" update-index --assume-unchanged drivers/net/netd/src/main.rs
}

clone() {
	git clone -q "$@" "file://$PLAIN" "$SRC"
}

linked() {
	rm -rf "$TREE/main" && cp -a "$PLAIN" "$TREE/main" && git -C "$TREE/main" worktree prune &&
		git -C "$TREE/main" worktree add -q --detach "$SRC"
}

work_tree_elsewhere() {
	rm -rf "$TREE/bare.git" && git clone -q --bare "$PLAIN" "$TREE/bare.git" && git -C "$TREE/bare.git" config core.bare false &&
		mkdir "$SRC" && echo "gitdir: $TREE/bare.git" >"$SRC/.git" && git -C "$SRC" reset -q --hard
}

submodule() {
	rm -rf "$TREE/outer" && git init -q "$TREE/outer" && git -C "$TREE/outer" submodule --quiet add "$PLAIN" sub &&
		ln -s outer/sub "$SRC"
}

skip_worktree() {
	in_source update-index --skip-worktree drivers/net/netd/src/main.rs drivers/inputd/src/main.rs
}

unborn() {
	mkdir "$SRC" && git -C "$PLAIN" archive HEAD | tar -x -C "$SRC" && git -C "$SRC" init -q
}

@test "the same content in another kind of repository is the same" {
	PLAIN=$TREE/plain
	git -C "$SRC" config uploadpack.allowFilter true
	git -C "$SRC" config uploadpack.allowAnySHA1InWant true
	rx_ok refresh
	expect_unwritten ask_all
	cp -a "$SRC" "$PLAIN"
	rm -rf "$PLAIN/target"
	shape 'index of all kinds' index_of_all_kinds
	shape 'skip-worktree' skip_worktree
	shape shallow clone --depth 1
	shape blobless clone --filter=blob:none
	shape treeless clone --filter=tree:0
	shape shared git clone -q --shared "$PLAIN" "$SRC"
	shape 'work tree elsewhere' work_tree_elsewhere
	shape submodule submodule
	rm "$SRC"
	shape 'linked work tree' linked
	rx_ok refresh
	expect_unwritten ask_all
}

@test "before the first commit" {
	PLAIN=$TREE/plain
	rx_ok refresh
	mv "$SRC" "$PLAIN"
	unborn
	cp -a "$PLAIN/target" "$SRC/"
	expect_stale
	mark netd 2
	expect_stale netd
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/netd)" "netd=2 proto=1 common=1"
	commit first
	expect_stale
	rx_ok status --json
	expect_jq '.[0].source[0].dirty == 0'
}

# expect_remedy WORDS: exit 3 with these words, and what the hint says makes it work.
expect_remedy() {
	rx status
	expect_status 3
	expect_err "$1"
	rx affected
	expect_status 3
	local hint
	# The line below the error.
	hint=$(sed -n '/^error: /{n;s/^  //p}' "$T/err")
	[[ -n $hint ]] || fail "no hint: $(cat "$T/err")"
	bash -ec "$hint" >"$T/remedy" 2>&1 || fail "the remedy '$hint' fails: $(cat "$T/remedy")"
	rx_ok status --json
}

@test "what cannot be read is named, with a remedy that works" {
	git -C "$SRC" update-index --split-index
	expect_remedy 'split index'
	git -C "$SRC" sparse-checkout set --cone --sparse-index drivers
	expect_remedy 'sparse index'
	git -C "$SRC" sparse-checkout disable
	chown -R 4711 "$SRC/.git"
	expect_remedy 'belongs to another user.*4711'
	export SUDO_UID=4711
	rm "$HOME/.gitconfig"
	rx_ok status
}

@test "what a partial or shallow clone lacks is named, and nothing is fetched" {
	mark netd 2
	commit two
	git -C "$SRC" config uploadpack.allowFilter true
	git -C "$SRC" config uploadpack.allowAnySHA1InWant true
	mv "$SRC" "$TREE/plain"
	git clone -q --no-checkout --filter=tree:0 "file://$TREE/plain" "$SRC"
	expect_unwritten rx affected --commit HEAD
	expect_status 3
	expect_err 'partial clone'
	rm -rf "$SRC"
	git clone -q --depth 1 "file://$TREE/plain" "$SRC"
	expect_unwritten rx affected --commit HEAD
	expect_status 3
	expect_err 'shallow clone'
	expect_err 'fetch --unshallow'
	git -C "$SRC" fetch -q --unshallow
	rx_ok affected --commit HEAD
	expect_equal "$(<"$T/out")" netd
}

@test "a repository with SHA-256 names is refused" {
	rm -rf "$SRC/.git"
	git -C "$SRC" init -q --object-format=sha256
	commit sha256
	rx status
	expect_status 3
	expect_err SHA-256
	# git 2.45 and later make these; their configuration is enough to be refused.
	rm -rf "$SRC/.git"
	git -C "$SRC" init -q
	git -C "$SRC" config core.repositoryFormatVersion 1
	git -C "$SRC" config extensions.refStorage reftable
	rx status
	expect_status 3
	expect_err reftable
}

@test "a file behind an external filter: touched, edited, put back, committed" {
	git -C "$SRC" config filter.fake.clean 'sed s/WORK/STORE/'
	git -C "$SRC" config filter.fake.smudge 'sed s/STORE/WORK/'
	printf '*.dat filter=fake\n' >"$SRC/.gitattributes"
	printf 'WORK 1' >"$SRC/drivers/inputd/word.dat"
	printf 'fn main() {\n    println!("{}", include_str!("../word.dat"));\n}\n' >"$SRC/drivers/inputd/src/main.rs"
	commit 'filtered'
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'WORK 1'
	touch "$SRC/drivers/inputd/word.dat"
	expect_unwritten expect_stale
	printf 'WORK 2' >"$SRC/drivers/inputd/word.dat"
	expect_unwritten expect_stale inputd
	printf 'WORK 1' >"$SRC/drivers/inputd/word.dat"
	expect_unwritten expect_stale
	printf 'WORK 2' >"$SRC/drivers/inputd/word.dat"
	rx_ok refresh
	expect_equal "$(image_says /usr/lib/drivers/inputd)" 'WORK 2'
	commit two
	expect_unwritten expect_stale
	rx_ok status --json
	expect_jq '.[0].source[0].dirty == 0'
}
