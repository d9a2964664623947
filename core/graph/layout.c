/* SPDX-License-Identifier: MIT */
/* layout: which operations a step is made of, and which buffer each touches.
 *
 * Forward: every vertex in order; views and layers that may work in place
 * take over their input's buffer when nobody else needs it. Backward: the
 * losses, then the vertices in reverse, each writing the gradients of its
 * inputs; where an edge is read more than once, later gradients go to a
 * buffer of their own and are added, always in the same order. */
#include "graph/layout.h"

#include <string.h>

/* Facts of the walk that nobody needs afterwards. */
typedef struct walk {
  nacre_layout *layout;
  const nacre_graph *graph;
  bool training;
  bool *wanted;   /* [edges]: a trained weight lies above */
  bool *reached;  /* [edges]: a loss lies below, through active vertices */
  bool *loss_at;  /* [edges]: a loss reads it */
  bool *active;   /* [vertices]: backward runs */
  bool *skipped;  /* [vertices]: a loss stands for this activation */
} walk;

static void *array(const walk *walk, int n, size_t size) {
  return nacre_arena_alloc(walk->graph->ctx->arena, (size_t)n + 1, size);
}

static void *grow(void *at, int count, size_t size) {
  if (count != 0 && (count & (count - 1)) != 0) {
    return at;
  }
  return nacre_resize(at, count == 0 ? 1 : 2 * (size_t)count, size);
}

static int add_buffer(const walk *walk, int64_t count, bool per_sample) {
  nacre_layout *layout = walk->layout;
  nacre_buffer *grown =
    grow(layout->buffer, layout->n_buffers, sizeof(*grown));
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

static int add_edge_buffer(const walk *walk, int edge) {
  return add_buffer(walk, nacre_shape_count(&walk->graph->edge[edge].shape),
                    true);
}

static nacre_op *add_op(const walk *walk, nacre_op_kind kind, int index) {
  nacre_layout *layout = walk->layout;
  nacre_op *grown = grow(layout->op, layout->n_ops, sizeof(*grown));
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
static void touch(const walk *walk, int buffer, int op) {
  if (buffer >= 0) {
    nacre_buffer *at = &walk->layout->buffer[buffer];
    at->first = op < at->first ? op : at->first;
    at->last = op > at->last ? op : at->last;
  }
}

/* The newest operation. */
static int now(const walk *walk) {
  return walk->layout->n_ops - 1;
}

static bool is_view(const walk *walk, const nacre_vertex *vertex) {
  if (vertex->ops == NULL) {
    return false;
  }
  return (vertex->ops->flags & NACRE_LAYER_VIEW) != 0 ||
         (!walk->training &&
          (vertex->ops->flags & NACRE_LAYER_TRAINING) != 0);
}

/* Whether backward of a vertex reads what it put out. */
static bool needs_y(const nacre_vertex *vertex) {
  if (vertex->act_ops != NULL &&
      (vertex->act_ops->flags & NACRE_ACT_NEED_Y) != 0) {
    return true;
  }
  return vertex->ops != NULL && (vertex->needs & NACRE_LAYER_NEED_Y) != 0;
}

static bool needs_x(const nacre_vertex *vertex) {
  return vertex->ops == NULL
    ? (vertex->act_ops->flags & NACRE_ACT_NEED_X) != 0
    : (vertex->needs & NACRE_LAYER_NEED_X) != 0;
}

/* Forward. */

/* The layer that wrote what an edge holds, through views. */
static const nacre_vertex *writer_of(const walk *walk, int edge) {
  int producer = walk->graph->edge[edge].producer;
  while (producer >= 0 && is_view(walk, &walk->graph->vertex[producer])) {
    producer =
      walk->graph->edge[walk->graph->vertex[producer].input[0]].producer;
  }
  return producer < 0 ? NULL : &walk->graph->vertex[producer];
}

static bool may_overwrite(const walk *walk, const nacre_vertex *vertex) {
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
  return !walk->training || (!needs_x(vertex) && !needs_y(writer));
}

/* A buffer stays exclusive while each edge on it has one reader and no loss
 * or output looks at it. */
static void hold(const walk *walk, int edge, int buffer) {
  const nacre_edge *at = &walk->graph->edge[edge];
  walk->layout->value[edge] = buffer;
  if (at->readers > 1 || at->output || walk->loss_at[edge]) {
    walk->layout->buffer[buffer].exclusive = false;
  }
}

static int forward_slots(const walk *walk, int index, int op) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    const nacre_slot *slot = &vertex->saved[i];
    if (!slot->used) {
      continue;
    }
    int buffer = add_buffer(walk, nacre_shape_count(&slot->shape),
                            slot->per_sample);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    walk->layout->saved[index][i] = buffer;
    touch(walk, buffer, op);
  }
  return NACRE_OK;
}

