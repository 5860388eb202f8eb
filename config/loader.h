/* config/loader - inside of config/ only: what the parts of config_load() share.
 *
 * Sequence: config.c reads the files into settings; then, in this order, config_fill_sources(), _build(), _image(), _initfs() (config_fill.c),
 *           config_fill_destinations(), _packages(), _assets() (config_packages.c), config_check_places(), _missing() (config_check.c);
 *           config.c writes down the values.
 * Each goes on after an error, so that all are found; what is wrong is left out. */
#ifndef REINJECT_CONFIG_LOADER_H
#define REINJECT_CONFIG_LOADER_H

#include "config/config.h"
#include "config/report.h"
#include "config/settings.h"

struct config_value {
	char *section;
	char *key;
	char *text;
	char *origin;
};

struct config_loader {
	struct config *config; /* owned, being filled */
	struct config_settings settings;
	struct config_report report;
};

/** Reports about a whole section, at its header. */
void config_loader_report(struct config_loader *loader, enum config_severity severity, const struct config_section *section, const char *format,
			  ...) PRINTF(4, 5);
/** Reports about a key of a section, at its line; at the header when it was not said. */
void config_loader_report_key(struct config_loader *loader, const struct config_section *section, const char *key, const char *format, ...)
	PRINTF(4, 5);

/** The text of a valid, not empty value; the caller frees it. NULL when there is none. */
char *config_loader_text(const struct config_section *section, const char *key) MUST_CHECK;
void config_loader_items(const struct config_section *section, const char *key, struct strvec *ret);

void config_fill_sources(struct config_loader *loader);
void config_fill_build(struct config_loader *loader);
void config_fill_image(struct config_loader *loader);
void config_fill_initfs(struct config_loader *loader);

void config_fill_destinations(struct config_loader *loader);
void config_fill_packages(struct config_loader *loader);
void config_fill_assets(struct config_loader *loader);

void config_check_places(struct config_loader *loader);
void config_check_missing(struct config_loader *loader);

#endif
