/* All lines but the events: greeting, wish, reply, end. */
#include "server/wire.h"

#include "config/config.h"
#include "server/codec.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { MAX_NAME = 255, MAX_PACKAGES = 4096, MAX_ERRNO = 4095, MAX_WAIT_S = 86400 };

static const char *const wish_names[] = {
	[SERVER_WISH_REFRESH] = "refresh", [SERVER_WISH_BUILD] = "build",   [SERVER_WISH_STATUS] = "status",
	[SERVER_WISH_PAUSE] = "pause",     [SERVER_WISH_RESUME] = "resume", [SERVER_WISH_WAIT] = "wait",
};

static const char *const state_names[] = {
	[SERVER_WATCH_IDLE] = "idle",
	[SERVER_WATCH_BUILDING] = "building",
	[SERVER_WATCH_PAUSED] = "paused",
	[SERVER_WATCH_WAITING] = "waiting",
};

void server_wish_clear(struct server_wish *wish)
{
	strvec_clear(&wish->packages);
	free(wish->dest);
	*wish = (struct server_wish){ 0 };
}

void server_line_clear(struct server_line *line)
{
	refresh_plan_clear(&line->plan);
	refresh_activations_clear(&line->activations);
	strvec_clear(&line->keep);
	json_decref(line->root);
	*line = (struct server_line){ 0 };
}

static void digest_value(void *data, const char *section, const char *key, const char *value, const char *origin)
{
	struct hash *hash = data;

	(void)origin;
	hash_field(hash, "section", section);
	hash_field(hash, key, value);
}

void server_wire_digest(const struct config *config, char ret[HASH_HEX_SIZE])
{
	CLEANUP(hash_freep) struct hash *hash = hash_new();

	config_each_value(config, digest_value, hash);
	hash_end(hash, ret);
}

/* -- writing ----------------------------------------------------------------------------------------------------------------------------------- */

int server_wire_add_greeting(struct str *to, const struct server_greeting *greeting)
{
	return server_codec_add_line(to,
				     json_pack("{s:i, s:i, s:o, s:o, s:o}", "reinject", SERVER_WIRE_VERSION, "pid", (int)greeting->pid, "config",
					       server_codec_text(greeting->config, PATH_MAX), "image",
					       server_codec_text(greeting->image, PATH_MAX), "digest",
					       server_codec_text(greeting->digest, HASH_HEX_SIZE)),
				     SERVER_WIRE_MAX);
}

int server_wire_add_wish(struct str *to, const struct server_wish *wish)
{
	return server_codec_add_line(to,
				     json_pack("{s:i, s:s, s:b, s:I, s:o, s:o}", "reinject", SERVER_WIRE_VERSION, "wish", wish_names[wish->kind],
					       "retry", wish->retry, "wait_s", (json_int_t)wish->wait_s, "packages",
					       server_codec_strings(&wish->packages), "dest", server_codec_text(wish->dest, PATH_MAX)),
				     SERVER_WIRE_MAX_WISH);
}

int server_wire_add_alive(struct str *to)
{
	return server_codec_add_line(to, json_pack("{s:b}", "alive", 1), SERVER_WIRE_MAX);
}

int server_wire_add_reply(struct str *to, json_t *reply)
{
	return server_codec_add_line(to, json_pack("{s:o}", "reply", reply), SERVER_WIRE_MAX);
}

int server_wire_add_end(struct str *to, int status, const struct err *err)
{
	json_t *object = json_pack("{s:i}", "end", status);

	if (err && err->class) {
		json_object_set_new(object, "code", json_integer(err->code < 0 && err->code >= -MAX_ERRNO ? err->code : -EIO));
		json_object_set_new(object, "class", json_integer(err->class));
		json_object_set_new(object, "message", server_codec_text(err->message, sizeof(err->message)));
		json_object_set_new(object, "hint", server_codec_text(err->hint, sizeof(err->hint)));
	}
	return server_codec_add_line(to, object, SERVER_WIRE_MAX);
}

const char *server_watch_state_name(enum server_watch_state state)
{
	return state_names[state];
}

json_t *server_wire_status(const struct server_watch_status *status)
{
	return json_pack("{s:i, s:s, s:o, s:o, s:I}", "pid", (int)status->pid, "state", state_names[status->state], "doing",
			 server_codec_text(status->doing, PATH_MAX), "run", status->run > 0 ? json_integer(status->run) : json_null(),
			 "since_ms", (json_int_t)status->since_ms);
}

/* -- reading ----------------------------------------------------------------------------------------------------------------------------------- */

