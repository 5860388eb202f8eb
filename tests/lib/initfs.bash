# initfs - a packer, a bootstrap and an [initfs] for the tests that need one; beside fixture.
# The real redox-initfs-ar is taken where it is on PATH; else small_initfs_ar.c, which makes the same format.

initfs_setup_file() {
	small=$(dirname "$REINJECT")/tests/small-initfs-ar
	[[ -x $small ]] || small=$REPO/build/tests/small-initfs-ar
	[[ -x $small ]] || { echo "no '$small': make check-e2e builds it" >&2; return 1; }
	printf 'void _start(void) { for (;;) ; }\n' >"$BATS_FILE_TMPDIR/boot.c"
	cc -nostdlib -static -o "$BATS_FILE_TMPDIR/boot" "$BATS_FILE_TMPDIR/boot.c"
}

# netd and inputd are in the initfs, inputd in the image too and as a copy; an asset; and a file that is nobody's.
initfs_setup() {
	small=$(dirname "$REINJECT")/tests/small-initfs-ar
	[[ -x $small ]] || small=$REPO/build/tests/small-initfs-ar
	mkdir -p "$TREE/initfs/bin" "$TREE/initfs/etc"
	printf 'file system\n' >"$TREE/initfs/bin/redoxfs"
	cp "$BATS_FILE_TMPDIR/boot" "$TREE/bootstrap"
	printf '#!/bin/sh\necho packed >>"%s/pack.log"\nexec "%s" "$@"\n' "$T" "$(command -v redox-initfs-ar || echo "$small")" >"$T/ar"
	chmod +x "$T/ar"
	: >"$T/pack.log"
	printf 'run netd\n' >"$SRC/init.rc"
	commit "$SRC" 'init.rc'
	ini_set 'package netd' dest 'initfs:/lib/drivers'
	ini_set 'package inputd' dest '/usr/lib/drivers initfs:/bin'
	ini_set 'package inputd' copy 'initfs:/bin/otherd'
	ini_add <<-END
		[asset init.rc]
		path = init.rc
		dest = initfs:/etc/init.rc

		[initfs]
		dir = initfs
		tool = $T/ar
		bootstrap = bootstrap
		max_size = 33554432
		dest = /boot/initfs
	END
}

# initfs_unpack: what the image's initfs holds, as a folder $T/unpacked.
initfs_unpack() {
	rm -rf "$T/unpacked"
	in_image cp boot/initfs "$T/initfs.file"
	"$small" --extract "$T/initfs.file" "$T/unpacked"
}

# initfs_says PATH: what the program in the image's initfs prints.
initfs_says() {
	initfs_unpack && "$T/unpacked/${1#/}"
}

packings() {
	wc -l <"$T/pack.log"
}
