/* SPDX-License-Identifier: MIT */
/* parse: the events of libyaml become a tree.
 *
 * libyaml has no limit of its own on nesting (and takes quadratic time for
 * it), and lets through duplicate keys, aliases that contain themselves, tags
 * and further documents: all that is caught here, event by event. */
#include "parse.h"

#include "encoding.h"
#include "index.h"
#include "report.h"
#include "wording.h"

#include <string.h>
#include <yaml.h>

/* A list or map that is still open. */
typedef struct frame {
  nacre_node *node;
  nacre_node *key; /* of a map: read, and waiting for its value */
} frame;

typedef struct parser {
  yaml_parser_t yaml;
  nacre_tree *tree;
  const nacre_source_file *file;
  int shift; /* characters before the text on its first line */
  nacre_error *error;
  nacre_node *root;
  nacre_index keys;    /* (map, key) to the key's scalar */
  nacre_index anchors; /* (NULL, anchor) to its node */
  frame stack[NACRE_YAML_MAX_DEPTH];
  int depth, nodes;
  int first_line, first_column; /* of the first document; line 0: none */
  bool stop;
} parser;

static void stand_at(const parser *self, const yaml_mark_t *mark,
                     nacre_node *node) {
  node->file = self->file;
  node->line = (int)mark->line + 1;
  node->column = (int)mark->column + 1 + (mark->line == 0 ? self->shift : 0);
}

/* For problems alone: it walks through the text to find the line. */
static nacre_place mark_place(const parser *self, const yaml_mark_t *mark) {
  nacre_node at;
  memset(&at, 0, sizeof at);
  stand_at(self, mark, &at);
  return nacre_node_place(&at);
}

/* libyaml puts what is missing at the end onto a line after the last one;
 * the end of the last line that has something on it can be looked at. */
static nacre_place syntax_place(const parser *self, const yaml_mark_t *mark) {
  const nacre_place place = mark_place(self, mark);
  const char *text = self->file->text;
  size_t n = self->file->n;
  if (place.source != text + n) {
    return place;
  }
  while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL) {
    n--;
  }
  return nacre_encoding_place(self->file, n);
}

static void no_memory(parser *self) {
  (void)nacre_no_memory(self->error);
  self->stop = true;
}

/* The byte that stands at a column of a line. */
static char place_byte(const nacre_place *place) {
  const char *at = place->source;
  for (int i = 1; i < place->column && *at != '\0'; i++) {
    do {
      at++;
    } while (((unsigned char)*at & 0xc0) == 0x80);
  }
  return *at;
}

static void report_character(parser *self, const nacre_place *place) {
  char byte = place_byte(place);
  if (byte == '\t') {
    (void)nacre_error_add(self->error, NACRE_ECONFIG, place,
                          "a tab cannot indent: use spaces");
  } else {
    (void)nacre_error_add(self->error, NACRE_ECONFIG, place,
                          "a value cannot begin with '%c': put it in quotes",
                          byte);
  }
}

/* Adds what made yaml_parser_parse() fail. */
static void report_syntax(parser *self) {
  const yaml_parser_t *yaml = &self->yaml;
  self->stop = true;
  if (yaml->error == YAML_MEMORY_ERROR) {
    no_memory(self);
    return;
  }
  const char *text = yaml->problem != NULL ? yaml->problem : "is not YAML";
  if (yaml->error == YAML_READER_ERROR) {
    const nacre_place place =
      nacre_encoding_place(self->file, yaml->problem_offset);
    (void)nacre_error_add(self->error, NACRE_ECONFIG, &place, "%s", text);
    return;
  }
  const nacre_place place = syntax_place(self, &yaml->problem_mark);
  if (strcmp(text, "found character that cannot start any token") == 0) {
    report_character(self, &place);
    return;
  }
  text = nacre_yaml_wording(text);
  const yaml_mark_t *begun = &yaml->context_mark;
  if (yaml->context != NULL && begun->line != yaml->problem_mark.line) {
    const nacre_place first = mark_place(self, begun);
    (void)nacre_error_add(self->error, NACRE_ECONFIG, &place,
                          "%s (it began at %d:%d)", text, first.line,
                          first.column);
  } else {
    (void)nacre_error_add(self->error, NACRE_ECONFIG, &place, "%s", text);
  }
  text = nacre_yaml_advice(place.source, place.column);
  if (text != NULL) {
    nacre_error_hint(self->error, "%s", text);
  }
}