static int forward_vertex(const walk *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  if (is_view(walk, vertex)) {
    hold(walk, vertex->output[0], layout->value[vertex->input[0]]);
    return NACRE_OK;
  }
  bool inplace = !walk->skipped[index] && may_overwrite(walk, vertex);
  for (int i = 0; i < vertex->n_outputs; i++) {
    int buffer = inplace ? layout->value[vertex->input[0]]
                         : add_edge_buffer(walk, vertex->output[i]);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    hold(walk, vertex->output[i], buffer);
  }
  if (walk->skipped[index]) {
    return NACRE_OK; /* the loss writes it */
  }
  if (add_op(walk, vertex->ops == NULL ? NACRE_OP_ACTIVATE : NACRE_OP_FORWARD,
             index) == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    touch(walk, layout->value[vertex->input[i]], now(walk));
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    touch(walk, layout->value[vertex->output[i]], now(walk));
  }
  return vertex->ops != NULL ? forward_slots(walk, index, now(walk))
                             : NACRE_OK;
}

static int forward(const walk *walk) {
  const nacre_graph *graph = walk->graph;
  for (int i = 0; i < graph->n_inputs; i++) {
    int buffer = add_edge_buffer(walk, i);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    hold(walk, i, buffer);
    touch(walk, buffer, 0);
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    if (forward_vertex(walk, i) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  walk->layout->n_forward = walk->layout->n_ops;
  return NACRE_OK;
}

/* Backward. */

static bool has_trained(const walk *walk, const nacre_vertex *vertex) {
  for (uint32_t i = 0; vertex->ops != NULL && i < vertex->ops->weights.n;
       i++) {
    int variable = vertex->variable[i];
    if (variable >= 0 && walk->graph->variable[variable].trained) {
      return true;
    }
  }
  return false;
}

/* Which vertices take part: a loss below and a trained weight at or above. */
static int find_active(const walk *walk) {
  const nacre_graph *graph = walk->graph;
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    bool wanted = has_trained(walk, vertex);
    for (int j = 0; j < vertex->n_inputs; j++) {
      wanted = wanted || walk->wanted[vertex->input[j]];
    }
    for (int j = 0; j < vertex->n_outputs; j++) {
      walk->wanted[vertex->output[j]] = wanted;
    }
  }
  for (int i = graph->n_vertices - 1; i >= 0; i--) {
    const nacre_vertex *vertex = &graph->vertex[i];
    bool active = false;
    for (int j = 0; j < vertex->n_outputs; j++) {
      int edge = vertex->output[j];
      active = active || (walk->wanted[edge] &&
                          (walk->reached[edge] || walk->loss_at[edge]));
    }
    walk->active[i] = active && !walk->skipped[i];
    if (!walk->active[i]) {
      continue;
    }
    if (vertex->ops != NULL && vertex->ops->backward == NULL &&
        !is_view(walk, vertex)) {
      return nacre_error_add(graph->ctx->error, NACRE_ECONFIG, NULL,
                             "layer '%s' (%s) has no derivative, and weights "
                             "before it are to be trained", vertex->name,
                             vertex->type);
    }
    for (int j = 0; j < vertex->n_inputs; j++) {
      walk->reached[vertex->input[j]] = true;
    }
  }
  return NACRE_OK;
}

/* Where the next gradient of an edge is to be written: its own buffer the
 * first time, then one that is added to it by settle(). */
static int contribute(const walk *walk, int edge) {
  int buffer = add_edge_buffer(walk, edge);
  if (buffer >= 0 && walk->layout->grad[edge] < 0) {
    walk->layout->grad[edge] = buffer;
  }
  return buffer;
}

static int settle(const walk *walk, int edge, int buffer) {
  int grad = walk->layout->grad[edge];
  touch(walk, buffer, now(walk));
  if (buffer == grad) {
    return NACRE_OK;
  }
  nacre_op *op = add_op(walk, NACRE_OP_ADD, -1);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->from = buffer;
  op->to = grad;
  touch(walk, buffer, now(walk));
  touch(walk, grad, now(walk));
  return NACRE_OK;
}

/* One reader and no loss: the gradient below may be the gradient above. */
static bool sole_reader(const walk *walk, int edge) {
  return walk->graph->edge[edge].readers == 1 && !walk->loss_at[edge];
}

static int backward_heads(const walk *walk) {
  const nacre_graph *graph = walk->graph;
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    if (head->loss_ops == NULL) {
      continue;
    }
    int edge = head->loss_edge;
    int grad = walk->wanted[edge] ? contribute(walk, edge) : -1;
    nacre_op *op = add_op(walk, NACRE_OP_LOSS, i);
    if (op == NULL || (walk->wanted[edge] && grad < 0)) {
      return NACRE_ERROR;
    }
    op->to = grad;
    touch(walk, layout->value[edge], now(walk));
    touch(walk, layout->value[head->edge], now(walk));
    if (grad >= 0 && settle(walk, edge, grad) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int backward_activation(const walk *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  int in = vertex->input[0], out = vertex->output[0];
  bool alias = sole_reader(walk, in);
  int to = alias ? layout->grad[out] : contribute(walk, in);
  nacre_op *op = add_op(walk, NACRE_OP_DERIVE, index);
  if (to < 0 || op == NULL) {
    return NACRE_ERROR;
  }
  op->from = layout->grad[out];
  op->to = to;
  touch(walk, layout->value[needs_x(vertex) ? in : out], now(walk));
  touch(walk, layout->grad[out], now(walk));
  if (alias) {
    layout->grad[in] = to;
    return NACRE_OK;
  }
  return settle(walk, in, to);
}

/* The gradient of a view is its output's, in another shape. */
static int backward_view(const walk *walk, const nacre_vertex *vertex) {
  nacre_layout *layout = walk->layout;
  int in = vertex->input[0], out = vertex->output[0];
  if (!walk->wanted[in]) {
    return NACRE_OK;
  }
  if (sole_reader(walk, in)) {
    layout->grad[in] = layout->grad[out];
    return NACRE_OK;
  }
  bool first = layout->grad[in] < 0;
  if (first) {
    layout->grad[in] = add_edge_buffer(walk, in);
  }
  nacre_op *op = add_op(walk, first ? NACRE_OP_COPY : NACRE_OP_ADD, -1);
  if (op == NULL || layout->grad[in] < 0) {
    return NACRE_ERROR;
  }
  op->from = layout->grad[out];
  op->to = layout->grad[in];
  touch(walk, op->from, now(walk));
  touch(walk, op->to, now(walk));
  return NACRE_OK;
}

/* The gradients that a layer reads, after its epilogue's derivative. */
static int gather_dout(const walk *walk, int index, int *dout) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < vertex->n_outputs; i++) {
    int edge = vertex->output[i];
    if (layout->grad[edge] < 0) {
      layout->grad[edge] = add_edge_buffer(walk, edge);
      nacre_op *op = add_op(walk, NACRE_OP_ZERO, -1);
      if (op == NULL || layout->grad[edge] < 0) {
        return NACRE_ERROR;
      }
      op->to = layout->grad[edge];
      touch(walk, op->to, now(walk));
    }
    dout[i] = layout->grad[edge];
  }
  if (vertex->activation.component == NULL) {
    return NACRE_OK;
  }
  nacre_op *op = add_op(walk, NACRE_OP_DERIVE, index);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->from = op->to = dout[0];
  touch(walk, dout[0], now(walk));
  touch(walk, layout->value[vertex->output[0]], now(walk));
  return NACRE_OK;
}

static int backward_layer(const walk *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  int *din = array(walk, vertex->n_inputs, sizeof(int));
  int *dout = array(walk, vertex->n_outputs, sizeof(int));
  if (din == NULL || dout == NULL) {
    return nacre_no_memory(walk->graph->ctx->error);
  }
  if (gather_dout(walk, index, dout) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bool inplace = (vertex->ops->flags & NACRE_LAYER_INPLACE) != 0;
  for (int i = 0; i < vertex->n_inputs; i++) {
    int edge = vertex->input[i];
    din[i] = -1;
    if (!walk->wanted[edge]) {
      continue;
    }
    if (inplace && i == 0 && sole_reader(walk, edge)) {
      din[i] = layout->grad[edge] = dout[0];
    } else if ((din[i] = contribute(walk, edge)) < 0) {
      return NACRE_ERROR;
    }
  }
  nacre_op *op = add_op(walk, NACRE_OP_BACKWARD, index);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->din = din;
  op->dout = dout;
  int at = now(walk);
  for (int i = 0; i < vertex->n_inputs; i++) {
    touch(walk, din[i], at);
    if (needs_x(vertex)) {
      touch(walk, layout->value[vertex->input[i]], at);
    }
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    touch(walk, dout[i], at);
    if ((vertex->needs & NACRE_LAYER_NEED_Y) != 0) {
      touch(walk, layout->value[vertex->output[i]], at);
    }
  }
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    touch(walk, layout->saved[index][i], at);
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    if (din[i] >= 0 && din[i] != dout[0] &&
        settle(walk, vertex->input[i], din[i]) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int backward(const walk *walk) {
  if (find_active(walk) != NACRE_OK || backward_heads(walk) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = walk->graph->n_vertices - 1; i >= 0; i--) {
    const nacre_vertex *vertex = &walk->graph->vertex[i];
    int status = NACRE_OK;
    if (!walk->active[i]) {
      continue;
    }
    if (vertex->ops == NULL) {
      status = backward_activation(walk, i);
    } else if (is_view(walk, vertex)) {
      status = backward_view(walk, vertex);
    } else {
      status = backward_layer(walk, i);
    }
    if (status != NACRE_OK) {
      return status;
    }
  }
  return NACRE_OK;
}

/* Scratch lasts for one call, so all calls use the same bytes. */
static int place_scratch(const walk *walk, int64_t batch) {
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < walk->graph->n_vertices; i++) {
    int64_t offset = 0;
    for (int j = 0; j < NACRE_SLOT_MAX; j++) {
      const nacre_slot *slot = &walk->graph->vertex[i].scratch[j];
      layout->scratch[i][j] = -1;
      if (!slot->used) {
        continue;
      }
      int64_t bytes = nacre_shape_count(&slot->shape);
      if (!nacre_int_mul(bytes, slot->per_sample ? batch : 1, &bytes) ||
          !nacre_int_mul(bytes, (int64_t)sizeof(real), &bytes) ||
          !nacre_int_add(bytes, 63, &bytes) ||
          !nacre_int_add(offset, bytes / 64 * 64, &bytes)) {
        return nacre_error_add(walk->graph->ctx->error, NACRE_ELIMIT, NULL,
                               "the scratch memory cannot be counted");
      }
      layout->scratch[i][j] = offset;
      offset = bytes;
    }
    if (offset > layout->scratch_bytes) {
      layout->scratch_bytes = offset;
    }
  }
  return NACRE_OK;
}

static int prepare(walk *walk) {
  const nacre_graph *graph = walk->graph;
  nacre_layout *layout = walk->layout;
  int edges = graph->n_edges, vertices = graph->n_vertices;
  layout->value = array(walk, edges, sizeof(int));
  layout->grad = array(walk, edges, sizeof(int));
  layout->saved = array(walk, vertices, sizeof(*layout->saved));
  layout->scratch = array(walk, vertices, sizeof(*layout->scratch));
  walk->wanted = array(walk, edges, sizeof(bool));
  walk->reached = array(walk, edges, sizeof(bool));
  walk->loss_at = array(walk, edges, sizeof(bool));
  walk->active = array(walk, vertices, sizeof(bool));
  walk->skipped = array(walk, vertices, sizeof(bool));
  if (layout->value == NULL || layout->grad == NULL ||
      layout->saved == NULL || layout->scratch == NULL ||
      walk->wanted == NULL || walk->reached == NULL ||
      walk->loss_at == NULL || walk->active == NULL ||
      walk->skipped == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  memset(layout->value, 0xff, (size_t)edges * sizeof(int));
  memset(layout->grad, 0xff, (size_t)edges * sizeof(int));
  memset(layout->saved, 0xff, (size_t)vertices * sizeof(*layout->saved));
  for (int i = 0; i < graph->n_heads && walk->training; i++) {
    if (graph->head[i].loss_ops != NULL) {
      walk->loss_at[graph->head[i].loss_edge] = true;
      if (graph->head[i].undone >= 0) {
        walk->skipped[graph->head[i].undone] = true;
      }
    }
  }
  return NACRE_OK;
}

int nacre_layout_make(nacre_layout *layout, const nacre_graph *graph,
                      bool training, int64_t batch) {
  *layout = (nacre_layout){ 0 };
  walk walk = { .layout = layout, .graph = graph, .training = training };
  if (prepare(&walk) != NACRE_OK || forward(&walk) != NACRE_OK ||
      (training && backward(&walk) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < graph->n_heads; i++) {
    /* Metrics and callers read predictions after the last operation. */
    touch(&walk, layout->value[graph->head[i].edge], layout->n_ops);
  }
  if (place_scratch(&walk, batch) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_memory_place(layout, batch, graph->ctx->error);
}

void nacre_layout_fini(nacre_layout *layout) {
  nacre_free(layout->op);
  nacre_free(layout->buffer);
  *layout = (nacre_layout){ 0 };
}
