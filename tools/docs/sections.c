#include "tools/docs/docs.h"

#include <string.h>

/* What no row of a table can say: what a section is for, and what a file of them looks like. */

const char *const docs_file_form[] = {
	"`reinject.ini` is looked for in the working folder and upwards; `-c FILE` names another, and `-o SECTION.KEY=VALUE` sets one key for "
	"one call. "
	"`reinject init` writes a first one, `reinject config` prints what is in force, each value with the file and line that set it, and "
	"`reinject doctor configuration` says what is wrong with it.",

	"A line has at most 198 bytes. A comment begins with `;` or `#` at a line's start, or with a blank and `;` behind a value. A line that "
	"starts with a "
	"blank continues the list before it, and is an error elsewhere. What is unknown, said twice, of the wrong type or out of range is an "
	"error with "
	"file and line, and all errors are told at once (exit status 2).",

	"Lists are separated by blanks: `\\ ` is a blank inside an item, `\\;` a semicolon. Commands are split like a shell's words and run "
	"without a shell. "
	"Patterns are POSIX extended regular expressions. `~` and `${VAR}` are expanded. A path of the host counts from the folder of "
	"`reinject.ini`, a path "
	"in the source from the source's `path`.",

	"A place is a path in the image, `initfs:/PATH` (a member of the initfs) or `share:/PATH` (the folder that the guest sees). One that "
	"ends in `/`, or is "
	"a folder there, gets the file under its own name. Folders are not made: one that the image lacks is an error. A file that is replaced "
	"keeps its mode and owner; a new one belongs to root, a program with mode 0755, an asset with 0644.",

	"A file that others may write, or that belongs neither to you nor to root (nor to the user who called sudo), is refused: it names "
	"programs that "
	"are run.",
};
const size_t docs_n_file_form = N_ELEMENTS(docs_file_form);

