/* The configuration as a whole: where it is found, whom it believes, what wins, and each problem said with its line. */
#include "test_config.h"

static void an_empty_file_has_defaults(void **state)
{
	struct fixture *f = *state;
	const struct config *c;

	loads(f, "");
	c = f->config;
	is(f, c->file, "@/reinject.ini");
	is(f, c->dir, "@");
	is(f, c->state, "@/.reinject");
	assert_int_equal(c->n_sources, 1);
	is(f, c->sources[0].name, "default");
	is(f, c->sources[0].path, "@");
	items_are(f, &c->sources[0].shared, "Cargo.toml|.cargo|rust-toolchain.toml");
	items_are(f, &c->sources[0].ignore, "");
	assert_null(c->build.toolchain);
	assert_null(c->build.target);
	assert_null(c->build.codegen_backend);
	assert_null(c->build.relibc);
	assert_null(c->build.build_std);
	assert_null(c->build.target_dir);
	assert_int_equal(c->build.rustflags.n + c->build.features.n + c->build.cargo_args.n + c->build.env.n, 0);
	is(f, c->build.profile, "release");
	is(f, c->build.strip, "llvm-strip");
	is(f, c->build.cache, "none");
	assert_null(c->image.path);
	assert_int_equal(c->image.format, CONFIG_IMAGE_REDOXFS);
	assert_int_equal(c->image.mode, CONFIG_IMAGE_SHADOW);
	is(f, c->image.tool, "redoxfs");
	assert_true(c->image.keep_previous);
	assert_int_equal(c->image.mount_timeout_ms, 10000);
	assert_null(c->initfs.dir);
	assert_int_equal(c->n_packages + c->n_assets + c->n_destinations, 0);
	assert_int_equal(f->problems.warnings.n, 0);
}

static void an_empty_value_is_unsaid(void **state)
{
	struct fixture *f = *state;

	put(f, "p.ini", "[build]\nprofile = x\ntoolchain = y\n[boot]\nready = z\ncommand = z\n");
	loads(f, "[reinject]\ninclude = p.ini\nstate =\n[source a]\npath =\nshared =\n[build]\nprofile =\ntoolchain =\nstrip =\n"
		 "[image]\ntool =\n[boot]\nready =\ncommand =\n");
	is(f, f->config->state, "@/.reinject");
	is(f, f->config->sources[0].path, "@");
	assert_int_equal(f->config->sources[0].shared.n, 0);
	is(f, f->config->build.profile, "release");
	assert_null(f->config->build.toolchain);
	is(f, f->config->build.strip, "llvm-strip");
	is(f, f->config->image.tool, "redoxfs");
	is(f, config_get(f->config, "boot", "ready"), "");
	is(f, config_get(f->config, "boot", "command"), "./run-dev.sh");
	is(f, config_get(f->config, "watch", "backend"), "auto");
	assert_int_equal(config_get_uint(f->config, "watch", "poll_ms", 7), 1000);
	FAILS(f, "[watch]\nbackend = inotify\npoll_ms = 99\n", ":2: backend: expected", ":3: poll_ms: ");
	FAILS(f, "[watch]\nquiet_ms =\n[image]\nmode =\nkeep_previous =\n", ":2: quiet_ms: expected a number", ":4: mode: expected",
	      ":5: keep_previous: expected yes or no");
}

