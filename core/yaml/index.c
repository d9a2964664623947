/* SPDX-License-Identifier: MIT */
/* index: an open-addressing hash table from (owner, text) to a node. */
#include "index.h"

#include "base/text.h"

#include <string.h>

/* The entry of a key, or the free one where it would go; room > n. */
static nacre_index_entry *probe(const nacre_index *index, const void *owner,
                                const char *text) {
  /* The table's own address, which no file can know, keeps a file from
   * being made of texts that all collide. */
  nacre_hash hash = { { (uint64_t)(uintptr_t)owner,
                        (uint64_t)(uintptr_t)index->entry } };
  nacre_hash_add(&hash, text, strlen(text));
  size_t at = (size_t)hash.word[1] & (index->room - 1);
  while (index->entry[at].node != NULL &&
         (index->entry[at].owner != owner ||
          strcmp(index->entry[at].text, text) != 0)) {
    at = (at + 1) & (index->room - 1);
  }
  return &index->entry[at];
}

nacre_node *nacre_index_find(const nacre_index *index, const void *owner,
                             const char *text) {
  return index->room > 0 ? probe(index, owner, text)->node : NULL;
}

static bool grow(nacre_index *index) {
  nacre_index larger = { NULL, index->n, 0 };
  if (!nacre_size_mul(index->room > 0 ? index->room : 32, 2, &larger.room)) {
    return false;
  }
  larger.entry = nacre_alloc(larger.room, sizeof *larger.entry);
  if (larger.entry == NULL) {
    return false;
  }
  for (size_t i = 0; i < index->room; i++) {
    const nacre_index_entry *old = &index->entry[i];
    if (old->node != NULL) {
      *probe(&larger, old->owner, old->text) = *old;
    }
  }
  nacre_free(index->entry);
  *index = larger;
  return true;
}

bool nacre_index_put(nacre_index *index, const void *owner, const char *text,
                     nacre_node *node) {
  if (2 * (index->n + 1) > index->room && !grow(index)) {
    return false;
  }
  nacre_index_entry *entry = probe(index, owner, text);
  index->n += entry->node == NULL ? 1 : 0;
  entry->owner = owner;
  entry->text = text;
  entry->node = node;
  return true;
}

void nacre_index_fini(nacre_index *index) {
  nacre_free(index->entry);
  memset(index, 0, sizeof *index);
}
