/* SPDX-License-Identifier: MIT */
/* shape: asks every layer's plan() what it gives and needs, in running
 * order, and gathers shapes, variables and slots in the graph. */
#include "graph/build.h"

#include "yaml/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What plan()'s calls write to. The plan comes first: a layer sees only it. */
typedef struct planning {
  nacre_plan plan;
  nacre_graph *graph;
  int index; /* of the vertex */
  int n_outputs;
  bool refused, masks; /* masks: out[0] gets one of its own */
} planning;

static int plan_refuse(nacre_plan *plan, const char *format, ...) {
  planning *self = (planning *)plan;
  nacre_vertex *vertex = &self->graph->vertex[self->index];
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  if (!self->refused) {
    nacre_report(self->graph->ctx->error, vertex->node, NACRE_ECONFIG,
                 "layer '%s' (%s): %s", vertex->name, vertex->type, text);
  }
  self->refused = true;
  return NACRE_ERROR;
}

/* Elements of a shape, refused when they cannot be counted or addressed. */
static int count_shape(nacre_plan *plan, const nacre_shape *shape,
                       bool per_sample, int64_t *count) {
  int most = per_sample ? NACRE_RANK_MAX - 1 : NACRE_RANK_MAX;
  if (shape->rank < 0 || shape->rank > most) {
    return plan_refuse(plan, "a tensor has at most %d axes%s", most,
                       per_sample ? " besides the batch" : "");
  }
  int64_t bytes = (int64_t)sizeof(real);
  *count = 1;
  if (per_sample && !nacre_int_mul(bytes, plan->batch, &bytes)) {
    return plan_refuse(plan, "the batch is too large");
  }
  for (int i = 0; i < shape->rank; i++) {
    if (shape->dim[i] < 1) {
      return plan_refuse(plan, "an extent of a tensor would be %lld",
                         (long long)shape->dim[i]);
    }
    if (!nacre_int_mul(bytes, shape->dim[i], &bytes) ||
        !nacre_int_mul(*count, shape->dim[i], count) ||
        bytes > INT64_MAX / 1024) {
      return plan_refuse(plan, "a tensor would be larger than any memory");
    }
  }
  return NACRE_OK;
}

/* What a vertex gives comes as often as what it reads. */
static void take_folds(const nacre_graph *graph, const nacre_vertex *vertex,
                       nacre_edge *edge) {
  const nacre_edge *from = &graph->edge[vertex->input[0]];
  memcpy(edge->fold, from->fold, sizeof(edge->fold));
  edge->n_folds = from->n_folds;
  edge->times = from->times;
}

