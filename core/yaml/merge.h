/* SPDX-License-Identifier: MIT */
/* merge: one tree out of a file, what it extends, further files, and
 * overrides from the command line. */
#ifndef NACRE_YAML_MERGE_H
#define NACRE_YAML_MERGE_H

#include "tree.h"

/** Loads `path` and everything it `extends:` (left to right, depth first; a
 *  circle is an error), then merges `more` files and `key=value` overrides
 *  in that order and resolves variables, blocks and repeats. tree->root is
 *  the outcome, with its `extends`, `vars`, `blocks` and `x-` keys gone.
 *  All problems are collected. */
int nacre_config_load(nacre_tree *, const char *path,
                      const char *const *more, int n_more,
                      const char *const *overrides, int n_overrides,
                      nacre_error *);
/** The same from text. */
int nacre_config_load_text(nacre_tree *, const char *name, const char *dir,
                           const char *text, size_t n,
                           const char *const *overrides, int n_overrides,
                           nacre_error *);

/** Merges `over` onto `base`: maps merge, scalars and lists replace; a map
 *  of named items onto a list addresses its items by name. A layer whose
 *  `type` changes drops what it inherited. Returns the merged node. */
nacre_node *nacre_merge(nacre_tree *, nacre_node *base, nacre_node *over,
                        nacre_error *);

#endif
