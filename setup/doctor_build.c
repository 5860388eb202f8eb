/* What cargo, rustc, the linker and strip need. cargo looks at none of it before it runs; its own words on these are hard to read. */
#include "setup/doctor_internal.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/sudo.h"
#include "cargo/cache.h"
#include "cargo/generate.h"
#include "cargo/toolchain.h"

#include <jansson.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE_LIMIT_MS = 60000, MAX_TEXT = 1 << 22, MAX_COPIES = 100 };

/* -- toolchain -------------------------------------------------------------------------------------------------------------------------------- */

/* The rustc that a build will use; NULL when the toolchain that is named is not there. */
static char *find_rustc(const struct config *config)
{
	CLEANUP(strvec_clear) struct strvec found = { 0 };
	const char *named = config->build.toolchain;

	cargo_toolchain_find(config, &found);
	for (size_t i = 0; i < found.n; i++)
		if (!named || !*named || strstr(found.v[i], named))
			return xstrdup(found.v[i]);
	return NULL;
}

static bool has_source(const char *rustc)
{
	CLEANUP_FREE char *bin = fs_dirname(rustc), *library = fs_absolute(bin, "../lib/rustlib/src/rust/library");

	return fs_is_dir(library);
}

void doctor_look_toolchain(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const struct config_build *build = &doctor->config->build;
	CLEANUP_FREE char *rustc = find_rustc(doctor->config), *cargo = fs_find_program("cargo");

	if (!cargo) {
		doctor_fail(finding, "there is no cargo on PATH");
		doctor_mend(finding, false, "install it from https://rustup.rs");
	} else if (!rustc) {
		doctor_fail(finding, "toolchain '%s' is not installed", build->toolchain ? build->toolchain : "");
		doctor_mend(finding, false, "rustup toolchain install %s%s", build->toolchain ? build->toolchain : "stable",
			    build->build_std ? " --component rust-src" : "");
	} else if (build->build_std && !has_source(rustc)) {
		doctor_fail(finding, "build_std needs the standard library's source, which '%s' lacks", rustc);
		doctor_mend(finding, false, "rustup component add rust-src --toolchain %s", build->toolchain ? build->toolchain : "stable");
	} else {
		doctor_ok(finding, "'%s'", rustc);
	}
}

/* -- target ----------------------------------------------------------------------------------------------------------------------------------- */

static void look_at_triple(const struct config *config, struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *rustc = find_rustc(config), *bin = rustc ? fs_dirname(rustc) : NULL;
	CLEANUP_FREE char *relative = xasprintf("../lib/rustlib/%s/lib", config->build.target), *lib = bin ? fs_absolute(bin, relative) : NULL;

	if (config->build.build_std || (lib && fs_is_dir(lib))) {
		doctor_ok(finding, "%s", config->build.target);
		return;
	}
	doctor_fail(finding, "the toolchain has no standard library for '%s'", config->build.target);
	doctor_mend(finding, false, "rustup target add %s, or [build] build_std = core,alloc,std,panic_abort", config->build.target);
}

static json_t *read_json(const char *path, struct setup_doctor_finding *finding)
{
	json_error_t why;
	json_t *root = json_load_file(path, 0, &why);

	if (!root || !json_is_object(root))
		doctor_fail(finding, "'%s' is no JSON: line %d: %s", path, root ? 1 : why.line, root ? "no object" : why.text);
	return root;
}

void doctor_look_target(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const struct config_build *build = &doctor->config->build;
	const json_t *objects;
	json_t *root;

	if (!build->target) {
		doctor_skip(finding, "a build for the host");
		return;
	}
	if (!str_ends(build->target, ".json")) {
		look_at_triple(doctor->config, finding);
		return;
	}
	if (!fs_exists(build->target)) {
		doctor_fail(finding, "the target's specification '%s' is missing", build->target);
		doctor_mend(finding, false, "[build] target = the path of the .json");
		return;
	}
	root = read_json(build->target, finding);
	objects = json_object_get(root, "pre-link-objects");
	if (json_is_object(root) && build->relibc && (!json_is_object(objects) || json_object_size(objects) > 0)) {
		doctor_fail(finding, "'%s' has no empty \"pre-link-objects\", so that rustc looks for start objects of its own", build->target);
		doctor_mend(finding, true, "add to it: \"pre-link-objects\": {}");
	}
	json_decref(root);
	doctor_ok(finding, "'%s'", build->target);
}

static int write_target(const char *path, json_t *root, struct err *err)
{
	CLEANUP_FREE char *text = json_dumps(root, JSON_INDENT(2)), *ended = text ? xasprintf("%s\n", text) : NULL;
	CLEANUP_FREE char *real = realpath(path, NULL); /* a link stays one */
	struct stat st;

	if (!ended || !real || stat(real, &st) < 0)
		return err_set(err, -EIO, "cannot write '%s'!", path);
	return fs_write_for_owner(real, ended, strlen(ended), st.st_mode & 07777, err);
}

