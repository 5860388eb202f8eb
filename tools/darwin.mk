# make check-darwin: every file of the program for macOS, by zig's C compiler, which brings Apple's headers. Nothing of it runs here.
# Then all is linked, with empty functions in the libraries' place: what a `*_darwin.c` forgot, or macOS does not have, is an undefined symbol.
# Called by the Makefile, which hands on ROOMS, WARNINGS and VERSION.

D        := build/darwin
ARCHS    := aarch64 x86_64
ZIG      := build/tools/zig/zig
SRCS     := $(filter-out %_linux.c,$(foreach room,$(ROOMS),$(wildcard $(room)/*.c)))
OBJS     := $(foreach arch,$(ARCHS),$(SRCS:%.c=$(D)/$(arch)/%.o))
PROGRAMS := $(foreach arch,$(ARCHS),$(D)/$(arch)/reinject $(D)/$(arch)/reinject-hook)
# Of the headers here only those of the libraries: a folder of links, so that none of the C library's is seen.
INCLUDES := -I. -isystem $(D)/include -isystem $(D)/include/arch
DEFINES  := -D_DARWIN_C_SOURCE -DREINJECT_VERSION='"$(VERSION)"' -DREINJECT_LIBEXECDIR='"/usr/local/libexec"'
# The functions of the libraries, which are not here for macOS.
LIBRARIES := git_ uv_ sqlite3_ json_ jansson_ ini_ fsw_ EVP_ OpenSSL_

export ZIG_GLOBAL_CACHE_DIR := $(CURDIR)/$(D)/cache
export ZIG_LOCAL_CACHE_DIR := $(CURDIR)/$(D)/cache

all: $(PROGRAMS)
	@echo "check-darwin: $(words $(SRCS)) files for each of $(ARCHS): compiled without a warning, and linked"

.DELETE_ON_ERROR:
.SECONDARY:
$(OBJS): | $(D)/include build/tools/zig

build/tools/zig:
	@tools/zig.sh $@

$(D)/include: tools/darwin.mk
	@tools/darwin-include.sh $@

define rules
$(D)/$(1)/%.o: %.c
	@mkdir -p $$(@D)
	@echo "  DARWIN  $(1) $$<"
	@$(ZIG) cc -target $(1)-macos -std=gnu11 -O0 -fno-sanitize=undefined $(WARNINGS) -Werror -MMD -MP $(INCLUDES) $(DEFINES) -c $$< -o $$@

$(D)/$(1)/stubs.c: $(filter $(D)/$(1)/%,$(OBJS))
	@$(or $(NM),llvm-nm) --undefined-only --just-symbol-name $$^ | grep -E '$(subst $() ,|,$(LIBRARIES:%=^_%))' | sort -u | sed 's/^_\(.*\)/void \1(void);\nvoid \1(void)\n{\n}/' >$$@

$(D)/$(1)/stubs.o: $(D)/$(1)/stubs.c
	@$(ZIG) cc -target $(1)-macos -fno-builtin -w -c $$< -o $$@

$(D)/$(1)/reinject: $(D)/$(1)/stubs.o $(filter-out $(D)/$(1)/hooks/enqueue.o,$(filter $(D)/$(1)/%,$(OBJS)))
	@echo "  DARWIN  $(1) link"
	@$(ZIG) cc -target $(1)-macos -o $$@ $$^

$(D)/$(1)/reinject-hook: $(D)/$(1)/hooks/enqueue.o
	@$(ZIG) cc -target $(1)-macos -o $$@ $$^
endef
$(foreach arch,$(ARCHS),$(eval $(call rules,$(arch))))

-include $(OBJS:.o=.d)
