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
    (nacre_edge){ .name = name, .producer = producer, .port = port,
                  .mask = -1, .times = 1 };
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
  vertex->mask = vertex->composite = -1;
  vertex->times = 1;
  vertex->trainable = true;
  vertex->learning_rate_scale = 1;
  return vertex;
}

int nacre_graph_mask_of(const nacre_graph *graph, const nacre_vertex *vertex,
                        int index) {
  bool reads = vertex->ops != NULL &&
               (vertex->ops->flags & NACRE_LAYER_MASK_READ) != 0;
  return reads ? graph->edge[vertex->input[index]].mask : -1;
}

int nacre_graph_tokens_of(const nacre_graph *graph,
                          const nacre_vertex *vertex, int index) {
  const nacre_edge *rows = &graph->edge[vertex->input[index]];
  if (vertex->ops == NULL || rows->producer < 0 || rows->port != 0 ||
      (vertex->ops->flags & NACRE_LAYER_TOKENS) == 0) {
    return -1;
  }
  const nacre_vertex *from = &graph->vertex[rows->producer];
  if (from->ops == NULL || (from->ops->flags & NACRE_LAYER_LOOKUP) == 0 ||
      from->activation.component != NULL || from->sum != NULL) {
    return -1;
  }
  nacre_shape places = rows->shape;
  places.rank -= places.rank > 0;
  return nacre_shape_equal(&graph->edge[from->input[0]].shape, &places)
           ? from->input[0] : -1;
}

void nacre_graph_announce(const nacre_graph *graph,
                          const nacre_vertex *vertex, nacre_plan *plan) {
  plan->masked = plan->tokens = 0;
  for (uint32_t i = 0; i < plan->n_inputs && i < 32; i++) {
    const int index = (int)i;
    plan->masked |=
      nacre_graph_mask_of(graph, vertex, index) >= 0 ? 1u << i : 0;
    plan->tokens |=
      nacre_graph_tokens_of(graph, vertex, index) >= 0 ? 1u << i : 0;
  }
}

int nacre_graph_find(const nacre_graph *graph, const char *name) {
  for (int i = 0; i < graph->n_edges; i++) {
    if (strcmp(graph->edge[i].name, name) == 0) {
      return i;
    }
  }
  return -1;
}

/* Names are a table with open addressing: a model may have ten thousand
 * layers, and comparing each with all others takes seconds. */

static nacre_graph_name *place_of(const nacre_graph *graph,
                                  const char *text) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (const char *c = text; *c != '\0'; c++) {
    hash = (hash ^ (unsigned char)*c) * 16777619u;
  }
  size_t mask = (size_t)graph->name_room - 1, at = hash & mask;
  while (graph->name[at].text != NULL &&
         strcmp(graph->name[at].text, text) != 0) {
    at = (at + 1) & mask;
  }
  return &graph->name[at];
}

nacre_graph_name *nacre_graph_lookup(const nacre_graph *graph,
                                     const char *text) {
  nacre_graph_name *found =
    graph->n_names > 0 ? place_of(graph, text) : NULL;
  return found != NULL && found->text != NULL ? found : NULL;
}

static int grow_names(nacre_graph *graph) {
  nacre_graph old = *graph;
  int room = old.name_room > 0 ? 2 * old.name_room : 64;
  nacre_graph_name *grown = nacre_alloc((size_t)room, sizeof(*grown));
  if (grown == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  graph->name = grown;
  graph->name_room = room;
  for (int i = 0; i < old.name_room; i++) {
    if (old.name[i].text != NULL) {
      *place_of(graph, old.name[i].text) = old.name[i];
    }
  }
  nacre_free(old.name);
  return NACRE_OK;
}

int nacre_graph_mean(nacre_graph *graph, const char *text, int meaning) {
  if (2 * graph->n_names >= graph->name_room &&
      grow_names(graph) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_graph_name *at = place_of(graph, text);
  graph->n_names += at->text == NULL;
  *at = (nacre_graph_name){ text, meaning };
  return NACRE_OK;
}

void nacre_graph_forget(nacre_graph *graph) {
  nacre_free(graph->name);
  graph->name = NULL;
  graph->n_names = graph->name_room = 0;
}

int nacre_graph_find_vertex(const nacre_graph *graph, const char *name) {
  const nacre_graph_name *found = nacre_graph_lookup(graph, name);
  return found != NULL && found->meaning < 0 &&
         found->meaning != NACRE_GRAPH_LATER ? ~found->meaning : -1;
}

void nacre_graph_fini(nacre_graph *graph) {
  nacre_free(graph->vertex);
  nacre_free(graph->edge);
  nacre_free(graph->variable);
  nacre_free(graph->head);
  nacre_free(graph->composite);
  nacre_graph_forget(graph);
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