/* The sample of DESIGN.md section 2, with its comments. */
static void the_sample_is_read(void **state)
{
	struct fixture *f = *state;
	const struct config_package *p;
	const struct config *c;
	struct err err = ERR_INIT;

	setenv("HOME", "/home/me", 1);
	unsetenv("SOCKET_DIR");
	put(f, "packages.ini",
	    "[package virtio-netd]\npaths = drivers/net/virtio-netd\nuses = drivers/common\n[package xhcid]\npaths = drivers/usb/xhcid\n");
	loads(f, "[reinject]\ninclude = packages.ini              ; the generated map; keys here win over it\nstate = .reinject\n"
		 "[source base]   ; a git work tree\npath = recipes/core/base/source\nshared = Cargo.toml .cargo     ; concern every "
		 "package\nignore = rust\n"
		 "[build]\ntoolchain = nightly-2026-01-02      ; every field is optional\ntarget = aarch64-unknown-redox-clif.json\n"
		 "codegen_backend = ../clif/lib/librustc_codegen_cranelift.dylib\nrelibc = recipes/core/relibc/release\n"
		 "build_std = core,alloc,std,panic_abort\nbuild_std_features = compiler_builtins/no-f16-f128\n"
		 "rustflags = -Cpanic=abort           ; after those\nprofile = release\nfeatures =\ncargo_args =          ; such as --locked\n"
		 "target_dir =                        ; cargo's own\nenv.DYLD_LIBRARY_PATH = ~/.rustup/lib\nstrip = llvm-strip\ncache = none  ; "
		 "or sccache\n"
		 "[image]\npath = build/pure-rust.img\nformat = redoxfs                    ; or ext4\nmode = shadow\nmount_point = redox-mount\n"
		 "keep_previous = yes\nstamp = /root/.config/ion/initrc    ; optional\n"
		 "[initfs]\ndir = build/initfs\ntool = build/redox-initfs-ar\nbootstrap = build/bootstrap\nmax_size = 134217728\ndest = "
		 "/boot/initfs\n"
		 "[destinations]                      ; first match wins\ndrivers/** = /usr/lib/drivers       ; destination\n"
		 "[package virtio-netd]\nuses = drivers/common drivers/virtio-core\nbins = virtio-netd\ndest = /usr/lib/drivers\nactivate = "
		 "reboot  ; none\n"
		 "[package inputd]\npaths = drivers/inputd\ndest = /usr/bin initfs:/bin         ; in the image and in the initfs\n"
		 "[package zerod]\npaths = zerod\ndest = initfs:/bin\ncopy = initfs:/bin/nulld            ; the same\n"
		 "[asset pcid-xhcid]\npath = drivers/usb/xhcid/config.toml\ndest = /etc/pcid.d/xhcid.toml\n"
		 "[watch]\nquiet_ms = 50\non_busy = restart                   ; or queue\ntrigger = save\nhold_over = 0                       ; "
		 "off\n"
		 "[boot]\nwhen = never   ; never | after-inject\ncommand = ./run-dev.sh\nargs = -s\nconsole = socket:${SOCKET_DIR}/redox.sock   "
		 " ; pty\n"
		 "ready = redox login:\nfailure = panicked at|INCORRECT HASH|page fault\ntimeout_s = 60\nexit_ok = 51 ; x\nexit_failed = 53\n"
		 "record = boot took ([0-9.]+)        ; numbers\nstop = monitor:${SOCKET_DIR}/redox-mon.sock  ; how\n"
		 "[check pci]\nsend = ls /scheme/pci\nexpect = 00--\nrequired = yes\n"
		 "[nightly]\nboot = yes\nattempts = 3\nmax_boots = 40\non_boot_failure = rollback\nreport = .reinject/report.html\non_failure = "
		 "mail me\n"
		 "[hooks]\nisolate = yes\n[share]\npath = shared\nafter_put = sync ${X}\n");
	c = f->config;
	is(f, c->sources[0].path, "@/recipes/core/base/source");
	is(f, c->build.target, "@/recipes/core/base/source/aarch64-unknown-redox-clif.json");
	is(f, c->build.codegen_backend, "/tmp/clif/lib/librustc_codegen_cranelift.dylib");
	items_are(f, &c->build.rustflags, "-Cpanic=abort");
	assert_null(c->build.target_dir);
	items_are(f, &c->build.env, "DYLD_LIBRARY_PATH=/home/me/.rustup/lib");
	is(f, c->image.mount_point, "@/redox-mount");
	is(f, c->image.stamp, "/root/.config/ion/initrc");
	is(f, c->initfs.tool, "@/build/redox-initfs-ar");
	assert_int_equal(c->initfs.max_size, 134217728);
	assert_int_equal(c->n_packages, 4);
	p = config_package_find(c, "virtio-netd");
	items_are(f, &p->paths, "drivers/net/virtio-netd");
	items_are(f, &p->uses, "drivers/common|drivers/virtio-core");
	items_are(f, &config_package_find(c, "xhcid")->dests, "/usr/lib/drivers");
	items_are(f, &config_package_find(c, "inputd")->dests, "/usr/bin|initfs:/bin");
	items_are(f, &config_package_find(c, "zerod")->copies, "initfs:/bin/nulld");
	assert_null(config_package_find(c, "nothing"));
	assert_int_equal(config_package_unknown(c, "nothing", &err), -ENOENT);
	is(f, err.message, "there is no package 'nothing' in '@/reinject.ini'");
	assert_int_equal(config_package_unknown(c, "xhicd", &err), -ENOENT);
	is(f, err.message, "there is no package 'xhicd' in '@/reinject.ini'; did you mean 'xhcid'?");
	is(f, config_get(c, "boot", "console"), "socket:${SOCKET_DIR}/redox.sock");
	is(f, config_get(c, "boot", "failure"), "panicked at|INCORRECT HASH|page fault");
	is(f, config_get(c, "nightly", "report"), "@/.reinject/report.html");
	assert_int_equal(config_get_uint(c, "watch", "quiet_ms", 7), 50);
	assert_int_equal(config_get_uint(c, "hooks", "isolate", 7), 1);
	assert_int_equal(config_get_uint(c, "image", "tool", 7), 7);
	assert_null(config_get(c, "build", "target_diry"));
	assert_true(config_is_said(c, "boot", "console") && config_is_said(c, "boot", NULL));
	assert_false(config_is_said(c, "image", "leak_limit_mb") || config_is_said(c, "package nothing", NULL));
}

