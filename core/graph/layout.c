/* SPDX-License-Identifier: MIT */
/* layout: which operations a step is made of, and which buffer each touches.
 *
 * Forward: every vertex in order; views and layers that may work in place
 * take over their input's buffer when nobody else needs it. Backward: the
 * losses, then the vertices in reverse, each writing the gradients of its
 * inputs; where an edge is read more than once, later gradients go to a
 * buffer of their own and are added, always in the same order. */
#include "graph/build.h"
#include "graph/pass.h"

#include <string.h>

void *nacre_pass_array(const nacre_pass *walk, int n, size_t size) {
  return nacre_arena_alloc(walk->graph->ctx->arena, (size_t)n + 1, size);
}

int nacre_pass_buffer(const nacre_pass *walk, int64_t count, bool per_sample) {
  nacre_layout *layout = walk->layout;
  nacre_buffer *grown =
    nacre_graph_grow(layout->buffer, layout->n_buffers, sizeof(*grown));
  if (grown == NULL) {
    nacre_no_memory(walk->graph->ctx->error);
    return -1;
  }
  layout->buffer = grown;
  layout->buffer[layout->n_buffers] =
    (nacre_buffer){ .count = count, .per_sample = per_sample,
                    .exclusive = true, .first = INT32_MAX, .last = -1 };
  return layout->n_buffers++;
}

int nacre_pass_edge_buffer(const nacre_pass *walk, int edge) {
  const nacre_edge *at = &walk->graph->edge[edge];
  return nacre_pass_buffer(walk, nacre_shape_count(&at->shape) * at->times,
                           true);
}

nacre_op *nacre_pass_op(const nacre_pass *walk, nacre_op_kind kind, int index) {
  nacre_layout *layout = walk->layout;
  nacre_op *grown =
    nacre_graph_grow(layout->op, layout->n_ops, sizeof(*grown));
  if (grown == NULL) {
    nacre_no_memory(walk->graph->ctx->error);
    return NULL;
  }
  layout->op = grown;
  nacre_op *op = &layout->op[layout->n_ops++];
  *op = (nacre_op){ .kind = kind, .index = index, .from = -1, .to = -1 };
  return op;
}

/* The buffer must live during operation `op`. */
void nacre_pass_touch(const nacre_pass *walk, int buffer, int op) {
  if (buffer >= 0) {
    nacre_buffer *at = &walk->layout->buffer[buffer];
    at->first = op < at->first ? op : at->first;
    at->last = op > at->last ? op : at->last;
  }
}

void nacre_pass_use(const nacre_pass *walk, int buffer) {
  nacre_pass_touch(walk, buffer, walk->layout->n_ops - 1);
}

void nacre_pass_use_beside(const nacre_pass *walk,
                           const nacre_vertex *vertex) {
  for (int i = 0; i < vertex->n_inputs; i++) {
    const int mask = nacre_graph_mask_of(walk->graph, vertex, i);
    const int tokens = nacre_graph_tokens_of(walk->graph, vertex, i);
    nacre_pass_use(walk, mask < 0 ? -1 : walk->layout->value[mask]);
    nacre_pass_use(walk, tokens < 0 ? -1 : walk->layout->value[tokens]);
  }
}

bool nacre_pass_is_view(const nacre_pass *walk, const nacre_vertex *vertex) {
  if (vertex->ops == NULL) {
    return false;
  }
  return (vertex->ops->flags & NACRE_LAYER_VIEW) != 0 ||
         (walk->mode != NACRE_MODE_TRAIN &&
          (vertex->ops->flags & NACRE_LAYER_TRAINING) != 0);
}

/* Whether backward of a vertex reads what it put out. */
bool nacre_pass_needs_y(const nacre_vertex *vertex) {
  if (vertex->act_ops != NULL &&
      (vertex->act_ops->flags & NACRE_ACT_NEED_Y) != 0) {
    return true;
  }
  return vertex->ops != NULL && (vertex->needs & NACRE_LAYER_NEED_Y) != 0;
}