static int other_version(int64_t version, struct err *err)
{
	err_class_set(err, ERR_ENVIRONMENT, -EPROTONOSUPPORT,
		      "the other reinject speaks version %lld on the watch's socket, this one version %d", (long long)version,
		      SERVER_WIRE_VERSION);
	err_hint(err, "two versions of reinject are in use: end the watch and start it again with this one");
	return -EPROTONOSUPPORT;
}

static int check_version(const json_t *root, struct err *err)
{
	int64_t version;
	int r = server_codec_read_int(json_object_get(root, "reinject"), 1, INT64_MAX, &version);

	if (r == 0 && version != SERVER_WIRE_VERSION)
		return other_version(version, err);
	return r;
}

static int read_greeting(struct server_line *line, struct err *err)
{
	struct server_greeting *greeting = &line->greeting;
	int64_t pid = 0;
	int r = check_version(line->root, err);

	if (r == 0)
		r = server_codec_read_int(json_object_get(line->root, "pid"), 0, INT32_MAX, &pid);
	if (r == 0)
		r = server_codec_read_text(json_object_get(line->root, "config"), PATH_MAX, &line->keep, &greeting->config);
	if (r == 0)
		r = server_codec_read_text(json_object_get(line->root, "image"), PATH_MAX, &line->keep, &greeting->image);
	if (r == 0)
		r = server_codec_read_text(json_object_get(line->root, "digest"), HASH_HEX_SIZE, &line->keep, &greeting->digest);
	greeting->pid = (pid_t)pid;
	return r == 0 && (!greeting->config || !greeting->digest) ? -EPROTO : r;
}

static bool is_class(int64_t class)
{
	return class == 0 || (class >= ERR_FAILED && class <= ERR_ENVIRONMENT) || class == ERR_BUSY || class == ERR_INTERRUPTED;
}

static int read_said(struct server_line *line, const char *key, char ret[ERR_TEXT_SIZE])
{
	const char *text;
	int r = server_codec_read_text(json_object_get(line->root, key), ERR_TEXT_SIZE, &line->keep, &text);

	if (r == 0 && text)
		snprintf(ret, ERR_TEXT_SIZE, "%s", text);
	return r;
}

/* An error without a code, or a code without an error, would let a failure pass for success. */
static int read_end(struct server_line *line)
{
	int64_t status = 0, code = 0, class = 0;
	int r = server_codec_read_int(json_object_get(line->root, "end"), 0, 255, &status);

	if (r == 0)
		r = server_codec_read_int(json_object_get(line->root, "code"), -MAX_ERRNO, 0, &code);
	if (r == 0)
		r = server_codec_read_int(json_object_get(line->root, "class"), 0, 255, &class);
	if (r == 0)
		r = read_said(line, "message", line->err.message);
	if (r == 0)
		r = read_said(line, "hint", line->err.hint);
	if (r < 0 || !is_class(class) || (class == 0) != (code == 0) || (class != 0 && status == 0))
		return -EPROTO;
	line->status = (int)status;
	line->err.code = (int)code;
	line->err.class = (enum err_class) class;
	return 0;
}

static int read_reply(struct server_line *line)
{
	line->reply = json_object_get(line->root, "reply");
	return json_is_object(line->reply) ? 0 : -EPROTO;
}

static int read_by_key(struct server_line *line, struct err *err)
{
	if (json_object_get(line->root, "event")) {
		line->type = SERVER_LINE_EVENT;
		return server_wire_read_event(line);
	}
	if (json_object_get(line->root, "alive")) {
		line->type = SERVER_LINE_ALIVE;
		return 0;
	}
	if (json_object_get(line->root, "reply")) {
		line->type = SERVER_LINE_REPLY;
		return read_reply(line);
	}
	if (json_is_integer(json_object_get(line->root, "end"))) {
		line->type = SERVER_LINE_END;
		return read_end(line);
	}
	line->type = SERVER_LINE_GREETING;
	return json_object_get(line->root, "reinject") ? read_greeting(line, err) : -EPROTO;
}

static int no_line_of_ours(size_t n, struct err *err)
{
	return err_set(err, -EPROTO, "the watch's socket carries %zu bytes that are no line of reinject's!", n);
}

int server_wire_read(const char *line, size_t n, struct server_line *ret, struct err *err)
{
	int r = -EPROTO;

	if (n < SERVER_WIRE_MAX)
		ret->root = server_codec_parse(line, n);
	if (ret->root)
		r = read_by_key(ret, err);
	return r == -EPROTO ? no_line_of_ours(n, err) : r;
}

