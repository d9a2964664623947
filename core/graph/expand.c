/* SPDX-License-Identifier: MIT */
/* expand: a layer that is made of others becomes them.
 *
 * Its expand() says which layers stand inside, what each reads, and where an
 * axis joins the batch. They are described as if the user had written them,
 * under names that begin with the composite's; the last of them bears the
 * composite's own, so that who reads the composite reads it. */
#include "graph/build.h"

#include "plugin/values.h"
#include "yaml/parse.h"
#include "yaml/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define INSIDE_MAX 32 /* layers in one composite */

/* What expand()'s calls write to. The plugin sees only the first member. */
typedef struct expanding {
  nacre_expand expand;
  nacre_graph *graph;
  nacre_vertex outer;     /* the composite, as it was described */
  int composite;          /* its number */
  int inside[INSIDE_MAX]; /* vertex of each handle beyond the inputs */
  int n_inside;
  bool failed;
} expanding;

static expanding *self_of(nacre_expand *expand) {
  return (expanding *)expand;
}

static int refuse(nacre_expand *expand, const char *format, ...) {
  expanding *self = self_of(expand);
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  if (!self->failed) {
    nacre_report(self->graph->ctx->error, self->outer.node, NACRE_ECONFIG,
                 "layer '%s' (%s): %s", self->outer.name, self->outer.type,
                 text);
  }
  self->failed = true;
  return NACRE_ERROR;
}

/* Asking about the layer that a parameter names. */

static nacre_node *named_by(const expanding *self, const char *param) {
  return self->outer.node->kind == NACRE_NODE_MAP
    ? nacre_node_peek(self->outer.node, param) : NULL;
}

static const nacre_param *find_param(const nacre_component *component,
                                     const char *key) {
  for (uint32_t i = 0; i < component->params.n; i++) {
    const nacre_param *param = nacre_params_at(component->params, i);
    if (strcmp(param->name, key) == 0) {
      return param;
    }
  }
  return NULL;
}

/* Problems of the value are reported when the layer is described. */
static int ask(nacre_expand *expand, const char *param, const char *key,
               double *value) {
  expanding *self = self_of(expand);
  nacre_params_ctx *ctx = self->graph->ctx;
  nacre_node *node = named_by(self, param);
  nacre_node *type = node != NULL && node->kind == NACRE_NODE_MAP
    ? nacre_node_peek(node, "type") : node;
  if (type == NULL || type->kind != NACRE_NODE_SCALAR) {
    return NACRE_DECLINE;
  }
  nacre_error quiet;
  nacre_error_init(&quiet);
  const nacre_component *component = nacre_registry_find(
    ctx->registry, NACRE_KIND_LAYER, type->text, ctx->device, 0, &quiet);
  const nacre_param *about =
    component != NULL ? find_param(component, key) : NULL;
  nacre_params_ctx inner = *ctx;
  inner.error = &quiet;
  nacre_fill fill = { &inner, key, false, NULL, 0 };
  union {
    double number;
    int64_t whole;
    bool truth;
  } field = { 0 };
  int status = NACRE_DECLINE;
  if (about != NULL &&
      (about->type == NACRE_TYPE_FLOAT || about->type == NACRE_TYPE_INT ||
       about->type == NACRE_TYPE_BOOL)) {
    nacre_node *given =
      node->kind == NACRE_NODE_MAP ? nacre_node_peek(node, key) : NULL;
    status = given != NULL ? nacre_value_read(&fill, about, given, &field)
             : about->def != NULL ? nacre_value_default(&fill, about, &field)
                                  : NACRE_DECLINE;
    *value = about->type == NACRE_TYPE_FLOAT ? field.number
             : about->type == NACRE_TYPE_INT ? (double)field.whole
                                             : (double)field.truth;
  }
  nacre_error_fini(&quiet);
  return status == NACRE_OK ? NACRE_OK : NACRE_DECLINE;
}

/* Layers inside. */