const struct docs_section docs_sections[] = {
	{ "reinject", "The program itself: what else belongs to the configuration, and what is kept for how long.",
	  "[reinject]\n"
	  "include = packages.ini\n" },
	{ "source *",
	  "A cargo workspace in a git work tree. There may be several; packages and assets belong to the first one unless they say otherwise. "
	  "The name is "
	  "yours. `Cargo.lock` needs no mention: it is compared package by package.",
	  "[source base]\n"
	  "path = recipes/core/base/source\n"
	  "ignore = rust\n" },
	{ "build",
	  "How cargo is called. Without this section it is a plain `cargo build --release -p PACKAGE` for the host, once for each package. "
	  "`reinject build -n -v "
	  "PKG` prints the whole command line. Nothing here is checked before cargo runs: what is missing is cargo's error, which `reinject "
	  "doctor` "
	  "explains.",
	  "[build]\n"
	  "toolchain = nightly-2026-01-02\n"
	  "target = x86_64-unknown-redox\n"
	  "strip = llvm-strip\n" },
	{ "image", "The disk image, and how it is written. docs/image-safety.md says what each mode promises.",
	  "[image]\n"
	  "path = build/x86_64/harddrive.img\n"
	  "format = redoxfs\n" },
	{ "initfs",
	  "The initfs is a packed folder with the bootstrap program in it. It is packed anew when a package or asset with a destination "
	  "`initfs:/...`, the "
	  "folder, the bootstrap or the packer has changed, and goes into the image with everything else, once its header was found good.",
	  "[initfs]\n"
	  "dir = build/initfs\n"
	  "tool = build/redox-initfs-ar\n"
	  "bootstrap = build/bootstrap\n" },
	{ "destinations",
	  "Where the binaries of packages go that have no `dest` of their own. A key is a glob over the package's first folder (`**` goes "
	  "through "
	  "several levels), a value the places; the first match wins. What has no destination is neither stale nor built.",
	  "[destinations]\n"
	  "drivers/** = /usr/lib/drivers\n"
	  "daemons/** = /usr/bin\n" },
	{ "package *",
	  "One package, named as cargo names it. `reinject init` writes a map of all of them. A package that is no cargo crate names a "
	  "`command` and the "
	  "`artifact` it makes.",
	  "[package netd]\n"
	  "paths = drivers/netd\n"
	  "uses = lib/virtio\n"
	  "dest = /usr/lib/drivers initfs:/bin\n"
	  "activate = reboot\n" },
	{ "asset *", "A file of the source that is copied without a build. The name is yours.",
	  "[asset netd-config]\n"
	  "path = drivers/netd/config.toml\n"
	  "dest = /etc/pcid.d/netd.toml\n" },
	{ "watch", "`reinject watch`: when it looks, and what it does about much or many changes.",
	  "[watch]\n"
	  "quiet_ms = 20\n"
	  "on_busy = queue\n" },
	{ "boot",
	  "How the image is booted by `reinject boot`, after each round of a watch, and at night. The command gets the image's path as "
	  "`RAW_IMG`.",
	  "[boot]\n"
	  "command = ./run-dev.sh -s\n"
	  "ready = redox login:\n"
	  "failure = panicked at|INCORRECT HASH|page fault\n"
	  "timeout_s = 120\n" },
	{ "check *",
	  "After `ready`: lines that are sent to the guest's console, and what must come back. The name is yours; checks run in the file's "
	  "order.",
	  "[check pci]\n"
	  "send = ls /scheme/pci\n"
	  "expect = 00--\n" },
	{ "nightly", "`reinject nightly`, see docs/nights.md.",
	  "[nightly]\n"
	  "attempts = 3\n"
	  "on_failure = notify-send 'reinject: a bad night'\n" },
	{ "hooks", "The git hooks that `reinject hooks install` writes, see docs/hooks.md.",
	  "[hooks]\n"
	  "isolate = yes\n" },
	{ "share",
	  "A folder of this machine that the guest sees over 9p. What goes to `share:/` is copied there; no image is swapped and nothing "
	  "booted. What is lost there, or is another file, is put again by the next refresh; so is everything, where `path` becomes another.",
	  "[share]\n"
	  "path = shared\n" },
};
const size_t docs_n_sections = N_ELEMENTS(docs_sections);

static bool has_section(const char *name)
{
	for (size_t i = 0; i < docs_n_sections; i++)
		if (strcmp(docs_sections[i].name, name) == 0)
			return true;
	return false;
}

static bool lacks(bool is_there, const char *what, const char *name, const char *part)
{
	if (!is_there)
		fprintf(stderr, "gendocs: %s '%s%s%s' has no text\n", what, name, *part ? "." : "", part);
	return !is_there;
}

static size_t missing_options(const char *owner, const struct cli_option *table)
{
	size_t n = 0;

	for (; table && table->name; table++)
		n += lacks(table->help && table->help[0], "option", owner, table->name);
	return n;
}

bool docs_complete(void)
{
	size_t n = missing_options("reinject", cli_global_options);

	for (size_t i = 0; cli_verbs[i]; i++) {
		const struct cli_verb *verb = cli_verbs[i];

		n += lacks(verb->summary && verb->summary[0] && verb->description && verb->description[0], "verb", verb->name, "");
		n += missing_options(verb->name, verb->options);
	}
	for (size_t i = 0; i < schema_n_options; i++) {
		const struct schema_option *option = &schema_options[i];

		n += lacks(option->help && option->help[0], "key", option->section, option->key);
		n += lacks(has_section(option->section), "section", option->section, "");
	}
	for (size_t i = 0; i < docs_n_sections; i++) {
		CLEANUP_FREE char *name = xasprintf("%.*sx", (int)strcspn(docs_sections[i].name, "*"), docs_sections[i].name);

		n += lacks(schema_has_section(strchr(docs_sections[i].name, '*') ? name : docs_sections[i].name), "section of the program",
			   docs_sections[i].name, "");
	}
	return n == 0;
}
