/* SPDX-License-Identifier: MIT */
/* tree: nodes, their children, and reading scalars. */
#include "tree.h"

#include "base/text.h"

#include <string.h>

nacre_tree *nacre_tree_new(void) {
  nacre_tree *tree = nacre_alloc(1, sizeof *tree);
  if (tree == NULL) {
    return NULL;
  }
  tree->arena = nacre_arena_new();
  if (tree->arena == NULL) {
    nacre_free(tree);
    return NULL;
  }
  return tree;
}

void nacre_tree_free(nacre_tree *tree) {
  if (tree != NULL) {
    nacre_arena_free(tree->arena);
    nacre_free(tree);
  }
}

nacre_node *nacre_node_new(nacre_tree *tree, nacre_node_kind kind) {
  nacre_node *node = nacre_arena_alloc(tree->arena, 1, sizeof *node);
  if (node != NULL) {
    node->kind = kind;
  }
  return node;
}

static void stand_where(nacre_node *node, const nacre_node *like) {
  node->line = like->line;
  node->column = like->column;
  node->length = like->length;
  node->file = like->file;
}

nacre_node *nacre_node_scalar(nacre_tree *tree, const char *text,
                              const nacre_node *like) {
  nacre_node *node = nacre_node_new(tree, NACRE_NODE_SCALAR);
  if (node == NULL) {
    return NULL;
  }
  node->text = nacre_arena_strndup(tree->arena, text, strlen(text));
  if (like != NULL) {
    stand_where(node, like);
  }
  return node->text != NULL ? node : NULL;
}

void nacre_node_append(nacre_node *parent, nacre_node *key,
                       nacre_node *child) {
  child->key = key;
  child->parent = parent;
  child->next = NULL;
  if (key != NULL) {
    key->parent = parent;
  }
  if (parent->last != NULL) {
    parent->last->next = child;
  } else {
    parent->first = child;
  }
  parent->last = child;
  parent->count++;
}

void nacre_node_remove(nacre_node *parent, nacre_node *child) {
  nacre_node *before = NULL;
  nacre_node *node = parent->first;
  while (node != NULL && node != child) {
    before = node;
    node = node->next;
  }
  if (node == NULL) {
    return;
  }
  if (before != NULL) {
    before->next = child->next;
  } else {
    parent->first = child->next;
  }
  if (parent->last == child) {
    parent->last = before;
  }
  parent->count--;
  child->parent = NULL;
  child->next = NULL;
}

void nacre_node_become(nacre_node *node, nacre_node *with) {
  stand_where(node, with);
  node->kind = with->kind;
  node->quoted = with->quoted;
  node->text = with->text;
  node->first = with->first;
  node->last = with->last;
  node->count = with->count;
  for (nacre_node *at = node->first; at != NULL; at = at->next) {
    at->parent = node;
    if (at->key != NULL) {
      at->key->parent = node;
    }
  }
}

static nacre_node *copy_one(nacre_tree *tree, const nacre_node *node) {
  nacre_node *copy = nacre_node_new(tree, node->kind);
  if (copy != NULL) {
    stand_where(copy, node);
    copy->quoted = node->quoted;
    copy->state = node->state;
    copy->text = node->text; /* texts never change: the arena has one */
  }
  return copy;
}

/* Recursion is as deep as the tree, which every maker of trees limits. */
nacre_node *nacre_node_copy(nacre_tree *tree, const nacre_node *node) {
  nacre_node *copy = copy_one(tree, node);
  if (copy == NULL) {
    return NULL;
  }
  for (const nacre_node *at = node->first; at != NULL; at = at->next) {
    nacre_node *key = at->key != NULL ? copy_one(tree, at->key) : NULL;
    nacre_node *child = nacre_node_copy(tree, at);
    if (child == NULL || (at->key != NULL && key == NULL)) {
      return NULL;
    }
    nacre_node_append(copy, key, child);
  }
  return copy;
}

int nacre_node_size(const nacre_node *node, int limit) {
  int size = 1;
  for (const nacre_node *at = node->first; at != NULL && size <= limit;
       at = at->next) {
    size += (at->key != NULL ? 1 : 0) + nacre_node_size(at, limit - size);
  }
  return size;
}

int nacre_node_depth(const nacre_node *node) {
  int depth = 0;
  for (const nacre_node *at = node->first; at != NULL; at = at->next) {
    int below = nacre_node_depth(at);
    depth = below > depth ? below : depth;
  }
  return node->kind == NACRE_NODE_SCALAR ? 0 : depth + 1;
}

nacre_node *nacre_node_peek(const nacre_node *map, const char *key) {
  if (map == NULL || map->kind != NACRE_NODE_MAP) {
    return NULL;
  }
  for (nacre_node *node = map->first; node != NULL; node = node->next) {
    if (strcmp(node->key->text, key) == 0) {
      return node;
    }
  }
  return NULL;
}

nacre_node *nacre_node_get(nacre_node *map, const char *key) {
  nacre_node *node = nacre_node_peek(map, key);
  if (node != NULL) {
    node->used = true;
  }
  return node;
}

