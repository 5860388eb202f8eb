#!/usr/bin/env bats
# Files and folders out of an image that nobody need trust: whole, where they were asked for, and the image as it was.

load ../lib/assert
load ../lib/fixture

setup_file() {
	local root=$BATS_FILE_TMPDIR/root
	image_root "$root"
	mkdir -p "$root/usr/tree/deep/er"
	head -c 3000000 /dev/urandom >"$root/usr/tree/large"
	printf 'one\n' >"$root/usr/tree/one"
	printf 'two\n' >"$root/usr/tree/deep/er/two"
	: >"$root/usr/tree/empty"
	chmod 0640 "$root/usr/tree/one"
	chmod 0555 "$root/usr/tree/deep/er"
	printf 'in the image\n' >"$root/etc/passwd"
	ln -s /etc/passwd "$root/usr/tree/absolute"
	ln -s ../../../../../../../../../../../../etc/passwd "$root/usr/tree/climbing"
	ln -s /usr/tree "$root/folder-link"
	ln -s nowhere "$root/usr/tree/dangling"
	ln -s loop "$root/usr/loop"
	image_make "$BATS_FILE_TMPDIR/disk.img" "$root"
}

setup() {
	fixture_setup
	mkdir -p "$TREE/src" "$T/here"
	image_copy "$BATS_FILE_TMPDIR/disk.img" "$IMAGE"
	printf '[source base]\npath = src\n\n[image]\npath = disk.img\n' >"$TREE/reinject.ini"
	ROOT=$BATS_FILE_TMPDIR/root
	sum=$(image_sum)
}

teardown() { fixture_teardown; }

# x ARGS: extract, from the folder $T/here.
x() {
	RX_DIR=$T/here rx -C "$TREE" extract "$@"
}

x_ok() {
	x "$@"
	expect_status 0
}

here() {
	(cd "$T/here" && find . -mindepth 1 | sort | paste -sd' ')
}

# ---- files

@test "a file comes out as it is in the image, with its mode, into the folder one stands in" {
	x_ok /usr/tree/one
	expect_equal "$(here)" "./one"
	expect_equal "$(stat -c '%a %u:%g' "$T/here/one")" "640 0:0"
	cmp "$T/here/one" "$ROOT/usr/tree/one"
	expect_said 'one'
	expect_untouched "$sum"
}

@test "TO is a name, a folder that exists, or the standard output" {
	mkdir "$T/here/dir"
	x_ok /usr/tree/large name
	x_ok /usr/tree/large dir
	x_ok /usr/tree/large "$T/here/dir/" --force
	cmp "$T/here/name" "$ROOT/usr/tree/large"
	cmp "$T/here/dir/large" "$ROOT/usr/tree/large"
	x_ok /usr/tree/large - --json
	cmp "$T/out" "$ROOT/usr/tree/large"
	expect_equal "$(here)" "./dir ./dir/large ./name"
	expect_untouched "$sum"
}

@test "the standard output may be a pipe, a file, or closed early" {
	RX_DIR=$T/here
	(cd "$T/here" && "$REINJECT" -C "$TREE" extract /usr/tree/large - | sha256sum | cut -d' ' -f1) >"$T/sum"
	expect_equal "$(<"$T/sum")" "$(sha256 "$ROOT/usr/tree/large")"
	(cd "$T/here" && "$REINJECT" -C "$TREE" extract /usr/tree/large - 2>"$T/err" || echo $? >"$T/rc") | head -c 10 >/dev/null
	expect_equal "$(<"$T/rc")" 1
	expect_err 'Broken pipe'
	x /usr/tree -
	expect_refused 2
	expect_equal "$(cat "$T/out")" ""
	expect_untouched "$sum"
}

@test "an existing target is left alone without --force, and a link is never written through" {
	printf 'mine\n' >"$T/here/one"
	ln -s "$T/victim" "$T/here/link"
	mkdir "$T/here/two"
	printf 'mine\n' >"$T/victim"
	x /usr/tree/one
	expect_refused 2
	expect_err '[-]-force'
	x /usr/tree/one link
	expect_refused 2
	x /usr/tree/one link --force
	expect_refused 2
	mkfifo "$T/here/pipe"
	x /usr/tree/one pipe --force
	expect_refused 2
	[[ -p $T/here/pipe && -L $T/here/link ]] || fail "replaced what is no file"
	mkdir "$T/here/tree"
	x /usr/tree . --force
	expect_refused 2
	expect_equal "$(cat "$T/here/one" "$T/victim")" "mine
mine"
	x_ok --force /usr/tree/one
	expect_equal "$(cat "$T/here/one")" "one"
	expect_untouched "$sum"
}

