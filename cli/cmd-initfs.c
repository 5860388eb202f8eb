#include "base/fs.h"
#include "cli/json.h"
#include "cli/verbs.h"
#include "image/initfs.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

static const struct cli_option options[] = {
	{ "check", 0, "FILE", "print the header of this initfs, and whether a kernel can boot from it" },
	CLI_OPTION_DRY_RUN,
	CLI_OPTION_WAIT_LOCK,
	{ NULL, 0, NULL, NULL },
};

static void print_header(const struct image_initfs *initfs)
{
	char when[64] = "";
	time_t t = (time_t)initfs->seconds;
	struct tm tm;

	if (localtime_r(&t, &tm))
		(void)!strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	printf("size       %" PRIu64 " bytes, as the header says; the file has %" PRIu64 "\n", initfs->size, initfs->file_size);
	printf("packed     %s\n", when);
	printf("inodes     %u, their table at 0x%" PRIx32 "\n", initfs->n_inodes, initfs->inode_table);
	printf("page size  %u\n", initfs->page_size);
	printf("entry      0x%" PRIx64 "\n", initfs->entry);
	if (initfs->text_end > 0)
		printf("bootstrap  enters at 0x%" PRIx64 ", code from 0x%" PRIx64 " to 0x%" PRIx64 "\n", initfs->bootstrap_entry,
		       initfs->text_start, initfs->text_end);
	else if (initfs->has_bootstrap)
		printf("bootstrap  enters at 0x%" PRIx64 "; it has no code at the entry above\n", initfs->bootstrap_entry);
	else
		printf("bootstrap  none\n");
}

static void print_json(const char *path, const struct image_initfs *initfs, int r, const struct err *err)
{
	CLEANUP_FREE char *entry = xasprintf("0x%" PRIx64, initfs->entry);

	cli_json_print(json_pack("{s:o, s:b, s:o, s:I, s:I, s:I, s:I, s:i, s:i, s:b, s:s}", "initfs", cli_json_string(path), "ok", r >= 0, "error",
				 r < 0 ? cli_json_string(err->message) : json_null(), "size", (json_int_t)initfs->size, "file_size",
				 (json_int_t)initfs->file_size, "packed", (json_int_t)initfs->seconds, "inode_table",
				 (json_int_t)initfs->inode_table, "inodes", (int)initfs->n_inodes, "page_size", (int)initfs->page_size,
				 "bootstrap", (int)initfs->has_bootstrap, "entry", entry));
}

static int check(struct cli_context *ctx, const char *path, struct err *err)
{
	struct image_initfs initfs;
	int r = image_initfs_read(path, &initfs, err);

	if (r < 0)
		return r;
	r = image_initfs_judge(path, &initfs, err);
	if (ctx->json)
		print_json(path, &initfs, r, err);
	else
		print_header(&initfs);
	if (r >= 0 && !ctx->json)
		puts("a kernel can boot from it");
	return r;
}

static bool has_member(const struct strvec *dests, const struct strvec *copies)
{
	for (size_t i = 0; i < dests->n; i++)
		if (refresh_is_in_initfs(dests->v[i]))
			return true;
	return copies && has_member(copies, NULL);
}

/* Packs in any case; of what is stale, builds what the initfs is made of. */
static int pack(struct cli_context *ctx, struct err *err)
{
	const struct config *config = ctx->config;
	CLEANUP(strvec_clear) struct strvec names = { 0 };
	struct refresh_request request = { .initfs = true, .within = &names };

	if (!config->initfs.dir) {
		err_class_set(err, ERR_USAGE, -EINVAL, "'%s' describes no initfs", config->file);
		err_hint(err, "add a section [initfs] with dir, tool and bootstrap");
		return -EINVAL;
	}
	for (size_t i = 0; i < config->n_packages; i++)
		if (has_member(&config->packages[i].dests, &config->packages[i].copies))
			strvec_add(&names, config->packages[i].name);
	for (size_t i = 0; i < config->n_assets; i++)
		if (has_member(&config->assets[i].dests, NULL))
			strvec_add(&names, config->assets[i].name);
	/* An empty list would mean all. */
	if (names.n == 0)
		strvec_add(&names, "");
	return cli_refresh(ctx, "initfs", &request, err);
}

static int run(struct cli_context *ctx, struct err *err)
{
	const char *file = cli_args_value(ctx->args, "check");

	return file ? check(ctx, file, err) : pack(ctx, err);
}

extern const struct cli_verb cmd_initfs;
const struct cli_verb cmd_initfs = {
	.name = "initfs",
	.usage = "[-n] [--wait-lock SECONDS] | --check FILE",
	.summary = "pack the initfs with its bootstrap and put it into the image; or check a packed one",
	.description =
		"Packs what [initfs] describes: its folder, and over it the packages and assets with a destination 'initfs:/...'. Of these, what\n"
		"is stale is built first. The result is checked (its size, and that its entry lies in the bootstrap's code) and put into the image\n"
		"at [initfs] dest by the same transaction as any other file. `reinject refresh` does the same by itself when a member, the folder,\n"
		"the bootstrap or the packer has changed.\n\n"
		"--check prints the header of FILE, and fails when a kernel could not boot from it. Nothing is written.",
	.options = options,
	.max_args = 0,
	.run = run,
};
