/* SPDX-License-Identifier: MIT */
/* connect: layers that name their inputs become edges in running order. */
#include "graph/build.h"

#include "yaml/report.h"

#include <stdio.h>
#include <string.h>

/* Connections. While they are made, input[] of a vertex holds the numbers
 * of the vertices it reads, as ~vertex, or of model inputs, as they are. */

/* `name` is a model input, a layer, or "layer:1" for its second output. */
static int find_producer(const nacre_graph *graph, const char *name,
                         int *port) {
  *port = 0;
  const nacre_graph_name *found = nacre_graph_lookup(graph, name);
  if (found != NULL && found->meaning >= 0) {
    return found->meaning;
  }
  int vertex = nacre_graph_find_vertex(graph, name);
  const char *colon = strrchr(name, ':');
  if (vertex < 0 && colon != NULL && colon[1] >= '0' &&
      colon[1] < '0' + NACRE_OUTPUT_MAX && colon[2] == '\0') {
    char *stem = nacre_strndup(name, (size_t)(colon - name));
    vertex = stem != NULL ? nacre_graph_find_vertex(graph, stem) : -1;
    *port = colon[1] - '0';
    nacre_free(stem);
  }
  return vertex < 0 ? INT32_MAX : ~vertex;
}

int nacre_graph_report_unknown(nacre_graph *graph,
                                   const nacre_node *node) {
  int total = graph->n_inputs + graph->n_vertices, n = 0;
  if (graph->ctx->error->count > NACRE_ERROR_MAX) {
    total = 0; /* nobody will see what is near */
  }
  const char **names =
    nacre_arena_alloc(nacre_graph_arena(graph), (size_t)total + 1,
                      sizeof(*names));
  if (names == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  for (int i = 0; i < graph->n_inputs && n < total; i++) {
    names[n++] = graph->edge[i].name;
  }
  for (int i = 0; i < graph->n_vertices && n < total; i++) {
    if (graph->vertex[i].name != NULL) {
      names[n++] = graph->vertex[i].name;
    }
  }
  const char *nearest = nacre_nearest(node->text, names, n);
  nacre_report(graph->ctx->error, node, NACRE_ECONFIG,
               "there is no layer or input called '%s'", node->text);
  if (nearest != NULL) {
    nacre_error_hint(graph->ctx->error, "did you mean '%s'?", nearest);
  }
  return NACRE_ERROR;
}

/* What stands before a layer of the list: ~vertex or an input, or INT32_MAX
 * with a problem. */
static int before_layer(nacre_graph *graph, const nacre_node *node,
                        int before) {
  if (before == 0 && graph->n_inputs > 1) {
    nacre_report(graph->ctx->error, node, NACRE_ECONFIG,
                 "the model has several inputs: say which one this "
                 "layer reads with 'inputs'");
    return INT32_MAX;
  }
  return before == 0 ? 0 : ~(before - 1);
}

/* Input `index` of a composite, which may itself be in another. */
static int find_outside(nacre_graph *graph, int composite, int index,
                        int *port) {
  const nacre_composite *at = &graph->composite[composite];
  while (at->given != NULL) {
    if (at->given[index] < 0) {
      return at->given[index];
    }
    index = at->given[index];
    at = &graph->composite[at->parent];
  }
  nacre_node *inputs = at->node->kind == NACRE_NODE_MAP
    ? nacre_node_peek(at->node, "inputs") : NULL;
  if (inputs == NULL) {
    return before_layer(graph, at->node, at->before);
  }
  const nacre_node *item = inputs->kind == NACRE_NODE_LIST
    ? nacre_node_at(inputs, index) : inputs;
  if (item == NULL || item->kind != NACRE_NODE_SCALAR) {
    nacre_report(graph->ctx->error, inputs, NACRE_ECONFIG,
                 "expected the name of a layer or input, or a list of them");
    return INT32_MAX;
  }
  int producer = find_producer(graph, item->text, port);
  if (producer == INT32_MAX) {
    nacre_graph_report_unknown(graph, item);
  }
  return producer;
}

/* A layer inside of a composite reads what it was given. */
static int connect_inside(nacre_graph *graph, nacre_vertex *vertex) {
  for (int i = 0; i < vertex->n_given; i++) {
    int given = vertex->given[i];
    vertex->input[i] = given < 0
      ? given
      : find_outside(graph, vertex->composite, given, &vertex->port[i]);
    if (vertex->input[i] == INT32_MAX) {
      return NACRE_ERROR;
    }
  }
  vertex->n_inputs = vertex->n_given;
  return NACRE_OK;
}

static int connect_layer(nacre_graph *graph, int index) {
  nacre_vertex *vertex = &graph->vertex[index];
  nacre_error *error = graph->ctx->error;
  nacre_node *inputs = vertex->node->kind == NACRE_NODE_MAP
    ? nacre_node_peek(vertex->node, "inputs") : NULL;
  int n = vertex->given != NULL ? vertex->n_given
          : inputs == NULL || inputs->kind == NACRE_NODE_SCALAR
    ? 1 : inputs->count;
  vertex->input =
    nacre_arena_alloc(nacre_graph_arena(graph), (size_t)n + 1, sizeof(int));
  vertex->port =
    nacre_arena_alloc(nacre_graph_arena(graph), (size_t)n + 1, sizeof(int));
  if (vertex->input == NULL || vertex->port == NULL) {
    return nacre_no_memory(error);
  }
  if (vertex->given != NULL) {
    return connect_inside(graph, vertex);
  }
  if (inputs == NULL) {
    vertex->input[0] = before_layer(graph, vertex->node, index);
    vertex->n_inputs = 1;
    return vertex->input[0] == INT32_MAX ? NACRE_ERROR : NACRE_OK;
  }
  if (inputs->kind == NACRE_NODE_MAP || n == 0) {
    return nacre_report(error, inputs, NACRE_ECONFIG,
                        "expected the name of a layer or input, or a list "
                        "of them");
  }
  int status = NACRE_OK;
  nacre_node *item = inputs->kind == NACRE_NODE_LIST ? inputs->first : inputs;
  for (int i = 0; i < n; i++, item = item->next) {
    int producer = item->kind == NACRE_NODE_SCALAR
      ? find_producer(graph, item->text, &vertex->port[i]) : INT32_MAX;
    if (item->kind != NACRE_NODE_SCALAR) {
      status = nacre_report(error, item, NACRE_ECONFIG,
                            "expected the name of a layer or input");
    } else if (producer == INT32_MAX) {
      status = nacre_graph_report_unknown(graph, item);
    }
    vertex->input[vertex->n_inputs++] = producer;
  }
  return status;
}

/* Where a layer says what it reads: itself if it does not. */
static const nacre_node *inputs_node(const nacre_vertex *vertex) {
  const nacre_node *inputs = vertex->node->kind == NACRE_NODE_MAP
    ? nacre_node_peek(vertex->node, "inputs") : NULL;
  return inputs != NULL ? inputs : vertex->node;
}

static int check_arity(nacre_graph *graph, const nacre_vertex *vertex) {
  uint32_t n = (uint32_t)vertex->n_inputs;
  const nacre_layer_ops *ops = vertex->ops;
  if (n >= ops->min_inputs && (ops->max_inputs == 0 || n <= ops->max_inputs)) {
    return NACRE_OK;
  }
  char expected[48];
  if (ops->max_inputs == 0) {
    snprintf(expected, sizeof(expected), "at least %u inputs",
             ops->min_inputs);
  } else if (ops->min_inputs == ops->max_inputs) {
    snprintf(expected, sizeof(expected), "%u input%s", ops->min_inputs,
             ops->min_inputs == 1 ? "" : "s");
  } else {
    snprintf(expected, sizeof(expected), "%u to %u inputs", ops->min_inputs,
             ops->max_inputs);
  }
  return nacre_report(graph->ctx->error, inputs_node(vertex), NACRE_ECONFIG,
                      "layer '%s' (%s) takes %s, not %u", vertex->name,
                      vertex->type, expected, n);
}

/* Counts (by = 1) or forgets (-1) how a vertex needs others. */
static void count_readers(const nacre_vertex *vertex, int self, int by,
                          int *readers) {
  for (int i = 0; i < vertex->n_inputs; i++) {
    if (vertex->input[i] < 0) {
      readers[~vertex->input[i]] += by;
    }
  }
  if (vertex->owner != self) {
    readers[vertex->owner] += by;
  }
}

/* Reports the layers of a circle. place: 0 for these and for those that only
 * read from one, which are left out from the end. */
static int report_circle(nacre_graph *graph, int *place) {
  int n = graph->n_vertices;
  int *readers = nacre_alloc((size_t)n + 1, sizeof(int));
  if (readers == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  for (int i = 0; i < n; i++) {
    if (place[i] == 0) {
      count_readers(&graph->vertex[i], i, 1, readers);
    }
  }
  for (bool moved = true; moved;) {
    moved = false;
    for (int i = n - 1; i >= 0; i--) {
      if (place[i] == 0 && readers[i] == 0) {
        count_readers(&graph->vertex[i], i, -1, readers);
        place[i] = -1;
        moved = true;
      }
    }
  }
  for (int i = 0; i < n; i++) {
    if (place[i] == 0) {
      nacre_report(graph->ctx->error, inputs_node(&graph->vertex[i]),
                   NACRE_ECONFIG, "layer '%s' is part of a circle of inputs",
                   graph->vertex[i].name);
    }
  }
  nacre_free(readers);
  return NACRE_ERROR;
}

/* Kahn's order, earliest listed first. */
static int sort_layers(nacre_graph *graph) {
  int n = graph->n_vertices, done = 0;
  int *place = nacre_alloc((size_t)n + 1, sizeof(int)); /* old to new, +1 */
  nacre_vertex *sorted = nacre_alloc((size_t)n + 1, sizeof(*sorted));
  if (place == NULL || sorted == NULL) {
    nacre_free(place);
    nacre_free(sorted);
    return nacre_no_memory(graph->ctx->error);
  }
  for (bool moved = true; moved;) {
    moved = false;
    for (int i = 0; i < n; i++) {
      nacre_vertex *vertex = &graph->vertex[i];
      bool ready = place[i] == 0 &&
                   (vertex->owner == i || place[vertex->owner] != 0);
      for (int j = 0; j < vertex->n_inputs && ready; j++) {
        ready = vertex->input[j] >= 0 || place[~vertex->input[j]] != 0;
      }
      if (ready) {
        sorted[done++] = *vertex;
        place[i] = done;
        moved = true;
      }
    }
  }
  int status = done < n ? report_circle(graph, place) : NACRE_OK;
  if (status == NACRE_OK) {
    for (int i = 0; i < n; i++) {
      sorted[i].owner = place[sorted[i].owner] - 1;
      for (int j = 0; j < sorted[i].n_inputs; j++) {
        if (sorted[i].input[j] < 0) {
          sorted[i].input[j] = ~(place[~sorted[i].input[j]] - 1);
        }
      }
    }
    memcpy(graph->vertex, sorted, (size_t)n * sizeof(*sorted));
  }
  nacre_free(place);
  nacre_free(sorted);
  return status;
}

/* An activation becomes a vertex of its own behind its layer; link() may
 * move it back into the layer's epilogue. */
static int split_activations(nacre_graph *graph) {
  int n = graph->n_vertices, total = n, next = 0;
  for (int i = 0; i < n; i++) {
    total += graph->vertex[i].activation.component != NULL;
  }
  nacre_vertex *split = nacre_alloc((size_t)total + 1, sizeof(*split));
  int *last = nacre_alloc((size_t)n + 1, sizeof(int));
  int *first = nacre_alloc((size_t)n + 1, sizeof(int));
  int status = split != NULL && last != NULL && first != NULL
    ? NACRE_OK : nacre_no_memory(graph->ctx->error);
  for (int i = 0; i < n && status == NACRE_OK; i++) {
    nacre_vertex *vertex = &graph->vertex[i];
    for (int j = 0; j < vertex->n_inputs; j++) {
      if (vertex->input[j] < 0) {
        /* Only the first output goes through the activation. */
        const int *to = vertex->port[j] == 0 ? last : first;
        vertex->input[j] = ~to[~vertex->input[j]];
      }
    }
    first[i] = next;
    vertex->owner = first[vertex->owner];
    split[next++] = *vertex;
    if (vertex->activation.component != NULL) {
      split[next - 1].activation = (nacre_choice){ 0 };
      split[next - 1].act_ops = NULL;
      nacre_vertex *act = &split[next];
      *act = (nacre_vertex){ .name = vertex->name, .node = vertex->node,
                             .type = vertex->activation.component->name,
                             .activation = vertex->activation,
                             .act_ops = vertex->act_ops, .owner = next,
                             .n_inputs = 1, .mask = -1, .composite = -1,
                             .times = 1, .trainable = true,
                             .learning_rate_scale = 1 };
      act->input = nacre_arena_alloc(nacre_graph_arena(graph), 2, sizeof(int));
      act->port = act->input != NULL ? act->input + 1 : NULL;
      if (act->input == NULL) {
        status = nacre_no_memory(graph->ctx->error);
        break;
      }
      act->input[0] = ~(next - 1);
      next++;
    }
    last[i] = next - 1;
  }
  if (status == NACRE_OK) {
    nacre_free(graph->vertex);
    graph->vertex = split;
    graph->n_vertices = next;
    split = NULL;
  }
  nacre_free(split);
  nacre_free(last);
  nacre_free(first);
  return status;
}

/* The edge for output `port` of an earlier vertex; made when first read. */
static int edge_of(nacre_graph *graph, int producer, int port) {
  nacre_vertex *vertex = &graph->vertex[producer];
  while (vertex->n_outputs <= port) {
    const char *name = nacre_arena_format(nacre_graph_arena(graph), "%s:%d",
                                          vertex->name, vertex->n_outputs);
    if (name == NULL) {
      nacre_no_memory(graph->ctx->error);
      return -1;
    }
    int edge =
      nacre_graph_add_edge(graph, name, producer, vertex->n_outputs);
    if (edge < 0) {
      return -1;
    }
    vertex->output[vertex->n_outputs++] = edge;
  }
  return vertex->output[port];
}

/* Every vertex gets an edge for its first output; others are made when they
 * are read, and shape() adds the rest. The edge that bears the name of a
 * layer with an activation is the activation's. */
static int make_edges(nacre_graph *graph) {
  for (int i = 0; i < graph->n_vertices; i++) {
    nacre_vertex *vertex = &graph->vertex[i];
    bool hidden = i + 1 < graph->n_vertices &&
                  graph->vertex[i + 1].ops == NULL &&
                  graph->vertex[i + 1].input[0] == ~i;
    const char *name = hidden
      ? nacre_arena_format(nacre_graph_arena(graph), "%s:linear", vertex->name)
      : vertex->name;
    vertex->output = nacre_arena_alloc(nacre_graph_arena(graph),
                                       NACRE_OUTPUT_MAX, sizeof(int));
    int edge = name != NULL ? nacre_graph_add_edge(graph, name, i, 0) : -1;
    if (vertex->output == NULL || edge < 0) {
      return nacre_no_memory(graph->ctx->error);
    }
    vertex->output[0] = edge;
    vertex->n_outputs = 1;
    for (int j = 0; j < vertex->n_inputs; j++) {
      if (vertex->input[j] < 0) {
        int read = edge_of(graph, ~vertex->input[j], vertex->port[j]);
        if (read < 0) {
          return NACRE_ERROR;
        }
        vertex->input[j] = read;
      }
      graph->edge[vertex->input[j]].readers++;
    }
  }
  return NACRE_OK;
}

int nacre_graph_connect(nacre_graph *graph) {
  int status = NACRE_OK;
  for (int i = 0; i < graph->n_vertices; i++) {
    nacre_vertex *vertex = &graph->vertex[i];
    if (connect_layer(graph, i) != NACRE_OK ||
        (vertex->ops != NULL && check_arity(graph, vertex) != NACRE_OK)) {
      status = NACRE_ERROR;
    }
    if (vertex->ops == NULL) {
      status = NACRE_ERROR; /* it was refused before */
    }
  }
  nacre_graph_forget(graph); /* vertices get other numbers now */
  if (status != NACRE_OK || sort_layers(graph) != NACRE_OK ||
      split_activations(graph) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return make_edges(graph);
}