static bool has_content(const char *path, const struct str *content)
{
	CLEANUP(str_clear) struct str text = { 0 };

	return fs_read(path, MAX_TEXT, &text, NULL) == 0 && text.len == content->len && memcmp(text.buf, content->buf, text.len) == 0;
}

/* Beside it, under the first name that nobody has: a file.orig that is there may be somebody's only copy of something else. */
static int keep_original(const char *path, const struct str *content, struct err *err)
{
	for (int i = 0; i < MAX_COPIES; i++) {
		CLEANUP_FREE char *copy = i == 0 ? xasprintf("%s.orig", path) : xasprintf("%s.orig.%d", path, i);

		if (!fs_exists(copy))
			return fs_write_for_owner(copy, str_text(content), content->len, 0644, err);
		if (has_content(copy, content))
			return 0;
	}
	return err_set(err, -EEXIST, "'%s.orig' and %d more of that name are there: no name is left for a copy!", path, MAX_COPIES - 1);
}

/* The order of keys is kept, layout and comments are not: hence the copy. */
int doctor_fix_target(struct doctor *doctor, struct err *err)
{
	const char *path = doctor->config->build.target;
	CLEANUP(str_clear) struct str before = { 0 };
	json_t *root;
	int r = fs_read(path, MAX_TEXT, &before, err);

	if (r == 0)
		r = keep_original(path, &before, err);
	if (r < 0)
		return r;
	root = json_loadb(before.buf, before.len, 0, NULL);
	if (!json_is_object(root))
		r = err_set(err, -EBADMSG, "'%s' is no JSON object!", path);
	else
		json_object_set_new(root, "pre-link-objects", json_object());
	if (r == 0)
		r = write_target(path, root, err);
	json_decref(root);
	return r;
}

/* -- backend ---------------------------------------------------------------------------------------------------------------------------------- */

static void keep_first_line(void *data, const char *line, size_t n)
{
	struct str *words = data;

	if (words->len == 0 && str_starts(line, "error"))
		str_add_n(words, line, n);
}

/* Compiles nothing with the backend, on behalf of whoever the source belongs to; true when rustc took it. */
static bool probe(struct doctor *doctor, const char *rustc, const char *dir, struct str *words, struct err *err)
{
	const struct config_build *build = &doctor->config->build;
	CLEANUP_FREE char *backend = xasprintf("-Zcodegen-backend=%s", build->codegen_backend), *out = xasprintf("%s/probe.rmeta", dir);
	const char *argv[] = { rustc, "--crate-name=probe", "--crate-type=lib", "--emit=metadata", backend, "-o", out, "-", NULL };
	CLEANUP(strvec_clear) struct strvec env = { 0 };
	struct proc_spec spec = { .argv = (char *const *)argv,
				  .cwd = dir,
				  .on_stderr = keep_first_line,
				  .data = words,
				  .timeout_ms = PROBE_LIMIT_MS,
				  .cancel = doctor->cancel };
	struct proc_result result;

	proc_environment(&env);
	for (size_t i = 0; i < build->env.n; i++) {
		CLEANUP_FREE char *name = xstrndup(build->env.v[i], strcspn(build->env.v[i], "="));

		proc_environment_set(&env, name, build->env.v[i] + strlen(name) + 1);
	}
	sudo_drop(doctor->config->sources[0].path, &env, &spec);
	if (spec.uid != 0 && chown(dir, spec.uid, spec.gid) < 0)
		return err_set(err, -errno, "cannot hand on '%s'", dir) == 0;
	spec.env = env.v;
	return proc_run(&spec, &result, err) == 0 && !result.signalled && result.status == 0;
}

void doctor_look_backend(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const char *backend = doctor->config->build.codegen_backend, *base = getenv("TMPDIR");
	CLEANUP_FREE char *rustc = find_rustc(doctor->config), *dir = xasprintf("%s/reinject-doctor.XXXXXX", base && *base ? base : "/tmp");
	CLEANUP(str_clear) struct str words = { 0 };
	struct err err = ERR_INIT;

	if (!backend) {
		doctor_skip(finding, "rustc's own");
	} else if (!fs_exists(backend)) {
		doctor_fail(finding, "'%s' is missing", backend);
		doctor_mend(finding, false, "build it (./y.sh build), or [build] codegen_backend = its library");
	} else if (!rustc) {
		doctor_skip(finding, "there is no toolchain to load it with");
	} else if (!mkdtemp(dir)) {
		doctor_warn(finding, "cannot make a folder to try it in: %s", strerror(errno));
	} else {
		if (probe(doctor, rustc, dir, &words, &err)) {
			doctor_ok(finding, "'%s' loads", backend);
		} else {
			doctor_fail(finding, "'%s' does not load with '%s': %s", backend, rustc, words.len > 0 ? words.buf : err.message);
			doctor_mend(finding, false, "build it with that toolchain, or [build] toolchain = the one it was built with");
		}
		(void)!fs_remove_tree(dir, NULL);
	}
}

/* -- relibc ----------------------------------------------------------------------------------------------------------------------------------- */

