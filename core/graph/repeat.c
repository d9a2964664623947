/* SPDX-License-Identifier: MIT */
/* repeat: what a training step forgets, and computes a second time.
 *
 * Of a segment, only what others read outlives the forward pass. Before its
 * backward pass, the calls that this needs are made again, in their order,
 * into buffers of their own (Chen and others, "Training deep nets with
 * sublinear memory cost", 2016). They read what was kept, and are the same
 * calls with the same random numbers, so that the bits are the same. */
#include "graph/pass.h"

static bool is_in_segment(const nacre_pass *walk, int vertex) {
  return walk->segment != NULL && vertex >= 0 && walk->segment[vertex] >= 0;
}

int nacre_pass_forget(nacre_pass *walk) {
  const nacre_graph *graph = walk->graph;
  walk->forgotten = nacre_pass_array(walk, graph->n_edges, sizeof(bool));
  walk->needed = nacre_pass_array(walk, graph->n_edges, sizeof(bool));
  walk->repeated = nacre_pass_array(walk, graph->n_vertices, sizeof(bool));
  if (walk->forgotten == NULL || walk->needed == NULL ||
      walk->repeated == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    for (int j = 0; j < vertex->n_outputs; j++) {
      int edge = vertex->output[j];
      walk->forgotten[edge] = is_in_segment(walk, i) && !walk->skipped[i] &&
                              !graph->edge[edge].output &&
                              !walk->loss_at[edge];
    }
  }
  for (int i = 0; i < graph->n_vertices && walk->segment != NULL; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    for (int j = 0; j < vertex->n_inputs; j++) {
      int producer = graph->edge[vertex->input[j]].producer;
      if (producer >= 0 && walk->segment[producer] != walk->segment[i]) {
        walk->forgotten[vertex->input[j]] = false;
      }
    }
  }
  return NACRE_OK;
}

static void need(const nacre_pass *walk, int edge) {
  walk->needed[edge] = walk->needed[edge] || walk->forgotten[edge];
}

/* The first `n` of them. */
static void need_inputs(const nacre_pass *walk, const nacre_vertex *vertex,
                        int n) {
  for (int i = 0; i < n; i++) {
    need(walk, vertex->input[i]);
  }
}

static bool saves(const nacre_vertex *vertex) {
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    if (vertex->saved[i].used) {
      return true;
    }
  }
  return false;
}

/* What backward of a vertex reads. */
static void need_for_backward(const nacre_pass *walk,
                              const nacre_vertex *vertex) {
  if (nacre_pass_needs_x(vertex)) {
    need_inputs(walk, vertex, nacre_vertex_inputs(vertex));
  }
  if (nacre_pass_needs_y(vertex) ||
      (vertex->ops != NULL && vertex->activation.component != NULL)) {
    for (int i = 0; i < vertex->n_outputs; i++) {
      need(walk, vertex->output[i]);
    }
  }
}

void nacre_pass_find_repeated(const nacre_pass *walk) {
  const nacre_graph *graph = walk->graph;
  for (int i = graph->n_vertices - 1; i >= 0; i--) {
    const nacre_vertex *vertex = &graph->vertex[i];
    if (!is_in_segment(walk, i)) {
      continue;
    }
    bool view = nacre_pass_is_view(walk, vertex);
    if (walk->active[i] && !view) {
      need_for_backward(walk, vertex);
    }
    bool repeated = walk->active[i] && !view && saves(vertex);
    for (int j = 0; j < vertex->n_outputs; j++) {
      repeated = repeated || walk->needed[vertex->output[j]];
    }
    walk->repeated[i] = repeated;
    if (repeated) {
      need_inputs(walk, vertex, vertex->n_inputs);
    }
  }
}

static int repeat_slots(const nacre_pass *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    int first = walk->layout->saved[index][i];
    if (first < 0) {
      continue;
    }
    const nacre_buffer *like = &walk->layout->buffer[first];
    int buffer = nacre_pass_buffer(walk, like->count, like->per_sample);
    if (buffer < 0) {
      return NACRE_ERROR;
    }
    walk->layout->saved_again[index][i] = buffer;
    nacre_pass_use(walk, buffer);
  }
  walk->layout->n_again++;
  walk->layout->flops_again += vertex->flops;
  return NACRE_OK;
}

/* What was kept is not written to: a buffer for it lasts for the call. */
static int repeat_vertex(const nacre_pass *walk, int index) {
  const nacre_vertex *vertex = &walk->graph->vertex[index];
  nacre_layout *layout = walk->layout;
  int *out = nacre_pass_array(walk, vertex->n_outputs, sizeof(int));
  if (out == NULL) {
    return nacre_no_memory(walk->graph->ctx->error);
  }
  nacre_op *op = nacre_pass_op(walk, vertex->ops == NULL ? NACRE_OP_ACTIVATE
                                                         : NACRE_OP_FORWARD,
                               index);
  if (op == NULL) {
    return NACRE_ERROR;
  }
  op->again = true;
  op->dout = out;
  for (int i = 0; i < vertex->n_inputs; i++) {
    nacre_pass_use(walk, layout->again[vertex->input[i]]);
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    int edge = vertex->output[i];
    out[i] = nacre_pass_edge_buffer(walk, edge);
    if (out[i] < 0) {
      return NACRE_ERROR;
    }
    nacre_pass_use(walk, out[i]);
    if (walk->forgotten[edge]) {
      layout->again[edge] = out[i];
    }
  }
  /* A mask is kept, and written to its place again. */
  nacre_pass_use(walk, vertex->mask < 0 ? -1 : layout->value[vertex->mask]);
  nacre_pass_use_beside(walk, vertex);
  return repeat_slots(walk, index);
}

int nacre_pass_repeat(const nacre_pass *walk, int segment) {
  const nacre_graph *graph = walk->graph;
  nacre_layout *layout = walk->layout;
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    if (walk->segment[i] != segment || !walk->repeated[i]) {
      continue;
    }
    if (nacre_pass_is_view(walk, vertex)) {
      if (walk->forgotten[vertex->output[0]]) {
        layout->again[vertex->output[0]] = layout->again[vertex->input[0]];
      }
    } else if (repeat_vertex(walk, i) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}
