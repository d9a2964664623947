/* SPDX-License-Identifier: MIT */
/* values: scalars: numbers, words, texts, durations, references; lists are in
 * lists.c.
 *
 * A scalar is typed by the parameter it is for, never guessed: `1e-3` is a
 * number and `no` a text wherever such is wanted. */
#include "values.h"

#include "base/text.h"
#include "lists.h"
#include "range.h"
#include "yaml/parse.h"
#include "yaml/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const size_t sizes[] = {
  [NACRE_TYPE_FLOAT] = sizeof(double),
  [NACRE_TYPE_INT] = sizeof(int64_t),
  [NACRE_TYPE_BOOL] = sizeof(bool),
  [NACRE_TYPE_ENUM] = sizeof(nacre_enum),
  [NACRE_TYPE_STRING] = sizeof(const char *),
  [NACRE_TYPE_INTS] = sizeof(nacre_ints),
  [NACRE_TYPE_FLOATS] = sizeof(nacre_floats),
  [NACRE_TYPE_STRINGS] = sizeof(nacre_strings),
  [NACRE_TYPE_STRING_MAP] = sizeof(nacre_string_map),
  [NACRE_TYPE_ARRAY_MAP] = sizeof(nacre_array_map),
  [NACRE_TYPE_REF] = sizeof(nacre_ref),
  [NACRE_TYPE_DURATION] = sizeof(nacre_duration),
};

size_t nacre_value_size(uint32_t type) {
  return type < sizeof sizes / sizeof sizes[0] ? sizes[type] : 0;
}

int nacre_fill_report(const nacre_fill *fill, const nacre_node *node,
                      const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  nacre_error *error = fill->ctx->error;
  const nacre_node *place = fill->implied ? fill->near : node;
  int code = fill->implied ? NACRE_EPLUGIN : NACRE_ECONFIG;
  if (place == NULL) {
    return nacre_error_add(error, code, NULL, "%s", text);
  }
  return nacre_report(error, place, code, "%s", text);
}

int nacre_value_refuse(const nacre_fill *fill, const nacre_param *param,
                       const nacre_node *node, const char *expected) {
  char got[64];
  if (node->kind != NACRE_NODE_SCALAR) {
    snprintf(got, sizeof got, node->kind == NACRE_NODE_LIST
                                ? (node->count > 0 ? "a list" : "an empty list")
                                : "a map");
  } else if (nacre_node_is_null(node)) {
    snprintf(got, sizeof got, "%s", node->text[0] == '\0' ? "nothing" : "null");
  } else {
    snprintf(got, sizeof got, "'%.40s%s'", node->text,
             strlen(node->text) > 40 ? "..." : "");
  }
  return nacre_fill_report(fill, node, "%s: %s%s: expected %s, got %s",
                           fill->what, param->name,
                           fill->implied ? " (by default)" : "", expected,
                           got);
}

int nacre_value_float(const nacre_fill *fill, const nacre_param *param,
                      const nacre_node *node, double *out) {
  nacre_range range;
  bool known = nacre_range_parse(param->range, &range);
  if (known && nacre_node_float(node, out) &&
      nacre_range_holds(&range, *out)) {
    return NACRE_OK;
  }
  char expected[96];
  snprintf(expected, sizeof expected, "a %snumber%s%.60s",
           param->range != NULL ? "" : "finite ",
           param->range != NULL ? " in " : "",
           param->range != NULL ? param->range : "");
  return nacre_value_refuse(fill, param, node, expected);
}

int nacre_value_int(const nacre_fill *fill, const nacre_param *param,
                    const nacre_node *node, int64_t *out) {
  nacre_range range;
  bool known = nacre_range_parse(param->range, &range);
  if (known && nacre_node_int(node, out) &&
      nacre_range_holds(&range, (double)*out)) {
    return NACRE_OK;
  }
  char expected[96];
  snprintf(expected, sizeof expected, "a whole number%s%.60s",
           param->range != NULL ? " in " : "",
           param->range != NULL ? param->range : "");
  return nacre_value_refuse(fill, param, node, expected);
}

static int no_memory(const nacre_fill *fill) {
  return nacre_no_memory(fill->ctx->error);
}