void doctor_look_relibc(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	static const char *const names[] = { "crt0.o", "crt0_rust.o", "crti.o", "crtn.o", "libunwind_stubs.a" };
	const char *relibc = doctor->config->build.relibc;
	CLEANUP(strvec_clear) struct strvec missing = { 0 };
	CLEANUP_FREE char *list = NULL;

	if (!relibc) {
		doctor_skip(finding, "none is named");
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", relibc, names[i]);

		if (!fs_exists(path))
			strvec_add(&missing, names[i]);
	}
	list = strvec_join(&missing, ", ");
	if (missing.n == 0) {
		doctor_ok(finding, "'%s'", relibc);
		return;
	}
	doctor_fail(finding, "'%s' lacks %s", relibc, list);
	doctor_mend(finding, false, "build relibc for this target, or [build] relibc = the folder of its crt0.o");
}

void doctor_look_libgcc(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const char *relibc = doctor->config->build.relibc;
	CLEANUP_FREE char *path = relibc ? xasprintf("%s/libgcc_eh.a", relibc) : NULL;

	if (!path || !fs_is_dir(relibc)) {
		doctor_skip(finding, "there is no relibc");
	} else if (!fs_exists(path)) {
		doctor_fail(finding, "'%s' is missing ('libgcc_eh not found')", path);
		doctor_mend(finding, true, "llvm-ar rcs %s", doctor_word(doctor, path));
	} else {
		doctor_ok(finding, "'%s'", path);
	}
}

/* What `llvm-ar rcs` makes without members: the magic of ar(5) alone. */
int doctor_fix_libgcc(struct doctor *doctor, struct err *err)
{
	static const char empty[] = "!<arch>\n";
	CLEANUP_FREE char *path = xasprintf("%s/libgcc_eh.a", doctor->config->build.relibc);

	return fs_write_for_owner(path, empty, strlen(empty), 0644, err);
}

/* -- strip, sccache --------------------------------------------------------------------------------------------------------------------------- */

void doctor_look_strip(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const char *strip = doctor->config->build.strip;
	CLEANUP_FREE char *path = strip && *strip ? fs_find_program(strip) : NULL;

	if (!strip || !*strip || str_eq(strip, "none")) {
		doctor_ok(finding, "nothing is stripped");
	} else if (!path) {
		doctor_fail(finding, "there is no '%s'", strip);
		doctor_mend(finding, false, "install llvm (Debian: apt-get install llvm), or [build] strip = its path");
	} else if (doctor->config->build.target && !strstr(fs_basename(path), "llvm")) {
		doctor_warn(finding, "'%s' may not know the ELF files of '%s'", path, doctor->config->build.target);
		doctor_mend(finding, false, "[build] strip = llvm-strip");
	} else {
		doctor_ok(finding, "'%s'", path);
	}
}

/* A variable of the build: [build] env.NAME, then ours. */
static const char *variable(const struct config *config, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = config->build.env.n; i-- > 0;)
		if (strncmp(config->build.env.v[i], name, n) == 0 && config->build.env.v[i][n] == '=')
			return config->build.env.v[i] + n + 1;
	return getenv(name);
}

/* The tree's own word in .cargo/config.toml, [env]: cargo lets the environment win over it. */
static bool tree_is_incremental(const struct config *config)
{
	for (size_t i = 0; i < config->n_sources; i++) {
		CLEANUP_FREE char *path = xasprintf("%s/.cargo/config.toml", config->sources[i].path);
		CLEANUP(str_clear) struct str text = { 0 };
		const char *p;

		if (fs_read(path, MAX_TEXT, &text, NULL) < 0 || !(p = strstr(str_text(&text), "CARGO_INCREMENTAL")))
			continue;
		p += strlen("CARGO_INCREMENTAL");
		p += strspn(p, " \t=\"'");
		if (*p == '1')
			return true;
	}
	return false;
}

/* [build] cache = sccache turns incremental builds off by itself; what is left is whether it is there. */
static void look_at_cache(const struct config_build *build, struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *program = cargo_cache_program(build);
	struct err err = ERR_INIT;

	if (program) {
		doctor_ok(finding, "[build] cache, by '%s'", program);
	} else if (cargo_cache_require(build, &err) < 0) {
		doctor_fail(finding, "%s", err.message);
		doctor_mend(finding, false, "cargo install sccache --locked, or in [build]: cache = none");
	}
}

void doctor_look_sccache(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	const char *wrapper = variable(doctor->config, "RUSTC_WRAPPER"), *incremental = variable(doctor->config, "CARGO_INCREMENTAL");
	bool used = wrapper && strstr(wrapper, "sccache");

	if (cargo_cache_is_used(&doctor->config->build)) {
		look_at_cache(&doctor->config->build, finding);
	} else if (!used) {
		doctor_skip(finding, "it is not used");
	} else if (incremental ? !str_eq(incremental, "0") : tree_is_incremental(doctor->config)) {
		doctor_fail(finding, "builds are incremental (CARGO_INCREMENTAL), and RUSTC_WRAPPER is sccache");
		doctor_mend(finding, false, "unset RUSTC_WRAPPER, or in [build]: env.CARGO_INCREMENTAL = 0");
	} else {
		doctor_ok(finding, "used, and nothing is incremental");
	}
}
