/* SPDX-License-Identifier: MIT */
/* build: the `model:` of an experiment becomes a graph.
 *
 * Three passes: describe every layer (component, name, universal keys),
 * connect them by name, and put them in an order in which each runs after
 * what it reads. Layers may be listed in any order; without `inputs:` a layer
 * reads the one listed before it. */
#include "graph/build.h"

#include "yaml/report.h"

#include <string.h>

static const char *const model_keys[] = { "input", "inputs", "layers",
                                          "outputs", NULL };
static const char *const layer_keys[] = {
  "name", "type", "inputs", "activation", "trainable", "learning_rate_scale",
  "tie", NULL
};
static const char *const share_keys[] = { "name", "share", "inputs", NULL };

/* Inputs. */

static int read_shape(nacre_graph *graph, nacre_node *node,
                      nacre_shape *shape) {
  nacre_error *error = graph->ctx->error;
  *shape = (nacre_shape){ .dtype = NACRE_REAL };
  if (node->kind != NACRE_NODE_LIST) {
    return nacre_report(error, node, NACRE_ECONFIG,
                        "expected a shape such as [28, 28, 1], without the "
                        "batch");
  }
  if (node->count > NACRE_RANK_MAX - 1) {
    return nacre_report(error, node, NACRE_ECONFIG,
                        "a shape has at most %d axes besides the batch",
                        NACRE_RANK_MAX - 1);
  }
  int64_t count = 1;
  for (nacre_node *item = node->first; item != NULL; item = item->next) {
    int64_t extent = 0;
    if (item->kind != NACRE_NODE_SCALAR || !nacre_node_int(item, &extent) ||
        extent < 1) {
      nacre_report(error, item, NACRE_ECONFIG,
                   "an extent must be a whole number of at least 1");
      nacre_error_hint(error, "a shape leaves out the batch: [28, 28, 1]");
      return NACRE_ERROR;
    }
    if (!nacre_int_mul(count, extent, &count) || count > INT64_MAX / 64) {
      return nacre_report(error, item, NACRE_ELIMIT,
                          "the shape has more elements than can be counted");
    }
    shape->dim[shape->rank++] = extent;
  }
  return NACRE_OK;
}

static int add_input(nacre_graph *graph, const char *name, nacre_node *node,
                     const nacre_shape *given) {
  nacre_shape shape;
  if (given != NULL) {
    shape = *given;
  } else if (read_shape(graph, node, &shape) != NACRE_OK) {
    /* Go on with something, so that the layers are checked as well. */
    shape = nacre_shape_1d(1);
  }
  int edge = nacre_graph_add_edge(graph, name, -1, graph->n_inputs);
  if (edge < 0) {
    return NACRE_ERROR;
  }
  graph->edge[edge].shape = shape;
  return nacre_graph_mean(graph, name, graph->n_inputs++);
}

bool nacre_graph_has_inputs(nacre_node *model) {
  return model != NULL && model->kind == NACRE_NODE_MAP &&
         (nacre_node_peek(model, "input") != NULL ||
          nacre_node_peek(model, "inputs") != NULL);
}

static int build_inputs(nacre_graph *graph, nacre_node *model,
                        const nacre_shape *given) {
  nacre_error *error = graph->ctx->error;
  nacre_node *one = nacre_node_get(model, "input");
  nacre_node *many = nacre_node_get(model, "inputs");
  if (one != NULL && many != NULL) {
    return nacre_report_key(error, many, NACRE_ECONFIG,
                            "give either 'input' or 'inputs'");
  }
  if (many != NULL) {
    if (many->kind != NACRE_NODE_MAP || many->count == 0) {
      return nacre_report(error, many, NACRE_ECONFIG,
                          "expected a map from names to shapes");
    }
    for (nacre_node *item = many->first; item != NULL; item = item->next) {
      if (add_input(graph, item->key->text, item, NULL) != NACRE_OK) {
        return NACRE_ERROR;
      }
    }
    return NACRE_OK;
  }
  if (one == NULL && given == NULL) {
    return nacre_report_key(error, model, NACRE_ECONFIG,
                            "the model needs an 'input' shape");
  }
  return add_input(graph, "input", one, one != NULL ? NULL : given);
}

/* Layers. */

static bool name_is_legal(const char *name) {
  if (name[0] == '\0' || strlen(name) > 128) {
    return false;
  }
  for (const char *c = name; *c != '\0'; c++) {
    bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                  *c == '_' || (*c >= '0' && *c <= '9' && c != name);
    if (!letter && (c == name || (*c != '-' && *c != '/'))) {
      return false;
    }
  }
  return true;
}

/* "dense", "dense_1", ...: the first that nothing is given; numbers below
 * that of the last such layer are taken. */