nacre_node *nacre_node_at(const nacre_node *list, int index) {
  if (list == NULL || index < 0) {
    return NULL;
  }
  nacre_node *node = list->first;
  while (node != NULL && index > 0) {
    node = node->next;
    index--;
  }
  return node;
}

static bool is_scalar(const nacre_node *node) {
  return node != NULL && node->kind == NACRE_NODE_SCALAR;
}

/* Whether a word is written in one of the cases that YAML allows: all small,
 * capitalised, or all capitals. */
static bool is_word(const char *text, const char *small) {
  size_t n = strlen(small);
  if (strlen(text) != n) {
    return false;
  }
  bool same = true;
  bool capital = true;
  bool capitals = true;
  for (size_t i = 0; i < n; i++) {
    char upper = small[i] >= 'a' && small[i] <= 'z'
                   ? (char)(small[i] - 'a' + 'A')
                   : small[i];
    same = same && text[i] == small[i];
    capitals = capitals && text[i] == upper;
    capital = capital && text[i] == (i == 0 ? upper : small[i]);
  }
  return same || capital || capitals;
}

bool nacre_node_is_null(const nacre_node *node) {
  return is_scalar(node) && !node->quoted &&
         (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
          is_word(node->text, "null"));
}

bool nacre_node_float(const nacre_node *node, double *value) {
  if (!is_scalar(node)) {
    return false;
  }
  const char *slash = strchr(node->text, '/');
  if (slash == NULL) {
    return nacre_text_float(node->text, strlen(node->text), value);
  }
  double above;
  double below;
  if (!nacre_text_float(node->text, (size_t)(slash - node->text), &above) ||
      !nacre_text_float(slash + 1, strlen(slash + 1), &below) ||
      below == 0) {
    return false;
  }
  *value = above / below;
  return true;
}

bool nacre_node_int(const nacre_node *node, int64_t *value) {
  return is_scalar(node) &&
         nacre_text_int(node->text, strlen(node->text), value);
}

bool nacre_node_bool(const nacre_node *node, bool *value) {
  static const char *const words[2][3] = { { "false", "no", "off" },
                                           { "true", "yes", "on" } };
  if (!is_scalar(node)) {
    return false;
  }
  for (int i = 0; i < 6; i++) {
    if (is_word(node->text, words[i % 2][i / 2])) {
      *value = i % 2 != 0;
      return true;
    }
  }
  return false;
}

/* The bytes of a line break at `at`, by libyaml's idea of one: CR, LF, both,
 * and Unicode's next line, line and paragraph separators. 0: none. */
static size_t line_break(const char *at) {
  const unsigned char *byte = (const unsigned char *)at;
  if (byte[0] == '\r') {
    return byte[1] == '\n' ? 2 : 1;
  }
  if (byte[0] == '\n') {
    return 1;
  }
  if (byte[0] == 0xc2 && byte[1] == 0x85) {
    return 2;
  }
  bool separator = byte[0] == 0xe2 && byte[1] == 0x80 &&
                   (byte[2] == 0xa8 || byte[2] == 0xa9);
  return separator ? 3 : 0;
}

static const char *line_text(const nacre_source_file *file, int line) {
  const char *at = file->text;
  const char *end = at + file->n;
  while (line > 1 && at < end) {
    size_t n = line_break(at);
    line -= n > 0 ? 1 : 0;
    at += n > 0 ? n : 1;
  }
  return at;
}

nacre_place nacre_node_place(const nacre_node *node) {
  nacre_place place = { NULL, 0, 0, 0, NULL };
  if (node != NULL && node->file != NULL) {
    place.file = node->file->name;
    place.line = node->line;
    place.column = node->column;
    place.length = node->length;
    if (node->line > 0) {
      place.source = line_text(node->file, node->line);
    }
  }
  return place;
}

nacre_place nacre_node_key_place(const nacre_node *node) {
  return nacre_node_place(node != NULL && node->key != NULL ? node->key
                                                            : node);
}

/* Prepends what leads to `node` from its parent. */
static void put_path(nacre_text *out, const nacre_node *node) {
  const nacre_node *parent = node->parent;
  if (parent == NULL) {
    return;
  }
  put_path(out, parent);
  if (out->n > 0) {
    nacre_text_puts(out, ".");
  }
  const nacre_node *name = nacre_node_peek(node, "name");
  if (node->key != NULL) {
    nacre_text_puts(out, node->key->text);
  } else if (is_scalar(name)) {
    nacre_text_puts(out, name->text);
  } else {
    int index = 0;
    for (const nacre_node *at = parent->first; at != NULL && at != node;
         at = at->next) {
      index++;
    }
    nacre_text_printf(out, "%d", index);
  }
}

char *nacre_node_path(const nacre_node *node) {
  nacre_text out = { NULL, 0, 0, false };
  nacre_text_puts(&out, "");
  put_path(&out, node);
  if (out.failed) {
    nacre_text_fini(&out);
    return NULL;
  }
  return out.at;
}
