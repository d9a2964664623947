/* SPDX-License-Identifier: MIT */
/* names: the names of layers that come out of blocks and repeats. */
#ifndef NACRE_YAML_NAMES_H
#define NACRE_YAML_NAMES_H

#include "index.h"
#include "variables.h"

/** Names that stand for a layer of another name, in one list. */
typedef struct nacre_names {
  nacre_variables *variables;
  nacre_index meaning; /* (NULL, name) to the name's scalar it stands for */
} nacre_names;

/** Puts "PREFIX_" before the names of a body's items, and before those names
 *  in the items' inputs. */
int nacre_names_prefix(nacre_variables *, nacre_node *body,
                       const nacre_node *prefix);
/** Gives an item inputs; one that has some is a problem. */
int nacre_names_feed(nacre_variables *, nacre_node *item,
                     nacre_node *inputs);
/** Lets `name` stand for an item: as its name, if it has none. */
int nacre_names_stand_for(nacre_names *, nacre_node *name,
                          nacre_node *item);
/** Names an item "NAME_turn"; NAME stands for the last one. */
int nacre_names_number(nacre_names *, nacre_node *item, nacre_node *name,
                       int turn, bool last);
/** Puts what names stand for into the inputs of a list's items. */
void nacre_names_apply(const nacre_names *, nacre_node *list);
void nacre_names_fini(nacre_names *);

#endif
