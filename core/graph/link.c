/* SPDX-License-Identifier: MIT */
/* link: losses find their outputs, and vertices that would each be a pass
 * over memory become one: sums and activations ride in the epilogue of the
 * layer that feeds them, and a loss that would rather see logits looks
 * through the activation before it. */
#include "graph/build.h"

#include "yaml/report.h"

#include <string.h>

static const char *const loss_keys[] = { "type", "weight", "class_weight",
                                         NULL };

/* The shape of it; which classes there are is known when data are read. */
static int check_class_weight(nacre_error *error, const nacre_node *node) {
  if (node->kind == NACRE_NODE_SCALAR || node->count == 0) {
    nacre_report(error, node, NACRE_ECONFIG,
                 "expected weights of classes");
    nacre_error_hint(error, "a map such as {0: 1, 1: 2.5}, or a list");
    return NACRE_ERROR;
  }
  int status = NACRE_OK;
  for (nacre_node *item = node->first; item != NULL; item = item->next) {
    double value = 0;
    if (!nacre_node_float(item, &value) || !(value >= 0 && value < 1e30)) {
      status = nacre_report(error, item, NACRE_ECONFIG,
                            "a class's weight must be a number of at least "
                            "0");
    }
  }
  return status;
}

static int choose_loss(nacre_graph *graph, nacre_head *head,
                       nacre_node *node) {
  nacre_error *error = graph->ctx->error;
  int status = NACRE_OK;
  if (nacre_node_is_null(node)) {
    return NACRE_OK;
  }
  if (node->kind == NACRE_NODE_MAP) {
    nacre_node *weight = nacre_node_get(node, "weight");
    nacre_node *classes = nacre_node_get(node, "class_weight");
    if (weight != NULL &&
        (!nacre_node_float(weight, &head->weight) ||
         !(head->weight >= 0 && head->weight <= 1e30))) {
      status = nacre_report(error, weight, NACRE_ECONFIG,
                            "a loss's weight must be a number of at least 0");
    }
    if (classes != NULL && check_class_weight(error, classes) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  if (nacre_choose(graph->ctx, NACRE_KIND_LOSS, node, loss_keys, false,
                   &head->loss) != NACRE_OK) {
    return NACRE_ERROR;
  }
  head->loss_ops = head->loss.component->ops;
  return status;
}

static bool is_by_name(const nacre_node *loss) {
  return loss->kind == NACRE_NODE_MAP &&
         nacre_node_peek(loss, "type") == NULL;
}

int nacre_graph_check_loss(nacre_graph *graph, nacre_node *loss) {
  nacre_head head = { 0 };
  if (!is_by_name(loss)) {
    return choose_loss(graph, &head, loss);
  }
  int status = NACRE_OK;
  for (nacre_node *item = loss->first; item != NULL; item = item->next) {
    if (choose_loss(graph, &head, item) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  return status;
}

int nacre_graph_report_output(nacre_graph *graph, const nacre_node *node) {
  const char **names = nacre_arena_alloc(
    nacre_graph_arena(graph), (size_t)graph->n_heads, sizeof(*names));
  if (names == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  for (int i = 0; i < graph->n_heads; i++) {
    names[i] = graph->head[i].name;
  }
  const char *near = nacre_nearest(node->key->text, names, graph->n_heads);
  nacre_report_key(graph->ctx->error, node, NACRE_ECONFIG,
                   "the model has no output called '%s'", node->key->text);
  nacre_error_hint(graph->ctx->error, "%s '%s'%s",
                   near != NULL ? "did you mean" : "its outputs begin with",
                   near != NULL ? near : names[0], near != NULL ? "?" : "");
  return NACRE_ERROR;
}

static int choose_losses(nacre_graph *graph, nacre_node *loss) {
  if (!is_by_name(loss)) {
    if (graph->n_heads > 1) {
      return nacre_report(graph->ctx->error, loss, NACRE_ECONFIG,
                          "the model has %d outputs: give a loss for each by "
                          "name", graph->n_heads);
    }
    return choose_loss(graph, &graph->head[0], loss);
  }
  int status = NACRE_OK;
  for (nacre_node *item = loss->first; item != NULL; item = item->next) {
    nacre_head *head = NULL;
    for (int i = 0; i < graph->n_heads; i++) {
      if (strcmp(graph->head[i].name, item->key->text) == 0) {
        head = &graph->head[i];
      }
    }
    if (head == NULL) {
      status = nacre_graph_report_output(graph, item);
    } else if (choose_loss(graph, head, item) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  bool any = false;
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    any = any || head->loss_ops != NULL;
    if (status == NACRE_OK && nacre_node_peek(loss, head->name) == NULL) {
      status = nacre_report(graph->ctx->error, loss, NACRE_ECONFIG,
                            "output '%s' has no loss", head->name);
      nacre_error_hint(graph->ctx->error,
                       "'%s: null' says that it is meant to have none",
                       head->name);
    }
  }
  if (status == NACRE_OK && !any) {
    status = nacre_report(graph->ctx->error, loss, NACRE_ECONFIG,
                          "no output has a loss");
  }
  return status;
}

/* "softmax" is also what the loss's component calls it: compare by the name
 * of the component, so that aliases work. */
static void look_through(nacre_graph *graph, nacre_head *head) {
  const char *undoes = head->loss_ops->undoes;
  const nacre_edge *edge = &graph->edge[head->edge];
  if (undoes == NULL || edge->producer < 0) {
    return;
  }
  const nacre_vertex *act = &graph->vertex[edge->producer];
  /* The loss knows the plain function: none with parameters of its own. */
  if (act->ops != NULL || edge->readers > 0 ||
      act->activation.component->params.n > 0 ||
      strcmp(act->activation.component->name, undoes) != 0) {
    return;
  }
  head->on_logits = true;
  head->loss_edge = act->input[0];
  head->undone = edge->producer;
}

/* Nobody but the next in line sees this edge. */
static bool is_private(const nacre_edge *edge) {
  return edge->producer >= 0 && edge->readers == 1 && !edge->output &&
         edge->port == 0;
}

/* The layer that an activation could ride on: the one before it, or before
 * the views between them, since what is done to each element by itself does
 * not mind the shape. NULL: none. */
static nacre_vertex *carrier(nacre_graph *graph, const nacre_vertex *act) {
  const nacre_edge *edge = &graph->edge[act->input[0]];
  while (is_private(edge)) {
    nacre_vertex *vertex = &graph->vertex[edge->producer];
    if (vertex->ops == NULL) {
      return NULL;
    }
    if ((vertex->ops->flags & NACRE_LAYER_VIEW) == 0) {
      return vertex;
    }
    edge = &graph->edge[vertex->input[0]];
  }
  return NULL;
}

/* The layer that could add the other input of a sum of two to its own output:
 * one of the two inputs, which nobody else sees, and computed after the other.
 * `side`: which input it is. NULL: none. */
static nacre_vertex *summand(nacre_graph *graph, const nacre_vertex *sum,
                             int *side) {
  for (*side = 0; *side < 2; (*side)++) {
    const nacre_edge *edge = &graph->edge[sum->input[*side]];
    const int other = graph->edge[sum->input[1 - *side]].producer;
    if (!is_private(edge) || other >= edge->producer) {
      continue;
    }
    nacre_vertex *layer = &graph->vertex[edge->producer];
    const uint32_t view = NACRE_LAYER_VIEW | NACRE_LAYER_TRAINING;
    if (layer->ops != NULL && layer->sum == NULL &&
        layer->activation.component == NULL &&
        (layer->ops->flags & NACRE_LAYER_RESIDUAL) != 0 &&
        (layer->ops->flags & view) == 0 &&
        (layer->needs & NACRE_LAYER_NEED_Y) == 0) {
      return layer;
    }
  }
  return NULL;
}

/* Who stands before a vertex now writes its output; the vertex is gone. */
static void bypass(nacre_graph *graph, nacre_vertex *vertex, int from) {
  nacre_edge *between = &graph->edge[from];
  const int edge = vertex->output[0];
  graph->vertex[between->producer].output[0] = edge;
  graph->edge[edge].producer = between->producer;
  graph->edge[edge].port = 0;
  between->readers = 0;
  between->producer = -2; /* gone */
  vertex->n_inputs = 0;   /* marks the vertex as gone */
}

/* A sum of two moves into the layer that gives one of them. */
static int fuse_sum(nacre_graph *graph, int index) {
  nacre_vertex *sum = &graph->vertex[index];
  if ((sum->ops->flags & NACRE_LAYER_SUM) == 0 || sum->n_inputs != 2) {
    return NACRE_OK;
  }
  int side;
  nacre_vertex *layer = summand(graph, sum, &side);
  if (layer == NULL) {
    return NACRE_OK;
  }
  const size_t n = (size_t)layer->n_inputs + 1;
  int *input = nacre_arena_alloc(nacre_graph_arena(graph), n, sizeof(*input));
  if (input == NULL) {
    return nacre_no_memory(graph->ctx->error);
  }
  memcpy(input, layer->input, (n - 1) * sizeof(*input));
  input[n - 1] = sum->input[1 - side];
  layer->input = input;
  layer->n_inputs++;
  layer->sum = sum->type;
  layer->flops += sum->flops;
  bypass(graph, sum, sum->input[side]);
  return NACRE_OK;
}

/* An activation moves into its layer's epilogue when the layer can apply
 * it, nobody else reads what lies between, and its derivative follows from
 * what remains: the output. */
static void fuse_epilogue(nacre_graph *graph, int index) {
  nacre_vertex *act = &graph->vertex[index];
  nacre_vertex *layer = carrier(graph, act);
  const uint32_t wanted = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y;
  if (layer == NULL || layer->activation.component != NULL ||
      (layer->ops->flags & NACRE_LAYER_EPILOGUE) == 0 ||
      (act->act_ops->flags & wanted) != wanted ||
      (layer->needs & NACRE_LAYER_NEED_Y) != 0) {
    return;
  }
  layer->activation = act->activation;
  layer->act_ops = act->act_ops;
  bypass(graph, act, act->input[0]);
}

/* Whom others share with has become `to`; -1: the first of them. Owners come
 * before those who share with them. */
static void hand_over(nacre_graph *graph, int owner, int to) {
  for (int i = owner; i < graph->n_vertices; i++) {
    if (graph->vertex[i].owner == owner && graph->vertex[i].n_inputs > 0) {
      to = to < 0 ? i : to;
      graph->vertex[i].owner = to;
    }
  }
}

/* Takes out what fusing has left empty; numbers of vertices change. */
static void compact(nacre_graph *graph) {
  int kept = 0;
  for (int i = 0; i < graph->n_vertices; i++) {
    nacre_vertex *vertex = &graph->vertex[i];
    if (vertex->n_inputs == 0) {
      hand_over(graph, i, -1);
      continue;
    }
    for (int j = 0; j < vertex->n_outputs; j++) {
      graph->edge[vertex->output[j]].producer = kept;
    }
    if (vertex->mask >= 0) {
      graph->edge[vertex->mask].producer = kept;
    }
    for (int j = 0; j < graph->n_heads; j++) {
      if (graph->head[j].undone == i) {
        graph->head[j].undone = kept;
      }
    }
    if (kept != i) {
      hand_over(graph, i, kept);
      graph->vertex[kept] = *vertex;
    }
    kept++;
  }
  graph->n_vertices = kept;
}

int nacre_graph_link(nacre_graph *graph, nacre_node *loss) {
  if (loss != NULL && choose_losses(graph, loss) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < graph->n_heads; i++) {
    if (graph->head[i].loss_ops != NULL) {
      look_through(graph, &graph->head[i]);
    }
  }
  for (int i = 0; i < graph->n_vertices; i++) {
    bool undone = false;
    for (int j = 0; j < graph->n_heads; j++) {
      undone = undone || graph->head[j].undone == i;
    }
    if (graph->vertex[i].ops == NULL && !undone) {
      fuse_epilogue(graph, i);
    } else if (graph->vertex[i].ops != NULL &&
               fuse_sum(graph, i) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  compact(graph);
  return NACRE_OK;
}
