/* refresh/isolate - a run on what is committed, while the work tree is half edited: for `[hooks] isolate = yes` and for nights.
 *
 * Sequence: refresh_isolate_new() with the configuration and a commit for each source; refresh_session_open() with refresh_isolate_config();
 *           refresh_isolate_fill(), under that session's lock; then refresh_run() and all else with the session as always; refresh_isolate_tell() after the
 *           run; the session is freed before the isolate.
 * Config:   the same in all but two things: a source's path is a plain folder beside its work tree (watcher/checkout), with `home` and `commit` set; and
 *           target_dir is a folder of its own, so that neither cargo spoils the other's.
 * Same:     fingerprints are those of a clean work tree at that commit: the parts are of the commit's trees, and names of files are those at home
 *           (config_home_path). So a refresh of a clean tree finds fresh what was built here, and the other way round.
 * Along:    what git ignores and a build reads all the same comes along as it is in the work tree: Cargo.lock, .cargo/config.toml, rust-toolchain.toml,
 *           `shared` files, assets, and what earlier builds were seen to read. What is untracked and not ignored does not.
 * Places:   STATE/isolated/HASH8/ has the index and the name of each folder, and target/; HASH8 is of state folder and image, so the image's lock guards
 *           them. All of it is kept for the next time.
 * Limits:   a source that another one reads by a relative path is read in its work tree. A `rustup override` of the work tree's folder does not reach
 *           beside it: [build] toolchain does.
 * Owner:    under sudo the caller writes and builds. */
#ifndef REINJECT_REFRESH_ISOLATE_H
#define REINJECT_REFRESH_ISOLATE_H

#include "refresh/event.h"
#include "refresh/session.h"

struct refresh_isolate;

/** @commits: one for each source; NULL: HEAD of each. Touches nothing yet. -ENOENT (class ERR_ENVIRONMENT) for a source without a commit. @config must
 * outlive it. */
int refresh_isolate_new(const struct config *config, const git_oid *commits, struct refresh_isolate **ret, struct err *err) MUST_CHECK;
void refresh_isolate_free(struct refresh_isolate *isolate);
void refresh_isolate_freep(struct refresh_isolate **isolate); /* for CLEANUP */

/** Owned by @isolate. */
const struct config *refresh_isolate_config(const struct refresh_isolate *isolate);

/** Writes the folders; and notes what the image has of uncommitted work, for refresh_isolate_tell(). @session: opened for change with this configuration.
 * @notes gets sentences. */
int refresh_isolate_fill(struct refresh_isolate *isolate, struct refresh_session *session, struct strvec *notes, struct err *err) MUST_CHECK;

/** After @run: adds the packages and assets whose uncommitted state was in the image before it, and has been replaced by the commit's: 'netd
 * (drivers/net/netd/src/main.rs)'. */
int refresh_isolate_tell(const struct refresh_isolate *isolate, struct refresh_session *session, struct strvec *ret, struct err *err) MUST_CHECK;

/** Removes every folder that this state folder's runs have made, and what belongs to them; @ret_n: how many. -EBUSY (class ERR_BUSY) while a run has the
 * image. */
int refresh_isolate_remove(const struct config *config, size_t *ret_n, struct err *err) MUST_CHECK;

#endif
