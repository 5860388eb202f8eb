/* reinject.ini: first the reader alone, then all that is made of it. A file may be wrong in any way; every wrong is told at a line that exists. */
#include "fuzz.h"

#include "config/ini_reader.h"

#include <unistd.h>

static unsigned int count_lines(const uint8_t *data, size_t n)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < n; i++)
		lines += data[i] == '\n';
	return lines;
}

static void check_ini(const struct config_ini *ini, unsigned int lines)
{
	for (size_t i = 0; i < ini->n_sections; i++) {
		const struct config_ini_section *section = &ini->sections[i];

		FUZZ_CHECK(section->name && section->line <= lines);
		for (size_t j = 0; j < section->n_entries; j++) {
			const struct config_ini_entry *entry = &section->entries[j];

			FUZZ_CHECK(entry->key && entry->value && entry->line >= section->line && entry->line <= lines);
			FUZZ_CHECK(section->broken || entry->broken || config_ini_find(ini, section->name, entry->key));
		}
	}
}

static void read_alone(const char *path, unsigned int lines)
{
	struct config_ini ini = { 0 };
	struct config_report report = { 0 };
	struct config_problems problems = { 0 };
	struct err err = ERR_INIT;

	FUZZ_CHECK(config_ini_read(path, &ini, &report, &err) == 0);
	check_ini(&ini, lines);
	for (size_t i = 0; i < report.n_notes; i++)
		FUZZ_CHECK(report.notes[i].text && report.notes[i].line <= lines);
	config_report_end(&report, &problems);
	FUZZ_CHECK(problems.errors.n == report.n_errors);
	config_problems_clear(&problems);
	config_report_clear(&report);
	config_ini_clear(&ini);
}

static void check_value(void *data, const char *section, const char *key, const char *value, const char *origin)
{
	(void)data;
	FUZZ_CHECK(section && key && value && origin);
}

static void load(const char *path)
{
	struct config_args args = { .file = path, .dir = fuzz_dir() };
	struct config_problems problems = { 0 };
	struct config *config = NULL;
	struct err err = ERR_INIT;
	int r = config_load(&args, &config, &problems, &err);

	FUZZ_CHECK((r == 0) == (config != NULL));
	FUZZ_CHECK(r == 0 || problems.errors.n > 0 || err.message[0]);
	if (config) {
		config_each_value(config, check_value, NULL);
		for (size_t i = 0; i < config->n_packages; i++)
			FUZZ_CHECK(config->packages[i].source < config->n_sources && config_package_find(config, config->packages[i].name));
	}
	config_free(config);
	config_problems_clear(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP_FREE char *path = fuzz_file("reinject.ini", data, n);

	read_alone(path, count_lines(data, n));
	load(path);
	return 0;
}
