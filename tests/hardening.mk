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