static const char *free_name(nacre_graph *graph, nacre_vertex *vertex) {
  nacre_arena *arena = nacre_graph_arena(graph);
  int number = 0;
  for (int i = graph->n_vertices - 2; i >= 0 && number == 0; i--) {
    const nacre_vertex *other = &graph->vertex[i];
    if (other->number >= 0 && strcmp(other->type, vertex->type) == 0) {
      number = other->number + 1;
    }
  }
  for (;; number++) {
    const char *name = number == 0
      ? nacre_arena_format(arena, "%s", vertex->type)
      : nacre_arena_format(arena, "%s_%d", vertex->type, number);
    if (name == NULL) {
      nacre_no_memory(graph->ctx->error);
      return NULL;
    }
    if (nacre_graph_lookup(graph, name) == NULL) {
      vertex->number = number;
      return name;
    }
  }
}

static int check_name(nacre_graph *graph, const nacre_node *name) {
  nacre_error *error = graph->ctx->error;
  if (name->kind != NACRE_NODE_SCALAR || !name_is_legal(name->text)) {
    return nacre_report(error, name, NACRE_ECONFIG,
                        "a name is letters, digits, '_', '-' and '/', and "
                        "begins with a letter");
  }
  int other = nacre_graph_find_vertex(graph, name->text);
  if (other >= 0) {
    return nacre_report(error, name, NACRE_ECONFIG,
                        "there is already a layer '%s', at line %d",
                        name->text, graph->vertex[other].node->line);
  }
  const nacre_graph_name *found = nacre_graph_lookup(graph, name->text);
  if (found != NULL && found->meaning >= 0) {
    return nacre_report(error, name, NACRE_ECONFIG,
                        "an input of the model is called '%s'", name->text);
  }
  return NACRE_OK;
}

/* A layer whose name is refused gets another one, so that the rest of the
 * model can be checked. */
static int read_name(nacre_graph *graph, nacre_vertex *vertex) {
  nacre_node *node = vertex->node;
  nacre_node *name =
    node->kind == NACRE_NODE_MAP ? nacre_node_get(node, "name") : NULL;
  int status = name != NULL ? check_name(graph, name) : NACRE_OK;
  vertex->number = -1;
  vertex->name = name != NULL && status == NACRE_OK
    ? name->text : free_name(graph, vertex);
  return vertex->name != NULL &&
         nacre_graph_mean(graph, vertex->name,
                          ~(int)(vertex - graph->vertex)) == NACRE_OK
    ? status : NACRE_ERROR;
}

