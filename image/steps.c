/* The list is text, a line for each step, appended and synced; a last line without its end is one that was never written. Words are separated by blanks;
 * a byte that is no plain letter of a path is written as %XX. */
#include "image/steps.h"

#include "base/fault.h"
#include "base/fs.h"
#include "image/place.h"
#include "image/put.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char first_line[] = "reinject steps 1\n";
static const char decided_line[] = "decided\n";

static const size_t max_file = 64u << 20;

struct image_steps *image_steps_new(const struct image_names *names)
{
	struct image_steps *steps = xcalloc(1, sizeof(*steps));

	steps->file = xstrdup(names->steps);
	steps->dir = xstrdup(names->dir);
	steps->fd = -1;
	return steps;
}

void image_steps_free(struct image_steps *steps)
{
	if (!steps)
		return;
	for (size_t i = 0; i < steps->n; i++) {
		free(steps->v[i].path);
		free(steps->v[i].temp);
	}
	free(steps->v);
	cleanup_close(&steps->fd);
	free(steps->file);
	free(steps->dir);
	free(steps);
}

void image_steps_freep(struct image_steps **steps)
{
	image_steps_free(*steps);
}

/* -- the file -------------------------------------------------------------------------------------------------------------------------------- */

static void add_word(struct str *line, const char *word)
{
	for (const unsigned char *p = (const unsigned char *)word; *p; p++) {
		if (*p > ' ' && *p != '%' && *p < 0x7f)
			str_add_c(line, (char)*p);
		else
			str_printf(line, "%%%02x", *p);
	}
}

static int append(struct image_steps *steps, const char *text, size_t n)
{
	int r = fs_write_all(steps->fd, text, n);

	if (r < 0)
		return r;
	return fs_sync_data(steps->fd);
}

