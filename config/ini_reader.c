#include "config/ini_reader.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* inih calls next_line() for each line and take_value() for each key or continuation in it. Both share a struct reader, so that a value can be
 * given its line, and so that a line from which inih made nothing is noticed when the next one is asked for. Headers are read here: inih only
 * hears that one has come. */

#define MAX_FILE (16 * 1024 * 1024) /* bytes; the largest generated map that was seen has 20 KB */
#define NONE     ((size_t)-1)

struct reader {
	const char *text; /* the whole file */
	size_t n, at;
	unsigned int line;
	bool indented;         /* the line that inih has starts with a blank */
	bool awaited;          /* a value must come out of it */
	bool broken;           /* it was reported */
	size_t section, entry; /* where we are; NONE: nowhere */
	struct config_ini *ini;
	struct config_report *report;
};

static bool is_blank(char c)
{
	return isspace((unsigned char)c);
}

#define complain(reader, ...)                                                                                                                   \
	do {                                                                                                                                    \
		if (!(reader)->broken)                                                                                                          \
			config_report_add((reader)->report, CONFIG_ERROR, (reader)->ini->path, (reader)->line, __VA_ARGS__);                    \
		(reader)->broken = true;                                                                                                        \
	} while (0)

static struct config_ini_section *section_find(const struct config_ini *ini, const char *name)
{
	for (size_t i = 0; i < ini->n_sections; i++)
		if (strcmp(ini->sections[i].name, name) == 0)
			return &ini->sections[i];
	return NULL;
}

static struct config_ini_entry *entry_find(const struct config_ini_section *section, const char *key)
{
	for (size_t i = 0; i < section->n_entries; i++)
		if (strcmp(section->entries[i].key, key) == 0)
			return &section->entries[i];
	return NULL;
}

const struct config_ini_entry *config_ini_find(const struct config_ini *ini, const char *section, const char *key)
{
	const struct config_ini_section *s = section_find(ini, section);

	return s ? entry_find(s, key) : NULL;
}

/* The words of @text with one blank between them: '[package  init ]' is [package init]. */
static char *squeeze(const char *text, size_t n)
{
	struct str s = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (!is_blank(text[i]))
			str_add_c(&s, text[i]);
		else if (s.len > 0 && i + 1 < n && !is_blank(text[i + 1]))
			str_add_c(&s, ' ');
	}
	return str_take(&s);
}

/* The ']' of header @line, or NULL; a comment may stand in its way. */
static const char *header_end(const char *line)
{
	for (const char *p = line + 1; *p; p++) {
		if (*p == ']')
			return p;
		if (*p == ';' && is_blank(p[-1]))
			return NULL;
	}
	return NULL;
}

static void enter_section(struct reader *reader, const char *line)
{
	const char *end = header_end(line), *rest;
	CLEANUP_FREE char *name = end ? squeeze(line + 1, (size_t)(end - line - 1)) : xstrdup("");
	struct config_ini *ini = reader->ini;
	const struct config_ini_section *before;

	if (!end)
		complain(reader, "a section's header without ']'");
	else if (!*name)
		complain(reader, "a section's header without a name");
	for (rest = end ? end + 1 : ""; is_blank(*rest); rest++)
		;
	if (*rest && !(strchr(";#", *rest)))
		complain(reader, "'%s' stands after the section's header and would be lost; give it a line of its own", rest);
	before = *name ? section_find(ini, name) : NULL;
	reader->entry = NONE;
	if (before) {
		complain(reader, "[%s] stands twice; it began at line %u", name, before->line);
		reader->section = (size_t)(before - ini->sections);
		return;
	}
	grow_array(&ini->sections, &ini->cap_sections, ini->n_sections, sizeof(*ini->sections));
	ini->sections[ini->n_sections] = (struct config_ini_section){ .line = reader->line, .broken = !*name };
	ini->sections[ini->n_sections].name = TAKE_PTR(name);
	reader->section = ini->n_sections++;
}