/* Names that are given further down are not free. */
static int expect_names(nacre_graph *graph, const nacre_node *layers) {
  for (const nacre_node *node = layers->first; node != NULL;
       node = node->next) {
    const nacre_node *name = node->kind == NACRE_NODE_MAP
      ? nacre_node_peek(node, "name") : NULL;
    if (name != NULL && name->kind == NACRE_NODE_SCALAR &&
        nacre_graph_lookup(graph, name->text) == NULL &&
        nacre_graph_mean(graph, name->text, NACRE_GRAPH_LATER) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

/* A layer with a parameter of that name sees to it itself. */
static bool has_param(const nacre_component *component, const char *name) {
  bool found = false;
  for (uint32_t i = 0; i < component->params.n && !found; i++) {
    const nacre_param *param = (const nacre_param *)
      ((const char *)component->params.at +
       (size_t)i * component->params.stride);
    found = strcmp(param->name, name) == 0;
  }
  return found;
}

static int read_universal(nacre_graph *graph, nacre_vertex *vertex) {
  nacre_error *error = graph->ctx->error;
  nacre_node *node = vertex->node;
  if (node->kind != NACRE_NODE_MAP) {
    return NACRE_OK;
  }
  int status = NACRE_OK;
  nacre_node *trainable = nacre_node_get(node, "trainable");
  if (trainable != NULL && !nacre_node_bool(trainable, &vertex->trainable)) {
    status = nacre_report(error, trainable, NACRE_ECONFIG,
                          "expected true or false");
  }
  nacre_node *scale = nacre_node_get(node, "learning_rate_scale");
  if (scale != NULL &&
      (!nacre_node_float(scale, &vertex->learning_rate_scale) ||
       !(vertex->learning_rate_scale >= 0 &&
         vertex->learning_rate_scale <= 1e6))) {
    status = nacre_report(error, scale, NACRE_ECONFIG,
                          "expected a number in [0, 1e6]");
  }
  nacre_node *activation =
    has_param(vertex->layer.component, "activation")
      ? NULL : nacre_node_get(node, "activation");
  if (activation != NULL && !nacre_node_is_null(activation)) {
    if (nacre_choose(graph->ctx, NACRE_KIND_ACTIVATION, activation, NULL,
                     false, &vertex->activation) != NACRE_OK) {
      return NACRE_ERROR;
    }
    vertex->act_ops = vertex->activation.component->ops;
  }
  return status;
}

/* NAME_initializer, _regularizer and _constraint of every weight in the
 * layer's table. They are checked here, even where plan() will not ask for
 * the weight ("bias_initializer" beside "use_bias: false"); shape() chooses
 * by them when it knows the shapes. `known` gets the keys, up to `n`. */
static int check_weight_keys(nacre_graph *graph, const nacre_vertex *vertex,
                             const char **known, size_t n) {
  static const struct {
    const char *ending;
    uint32_t kind;
  } keys[] = { { "initializer", NACRE_KIND_INITIALIZER },
               { "regularizer", NACRE_KIND_REGULARIZER },
               { "constraint", NACRE_KIND_CONSTRAINT } };
  nacre_span weights = vertex->ops->weights;
  int status = NACRE_OK;
  size_t used = 0;
  while (known[used] != NULL) {
    used++;
  }
  for (uint32_t i = 0; i < weights.n * 3 && used + 1 < n; i++) {
    const nacre_weight *weight = (const nacre_weight *)
      ((const char *)weights.at + (size_t)(i / 3) * weights.stride);
    const char *key = nacre_arena_format(nacre_graph_arena(graph), "%s_%s",
                                         weight->name, keys[i % 3].ending);
    nacre_node *given =
      key != NULL ? nacre_node_get(vertex->node, key) : NULL;
    nacre_choice choice;
    if (key == NULL) {
      return nacre_no_memory(graph->ctx->error);
    }
    known[used++] = key;
    if (given != NULL && !nacre_node_is_null(given) &&
        nacre_choose(graph->ctx, keys[i % 3].kind, given, NULL, false,
                     &choice) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

/* `tie`: a map from weights of this layer to those of others. */
static int check_ties(nacre_graph *graph, const nacre_vertex *vertex) {
  nacre_node *tie = nacre_node_get(vertex->node, "tie");
  int status = NACRE_OK;
  if (tie != NULL && (tie->kind != NACRE_NODE_MAP || tie->count == 0)) {
    nacre_report(graph->ctx->error, tie, NACRE_ECONFIG,
                 "expected a map from a weight of this layer to one of "
                 "another");
    nacre_error_hint(graph->ctx->error, "{kernel: fc1.kernel}");
    return NACRE_ERROR;
  }
  for (nacre_node *item = tie != NULL ? tie->first : NULL; item != NULL;
       item = item->next) {
    nacre_span weights = vertex->ops->weights;
    bool known = false;
    for (uint32_t i = 0; i < weights.n; i++) {
      const nacre_weight *weight = (const nacre_weight *)
        ((const char *)weights.at + (size_t)i * weights.stride);
      known = known || strcmp(weight->name, item->key->text) == 0;
    }
    if (!known) {
      status = nacre_report_key(graph->ctx->error, item, NACRE_ECONFIG,
                                "layer '%s' has no weight '%s'",
                                vertex->type, item->key->text);
    } else if (item->kind != NACRE_NODE_SCALAR) {
      status = nacre_report(graph->ctx->error, item, NACRE_ECONFIG,
                            "expected the name of a weight, such as "
                            "fc1.kernel");
    }
  }
  return status;
}

/* What may stand in a layer beside its own parameters. */
static int check_keys(nacre_graph *graph, nacre_vertex *vertex) {
  const nacre_component *component = vertex->layer.component;
  const char *known[64] = { NULL };
  size_t n = sizeof(known) / sizeof(known[0]);
  memcpy(known, layer_keys, sizeof(layer_keys));
  int status = check_weight_keys(graph, vertex, known, n);
  (void)nacre_node_get(vertex->node, "inputs");
  if (check_ties(graph, vertex) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  char *what = nacre_format("layer '%s'", vertex->type);
  if (nacre_params_unknown(graph->ctx, component->params, known,
                           what != NULL ? what : "layer", vertex->node) !=
      NACRE_OK) {
    status = NACRE_ERROR;
  }
  nacre_free(what);
  return status;
}

static int describe_shared(nacre_graph *graph, nacre_vertex *vertex,
                           nacre_node *share) {
  nacre_error *error = graph->ctx->error;
  int owner = share->kind == NACRE_NODE_SCALAR
    ? nacre_graph_find_vertex(graph, share->text) : -1;
  if (owner < 0 || graph->vertex[owner].ops == NULL) {
    vertex->type = "layer";
    (void)read_name(graph, vertex);
    return nacre_report(error, share, NACRE_ECONFIG,
                        "expected the name of a layer above, whose weights "
                        "are to be shared");
  }
  const nacre_vertex *from = &graph->vertex[owner];
  if (from->result) {
    vertex->type = "layer";
    (void)read_name(graph, vertex);
    return nacre_report(error, share, NACRE_ECONFIG,
                        "layer '%s' is made of others, which cannot be "
                        "shared as one", from->name);
  }
  vertex->layer = from->layer;
  vertex->ops = from->ops;
  vertex->type = from->type;
  vertex->activation = from->activation;
  vertex->act_ops = from->act_ops;
  vertex->trainable = from->trainable;
  vertex->learning_rate_scale = from->learning_rate_scale;
  vertex->owner = from->owner;
  int status = read_name(graph, vertex);
  (void)nacre_node_get(vertex->node, "inputs");
  char *what = nacre_format("the layer that shares '%s'", from->name);
  if (nacre_params_unknown(graph->ctx, (nacre_span)NACRE_EMPTY_SPAN,
                           share_keys, what != NULL ? what : "layer",
                           vertex->node) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  nacre_free(what);
  return status;
}

/* Layers inside of a composite are named by it. */
static int take_name(nacre_graph *graph, nacre_vertex *vertex,
                     const nacre_placing *at) {
  if (at == NULL) {
    return read_name(graph, vertex);
  }
  vertex->number = -1;
  vertex->name = at->name;
  vertex->given = at->given;
  vertex->n_given = at->n_given;
  vertex->composite = at->composite;
  return nacre_graph_mean(graph, at->name,
                          ~(int)(vertex - graph->vertex));
}

/* A layer that the composite needs, and no user knows. */
static int describe_given(nacre_graph *graph, nacre_vertex *vertex,
                          const nacre_placing *at) {
  vertex->layer = (nacre_choice){ at->component, NULL, vertex->node };
  vertex->ops = at->component->ops;
  vertex->type = at->component->name;
  return take_name(graph, vertex, at);
}

int nacre_graph_describe(nacre_graph *graph, nacre_node *node,
                         const nacre_placing *at) {
  nacre_vertex *vertex = nacre_graph_add_vertex(graph);
  if (vertex == NULL) {
    return NACRE_ERROR;
  }
  vertex->node = node;
  if (at != NULL && at->component != NULL) {
    return describe_given(graph, vertex, at);
  }
  nacre_node *share =
    node->kind == NACRE_NODE_MAP ? nacre_node_get(node, "share") : NULL;
  if (share != NULL && at == NULL) {
    return describe_shared(graph, vertex, share);
  }
  int status = nacre_choose(graph->ctx, NACRE_KIND_LAYER, node, layer_keys,
                            true, &vertex->layer);
  const nacre_component *component = vertex->layer.component;
  vertex->type = component != NULL ? component->name : "layer";
  if (take_name(graph, vertex, at) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (component == NULL) {
    return NACRE_ERROR; /* which keys it may have is not known */
  }
  vertex->ops = component->ops;
  if (read_universal(graph, vertex) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (node->kind == NACRE_NODE_MAP &&
      check_keys(graph, vertex) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  return status == NACRE_OK && vertex->ops->expand != NULL
    ? nacre_graph_expand(graph) : status;
}

int nacre_graph_build(nacre_graph *graph, nacre_params_ctx *ctx,
                      nacre_node *model, const nacre_shape *input) {
  *graph = (nacre_graph){ .ctx = ctx };
  if (model->kind != NACRE_NODE_MAP) {
    return nacre_report(ctx->error, model, NACRE_ECONFIG,
                        "expected a map with 'input' and 'layers'");
  }
  int status = build_inputs(graph, model, input);
  nacre_node *layers = nacre_node_get(model, "layers");
  (void)nacre_node_get(model, "outputs");
  if (nacre_params_unknown(ctx, (nacre_span)NACRE_EMPTY_SPAN, model_keys,
                           "the model", model) != NACRE_OK) {
    status = NACRE_ERROR;
  }
  if (layers == NULL || layers->kind != NACRE_NODE_LIST ||
      layers->count == 0) {
    return layers != NULL
      ? nacre_report(ctx->error, layers, NACRE_ECONFIG,
                     "the model needs a list of 'layers'")
      : nacre_report_key(ctx->error, model, NACRE_ECONFIG,
                         "the model needs a list of 'layers'");
  }
  if (layers->count > NACRE_GRAPH_MAX_LAYERS) {
    return nacre_report(ctx->error, layers, NACRE_ELIMIT,
                        "a model has at most %d layers",
                        NACRE_GRAPH_MAX_LAYERS);
  }
  if (expect_names(graph, layers) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (nacre_node *node = layers->first; node != NULL; node = node->next) {
    if (nacre_graph_describe(graph, node, NULL) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  if (nacre_graph_connect(graph) != NACRE_OK || status != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_graph_outputs(graph, model);
}
