/* refresh/isolate - a run on what is committed, while the work tree is half edited: for `[hooks] isolate = yes` (a hook's
 * worker, and a watch with trigger = commit) and for nights.
 *
 * Sequence: refresh_isolate_open(); then refresh_run() and all else with its session as always; refresh_isolate_say() after the run; the session is freed
 *           before the isolate.
 * Config:   the same in all but two things: a source's path is a plain folder beside its work tree (watcher/checkout), with `home` and `commit` set; and
 *           target_dir is a folder of its own, so that neither cargo spoils the other's.
 * Same:     fingerprints are those of a clean work tree at that commit: the parts are of the commit's trees, and names of files are those at home
 *           (config_home_path). So a refresh of a clean tree finds fresh what was built here, and the other way round.
 * Along:    what git ignores and a build reads all the same comes along as it is in the work tree: Cargo.lock, .cargo/config.toml (also above the
 *           source), rust-toolchain.toml, `shared` files, assets, and what earlier builds were seen to read. What is untracked and not ignored does not.
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

/** HEAD of each source: writes the folders, and opens a session for change on them, whose lock guards them. Notes what the image has of uncommitted work,
 * for refresh_isolate_say(). -ENOENT (class ERR_ENVIRONMENT) for a source without a commit; -EBUSY (class ERR_BUSY) when another run has the image. @config
 * must outlive both. @notes gets sentences. The caller frees both, also after a failure: a session that was opened before it can still notify. */
int refresh_isolate_open(const struct config *config, struct cancel *cancel, struct refresh_isolate **ret, struct refresh_session **ret_session,
			 struct strvec *notes, struct err *err) MUST_CHECK;
void refresh_isolate_free(struct refresh_isolate *isolate);
void refresh_isolate_freep(struct refresh_isolate **isolate); /* for CLEANUP */

/** After the run: a NOTE that names the packages and assets whose uncommitted state was in the image before it, and has been replaced by the commit's;
 * nothing without any. */
void refresh_isolate_say(const struct refresh_isolate *isolate, struct refresh_session *session, refresh_event_fn *on_event, void *data);

/** Removes every folder that this state folder's runs have made, and what belongs to them; @ret_n: how many. -EBUSY (class ERR_BUSY) while a run has the
 * image. */
int refresh_isolate_remove(const struct config *config, size_t *ret_n, struct err *err) MUST_CHECK;

#endif