/* Takes `n` nodes out of the budget. */
static bool spend(parser *self, int n, const yaml_event_t *event) {
  if (n > NACRE_YAML_MAX_NODES - self->nodes) {
    const nacre_place place = mark_place(self, &event->start_mark);
    (void)nacre_error_add(self->error, NACRE_ELIMIT, &place,
                          "more than %d values, aliases expanded",
                          NACRE_YAML_MAX_NODES);
    self->stop = true;
    return false;
  }
  self->nodes += n;
  return true;
}

static nacre_node *new_node(parser *self, nacre_node_kind kind,
                            const yaml_event_t *event) {
  if (!spend(self, 1, event)) {
    return NULL;
  }
  nacre_node *node = nacre_node_new(self->tree, kind);
  if (node == NULL) {
    no_memory(self);
    return NULL;
  }
  const yaml_mark_t *start = &event->start_mark;
  const yaml_mark_t *end = &event->end_mark;
  stand_at(self, start, node);
  if (kind == NACRE_NODE_SCALAR && start->line == end->line) {
    node->length = (int)(end->column - start->column);
  }
  return node;
}

static void report_at(parser *self, const nacre_node *node, const char *text) {
  (void)nacre_report(self->error, node, NACRE_ECONFIG, "%s", text);
}

/* Takes a scalar as the next key of a map. */
static void set_key(parser *self, frame *map, nacre_node *key) {
  map->key = key;
  if (!key->quoted && key->text[0] == '\0') {
    report_at(self, key, "a key is missing before ':'");
    return;
  }
  if (!key->quoted && strcmp(key->text, "<<") == 0) {
    report_at(self, key, "merge keys ('<<') are not allowed");
    nacre_error_hint(self->error,
                     "'extends: FILE' shares settings, 'blocks:' layers");
    return;
  }
  const nacre_node *first =
    nacre_index_find(&self->keys, map->node, key->text);
  if (first != NULL) {
    (void)nacre_report(self->error, key, NACRE_ECONFIG,
                       "duplicate key '%s' (first at %d:%d)", key->text,
                       first->line, first->column);
  } else if (!nacre_index_put(&self->keys, map->node, key->text, key)) {
    no_memory(self);
  }
}

static bool at_key(const parser *self) {
  if (self->depth == 0) {
    return false;
  }
  const frame *top = &self->stack[self->depth - 1];
  return top->node->kind == NACRE_NODE_MAP && top->key == NULL;
}

/* Puts a complete scalar, or a list or map just begun, where it belongs. */
static void attach(parser *self, nacre_node *node) {
  if (self->depth == 0) {
    self->root = node;
    return;
  }
  frame *top = &self->stack[self->depth - 1];
  if (!at_key(self)) {
    nacre_node_append(top->node, top->key, node);
    top->key = NULL;
  } else if (node->kind == NACRE_NODE_SCALAR) {
    set_key(self, top, node);
  } else {
    /* Its value must find a key, so that the rest can still be checked. */
    report_at(self, node, "a key must be text, not a list or map");
    top->key = nacre_node_scalar(self->tree, "", node);
    if (top->key == NULL) {
      no_memory(self);
    }
  }
}

static void set_anchor(parser *self, const yaml_char_t *anchor,
                       nacre_node *node) {
  if (anchor == NULL) {
    return;
  }
  const char *name = (const char *)anchor;
  name = nacre_arena_strndup(self->tree->arena, name, strlen(name));
  if (name == NULL || !nacre_index_put(&self->anchors, NULL, name, node)) {
    no_memory(self);
  }
}

