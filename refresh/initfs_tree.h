/* refresh/initfs_tree - the folder that an initfs is packed from: a copy of the configured one, members put over it.
 *
 * The packer takes what it finds, so the copy is ours alone, below STATE/work, made afresh for each packing.
 * Distrust:  a member's path is walked without following links: one in the folder must not lead a member to somewhere on the host.
 * Threads:   the session's. */
#ifndef REINJECT_REFRESH_INITFS_TREE_H
#define REINJECT_REFRESH_INITFS_TREE_H

#include "refresh/session.h"

/** Digest of what the configured folder, bootstrap and packer look like: names, modes, sizes, times, not contents. */
int refresh_initfs_tree_state(const struct config_initfs *config, char ret[HASH_HEX_SIZE], struct err *err) MUST_CHECK;

/** The packer's path; NULL when there is none. The caller frees it. */
char *refresh_initfs_tree_tool(const struct config_initfs *config) MUST_CHECK;

/** Copies folder @from to @to, which must not exist. -EINVAL for what an initfs cannot hold. */
int refresh_initfs_tree_copy(const struct refresh_session *session, const char *from, const char *to, struct err *err) MUST_CHECK;

/** Puts host file @file at @path ('/bin/init') in @tree, replacing what is there; missing folders are made. */
int refresh_initfs_tree_add(const struct refresh_session *session, const char *tree, const char *path, const char *file, mode_t mode,
			    struct err *err) MUST_CHECK;

#endif
