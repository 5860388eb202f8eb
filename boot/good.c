/* Two rooms that know nothing of each other: the row comes before the name, and what was before it goes after. */
#include "boot/good.h"

#include "journal/boots.h"

#include <stdio.h>

struct keeping {
	struct journal *journal;
	const char *image;
};

static int record(void *data, const struct image_identity *good, struct err *err)
{
	const struct keeping *keeping = data;
	struct journal_image image = {
		.dev = good->dev, .ino = good->ino, .size = good->size, .mtime_ns = good->mtime_ns, .generation = good->generation
	};

	snprintf(image.uuid, sizeof(image.uuid), "%s", good->uuid);
	return journal_good_add(keeping->journal, keeping->image, &image, err);
}

int boot_good_keep(struct journal *journal, const struct image_good_args *args, struct err *err)
{
	struct keeping keeping = { .journal = journal, .image = args->path };
	struct image_good_args recorded = *args;
	int r;

	recorded.on_ready = record;
	recorded.data = &keeping;
	r = image_good_keep(&recorded, err);
	return r < 0 ? r : journal_good_settle(journal, args->path, err);
}
