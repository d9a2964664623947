/* SPDX-License-Identifier: MIT */
/* address: finding the children of maps and lists by name. */
#include "address.h"

#include "base/text.h"

#include <string.h>

const char *nacre_address_name(const nacre_node *child) {
  if (child->key != NULL) {
    return child->key->text;
  }
  const nacre_node *name = nacre_node_peek(child, "name");
  return name != NULL && name->kind == NACRE_NODE_SCALAR ? name->text : NULL;
}

nacre_node *nacre_address_item(const nacre_node *list, const char *step) {
  int64_t index;
  if (!nacre_text_int(step, strlen(step), &index)) {
    return NULL;
  }
  index += index < 0 ? list->count : 0;
  if (index < 0 || index >= list->count) {
    return NULL;
  }
  return nacre_node_at(list, (int)index);
}

nacre_node *nacre_address_child(const nacre_node *parent, const char *step) {
  if (parent->kind == NACRE_NODE_SCALAR) {
    return NULL;
  }
  for (nacre_node *at = parent->first; at != NULL; at = at->next) {
    const char *name = nacre_address_name(at);
    if (name != NULL && strcmp(name, step) == 0) {
      return at;
    }
  }
  return parent->kind == NACRE_NODE_LIST ? nacre_address_item(parent, step)
                                         : NULL;
}

bool nacre_address_has_names(const nacre_node *list) {
  for (const nacre_node *at = list->first; at != NULL; at = at->next) {
    if (nacre_address_name(at) != NULL) {
      return true;
    }
  }
  return false;
}

void nacre_address_hint(nacre_error *error, const nacre_node *parent,
                        const char *step) {
  const char *nearest = NULL;
  int least = 3;
  if (error->count > NACRE_ERROR_MAX) {
    return; /* the problem is only counted: spare the search */
  }
  for (const nacre_node *at = parent->first; at != NULL; at = at->next) {
    const char *name = nacre_address_name(at);
    int distance = name != NULL ? nacre_text_distance(step, name, 2) : 3;
    /* A distance of 0 is the word itself, which was no help. */
    if (distance > 0 && distance < least && (size_t)distance < strlen(step)) {
      least = distance;
      nearest = name;
    }
  }
  if (nearest != NULL) {
    nacre_error_hint(error, "did you mean '%s'?", nearest);
  }
}

int nacre_address_depth(const nacre_node *node) {
  int depth = 0;
  for (; node->parent != NULL; node = node->parent) {
    depth++;
  }
  return depth;
}
