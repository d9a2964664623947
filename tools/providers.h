/* SPDX-License-Identifier: MIT */
/* providers: what the registry holds, sorted, and names of the command line
 * to components. */
#ifndef NACRE_TOOLS_PROVIDERS_H
#define NACRE_TOOLS_PROVIDERS_H

#include "plugin/registry.h"

/** All providers of a kind (0: of any), by kind, name, and as they would be
 *  chosen. Caller frees with nacre_free(). NULL: out of memory. */
const nacre_provider **providers_list(const nacre_registry *, uint32_t kind,
                                      int *n);
/** Says that a word is no kind, and what the kinds are, to stderr. */
void providers_unknown_kind(const char *verb, const char *word);

/** What a word such as "layer/dense", "dense" or "core/dense" means. */
typedef struct providers_name {
  uint32_t kind;
  const char *name; /* "dense" or "module/dense", as nacre_registry_find()
                       takes it; "" when the word is a kind alone */
} providers_name;

/** Finds the kind that a word means. 0, or the exit code after a message
 *  with the nearest name, or with the kinds that share it. */
int providers_resolve(const nacre_registry *, const char *word,
                      providers_name *);

#endif