static int open_file(struct image_steps *steps, struct err *err)
{
	int r;

	if (steps->fd >= 0)
		return 0;
	steps->fd = open(steps->file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (steps->fd < 0)
		return err_set(err, -errno, "cannot write '%s'", steps->file);
	image_names_give(steps->fd, steps->dir);
	r = append(steps, first_line, strlen(first_line));
	if (r == 0)
		r = fs_sync_dir(steps->dir);
	return r < 0 ? err_set(err, r, "cannot write '%s'", steps->file) : 0;
}

static int write_step(struct image_steps *steps, const struct image_step *step, struct err *err)
{
	CLEANUP(str_clear) struct str line = { 0 };
	int r;

	str_printf(&line, "step %s %s %s ", step->temp ? step->temp : "-", step->old_hash[0] ? step->old_hash : "-",
		   step->new_hash[0] ? step->new_hash : "-");
	add_word(&line, step->path);
	str_add_c(&line, '\n');
	r = append(steps, line.buf, line.len);
	return r < 0 ? err_set(err, r, "cannot write '%s'", steps->file) : 0;
}

static struct image_step *add(struct image_steps *steps, const char *path, char *temp, const char *old_hash, const char *new_hash)
{
	struct image_step *step;

	grow_array(&steps->v, &steps->cap, steps->n, sizeof(*steps->v));
	step = &steps->v[steps->n++];
	*step = (struct image_step){ .path = xstrdup(path), .temp = temp };
	snprintf(step->old_hash, sizeof(step->old_hash), "%s", old_hash);
	snprintf(step->new_hash, sizeof(step->new_hash), "%s", new_hash);
	return step;
}

int image_steps_add(struct image_steps *steps, const char *path, bool with_temp, const char *old_hash, const char *new_hash,
		    const struct image_step **ret, struct err *err)
{
	char *temp = with_temp ? xasprintf(".reinject-%d-%zu", (int)getpid(), steps->n) : NULL;
	const struct image_step *step = add(steps, path, temp, old_hash, new_hash);
	int r = open_file(steps, err);

	if (r >= 0)
		r = write_step(steps, step, err);
	if (r < 0)
		return r;
	*ret = step;
	return 0;
}

int image_steps_decide(struct image_steps *steps, struct err *err)
{
	int r = FAULT("steps-ready");

	if (r == 0)
		r = append(steps, decided_line, strlen(decided_line));
	if (r < 0)
		return err_set(err, r, "cannot write '%s'", steps->file);
	steps->decided = true;
	r = FAULT("steps-decided");
	return r < 0 ? err_set(err, r, "cannot carry on with '%s'", steps->file) : 0;
}

/* A word of a line, with its bytes as they were; NULL when there is none left. */
static char *next_word(char **rest)
{
	char *word = strtok_r(NULL, " ", rest), *to = word;

	for (char *from = word; word && *from; from++) {
		unsigned int byte;

		if (*from == '%' && isxdigit((unsigned char)from[1]) && sscanf(from + 1, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			from += 2;
		} else {
			*to++ = *from;
		}
	}
	if (word)
		*to = '\0';
	return word;
}

static const char *hash_or_none(const char *word)
{
	return strcmp(word, "-") == 0 ? "" : word;
}

static void parse_line(struct image_steps *steps, char *line)
{
	char *rest = NULL, *kind = strtok_r(line, " ", &rest), *temp, *old_hash, *new_hash, *path;

	if (str_eq(kind, "decided"))
		steps->decided = true;
	if (!str_eq(kind, "step"))
		return;
	temp = next_word(&rest);
	old_hash = temp ? next_word(&rest) : NULL;
	new_hash = old_hash ? next_word(&rest) : NULL;
	path = new_hash ? next_word(&rest) : NULL;
	/* What we write has no '/' in a temporary name; such a file is not to be deleted because a list says so. */
	if (path && !strchr(temp, '/') && (strcmp(temp, "-") == 0 || str_starts(temp, ".reinject-")))
		(void)add(steps, path, strcmp(temp, "-") == 0 ? NULL : xstrdup(temp), hash_or_none(old_hash), hash_or_none(new_hash));
}

int image_steps_load(const struct image_names *names, struct image_steps **ret, struct err *err)
{
	CLEANUP(image_steps_freep) struct image_steps *steps = image_steps_new(names);
	CLEANUP(str_clear) struct str text = { 0 };
	int r = fs_read(names->steps, max_file, &text, err);
	char *line;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	line = text.len > 0 ? text.buf : NULL;
	for (char *end; line && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		parse_line(steps, line);
	}
	*ret = TAKE_PTR(steps);
	return 1;
}

void image_steps_forget(const struct image_names *names)
{
	/* A failure is ignored: the next start finds that all of it is done. */
	if (unlink(names->steps) == 0)
		(void)!fs_sync_dir(names->dir);
}

/* -- in the image ------------------------------------------------------------------------------------------------------------------------------ */

/* A second step for the same path is the one that counts. */
static bool is_superseded(const struct image_steps *steps, size_t i)
{
	for (size_t j = i + 1; j < steps->n; j++)
		if (strcmp(steps->v[j].path, steps->v[i].path) == 0)
			return true;
	return false;
}

/* The digest of file @name in @dir as its daemon has it, not as the kernel remembers it; '' when there is none. */
static int hash_at(int dir, const char *name, char ret[HASH_HEX_SIZE])
{
	CLEANUP_CLOSE int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	ret[0] = '\0';
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	fs_forget(fd);
	return hash_fd(fd, ret, NULL);
}

static int remove_temp(const struct image_place *place, const char *temp)
{
	CLEANUP_CLOSE int fd = -1;

	if (!temp || unlinkat(place->dir, temp, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOSPC)
		return -errno;
	/* Full to the brim, RedoxFS takes the unlink of an empty file only. */
	fd = openat(place->dir, temp, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || unlinkat(place->dir, temp, 0) < 0 ? -errno : 0;
}

/* Where a step happens. Returns 1, or 0 when its folder is gone: then there is nothing of ours either. */
static int find(const struct image_step *step, int root, struct image_place *place, struct err *err)
{
	int r = step->temp ? image_place_find(root, step->path, place, err) : image_place_find_name(root, step->path, place, err);

	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EXDEV)
		return 0;
	return r < 0 ? r : 1;
}

int image_steps_verify(const struct image_steps *steps, int root, struct err *err)
{
	for (size_t i = 0; i < steps->n; i++) {
		CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
		const struct image_step *step = &steps->v[i];
		char hash[HASH_HEX_SIZE];
		int r;

		if (!step->temp || is_superseded(steps, i))
			continue;
		r = image_place_find(root, step->path, &place, err);
		if (r < 0)
			return r;
		r = hash_at(place.dir, step->temp, hash);
		if (r < 0)
			return err_set(err, r, "cannot read '%s' in the image again", step->path);
		if (strcmp(hash, step->new_hash) != 0)
			return err_set(err, -EIO, "'%s' reads back from the image as something else than was written!", step->path);
	}
	return 0;
}

/* The step's file is as it was before: now it happens. */
static int carry_out(const struct image_step *step, const struct image_place *place)
{
	char hash[HASH_HEX_SIZE];
	int r;

	if (!step->temp)
		return image_put_unlink(place);
	r = hash_at(place->dir, step->temp, hash);
	if (r < 0)
		return r;
	if (strcmp(hash, step->new_hash) != 0)
		return -ENODATA;
	return renameat(place->dir, step->temp, place->dir, place->name) < 0 ? -errno : 0;
}

/* What a cut off removal leaves when the image is full: image_put_unlink(). */
static bool is_half_removed(const struct image_step *step, const struct image_place *place)
{
	return !step->temp && place->exists && S_ISREG(place->st.st_mode) && place->st.st_size == 0;
}

/* Returns 0; 1 when somebody else has changed the file; -errno. */
static int apply_at(const struct image_step *step, const struct image_place *place)
{
	char now[HASH_HEX_SIZE] = "";
	int r = place->exists && S_ISREG(place->st.st_mode) ? hash_at(place->dir, place->name, now) : 0;

	if (r < 0)
		return r;
	if (strcmp(now, step->new_hash) == 0 && place->exists == (step->temp != NULL))
		return remove_temp(place, step->temp);
	if ((strcmp(now, step->old_hash) == 0 && place->exists == (step->old_hash[0] != '\0')) || is_half_removed(step, place))
		r = carry_out(step, place);
	else
		r = -ENODATA;
	if (r != -ENODATA)
		return r;
	r = remove_temp(place, step->temp);
	return r < 0 ? r : 1;
}

static int apply_one(const struct image_steps *steps, size_t i, int root, struct strvec *ret_notes, struct err *err)
{
	CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
	const struct image_step *step = &steps->v[i];
	int r = find(step, root, &place, err);

	if (r == 1 && is_superseded(steps, i))
		r = remove_temp(&place, step->temp);
	else if (r == 1)
		r = apply_at(step, &place);
	else if (r == 0)
		r = 1;
	if (r < 0)
		return err_set(err, r, "cannot %s '%s' in the image", step->temp ? "replace" : "remove", step->path);
	if (r == 1)
		strvec_addf(ret_notes, "'%s' was changed by somebody else meanwhile: it is left as it is", step->path);
	return 0;
}

int image_steps_apply(const struct image_steps *steps, int root, struct strvec *ret_notes, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < steps->n; i++) {
		r = apply_one(steps, i, root, ret_notes, err);
		if (r == 0) {
			r = FAULT("steps-one");
			if (r < 0)
				err_set(err, r, "cannot carry on with '%s'", steps->file);
		}
	}
	return r;
}

int image_steps_take_back(const struct image_steps *steps, int root, struct err *err)
{
	for (size_t i = 0; i < steps->n; i++) {
		CLEANUP(image_place_clear) struct image_place place = { .dir = -1 };
		int r = steps->v[i].temp ? find(&steps->v[i], root, &place, err) : 0;

		if (r == 1)
			r = remove_temp(&place, steps->v[i].temp);
		if (r < 0)
			return err_set(err, r, "cannot remove what was written beside '%s' in the image", steps->v[i].path);
	}
	return 0;
}
