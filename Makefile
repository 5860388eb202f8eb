# reinject - build, tests, demo. `make help` lists the targets.
#
#   make                     builds build/reinject
#   make DEV=1               the same with all warnings as errors (what `make check` uses)
#   make SANITIZE=address,undefined   in build/sanitize/
#   make FAULTS=1            with named fault points, in build/faults/

VERSION := 0.1.0
# Of that version, for the manual: its pages do not change with the day they are made.
DATE    := 2026-11-23
comma   := ,
PREFIX  ?= /usr/local
LIBEXECDIR ?= $(PREFIX)/libexec

ROOMS := base config cargo image journal watcher hooks boot report refresh server night setup cli

ifdef FAULTS
B := build/faults
else ifdef SANITIZE
B := build/$(if $(filter thread,$(SANITIZE)),thread,sanitize)
else
B := build
endif

# What differs between systems stands in files named after them. hooks/enqueue.c is a program of its own.
SYSTEM    := $(shell uname -s)
OTHERS    := $(if $(filter Darwin,$(SYSTEM)),%_linux.c,%_darwin.c)
SRCS      := $(filter-out $(OTHERS) hooks/enqueue.c,$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
HEADERS   := $(foreach room,$(ROOMS),$(wildcard $(room)/*.h))
OBJS      := $(SRCS:%.c=$(B)/%.o)
LIB_OBJS  := $(filter-out $(B)/cli/main.o,$(OBJS))
TEST_SRCS := $(wildcard tests/unit/test_*.c)
TESTS     := $(TEST_SRCS:tests/unit/%.c=$(B)/tests/%)
DOCS_SRCS := $(wildcard tools/docs/*.c)
DOCS_OBJS := $(DOCS_SRCS:%.c=$(B)/%.o)
ORACLE_SRCS := $(wildcard tests/oracle/*.c)
ORACLE_OBJS := $(ORACLE_SRCS:%.c=$(B)/%.o)

PACKAGES := libgit2 inih libuv sqlite3 jansson libcrypto
# libfswatch by its own pkg-config file where there is one. Debian's package has none, and a folder of its own for the library (docs/facts/libraries.md).
ifeq ($(shell pkg-config --exists libfswatch 2>/dev/null && echo yes),yes)
FSWATCH_CFLAGS := -I$(shell pkg-config --variable=includedir libfswatch)
FSWATCH_LIBS := $(shell pkg-config --libs libfswatch)
else
FSWATCH_DIR := $(firstword $(dir $(wildcard /usr/lib/*/libfswatch/libfswatch.so /usr/lib/*/libfswatch.so /usr/lib*/libfswatch.so /usr/local/lib/libfswatch.so)))
FSWATCH_LIBS := $(if $(FSWATCH_DIR),-L$(FSWATCH_DIR:/=) -Wl$(comma)-rpath$(comma)$(FSWATCH_DIR:/=) -lfswatch)
endif
CFLAGS   ?= -O2 -g
WARNINGS := -Wall -Wextra
DEV_WARNINGS := -Werror -Wshadow -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wpointer-arith -Wundef
ifdef DEV
WARNINGS += $(DEV_WARNINGS)
endif
# What the release is hardened with. FORTIFY 3 where the compiler and its C library have it: elsewhere they warn and take it for 2.
FORTIFY  := $(if $(shell printf '\043include <string.h>\n' | $(CC) -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -Werror -fsyntax-only -xc - 2>&1 || echo no),2,3)
HARDEN   := -fstack-protector-strong -fPIE
FORTIFIED := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY)
# Its linker, on macOS, does by itself what it has of this, and links no program statically.
ifeq ($(SYSTEM),Darwin)
CPPFLAGS += -D_DARWIN_C_SOURCE
HOOK_LINK := -pie
else
HARDEN_LINK := -Wl,-z,relro,-z,now
AS_NEEDED   := -Wl,--as-needed
HOOK_LINK   := -static-pie -s $(HARDEN_LINK) -Wl,--gc-sections
endif
CPPFLAGS += -I. -D_GNU_SOURCE -DREINJECT_VERSION='"$(VERSION)"' $(if $(FAULTS),-DREINJECT_FAULTS)
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES)) $(FSWATCH_CFLAGS)
PKG_LIBS   = $(shell pkg-config --libs $(PACKAGES)) $(AS_NEEDED) $(FSWATCH_LIBS)
SAN_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARNINGS) $(HARDEN) -MMD -MP $(CPPFLAGS) $(PKG_CFLAGS) $(if $(SANITIZE),$(SAN_FLAGS),$(FORTIFIED))
ALL_LDFLAGS = -pie $(HARDEN_LINK) $(SAN_FLAGS) $(LDFLAGS)
LDLIBS     = $(PKG_LIBS) -lpthread -ldl