static int plan_output(nacre_plan *plan, const nacre_shape *shape) {
  planning *self = (planning *)plan;
  nacre_graph *graph = self->graph;
  int64_t count = 0;
  if (count_shape(plan, shape, true, &count) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_vertex *vertex = &graph->vertex[self->index];
  if (self->n_outputs >= NACRE_OUTPUT_MAX) {
    return plan_refuse(plan, "a layer has at most %d outputs",
                       NACRE_OUTPUT_MAX);
  }
  if (self->n_outputs == vertex->n_outputs) {
    const char *name = nacre_arena_format(nacre_graph_arena(graph), "%s:%d",
                                          vertex->name, self->n_outputs);
    int edge = name == NULL ? -1
      : nacre_graph_add_edge(graph, name, self->index, self->n_outputs);
    if (edge < 0) {
      self->refused = true;
      return NACRE_ERROR;
    }
    vertex->output[vertex->n_outputs++] = edge;
  }
  nacre_edge *edge = &graph->edge[vertex->output[self->n_outputs++]];
  edge->shape = *shape;
  edge->shape.dtype = NACRE_REAL;
  take_folds(graph, vertex, edge);
  return NACRE_OK;
}

/* Where this layer's weight says that it is another's; NULL: it is not. */
static nacre_node *tied(const nacre_vertex *vertex, const char *name) {
  nacre_node *tie = vertex->node->kind == NACRE_NODE_MAP
    ? nacre_node_peek(vertex->node, "tie") : NULL;
  return tie != NULL && tie->kind == NACRE_NODE_MAP
    ? nacre_node_peek(tie, name) : NULL;
}

static int plan_weight(nacre_plan *plan, uint32_t index,
                       const nacre_shape *shape, int64_t fan_in,
                       int64_t fan_out) {
  planning *self = (planning *)plan;
  nacre_graph *graph = self->graph;
  nacre_vertex *vertex = &graph->vertex[self->index];
  int64_t count = 0;
  if (index >= vertex->ops->weights.n) {
    return plan_refuse(plan, "it asks for weight %u of %u", index,
                       vertex->ops->weights.n);
  }
  if (vertex->variable[index] >= 0) {
    return plan_refuse(plan, "it asks for weight %u twice", index);
  }
  if (count_shape(plan, shape, false, &count) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_weight *info = nacre_graph_weight(vertex->ops, index);
  if (vertex->owner != self->index) {
    int shared = graph->vertex[vertex->owner].variable[index];
    if (shared < 0 ||
        !nacre_shape_equal(&graph->variable[shared].shape, shape)) {
      return plan_refuse(plan, "its inputs give '%s' another shape than in "
                         "the layer it shares", info->name);
    }
    vertex->variable[index] = shared;
    return NACRE_OK;
  }
  const nacre_node *other = tied(vertex, info->name);
  if (other != NULL) {
    self->refused =
      nacre_graph_tie(graph, self->index, index, other, shape) != NACRE_OK;
    return self->refused ? NACRE_ERROR : NACRE_OK;
  }
  if (nacre_graph_add_variable(graph, self->index, index, shape, count,
                               fan_in, fan_out) != NACRE_OK) {
    self->refused = true; /* the reason is in the error */
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static int plan_start(nacre_plan *plan, uint32_t index, int64_t first,
                      int64_t n, double value) {
  planning *self = (planning *)plan;
  const nacre_vertex *vertex = &self->graph->vertex[self->index];
  if (index >= vertex->ops->weights.n || vertex->variable[index] < 0) {
    return plan_refuse(plan, "it starts a weight that it did not ask for");
  }
  nacre_variable *variable = &self->graph->variable[vertex->variable[index]];
  const nacre_weight *info = nacre_graph_weight(vertex->ops, index);
  if (first < 0 || n < 0 || first > variable->count - n) {
    return plan_refuse(plan, "it starts more of a weight than there is");
  }
  if (vertex->owner == self->index && tied(vertex, info->name) == NULL) {
    variable->start_first = first;
    variable->start_n = n;
    variable->start_value = value;
  }
  return NACRE_OK;
}

static int plan_slot(nacre_plan *plan, nacre_slot *slots, uint32_t slot,
                     const nacre_shape *shape, uint32_t flags) {
  bool per_sample = (flags & NACRE_PER_SAMPLE) != 0;
  int64_t count = 0;
  if (slot >= NACRE_SLOT_MAX) {
    return plan_refuse(plan, "it asks for slot %u of %d", slot,
                       NACRE_SLOT_MAX);
  }
  if (count_shape(plan, shape, per_sample, &count) != NACRE_OK) {
    return NACRE_ERROR;
  }
  slots[slot] = (nacre_slot){ true, per_sample, *shape,
                              (flags & NACRE_KEPT) != 0 };
  return NACRE_OK;
}

static int plan_saved(nacre_plan *plan, uint32_t slot,
                      const nacre_shape *shape, uint32_t flags) {
  planning *self = (planning *)plan;
  return plan_slot(plan, self->graph->vertex[self->index].saved, slot, shape,
                   flags);
}

static int plan_scratch(nacre_plan *plan, uint32_t slot,
                        const nacre_shape *shape, uint32_t flags) {
  planning *self = (planning *)plan;
  return plan_slot(plan, self->graph->vertex[self->index].scratch, slot,
                   shape, flags);
}

static void plan_flops(nacre_plan *plan, double forward) {
  planning *self = (planning *)plan;
  nacre_vertex *vertex = &self->graph->vertex[self->index];
  vertex->flops = forward * (double)vertex->times;
}

static int plan_mask(nacre_plan *plan, const nacre_shape *shape) {
  planning *self = (planning *)plan;
  nacre_graph *graph = self->graph;
  nacre_vertex *vertex = &graph->vertex[self->index];
  int64_t count = 0;
  if (count_shape(plan, shape, true, &count) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (vertex->mask < 0) {
    const char *name = nacre_arena_format(nacre_graph_arena(graph),
                                          "%s:mask", vertex->name);
    vertex->mask = name == NULL ? -1
      : nacre_graph_add_edge(graph, name, self->index, 0);
    if (vertex->mask < 0) {
      self->refused = true;
      return NACRE_ERROR;
    }
  }
  graph->edge[vertex->mask].shape = *shape;
  graph->edge[vertex->mask].shape.dtype = NACRE_REAL;
  take_folds(graph, vertex, &graph->edge[vertex->mask]);
  self->masks = true;
  return NACRE_OK;
}

static const nacre_plan_ops plan_ops = {
  sizeof(nacre_plan_ops), 0, plan_output, plan_weight, plan_saved,
  plan_scratch, plan_flops, plan_refuse, plan_mask, plan_start
};

/* The first mask among a vertex's inputs, or -1. */
static int mask_of_inputs(const nacre_graph *graph,
                          const nacre_vertex *vertex) {
  int mask = -1;
  for (int i = 0; i < vertex->n_inputs && mask < 0; i++) {
    mask = graph->edge[vertex->input[i]].mask;
  }
  return mask;
}

/* The constant keys of a weight are read even where plan() did not ask for
 * it ("bias_initializer" beside "use_bias: false"). */
static int prepare_variables(nacre_graph *graph, nacre_vertex *vertex) {
  uint32_t n = vertex->ops->weights.n;
  vertex->variable =
    nacre_arena_alloc(nacre_graph_arena(graph), (size_t)n + 1, sizeof(int));
  if (vertex->variable == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  for (uint32_t i = 0; i < n; i++) {
    vertex->variable[i] = -1;
  }
  return NACRE_OK;
}

/* Folding: views by which the first axis joins the batch, and leaves it. */

static int plan_fold(nacre_plan *plan) {
  planning *self = (planning *)plan;
  nacre_shape out = plan->input[0]; /* [steps, ...] */
  if (out.rank < 1) {
    return plan_refuse(plan, "the input is a single number and has no axis "
                       "to go along");
  }
  int64_t steps = out.dim[0];
  out.rank--;
  memmove(out.dim, out.dim + 1, sizeof(out.dim) - sizeof(out.dim[0]));
  if (nacre_plan_output(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_graph *graph = self->graph;
  nacre_edge *edge =
    &graph->edge[graph->vertex[self->index].output[0]];
  if (edge->n_folds == NACRE_FOLD_MAX ||
      !nacre_int_mul(edge->times, steps, &edge->times)) {
    return plan_refuse(plan, "too many axes would join the batch");
  }
  edge->fold[edge->n_folds++] = steps;
  return NACRE_OK;
}

static int plan_unfold(nacre_plan *plan) {
  planning *self = (planning *)plan;
  nacre_graph *graph = self->graph;
  const nacre_vertex *vertex = &graph->vertex[self->index];
  const nacre_edge *from = &graph->edge[vertex->input[0]];
  nacre_shape out = plan->input[0]; /* [...] */
  if (from->n_folds == 0 || out.rank == NACRE_RANK_MAX - 1) {
    return plan_refuse(plan, from->n_folds == 0
                       ? "no axis has joined the batch"
                       : "its output would have too many axes");
  }
  int64_t steps = from->fold[from->n_folds - 1];
  memmove(out.dim + 1, out.dim, sizeof(out.dim) - sizeof(out.dim[0]));
  out.dim[0] = steps;
  out.rank++;
  if (nacre_plan_output(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_edge *edge = &graph->edge[vertex->output[0]];
  edge->n_folds--;
  edge->times /= steps;
  return NACRE_OK;
}

static const nacre_layer_ops fold_ops = {
  .size = sizeof(fold_ops), .flags = NACRE_LAYER_VIEW,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan_fold
};
static const nacre_layer_ops unfold_ops = {
  .size = sizeof(unfold_ops), .flags = NACRE_LAYER_VIEW,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan_unfold
};
const nacre_component nacre_graph_fold = {
  .size = sizeof(nacre_component), .kind = NACRE_KIND_LAYER,
  .name = "fold", .ops = &fold_ops
};
const nacre_component nacre_graph_unfold = {
  .size = sizeof(nacre_component), .kind = NACRE_KIND_LAYER,
  .name = "unfold", .ops = &unfold_ops
};

static int count_times(nacre_plan *plan, int64_t batch) {
  planning *self = (planning *)plan;
  nacre_graph *graph = self->graph;
  nacre_vertex *vertex = &graph->vertex[self->index];
  vertex->times = graph->edge[vertex->input[0]].times;
  for (int i = 1; i < vertex->n_inputs; i++) {
    if (graph->edge[vertex->input[i]].times != vertex->times) {
      return plan_refuse(plan, "its inputs are not of the same batch: an "
                         "axis of one has joined it");
    }
  }
  if (!nacre_int_mul(batch, vertex->times, &plan->batch)) {
    return plan_refuse(plan, "the batch is too large");
  }
  return NACRE_OK;
}

/* Asks the layer's provider, and those behind it while they decline. */
static int ask_providers(planning *self) {
  nacre_graph *graph = self->graph;
  for (;;) {
    nacre_vertex *vertex = &graph->vertex[self->index];
    const int variables = graph->n_variables;
    if (prepare_variables(graph, vertex) != NACRE_OK) {
      self->refused = true; /* the reason is in the error */
      return NACRE_ERROR;
    }
    self->plan.cfg = vertex->layer.cfg;
    self->plan.needs =
      vertex->ops->flags & (NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y);
    nacre_graph_announce(graph, vertex, &self->plan);
    int status = vertex->ops->plan(&self->plan);
    if (status != NACRE_DECLINE || self->refused) {
      return status;
    }
    if (self->n_outputs > 0 || graph->n_variables > variables) {
      return plan_refuse(&self->plan, "its plugin declines after it has "
                         "asked for something");
    }
    if (nacre_graph_next_provider(graph, self->index) != NACRE_OK) {
      self->refused = true;
      return NACRE_ERROR;
    }
  }
}

static int shape_layer(nacre_graph *graph, int index, int64_t batch) {
  nacre_vertex *vertex = &graph->vertex[index];
  nacre_shape *inputs = nacre_arena_alloc(
    nacre_graph_arena(graph), (size_t)vertex->n_inputs, sizeof(*inputs));
  if (inputs == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    inputs[i] = graph->edge[vertex->input[i]].shape;
  }
  planning self = {
    .plan = { .size = sizeof(nacre_plan),
              .n_inputs = (uint32_t)vertex->n_inputs, .ops = &plan_ops,
              .input = inputs, .batch = batch },
    .graph = graph, .index = index
  };
  if (count_times(&self.plan, batch) != NACRE_OK) {
    return NACRE_ERROR;
  }
  int status = ask_providers(&self);
  vertex = &graph->vertex[index];
  if (status != NACRE_OK || self.refused) {
    if (!self.refused) {
      plan_refuse(&self.plan, "it refuses these inputs without a reason");
    }
    return NACRE_ERROR;
  }
  if (self.n_outputs < 1 || self.n_outputs < vertex->n_outputs) {
    return plan_refuse(&self.plan, "it has %d output%s, but '%s:%d' is read",
                       self.n_outputs, self.n_outputs == 1 ? "" : "s",
                       vertex->name, vertex->n_outputs - 1);
  }
  vertex->needs = self.plan.needs;
  graph->edge[vertex->output[0]].mask =
    self.masks ? vertex->mask
    : (vertex->ops->flags & NACRE_LAYER_MASK_PASS) != 0
      ? mask_of_inputs(graph, vertex) : -1;
  /* What is a view, if only in evaluation, is its first input. */
  if ((vertex->ops->flags & (NACRE_LAYER_VIEW | NACRE_LAYER_TRAINING)) != 0 &&
      (vertex->n_outputs != 1 ||
       nacre_shape_count(&inputs[0]) * vertex->times !=
         nacre_shape_count(&graph->edge[vertex->output[0]].shape) *
           graph->edge[vertex->output[0]].times)) {
    return plan_refuse(&self.plan,
                       "it changes the number of elements or outputs, as a "
                       "view cannot");
  }
  return NACRE_OK;
}

int nacre_graph_shape(nacre_graph *graph, int64_t batch) {
  int status = NACRE_OK;
  graph->n_variables = 0;
  graph->batch = batch;
  for (int i = 0; i < graph->n_vertices && status == NACRE_OK; i++) {
    nacre_vertex *vertex = &graph->vertex[i];
    if (vertex->ops != NULL) {
      status = shape_layer(graph, i, batch);
    } else {
      const nacre_shape *in = &graph->edge[vertex->input[0]].shape;
      graph->edge[vertex->output[0]].shape = *in;
      graph->edge[vertex->output[0]].mask =
        graph->edge[vertex->input[0]].mask;
      take_folds(graph, vertex, &graph->edge[vertex->output[0]]);
      vertex->times = graph->edge[vertex->input[0]].times;
      vertex->flops =
        (double)nacre_shape_count(in) * (double)vertex->times;
    }
  }
  for (int i = 0; i < graph->n_heads && status == NACRE_OK; i++) {
    const nacre_edge *edge = &graph->edge[graph->head[i].edge];
    if (edge->times != 1) {
      status = nacre_report(graph->ctx->error,
                            graph->vertex[edge->producer].node,
                            NACRE_ECONFIG, "output '%s' is inside of a layer "
                            "that goes along an axis", edge->name);
    }
  }
  return status;
}
