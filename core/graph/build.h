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
int nacre_graph_find_vertex(const nacre_graph *, const char *name);
/** "there is no layer or input called ...". Returns NACRE_ERROR. */
int nacre_graph_report_unknown(nacre_graph *, const nacre_node *);

/** Resolves every `inputs:` to vertices, orders the vertices, gives each
 *  activation a vertex of its own and joins all by edges. */
int nacre_graph_connect(nacre_graph *);

#endif
