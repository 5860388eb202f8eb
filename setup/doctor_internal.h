/* setup/doctor_internal - what the files that make up setup/doctor.h share: doctor.c (the table), doctor_source.c, doctor_build.c, doctor_image.c and
 * doctor_host.c (the looking and mending). */
#ifndef REINJECT_SETUP_DOCTOR_INTERNAL_H
#define REINJECT_SETUP_DOCTOR_INTERNAL_H

#include "image/txn.h"
#include "setup/doctor.h"

struct doctor {
	const struct config *config;
	const char *problem, *hint;
	const struct strvec *warnings;
	struct cancel *cancel;
	struct image_lock *lock; /* while the image's content is open */
	struct image_txn *txn;
	char *scratch; /* owned: for the mount's log; NULL: not opened */
	struct str word; /* of doctor_word() */
};

/** Sets the finding; the later of two wins unless the earlier was worse. */
void doctor_ok(struct setup_doctor_finding *finding, const char *format, ...) PRINTF(2, 3);
void doctor_skip(struct setup_doctor_finding *finding, const char *format, ...) PRINTF(2, 3);
void doctor_warn(struct setup_doctor_finding *finding, const char *format, ...) PRINTF(2, 3);
void doctor_fail(struct setup_doctor_finding *finding, const char *format, ...) PRINTF(2, 3);
/** What mends it. */
void doctor_mend(struct setup_doctor_finding *finding, bool fixable, const char *format, ...) PRINTF(3, 4);
/** @text as one word of a command that can be pasted; until the next call. */
const char *doctor_word(struct doctor *doctor, const char *text);
/** Takes an error with its hint. */
void doctor_take(struct setup_doctor_finding *finding, enum setup_doctor_status status, const struct err *err);

typedef void doctor_look_fn(struct doctor *doctor, struct setup_doctor_finding *finding);
typedef int doctor_fix_fn(struct doctor *doctor, struct err *err);

/* doctor_source.c */
doctor_look_fn doctor_look_configuration, doctor_look_map, doctor_look_repository, doctor_look_clock, doctor_look_inotify;
doctor_fix_fn doctor_fix_configuration, doctor_fix_map;
/* doctor_build.c */
doctor_look_fn doctor_look_toolchain, doctor_look_target, doctor_look_backend, doctor_look_relibc, doctor_look_libgcc, doctor_look_strip,
	doctor_look_sccache;
doctor_fix_fn doctor_fix_target, doctor_fix_libgcc;
/* doctor_image.c */
doctor_look_fn doctor_look_tool, doctor_look_image, doctor_look_room, doctor_look_leftovers, doctor_look_holders, doctor_look_content,
	doctor_look_initfs;
doctor_fix_fn doctor_fix_leftovers;
void doctor_image_close(struct doctor *doctor);
/* doctor_host.c */
doctor_look_fn doctor_look_fuse, doctor_look_boot, doctor_look_qemu;
doctor_fix_fn doctor_fix_boot;

#endif