static void the_file_is_found_upwards(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *deep = with_dir(f, "@/a/b/c"), *a = with_dir(f, "@/a"), *other = with_dir(f, "@/elsewhere.ini");

	put(f, "reinject.ini", "[build]\nprofile = top\n");
	put(f, "a/b/c/x", "");
	put(f, "elsewhere.ini", "[build]\nprofile = named\n");
	assert_int_equal(load_args(f, deep, NULL), 0);
	is(f, f->config->file, "@/reinject.ini");
	put(f, "a/reinject.ini", "[build]\nprofile = near\n");
	assert_int_equal(load_args(f, deep, NULL), 0);
	is(f, f->config->build.profile, "near");
	assert_int_equal(load_args(f, a, other), 0);
	is(f, f->config->build.profile, "named");
	assert_int_equal(load_args(f, a, "../elsewhere.ini"), 0);
	is(f, f->config->file, "@/elsewhere.ini");
	assert_int_equal(chdir(deep), 0);
	assert_int_equal(load_args(f, NULL, NULL), 0);
	is(f, f->config->file, "@/a/reinject.ini");
	assert_int_equal(load_args(f, "..", NULL), 0);
	is(f, f->config->file, "@/a/reinject.ini");
	assert_int_equal(chdir("/"), 0);
}

static void missing_files_are_wrong_use(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(load_args(f, f->dir, NULL), -EINVAL);
	assert_int_equal(f->err.class, ERR_USAGE);
	assert_int_equal(f->problems.errors.n, 0);
	assert_non_null(strstr(f->err.message, "no reinject.ini in"));
	assert_non_null(strstr(f->err.hint, "-c FILE"));
	assert_int_equal(load_args(f, f->dir, "not.ini"), -EINVAL);
	assert_int_equal(f->err.class, ERR_USAGE);
	assert_non_null(strstr(f->err.message, "not.ini"));
	assert_true(*f->err.hint);
	assert_int_equal(load_args(f, "/no/such/folder", NULL), -EINVAL);
	assert_non_null(strstr(f->err.message, "/no/such/folder"));
	put(f, "reinject.ini/x", "");
	assert_int_equal(load_args(f, f->dir, NULL), -EINVAL);
	assert_int_equal(f->err.class, ERR_USAGE);
	assert_non_null(strstr(f->err.message, "is a folder"));
	assert_null(f->config);
}

static void writable_files_are_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *path = with_dir(f, "@/reinject.ini"), *map = with_dir(f, "@/p.ini");

	loads(f, "[reinject]\ninclude = \n");
	assert_int_equal(chmod(path, 0664), 0);
	assert_int_equal(load_args(f, f->dir, NULL), 0);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(load_args(f, f->dir, NULL), -EINVAL);
	assert_int_equal(f->err.class, ERR_USAGE);
	assert_non_null(strstr(f->err.message, "refused"));
	put(f, "p.ini", "");
	assert_int_equal(chmod(map, 0606), 0);
	FAILS(f, "[reinject]\ninclude = p.ini\n", "@/reinject.ini:2: include: configuration '@/p.ini' is refused");
}

