/* SPDX-License-Identifier: MIT */
/* address: one step of a dotted path, "model.layers.head.units". */
#ifndef NACRE_YAML_ADDRESS_H
#define NACRE_YAML_ADDRESS_H

#include "tree.h"

/** The child that a step names: the value of a map's key, the item of a list
 *  with that `name:`, or its item number (negative: from the end). NULL:
 *  there is none. */
nacre_node *nacre_address_child(const nacre_node *, const char *step);
/** The item of a list that a number names; NULL: none. */
nacre_node *nacre_address_item(const nacre_node *list, const char *step);
/** What a child is called: its key, or a list item's `name:`; or NULL. */
const char *nacre_address_name(const nacre_node *);
/** Whether any item of a list has a `name:`. */
bool nacre_address_has_names(const nacre_node *list);
/** Hints at the child whose name is nearest to `step`, if one is near. */
void nacre_address_hint(nacre_error *, const nacre_node *, const char *step);
/** Levels above a node. */
int nacre_address_depth(const nacre_node *);

#endif
