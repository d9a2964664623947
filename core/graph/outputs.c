/* SPDX-License-Identifier: MIT */
/* outputs: which layers a model gives out, and whether all others are read. */
#include "graph/build.h"

#include "yaml/report.h"

static int add_head(nacre_graph *graph, const nacre_node *node,
                    const char *name) {
  int edge = nacre_graph_find(graph, name);
  if (edge < 0) {
    return nacre_graph_report_unknown(graph, node);
  }
  if (edge < graph->n_inputs) {
    return nacre_report(graph->ctx->error, node, NACRE_ECONFIG,
                        "'%s' is an input; an output must be a layer", name);
  }
  if (graph->edge[edge].output) {
    return nacre_report(graph->ctx->error, node, NACRE_ECONFIG,
                        "output '%s' is listed twice", name);
  }
  nacre_head *grown =
    nacre_graph_grow(graph->head, graph->n_heads, sizeof(*grown));
  if (grown == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  graph->head = grown;
  graph->edge[edge].output = true;
  graph->head[graph->n_heads++] =
    (nacre_head){ .name = graph->edge[edge].name, .edge = edge, .weight = 1,
                  .loss_edge = edge, .undone = -1 };
  return NACRE_OK;
}

/* Whether any output of a layer is read, or is one of the model's. */
static bool is_read(const nacre_graph *graph, const nacre_vertex *vertex) {
  bool read = false;
  for (int i = 0; i < vertex->n_outputs; i++) {
    const nacre_edge *edge = &graph->edge[vertex->output[i]];
    read = read || edge->readers > 0 || edge->output;
  }
  return read;
}

static int check_readers(nacre_graph *graph, const nacre_node *model) {
  nacre_error *error = graph->ctx->error;
  const nacre_node *inputs = nacre_node_peek(model, "inputs");
  int status = NACRE_OK;
  for (int i = 0; i < graph->n_inputs; i++) {
    const nacre_edge *edge = &graph->edge[i];
    if (edge->readers == 0) {
      const nacre_node *place =
        inputs != NULL ? nacre_node_peek(inputs, edge->name)
                       : nacre_node_peek(model, "input");
      status = nacre_report_key(error, place != NULL ? place : model,
                                NACRE_ECONFIG,
                                "input '%s' is read by no layer", edge->name);
    }
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    const nacre_vertex *vertex = &graph->vertex[i];
    if (!is_read(graph, vertex)) {
      status = nacre_report(error, vertex->node, NACRE_ECONFIG,
                            "the output of layer '%s' is used by nothing",
                            vertex->name);
    }
  }
  return status;
}

int nacre_graph_outputs(nacre_graph *graph, nacre_node *model) {
  nacre_error *error = graph->ctx->error;
  nacre_node *outputs = nacre_node_get(model, "outputs");
  int status = NACRE_OK;
  if (outputs == NULL) {
    /* The layer listed last; with a graph in any order that is still what
     * the reader sees at the bottom. */
    nacre_node *layers = nacre_node_peek(model, "layers");
    for (int i = 0; i < graph->n_vertices; i++) {
      if (graph->vertex[i].node == layers->last) {
        status = add_head(graph, layers->last, graph->vertex[i].name);
        break;
      }
    }
  } else if (outputs->kind == NACRE_NODE_SCALAR) {
    status = add_head(graph, outputs, outputs->text);
  } else if (outputs->kind == NACRE_NODE_LIST && outputs->count > 0) {
    for (nacre_node *item = outputs->first; item != NULL; item = item->next) {
      if (item->kind != NACRE_NODE_SCALAR) {
        status = nacre_report(error, item, NACRE_ECONFIG,
                              "expected the name of a layer");
      } else if (add_head(graph, item, item->text) != NACRE_OK) {
        status = NACRE_ERROR;
      }
    }
  } else {
    status = nacre_report(error, outputs, NACRE_ECONFIG,
                          "expected the name of a layer, or a list of them");
  }
  return status == NACRE_OK ? check_readers(graph, model) : status;
}
