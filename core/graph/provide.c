/* SPDX-License-Identifier: MIT */
/* provide: a layer whose provider declines gets the next one by rank. */
#include "graph/build.h"

#include "yaml/report.h"

#include <string.h>

/* Keys and ties of weights were checked with the table of the first. */
static bool same_weights(const nacre_layer_ops *a, const nacre_layer_ops *b) {
  bool same = a->weights.n == b->weights.n;
  for (uint32_t i = 0; same && i < a->weights.n; i++) {
    const nacre_weight *x = nacre_graph_weight(a, i);
    const nacre_weight *y = nacre_graph_weight(b, i);
    same = strcmp(x->name, y->name) == 0 && x->flags == y->flags;
  }
  return same;
}

int nacre_graph_next_provider(nacre_graph *graph, int index) {
  nacre_error *error = graph->ctx->error;
  nacre_vertex *vertex = &graph->vertex[index];
  nacre_choice next = vertex->layer;
  int status = nacre_choose_again(graph->ctx, NACRE_KIND_LAYER,
                                  vertex->provider + 1, &next);
  if (status == NACRE_DECLINE) {
    nacre_report(error, vertex->node, NACRE_ECONFIG,
                 "layer '%s' (%s): no plugin that provides it can do this",
                 vertex->name, vertex->type);
    nacre_error_hint(error, "'nacre inspect --why layer/%s' lists who "
                     "provides it", vertex->type);
    return NACRE_ERROR;
  }
  if (status != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_layer_ops *ops = next.component->ops;
  if (ops->plan == NULL || !same_weights(vertex->ops, ops)) {
    return nacre_report(error, vertex->node, NACRE_EPLUGIN,
                        "layer '%s' (%s): the plugin that would be asked "
                        "next has other weights", vertex->name,
                        vertex->type);
  }
  vertex->layer = next;
  vertex->ops = ops;
  vertex->provider++;
  return NACRE_OK;
}
