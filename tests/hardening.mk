# Fuzzing, race and memory checkers, coverage, linters. Each builds in a folder of its own under build/, so that none makes another's objects stale.

.PHONY: fuzz fuzzers

# -- fuzzing: clang's libFuzzer, with ASan and UBSan -----------------------------------------------------------------------------------------------

FUZZERS   := $(patsubst tests/fuzz/%.c,$(B)/fuzzers/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJS := $(filter-out $(foreach room,cli setup night report,$(B)/$(room)/%),$(LIB_OBJS))
FUZZ_MAKE  = $(MAKE) --no-print-directory -j$(or $(JOBS),2) CC=clang B=build/fuzz SANITIZE=address,undefined CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' fuzzers

fuzz: ## each fuzz target for FUZZ_SECONDS (60), after the kept inputs of tests/fuzz/corpus
	@$(FUZZ_MAKE)
	@tools/fuzz.sh build/fuzz/fuzzers $(or $(FUZZ_SECONDS),60)

fuzzers: $(FUZZERS)

$(B)/libfuzzed.a: $(FUZZ_OBJS)
	@rm -f $@ && ar rcs $@ $^

$(B)/fuzzers/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/libfuzzed.a
	@mkdir -p $(@D)
	@echo "  FUZZ    $@"
	@$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -Itests/fuzz $(ALL_LDFLAGS) -o $@ $< $(B)/libfuzzed.a $(LDLIBS)

-include $(FUZZERS:=.d)

# -- TSan ----------------------------------------------------------------------------------------------------------------------------------------------

TSAN_ENV  = TSAN_OPTIONS=suppressions=$(CURDIR)/tests/lib/tsan.supp:print_suppressions=0
TSAN_E2E ?= tests/e2e

ifeq ($(SANITIZE),thread)
LDLIBS += tests/lib/tsan_close.c
endif

.PHONY: check-tsan check-tsan-unit check-valgrind coverage

check-tsan-unit: ## the unit tests under TSan
	@$(TSAN_ENV) $(MAKE) --no-print-directory SANITIZE=thread DEV=1 check-unit

check-tsan: check-tsan-unit ## the same and all of e2e (a quarter of an hour and more; TSAN_E2E='FILE...': a part)
	@$(MAKE) --no-print-directory SANITIZE=thread DEV=1 all build/thread/gendocs build/thread/tests/small-watch build/thread/tests/small-initfs-ar
	@$(TSAN_ENV) REINJECT=$(CURDIR)/build/thread/reinject tools/bats.sh $(TSAN_E2E)

# -- valgrind, which also sees what the libraries do with our memory, and descriptors ----------------------------------------------------------------

# All but those that hold themselves to a time, run as another user or with a limit of their own, look for their own name among processes, or wait for a
# process that is no child, for which valgrind has no pidfd_open(): ASan sees them.
VALGRIND_NOT  := affected inputs events_sessions journal_folder socket_load pkgmap base build ends image_daemon image_dying image_foreign image_holders \
		  image_recover system
VALGRIND_TESTS = $(filter-out $(VALGRIND_NOT:%=$(B)/tests/test_%),$(TESTS))
VALGRIND      := valgrind -q --error-exitcode=66 --leak-check=full --show-leak-kinds=definite,possible --errors-for-leak-kinds=definite,possible \
	--child-silent-after-fork=yes --suppressions=tests/lib/valgrind.supp

check-valgrind: $(VALGRIND_TESTS) ## most unit tests under valgrind: memory, leaks
	@UNDER='$(VALGRIND)' tools/unit.sh $(VALGRIND_TESTS)

# -- coverage: clang's, counted into a file that is mapped, so that what ends by kill -9 counts too ---------------------------------------------------

COVERAGE_DIR  := $(CURDIR)/build/coverage/profiles
COVERAGE_MAKE  = $(MAKE) --no-print-directory CC=clang B=build/coverage FAULTS=1 LDFLAGS=-fprofile-instr-generate \
	CFLAGS='-O1 -g -mllvm -runtime-counter-relocation -fcoverage-mapping -fprofile-instr-generate=$(COVERAGE_DIR)/%m%c.profraw'
COVERAGE_E2E  ?= tests/e2e tests/crash
COVERAGE_RUN  := build/coverage/reinject build/coverage/reinject-hook
COVERAGE_MADE := $(COVERAGE_RUN) build/coverage/gendocs build/coverage/tests/small-watch build/coverage/tests/small-initfs-ar
COVERED_TESTS := $(TESTS:$(B)/%=build/coverage/%)

# Every process counts into the one file of its program, so that tests may run side by side; the files are everybody's, for what runs as another user.
coverage: ## lines that unit, e2e and crash tests run, by room; fails under 85 %, or when a test fails (half an hour; COVERAGE_E2E='FILE...': a part)
	@rm -rf $(COVERAGE_DIR) && mkdir -p -m 0777 $(COVERAGE_DIR)
	@$(COVERAGE_MAKE) -j2 $(COVERAGE_MADE) $(COVERED_TESTS)
	@for p in $(COVERAGE_RUN); do $$p --version >/dev/null 2>&1; done; chmod 0666 $(COVERAGE_DIR)/*
	@failed=; \
	tools/unit.sh $(COVERED_TESTS) || failed="$$failed unit"; \
	FAULTS=1 KILLS=20 REINJECT=$(CURDIR)/build/coverage/reinject tools/bats.sh $(COVERAGE_E2E) || failed="$$failed e2e"; \
	tools/coverage.sh $(COVERAGE_DIR) 85 $(COVERAGE_RUN) $(COVERED_TESTS) || failed="$$failed coverage"; \
	[ -z "$$failed" ] || { echo "coverage: failed:$$failed" >&2; exit 1; }
