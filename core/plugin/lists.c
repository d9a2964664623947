/* SPDX-License-Identifier: MIT */
/* lists: `3` or `[3, 3]`, texts by name, nested lists of numbers.
 *
 * A single value stands for a list of one, because that is how people write
 * kernel_size: 3. What is read lives in the arena. */
#include "lists.h"

#include <string.h>

/* The first element: a scalar is the only element of itself. */
static const nacre_node *elements(const nacre_node *node, int *n) {
  bool list = node->kind == NACRE_NODE_LIST;
  *n = list ? node->count : 1;
  return list ? node->first : node;
}

static int refuse_empty(const nacre_fill *fill, const nacre_param *param,
                        const nacre_node *node) {
  return nacre_value_refuse(fill, param, node, "at least one value");
}

static void *room_for(const nacre_fill *fill, int n, size_t size) {
  void *at = nacre_arena_alloc(fill->ctx->arena, (size_t)n, size);
  if (at == NULL) {
    nacre_no_memory(fill->ctx->error);
  }
  return at;
}

static int read_ints(const nacre_fill *fill, const nacre_param *param,
                     const nacre_node *node, nacre_ints *out) {
  int n = 0;
  int status = NACRE_OK;
  const nacre_node *item = elements(node, &n);
  if (n == 0) {
    return refuse_empty(fill, param, node);
  }
  int64_t *at = room_for(fill, n, sizeof *at);
  if (at == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n; i++, item = item->next) {
    if (nacre_value_int(fill, param, item, &at[i]) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  out->at = at;
  out->n = n;
  return status;
}

static int read_floats(const nacre_fill *fill, const nacre_param *param,
                       const nacre_node *node, nacre_floats *out) {
  int n = 0;
  int status = NACRE_OK;
  const nacre_node *item = elements(node, &n);
  if (n == 0) {
    return refuse_empty(fill, param, node);
  }
  double *at = room_for(fill, n, sizeof *at);
  if (at == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n; i++, item = item->next) {
    if (nacre_value_float(fill, param, item, &at[i]) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  out->at = at;
  out->n = n;
  return status;
}

static int read_strings(const nacre_fill *fill, const nacre_param *param,
                        const nacre_node *node, nacre_strings *out) {
  int n = 0;
  int status = NACRE_OK;
  const nacre_node *item = elements(node, &n);
  if (n == 0) {
    return refuse_empty(fill, param, node);
  }
  const char **at = room_for(fill, n, sizeof *at);
  if (at == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n; i++, item = item->next) {
    if (nacre_value_text(fill, param, item, &at[i]) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  out->at = at;
  out->n = n;
  return status;
}

/* The name of a map's value; "" for what is not in a map. */
static const char *name_of(const nacre_fill *fill, const nacre_node *item,
                           bool named) {
  const char *name = named && item->key != NULL ? item->key->text : "";
  return nacre_arena_strndup(fill->ctx->arena, name, strlen(name));
}

static int read_string_map(const nacre_fill *fill, const nacre_param *param,
                           const nacre_node *node, nacre_string_map *out) {
  bool map = node->kind == NACRE_NODE_MAP;
  if (node->kind == NACRE_NODE_LIST || (map && node->count == 0)) {
    return nacre_value_refuse(fill, param, node,
                              "text, or a map from names to texts");
  }
  int n = map ? node->count : 1;
  int status = NACRE_OK;
  const nacre_node *item = map ? node->first : node;
  const char **name = room_for(fill, n, sizeof *name);
  const char **at = room_for(fill, n, sizeof *at);
  if (name == NULL || at == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n; i++, item = item->next) {
    name[i] = name_of(fill, item, map);
    if (name[i] == NULL) {
      return nacre_no_memory(fill->ctx->error);
    }
    if (nacre_value_text(fill, param, item, &at[i]) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  out->name = name;
  out->at = at;
  out->n = n;
  return status;
}

/* A walk over the rows of an array. */
typedef struct cursor {
  const nacre_fill *fill;
  const nacre_param *param;
  const nacre_shape *shape;
  double *next; /* where the next number goes; NULL: only the shape counts */
} cursor;

/* Rows of one length each: anything else is reported at the row. */
static int read_rows(cursor *at, const nacre_node *node, int axis) {
  if (axis == at->shape->rank) {
    return at->next != NULL
             ? nacre_value_float(at->fill, at->param, node, at->next++)
             : NACRE_OK;
  }
  if (node->kind != NACRE_NODE_LIST) {
    return nacre_value_refuse(at->fill, at->param, node,
                              "a list like the ones before it");
  }
  if (node->count != at->shape->dim[axis]) {
    return nacre_fill_report(at->fill, node,
                             "%s: %s: this row has %d values, the first %d",
                             at->fill->what, at->param->name, node->count,
                             (int)at->shape->dim[axis]);
  }
  int status = NACRE_OK;
  for (const nacre_node *item = node->first; item; item = item->next) {
    if (read_rows(at, item, axis + 1) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

/* The first element of each level gives the shape. */
static int read_array(const nacre_fill *fill, const nacre_param *param,
                      const nacre_node *node, nacre_array *out) {
  nacre_shape shape = { { 0 }, 0, NACRE_F64 };
  int64_t count = 1;
  const nacre_node *first = node;
  for (; first->kind == NACRE_NODE_LIST; first = first->first) {
    if (shape.rank == NACRE_RANK_MAX) {
      return nacre_fill_report(fill, node,
                               "%s: %s: lists are nested more than %d deep",
                               fill->what, param->name, NACRE_RANK_MAX);
    }
    shape.dim[shape.rank++] = first->count;
    if (first->count == 0) {
      break;
    }
    if (!nacre_int_mul(count, first->count, &count)) {
      return nacre_no_memory(fill->ctx->error);
    }
  }
  if (shape.rank == 0 || first->kind != NACRE_NODE_SCALAR) {
    return nacre_value_refuse(fill, param, first, "nested lists of numbers");
  }
  /* Only once every row is known to be there is the product of the extents a
   * number of nodes, and not whatever a few long first rows multiply to. */
  cursor walk = { fill, param, &shape, NULL };
  if (read_rows(&walk, node, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  double *at =
    nacre_arena_alloc(fill->ctx->arena, (size_t)count, sizeof *at);
  if (at == NULL) {
    return nacre_no_memory(fill->ctx->error);
  }
  out->at = at;
  out->shape = shape;
  walk.next = at;
  return read_rows(&walk, node, 0);
}

static int read_array_map(const nacre_fill *fill, const nacre_param *param,
                          const nacre_node *node, nacre_array_map *out) {
  bool map = node->kind == NACRE_NODE_MAP;
  if (node->kind == NACRE_NODE_SCALAR || node->count == 0) {
    return nacre_value_refuse(
      fill, param, node,
      "nested lists of numbers, or a map from names to them");
  }
  int n = map ? node->count : 1;
  int status = NACRE_OK;
  const nacre_node *item = map ? node->first : node;
  const char **name = room_for(fill, n, sizeof *name);
  nacre_array *at = room_for(fill, n, sizeof *at);
  if (name == NULL || at == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n; i++, item = item->next) {
    name[i] = name_of(fill, item, map);
    if (name[i] == NULL) {
      return nacre_no_memory(fill->ctx->error);
    }
    if (read_array(fill, param, item, &at[i]) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  out->name = name;
  out->at = at;
  out->n = n;
  return status;
}

int nacre_list_read(const nacre_fill *fill, const nacre_param *param,
                    const nacre_node *node, void *field) {
  switch (param->type) {
    case NACRE_TYPE_INTS:
      return read_ints(fill, param, node, field);
    case NACRE_TYPE_FLOATS:
      return read_floats(fill, param, node, field);
    case NACRE_TYPE_STRINGS:
      return read_strings(fill, param, node, field);
    case NACRE_TYPE_STRING_MAP:
      return read_string_map(fill, param, node, field);
    case NACRE_TYPE_ARRAY_MAP:
      return read_array_map(fill, param, node, field);
    default:
      return nacre_fill_report(fill, node, "%s: %s has the unknown type %u",
                               fill->what, param->name,
                               (unsigned)param->type);
  }
}
