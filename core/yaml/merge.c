/* SPDX-License-Identifier: MIT */
/* merge: one node onto another. */
#include "merge.h"

#include "address.h"
#include "index.h"
#include "report.h"

#include <string.h>

/* Maps with fewer keys than this are searched rather than indexed. */
#define SMALL_MAP 16

static const char *type_of(const nacre_node *map) {
  const nacre_node *type = nacre_node_peek(map, "type");
  return type != NULL && type->kind == NACRE_NODE_SCALAR ? type->text : NULL;
}

/* Parameters belong to a type: those of another one make no sense. */
static void drop_other_type(nacre_node *base, const nacre_node *over,
                            nacre_error *error) {
  const char *before = type_of(base);
  const char *now = type_of(over);
  if (before == NULL || now == NULL || strcmp(before, now) == 0) {
    return;
  }
  int dropped = 0;
  nacre_node *next;
  nacre_node *kept = NULL;
  for (nacre_node *at = base->first; at != NULL; at = next) {
    const char *key = at->key->text;
    next = at->next;
    if (strcmp(key, "name") == 0 || strcmp(key, "inputs") == 0 ||
        strcmp(key, "type") == 0) {
      kept = at;
      continue;
    }
    if (kept != NULL) {
      kept->next = next;
    } else {
      base->first = next;
    }
    base->last = base->last == at ? kept : base->last;
    base->count--;
    dropped++;
  }
  if (dropped > 0) {
    const nacre_place place = nacre_node_place(nacre_node_peek(over, "type"));
    nacre_error_warn(error, &place,
                     "the type changes from '%s' to '%s': %d inherited "
                     "parameter%s dropped",
                     before, now, dropped, dropped > 1 ? "s are" : " is");
  }
}

/* The value of a key, by the index if there is one. */
static nacre_node *find(const nacre_index *index, const nacre_node *map,
                        const char *key) {
  return index->room > 0 ? nacre_index_find(index, map, key)
                         : nacre_node_peek(map, key);
}

static int merge_maps(nacre_tree *tree, nacre_node *base, nacre_node *over,
                      nacre_error *error) {
  nacre_index index = { NULL, 0, 0 };
  int status = NACRE_OK;
  drop_other_type(base, over, error);
  if (base->count > SMALL_MAP && over->count > SMALL_MAP) {
    for (nacre_node *at = base->first; at != NULL; at = at->next) {
      if (!nacre_index_put(&index, base, at->key->text, at)) {
        nacre_index_fini(&index);
        return nacre_no_memory(error);
      }
    }
  }
  nacre_node *next;
  for (nacre_node *at = over->first; at != NULL; at = next) {
    next = at->next;
    nacre_node *old = find(&index, base, at->key->text);
    if (old == NULL) {
      nacre_node_append(base, at->key, at);
    } else {
      old->key = at->key; /* the newer origin */
      old->key->parent = base;
      if (nacre_merge(tree, old, at, error) == NULL) {
        status = NACRE_ERROR;
      }
    }
  }
  nacre_index_fini(&index);
  return status;
}

/* A map onto a list: its keys are names or numbers of items. */
static int merge_items(nacre_tree *tree, nacre_node *list, nacre_node *over,
                       nacre_error *error) {
  int status = NACRE_OK;
  nacre_node *next;
  for (nacre_node *at = over->first; at != NULL; at = next) {
    next = at->next;
    nacre_node *item = nacre_address_child(list, at->key->text);
    if (item == NULL) {
      status = nacre_report_key(error, at, NACRE_ECONFIG,
                                "the list has no item '%s'", at->key->text);
      nacre_address_hint(error, list, at->key->text);
    } else if (nacre_merge(tree, item, at, error) == NULL) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

/* Whether a map onto a list means its items, rather than to replace it. */
static bool means_items(const nacre_node *list, const nacre_node *over) {
  if (list->kind != NACRE_NODE_LIST || over->kind != NACRE_NODE_MAP) {
    return false;
  }
  bool all = over->first != NULL;
  for (const nacre_node *at = over->first; at != NULL && all; at = at->next) {
    all = nacre_address_child(list, at->key->text) != NULL;
  }
  return all || nacre_address_has_names(list);
}

nacre_node *nacre_merge(nacre_tree *tree, nacre_node *base, nacre_node *over,
                        nacre_error *error) {
  if (base == NULL) {
    return over;
  }
  int status = NACRE_OK;
  if (base->kind == NACRE_NODE_MAP && over->kind == NACRE_NODE_MAP) {
    status = merge_maps(tree, base, over, error);
  } else if (means_items(base, over)) {
    status = merge_items(tree, base, over, error);
  } else {
    nacre_node_become(base, over);
  }
  return status == NACRE_OK ? base : NULL;
}