/* inih takes 'a:b = c' for the key 'a', silently. */
static bool ends_at_colon(const char *line)
{
	const char *p = line;

	while (*p && *p != '=' && *p != ':' && !(*p == ';' && p > line && is_blank(p[-1])))
		p++;
	return *p == ':';
}

/* What @line is, before inih sees it. Returns what inih shall see. */
static const char *inspect(struct reader *reader, const char *line)
{
	const char *start = line;

	while (is_blank(*start))
		start++;
	reader->indented = start > line;
	reader->awaited = false;
	if (!*start || strchr(";#", *start))
		return "";
	if (reader->indented && reader->entry == NONE) {
		complain(reader, "the line starts with a blank, and there is no list before it to continue");
		return "";
	}
	if (reader->indented && *start == '[') {
		complain(reader, "the line looks like a section's header, but starts with a blank");
		return "";
	}
	if (*line == '[') {
		enter_section(reader, line);
		return "[section]";
	}
	if (!reader->indented && ends_at_colon(line))
		complain(reader, "a key ends at '=' here, not at ':'");
	reader->awaited = true;
	return line;
}

static void settle(struct reader *reader)
{
	if (reader->awaited)
		complain(reader, "the line is neither a [section] nor 'key = value'");
	reader->awaited = false;
}

static char *next_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	const char *line = reader->text + reader->at, *end;
	size_t n, room = (size_t)size - 1 < CONFIG_INI_MAX_LINE ? (size_t)size - 1 : CONFIG_INI_MAX_LINE;
	char copy[CONFIG_INI_MAX_LINE + 1];

	settle(reader);
	if (reader->at >= reader->n)
		return NULL;
	end = memchr(line, '\n', reader->n - reader->at);
	n = end ? (size_t)(end - line) : reader->n - reader->at;
	reader->at += n + 1;
	reader->line++;
	reader->broken = false;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n > room)
		complain(reader, "the line has %zu bytes; %zu are allowed (a list goes on in a line that starts with a blank)", n, room);
	n = n < room ? n : room;
	memcpy(copy, line, n);
	copy[n] = '\0';
	for (char *nul; (nul = memchr(copy, '\0', n)); *nul = '?')
		complain(reader, "the line holds a NUL byte");
	/* The caller's buffer has room for `room` bytes and a NUL, and so has what inspect() gives. */
	strcpy(buffer, inspect(reader, copy));
	return buffer;
}

/* Cuts the comment that ' ;' starts, which inih of some versions leaves in continued lines, and the blanks before it. */
static size_t value_length(const char *value)
{
	size_t n = 0;

	while (value[n] && !(n > 0 && value[n] == ';' && is_blank(value[n - 1])))
		n++;
	while (n > 0 && is_blank(value[n - 1]))
		n--;
	return n;
}

static void continue_entry(struct reader *reader, const char *value)
{
	struct config_ini_entry *entry = &reader->ini->sections[reader->section].entries[reader->entry];
	char *joined = xasprintf("%s\n%.*s", entry->value, (int)value_length(value), value);

	free(entry->value);
	entry->value = joined;
	entry->broken |= reader->broken;
	grow_array(&entry->continued, &entry->cap_continued, entry->n_continued, sizeof(*entry->continued));
	entry->continued[entry->n_continued++] = reader->line;
}

static int take_value(void *user, const char *inih_section, const char *key, const char *value)
{
	struct reader *reader = user;
	struct config_ini_section *section;
	const struct config_ini_entry *before;

	(void)inih_section; /* cut at 49 bytes: ours is whole */
	reader->awaited = false;
	if (reader->indented) {
		continue_entry(reader, value);
		return 1;
	}
	reader->entry = NONE;
	if (!*key)
		complain(reader, "there is no key before the '='");
	if (reader->section == NONE)
		complain(reader, "'%s' stands before the first [section]", key);
	if (!*key || reader->section == NONE)
		return 1;
	section = &reader->ini->sections[reader->section];
	before = entry_find(section, key);
	if (before)
		complain(reader, "'%s' stands twice in [%s]; the first is at line %u", key, section->name, before->line);
	grow_array(&section->entries, &section->cap_entries, section->n_entries, sizeof(*section->entries));
	section->entries[section->n_entries] = (struct config_ini_entry){
		.key = xstrdup(key),
		.value = xstrndup(value, value_length(value)),
		.line = reader->line,
		.broken = reader->broken,
	};
	reader->entry = section->n_entries++;
	return 1;
}

