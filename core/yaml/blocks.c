/* SPDX-License-Identifier: MIT */
/* blocks: uses of blocks and repeated items become plain items of a list. */
#include "blocks.h"

#include "address.h"
#include "index.h"
#include "names.h"
#include "parse.h"
#include "report.h"

#include <string.h>

#define MAX_REPEAT 10000
#define MAX_NESTING 16

/* One entry of `blocks`. */
typedef struct definition {
  const char *name;
  nacre_node *params; /* a map, or NULL */
  nacre_node *layers; /* a list; NULL: the definition is wrong */
  int uses;           /* so far, for names */
  bool open;          /* being expanded */
} definition;

typedef struct expansion {
  nacre_variables *variables;
  nacre_tree *tree;
  nacre_error *error;
  nacre_node *blocks; /* the map, or NULL */
  definition *definitions;
  int n, nesting;
} expansion;

/* A use of a block, taken apart. */
typedef struct block_use {
  nacre_node *item;
  definition *block;
  nacre_node *name, *inputs; /* or NULL */
  nacre_node *body;          /* the block's layers, variables resolved */
  int repeat;
} block_use;

static int expand_list(expansion *, nacre_node *list);

static int check_definition(expansion *self, nacre_node *block,
                            definition *out) {
  out->name = block->key->text;
  if (block->kind != NACRE_NODE_MAP) {
    return nacre_report(self->error, block, NACRE_ECONFIG,
                        "block '%s' is no map of params and layers",
                        out->name);
  }
  int status = NACRE_OK;
  for (nacre_node *at = block->first; at != NULL; at = at->next) {
    const char *key = at->key->text;
    if (strcmp(key, "params") == 0 && at->kind == NACRE_NODE_MAP) {
      out->params = at;
    } else if (strcmp(key, "layers") == 0 && at->kind == NACRE_NODE_LIST &&
               at->count > 0) {
      out->layers = at;
    } else if (strcmp(key, "params") == 0) {
      status = nacre_report(self->error, at, NACRE_ECONFIG,
                            "params is no map of names and defaults");
    } else if (strcmp(key, "layers") == 0) {
      status = nacre_report(self->error, at, NACRE_ECONFIG,
                            "layers is no list of layers");
      return status;
    } else {
      static const char *const known[] = { "params", "layers" };
      const char *nearest = nacre_nearest(key, known, 2);
      status = nacre_report_key(self->error, at, NACRE_ECONFIG,
                                "unknown key '%s' of block '%s'", key,
                                out->name);
      if (nearest != NULL) {
        nacre_error_hint(self->error, "did you mean '%s'?", nearest);
      }
    }
  }
  if (out->layers == NULL) {
    status = nacre_report_key(self->error, block, NACRE_ECONFIG,
                              "block '%s' has no layers", out->name);
  }
  return status;
}