/* "one of same, valid" */
static void expect_words(const char *words, char *out, size_t room) {
  size_t n = (size_t)snprintf(out, room, "one of ");
  for (; *words != '\0' && n + 3 < room; words++) {
    if (*words == '|') {
      out[n++] = ',';
      out[n++] = ' ';
    } else {
      out[n++] = *words;
    }
  }
  out[n] = '\0';
}

/* A run keeps its config elsewhere: there, a path must mean the same file.
 * What the plugin gets stays as the user wrote it, for its messages. */
static int make_absolute(const nacre_fill *fill, const char *joined,
                         const nacre_node *node) {
  char here[PATH_MAX];
  if (strcmp(joined, "-") == 0 || getcwd(here, sizeof(here)) == NULL) {
    return NACRE_OK;
  }
  char *absolute = nacre_path_join(here, joined);
  char *kept = absolute != NULL
    ? nacre_arena_strndup(fill->ctx->arena, absolute, strlen(absolute))
    : NULL;
  nacre_free(absolute);
  if (kept == NULL) {
    return no_memory(fill);
  }
  ((nacre_node *)(uintptr_t)node)->text = kept; /* the tree is ours */
  return NACRE_OK;
}

int nacre_value_text(const nacre_fill *fill, const nacre_param *param,
                     const nacre_node *node, const char **out) {
  if (node->kind != NACRE_NODE_SCALAR || nacre_node_is_null(node)) {
    return nacre_value_refuse(fill, param, node, "text");
  }
  if (param->range != NULL && nacre_range_words(param->range) > 0 &&
      nacre_range_word(param->range, node->text) < 0) {
    char expected[256];
    expect_words(param->range, expected, sizeof expected);
    return nacre_value_refuse(fill, param, node, expected);
  }
  bool join = (param->flags & NACRE_PARAM_PATH) != 0 && !fill->implied &&
              node->file != NULL && node->text[0] != '\0';
  char *joined = join ? nacre_path_join(node->file->dir, node->text) : NULL;
  if (join && joined == NULL) {
    return no_memory(fill);
  }
  const char *text = join ? joined : node->text;
  *out = nacre_arena_strndup(fill->ctx->arena, text, strlen(text));
  int status = *out != NULL ? NACRE_OK : no_memory(fill);
  if (join && status == NACRE_OK) {
    status = make_absolute(fill, joined, node);
  }
  nacre_free(joined);
  return status;
}

static int read_bool(const nacre_fill *fill, const nacre_param *param,
                     const nacre_node *node, bool *out) {
  if (nacre_node_bool(node, out)) {
    return NACRE_OK;
  }
  return nacre_value_refuse(fill, param, node, "true or false");
}

static int read_enum(const nacre_fill *fill, const nacre_param *param,
                     const nacre_node *node, nacre_enum *out) {
  bool scalar = node->kind == NACRE_NODE_SCALAR;
  out->value = scalar ? nacre_range_word(param->range, node->text) : -1;
  if (out->value >= 0) {
    return NACRE_OK;
  }
  char expected[256];
  expect_words(param->range != NULL ? param->range : "", expected,
               sizeof expected);
  return nacre_value_refuse(fill, param, node, expected);
}

/* "200 steps", "3 epochs", "1 epoch", or a number of steps. */
static bool parse_duration(const nacre_node *node, nacre_duration *out) {
  static const struct {
    const char *name;
    int32_t unit;
  } units[] = { { "steps", 0 }, { "step", 0 }, { "epochs", 1 },
                { "epoch", 1 } };
  out->unit = 0;
  out->pad = 0;
  if (nacre_node_float(node, &out->count)) {
    return true;
  }
  const char *space =
    node->kind == NACRE_NODE_SCALAR ? strchr(node->text, ' ') : NULL;
  if (space == NULL ||
      !nacre_text_float(node->text, (size_t)(space - node->text),
                        &out->count)) {
    return false;
  }
  while (*space == ' ') {
    space++;
  }
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
    if (strcmp(space, units[i].name) == 0) {
      out->unit = units[i].unit;
      return true;
    }
  }
  return false;
}

static int read_duration(const nacre_fill *fill, const nacre_param *param,
                         const nacre_node *node, nacre_duration *out) {
  const char *bounds = param->range != NULL ? param->range : "[0,inf)";
  nacre_range range;
  if (nacre_range_parse(bounds, &range) && parse_duration(node, out) &&
      nacre_range_holds(&range, out->count)) {
    return NACRE_OK;
  }
  char expected[128];
  snprintf(expected, sizeof expected,
           "a duration such as 200 steps or 3 epochs, in %.60s", bounds);
  return nacre_value_refuse(fill, param, node, expected);
}