static void refuse_tag(parser *self, const yaml_char_t *tag,
                       const nacre_node *node) {
  static const char core[] = "tag:yaml.org,2002:"; /* what "!!" stands for */
  const char *text = (const char *)tag;
  if (text != NULL) {
    const size_t n = sizeof core - 1;
    const bool is_core = strncmp(text, core, n) == 0;
    (void)nacre_report(self->error, node, NACRE_ECONFIG,
                       "tags are not allowed: '%s%s'", is_core ? "!!" : "",
                       is_core ? text + n : text);
  }
}

static void on_scalar(parser *self, const yaml_event_t *event) {
  nacre_node *node = new_node(self, NACRE_NODE_SCALAR, event);
  if (node == NULL) {
    return;
  }
  const char *text = (const char *)event->data.scalar.value;
  size_t n = event->data.scalar.length;
  if (strnlen(text, n) < n) { /* "\0" in double quotes */
    report_at(self, node, "a NUL character is not allowed");
  }
  node->text = nacre_arena_strndup(self->tree->arena, text, n);
  if (node->text == NULL) {
    no_memory(self);
    return;
  }
  node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
  refuse_tag(self, event->data.scalar.tag, node);
  set_anchor(self, event->data.scalar.anchor, node);
  attach(self, node);
}

static void on_begin(parser *self, nacre_node_kind kind,
                     const yaml_event_t *event) {
  nacre_node *node = new_node(self, kind, event);
  if (node == NULL) {
    return;
  }
  if (self->depth == NACRE_YAML_MAX_DEPTH) {
    (void)nacre_report(self->error, node, NACRE_ELIMIT,
                       "nested deeper than %d levels",
                       NACRE_YAML_MAX_DEPTH);
    self->stop = true;
    return;
  }
  const bool list = kind == NACRE_NODE_LIST;
  refuse_tag(self,
             list ? event->data.sequence_start.tag
                  : event->data.mapping_start.tag,
             node);
  set_anchor(self,
             list ? event->data.sequence_start.anchor
                  : event->data.mapping_start.anchor,
             node);
  attach(self, node);
  self->stack[self->depth].node = node;
  self->stack[self->depth].key = NULL;
  self->depth++;
}

static bool is_open(const parser *self, const nacre_node *node) {
  for (int i = 0; i < self->depth; i++) {
    if (self->stack[i].node == node) {
      return true;
    }
  }
  return false;
}

static void on_alias(parser *self, const yaml_event_t *event) {
  const char *name = (const char *)event->data.alias.anchor;
  const nacre_node *meant = nacre_index_find(&self->anchors, NULL, name);
  const char *problem = NULL;
  if (meant == NULL) {
    problem = "has no anchor before it";
  } else if (is_open(self, meant)) {
    problem = "stands inside its own anchor";
  } else if (at_key(self)) {
    problem = "cannot be a key";
  } else if (self->depth + nacre_node_depth(meant) > NACRE_YAML_MAX_DEPTH) {
    problem = "nests too deeply";
  }
  if (problem != NULL) {
    const nacre_place place = mark_place(self, &event->start_mark);
    (void)nacre_error_add(self->error, NACRE_ECONFIG, &place,
                          "the alias '*%s' %s", name, problem);
    self->stop = true;
    return;
  }
  int size = nacre_node_size(meant, NACRE_YAML_MAX_NODES);
  if (!spend(self, size, event)) {
    return;
  }
  nacre_node *copy = nacre_node_copy(self->tree, meant);
  if (copy == NULL) {
    no_memory(self);
    return;
  }
  attach(self, copy);
}

static void on_document(parser *self, const yaml_event_t *event) {
  const nacre_place place = mark_place(self, &event->start_mark);
  if (self->first_line > 0) {
    (void)nacre_error_add(self->error, NACRE_ECONFIG, &place,
                          "a second document begins here (the first at "
                          "%d:%d); a file holds one",
                          self->first_line, self->first_column);
    self->stop = true;
  }
  self->first_line = place.line;
  self->first_column = place.column;
}