/* Puts the keys of `set` over those of the map. */
static int put_over(expanding *self, nacre_tree *tree, nacre_node *map,
                    const char *set) {
  nacre_node *over =
    nacre_yaml_text(tree, self->outer.type, NULL, set, strlen(set),
                    self->graph->ctx->error);
  if (over == NULL || over->kind != NACRE_NODE_MAP) {
    return refuse(&self->expand, "it sets no map of parameters");
  }
  for (nacre_node *item = over->first, *next; item != NULL; item = next) {
    next = item->next;
    nacre_node *old = nacre_node_peek(map, item->key->text);
    if (old != NULL) {
      nacre_node_remove(map, old);
    }
    item->key->file = map->file;
    item->key->line = item->line = map->line;
    item->key->column = item->column = map->column;
    item->key->length = item->length = map->length;
    item->file = map->file;
    nacre_node_append(map, item->key, item);
  }
  return NACRE_OK;
}

/* The layer that `param` names, or an empty map, as a node of its own. */
static nacre_node *make_node(expanding *self, const char *param,
                             const char *set) {
  nacre_graph *graph = self->graph;
  nacre_tree tree = { .arena = nacre_graph_arena(graph) };
  nacre_node *from = param != NULL ? named_by(self, param) : NULL;
  nacre_node *map = NULL;
  if (from != NULL && from->kind == NACRE_NODE_MAP) {
    map = nacre_node_copy(&tree, from);
  } else if ((map = nacre_node_new(&tree, NACRE_NODE_MAP)) != NULL) {
    const nacre_node *like = from != NULL ? from : self->outer.node;
    map->file = like->file;
    map->line = like->line;
    map->column = like->column;
    map->length = like->length;
    nacre_node *key =
      from != NULL ? nacre_node_scalar(&tree, "type", from) : NULL;
    nacre_node *type = from != NULL ? nacre_node_copy(&tree, from) : NULL;
    if (from != NULL && (key == NULL || type == NULL)) {
      map = NULL;
    } else if (from != NULL) {
      nacre_node_append(map, key, type);
    }
  }
  if (map == NULL) {
    nacre_no_memory(graph->ctx->error);
    self->failed = true;
    return NULL;
  }
  return set == NULL || put_over(self, &tree, map, set) == NACRE_OK ? map
                                                                    : NULL;
}

/* Handles as connect() understands them: inputs of the composite, or
 * vertices. */
static int *read_handles(expanding *self, const int32_t *input, uint32_t n) {
  int *given =
    nacre_arena_alloc(nacre_graph_arena(self->graph), (size_t)n + 1,
                      sizeof(int));
  for (uint32_t i = 0; i < n && given != NULL; i++) {
    int inside = input[i] - (int)self->expand.n_inputs;
    if (input[i] < 0 || inside >= self->n_inside) {
      refuse(&self->expand, "it joins layers that are not there");
      return NULL;
    }
    given[i] = inside < 0 ? input[i] : ~self->inside[inside];
  }
  if (given == NULL) {
    nacre_no_memory(self->graph->ctx->error);
    self->failed = true;
  }
  return given;
}

static const char *name_inside(expanding *self, const char *name) {
  nacre_graph *graph = self->graph;
  if (name == NULL) {
    return self->outer.name; /* the result */
  }
  const char *full = nacre_arena_format(nacre_graph_arena(graph), "%s/%s",
                                        self->outer.name, name);
  if (full == NULL) {
    nacre_no_memory(graph->ctx->error);
    self->failed = true;
  } else if (nacre_graph_lookup(graph, full) != NULL) {
    refuse(&self->expand, "there is another layer '%s'", full);
    return NULL;
  }
  return full;
}

/* What holds for the composite holds for all that is in it. */
static void hand_down(expanding *self, int first, bool result) {
  for (int i = first; i < self->graph->n_vertices; i++) {
    nacre_vertex *vertex = &self->graph->vertex[i];
    vertex->trainable = vertex->trainable && self->outer.trainable;
    vertex->learning_rate_scale *= self->outer.learning_rate_scale;
  }
  nacre_vertex *last = &self->graph->vertex[self->graph->n_vertices - 1];
  if (result) {
    last->node = self->outer.node;
    last->result = true;
    if (self->outer.act_ops != NULL) {
      last->activation = self->outer.activation;
      last->act_ops = self->outer.act_ops;
    }
  }
}