export PATH := $(CURDIR)/build/tools/bin:$(PATH)

.PHONY: docs record soak-image all help deps demo check check-unit check-oracle check-e2e check-crash check-sccache check-headers check-layers check-sanitize soak lint bench bench-inject bench-events bench-watch bench-hooks bench-peers bench-report \
	format-check format install uninstall clean
.PHONY: check-darwin check-deb
.DELETE_ON_ERROR:

all: $(B)/reinject $(B)/reinject-hook

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 18

build/.libraries: Makefile
	@mkdir -p build
	@pkg-config --exists --print-errors $(PACKAGES) || { echo "reinject: libraries are missing: 'make deps' installs them (as root), or names the packages" >&2; exit 1; }
	@test -n "$(FSWATCH_LIBS)" || { echo "reinject: libfswatch is missing (Debian's package: fswatch): 'make deps' installs it" >&2; exit 1; }
	@touch $@

$(B)/%.o: %.c | build/.libraries
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -c $< -o $@

$(B)/reinject: $(OBJS)
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(OBJS) $(LDLIBS)

# In every commit of the user's: linked statically, with nothing of ours, and never with sanitizers, which cost more than all it does.
$(B)/reinject-hook: hooks/enqueue.c journal/spool.h base/err.h base/cleanup.h
	@mkdir -p $(@D)
	@echo "  STATIC  $@"
	@$(CC) -std=gnu11 $(CFLAGS) $(WARNINGS) $(HARDEN) $(CPPFLAGS) $(FORTIFIED) $(HOOK_LINK) -o $@ $<

$(B)/hooks/program.o: CPPFLAGS += -DREINJECT_LIBEXECDIR='"$(LIBEXECDIR)"'

# A library, so that a test links only what it uses.
$(B)/libreinject.a: $(LIB_OBJS)
	@rm -f $@ && ar rcs $@ $^

$(B)/tests/%: tests/unit/%.c $(B)/libreinject.a
	@mkdir -p $(@D)
	@echo "  TEST    $@"
	@$(CC) $(ALL_CFLAGS) -Itests $(ALL_LDFLAGS) -o $@ $< $(B)/libreinject.a $(LDLIBS) -lcmocka

$(B)/bench/%: tests/bench/%.c $(B)/libreinject.a
	@mkdir -p $(@D)
	@echo "  BENCH   $@"
	@$(CC) $(ALL_CFLAGS) -Itests $(ALL_LDFLAGS) -o $@ $< $(B)/libreinject.a $(LDLIBS)

$(B)/tests/oracle/%.o: CPPFLAGS += -Itests

$(B)/tests/oracle/test_oracle: $(ORACLE_OBJS) $(B)/libreinject.a
	@echo "  TEST    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS) -lcmocka

# Writes the pages and completions that are made from the program's tables.
$(DOCS_OBJS): CPPFLAGS += -DREINJECT_DATE='"$(DATE)"'

