#!/usr/bin/env bats
# What the user said: where it is found, what is refused, and which line of which file set a value.

load ../lib/assert
load ../lib/fixture

# No image and no workspace is needed to read a configuration.
setup() {
	fixture_setup
	mkdir -p "$SRC"
	git -C "$SRC" init -q
	ini_base
	umask 022
}
teardown() { fixture_teardown; }

ini=reinject.ini

# expect_at LINE [FILE]: an error that names the file and the line.
expect_at() {
	expect_err "(^|[ /'])${2:-$ini}:$1:"
}

# refuses LINE: the configuration is refused at that line, and nothing is printed as fact.
refuses() {
	rx config
	expect_refused 2
	expect_equal "$(cat "$T/out")" ""
	expect_at "$1"
}

# ---- where it is found

@test "config shows each value with the file and line that set it" {
	rx_ok config
	local line
	line=$(ini_line 'path = disk.img')
	grep -E "disk\.img.*$ini:$line|$ini:$line.*disk\.img" "$T/out" || fail "image.path lacks its origin"
	line=$(ini_line 'uses = crates/proto')
	grep -E "crates/proto.*$ini:$line|$ini:$line.*crates/proto" "$T/out" || fail "netd's uses lacks its origin"
	# Defaults are shown as well.
	expect_out llvm-strip
}

@test "config KEY shows one value" {
	rx_ok config image.path
	expect_out "disk\.img"
	expect_out "$ini:$(ini_line 'path = disk.img')"
	refute grep -q llvm-strip "$T/out"
	rx_ok config image.mode
	expect_out shadow
	rx config image.colour
	expect_refused 2
	expect_err colour
}

@test "config --json is JSON lines" {
	rx_ok config --json
	expect_json
}

@test "the configuration is found by walking up" {
	mkdir -p "$SRC/deep/er"
	RX_DIR=$SRC/deep/er
	rx_ok config image.path
	expect_out "$TREE/disk\.img|disk\.img"
}

@test "no configuration is exit 2" {
	RX_DIR=$T/tmp
	local verb
	for verb in config status refresh log; do
		rx "$verb"
		expect_refused 2
		expect_err 'reinject\.ini'
	done
}

@test "-C and -c, before or after the verb" {
	RX_DIR=$T/tmp
	rx_ok -C "$TREE" config image.path
	expect_out 'disk\.img'
	rx_ok config image.path -c "$TREE/reinject.ini"
	expect_out 'disk\.img'
	cp "$TREE/reinject.ini" "$TREE/other.ini"
	sed -i 's/disk\.img/other.img/' "$TREE/other.ini"
	RX_DIR=$TREE
	rx_ok -c other.ini config image.path
	expect_out "other\.img.*other\.ini:|other\.ini:.*other\.img"
	rx -c nosuch.ini config
	expect_refused 2
	expect_err 'nosuch\.ini'
	rx -C "$T/nosuch" config
	expect_refused 2
}

@test "-o wins over the file, and is checked like it" {
	rx_ok -o image.path=elsewhere.img config image.path
	expect_out 'elsewhere\.img'
	refute grep -q 'disk\.img' "$T/out"
	rx -o image.colour=red config
	expect_refused 2
	expect_err colour
	rx -o image.mode=sideways config
	expect_refused 2
	expect_err sideways
	rx -o nonsense config
	expect_refused 2
}

# ---- every error, with file and line

@test "an unknown key" {
	ini_set image colour red
	refuses "$(ini_line 'colour = red')"
	expect_err colour
}

@test "an unknown section, at its header, also when empty" {
	printf '\n[pakage netd]\npaths = x\n' >>"$TREE/$ini"
	refuses "$(ini_line '[pakage netd]')"
	expect_err pakage
	ini_base
	printf '\n[frobnicate]\n' >>"$TREE/$ini"
	refuses "$(ini_line '[frobnicate]')"
}

