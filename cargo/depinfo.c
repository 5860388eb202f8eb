#include "cargo/depinfo.h"

#include "base/fs.h"

#include <errno.h>
#include <string.h>

enum { MAX_SIZE = 16 << 20 };

/* One word; a blank in it stands behind a backslash. */
static const char *take_word(const char *p, struct str *word)
{
	for (; *p && *p != ' ' && *p != '\n'; p++) {
		if (p[0] == '\\' && (p[1] == ' ' || p[1] == '\\'))
			p++;
		str_add_c(word, *p);
	}
	return p;
}

static int parse_rule(const char *text, const char *workspace, struct strvec *ret)
{
	const char *p = strstr(text, ": ");

	if (!p)
		return strchr(text, ':') ? 0 : -EBADMSG;
	for (p += 2; *p && *p != '\n';) {
		CLEANUP(str_clear) struct str word = { 0 };

		p += strspn(p, " ");
		p = take_word(p, &word);
		if (word.len > 0)
			strvec_take(ret, fs_absolute(workspace, word.buf));
	}
	return 0;
}

/* BINARY.d; where a program has a suffix (.efi), it takes that one's place. */
static char *path_of(const char *binary)
{
	const char *suffix = strrchr(fs_basename(binary), '.');
	char *path = xasprintf("%s.d", binary);

	if (!suffix || fs_exists(path))
		return path;
	free(path);
	return xasprintf("%.*s.d", (int)(suffix - binary), binary);
}

int cargo_depinfo_read(const char *binary, const char *workspace, struct strvec *ret, struct err *err)
{
	CLEANUP_FREE char *path = path_of(binary);
	CLEANUP(str_clear) struct str text = { 0 };
	int r = fs_read(path, MAX_SIZE, &text, err);

	if (r < 0)
		return r;
	r = parse_rule(str_text(&text), workspace, ret);
	return r < 0 ? err_set(err, r, "'%s' is not what cargo writes!", path) : 0;
}
