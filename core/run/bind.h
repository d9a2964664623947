/* SPDX-License-Identifier: MIT */
/* bind: what the files that bind a program share. Not for others. */
#ifndef NACRE_RUN_BIND_H
#define NACRE_RUN_BIND_H

#include "run/program.h"

/** While a program is bound. */
typedef struct nacre_binder {
  nacre_program *program;
  const nacre_graph *graph;
  uint64_t seed;
  nacre_error *error;
} nacre_binder;

/** Memory of the program's arena, zeroed; NULL with a problem. */
void *nacre_bind_array(const nacre_binder *, size_t n, size_t size);
/** Where a buffer of the layout is. */
void *nacre_bind_buffer(const nacre_binder *, int buffer);
/** A tensor with the batch in front; it follows set_batch(). */
void nacre_bind_sample(const nacre_binder *, nacre_tensor *,
                       const nacre_shape *, int64_t times, void *data);
/** The tensor of an edge, or of its gradient, in a buffer (-1: none). */
void nacre_bind_edge(const nacre_binder *, nacre_tensor *, int edge,
                     int buffer);
/** What is the same in every call. */
void nacre_bind_start(const nacre_binder *, nacre_run *);
/** All of a vertex's run but its gradients. */
int nacre_bind_vertex(nacre_binder *, int index, nacre_run *);
/** Gives a copy of a vertex's run the values and saved tensors that are there
 *  in the backward pass. out: [outputs] buffers; NULL: those that are read. */
int nacre_bind_again(const nacre_binder *, int index, const int *out,
                     nacre_run *);

#endif