bool nacre_pass_needs_x(const nacre_vertex *vertex) {
  return vertex->ops == NULL
    ? (vertex->act_ops->flags & NACRE_ACT_NEED_X) != 0
    : (vertex->needs & NACRE_LAYER_NEED_X) != 0;
}

/* Forward. */

/* The layer that wrote what an edge holds, through views. */
static const nacre_vertex *writer_of(const nacre_pass *walk, int edge) {
  int producer = walk->graph->edge[edge].producer;
  while (producer >= 0 &&
         nacre_pass_is_view(walk, &walk->graph->vertex[producer])) {
    producer =
      walk->graph->edge[walk->graph->vertex[producer].input[0]].producer;
  }
  return producer < 0 ? NULL : &walk->graph->vertex[producer];
}

/* Whether what an edge holds, through views, is not forgotten. */
static bool is_kept(const nacre_pass *walk, int edge) {
  const nacre_graph *graph = walk->graph;
  int producer = graph->edge[edge].producer;
  while (walk->forgotten[edge] && producer >= 0 &&
         nacre_pass_is_view(walk, &graph->vertex[producer])) {
    edge = graph->vertex[producer].input[0];
    producer = graph->edge[edge].producer;
  }
  return !walk->forgotten[edge];
}

static bool may_overwrite(const nacre_pass *walk, const nacre_vertex *vertex) {
  int in = vertex->input[0];
  bool able = vertex->ops == NULL ||
              (vertex->ops->flags & NACRE_LAYER_INPLACE) != 0;
  const nacre_vertex *writer = writer_of(walk, in);
  if (!able || writer == NULL || vertex->n_outputs != 1 ||
      !walk->layout->buffer[walk->layout->value[in]].exclusive ||
      nacre_shape_count(&walk->graph->edge[in].shape) !=
        nacre_shape_count(&walk->graph->edge[vertex->output[0]].shape)) {
    return false;
  }
  if (walk->segment != NULL && is_kept(walk, in) &&
      walk->segment[vertex - walk->graph->vertex] >= 0) {
    return false; /* it is read again */
  }
  return walk->mode != NACRE_MODE_TRAIN ||
         (!nacre_pass_needs_x(vertex) && !nacre_pass_needs_y(writer));
}

/* A buffer stays exclusive while each edge on it has one reader and no loss
 * or output looks at it. */
static void hold(const nacre_pass *walk, int edge, int buffer) {
  const nacre_edge *at = &walk->graph->edge[edge];
  walk->layout->value[edge] = buffer;
  if (at->readers > 1 || at->output || walk->loss_at[edge]) {
    walk->layout->buffer[buffer].exclusive = false;
  }
}

static int forward_slots(const nacre_pass *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    const nacre_slot *slot = &vertex->saved[i];
    if (!slot->used) {
      continue;
    }
    int64_t count = nacre_shape_count(&slot->shape) *
                    (slot->per_sample ? vertex->times : 1);
    int buffer = nacre_pass_buffer(walk, count, slot->per_sample);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    walk->layout->saved[index][i] = buffer;
    nacre_pass_use(walk, buffer);
  }
  return NACRE_OK;
}

static int forward_vertex(const nacre_pass *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  if (nacre_pass_is_view(walk, vertex)) {
    hold(walk, vertex->output[0], layout->value[vertex->input[0]]);
    return NACRE_OK;
  }
  bool inplace = !walk->skipped[index] && may_overwrite(walk, vertex);
  for (int i = 0; i < vertex->n_outputs; i++) {
    int buffer = inplace ? layout->value[vertex->input[0]]
                         : nacre_pass_edge_buffer(walk, vertex->output[i]);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    hold(walk, vertex->output[i], buffer);
  }
  if (vertex->mask >= 0) {
    int buffer = nacre_pass_edge_buffer(walk, vertex->mask);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    layout->value[vertex->mask] = buffer;
  }
  if (walk->skipped[index]) {
    return NACRE_OK; /* the loss writes it */
  }
  nacre_op_kind kind =
    vertex->ops == NULL ? NACRE_OP_ACTIVATE : NACRE_OP_FORWARD;
  if (nacre_pass_op(walk, kind, index) == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    nacre_pass_use(walk, layout->value[vertex->input[i]]);
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    nacre_pass_use(walk, layout->value[vertex->output[i]]);
  }
  nacre_pass_use(walk, vertex->mask < 0 ? -1 : layout->value[vertex->mask]);
  nacre_pass_use_beside(walk, vertex);
  return vertex->ops != NULL ? forward_slots(walk, index) : NACRE_OK;
}