static bool is_sudo_user(uid_t uid)
{
	const char *text = getenv("SUDO_UID");
	char *end;
	unsigned long value;

	if (!text || !isdigit((unsigned char)*text))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	return errno == 0 && !*end && value == uid;
}

static int check_trust(const char *path, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode)) {
		return err_class_set(err, ERR_USAGE, -EINVAL, "configuration '%s' is %s", path,
				     S_ISDIR(st->st_mode) ? "a folder" : "no regular file");
	}
	if (st->st_mode & S_IWOTH) {
		err_class_set(err, ERR_USAGE, -EINVAL, "configuration '%s' is refused: everybody may write it, and it names programs to run",
			      path);
		err_hint(err, "chmod o-w '%s'", path);
		return -EINVAL;
	}
	if (st->st_uid != geteuid() && st->st_uid != 0 && !is_sudo_user(st->st_uid)) {
		err_class_set(err, ERR_USAGE, -EINVAL, "configuration '%s' is refused: it belongs to user %u, who is neither you nor root", path,
			      (unsigned int)st->st_uid);
		err_hint(err, "look at what is in it, then make it yours: sudo chown %u '%.700s'", (unsigned int)geteuid(), path);
		return -EINVAL;
	}
	return 0;
}

/* One descriptor for the checks and the content, so that both are of the same file; O_NONBLOCK, so that a FIFO does not hold us. */
static int read_trusted(const char *path, struct str *ret, struct err *err)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char buffer[8192];
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = err_class_set(err, ERR_USAGE, -EINVAL, "cannot open configuration '%s': %s", path, strerror(errno));
		err_hint(err, "name the right one with -c FILE; config/samples/redox-aarch64.ini is a complete one to start from");
		return r;
	}
	r = check_trust(path, &st, err);
	if (r < 0)
		return r;
	while ((n = read(fd, buffer, sizeof(buffer))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_class_set(err, ERR_USAGE, -EINVAL, "cannot read configuration '%s': %s", path, strerror(errno));
		str_add_n(ret, buffer, (size_t)n);
		if (ret->len > MAX_FILE)
			return err_class_set(err, ERR_USAGE, -EINVAL, "configuration '%s' has more than %d bytes", path, MAX_FILE);
	}
	return 0;
}

int config_ini_read(const char *path, struct config_ini *ret, struct config_report *report, struct err *err)
{
	CLEANUP(str_clear) struct str text = { 0 };
	struct reader reader = { .section = NONE, .entry = NONE, .report = report };
	struct config_ini ini = { 0 };
	size_t n_notes = report->n_notes;
	int r = read_trusted(path, &text, err);

	if (r < 0)
		return r;
	ini.path = xstrdup(path);
	reader.ini = &ini;
	reader.text = str_text(&text);
	reader.n = text.len;
	if (text.len >= 3 && memcmp(reader.text, "\xEF\xBB\xBF", 3) == 0)
		reader.at = 3;
	r = ini_parse_stream(next_line, &reader, take_value, &reader);
	if (r != 0 && report->n_notes == n_notes) {
		/* inih saw something that we did not: better said roughly than not at all. */
		config_report_add(report, CONFIG_ERROR, path, r > 0 ? (unsigned int)r : 0, "the line cannot be read");
	}
	*ret = ini;
	return 0;
}

static void section_clear(struct config_ini_section *section)
{
	for (size_t i = 0; i < section->n_entries; i++) {
		free(section->entries[i].key);
		free(section->entries[i].value);
		free(section->entries[i].continued);
	}
	free(section->entries);
	free(section->name);
}

void config_ini_clear(struct config_ini *ini)
{
	for (size_t i = 0; i < ini->n_sections; i++)
		section_clear(&ini->sections[i]);
	free(ini->sections);
	free(ini->path);
	*ini = (struct config_ini){ 0 };
}
