/* cargo/features - which of a package's programs cargo builds: not those whose required-features are off.
 *
 * Truth:   a package is built by `cargo build -p PKG` alone, while `cargo metadata` resolves the whole workspace, where one member may turn on a feature
 *          of another. So a feature is on when the package's own table leads to it from `default` and from what [build] asks for, and cargo has it too.
 * Asked:   [build] features, and --features (-F), --all-features, --no-default-features in cargo_args; `PKG/FEATURE` is PKG's.
 * Unknown: a feature of a dependency (`DEP/FEATURE`) counts as on when anybody turns it on, and in an unresolved graph always. A root package of an edition
 *          before 2021 (resolver 1) may keep what is asked for to itself: then cargo's word for the whole is taken. What is expected in vain fails and is
 *          said; what is not expected would stay out in silence. */
#ifndef REINJECT_CARGO_FEATURES_H
#define REINJECT_CARGO_FEATURES_H

#include "config/config.h"

struct json_t; /* jansson.h */

/** What [build] asks for, as words that `cargo metadata` takes: '--features=a,b', '--all-features', '--no-default-features'. */
void cargo_features_words(const struct config_build *build, struct strvec *ret);

/** A package as `cargo metadata` tells of it. */
struct cargo_features {
	const struct json_t *package; /* packages[] */
	const struct json_t *root;    /* the whole: its nodes, if it has any */
	const struct config_build *build;
};

/** Adds the names of its programs to @ret_bins, and of those that cargo leaves out 'PROGRAM: it needs FEATURE ...' to @ret_off; both sorted. */
void cargo_features_bins(const struct cargo_features *features, struct strvec *ret_bins, struct strvec *ret_off);

#endif