int server_wire_read_status(struct server_line *line, struct server_watch_status *ret, struct err *err)
{
	const char *state = json_string_value(json_object_get(line->reply, "state"));
	int64_t pid = 0;
	int r = server_codec_read_int(json_object_get(line->reply, "pid"), 0, INT32_MAX, &pid);

	ret->pid = (pid_t)pid;
	if (r == 0)
		r = server_codec_read_text(json_object_get(line->reply, "doing"), PATH_MAX, &line->keep, &ret->doing);
	if (r == 0)
		r = server_codec_read_int(json_object_get(line->reply, "run"), 0, INT64_MAX, &ret->run);
	if (r == 0)
		r = server_codec_read_int(json_object_get(line->reply, "since_ms"), 0, INT64_MAX, &ret->since_ms);
	for (size_t i = 0; r == 0 && i < N_ELEMENTS(state_names); i++) {
		ret->state = (enum server_watch_state)i;
		if (str_eq(state, state_names[i]))
			return 0;
	}
	return err_set(err, -EPROTO, "the watch's answer about itself makes no sense!");
}

/* -- the wish ---------------------------------------------------------------------------------------------------------------------------------- */

/* Whether there is such a package is the plan's to say, as for the command line. */
static bool is_package_name(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > MAX_NAME || name[0] == '-' || name[0] == '/')
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return true;
}

/* As cli_check_dest() has it. */
static bool is_dest(const char *dest)
{
	if (dest[0] != '/' || strlen(dest) >= PATH_MAX)
		return false;
	for (const char *p = dest; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		if (strcspn(p, "/") == 2 && p[0] == '.' && p[1] == '.')
			return false;
	}
	return true;
}

static bool is_sensible(const struct server_wish *wish)
{
	bool builds = wish->kind == SERVER_WISH_BUILD, refreshes = wish->kind == SERVER_WISH_REFRESH;

	for (size_t i = 0; i < wish->packages.n; i++)
		if (!is_package_name(wish->packages.v[i]))
			return false;
	if (wish->packages.n > MAX_PACKAGES || (wish->dest && !is_dest(wish->dest)))
		return false;
	return !(builds && wish->packages.n == 0) && !(wish->wait_s > 0 && !builds && !refreshes) && !(wish->packages.n > 0 && !builds && !refreshes) && !(wish->dest && !builds) &&
	       !(wish->retry && !refreshes);
}

static int read_kind(const json_t *value, enum server_wish_kind *ret)
{
	for (size_t i = 0; i < N_ELEMENTS(wish_names); i++) {
		if (!str_eq(json_string_value(value), wish_names[i]))
			continue;
		*ret = (enum server_wish_kind)i;
		return 0;
	}
	return -EPROTO;
}

static int read_wish(const json_t *root, struct server_wish *wish, struct err *err)
{
	CLEANUP(strvec_clear) struct strvec keep = { 0 };
	const char *dest = NULL;
	int64_t wait_s = 0;
	int r = json_object_get(root, "reinject") ? check_version(root, err) : -EPROTO;

	if (r == 0)
		r = read_kind(json_object_get(root, "wish"), &wish->kind);
	if (r == 0)
		r = server_codec_read_bool(json_object_get(root, "retry"), &wish->retry);
	if (r == 0)
		r = server_codec_read_int(json_object_get(root, "wait_s"), 0, MAX_WAIT_S, &wait_s);
	if (r == 0)
		r = server_codec_read_strings(json_object_get(root, "packages"), MAX_NAME, &wish->packages);
	if (r == 0)
		r = server_codec_read_text(json_object_get(root, "dest"), PATH_MAX, &keep, &dest);
	wish->dest = dest ? xstrdup(dest) : NULL;
	wish->wait_s = (uint32_t)wait_s;
	return r == 0 && !is_sensible(wish) ? -EPROTO : r;
}

int server_wire_read_wish(const char *line, size_t n, struct server_wish *ret, struct err *err)
{
	CLEANUP(server_wish_clear) struct server_wish wish = { 0 };
	json_t *root = n < SERVER_WIRE_MAX_WISH ? server_codec_parse(line, n) : NULL;
	int r = root ? read_wish(root, &wish, err) : -EPROTO;

	json_decref(root);
	if (r == -EPROTO)
		return err_set(err, r, "%zu bytes came in that are no wish!", n);
	if (r < 0)
		return r;
	*ret = wish;
	wish = (struct server_wish){ 0 };
	return 0;
}
