/* SPDX-License-Identifier: MIT */
/* variable: a weight that a plan() asks for becomes a variable of the graph,
 * or is that of another layer. */
#include "graph/build.h"

#include "yaml/report.h"

#include <stdio.h>
#include <string.h>

const nacre_weight *nacre_graph_weight(const nacre_layer_ops *ops,
                                       uint32_t index) {
  return (const nacre_weight *)((const char *)ops->weights.at +
                                (size_t)index * ops->weights.stride);
}

/* The component for one of a weight's keys; `def` NULL: none by default. */
static int choose_for_weight(nacre_graph *graph, int vertex, uint32_t kind,
                             const nacre_weight *weight, const char *ending,
                             const char *def, nacre_choice *choice) {
  nacre_node *node = graph->vertex[vertex].node;
  nacre_node *given = NULL;
  *choice = (nacre_choice){ 0 };
  if (node->kind == NACRE_NODE_MAP) {
    char key[160];
    snprintf(key, sizeof(key), "%s_%s", weight->name, ending);
    given = nacre_node_get(node, key);
  }
  if (given != NULL && nacre_node_is_null(given)) {
    given = NULL;
  }
  if (given != NULL) {
    return nacre_choose(graph->ctx, kind, given, NULL, false, choice);
  }
  return def == NULL ? NACRE_OK
                     : nacre_choose_name(graph->ctx, kind, def, node, choice);
}

int nacre_graph_tie(nacre_graph *graph, int vertex, uint32_t index,
                    const nacre_node *to, const nacre_shape *shape) {
  const char *problem = "there is no weight '%s' in the layers before this";
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    if (strcmp(variable->name, to->text) != 0) {
      continue;
    }
    if (nacre_shape_equal(&variable->shape, shape) && !variable->state) {
      graph->vertex[vertex].variable[index] = i;
      return NACRE_OK;
    }
    problem = "'%s' has another shape than the weight that is tied to it";
  }
  const char **names = nacre_arena_alloc(
    nacre_graph_arena(graph), (size_t)graph->n_variables + 1,
    sizeof(*names));
  for (int i = 0; i < graph->n_variables && names != NULL; i++) {
    names[i] = graph->variable[i].name;
  }
  const char *near =
    names != NULL ? nacre_nearest(to->text, names, graph->n_variables) : NULL;
  nacre_report(graph->ctx->error, to, NACRE_ECONFIG, problem, to->text);
  if (near != NULL && strcmp(near, to->text) != 0) {
    nacre_error_hint(graph->ctx->error, "did you mean '%s'?", near);
  }
  return NACRE_ERROR;
}

int nacre_graph_add_variable(nacre_graph *graph, int vertex, uint32_t index,
                             const nacre_shape *shape, int64_t count,
                             int64_t fan_in, int64_t fan_out) {
  nacre_vertex *owner = &graph->vertex[vertex];
  const nacre_weight *info = nacre_graph_weight(owner->ops, index);
  nacre_variable *grown = nacre_graph_grow(graph->variable,
                                           graph->n_variables,
                                           sizeof(*grown));
  if (grown == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  graph->variable = grown;
  nacre_variable *variable = &graph->variable[graph->n_variables];
  *variable = (nacre_variable){
    .info = info, .shape = *shape, .count = count, .fan_in = fan_in,
    .fan_out = fan_out, .learning_rate_scale = owner->learning_rate_scale,
    .state = (info->flags & NACRE_WEIGHT_STATE) != 0,
    .carried = (info->flags & NACRE_WEIGHT_CARRY) != 0
  };
  variable->shape.dtype = NACRE_REAL;
  variable->trained = owner->trainable && !variable->state;
  variable->name = nacre_arena_format(nacre_graph_arena(graph), "%s.%s",
                                      owner->name, info->name);
  const struct {
    uint32_t kind;
    const char *ending, *def;
    nacre_choice *choice;
  } keys[] = {
    { NACRE_KIND_INITIALIZER, "initializer", info->initializer,
      &variable->initializer },
    { NACRE_KIND_REGULARIZER, "regularizer", NULL, &variable->regularizer },
    { NACRE_KIND_CONSTRAINT, "constraint", NULL, &variable->constraint }
  };
  int status = variable->name != NULL ? NACRE_OK : NACRE_ERROR;
  for (int i = 0; i < 3 && status == NACRE_OK; i++) {
    status = choose_for_weight(graph, vertex, keys[i].kind, info,
                               keys[i].ending, keys[i].def, keys[i].choice);
  }
  if (status == NACRE_OK) {
    owner->variable[index] = graph->n_variables++;
  }
  return status;
}
