/* hooks/service_text - what the files that make up hooks/service.h share: service.c (names, files on disk), service_systemd.c and service_launchd.c
 * (the texts). */
#ifndef REINJECT_HOOKS_SERVICE_TEXT_H
#define REINJECT_HOOKS_SERVICE_TEXT_H

#include "hooks/service.h"

/** 'FOLDER-HASH8': what tells this project's files from others'. */
void hooks_service_add_project(struct str *name, const struct hooks_service *service);

/** The mark: a comment's text, one line, whose hash hooks_service_seal() fills in. */
void hooks_service_add_mark(struct str *text, const struct hooks_service *service);
char *hooks_service_seal(struct str *text) MUST_CHECK;

int hooks_service_systemd(const struct hooks_service *service, struct hooks_service_files *ret, struct err *err) MUST_CHECK;
int hooks_service_launchd(const struct hooks_service *service, struct hooks_service_files *ret, struct err *err) MUST_CHECK;

#endif