$(B)/gendocs: $(DOCS_OBJS) $(B)/libreinject.a
	@echo "  LINK    $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/tests/small-watch: tests/lib/small_watch.c $(B)/libreinject.a
	@mkdir -p $(@D)
	@echo "  TEST    $@"
	@$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(B)/libreinject.a $(LDLIBS)

# By itself: a program of the target system's own tools, not of reinject's.
$(B)/tests/small-initfs-ar: tests/lib/small_initfs_ar.c
	@mkdir -p $(@D)
	@echo "  TEST    $@"
	@$(CC) -std=gnu11 $(CFLAGS) $(WARNINGS) -o $@ $<

record: all ## docs/demo.svg, drawn from a terminal session with the program as it is (as root)
	@tools/record.sh

docs: $(B)/gendocs ## write docs/configuration.md, docs/man/ and completions/ from the tables of the program
	@mkdir -p docs/man completions
	@$< .

deps: ## install what is missing: Debian packages, cargo, redoxfs (as root, asking nothing)
	@tools/deps.sh

# On all processors, unless the caller has said how many.
ON_ALL = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1))

demo: ## the main job in one command: a sample workspace, an image, an edit, a refresh
	@tools/deps.sh
	@$(MAKE) --no-print-directory $(ON_ALL) all
	@tools/demo.sh

check: ## install what is missing, then all tests (as root)
	@tools/deps.sh
	@[ "$$(id -u)" -eq 0 ] || { echo "check: the end to end tests mount images and give files to other users, as root; for you: make check-unit check-oracle" >&2; exit 3; }
	@$(MAKE) --no-print-directory $(ON_ALL) DEV=1 all
	@$(MAKE) --no-print-directory check-layers check-headers
	@$(MAKE) --no-print-directory check-darwin
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory DEV=1 check-unit check-valgrind
	@$(MAKE) --no-print-directory DEV=1 check-oracle
	@$(MAKE) --no-print-directory check-e2e
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory check-sanitize
	@$(MAKE) --no-print-directory check-crash

check-unit: $(TESTS) ## the unit tests (cmocka), in seconds
	@tools/unit.sh $(TESTS)

check-oracle: $(B)/tests/oracle/test_oracle ## what is stale, after 2,000 random changes (ORACLE_SEED=N repeats a run, ORACLE_CHANGES=N)
	@$(if $(SANITIZE),ORACLE_CHANGES=$${ORACLE_CHANGES:-200} )$<

check-e2e: all $(B)/gendocs $(B)/tests/small-watch $(B)/tests/small-initfs-ar ## end to end, with real git, cargo, redoxfs and FUSE (bats, as root)
	@REINJECT=$(abspath $(B)/reinject) tools/bats.sh tests/e2e

soak: all ## 2,000 random changes under a watch (SOAK_CHANGES, SOAK_SEED); check-e2e makes 60
	@SOAK_CHANGES=$${SOAK_CHANGES:-2000} RX_LIMIT=600 REINJECT=$(abspath $(B)/reinject) bats --tap tests/e2e/soak.bats

soak-image: all ## an image of 64 MB whose 1 MB file is replaced 500 times, compacted when a refresh says so (SOAK_IMAGE); check-e2e does 24
	@SOAK_IMAGE=$${SOAK_IMAGE:-500} RX_LIMIT=600 REINJECT=$(abspath $(B)/reinject) bats --tap -f 'replaced files leak' tests/e2e/care.bats

check-sanitize: ## the same tests under ASan and UBSan
	@LSAN_OPTIONS=suppressions=$(CURDIR)/tests/lib/lsan.supp:print_suppressions=0 \
		$(MAKE) --no-print-directory SANITIZE=address,undefined DEV=1 check-unit check-oracle check-e2e

check-crash: $(B)/tests/small-initfs-ar ## kill -9 at every fault point, and at random moments (KILLS=300: so many; CRASH_ALL=1: each point fails with each error)
	@$(MAKE) --no-print-directory FAULTS=1 DEV=1 all build/faults/tests/test_image_txn
	@build/faults/tests/test_image_txn
	@KILLS=$(KILLS) CRASH_ALL=$(CRASH_ALL) REINJECT=$(abspath build/faults/reinject) tools/bats.sh tests/crash

