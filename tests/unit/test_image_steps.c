/* The list of steps and what it does, on a plain folder: an image's root is a folder like any. And a pulse that is answered. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "image/names.h"
#include "image/pulse.h"
#include "image/steps.h"

struct bench {
	char dir[64];
	char *root; /* DIR/root: what the image holds */
	int fd;
	struct image_names names;
	struct image_steps *steps;
	struct strvec notes;
	struct err err;
};

static char *in_root(const struct bench *b, const char *name)
{
	static char paths[8][256];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", b->root, name);
	return path;
}

static void write_text(const char *path, const char *text)
{
	assert_int_equal(fs_write_atomic(path, text, strlen(text), 0644, NULL), 0);
}

static void assert_text(const char *path, const char *text)
{
	CLEANUP(str_clear) struct str found = { 0 };

	assert_int_equal(fs_read(path, 4096, &found, NULL), 0);
	assert_string_equal(str_text(&found), text);
}

static int setup(void **state)
{
	struct bench *b = xcalloc(1, sizeof(*b));
	CLEANUP_FREE char *image = NULL;

	snprintf(b->dir, sizeof(b->dir), "/tmp/reinject-steps-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	b->root = xasprintf("%s/root", b->dir);
	assert_int_equal(mkdir(b->root, 0755), 0);
	b->fd = open(b->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	image = xasprintf("%s/disk.img", b->dir);
	write_text(image, "an image");
	assert_int_equal(image_names_init(&b->names, image, NULL), 0);
	b->steps = image_steps_new(&b->names);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	image_steps_free(b->steps);
	image_names_clear(&b->names);
	strvec_clear(&b->notes);
	cleanup_close(&b->fd);
	(void)!fs_remove_tree(b->dir, NULL);
	free(b->root);
	free(b);
	return 0;
}

static void hash_of(const char *text, char ret[HASH_HEX_SIZE])
{
	struct hash *hash = hash_new();

	hash_add(hash, text, strlen(text));
	hash_end(hash, ret);
	hash_free(hash);
}

/* A step from @old (NULL: nothing) to @new_text (NULL: removed), ready to be carried out. Returns the temporary file's name. */
static const char *ready(struct bench *b, const char *path, const char *old, const char *new_text)
{
	char old_hash[HASH_HEX_SIZE] = "", new_hash[HASH_HEX_SIZE] = "";
	const struct image_step *step;

	if (old)
		hash_of(old, old_hash);
	if (new_text)
		hash_of(new_text, new_hash);
	assert_int_equal(image_steps_add(b->steps, path, new_text != NULL, old_hash, new_hash, &step, &b->err), 0);
	if (!new_text)
		return NULL;
	write_text(in_root(b, step->temp), new_text);
	return step->temp;
}

/* As the next start finds it. */
static void reload(struct bench *b)
{
	image_steps_free(b->steps);
	b->steps = NULL;
	assert_int_equal(image_steps_load(&b->names, &b->steps, &b->err), 1);
}

static unsigned int n_files(const struct bench *b)
{
	CLEANUP(cleanup_closedir) DIR *dir = opendir(b->root);
	struct dirent *entry;
	unsigned int n = 0;

	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.' || str_starts(entry->d_name, ".reinject");
	return n;
}

static void three(struct bench *b)
{
	write_text(in_root(b, "a"), "old a");
	write_text(in_root(b, "gone"), "old gone");
	ready(b, "/a", "old a", "new a");
	ready(b, "/new 100%\n", NULL, "new one");
	ready(b, "/gone", "old gone", NULL);
}

static void decided_steps_are_carried_out_once_and_again(void **state)
{
	struct bench *b = *state;

	three(b);
	assert_int_equal(image_steps_verify(b->steps, b->fd, &b->err), 0);
	assert_int_equal(image_steps_decide(b->steps, &b->err), 0);
	for (int i = 0; i < 3; i++) {
		reload(b);
		assert_true(b->steps->decided);
		assert_int_equal(b->steps->n, 3);
		assert_int_equal(image_steps_apply(b->steps, b->fd, &b->notes, &b->err), 0);
		assert_int_equal(b->notes.n, 0);
		assert_text(in_root(b, "a"), "new a");
		assert_text(in_root(b, "new 100%\n"), "new one");
		assert_int_equal(n_files(b), 2);
	}
	image_steps_forget(&b->names);
	assert_int_equal(image_steps_load(&b->names, &b->steps, &b->err), 0);
}

static void others_are_taken_back_once_and_again(void **state)
{
	struct bench *b = *state;

	three(b);
	for (int i = 0; i < 3; i++) {
		reload(b);
		assert_false(b->steps->decided);
		assert_int_equal(image_steps_take_back(b->steps, b->fd, &b->err), 0);
		assert_text(in_root(b, "a"), "old a");
		assert_text(in_root(b, "gone"), "old gone");
		assert_int_equal(n_files(b), 2);
	}
}

static void what_somebody_else_changed_stays(void **state)
{
	struct bench *b = *state;

	three(b);
	assert_int_equal(image_steps_decide(b->steps, &b->err), 0);
	write_text(in_root(b, "a"), "theirs");
	write_text(in_root(b, "new 100%\n"), "theirs");
	write_text(in_root(b, "gone"), "theirs");
	assert_int_equal(image_steps_apply(b->steps, b->fd, &b->notes, &b->err), 0);
	assert_int_equal(b->notes.n, 3);
	assert_text(in_root(b, "a"), "theirs");
	assert_text(in_root(b, "new 100%\n"), "theirs");
	assert_text(in_root(b, "gone"), "theirs");
	assert_int_equal(n_files(b), 3);
}

static void a_damaged_file_is_seen_and_never_used(void **state)
{
	struct bench *b = *state;
	const char *temp;

	write_text(in_root(b, "a"), "old a");
	temp = ready(b, "/a", "old a", "new a");
	write_text(in_root(b, temp), "new b");
	assert_int_equal(image_steps_verify(b->steps, b->fd, &b->err), -EIO);
	assert_int_equal(image_steps_decide(b->steps, &b->err), 0);
	assert_int_equal(image_steps_apply(b->steps, b->fd, &b->notes, &b->err), 0);
	assert_int_equal(b->notes.n, 1);
	assert_text(in_root(b, "a"), "old a");
	assert_int_equal(n_files(b), 1);
}

static void the_last_step_for_a_path_counts(void **state)
{
	struct bench *b = *state;

	write_text(in_root(b, "a"), "old a");
	ready(b, "/a", "old a", "first");
	ready(b, "/a", "old a", "second");
	assert_int_equal(image_steps_decide(b->steps, &b->err), 0);
	assert_int_equal(image_steps_apply(b->steps, b->fd, &b->notes, &b->err), 0);
	assert_int_equal(b->notes.n, 0);
	assert_text(in_root(b, "a"), "second");
	assert_int_equal(n_files(b), 1);
}

/* Wherever a crash cuts the file: the steps before are known, the torn one is not, and nothing is decided by half a word. */
static void a_cut_list_is_read_as_far_as_it_goes(void **state)
{
	struct bench *b = *state;
	struct stat st;

	three(b);
	assert_int_equal(image_steps_decide(b->steps, &b->err), 0);
	assert_int_equal(stat(b->names.steps, &st), 0);
	for (off_t n = st.st_size; n > 0; n--) {
		assert_int_equal(truncate(b->names.steps, n), 0);
		reload(b);
		assert_true(b->steps->decided == (n == st.st_size));
		assert_true(b->steps->n <= 3);
	}
	assert_int_equal(b->steps->n, 0);
}

static void a_list_names_no_file_of_others(void **state)
{
	struct bench *b = *state;

	write_text(in_root(b, "mine"), "mine");
	write_text(b->names.steps,
		   "reinject steps 1\nstep mine - - /a\nstep ../root/mine - - /a\nstep .reinject-/../mine - - /a\nstep x\nstep\n\n");
	reload(b);
	assert_int_equal(b->steps->n, 0);
	assert_int_equal(image_steps_take_back(b->steps, b->fd, &b->err), 0);
	assert_text(in_root(b, "mine"), "mine");
}

static void count(void *data)
{
	(*(int *)data)++;
}

static void a_folder_that_answers_is_not_silent(void **state)
{
	struct bench *b = *state;
	struct image_pulse *pulse = NULL;
	int n_silent = 0;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(image_pulse_start(b->root, 10000, count, &n_silent, &pulse), 0);
		for (int k = 0; k < i; k++)
			assert_int_equal(image_pulse_ask(pulse), 0);
		assert_false(image_pulse_is_silent(pulse));
		if (i % 2)
			image_pulse_quiet(pulse);
		image_pulse_stop(pulse);
	}
	assert_int_equal(n_silent, 0);
	assert_int_equal(image_pulse_ask(NULL), 0);
	assert_false(image_pulse_is_silent(NULL));
	image_pulse_quiet(NULL);
	image_pulse_stop(NULL);
}

#define BENCH_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(decided_steps_are_carried_out_once_and_again),
		BENCH_TEST(others_are_taken_back_once_and_again),
		BENCH_TEST(what_somebody_else_changed_stays),
		BENCH_TEST(a_damaged_file_is_seen_and_never_used),
		BENCH_TEST(the_last_step_for_a_path_counts),
		BENCH_TEST(a_cut_list_is_read_as_far_as_it_goes),
		BENCH_TEST(a_list_names_no_file_of_others),
		BENCH_TEST(a_folder_that_answers_is_not_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
