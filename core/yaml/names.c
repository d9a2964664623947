/* SPDX-License-Identifier: MIT */
/* names: naming and renaming items of lists of layers. */
#include "names.h"

#include "report.h"

#include <string.h>

/* The scalar that names an item; NULL: it has none. */
static nacre_node *name_of(const nacre_node *item) {
  nacre_node *name = nacre_node_peek(item, "name");
  return name != NULL && name->kind == NACRE_NODE_SCALAR ? name : NULL;
}

/* Replaces names in the scalars of `inputs`, however it is nested. */
static void rename_inputs(const nacre_index *meaning, nacre_node *inputs) {
  if (inputs->kind == NACRE_NODE_SCALAR) {
    const nacre_node *found = nacre_index_find(meaning, NULL, inputs->text);
    inputs->text = found != NULL ? found->text : inputs->text;
  }
  for (nacre_node *at = inputs->first; at != NULL; at = at->next) {
    rename_inputs(meaning, at);
  }
}

static void rename_list(const nacre_index *meaning, nacre_node *list) {
  if (meaning->n == 0) {
    return;
  }
  for (nacre_node *at = list->first; at != NULL; at = at->next) {
    nacre_node *inputs = nacre_node_peek(at, "inputs");
    if (inputs != NULL) {
      rename_inputs(meaning, inputs);
    }
  }
}

int nacre_names_prefix(nacre_variables *self, nacre_node *body,
                       const nacre_node *prefix) {
  nacre_index meaning = { NULL, 0, 0 };
  int status = NACRE_OK;
  for (nacre_node *at = body->first; at != NULL && status == NACRE_OK;
       at = at->next) {
    nacre_node *name = name_of(at);
    if (name == NULL) {
      continue;
    }
    const char *before = name->text;
    status = nacre_variables_spend_bytes(
      self, strlen(prefix->text) + strlen(before), name);
    if (status != NACRE_OK) {
      break;
    }
    const char *text =
      nacre_arena_format(self->tree->arena, "%s_%s", prefix->text, before);
    if (text == NULL || !nacre_index_put(&meaning, NULL, before, name)) {
      status = nacre_no_memory(self->error);
      break;
    }
    name->text = text;
  }
  if (status == NACRE_OK) {
    rename_list(&meaning, body);
  }
  nacre_index_fini(&meaning);
  return status;
}

/* An item written as a bare word becomes {type: WORD}. */
static int open_item(nacre_variables *self, nacre_node *item) {
  if (item->kind == NACRE_NODE_MAP) {
    return NACRE_OK;
  }
  if (item->kind == NACRE_NODE_LIST) {
    return nacre_report(self->error, item, NACRE_ECONFIG,
                        "expected a layer, not a list");
  }
  nacre_node *map = nacre_node_new(self->tree, NACRE_NODE_MAP);
  nacre_node *key = nacre_node_scalar(self->tree, "type", item);
  nacre_node *type = nacre_node_copy(self->tree, item);
  if (map == NULL || key == NULL || type == NULL) {
    return nacre_no_memory(self->error);
  }
  map->file = item->file;
  map->line = item->line;
  map->column = item->column;
  map->length = item->length;
  nacre_node_append(map, key, type);
  nacre_node_become(item, map);
  return NACRE_OK;
}

int nacre_names_feed(nacre_variables *self, nacre_node *item,
                     nacre_node *inputs) {
  if (open_item(self, item) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (nacre_node_peek(item, "inputs") != NULL) {
    return nacre_report_key(self->error, inputs, NACRE_ECONFIG,
                            "the block's first layer has inputs of its own");
  }
  nacre_node_append(item, inputs->key, inputs);
  return NACRE_OK;
}

/* Appends `name: TEXT` to an item. */
static int set_name(nacre_variables *self, nacre_node *item,
                    const nacre_node *like, const char *text) {
  nacre_node *key = nacre_node_scalar(self->tree, "name", like);
  nacre_node *name = nacre_node_scalar(self->tree, text, like);
  if (key == NULL || name == NULL) {
    return nacre_no_memory(self->error);
  }
  name->state = NACRE_RESOLVED;
  nacre_node_append(item, key, name);
  return NACRE_OK;
}

int nacre_names_stand_for(nacre_names *self, nacre_node *name,
                          nacre_node *item) {
  if (open_item(self->variables, item) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_node *inner = name_of(item);
  if (inner == NULL) {
    return set_name(self->variables, item, name, name->text);
  }
  if (!nacre_index_put(&self->meaning, NULL, name->text, inner)) {
    return nacre_no_memory(self->variables->error);
  }
  return NACRE_OK;
}

int nacre_names_number(nacre_names *self, nacre_node *item, nacre_node *name,
                       int turn, bool last) {
  nacre_variables *variables = self->variables;
  if (name->kind != NACRE_NODE_SCALAR) {
    return nacre_report(variables->error, name, NACRE_ECONFIG,
                        "name: expected text");
  }
  if (nacre_variables_spend_bytes(variables, strlen(name->text) + 8, name) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  char *text = nacre_format("%s_%d", name->text, turn);
  if (text == NULL) {
    return nacre_no_memory(variables->error);
  }
  int status = set_name(variables, item, name, text);
  nacre_free(text);
  if (status == NACRE_OK && last) {
    status = nacre_names_stand_for(self, name, item);
  }
  return status;
}

void nacre_names_apply(const nacre_names *self, nacre_node *list) {
  rename_list(&self->meaning, list);
}

void nacre_names_fini(nacre_names *self) {
  nacre_index_fini(&self->meaning);
}