static void all_problems_are_told_in_order(void **state)
{
	struct fixture *f = *state;

	put(f, "p.ini", "[package b]\npath = x\n");
	FAILS(f,
	      "[reinject]\ninclude = p.ini\n[bulid]\nx = 1\n[build]\ntoolchian = x\nprofile = a\n b\n[image]\nmode = shadwo\nmount_timeout_ms = "
	      "1\n"
	      "[kernel]\n[package a]\ndest = usr\nbins = a\nbins = b\n",
	      "@/reinject.ini:3: unknown section [bulid]; did you mean [build]?",
	      "@/reinject.ini:6: unknown key 'toolchian' in [build]; did you mean 'toolchain'?",
	      "@/reinject.ini:8: the line starts with a blank, but the value of 'profile' before it is no list",
	      "@/reinject.ini:10: mode: expected shadow, live or in-place, found 'shadwo'",
	      "@/reinject.ini:11: mount_timeout_ms: expected a number from 100 to 600000 ms, found '1'",
	      "@/reinject.ini:12: unknown section [kernel]", "@/reinject.ini:13: [package a] needs 'paths'",
	      "@/reinject.ini:14: dest: expected a place that starts with", "@/reinject.ini:16: 'bins' stands twice in [package a]",
	      "@/p.ini:1: [package b] needs 'paths'", "@/p.ini:2: unknown key 'path' in [package b]; did you mean 'paths'?");
	assert_non_null(strstr(f->err.message, "has 11 errors"));
}

static void names_are_checked(void **state)
{
	struct fixture *f = *state;

	FAILS(f, "[package]\n[packages foo]\n[package -a]\n[package a b]\n[package a/b]\n[source]\n[source x.y]\n[check a/b]\n[destination]\n",
	      ":1: [package] needs a name: [package NAME]", ":2: unknown section [packages foo]; did you mean [package NAME]?",
	      ":3: '-a' is no name for a package", ":4: 'a b' is no name for a package", ":5: 'a/b' is no name", ":6: [source] needs a name",
	      ":8: 'a/b' is no name for a check", ":9: unknown section [destination]; did you mean [destinations]?");
	FAILS(f, "[build]\nenv.A B = 1\nenv. = 1\n", ":2: 'A B' is no name for a variable", ":3: unknown key 'env.' in [build]");
	loads(f, "[package _9p-d]\npaths = a\n");
	is(f, f->config->packages[0].name, "_9p-d");
}

static void lists_go_on_in_indented_lines(void **state)
{
	struct fixture *f = *state;

	loads(f, "[build]\nrustflags = -Ca=b\n  -Cc=d\\ e ; why\n\n\t-Cf\nenv.A =\n[package a]\npaths = a\ncommand = make 'b c'\n  d \\\n  "
		 "e\nartifact = f\n");
	items_are(f, &f->config->build.rustflags, "-Ca=b|-Cc=d e|-Cf");
	items_are(f, &f->config->packages[0].command, "make|b c|d|e");
	items_are(f, &f->config->build.env, "A=");
	FAILS(f, "[build]\nfeatures = a\n  strip = x\n  profile=y\n  b=c\n",
	      ":3: the line looks like a key, but starts with a blank, so that it continues the value of 'features'",
	      ":4: the line looks like a key");
	FAILS(f, "[image]\npath = a\n  b\n  c\n", ":3: the line starts with a blank, but the value of 'path'",
	      ":4: the line starts with a blank");
}

static void included_files_give_way(void **state)
{
	struct fixture *f = *state;
	const struct config_package *a;

	put(f, "sub/one.ini",
	    "[package a]\npaths = one\nuses = u1\nbins = b1\n[package c]\npaths = c\n[build]\nprofile = one\n[image]\npath = i.img\n"
	    "[destinations]\none/** = /one\nall = /all1\n");
	put(f, "two three.ini",
	    "[package a]\npaths = two\nuses = u2\nactivate = none\n[build]\nprofile = two\nfeatures = x\n[destinations]\ntwo = /two\n");
	loads(f, "[reinject]\ninclude = sub/one.ini\n  two\\ three.ini\n[package a]\npaths = main\n[package b]\npaths = b\n[destinations]\nmain "
		 "= /main\nall = /all0\n");
	assert_int_equal(f->config->n_packages, 3);
	a = &f->config->packages[0];
	items_are(f, &a->paths, "main");
	items_are(f, &a->uses, "u1");
	items_are(f, &a->bins, "b1");
	is(f, a->activate, "none");
	is(f, a->file, "@/reinject.ini");
	assert_int_equal(a->line, 4);
	is(f, f->config->packages[2].file, "@/sub/one.ini");
	assert_int_equal(f->config->packages[2].line, 5);
	is(f, f->config->build.profile, "one");
	items_are(f, &f->config->build.features, "x");
	is(f, f->config->image.path, "@/i.img");
	assert_int_equal(f->config->n_destinations, 4);
	is(f, f->config->destinations[0].pattern, "main");
	items_are(f, &f->config->destinations[1].dests, "/all0");
	is(f, f->config->destinations[2].pattern, "one/**");
	is(f, f->config->destinations[3].pattern, "two");
}

