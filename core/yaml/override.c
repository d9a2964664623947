/* SPDX-License-Identifier: MIT */
/* override: a dotted path is followed, and what it leads to changed. */
#include "override.h"

#include "address.h"
#include "merge.h"
#include "parse.h"

#include <string.h>

#define ORIGIN "command line"

typedef enum action { SET, APPEND, REMOVE } action;

/* One override being applied. */
typedef struct change {
  nacre_tree *tree;
  nacre_error *error;
  const char *text; /* all of it, for messages */
  char *path;       /* a copy of its key; dots become NULs on the way */
  size_t begin;     /* where the key begins in the text */
  size_t n;         /* bytes of the key */
  action action;
  nacre_node *value; /* NULL for REMOVE */
} change;

/* The place of a step of the path. */
static nacre_place step_place(const change *self, const char *step) {
  nacre_place place = { ORIGIN, 1, 0, 0, self->text };
  size_t at = self->begin + (size_t)(step - self->path);
  place.column = 1;
  for (size_t i = 0; i < at; i++) {
    bool first = ((unsigned char)self->text[i] & 0xc0) != 0x80;
    place.column += first ? 1 : 0;
  }
  place.length = (int)strlen(step);
  return place;
}

static int report_step(const change *self, const char *step,
                       const nacre_node *parent, const char *problem) {
  const nacre_place place = step_place(self, step);
  (void)nacre_error_add(self->error, NACRE_ECONFIG, &place, "'%s' %s", step,
                        problem);
  nacre_address_hint(self->error, parent, step);
  return NACRE_ERROR;
}

static nacre_node *new_key(const change *self, const char *step) {
  const nacre_place place = step_place(self, step);
  nacre_node *key = nacre_node_scalar(self->tree, step, self->value);
  if (key != NULL) {
    key->line = 1;
    key->column = place.column;
    key->length = place.length;
  }
  return key;
}

/* A new child of a map. NULL: out of memory. */
static nacre_node *add_child(const change *self, nacre_node *map,
                             const char *step, nacre_node_kind kind) {
  nacre_node *key = new_key(self, step);
  nacre_node *child = nacre_node_new(self->tree, kind);
  if (key == NULL || child == NULL) {
    (void)nacre_no_memory(self->error);
    return NULL;
  }
  child->file = key->file;
  child->line = key->line;
  child->column = key->column;
  child->length = key->length;
  nacre_node_append(map, key, child);
  return child;
}

/* A scalar that a path goes through: null becomes an empty map, and "adam"
 * what it stands for, {type: adam}. */
static int open_scalar(const change *self, nacre_node *node) {
  nacre_node *map = nacre_node_new(self->tree, NACRE_NODE_MAP);
  nacre_node *key = nacre_node_scalar(self->tree, "type", node);
  nacre_node *type = nacre_node_copy(self->tree, node);
  if (map == NULL || key == NULL || type == NULL) {
    return nacre_no_memory(self->error);
  }
  map->file = node->file;
  map->line = node->line;
  map->column = node->column;
  map->length = node->length;
  if (!nacre_node_is_null(node)) {
    nacre_node_append(map, key, type);
  }
  nacre_node_become(node, map);
  return NACRE_OK;
}

/* The node that a step before the last leads to; NULL: a problem. */
static nacre_node *follow(const change *self, nacre_node *node,
                          const char *step) {
  nacre_node *child = nacre_address_child(node, step);
  if (child == NULL && node->kind == NACRE_NODE_LIST) {
    (void)report_step(self, step, node, "is no item of the list");
    return NULL;
  }
  if (child == NULL && self->action == REMOVE) {
    (void)report_step(self, step, node, "is not there");
    return NULL;
  }
  if (child == NULL) {
    return add_child(self, node, step, NACRE_NODE_MAP);
  }
  if (child->kind == NACRE_NODE_SCALAR &&
      open_scalar(self, child) != NACRE_OK) {
    return NULL;
  }
  return child;
}