static int check_definitions(expansion *self) {
  nacre_node *blocks = self->blocks;
  if (blocks == NULL || nacre_node_is_null(blocks)) {
    return NACRE_OK;
  }
  if (blocks->kind != NACRE_NODE_MAP) {
    return nacre_report(self->error, blocks, NACRE_ECONFIG,
                        "blocks is no map of names and blocks");
  }
  self->definitions =
    nacre_alloc((size_t)blocks->count, sizeof *self->definitions);
  if (self->definitions == NULL) {
    return nacre_no_memory(self->error);
  }
  int status = NACRE_OK;
  for (nacre_node *at = blocks->first; at != NULL; at = at->next) {
    if (check_definition(self, at, &self->definitions[self->n++]) !=
        NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

static definition *find_block(expansion *self, const nacre_node *block) {
  if (block->kind == NACRE_NODE_SCALAR) {
    for (int i = 0; i < self->n; i++) {
      if (strcmp(self->definitions[i].name, block->text) == 0) {
        return &self->definitions[i];
      }
    }
    (void)nacre_report(self->error, block, NACRE_ECONFIG,
                       "there is no block '%s'", block->text);
    if (self->n > 0) {
      nacre_address_hint(self->error, self->blocks, block->text);
    }
  } else {
    (void)nacre_report(self->error, block, NACRE_ECONFIG,
                       "block: expected the name of a block");
  }
  return NULL;
}

/* Takes `repeat` out of an item; *count is 1 without it. */
static int take_repeat(expansion *self, nacre_node *item, int *count) {
  nacre_node *repeat = nacre_node_peek(item, "repeat");
  int64_t value = 1;
  if (repeat != NULL && (!nacre_node_int(repeat, &value) || value < 1 ||
                         value > MAX_REPEAT)) {
    return nacre_report(self->error, repeat, NACRE_ECONFIG,
                        "repeat: expected a whole number from 1 to %d",
                        MAX_REPEAT);
  }
  if (repeat != NULL) {
    nacre_node_remove(item, repeat);
  }
  *count = (int)value;
  return NACRE_OK;
}

/* Takes `key` out of an item; NULL: it has none. */
static nacre_node *take(nacre_node *item, const char *key) {
  nacre_node *value = nacre_node_peek(item, key);
  if (value != NULL) {
    nacre_node_remove(item, value);
  }
  return value;
}

/* What is left in the item must be parameters of the block. */
static int check_params(expansion *self, const block_use *use) {
  int status = NACRE_OK;
  for (nacre_node *at = use->item->first; at != NULL; at = at->next) {
    const char *key = at->key->text;
    if (nacre_node_peek(use->block->params, key) == NULL) {
      status = nacre_report_key(self->error, at, NACRE_ECONFIG,
                                "unknown parameter '%s' of block '%s'", key,
                                use->block->name);
      if (use->block->params != NULL) {
        nacre_address_hint(self->error, use->block->params, key);
      }
    }
  }
  return status;
}

/* The parameters of a use as a map: what it gives, else the defaults. */
static nacre_node *make_scope(expansion *self, const block_use *use) {
  const nacre_node *params = use->block->params;
  nacre_node *scope = nacre_node_new(self->tree, NACRE_NODE_MAP);
  bool complete = scope != NULL;
  const nacre_node *at = params != NULL ? params->first : NULL;
  for (; at != NULL && scope != NULL; at = at->next) {
    const nacre_node *value = nacre_node_peek(use->item, at->key->text);
    if (value == NULL && nacre_node_is_null(at)) {
      (void)nacre_report(self->error, use->item, NACRE_ECONFIG,
                         "block '%s' needs '%s'", use->block->name,
                         at->key->text);
      complete = false;
      continue;
    }
    value = value != NULL ? value : at;
    int size = nacre_node_size(value, NACRE_YAML_MAX_NODES) + 1;
    if (nacre_variables_spend(self->variables, size, use->item) !=
        NACRE_OK) {
      return NULL;
    }
    nacre_node *key = nacre_node_copy(self->tree, at->key);
    nacre_node *copy = nacre_node_copy(self->tree, value);
    if (key == NULL || copy == NULL) {
      (void)nacre_no_memory(self->error);
      return NULL;
    }
    nacre_node_append(scope, key, copy);
  }
  if (scope == NULL) {
    (void)nacre_no_memory(self->error);
  }
  return complete ? scope : NULL;
}

/* A copy within the budget, placed where `list` is. NULL: a problem. */
static nacre_node *copy_into(expansion *self, const nacre_node *node,
                             const nacre_node *list, const nacre_node *at) {
  int size = nacre_node_size(node, NACRE_YAML_MAX_NODES);
  if (nacre_variables_spend(self->variables, size, at) != NACRE_OK) {
    return NULL;
  }
  nacre_node *copy = nacre_node_copy(self->tree, node);
  if (copy == NULL) {
    (void)nacre_no_memory(self->error);
    return NULL;
  }
  copy->parent = list->parent; /* so that depths can be told */
  if (nacre_address_depth(list) + nacre_node_depth(copy) >
      NACRE_YAML_MAX_DEPTH) {
    (void)nacre_report(self->error, at, NACRE_ELIMIT,
                       "nested deeper than %d levels", NACRE_YAML_MAX_DEPTH);
    return NULL;
  }
  return copy;
}

/* The block's layers with the parameters of this use in them. */
static int make_body(expansion *self, const nacre_node *list, block_use *use) {
  nacre_variables *variables = self->variables;
  nacre_node *scope = make_scope(self, use);
  if (check_params(self, use) != NACRE_OK || scope == NULL) {
    return NACRE_ERROR;
  }
  use->body = copy_into(self, use->block->layers, list, use->item);
  if (use->body == NULL) {
    return NACRE_ERROR;
  }
  nacre_node *outer = variables->scope;
  variables->scope = scope;
  int status = nacre_variables_resolve(variables, scope);
  if (status == NACRE_OK) {
    status = nacre_variables_resolve(variables, use->body);
  }
  variables->scope = outer;
  return status;
}

/* The name before the names of one repetition's layers. */
static nacre_node *make_prefix(expansion *self, const block_use *use,
                               int turn) {
  char *text;
  if (use->name == NULL) {
    text = nacre_arena_format(self->tree->arena, "%s_%d", use->block->name,
                              use->block->uses++);
  } else if (use->repeat > 1) {
    text = nacre_arena_format(self->tree->arena, "%s_%d", use->name->text,
                              turn);
  } else {
    return use->name;
  }
  nacre_node *prefix =
    text != NULL ? nacre_node_scalar(self->tree, text, use->item) : NULL;
  if (prefix == NULL) {
    (void)nacre_no_memory(self->error);
    return NULL;
  }
  return prefix;
}

/* Moves the items of one list behind those of another. */
static void move_items(nacre_node *to, nacre_node *from) {
  nacre_node *next;
  for (nacre_node *at = from->first; at != NULL; at = next) {
    next = at->next;
    nacre_node_append(to, NULL, at);
  }
}

static int expand_turn(expansion *self, nacre_node *list, block_use *use,
                       int turn, nacre_names *names) {
  nacre_node *prefix = make_prefix(self, use, turn);
  nacre_node *body =
    prefix != NULL ? copy_into(self, use->body, list, use->item) : NULL;
  for (nacre_node *at = body != NULL ? body->first : NULL; at != NULL;
       at = at->next) {
    at->use = use->item;
  }
  use->item->block = use->block->name;
  if (body == NULL ||
      nacre_names_prefix(self->variables, body, prefix) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (turn == 0 && use->inputs != NULL &&
      nacre_names_feed(self->variables, body->first, use->inputs) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  use->block->open = true;
  self->nesting++;
  int status = expand_list(self, body);
  self->nesting--;
  use->block->open = false;
  if (status == NACRE_OK && turn == use->repeat - 1 && use->name != NULL) {
    status = nacre_names_stand_for(names, use->name, body->last);
  }
  move_items(list, body);
  return status;
}

static int expand_use(expansion *self, nacre_node *list, nacre_node *item,
                      nacre_names *names) {
  nacre_node *block = take(item, "block");
  block_use use = { item, find_block(self, block), NULL, NULL, NULL, 1 };
  if (use.block == NULL || use.block->layers == NULL ||
      take_repeat(self, item, &use.repeat) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (use.block->open) {
    return nacre_report(self->error, block, NACRE_ECONFIG,
                        "block '%s' contains itself", use.block->name);
  }
  if (self->nesting == MAX_NESTING) {
    return nacre_report(self->error, block, NACRE_ELIMIT,
                        "blocks nested deeper than %d", MAX_NESTING);
  }
  use.name = take(item, "name");
  use.inputs = take(item, "inputs");
  if (use.name != NULL && use.name->kind != NACRE_NODE_SCALAR) {
    return nacre_report(self->error, use.name, NACRE_ECONFIG,
                        "name: expected text");
  }
  if (make_body(self, list, &use) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int turn = 0; turn < use.repeat; turn++) {
    if (expand_turn(self, list, &use, turn, names) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int expand_children(expansion *self, nacre_node *node) {
  if (node->kind == NACRE_NODE_LIST) {
    return expand_list(self, node);
  }
  int status = NACRE_OK;
  for (nacre_node *at = node->first; at != NULL; at = at->next) {
    if (expand_children(self, at) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

/* An ordinary item, as often as it says. */
static int expand_item(expansion *self, nacre_node *list, nacre_node *item,
                       nacre_names *names) {
  int repeat = 1;
  if (item->kind == NACRE_NODE_MAP &&
      take_repeat(self, item, &repeat) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (repeat == 1) {
    nacre_node_append(list, NULL, item);
    return expand_children(self, item);
  }
  nacre_node *name = take(item, "name");
  nacre_node *inputs = take(item, "inputs");
  int status = NACRE_OK;
  for (int turn = 0; turn < repeat && status == NACRE_OK; turn++) {
    nacre_node *copy = copy_into(self, item, list, item);
    if (copy == NULL) {
      return NACRE_ERROR;
    }
    nacre_node_append(list, NULL, copy);
    if (turn == 0 && inputs != NULL) {
      nacre_node_append(copy, inputs->key, inputs);
    }
    if (name != NULL) {
      status = nacre_names_number(names, copy, name, turn,
                                  turn == repeat - 1);
    }
    if (status == NACRE_OK) {
      status = expand_children(self, copy);
    }
  }
  return status;
}

static int expand_list(expansion *self, nacre_node *list) {
  nacre_names names = { self->variables, { NULL, 0, 0 } };
  nacre_node *next = list->first;
  int status = NACRE_OK;
  list->first = list->last = NULL;
  list->count = 0;
  while (next != NULL) {
    nacre_node *item = next;
    next = item->next;
    item->next = NULL;
    bool is_use = nacre_node_peek(item, "block") != NULL;
    int done = is_use ? expand_use(self, list, item, &names)
                      : expand_item(self, list, item, &names);
    if (done != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  nacre_names_apply(&names, list);
  nacre_names_fini(&names);
  return status;
}

bool nacre_blocks_is_aside(const char *key) {
  return strcmp(key, "vars") == 0 || strcmp(key, "blocks") == 0 ||
         strncmp(key, "x-", 2) == 0;
}

int nacre_blocks_expand(nacre_variables *variables) {
  nacre_node *root = variables->tree->root;
  expansion self = { variables, variables->tree, variables->error,
                     nacre_node_peek(root, "blocks"), NULL, 0, 0 };
  int status = check_definitions(&self);
  for (nacre_node *at = root->first; at != NULL; at = at->next) {
    if (!nacre_blocks_is_aside(at->key->text) &&
        expand_children(&self, at) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  nacre_free(self.definitions);
  return status;
}
