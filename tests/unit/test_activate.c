/* What a change still needs, from what was written: by configurations as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/scratch.h"

#include "refresh/activate.h"

struct box {
	char *dir; /* owned */
	struct config *config;
	struct pkgmap *map;
};

static const char ini[] = "[source s]\npath = .\n"
			  "[package netd]\npaths = netd\n"
			  "[package xhcid]\npaths = usb/xhcid\nactivate = kill xhcid\\n pcid-spawner /etc/pcid.d \\n\n"
			  "[package hubd]\npaths = usb/hubd\nactivate = kill xhcid\\npcid-spawner /etc/pcid.d\n"
			  "[package audiod]\npaths = audiod\nactivate = audiod &\n"
			  "[package logd]\npaths = logd\nactivate = none\n"
			  "[package empty]\npaths = empty\nactivate = \\n \\n\n"
			  "[package said]\npaths = said\nactivate = reboot\n"
			  "[asset table]\npath = usb/xhcid/config.toml\ndest = /etc/x\n"
			  "[asset logs]\npath = logd/logs.toml\ndest = /etc/x\n"
			  "[asset motd]\npath = etc/motd\ndest = /etc/x\n";

static int setup(void **state)
{
	static const char *const folders[] = { "netd", "usb/xhcid", "usb/hubd", "audiod", "logd", "empty", "said", "etc" };
	CLEANUP(config_problems_clear) struct config_problems problems = { 0 };
	struct box *box = xcalloc(1, sizeof(*box));
	struct err err = ERR_INIT;
	struct config_args args = { 0 };

	box->dir = scratch_make();
	args.dir = box->dir;
	scratch_write(box->dir, "reinject.ini", ini);
	for (size_t i = 0; i < N_ELEMENTS(folders); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", box->dir, folders[i]);

		assert_int_equal(fs_make_dirs(path, 0755, &err), 0);
	}
	if (config_load(&args, &box->config, &problems, &err) < 0)
		fail_msg("%s", problems.errors.n ? problems.errors.v[0] : err.message);
	box->map = pkgmap_new(box->config);
	*state = box;
	return 0;
}

static int teardown(void **state)
{
	struct box *box = *state;

	pkgmap_free(box->map);
	config_free(box->config);
	scratch_remove(box->dir);
	free(box);
	return 0;
}

/* @owners: separated by commas. The sentences, separated by newlines. */
static void needs(const struct box *box, const char *owners, const char *expected)
{
	CLEANUP(refresh_activations_clear) struct refresh_activations activations = { 0 };
	CLEANUP(strvec_clear) struct strvec sentences = { 0 };
	CLEANUP_FREE char *text = NULL;

	while (*owners) {
		size_t n = strcspn(owners, ",");
		CLEANUP_FREE char *owner = xstrndup(owners, n);

		refresh_activate_add(&activations, box->config, box->map, owner);
		owners += n + (owners[n] == ',');
	}
	refresh_activate_describe(&activations, &sentences);
	text = strvec_join(&sentences, "\n");
	assert_string_equal(text, expected);
}

static void one_of_each(void **state)
{
	needs(*state, "", "");
	needs(*state, "package netd", "needs a reboot: netd");
	needs(*state, "package said", "needs a reboot: said");
	needs(*state, "package logd", "nothing else: logd");
	needs(*state, "package audiod", "in the running guest: audiod & (audiod)");
	needs(*state, "package xhcid", "in the running guest: kill xhcid; pcid-spawner /etc/pcid.d (xhcid)");
	needs(*state, "package empty", "needs a reboot: empty");
}

static void several_are_told_together_the_heaviest_first(void **state)
{
	needs(*state, "package logd,package xhcid,package audiod,package netd,package hubd,package said",
	      "needs a reboot: netd, said\n"
	      "in the running guest: kill xhcid; pcid-spawner /etc/pcid.d (xhcid, hubd)\n"
	      "in the running guest: audiod & (audiod)\n"
	      "nothing else: logd");
}

static void an_asset_needs_what_its_package_needs(void **state)
{
	needs(*state, "asset logs", "nothing else: logd");
	needs(*state, "asset motd", "needs a reboot: asset motd");
	needs(*state, "package xhcid,asset table", "in the running guest: kill xhcid; pcid-spawner /etc/pcid.d (xhcid)");
	needs(*state, "asset table,asset motd",
	      "needs a reboot: asset motd\nin the running guest: kill xhcid; pcid-spawner /etc/pcid.d (xhcid)");
}

static void what_belongs_to_nobody_is_not_told(void **state)
{
	needs(*state, "file,package gone,asset gone,", "");
	needs(*state, "package netd,package netd", "needs a reboot: netd");
}

static void as_data(void **state)
{
	const struct box *box = *state;
	CLEANUP(refresh_activations_clear) struct refresh_activations a = { 0 };

	refresh_activate_add(&a, box->config, box->map, "package xhcid");
	refresh_activate_add(&a, box->config, box->map, "asset motd");
	assert_int_equal(a.n, 2);
	assert_string_equal(a.v[0].package, "xhcid");
	assert_null(a.v[0].asset);
	assert_string_equal(refresh_activate_need_name(a.v[0].need), "console");
	assert_int_equal(a.v[0].lines.n, 2);
	assert_string_equal(a.v[0].lines.v[1], "pcid-spawner /etc/pcid.d");
	assert_null(a.v[1].package);
	assert_string_equal(a.v[1].asset, "motd");
	assert_string_equal(refresh_activate_need_name(a.v[1].need), "reboot");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_of_each, setup, teardown),
		cmocka_unit_test_setup_teardown(several_are_told_together_the_heaviest_first, setup, teardown),
		cmocka_unit_test_setup_teardown(an_asset_needs_what_its_package_needs, setup, teardown),
		cmocka_unit_test_setup_teardown(what_belongs_to_nobody_is_not_told, setup, teardown),
		cmocka_unit_test_setup_teardown(as_data, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