check-sccache: all ## `[build] cache = sccache` with the real sccache, whose build takes some minutes, and a redis that two checkouts share
	@tools/sccache.sh
	@REINJECT=$(abspath $(B)/reinject) bats --tap tests/sccache

check-headers: ## every header compiles alone
	@tools/check-headers.sh $(HEADERS)

check-layers: ## includes point down only
	@tools/check-layers.sh

check-darwin: ## every file compiles and links for macOS, on two architectures (by zig's C compiler; nothing of it runs)
	@$(MAKE) --no-print-directory -k -j$$(nproc) -f tools/darwin.mk ROOMS='$(ROOMS)' VERSION='$(VERSION)' WARNINGS='$(WARNINGS) $(DEV_WARNINGS)'

check-deb: ## builds the Debian package in a copy of the tree, and asks lintian (needs dpkg-dev, debhelper, lintian)
	@tools/check-deb.sh

lint: ## cppcheck, clang-tidy, gcc's analyzer, shellcheck: no findings but those excused with a reason
	@tools/lint.sh -std=gnu11 $(CPPFLAGS) -DREINJECT_LIBEXECDIR='""' $(PKG_CFLAGS) -- $(SRCS) hooks/enqueue.c

bench: all ## all benchmarks, one after the other, and docs/benchmarks.md with its charts from what they measured (six minutes of a quiet machine)
	@for part in inject events watch hooks; do $(MAKE) --no-print-directory bench-$$part || exit 1; done
	@$(MAKE) --no-print-directory bench-report

bench-report: ## docs/benchmarks.md and its charts, from what was measured last in build/bench/results
	@tests/bench/report.py build/bench/results docs

bench-peers: ## the programs that are measured beside ours: watchexec, entr, inotify-tools, pre-commit, lefthook, husky
	@tools/peers.sh

bench-inject: all ## from cargo's exit to the swapped image, beside the same steps by shell
	@REINJECT=$(abspath $(B)/reinject) tests/bench/inject.sh

bench-events: $(B)/bench/events ## what watching a tree of 56,000 files costs
	@EVENTS=$(abspath $(B)/bench/events) tests/bench/events.sh

bench-watch: all $(B)/bench/look $(B)/bench/stamp ## what `reinject watch` costs there, beside watchexec, inotifywait and entr
	@REINJECT=$(abspath $(B)/reinject) tests/bench/watch.sh

bench-hooks: all ## what our git hook adds to a commit, in a small and in a big repository
	@REINJECT=$(abspath $(B)/reinject) tests/bench/hooks.sh

format-check: ## the house style, by clang-format
	@clang-format --dry-run --Werror $(SRCS) $(DOCS_SRCS) hooks/enqueue.c $(HEADERS) $(TEST_SRCS) $(ORACLE_SRCS)

format:
	@clang-format -i $(SRCS) $(DOCS_SRCS) hooks/enqueue.c $(HEADERS) $(TEST_SRCS) $(ORACLE_SRCS)

install: all ## to DESTDIR/PREFIX
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBEXECDIR='$(LIBEXECDIR)' tools/install.sh install $(B)

uninstall: ## what install has put there, with the same DESTDIR and PREFIX
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBEXECDIR='$(LIBEXECDIR)' tools/install.sh uninstall $(B)

clean:
	rm -rf build/reinject build/reinject-hook build/faults build/sanitize build/thread build/fuzz build/coverage build/tests $(ROOMS:%=build/%)

include tests/hardening.mk

-include $(OBJS:.o=.d) $(DOCS_OBJS:.o=.d) $(TESTS:=.d) $(ORACLE_OBJS:.o=.d) $(B)/tests/small-watch.d