static void included_files_have_problems_too(void **state)
{
	struct fixture *f = *state;

	put(f, "p.ini", "[reinject]\ninclude = q.ini\n[watch]\nquiet_ms = x\n");
	FAILS(f, "[reinject]\ninclude = p.ini\n  no.ini\n[watch]\nquiet_ms = 5\n",
	      "@/reinject.ini:2: include: cannot open configuration '@/no.ini'", "@/p.ini:2: an included file cannot include another",
	      "@/p.ini:4: quiet_ms: expected a number");
	FAILS(f, "[reinject]\ninclude = reinject.ini\n", ":2: an included file cannot include another");
}

static void overrides_win(void **state)
{
	struct fixture *f = *state;

	put(f, "p.ini", "[package a]\npaths = a\ndest = /p\n");
	put(f, "q.ini", "[package q]\npaths = q\n");
	strvec_add(&f->overrides, "build.profile=dev");
	strvec_add(&f->overrides, "build.profile=mine");
	strvec_add(&f->overrides, "build.env.A=b=c");
	strvec_add(&f->overrides, "build.env.X=9");
	strvec_add(&f->overrides, "package a.dest=/o initfs:/o");
	strvec_add(&f->overrides, "package new.paths=new");
	strvec_add(&f->overrides, "asset x.toml.path=x.toml");
	strvec_add(&f->overrides, "asset x.toml.dest=/etc/x.toml");
	strvec_add(&f->overrides, "image.path=x.img");
	strvec_add(&f->overrides, "destinations.**=/all");
	strvec_add(&f->overrides, "destinations.b=/b2");
	strvec_add(&f->overrides, "build.target=");
	loads(f, "[reinject]\ninclude = p.ini\n[build]\nprofile = x\ntarget = y\nenv.X = 1\n[destinations]\na = /a\nb = /b\n");
	is(f, f->config->build.profile, "mine");
	assert_null(f->config->build.target);
	items_are(f, &f->config->build.env, "A=b=c|X=9");
	items_are(f, &f->config->packages[0].dests, "/o|initfs:/o");
	is(f, f->config->packages[1].name, "new");
	is(f, f->config->packages[1].file, "-o");
	is(f, f->config->assets[0].name, "x.toml");
	is(f, f->config->image.path, "@/x.img");
	is(f, f->config->destinations[0].pattern, "**");
	is(f, f->config->destinations[2].pattern, "b");
	items_are(f, &f->config->destinations[2].dests, "/b2");
	strvec_add(&f->overrides, "reinject.include=q.ini");
	loads(f, "[reinject]\ninclude = no.ini\n[package a]\npaths = a\n");
	assert_int_equal(f->config->n_packages, 3);
}

static void wrong_overrides_are_errors(void **state)
{
	struct fixture *f = *state;

	strvec_add(&f->overrides, "build.profle=x");
	strvec_add(&f->overrides, "biuld.profile=x");
	strvec_add(&f->overrides, "profile=x");
	strvec_add(&f->overrides, "build.profile");
	strvec_add(&f->overrides, "watch.quiet_ms=x");
	strvec_add(&f->overrides, "package b.uses=x");
	strvec_add(&f->overrides, "package b c.paths=x");
	strvec_add(&f->overrides, "build.profile=a\nb");
	FAILS(f, "", "-o build.profle=x: unknown key 'profle' in [build]; did you mean 'profile'?",
	      "-o biuld.profile=x: unknown section [biuld]; did you mean [build]?", "-o profile=x: expected section.key=value",
	      "-o build.profile: expected section.key=value", "-o watch.quiet_ms=x: expected a number",
	      "-o package b c.paths=x: 'b c' is no name for a package", "must stand in one line", "-o: [package b] needs 'paths'");
}

static void variables_come_from_the_environment(void **state)
{
	struct fixture *f = *state;

	setenv("T_DIR", "/with blank", 1);
	setenv("HOME", "/home/me", 1);
	unsetenv("T_UNSET");
	loads(f, "[build]\nrustflags = -L${T_DIR} ~/x\nrelibc = ${T_DIR}/y\ncargo_args = ${T_DIR}\ncodegen_backend = \\${T}\n");
	items_are(f, &f->config->build.rustflags, "-L/with blank|/home/me/x");
	is(f, f->config->build.relibc, "/with blank/y");
	is(f, f->config->build.codegen_backend, "@/${T}");
	FAILS(f, "[build]\nrelibc = ${T_UNSET}\nrustflags = ${T\n[boot]\nconsole = ${T_UNSET}\n",
	      ":2: relibc: the environment variable T_UNSET is not set", ":3: rustflags: '${T' has no closing brace");
}

