/* SPDX-License-Identifier: MIT */
/* index: nodes found by (owner, text) in constant time. A map of the tree is
 * a plain list; where a file decides how many keys are looked up, a walk per
 * key would let it take hours. */
#ifndef NACRE_YAML_INDEX_H
#define NACRE_YAML_INDEX_H

#include "tree.h"

typedef struct nacre_index_entry {
  const void *owner; /* a map, or NULL for names of the whole file */
  const char *text;  /* borrowed */
  nacre_node *node;
} nacre_index_entry;

/** Starts zeroed. */
typedef struct nacre_index {
  nacre_index_entry *entry; /* open addressing; room is a power of two */
  size_t n, room;
} nacre_index;

nacre_node *nacre_index_find(const nacre_index *, const void *owner,
                             const char *text);
/** Adds or replaces. false: out of memory. */
bool nacre_index_put(nacre_index *, const void *owner, const char *text,
                     nacre_node *);
void nacre_index_fini(nacre_index *);

#endif
