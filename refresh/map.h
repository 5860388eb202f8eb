/* refresh/map - the generated map (packages.ini) and the workspace that it is made from: are they still the same?
 *
 * Sequence: refresh_map_make() looks at both and makes the text that there should be; refresh_map_write() puts it in place. refresh_map_follow() is both,
 *           for whoever refreshes: called with a fresh configuration, before a session is opened.
 * Careful:  a file that was changed by hand, or that reinject did not write, is never written over. A graph that cargo could not resolve takes the place
 *           of a resolved one only where it begins from that (CARGO_WORKSPACE_LAST_GOOD).
 * Cost:     the workspace comes from its cache, the files of the rules are asked for by name: a few milliseconds. Only a new file walks the sources.
 * Ownership: embedded; refresh_map_clear(). Threads: one. */
#ifndef REINJECT_REFRESH_MAP_H
#define REINJECT_REFRESH_MAP_H

#include "base/cancel.h"
#include "cargo/generate.h"

enum refresh_map_state {
	REFRESH_MAP_ABSENT,
	REFRESH_MAP_CURRENT,
	REFRESH_MAP_OUTDATED,
	REFRESH_MAP_EDITED,  /* changed by hand, and outdated */
	REFRESH_MAP_FOREIGN, /* none of ours */
};

struct refresh_map {
	enum refresh_map_state state;
	char *path;             /* absolute */
	char *before;           /* the file's text; '' when it is absent */
	char *text;             /* what it should be; the same as @before when it is current */
	char *difference;       /* cargo_generate_difference() */
	char *rules;            /* the rule file, or NULL: none */
	struct strvec problems; /* what the map lacks, a sentence each */
	bool resolved;          /* cargo resolved every workspace */
	bool poorer;            /* the graph is less than what the file was made from */
	size_t n_members;
};

/** Makes the map for @config that belongs at @path, with @rules_file (NULL: as the configuration says, else the one beside the program). -EINVAL, class ERR_USAGE, for a rule file that is wrong; -ECANCELED. */
int refresh_map_make(const struct config *config, const char *path, const char *rules_file, struct cancel *cancel, struct refresh_map *ret,
		     struct err *err) MUST_CHECK;
void refresh_map_clear(struct refresh_map *map);

/** From map->before to map->text, as a unified diff; '' when they are the same. The caller frees it. */
char *refresh_map_diff(const struct refresh_map *map) MUST_CHECK;

/** Writes map->text, whole or not at all; under sudo the file belongs to whom its folder belongs. */
int refresh_map_write(const struct refresh_map *map, struct err *err) MUST_CHECK;

/** The generated file that @config includes; NULL when there is none. The caller frees it. */
char *refresh_map_find(const struct config *config) MUST_CHECK;

/** Sees whether the workspace has changed since the map was generated, and if @write and the configuration's auto_update say so, writes it: then
 * @ret_written is true, and the configuration is to be read again. @ret_sentence: what to tell, or NULL; the caller frees it. What stands in the way is
 * told there too: a refresh goes on with the map that there is. Only -ECANCELED is an error. */
int refresh_map_follow(const struct config *config, bool write, struct cancel *cancel, bool *ret_written, char **ret_sentence,
		       struct err *err) MUST_CHECK;

#endif