@test "what is wrong is said, with the remedy" {
	x /usr/tree/nothing/at/all
	expect_refused 1
	expect_err "has no '/usr/tree/nothing/at/all'.*'/usr/tree'"
	x /usr/tree/one/below
	expect_refused 1
	expect_err "'/usr/tree'"
	x /usr/tree/dangling
	expect_refused 1
	x /usr/loop
	expect_refused 1
	x usr/tree
	expect_refused 2
	x /
	expect_refused 2
	x /usr/tree/one no/such/folder
	expect_refused 2
	x /usr/tree/one new/
	expect_refused 2
	x /usr/a:b
	expect_refused 2
	expect_equal "$(here)" ""
	expect_untouched "$sum"
}

@test "-q says nothing; --json has a line for each file" {
	x_ok -q /usr/tree/one
	expect_equal "$(cat "$T/out" "$T/err")" ""
	x_ok --json /usr/tree copy
	expect_json
	expect_equal "$(jq -r '"\(.event) \(.path) \(.to) \(.bytes)"' "$T/out" | sort)" "extract /usr/tree/deep/er/two $T/here/copy/deep/er/two 4
extract /usr/tree/empty $T/here/copy/empty 0
extract /usr/tree/large $T/here/copy/large 3000000
extract /usr/tree/one $T/here/copy/one 4"
}

# ---- folders and links

@test "a folder comes out whole: modes, empty files, links as links" {
	x_ok /usr/tree
	diff -r --no-dereference "$ROOT/usr/tree" "$T/here/tree"
	expect_equal "$(stat -c %a "$T/here/tree/deep/er")" 555
	expect_equal "$(readlink "$T/here/tree/absolute")" /etc/passwd
	expect_equal "$(stat -c %a "$T/here/tree")" "$(stat -c %a "$ROOT/usr/tree")"
	expect_untouched "$sum"
}

@test "a link that is named is followed inside the image, never to this machine's files" {
	local link
	for link in absolute climbing; do
		x_ok "/usr/tree/$link" "$link"
		expect_equal "$(cat "$T/here/$link")" "in the image"
	done
	x_ok /folder-link/deep/../one up
	expect_equal "$(cat "$T/here/up")" one
	x_ok /../../../../../etc/passwd climbed
	expect_equal "$(cat "$T/here/climbed")" "in the image"
	x_ok /folder-link
	expect_equal "$(readlink "$T/here/folder-link" || cat "$T/here/folder-link/one")" one
	expect_untouched "$sum"
}

@test "a name with a newline or an escape in it speaks neither to the terminal nor to the JSON" {
	local evil=$'e\e]0;pwned\a\nwarning x'
	mount_image "$IMAGE" "$T/m"
	local p=$pid
	mkdir "$T/m/evil" && printf 'x\n' >"$T/m/evil/$evil"
	printf '\302\233x\n' >"$T/m/evil/"$'c\302\233'
	unmount_image "$T/m" "$p"
	sum=$(image_sum)
	x_ok /evil
	[[ -f $T/here/evil/$evil ]] || fail "the name did not come out as it is"
	x_ok "/evil/$evil" name
	refute grep -q $'\e' "$T/err"
	refute grep -q '^warning' "$T/err"
	x "/evil/no$evil"
	expect_refused 1
	refute grep -q $'\e' "$T/err"
	refute grep -q '^warning' "$T/err"
	x_ok --json /evil json
	expect_json
	expect_equal "$(wc -l <"$T/out")" 2
	expect_untouched "$sum"
}

@test "ext4: setuid stays behind, devices, sockets and pipes are told and passed over" {
	local root=$T/root
	mkdir -p "$root/dir/inner"
	printf 'x\n' >"$root/dir/suid"
	chmod 06755 "$root/dir/suid"
	chmod 03777 "$root/dir/inner"
	mkfifo "$root/dir/pipe"
	mknod "$root/dir/null" c 1 3
	rm "$IMAGE"
	mkfs.ext4 -q -d "$root" "$IMAGE" 64M >"$T/mkfs.out" 2>&1
	ini_set image format ext4
	sum=$(image_sum)
	x_ok /dir
	expect_equal "$(here)" "./dir ./dir/inner ./dir/suid"
	expect_equal "$(stat -c %a "$T/here/dir/suid" "$T/here/dir/inner" | paste -sd' ')" "755 777"
	expect_err "warning: '/dir/pipe' is a pipe"
	expect_err "warning: '/dir/null' is a device"
	x /dir/null
	expect_refused 1
	x_ok /dir/suid
	expect_equal "$(stat -c %a "$T/here/suid")" 755
	expect_untouched "$sum"
}