static void note_value(void *data, const char *section, const char *key, const char *value, const char *origin)
{
	str_printf(data, "%s.%s=%s (%s)\n", section, key, value, origin);
}

static void values_have_origins(void **state)
{
	struct fixture *f = *state;
	CLEANUP(str_clear) struct str all = { 0 }, again = { 0 };
	CLEANUP_FREE char *expected = with_dir(f, "reinject.include=@/p.ini (@/reinject.ini:7)\n"
						  "reinject.state=@/.reinject (default)\n"
						  "reinject.keep_runs=100 (default)\n"
						  "reinject.keep_days=1 (default)\n"
						  "reinject.auto_update=yes (default)\n"
						  "source default.path=@ (default)\n"
						  "source default.shared=Cargo.toml .cargo rust-toolchain.toml (default)\n"
						  "build.rustflags=a\\ b c (@/reinject.ini:9)\n"
						  "build.profile=dev (-o)\n"
						  "build.env.B=1 (@/reinject.ini:10)\n"
						  "build.env.A=2 (@/reinject.ini:11)\n"
						  "build.strip=llvm-strip (default)\n"
						  "build.cache=none (default)\n");
	const char *packages;
	CLEANUP_FREE char *expected_packages = with_dir(f, "package z.paths=z (@/reinject.ini:2)\n"
							   "package z.bins=z (default)\n"
							   "package z.dest=/usr/bin (@/reinject.ini:5)\n"
							   "package z.activate=none (@/p.ini:2)\n"
							   "watch.quiet_ms=50 (default)\n");

	strvec_add(&f->overrides, "build.profile=dev");
	put(f, "p.ini", "[package z]\nactivate = none\n");
	loads(f, "[package z]\npaths = z\n[destinations]\nx = /x\n** = /usr/bin\n[reinject]\ninclude = p.ini\n[build]\nrustflags = a\\ b   "
		 "c\nenv.B = "
		 "1\nenv.A = 2\n");
	config_each_value(f->config, note_value, &all);
	config_each_value(f->config, note_value, &again);
	assert_string_equal(str_text(&all), str_text(&again));
	if (!str_starts(str_text(&all), expected))
		fail_msg("%s", str_text(&all));
	packages = strstr(str_text(&all), "package z.paths");
	if (!packages || !str_starts(packages, expected_packages))
		fail_msg("%s", str_text(&all));
	assert_non_null(strstr(str_text(&all), "\nimage.tool=redoxfs (default)\n"));
	assert_non_null(strstr(str_text(&all), "\nboot.command=./run-dev.sh (default)\n"));
}

static void freeing_nothing_is_fine(void **state)
{
	struct config *config = NULL;

	(void)state;
	config_free(NULL);
	config_freep(&config);
}

/* The complete sample that is installed; the working folder is the repository's when `make check-unit` runs. */
static void the_installed_sample_is_right(void **state)
{
	struct fixture *f = *state;
	static const char *const none[] = { NULL };

	if (access("config/samples/redox-aarch64.ini", R_OK) < 0)
		skip();
	setenv("HOME", "/home/me", 1);
	if (load_args(f, NULL, "config/samples/redox-aarch64.ini") < 0)
		sentences_are(f, &f->problems.errors, none);
	assert_non_null(f->config);
	assert_non_null(config_package_find(f->config, "virtio-netd"));
	items_are(f, &config_package_find(f->config, "virtio-netd")->dests, "/usr/lib/drivers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_installed_sample_is_right), /* first: others leave the working folder */
		TEST(an_empty_file_has_defaults),
		TEST(an_empty_value_is_unsaid),
		TEST(the_sample_is_read),
		TEST(the_file_is_found_upwards),
		TEST(missing_files_are_wrong_use),
		TEST(writable_files_are_refused),
		TEST(all_problems_are_told_in_order),
		TEST(names_are_checked),
		TEST(lists_go_on_in_indented_lines),
		TEST(included_files_give_way),
		TEST(included_files_have_problems_too),
		TEST(overrides_win),
		TEST(wrong_overrides_are_errors),
		TEST(variables_come_from_the_environment),
		TEST(values_have_origins),
		TEST(freeing_nothing_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