static int read_ref(const nacre_fill *fill, const nacre_param *param,
                    nacre_node *node, nacre_ref *out) {
  if (fill->ctx->registry == NULL) {
    return NACRE_OK;
  }
  nacre_choice choice;
  uint32_t kind = param->range != NULL ? nacre_kind_from_name(param->range) : 0;
  if (fill->depth >= NACRE_FILL_DEPTH) {
    return nacre_fill_report(fill, node, "%s: %s: components name each other "
                             "in a circle", fill->what, param->name);
  }
  if (kind == NACRE_KIND_LAYER) {
    return nacre_fill_known(fill, kind, node); /* the graph reads the rest */
  }
  const int first = fill->ctx->error->count;
  if (nacre_fill_choose(fill, kind, node, NULL, false, &choice) != NACRE_OK) {
    nacre_error_context(fill->ctx->error, first, "%s: %s", fill->what,
                        param->name);
    return NACRE_ERROR;
  }
  out->ops = choice.component->ops;
  out->cfg = choice.cfg;
  return NACRE_OK;
}

bool nacre_value_nullable(const nacre_param *param) {
  static const char *const absent[] = { "null", "~", "[]", "{}" };
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
    if (param->def != NULL && strcmp(param->def, absent[i]) == 0) {
      return true;
    }
  }
  return false;
}

/* Absent is all zero bytes, but for the types where zero is a value. */
static void read_null(const nacre_param *param, void *field) {
  memset(field, 0, nacre_value_size(param->type));
  if (param->type == NACRE_TYPE_FLOAT) {
    *(double *)field = (double)NAN;
  } else if (param->type == NACRE_TYPE_INT) {
    *(int64_t *)field = INT64_MIN;
  } else if (param->type == NACRE_TYPE_ENUM) {
    ((nacre_enum *)field)->value = -1;
  } else if (param->type == NACRE_TYPE_DURATION) {
    ((nacre_duration *)field)->count = (double)NAN;
  }
}

int nacre_value_read(const nacre_fill *fill, const nacre_param *param,
                     nacre_node *node, void *field) {
  bool empty = node->kind != NACRE_NODE_SCALAR && node->count == 0;
  if (nacre_value_nullable(param) && (nacre_node_is_null(node) || empty)) {
    read_null(param, field);
    return NACRE_OK;
  }
  switch (param->type) {
    case NACRE_TYPE_FLOAT:
      return nacre_value_float(fill, param, node, field);
    case NACRE_TYPE_INT:
      return nacre_value_int(fill, param, node, field);
    case NACRE_TYPE_BOOL:
      return read_bool(fill, param, node, field);
    case NACRE_TYPE_ENUM:
      return read_enum(fill, param, node, field);
    case NACRE_TYPE_STRING:
      return nacre_value_text(fill, param, node, field);
    case NACRE_TYPE_REF:
      return read_ref(fill, param, node, field);
    case NACRE_TYPE_DURATION:
      return read_duration(fill, param, node, field);
    default:
      return nacre_list_read(fill, param, node, field);
  }
}

/* Most defaults are one plain word, which needs no parser. */
static nacre_node *default_node(const nacre_fill *fill,
                                const nacre_param *param) {
  nacre_tree tree = { .arena = fill->ctx->arena };
  const char *def = param->def;
  if (strpbrk(def, "[]{}'\",:#&*!|>%@`\n\\") != NULL) {
    return nacre_yaml_text(&tree, param->name, NULL, def, strlen(def),
                           fill->ctx->error);
  }
  nacre_node *node = nacre_node_new(&tree, NACRE_NODE_SCALAR);
  if (node == NULL) {
    no_memory(fill);
    return NULL;
  }
  node->text = def;
  /* An empty default is an empty text; only null means absent. */
  node->quoted = def[0] == '\0';
  return node;
}

int nacre_value_default(const nacre_fill *fill, const nacre_param *param,
                        void *field) {
  nacre_fill implied = *fill;
  implied.implied = true;
  nacre_node *node = default_node(&implied, param);
  return node != NULL ? nacre_value_read(&implied, param, node, field)
                      : NACRE_ERROR;
}