static void on_event(parser *self, const yaml_event_t *event) {
  switch (event->type) {
  case YAML_DOCUMENT_START_EVENT:
    on_document(self, event);
    break;
  case YAML_ALIAS_EVENT:
    on_alias(self, event);
    break;
  case YAML_SCALAR_EVENT:
    on_scalar(self, event);
    break;
  case YAML_SEQUENCE_START_EVENT:
    on_begin(self, NACRE_NODE_LIST, event);
    break;
  case YAML_MAPPING_START_EVENT:
    on_begin(self, NACRE_NODE_MAP, event);
    break;
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT:
    self->depth--;
    break;
  case YAML_STREAM_END_EVENT:
    self->stop = true;
    break;
  default:
    break;
  }
}

/* Parses the text of `file` from byte `skip` on; NULL with no problem added:
 * there is nothing in it. */
static nacre_node *parse(nacre_tree *tree, const nacre_source_file *file,
                         size_t skip, int shift, nacre_error *error) {
  parser self;
  const int before = error->errors;
  memset(&self, 0, sizeof self);
  self.tree = tree;
  self.file = file;
  self.shift = shift;
  self.error = error;
  if (!yaml_parser_initialize(&self.yaml)) {
    (void)nacre_no_memory(error);
    return NULL;
  }
  yaml_parser_set_input_string(
    &self.yaml, (const unsigned char *)file->text + skip, file->n - skip);
  yaml_parser_set_encoding(&self.yaml, YAML_UTF8_ENCODING);
  while (!self.stop) {
    yaml_event_t event;
    if (!yaml_parser_parse(&self.yaml, &event)) {
      report_syntax(&self);
      break;
    }
    on_event(&self, &event);
    yaml_event_delete(&event);
  }
  yaml_parser_delete(&self.yaml);
  nacre_index_fini(&self.keys);
  nacre_index_fini(&self.anchors);
  return error->errors == before ? self.root : NULL;
}

nacre_node *nacre_yaml_text(nacre_tree *tree, const char *name,
                            const char *dir, const char *text, size_t n,
                            nacre_error *error) {
  const int before = error->errors;
  if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
    text += 3; /* UTF-8 with a mark is still UTF-8 */
    n -= 3;
  }
  const nacre_source_file *file =
    nacre_encoding_source(tree, name, dir, text, n, error);
  nacre_node *root =
    file != NULL ? parse(tree, file, 0, 0, error) : NULL;
  if (root == NULL && error->errors == before) {
    const nacre_place place = { name, 0, 0, 0, NULL };
    (void)nacre_error_add(error, NACRE_ECONFIG, &place, "is empty");
  }
  return root;
}

nacre_node *nacre_yaml_file(nacre_tree *tree, const char *path,
                            nacre_error *error) {
  const bool standard = strcmp(path, "-") == 0;
  nacre_bytes bytes;
  if (nacre_file_read(path, NACRE_YAML_MAX_BYTES, NACRE_ECONFIG, error,
                      &bytes) != NACRE_OK) {
    return NULL;
  }
  nacre_node *root = NULL;
  char *dir = standard ? NULL : nacre_path_dir(path);
  if (!standard && dir == NULL) {
    (void)nacre_no_memory(error);
  } else {
    root = nacre_yaml_text(tree, standard ? "standard input" : path, dir,
                           bytes.at, bytes.n, error);
  }
  nacre_free(dir);
  nacre_free(bytes.at);
  return root;
}

nacre_node *nacre_yaml_value(nacre_tree *tree, const char *name,
                             const char *dir, const char *text, size_t skip,
                             nacre_error *error) {
  const int before = error->errors;
  const nacre_source_file *file =
    nacre_encoding_source(tree, name, dir, text, strlen(text), error);
  if (file == NULL) {
    return NULL;
  }
  const nacre_place place = nacre_encoding_place(file, skip);
  nacre_node *root =
    parse(tree, file, skip, place.column - 1, error);
  if (root == NULL && error->errors == before) {
    root = nacre_node_scalar(tree, "", NULL);
    if (root == NULL) {
      (void)nacre_no_memory(error);
      return NULL;
    }
    root->file = file;
    root->line = place.line;
    root->column = place.column;
  }
  return root;
}