static int forward(const nacre_pass *walk) {
  const nacre_graph *graph = walk->graph;
  for (int i = 0; i < graph->n_inputs; i++) {
    int buffer = nacre_pass_edge_buffer(walk, i);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    hold(walk, i, buffer);
    nacre_pass_touch(walk, buffer, 0);
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    if (forward_vertex(walk, i) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  walk->layout->n_forward = walk->layout->n_ops;
  return NACRE_OK;
}

/* Puts a slot at `offset` of the scratch; *end: where it ends. */
static int place_slot(const nacre_pass *walk, int vertex, int slot,
                      int64_t batch, int64_t offset, int64_t *end) {
  const nacre_slot *at = &walk->graph->vertex[vertex].scratch[slot];
  int64_t bytes = nacre_shape_count(&at->shape) *
                  (at->per_sample ? walk->graph->vertex[vertex].times : 1);
  if (!nacre_int_mul(bytes, at->per_sample ? batch : 1, &bytes) ||
      !nacre_int_mul(bytes, (int64_t)sizeof(real), &bytes) ||
      !nacre_int_add(bytes, 63, &bytes) ||
      !nacre_int_add(offset, bytes / 64 * 64, end)) {
    return nacre_error_add(walk->graph->ctx->error, NACRE_ELIMIT, NULL,
                           "the scratch memory cannot be counted");
  }
  walk->layout->scratch[vertex][slot] = offset;
  return NACRE_OK;
}

/* Samples of a call up to which preparing weights is a good part of it. */
#define FEW_SAMPLES 4

/* Which vertices have slots of their own. */
static void find_keepers(const nacre_pass *walk, int64_t batch) {
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < walk->graph->n_vertices; i++) {
    const nacre_vertex *at = &walk->graph->vertex[i];
    for (int j = 0; j < NACRE_SLOT_MAX && !layout->keeps[i]; j++) {
      layout->keeps[i] = walk->mode == NACRE_MODE_PREDICT &&
                         at->scratch[j].used && at->scratch[j].kept &&
                         batch <= FEW_SAMPLES / at->times;
    }
    layout->any_keeps = layout->any_keeps || layout->keeps[i];
  }
}

/* The slots of one kind of one vertex, from `offset` on. */
static int place_slots(const nacre_pass *walk, int vertex, bool own,
                       int64_t batch, int64_t offset) {
  nacre_layout *layout = walk->layout;
  for (int j = 0; j < NACRE_SLOT_MAX; j++) {
    const nacre_slot *slot = &walk->graph->vertex[vertex].scratch[j];
    if (slot->used && (slot->kept && layout->keeps[vertex]) == own &&
        place_slot(walk, vertex, j, batch, offset, &offset) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  if (offset > layout->scratch_bytes) {
    layout->scratch_bytes = offset;
  }
  return NACRE_OK;
}

/* Scratch lasts for one call, so all calls use the same bytes; what is kept
 * lies behind them, one after the other. */
static int place_scratch(const nacre_pass *walk, int64_t batch) {
  nacre_layout *layout = walk->layout;
  const int n = walk->graph->n_vertices;
  memset(layout->scratch, 0xff, (size_t)n * sizeof(*layout->scratch));
  find_keepers(walk, batch);
  for (int i = 0; i < n; i++) {
    if (place_slots(walk, i, false, batch, 0) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  for (int i = 0; i < n; i++) {
    if (place_slots(walk, i, true, batch, layout->scratch_bytes) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int prepare(nacre_pass *walk) {
  const nacre_graph *graph = walk->graph;
  nacre_layout *layout = walk->layout;
  int edges = graph->n_edges, vertices = graph->n_vertices;
  layout->value = nacre_pass_array(walk, edges, sizeof(int));
  layout->again = nacre_pass_array(walk, edges, sizeof(int));
  layout->grad = nacre_pass_array(walk, edges, sizeof(int));
  layout->saved_again =
    nacre_pass_array(walk, vertices, sizeof(*layout->saved_again));
  layout->saved = nacre_pass_array(walk, vertices, sizeof(*layout->saved));
  layout->scratch = nacre_pass_array(walk, vertices, sizeof(*layout->scratch));
  layout->keeps = nacre_pass_array(walk, vertices, sizeof(*layout->keeps));
  walk->wanted = nacre_pass_array(walk, edges, sizeof(bool));
  walk->reached = nacre_pass_array(walk, edges, sizeof(bool));
  walk->loss_at = nacre_pass_array(walk, edges, sizeof(bool));
  walk->active = nacre_pass_array(walk, vertices, sizeof(bool));
  walk->skipped = nacre_pass_array(walk, vertices, sizeof(bool));
  if (layout->value == NULL || layout->again == NULL ||
      layout->grad == NULL || layout->saved_again == NULL ||
      layout->saved == NULL || layout->scratch == NULL ||
      layout->keeps == NULL ||
      walk->wanted == NULL || walk->reached == NULL ||
      walk->loss_at == NULL || walk->active == NULL ||
      walk->skipped == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  memset(layout->value, 0xff, (size_t)edges * sizeof(int));
  memset(layout->grad, 0xff, (size_t)edges * sizeof(int));
  memset(layout->saved, 0xff, (size_t)vertices * sizeof(*layout->saved));
  for (int i = 0; i < graph->n_heads && walk->mode != NACRE_MODE_PREDICT;
       i++) {
    if (graph->head[i].loss_ops != NULL) {
      walk->loss_at[graph->head[i].loss_edge] = true;
      if (graph->head[i].undone >= 0) {
        walk->skipped[graph->head[i].undone] = true;
      }
    }
  }
  return NACRE_OK;
}

/* Until something is computed again, it is where it was. */
static void look_back(const nacre_pass *walk) {
  nacre_layout *layout = walk->layout;
  memcpy(layout->again, layout->value,
         (size_t)walk->graph->n_edges * sizeof(int));
  memcpy(layout->saved_again, layout->saved,
         (size_t)walk->graph->n_vertices * sizeof(*layout->saved));
}

static int lay_out(nacre_pass *walk, int64_t batch) {
  const nacre_graph *graph = walk->graph;
  nacre_layout *layout = walk->layout;
  if (prepare(walk) != NACRE_OK || nacre_pass_forget(walk) != NACRE_OK ||
      forward(walk) != NACRE_OK) {
    return NACRE_ERROR;
  }
  look_back(walk);
  if (nacre_pass_backward(walk) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < graph->n_heads; i++) {
    /* Metrics and callers read predictions after the last operation. */
    nacre_pass_touch(walk, layout->value[graph->head[i].edge], layout->n_ops);
    int mask = graph->edge[graph->head[i].loss_edge].mask;
    nacre_pass_touch(walk, mask < 0 ? -1 : layout->value[mask],
                     layout->n_ops);
  }
  if (place_scratch(walk, batch) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_memory_place(layout, batch, graph->ctx->error);
}

int nacre_layout_make(nacre_layout *layout, const nacre_graph *graph,
                      nacre_mode mode, int64_t batch) {
  *layout = (nacre_layout){ 0 };
  nacre_pass walk = { .layout = layout, .graph = graph, .mode = mode };
  return lay_out(&walk, batch);
}

int nacre_layout_segmented(nacre_layout *layout, const nacre_graph *graph,
                           const int *segment, int64_t batch) {
  *layout = (nacre_layout){ 0 };
  nacre_pass walk = { .layout = layout, .graph = graph,
                      .mode = NACRE_MODE_TRAIN, .segment = segment };
  return lay_out(&walk, batch);
}

void nacre_layout_fini(nacre_layout *layout) {
  nacre_free(layout->op);
  nacre_free(layout->buffer);
  *layout = (nacre_layout){ 0 };
}
