/* cargo/artifact - from cargo's binary to what goes into the image: stripped into a folder of ours, checked to be for the right machine.
 *
 * Stripping calls `STRIP BINARY -o OUT`; cargo's target folder is never written. The stripped file is complete before anything is touched in an
 * image.
 * ELF:      System V ABI: class at byte 4, data encoding at 5, e_machine (u16) at 18. Expected values come from the target triple's or JSON file
 *           name's first component (x86_64, aarch64, i586/i686, riscv64gc), the host's own without a target; an unknown one is not checked. */
#ifndef REINJECT_CARGO_ARTIFACT_H
#define REINJECT_CARGO_ARTIFACT_H

#include "base/cancel.h"
#include "base/hash.h"
#include "config/config.h"

/** What an ELF file says it is for. */
struct artifact_elf {
	unsigned int class;   /* 1: 32 bit, 2: 64 bit */
	unsigned int data;    /* 1: little-endian, 2: big-endian */
	unsigned int machine; /* e_machine: 62 x86-64, 183 AArch64, 243 RISC-V, 3 i386 */
};

/** Reads the header of @path. -ENOEXEC when it is no ELF file, or cut: shorter than its header and header tables say. */
int artifact_elf_read(const char *path, struct artifact_elf *ret, struct err *err) MUST_CHECK;

/** The GNU build-id of @path, as lower-case hex, in @ret; NULL when it has none, which is common where the linker is not told to make one. Asked of its
 * program headers, then of its sections. The caller frees it. -ENOEXEC as above; a note that is cut or leads out of the file is none. */
int artifact_build_id(const char *path, char **ret, struct err *err) MUST_CHECK;

/** What @target (NULL: the host) needs. Returns false when we do not know that machine. */
bool artifact_elf_expected(const char *target, struct artifact_elf *ret);

/** -ENOEXEC with a sentence when @path is not for @target. */
int artifact_check(const char *path, const char *target, struct err *err) MUST_CHECK;

/** That the program is there that artifact_strip() calls. -ENOENT (class ERR_ENVIRONMENT), with a hint. */
int artifact_strip_check(const struct config *config, struct err *err) MUST_CHECK;

/** Strips @binary into @out (replaced whole; its folder exists). With an empty or 'none' strip it is copied. cargo's lock (.cargo-lock beside
 * @binary) is the caller's to hold. Keeps nothing on failure. -ENOENT without the strip program (class ERR_ENVIRONMENT, with a hint); -EIO when it
 * fails, with its last words; -ESTALE when another cargo replaced @binary meanwhile; -ECANCELED. */
int artifact_strip(const struct config *config, const char *binary, const char *out, struct cancel *cancel, struct err *err) MUST_CHECK;

#endif
