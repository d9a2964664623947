/* SPDX-License-Identifier: MIT */
/* resolve: variables, blocks and repeats. */
#ifndef NACRE_YAML_RESOLVE_H
#define NACRE_YAML_RESOLVE_H

#include "tree.h"

/** Replaces ${a.b}, ${env:NAME,default} and ${now:FORMAT} once, expands
 *  {block: NAME, param: value, ...} items and `repeat: N` inside lists, and
 *  removes `vars`, `blocks` and `x-` keys. */
int nacre_resolve(nacre_tree *, nacre_error *);

#endif
