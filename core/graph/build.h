/* SPDX-License-Identifier: MIT */
/* build: what the files that make a graph share. Not for other floors. */
#ifndef NACRE_GRAPH_BUILD_H
#define NACRE_GRAPH_BUILD_H

#include "graph/graph.h"

#define NACRE_GRAPH_MAX_LAYERS 10000

nacre_arena *nacre_graph_arena(const nacre_graph *);
/** Room for one more element of an array of `count`; NULL: no memory. */
void *nacre_graph_grow(void *array, int count, size_t size);
/** The new edge's number, or -1 with a problem. */
int nacre_graph_add_edge(nacre_graph *, const char *name, int producer,
                         int port);
/** NULL with a problem. */
nacre_vertex *nacre_graph_add_vertex(nacre_graph *);
/** What a name means while layers are described and connected: an input's
 *  number, ~vertex, or NACRE_GRAPH_LATER for a layer still to come. */
typedef struct nacre_graph_name {
  const char *text; /* NULL: a free place of the table */
  int meaning;
} nacre_graph_name;
#define NACRE_GRAPH_LATER INT32_MIN
/** NULL: nothing has this name. Valid until the next one is added. */
nacre_graph_name *nacre_graph_lookup(const nacre_graph *, const char *name);
/** Adds or changes a meaning; the text is borrowed. */
int nacre_graph_mean(nacre_graph *, const char *name, int meaning);
void nacre_graph_forget(nacre_graph *);
/** A vertex by its name, while that is known; -1: none. */
int nacre_graph_find_vertex(const nacre_graph *, const char *name);
/** "there is no layer or input called ...". Returns NACRE_ERROR. */
int nacre_graph_report_unknown(nacre_graph *, const nacre_node *);

/** Where a layer inside of a composite stands. Inputs are ~vertex, or the
 *  number of an input of the composite. */
typedef struct nacre_placing {
  const char *name;
  const nacre_component *component; /* NULL: as the node says */
  const int *given;
  int n_given;
  int composite;
} nacre_placing;
/** Appends the vertex, or the vertices, of a layer. `at` NULL: a layer of
 *  the model's own list. */
int nacre_graph_describe(nacre_graph *, nacre_node *, const nacre_placing *);
/** The heads of the model, and a check that every layer is read. */
int nacre_graph_outputs(nacre_graph *, nacre_node *model);
/** Replaces the newest vertex by what it is made of. */
int nacre_graph_expand(nacre_graph *);
/** The layers by which an axis joins the batch and leaves it. */
extern const nacre_component nacre_graph_fold, nacre_graph_unfold;

/** Gives a vertex the next provider of its layer by rank. NACRE_ERROR, with
 *  a problem: there is none. */
int nacre_graph_next_provider(nacre_graph *, int vertex);

/** Weight `index` of a layer's table. */
const nacre_weight *nacre_graph_weight(const nacre_layer_ops *,
                                       uint32_t index);
/** Makes weight `index` of a vertex a variable of its own; its keys say what
 *  it starts from. */
int nacre_graph_add_variable(nacre_graph *, int vertex, uint32_t index,
                             const nacre_shape *, int64_t count,
                             int64_t fan_in, int64_t fan_out);
/** Makes it the variable whose name `to` holds. */
int nacre_graph_tie(nacre_graph *, int vertex, uint32_t index,
                    const nacre_node *to, const nacre_shape *);

/** Resolves every `inputs:` to vertices, orders the vertices, gives each
 *  activation a vertex of its own and joins all by edges. */
int nacre_graph_connect(nacre_graph *);

#endif
