/* What the host has to give: FUSE, the boot script, QEMU. */
#include "setup/doctor_internal.h"

#include "base/fs.h"
#include "cargo/generate.h"
#include "config/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FUSE_CONF = 1 << 16 };

/* -- FUSE ------------------------------------------------------------------------------------------------------------------------------------- */

static bool may_allow_other(void)
{
	CLEANUP(str_clear) struct str text = { 0 };
	const char *p;

	if (fs_read("/etc/fuse.conf", MAX_FUSE_CONF, &text, NULL) < 0)
		return false;
	p = str_text(&text);
	return str_starts(p, "user_allow_other") || strstr(p, "\nuser_allow_other");
}

void doctor_look_fuse(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	CLEANUP_CLOSE int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	int r = fd < 0 ? errno : 0;

	if (r == ENOENT || r == ENODEV || r == ENXIO) {
		doctor_fail(finding, "this system has no /dev/fuse");
		doctor_mend(finding, false, "sudo modprobe fuse, or in a container: --device /dev/fuse --cap-add SYS_ADMIN");
	} else if (r != 0) {
		doctor_fail(finding, "/dev/fuse may not be opened: %s", strerror(r));
		doctor_mend(finding, false, "sudo chmod 0666 /dev/fuse (a udev rule keeps it), or run as root");
	} else if (geteuid() != 0 && doctor->config->image.mode == CONFIG_IMAGE_LIVE && !may_allow_other()) {
		doctor_warn(finding, "other users, root too, cannot see what you mount: /etc/fuse.conf lacks user_allow_other");
		doctor_mend(finding, false, "echo user_allow_other | sudo tee -a /etc/fuse.conf");
	} else {
		doctor_ok(finding, "/dev/fuse can be opened");
	}
}

/* -- booting ---------------------------------------------------------------------------------------------------------------------------------- */

/* The program of [boot] command, absolute when it has a slash; NULL when nothing is said, and the default is not there either. */
static char *boot_program(const struct config *config)
{
	CLEANUP(strvec_clear) struct strvec words = { 0 };
	const char *command = config_get(config, "boot", "command");
	CLEANUP_FREE char *usual = fs_absolute(config->dir, command ? command : "");

	if (!command || (!config_is_said(config, "boot", "command") && !fs_exists(usual)) || schema_split_command(command, &words, NULL) < 0 ||
	    words.n == 0 || strchr(words.v[0], '$'))
		return NULL;
	return strchr(words.v[0], '/') && *words.v[0] != '~' ? fs_absolute(config->dir, words.v[0]) : xstrdup(words.v[0]);
}

void doctor_look_boot(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *program = boot_program(doctor->config), *found = program ? fs_find_program(program) : NULL;

	if (!program) {
		doctor_skip(finding, "the configuration names no script that boots the image");
	} else if (found) {
		doctor_ok(finding, "%s", found);
	} else if (fs_exists(program)) {
		doctor_warn(finding, "'%s' is not executable", program);
		doctor_mend(finding, true, "chmod +x %s", doctor_word(doctor, program));
	} else {
		doctor_warn(finding, "there is no '%s'", program);
		doctor_mend(finding, false, "in [boot]: command = what boots the image");
	}
}

int doctor_fix_boot(struct doctor *doctor, struct err *err)
{
	CLEANUP_FREE char *program = boot_program(doctor->config);
	struct stat st;

	if (!program || stat(program, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is no file!", program ? program : "[boot] command");
	/* Whoever may read it may run it. */
	if (chmod(program, (st.st_mode & 07777) | ((st.st_mode & 0444) >> 2)) < 0)
		return err_set(err, -errno, "cannot change the mode of '%s'", program);
	return 0;
}

void doctor_look_qemu(struct doctor *doctor, struct setup_doctor_finding *finding)
{
	CLEANUP_FREE char *machine = cargo_generate_machine(doctor->config->build.target);
	CLEANUP_FREE char *program = boot_program(doctor->config), *name = NULL, *path = NULL;

	if (!program) {
		doctor_skip(finding, "nothing boots the image");
		return;
	}
	if (strlen(machine) == 4 && machine[0] == 'i' && str_ends(machine, "86"))
		name = xstrdup("qemu-system-i386");
	else
		name = xasprintf("qemu-system-%s", str_starts(machine, "riscv64") ? "riscv64" : machine);
	path = fs_find_program(name);
	if (path) {
		doctor_ok(finding, "'%s'", path);
		return;
	}
	doctor_warn(finding, "there is no '%s' on PATH", name);
	doctor_mend(finding, false, "install QEMU (Debian: apt-get install qemu-system)");
}
