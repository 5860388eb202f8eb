/* config/template - `~` and `${VAR}` in what the user wrote.
 *
 * `~` is $HOME at the start, alone or before a slash. `${VAR}` is a variable of the caller's, else of the environment; `\${` stays `${`. `$VAR`
 * and a lone `$` mean nothing here. What came out of a variable is not expanded again.
 * Who:      the configuration, when it is loaded; and later whoever uses a value that was kept verbatim ([boot], custom mounts), with
 *           variables of its own. */
#ifndef REINJECT_CONFIG_TEMPLATE_H
#define REINJECT_CONFIG_TEMPLATE_H

#include "base/err.h"
#include "base/str.h"

/** Expands @text. @variables (may be NULL): NAME=VALUE, looked up before the environment. @keep (may be NULL): names, ended by NULL, that stay as
 * written when @variables lacks them; 'REINJECT_*' stands for all that start so. The caller frees @ret.
 * Returns 0; -EINVAL, with a sentence that names the variable, when it is not set or the braces are wrong. */
int template_expand(const char *text, const struct strvec *variables, const char *const *keep, char **ret, struct err *err) MUST_CHECK;

/** Expands each item of @items into @ret (appended); an item that becomes empty is left out. */
int template_expand_all(const struct strvec *items, const struct strvec *variables, const char *const *keep, struct strvec *ret,
			struct err *err) MUST_CHECK;

#endif
