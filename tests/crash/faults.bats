# Every named fault point: the program dies there by SIGKILL, or the step fails there. The image is the old one or the new one, whole, and the next
# refresh puts right what was left. Runs on the test build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture

setup_file() {
	fixture_setup_file
}

setup() {
	fixture_setup
}

teardown() {
	fixture_teardown
}

# Two packages change and a third one leaves at once, so that a mixture could be seen.
prepare() {
	rx_ok refresh
	mark netd 2
	mark inputd 2
	ini_set 'package odd_pkg' dest ""
}

what_it_says() {
	printf '%s %s %s' "$(image_says /usr/lib/drivers/netd)" "$(image_says /usr/lib/drivers/inputd)" "$(in_image ls usr/bin)"
}

expect_whole() {
	local says
	says=$(what_it_says)
	case $says in
	'netd=1 proto=1 common=1 inputd=1 common=1 rxe2e-odd' | 'netd=2 proto=1 common=1 inputd=2 common=1 ') ;;
	*) fail "after $1 the image is a mixture: $says" ;;
	esac
}

expect_recovered() {
	rx refresh --json
	expect_status 0
	expect_json
	expect_equal "$(what_it_says)" 'netd=2 proto=1 common=1 inputd=2 common=1 '
	expect_stale
	rx_ok log --json
	expect_jq 'all(.[]; .result != "pending")'
	expect_nothing_left
	refute test -e "$TREE/disk.img.mnt"
}

faults() {
	# Those of `hooks` and of its isolated runs are no refresh's, those of the other modes are in modes.bats, and those of the care of the image in care.bats.
	"$REINJECT" --list-faults | grep -Ev '^(hooks|isolate|steps|initfs|stamp|compact|whole|prune)-'
}

@test "killed at each fault point, the image is whole and the next refresh recovers by itself" {
	local fault n=0
	prepare
	cp -a --sparse=always "$TREE" "$T/before"
	for fault in $(faults); do
		rm -rf "$TREE"
		cp -a --sparse=always "$T/before" "$TREE"
		REINJECT_FAULT=$fault rx refresh
		expect_status 137
		expect_whole "a kill at $fault"
		expect_recovered
		n=$((n + 1))
	done
	((n >= 14)) || fail "only $n fault points"
}

@test "failing at each fault point, nothing is left behind and the image is whole" {
	local fault
	prepare
	cp -a --sparse=always "$TREE" "$T/before"
	for fault in $(faults); do
		rm -rf "$TREE"
		cp -a --sparse=always "$T/before" "$TREE"
		REINJECT_FAULT=$fault:EIO rx refresh
		expect_nothing_left
		expect_whole "a failure at $fault"
		expect_recovered
	done
}
