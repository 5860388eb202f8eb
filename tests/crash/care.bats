# The steps of compact, rollback --image, the initfs, the stamp and the pruning: killed at each of them, or failing there, the image is the old one or the
# new one, whole; the next start puts right what was left, and nothing that is still needed is gone. Runs on the test build (make FAULTS=1).
load ../lib/assert
load ../lib/fixture
load ../lib/initfs

setup_file() {
	fixture_setup_file
	initfs_setup_file
}

setup() { fixture_setup; }
teardown() { fixture_teardown; }

keep_tree() {
	cp -a --sparse=always "$TREE" "$T/before"
}

fresh_tree() {
	rm -rf "$TREE"
	cp -a --sparse=always "$T/before" "$TREE"
}

settled() {
	rx_ok log --json
	expect_jq 'all(.[]; .result != "pending")'
	expect_nothing_left
	refute test -e "$IMAGE.mnt"
	expect_equal "$(find "$TREE/.reinject" -name compact.img)" ''
}

# kinds FAULT: a kill, and a failure, leave the exit status and the tree as they must be.
each_fault() { # ARGS OF REINJECT -- FAULTS; then `check` looks at what came of it
	local args=() fault how
	while [[ $1 != -- ]]; do
		args+=("$1")
		shift
	done
	shift
	for fault; do
		for how in '' :EIO; do
			fresh_tree
			REINJECT_FAULT=$fault$how rx "${args[@]}"
			if [[ -z $how ]]; then expect_status 137; fi
			what="$fault$how"
			check
		done
	done
}

@test "compact: the image holds the same at every point, and the next compact does it" {
	rx_ok refresh
	local i files
	for i in 1 2 3 4 5 6; do
		head -c 1000000 /dev/urandom >"$T/noise"
		rx_ok inject "$T/noise" /usr/lib/noise
	done
	files=$(image_files)
	keep_tree
	check() {
		expect_equal "$what $(image_files)" "$what $files"
		rx_ok image compact
		expect_equal "$what $(image_files)" "$what $files"
		settled
		rx_ok refresh --json
		expect_jq '.[] | select(.event == "plan") | .stale == []'
	}
	each_fault image compact -- journal-run-begin txn-copied txn-mounted compact-cloned txn-before-swap txn-swapped txn-done journal-run-end
	# With partitions the clone stands elsewhere first.
	head -c 1048576 /dev/urandom >"$T/head"
	cat "$T/head" "$IMAGE" >"$T/whole"
	mv "$T/whole" "$IMAGE"
	rm -rf "$T/before"
	keep_tree
	each_fault image compact -- compact-cloned
}

@test "rollback --image: the old image or the new one, with the journal's word for it" {
	rx_ok refresh
	mark netd 2
	rx_ok refresh
	keep_tree
	check() {
		local now
		now=$(drivers_say)
		case $now in
		'netd=1 proto=1 common=1 inputd=1 common=1' | 'netd=2 proto=1 common=1 inputd=1 common=1') ;;
		*) fail "after $what the image is a mixture: $now" ;;
		esac
		# Whatever it is, a refresh finds nothing to do: it is fresh, or held.
		rx_ok refresh --json
		expect_jq '.[] | select(.event == "plan") | .stale == []'
		expect_equal "$what $(drivers_say)" "$what $now"
		rx_ok status --json
		if [[ $now == netd=1* ]]; then expect_jq '.[0].held == ["netd"]'; else expect_jq '.[0].held == []'; fi
		settled
		rx_ok rollback --image
		refute [ "$(drivers_say)" = "$now" ]
	}
	each_fault rollback --image -- journal-run-begin whole-copied txn-before-swap txn-swapped txn-done journal-run-end
}

@test "the initfs and the stamp: never a part of them" {
	initfs_setup
	ini_set image stamp /etc/initrc
	rx_ok refresh
	mark netd 2
	mark inputd 2
	keep_tree
	pair() {
		initfs_unpack
		printf '%s %s %s' "$("$T/unpacked/lib/drivers/netd")" "$("$T/unpacked/bin/otherd")" "$(image_says usr/lib/drivers/inputd)"
	}
	check() {
		case $(pair) in
		'netd=1 proto=1 common=1 inputd=1 common=1 inputd=1 common=1' | 'netd=2 proto=1 common=1 inputd=2 common=1 inputd=2 common=1') ;;
		*) fail "after $what the image is a mixture: $(pair)" ;;
		esac
		rx_ok refresh
		expect_equal "$what $(pair)" "$what netd=2 proto=1 common=1 inputd=2 common=1 inputd=2 common=1"
		expect_equal "$(in_image grep -c Build etc/initrc)" 1
		rx_ok refresh --json
		expect_jq '.[] | select(.event == "plan") | .stale == []'
		settled
		rx_ok rollback
	}
	each_fault refresh -- initfs-staged initfs-packed stamp-written txn-swapped journal-run-end
}

@test "the pruning: what a kept run refers to is there after a kill at any file" {
	local i
	ini_add <<<'[reinject]'
	ini_set reinject keep_runs 2
	ini_set reinject keep_days 0
	for i in 1 2 3 4; do
		mark netd "$i"
		# A hundred years to come: nothing is pruned yet.
		rx_ok refresh -o reinject.keep_days=36500
	done
	mark netd 5
	find "$TREE/.reinject/blobs" "$TREE/.reinject/symbols" -type f -exec touch -d '2 hours ago' {} +
	keep_tree
	check() {
		expect_equal "$what $(image_says usr/lib/drivers/netd)" "$what netd=5 proto=1 common=1"
		rx_ok symbols netd
		mark netd 6
		rx_ok refresh
		expect_equal "$(find "$TREE/.reinject/blobs" -type f | wc -l)" 2
		rx_ok rollback
		rx_ok rollback 5
		expect_equal "$what $(image_says usr/lib/drivers/netd)" "$what netd=4 proto=1 common=1"
		rx_ok symbols netd
		settled
	}
	each_fault refresh -- prune-rows prune-file
}
