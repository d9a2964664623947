/* SPDX-License-Identifier: MIT */
/* graph: the arrays of a graph, and looking things up in them. */
#include "graph/build.h"

#include <string.h>

nacre_arena *nacre_graph_arena(const nacre_graph *graph) {
  return graph->ctx->arena;
}

/* Arrays double at powers of two, so that no capacity need be kept. */
void *nacre_graph_grow(void *array, int count, size_t size) {
  if (count != 0 && (count & (count - 1)) != 0) {
    return array;
  }
  return nacre_resize(array, count == 0 ? 1 : 2 * (size_t)count, size);
}

int nacre_graph_add_edge(nacre_graph *graph, const char *name, int producer,
                    int port) {
  nacre_edge *grown =
    nacre_graph_grow(graph->edge, graph->n_edges, sizeof(*graph->edge));
  if (grown == NULL) {
    nacre_no_memory(graph->ctx->error);
    return -1;
  }
  graph->edge = grown;
  graph->edge[graph->n_edges] =
    (nacre_edge){ .name = name, .producer = producer, .port = port };
  return graph->n_edges++;
}

nacre_vertex *nacre_graph_add_vertex(nacre_graph *graph) {
  nacre_vertex *grown =
    nacre_graph_grow(graph->vertex, graph->n_vertices, sizeof(*graph->vertex));
  if (grown == NULL) {
    nacre_no_memory(graph->ctx->error);
    return NULL;
  }
  graph->vertex = grown;
  nacre_vertex *vertex = &graph->vertex[graph->n_vertices];
  memset(vertex, 0, sizeof(*vertex));
  vertex->owner = graph->n_vertices++;
  vertex->trainable = true;
  vertex->learning_rate_scale = 1;
  return vertex;
}

int nacre_graph_find(const nacre_graph *graph, const char *name) {
  for (int i = 0; i < graph->n_edges; i++) {
    if (strcmp(graph->edge[i].name, name) == 0) {
      return i;
    }
  }
  return -1;
}

int nacre_graph_find_vertex(const nacre_graph *graph, const char *name) {
  for (int i = 0; i < graph->n_vertices; i++) {
    if (graph->vertex[i].name != NULL &&
        strcmp(graph->vertex[i].name, name) == 0) {
      return i;
    }
  }
  return -1;
}

void nacre_graph_fini(nacre_graph *graph) {
  nacre_free(graph->vertex);
  nacre_free(graph->edge);
  nacre_free(graph->variable);
  nacre_free(graph->head);
  *graph = (nacre_graph){ 0 };
}

int64_t nacre_graph_parameters(const nacre_graph *graph, bool trained_only) {
  int64_t total = 0;
  for (int i = 0; i < graph->n_variables; i++) {
    if (graph->variable[i].trained || !trained_only) {
      total += graph->variable[i].count;
    }
  }
  return total;
}