@test "under sudo what is made belongs to the owner of the folder" {
	mkdir -m 0777 "$T/here/theirs"
	chown 4711:4712 "$T/here/theirs"
	x_ok /usr/tree theirs
	x_ok /usr/tree/one theirs
	expect_equal "$(find "$T/here/theirs" -printf '%U:%G\n' | sort -u)" "4711:4712"
}

# ---- the image

@test "the second extract needs no copy, and a refresh after it neither" {
	note_tool
	x_ok /usr/tree/one a
	local inode
	inode=$(stat -c %i "$IMAGE.shadow")
	x_ok /usr/tree/one b
	expect_equal "$(stat -c %i "$IMAGE.shadow")" "$inode"
	printf 'new\n' >"$T/file"
	rx_ok inject "$T/file" /etc/file
	expect_equal "$(stat -c %i "$IMAGE")" "$inode"
	refute grep -q "$IMAGE " "$T/tool.log"
	# After the swap there is another image, and so another shadow.
	x_ok /etc/file
	expect_equal "$(cat "$T/here/file")" new
	expect_nothing_left
}

@test "a writer is named and waited for by nobody: 75; a VM with snapshot=on may stay" {
	exec {held}<>"$IMAGE"
	x /usr/tree/one
	exec {held}>&-
	expect_refused 75
	expect_equal "$(here)" ""
	mkfifo "$T/hold"
	start vm perl -e '
		open(my $f, "<", shift) or die; $| = 1;
		while (@ARGV > 1) { my $at = shift; fcntl($f, 37, pack("s s x4 q q l x4", 0, 0, $at, 1, 0)) or die "byte $at: $!"; }
		print "up\n"; open(my $n, "+<", shift) or die; <$n>;' "$IMAGE" 100 201 203 "$T/hold"
	wait_until 10 grep -q up "$T/vm.out" || fail "no locks: $(cat "$T/vm.err")"
	x_ok /usr/tree/one
	expect_equal "$(cat "$T/here/one")" one
	expect_equal "$(image_sum)" "$sum"
}

@test "a reader that has stopped does not keep a Ctrl-C from being heard" {
	mkfifo "$T/pipe"
	exec {pipe}<>"$T/pipe"
	RX_DIR=$T/here start ex bash -c 'exec "$0" -C "$1" extract /usr/tree/large - >"$2"' "$REINJECT" "$TREE" "$T/pipe"
	wait_until 30 daemon_runs
	wait_until 30 pipe_is_full || fail "nothing came"
	kill -INT "$pid_ex"
	finish ex 20
	exec {pipe}>&-
	expect_status 130
	expect_untouched "$sum"
}

# A page is free, and no more is coming: the writer waits.
pipe_is_full() {
	perl -e 'open(my $f, "<", shift) or die; my $n = pack("i", 0); ioctl($f, 0x541B, $n) or die; exit(unpack("i", $n) < 60000)' "$T/pipe"
}

@test "Ctrl-C in the middle of a folder leaves nothing half" {
	local root=$T/root i
	mkdir -p "$root/big"
	for i in 1 2 3 4 5 6 7 8; do head -c 5000000 /dev/urandom >"$root/big/$i"; done
	mkdir -m 0555 "$root/big/0"
	image_make "$IMAGE" "$root"
	sum=$(image_sum)
	RX_DIR=$T/here start ex "$REINJECT" -C "$TREE" extract /big
	wait_until 30 half_there || fail "it never began: $(cat "$T/ex.err")"
	kill -INT "$pid_ex"
	finish ex 30
	expect_equal "$(here | tr ' ' '\n' | grep -c reinject || true)" 0
	# A fast machine may have been done.
	[[ $status == 130 && -z $(here) || $status == 0 && -f $T/here/big/8 ]] || fail "status $status, there: $(here)"
	expect_untouched "$sum"
}

half_there() {
	compgen -G "$T/here/.reinject-*/1" >/dev/null || [[ -e $T/here/big ]]
}

@test "a full disk leaves nothing half, and says so" {
	mkdir "$T/small"
	mount -t tmpfs -o size=1m tmpfs "$T/small"
	mounted+=("$T/small")
	x /usr/tree "$T/small"
	expect_refused 1
	expect_err 'No space'
	expect_equal "$(ls -A "$T/small")" ""
	x /usr/tree/large "$T/small"
	expect_refused 1
	expect_equal "$(ls -A "$T/small")" ""
	expect_untouched "$sum"
}

@test "a long copy shows its progress on a terminal, and only there" {
	local text
	text=$(cd "$T/here" && TERM=xterm script -qec "'$REINJECT' -C '$TREE' extract /usr/tree/large" /dev/null </dev/null)
	[[ $text == *extract\ \ *large*$'\r\e[K'*extracted* ]] || fail "it said: $text"
	x_ok /usr/tree/large again
	refute grep -q $'\r' "$T/err"
}