static int add_inside(expanding *self, nacre_node *node, const char *name,
                      const nacre_component *component, const int32_t *input,
                      uint32_t n) {
  nacre_graph *graph = self->graph;
  const char *full = name_inside(self, name);
  int *given = read_handles(self, input, n);
  if (self->n_inside == INSIDE_MAX) {
    return refuse(&self->expand, "more than %d layers inside", INSIDE_MAX);
  }
  if (full == NULL || given == NULL) {
    return NACRE_ERROR;
  }
  nacre_placing at = { full, component, given, (int)n, self->composite };
  int first = graph->n_vertices;
  if (nacre_graph_describe(graph, node, &at) != NACRE_OK) {
    self->failed = true; /* the reason is in the error */
    return NACRE_ERROR;
  }
  hand_down(self, first, name == NULL);
  self->inside[self->n_inside++] = graph->n_vertices - 1;
  return (int)self->expand.n_inputs + self->n_inside - 1;
}

static int32_t add_layer(nacre_expand *expand, const char *name,
                         const char *param, const char *set,
                         const int32_t *input, uint32_t n) {
  expanding *self = self_of(expand);
  nacre_node *node = self->failed ? NULL : make_node(self, param, set);
  if (node == NULL) {
    return NACRE_ERROR;
  }
  static const char *const fixed[] = { "inputs", "name" };
  for (int i = 0; i < 2; i++) {
    nacre_node *key = nacre_node_peek(node, fixed[i]);
    if (key != NULL) {
      self->failed = true;
      return nacre_report_key(self->graph->ctx->error, key, NACRE_ECONFIG,
                              "the layer inside of '%s' has no '%s' of its "
                              "own", self->outer.name, fixed[i]);
    }
  }
  return add_inside(self, node, name, NULL, input, n);
}

static int32_t add_fold(nacre_expand *expand, const char *name,
                        int32_t input) {
  expanding *self = self_of(expand);
  return self->failed ? NACRE_ERROR
                      : add_inside(self, self->outer.node, name,
                                   &nacre_graph_fold, &input, 1);
}

static int32_t add_unfold(nacre_expand *expand, const char *name,
                          int32_t input) {
  expanding *self = self_of(expand);
  return self->failed ? NACRE_ERROR
                      : add_inside(self, self->outer.node, name,
                                   &nacre_graph_unfold, &input, 1);
}

static const nacre_expand_ops expand_ops = {
  sizeof(nacre_expand_ops), 0, add_layer, add_fold, add_unfold, ask, refuse
};

/* The vertex of the composite itself is the newest: it makes room. */
int nacre_graph_expand(nacre_graph *graph) {
  expanding self = {
    .expand = { .size = sizeof(nacre_expand), .ops = &expand_ops },
    .graph = graph, .outer = graph->vertex[--graph->n_vertices],
    .composite = graph->n_composites
  };
  const nacre_vertex *outer = &self.outer;
  nacre_node *inputs = outer->node->kind == NACRE_NODE_MAP
    ? nacre_node_get(outer->node, "inputs") : NULL;
  self.expand.cfg = outer->layer.cfg;
  self.expand.n_inputs =
    outer->given != NULL ? (uint32_t)outer->n_given
    : inputs != NULL && inputs->kind == NACRE_NODE_LIST
      ? (uint32_t)inputs->count : 1;
  nacre_composite *grown = nacre_graph_grow(
    graph->composite, graph->n_composites, sizeof(*grown));
  if (grown == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  graph->composite = grown;
  graph->composite[graph->n_composites++] = (nacre_composite){
    outer->node, graph->n_vertices, outer->composite, outer->given
  };
  if (self.expand.n_inputs < outer->ops->min_inputs ||
      (outer->ops->max_inputs > 0 &&
       self.expand.n_inputs > outer->ops->max_inputs)) {
    return refuse(&self.expand, "it does not take %u inputs",
                  self.expand.n_inputs);
  }
  int status = outer->ops->expand(&self.expand);
  if (status != NACRE_OK || self.failed) {
    return self.failed ? NACRE_ERROR
                       : refuse(&self.expand, "it gives no reason for its "
                                "refusal");
  }
  if (self.n_inside == 0 || !graph->vertex[graph->n_vertices - 1].result) {
    return refuse(&self.expand, "it has no result");
  }
  return NACRE_OK;
}