static int set_last(const change *self, nacre_node *node, const char *step) {
  if (node->kind == NACRE_NODE_LIST &&
      nacre_address_child(node, step) == NULL) {
    return report_step(self, step, node, "is no item of the list");
  }
  nacre_node *over = nacre_node_new(self->tree, NACRE_NODE_MAP);
  nacre_node *key = new_key(self, step);
  if (over == NULL || key == NULL) {
    return nacre_no_memory(self->error);
  }
  nacre_node_append(over, key, self->value);
  return nacre_merge(self->tree, node, over, self->error) != NULL
           ? NACRE_OK
           : NACRE_ERROR;
}

static int append_last(const change *self, nacre_node *node,
                       const char *step) {
  nacre_node *list = nacre_address_child(node, step);
  if (list == NULL && node->kind == NACRE_NODE_MAP) {
    list = add_child(self, node, step, NACRE_NODE_LIST);
    if (list == NULL) {
      return NACRE_ERROR;
    }
  }
  if (list == NULL || list->kind != NACRE_NODE_LIST) {
    return report_step(self, step, node, "is not a list");
  }
  nacre_node_append(list, NULL, self->value);
  return NACRE_OK;
}

static int remove_last(const change *self, nacre_node *node,
                       const char *step) {
  nacre_node *child = nacre_address_child(node, step);
  if (child == NULL) {
    return report_step(self, step, node, "is not there");
  }
  nacre_node_remove(node, child);
  return NACRE_OK;
}

/* Where the current step ends; the end of the path if all that is left of it
 * is one key, since a key may contain dots. */
static char *step_end(const nacre_node *node, char *step) {
  char *dot = strchr(step, '.');
  return dot == NULL || nacre_node_peek(node, step) != NULL ? NULL : dot;
}

static int walk(const change *self) {
  nacre_node *node = self->tree->root;
  char *step = self->path;
  int steps = 1;
  for (char *dot; (dot = step_end(node, step)) != NULL; steps++) {
    *dot = '\0';
    if (step[0] == '\0' || dot[1] == '\0') {
      const nacre_place place = step_place(self, step);
      return nacre_error_add(self->error, NACRE_EUSAGE, &place,
                             "a name is missing beside '.'");
    }
    node = follow(self, node, step);
    if (node == NULL) {
      return NACRE_ERROR;
    }
    step = dot + 1;
  }
  int depth = self->value != NULL ? nacre_node_depth(self->value) : 0;
  if (steps + 1 + depth > NACRE_YAML_MAX_DEPTH) {
    const nacre_place place = step_place(self, step);
    return nacre_error_add(self->error, NACRE_ELIMIT, &place,
                           "nested deeper than %d levels",
                           NACRE_YAML_MAX_DEPTH);
  }
  return self->action == SET      ? set_last(self, node, step)
         : self->action == APPEND ? append_last(self, node, step)
                                  : remove_last(self, node, step);
}

int nacre_override_apply(nacre_tree *tree, const char *text,
                         nacre_error *error) {
  change self = { tree, error, text, NULL, 0, strlen(text), SET, NULL };
  const char *equals = strchr(text, '=');
  if (text[0] == '~') {
    self.action = REMOVE;
    self.begin = 1;
    self.n--;
  } else if (equals != NULL) {
    self.n = (size_t)(equals - text);
    if (self.n > 0 && equals[-1] == '+') {
      self.action = APPEND;
      self.n--;
    }
  }
  if (self.n == 0 || (equals == NULL && self.action != REMOVE)) {
    const nacre_place place = { ORIGIN, 1, 1, (int)strlen(text), text };
    (void)nacre_error_add(error, NACRE_EUSAGE, &place,
                          "not a setting: '%s'", text);
    nacre_error_hint(error, "write KEY=VALUE, LIST+=ITEM or ~KEY");
    return NACRE_ERROR;
  }
  if (self.action != REMOVE) {
    self.value = nacre_yaml_value(tree, ORIGIN, NULL, text,
                                  (size_t)(equals + 1 - text), error);
    if (self.value == NULL) {
      return NACRE_ERROR;
    }
  }
  self.path = nacre_strndup(text + self.begin, self.n);
  if (self.path == NULL) {
    return nacre_no_memory(error);
  }
  int status = walk(&self);
  nacre_free(self.path);
  return status;
}
