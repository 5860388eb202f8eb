/* night/internal - what the files that make up night/night.h share: night.c (the course), boots.c (verdicts on images), hunt.c (the search for culprits),
 * summary.c (what is left of a night). */
#ifndef REINJECT_NIGHT_INTERNAL_H
#define REINJECT_NIGHT_INTERNAL_H

#include "base/deadline.h"
#include "night/night.h"
#include "refresh/isolate.h"

struct refresh_changes;

struct night {
	const struct config *config;
	const struct night_args *args;
	struct refresh_isolate *isolate; /* owned; outlives the session */
	struct refresh_session *session; /* owned */
	struct deadline deadline;
	struct night_summary *summary;
	int64_t started_ms;
	bool swapped;       /* there is something new in the image */
	bool is_good_back;  /* IMAGE.good has taken the image's place */
	struct strvec seen; /* owned: lines of the console at which an image failed that came up as well: they prove nothing */
};

/** Sends a NOTE, PROGRESS or WARNING. @hint may be NULL. */
void night_say(const struct night *night, enum refresh_event_type type, const char *text, const char *hint);
void night_sayf(const struct night *night, enum refresh_event_type type, const char *format, ...) PRINTF(3, 4);

/* -- boots.c ------------------------------------------------------------------------------------------------------------------------------------ */

enum night_verdict {
	NIGHT_UP,
	NIGHT_DOWN,      /* [nightly] attempts times, at the same line */
	NIGHT_DEAD,      /* so often no machine said a word: the host, or an image from which nothing starts */
	NIGHT_UNCERTAIN, /* not each time, or not at the same line */
	NIGHT_TOO_MANY,  /* max_boots are spent */
};

struct night_proof {
	enum night_verdict verdict;
	char *line;               /* owned; of the last failure: of the console, else why; NULL */
	char *log;                /* owned; of the same */
	struct strvec last_lines; /* owned */
};
/** Frees what night_prove() has filled in. */
void night_proof_clear(struct night_proof *proof);

/** Boots @image (NULL: the image) until there is a verdict. @name: for the note about it. */
int night_prove(struct night *night, const char *image, const char *name, struct night_proof *ret, struct err *err) MUST_CHECK;

/** Whether a search can go on with @verdict; @whole: the verdict that it began with. Where no machine of that image said a word, none is a verdict, too. */
bool night_verdict_decides(enum night_verdict verdict, enum night_verdict whole);

/** What a night has come to that can go no further than @verdict. */
enum night_result night_result_of(enum night_verdict verdict);

/* -- hunt.c ------------------------------------------------------------------------------------------------------------------------------------- */

/** Searches @changes for culprits, keeps the others, and fills in the summary. The image is IMAGE.good's content, which boots; @whole: how the image with all
 * of the changes has failed. */
int night_hunt(struct night *night, struct refresh_changes *changes, const struct night_proof *whole, struct err *err) MUST_CHECK;

/* -- summary.c ---------------------------------------------------------------------------------------------------------------------------------- */

/** Forgets whom it has named. */
void night_summary_drop_culprits(struct night_summary *summary);

/** 'base=40 hex digits kernel=...': the commits of tonight; the caller frees it. */
char *night_commits(const struct night *night) MUST_CHECK;

/** What an earlier night or a rollback holds: names of what HEAD would have put. */
int night_find_held(struct night *night, struct err *err) MUST_CHECK;

/** The end of it: the sentence, the journal, the report, on_failure; of a night that found the image busy (-EBUSY) only the journal. @r: how it went; with a
 * failure, @failure says why. */
void night_finish(struct night *night, int r, const struct err *failure);

#endif
