/* SPDX-License-Identifier: MIT */
/* backward: the second half of a training step's layout. */
#include "graph/pass.h"

#include "yaml/report.h"

static bool has_trained(const nacre_pass *walk, const nacre_vertex *vertex) {
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
static int find_active(const nacre_pass *walk) {
  const nacre_graph *graph = walk->graph;
  if (walk->mode != NACRE_MODE_TRAIN) {
    return NACRE_OK; /* the losses alone */
  }
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
        !nacre_pass_is_view(walk, vertex)) {
      return nacre_report(graph->ctx->error, vertex->node, NACRE_ECONFIG,
                          "layer '%s' (%s) has no derivative, and weights in "
                          "or before it are to be trained", vertex->name,
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
static int contribute(const nacre_pass *walk, int edge) {
  int buffer = nacre_pass_edge_buffer(walk, edge);
  if (buffer >= 0 && walk->layout->grad[edge] < 0) {
    walk->layout->grad[edge] = buffer;
  }
  return buffer;
}

static int settle(const nacre_pass *walk, int edge, int buffer) {
  int grad = walk->layout->grad[edge];
  nacre_pass_use(walk, buffer);
  if (buffer == grad) {
    return NACRE_OK;
  }
  nacre_op *op = nacre_pass_op(walk, NACRE_OP_ADD, -1);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->from = buffer;
  op->to = grad;
  nacre_pass_use(walk, buffer);
  nacre_pass_use(walk, grad);
  return NACRE_OK;
}

/* One reader and no loss: the gradient below may be the gradient above. */
static bool sole_reader(const nacre_pass *walk, int edge) {
  return walk->graph->edge[edge].readers == 1 && !walk->loss_at[edge];
}

static int backward_heads(const nacre_pass *walk) {
  const nacre_graph *graph = walk->graph;
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    if (head->loss_ops == NULL) {
      continue;
    }
    int edge = head->loss_edge;
    int grad = walk->wanted[edge] ? contribute(walk, edge) : -1;
    nacre_op *op = nacre_pass_op(walk, NACRE_OP_LOSS, i);
    if (op == NULL || (walk->wanted[edge] && grad < 0)) {
      return NACRE_ERROR;
    }
    op->to = grad;
    nacre_pass_use(walk, layout->value[edge]);
    nacre_pass_use(walk, layout->value[head->edge]);
    int mask = graph->edge[edge].mask;
    nacre_pass_use(walk, mask < 0 ? -1 : layout->value[mask]);
    if (grad >= 0 && settle(walk, edge, grad) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int backward_activation(const nacre_pass *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  int in = vertex->input[0], out = vertex->output[0];
  bool alias = sole_reader(walk, in);
  int to = alias ? layout->grad[out] : contribute(walk, in);
  nacre_op *op = nacre_pass_op(walk, NACRE_OP_DERIVE, index);
  if (to < 0 || op == NULL) {
    return NACRE_ERROR;
  }
  op->from = layout->grad[out];
  op->to = to;
  nacre_pass_use(walk, layout->again[nacre_pass_needs_x(vertex) ? in : out]);
  nacre_pass_use(walk, layout->grad[out]);
  if (alias) {
    layout->grad[in] = to;
    return NACRE_OK;
  }
  return settle(walk, in, to);
}

/* The gradient of a view is its output's, in another shape. */
static int backward_view(const nacre_pass *walk, const nacre_vertex *vertex) {
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
    layout->grad[in] = nacre_pass_edge_buffer(walk, in);
  }
  nacre_op *op = nacre_pass_op(walk, first ? NACRE_OP_COPY : NACRE_OP_ADD, -1);
  if (op == NULL || layout->grad[in] < 0) {
    return NACRE_ERROR;
  }
  op->from = layout->grad[out];
  op->to = layout->grad[in];
  nacre_pass_use(walk, op->from);
  nacre_pass_use(walk, op->to);
  return NACRE_OK;
}

/* The gradients that a layer reads, after its epilogue's derivative. */
static int gather_dout(const nacre_pass *walk, int index, int *dout) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < vertex->n_outputs; i++) {
    int edge = vertex->output[i];
    if (layout->grad[edge] < 0) {
      layout->grad[edge] = nacre_pass_edge_buffer(walk, edge);
      nacre_op *op = nacre_pass_op(walk, NACRE_OP_ZERO, -1);
      if (op == NULL || layout->grad[edge] < 0) {
        return NACRE_ERROR;
      }
      op->to = layout->grad[edge];
      nacre_pass_use(walk, op->to);
    }
    dout[i] = layout->grad[edge];
  }
  if (vertex->activation.component == NULL) {
    return NACRE_OK;
  }
  nacre_op *op = nacre_pass_op(walk, NACRE_OP_DERIVE, index);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->from = op->to = dout[0];
  nacre_pass_use(walk, dout[0]);
  nacre_pass_use(walk, layout->again[vertex->output[0]]);
  return NACRE_OK;
}

/* The gradient of what a layer adds to its output is that of the output,
 * which nobody reads after the layer: the first gradient of that edge may be
 * the same buffer. */
static int backward_sum(const nacre_pass *walk, const nacre_vertex *vertex,
                        int dout) {
  nacre_layout *layout = walk->layout;
  const int edge = vertex->input[vertex->n_inputs - 1];
  if (!walk->wanted[edge]) {
    return NACRE_OK;
  }
  if (layout->grad[edge] < 0) {
    layout->grad[edge] = dout;
    return NACRE_OK;
  }
  return settle(walk, edge, dout);
}

static int backward_layer(const nacre_pass *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  const int n_inputs = nacre_vertex_inputs(vertex);
  int *din = nacre_pass_array(walk, vertex->n_inputs, sizeof(int));
  int *dout = nacre_pass_array(walk, vertex->n_outputs, sizeof(int));
  if (din == NULL || dout == NULL) {
    return nacre_no_memory(walk->graph->ctx->error);
  }
  if (gather_dout(walk, index, dout) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bool inplace = (vertex->ops->flags & NACRE_LAYER_INPLACE) != 0 &&
                 vertex->sum == NULL;
  for (int i = 0; i < vertex->n_inputs; i++) {
    int edge = vertex->input[i];
    din[i] = -1;
    if (!walk->wanted[edge] || i >= n_inputs) {
      continue;
    }
    if (inplace && i == 0 && sole_reader(walk, edge)) {
      din[i] = layout->grad[edge] = dout[0];
    } else if ((din[i] = contribute(walk, edge)) < 0) {
      return NACRE_ERROR;
    }
  }
  nacre_op *op = nacre_pass_op(walk, NACRE_OP_BACKWARD, index);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->din = din;
  op->dout = dout;
  for (int i = 0; i < n_inputs; i++) {
    nacre_pass_use(walk, din[i]);
    if (nacre_pass_needs_x(vertex)) {
      nacre_pass_use(walk, layout->again[vertex->input[i]]);
    }
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    nacre_pass_use(walk, dout[i]);
    if ((vertex->needs & NACRE_LAYER_NEED_Y) != 0) {
      nacre_pass_use(walk, layout->again[vertex->output[i]]);
    }
  }
  nacre_pass_use_beside(walk, vertex);
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    nacre_pass_use(walk, layout->saved_again[index][i]);
  }
  for (int i = 0; i < n_inputs; i++) {
    if (din[i] >= 0 && din[i] != dout[0] &&
        settle(walk, vertex->input[i], din[i]) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return vertex->sum == NULL ? NACRE_OK
                             : backward_sum(walk, vertex, dout[0]);
}

int nacre_pass_backward(const nacre_pass *walk) {
  if (walk->mode == NACRE_MODE_PREDICT) {
    return NACRE_OK; /* a loss would want targets */
  }
  if (find_active(walk) != NACRE_OK || backward_heads(walk) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_pass_find_repeated(walk);
  int segment = -1; /* the last one that has been repeated */
  for (int i = walk->graph->n_vertices - 1; i >= 0; i--) {
    const nacre_vertex *vertex = &walk->graph->vertex[i];
    int status = NACRE_OK;
    if (walk->segment != NULL && walk->segment[i] >= 0 &&
        walk->segment[i] != segment) {
      segment = walk->segment[i];
      if (nacre_pass_repeat(walk, segment) != NACRE_OK) {
        return NACRE_ERROR;
      }
    }
    if (!walk->active[i]) {
      continue;
    }
    if (vertex->ops == NULL) {
      status = backward_activation(walk, i);
    } else if (nacre_pass_is_view(walk, vertex)) {
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
