/* SPDX-License-Identifier: MIT */
/* variables: ${...} in scalars. */
#ifndef NACRE_YAML_VARIABLES_H
#define NACRE_YAML_VARIABLES_H

#include "index.h"

#include <time.h>

/** What one resolving shares. Starts zeroed but for tree, error, nodes. */
typedef struct nacre_variables {
  nacre_tree *tree;
  nacre_error *error;
  nacre_node *scope; /* a map: the parameters of a block; or NULL */
  int nodes;         /* in the tree so far, of NACRE_YAML_MAX_NODES */
  int chain;         /* references being followed within one another */
  bool circle;       /* just met a scalar that is being resolved */
  bool spent;        /* a budget is used up, and it was reported */
  size_t bytes;      /* of new text so far */
  nacre_index index; /* of large maps and lists, by the names in them */
  time_t now;        /* 0: not asked for yet */
} nacre_variables;

/** Resolves all scalars of a subtree in place. Problems are reported where
 *  they stand. */
int nacre_variables_resolve(nacre_variables *, nacre_node *);
/** Takes n nodes out of the budget; reports at `node` when it is spent. */
int nacre_variables_spend(nacre_variables *, int n, const nacre_node *node);
/** The same for bytes of new text. */
int nacre_variables_spend_bytes(nacre_variables *, size_t n,
                                const nacre_node *node);

#endif