@test "a key before any section" {
	{ echo 'path = x' && cat "$TREE/$ini"; } >"$T/tmp/i" && cat "$T/tmp/i" >"$TREE/$ini"
	refuses 1
}

@test "a line that is neither section nor key" {
	printf '\n[build]\nfrobnicate\n' >>"$TREE/$ini"
	refuses "$(ini_line frobnicate)"
}

@test "a duplicate key, at the later line" {
	printf '\n[build]\nprofile = release\nstrip = llvm-strip\nprofile = dev\n' >>"$TREE/$ini"
	refuses "$(ini_line 'profile = dev')"
	expect_err profile
}

@test "wrong types and ranges" {
	local bad
	for bad in 'image.keep_previous=perhaps' 'image.mode=sideways' 'image.format=ntfs' 'initfs.max_size=lots' 'initfs.max_size=-1'; do
		ini_base
		local section=${bad%%.*} rest=${bad#*.}
		grep -q "^\[$section\]" "$TREE/$ini" || printf '\n[%s]\n' "$section" >>"$TREE/$ini"
		ini_set "$section" "${rest%%=*}" "${rest#*=}"
		refuses "$(ini_line "${rest%%=*} = ${rest#*=}")"
		expect_err "${rest%%=*}"
	done
}

@test "a number that does not fit" {
	printf '\n[initfs]\nmax_size = 99999999999999999999999\n' >>"$TREE/$ini"
	refuses "$(ini_line 'max_size = ')"
}

@test "all errors are reported, not just the first" {
	ini_set image colour red
	ini_set image mode sideways
	printf '\n[frobnicate]\nx = 1\n\n[build]\nprofile = release\nprofile = dev\n' >>"$TREE/$ini"
	rx config
	expect_refused 2
	local text
	for text in 'colour = red' 'mode = sideways' '[frobnicate]' 'profile = dev'; do
		expect_at "$(ini_line "$text")"
	done
}

@test "a line may have 198 bytes, and not one more" {
	local line
	# inih would cut a longer comment and read its tail as a key.
	printf -v line '; %0196d' 0
	expect_equal "${#line}" 198
	printf '\n%s\n' "$line" >>"$TREE/$ini"
	rx_ok config
	printf '%s0\n' "$line" >>"$TREE/$ini"
	refuses "$(wc -l <"$TREE/$ini")"
}

@test "the tail of an overlong line is never a key" {
	local pad
	printf -v pad '%0250d' 0
	printf '\n[build]\n; %s\n; %s\nprofile = release\n' "${pad:0:100}" "$pad colour=red" >>"$TREE/$ini"
	refuses "$(ini_line colour=red)"
}

@test "a section name that inih would cut" {
	local name
	printf -v name 'p%080d' 0
	printf '\n[package %s]\npaths = drivers/x\nbins =\n' "$name" >>"$TREE/$ini"
	rx config
	# Kept whole, or refused at its line: never another package's.
	if ((status == 0)); then expect_out "$name"; else refuses "$(ini_line "$name")"; fi
}

@test "a NUL" {
	printf '\n[build]\nprofile = re\0lease\n' >>"$TREE/$ini"
	refuses "$(grep -anF 'profile = re' "$TREE/$ini" | cut -d: -f1)"
}

@test "a folder instead of a file" {
	rm "$TREE/$ini"
	mkdir "$TREE/$ini"
	rx config -c "$TREE/$ini"
	expect_refused 2
	mkdir "$T/afolder"
	rx -c "$T/afolder" config
	expect_refused 2
	expect_err afolder
}

@test "a line that starts with a blank continues a list, and is an error elsewhere" {
	sed -i 's,^uses = crates/proto,&\n\tcrates/common,' "$TREE/$ini"
	rx_ok config
	expect_out 'crates/proto.*crates/common|crates/common'
	ini_base
	sed -i 's,^path = disk.img,&\n  keep_previous = no,' "$TREE/$ini"
	refuses "$(ini_line '  keep_previous = no')"
	ini_base
	sed -i 's,^\[image\],&\n  path = other.img,' "$TREE/$ini"
	refuses "$(ini_line '  path = other.img')"
}

@test "two binaries of one name for one destination" {
	ini_set 'package multi' bins 'multi-a netd'
	rx config
	if ((status == 0)); then rx refresh; fi
	expect_refused 2
	expect_err netd
}

@test "a last line without a newline counts" {
	printf '\n[build]\nprofile = dev' >>"$TREE/$ini"
	rx_ok config build.profile
	expect_out dev
}

# ---- include

@test "include: the map's values with their file and line, the including file's keys win" {
	cat >"$TREE/packages.ini" <<-'END'
		[package netd]
		paths = drivers/net/netd
		bins = fromthemap

		[package extra]
		paths = drivers/extra
		bins = extra-one
	END
	{ printf '[reinject]\ninclude = packages.ini\n\n' && cat "$TREE/$ini"; } >"$T/tmp/i" && cat "$T/tmp/i" >"$TREE/$ini"
	ini_set 'package netd' bins fromtheini
	rx_ok config
	grep -E "extra-one.*packages\.ini:7|packages\.ini:7.*extra-one" "$T/out" || fail "the map's value lacks its origin"
	expect_out fromtheini
	refute grep -q fromthemap "$T/out"
}

@test "include: errors name the included file" {
	printf '[package extra]\npaths = drivers/extra\ncolour = red\n' >"$TREE/packages.ini"
	{ printf '[reinject]\ninclude = packages.ini\n\n' && cat "$TREE/$ini"; } >"$T/tmp/i" && cat "$T/tmp/i" >"$TREE/$ini"
	ini_set image mode sideways
	rx config
	expect_refused 2
	expect_at 3 packages.ini
	expect_at "$(ini_line 'mode = sideways')"
}

# ---- values

@test "variables and the home folder expand" {
	# Braces only for the shell that reads the INI.
	ini_set image path "\${RX_IMAGES}/disk.img"
	printf '\n[build]\nenv.SOME_LIB = ~/lib\n' >>"$TREE/$ini"
	export RX_IMAGES=$T/images HOME=$T/home
	rx_ok config
	expect_out "$T/images/disk\.img"
	expect_out "$T/home/lib"
}

@test "a comment after a value, and a semicolon that is meant" {
	sed -i 's,^path = disk.img,path = disk.img    ; where it lies,' "$TREE/$ini"
	rx_ok config image.path
	refute grep -q 'where it lies' "$T/out"
	printf '\n[package semi]\npaths = drivers/a\\;b drivers/c\\ d\nbins =\n' >>"$TREE/$ini"
	rx_ok config
	expect_out 'a.?;b'
	expect_out 'c.? d'
}

# ---- whose file

@test "a world-writable configuration is refused, a group-writable one is not" {
	chmod 0666 "$TREE/$ini"
	rx config
	expect_refused 2
	expect_err 'writ'
	chmod 0664 "$TREE/$ini"
	rx_ok config
}

@test "an included map that anybody may write is refused too" {
	printf '[package extra]\npaths = drivers/extra\nbins =\n' >"$TREE/packages.ini"
	{ printf '[reinject]\ninclude = packages.ini\n\n' && cat "$TREE/$ini"; } >"$T/tmp/i" && cat "$T/tmp/i" >"$TREE/$ini"
	chmod 0666 "$TREE/packages.ini"
	rx config
	expect_refused 2
	expect_err 'packages\.ini'
}

@test "a stranger's configuration is refused, the sudo user's is not" {
	chown 65534 "$TREE/$ini"
	rx config
	expect_refused 2
	expect_err 'own'
	export SUDO_UID=65534
	rx_ok config
	export SUDO_UID=65533
	rx config
	expect_refused 2
}
