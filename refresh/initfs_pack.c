#include "refresh/initfs_pack.h"

#include "base/fault.h"
#include "base/fs.h"
#include "base/proc.h"
#include "image/initfs.h"
#include "journal/blobs.h"
#include "refresh/initfs_tree.h"
#include "refresh/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The packer is the target system's own program: it takes a folder, so a folder is made for it. */

void refresh_initfs_member_clear(struct refresh_initfs_member *member)
{
	free(member->path);
	free(member->owner);
	free(member->file);
}

static int add_to_tree(const struct refresh_initfs_packing *packing, const struct refresh_initfs_member *member, struct err *err)
{
	const struct refresh_session *session = packing->session;
	CLEANUP_FREE char *blob = NULL;
	mode_t mode = str_starts(member->owner, "asset ") ? REFRESH_INITFS_MODE_ASSET : REFRESH_INITFS_MODE_PROGRAM;
	int r = member->file ? 0 : journal_blob_find(session->config->state, member->hash, &blob, err);

	if (r < 0) {
		err_wrap(err, r, "'%s' of the initfs", member->path);
		err_hint(err, "build it again: reinject build %s", strchr(member->owner, ' ') ? strchr(member->owner, ' ') + 1 : member->owner);
		return r;
	}
	return refresh_initfs_tree_add(session, packing->tree, member->path, member->file ? member->file : blob, mode, err);
}

static int make_tree(const struct refresh_initfs_packing *packing, struct err *err)
{
	const struct refresh_session *session = packing->session;
	int r = refresh_initfs_tree_copy(session, session->config->initfs.dir, packing->tree, err);

	for (size_t i = 0; r == 0 && i < packing->n; i++) {
		if (cancel_requested(session->cancel))
			r = err_set(err, -ECANCELED, "interrupted!");
		if (r == 0 && packing->members[i].hash[0])
			r = add_to_tree(packing, &packing->members[i], err);
	}
	if (r == 0) {
		r = FAULT("initfs-staged");
		if (r < 0)
			err_set(err, r, "cannot pack the initfs");
	}
	return r;
}

static void take_word(void *data, const char *line, size_t n)
{
	struct str *words = data;

	if (words->len > 0)
		str_add(words, "; ");
	if (words->len < 500)
		str_add_n(words, line, n);
}

static int run_packer(const struct refresh_initfs_packing *packing, struct err *err)
{
	const struct config_initfs *config = &packing->session->config->initfs;
	CLEANUP(str_clear) struct str words = { 0 };
	CLEANUP_FREE char *tool = refresh_initfs_tree_tool(config), *size = xasprintf("%" PRIu64, config->max_size), *how = NULL;
	char *argv[] = { tool, (char *)"--max-size", size, (char *)"--output", (char *)packing->packed, (char *)packing->tree, config->bootstrap, NULL };
	struct proc_spec spec = {
		.argv = argv, .on_stdout = take_word, .on_stderr = take_word, .data = &words, .cancel = packing->session->cancel
	};
	struct proc_result result = { 0 };
	int r = tool ? proc_run(&spec, &result, err) : err_set(err, -ENOENT, "the packer of the initfs is gone!");

	if (r < 0 || (!result.signalled && result.status == 0))
		return r;
	how = proc_describe(&result);
	err_set(err, -EIO, "the initfs could not be packed: '%s' %s: %s!", tool, how, words.len ? str_text(&words) : "it said nothing");
	err_hint(err, "is it larger than [initfs] max_size, %s bytes?", size);
	return -EIO;
}

int refresh_initfs_pack_members(const struct refresh_initfs_packing *packing, uint64_t *ret_size, struct err *err)
{
	struct stat st;
	int r = fs_remove_tree(packing->tree, err);

	if (r == 0 && unlink(packing->packed) < 0 && errno != ENOENT)
		r = err_set(err, -errno, "cannot delete '%s'", packing->packed);
	if (r == 0)
		r = make_tree(packing, err);
	if (r == 0)
		r = run_packer(packing, err);
	if (r == 0)
		r = image_initfs_check(packing->packed, err);
	if (r == 0 && stat(packing->packed, &st) < 0)
		r = err_set(err, -errno, "cannot read '%s'", packing->packed);
	if (r < 0)
		return r;
	refresh_stage_give(packing->session, packing->packed);
	*ret_size = (uint64_t)st.st_size;
	return 0;
}
