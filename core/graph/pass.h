/* SPDX-License-Identifier: MIT */
/* pass: what the two halves of laying out a step share. Not for others. */
#ifndef NACRE_GRAPH_PASS_H
#define NACRE_GRAPH_PASS_H

#include "graph/layout.h"

/* Facts of the walk that nobody needs afterwards. */
typedef struct nacre_pass {
  nacre_layout *layout;
  const nacre_graph *graph;
  nacre_mode mode;
  bool *wanted;   /* [edges]: a trained weight lies above */
  bool *reached;  /* [edges]: a loss lies below, through active vertices */
  bool *loss_at;  /* [edges]: a loss reads it */
  bool *active;   /* [vertices]: backward runs */
  bool *skipped;  /* [vertices]: a loss stands for this activation */
  const int *segment; /* [vertices]: see nacre_layout_segmented(); or NULL */
  bool *forgotten; /* [edges]: computed again where backward needs it */
  bool *needed;    /* [edges]: of these, those that are */
  bool *repeated;  /* [vertices]: runs a second time */
} nacre_pass;

/** Memory of the experiment's arena; NULL: none. */
void *nacre_pass_array(const nacre_pass *, int n, size_t size);
/** A new buffer's number, or -1 with a problem. */
int nacre_pass_buffer(const nacre_pass *, int64_t count, bool per_sample);
int nacre_pass_edge_buffer(const nacre_pass *, int edge);
/** Appends an operation; NULL with a problem. */
nacre_op *nacre_pass_op(const nacre_pass *, nacre_op_kind, int index);
/** The buffer (-1: none) must live during operation `op`. */
void nacre_pass_touch(const nacre_pass *, int buffer, int op);
/** It must live during the newest operation. */
void nacre_pass_use(const nacre_pass *, int buffer);

/** What a vertex reads beside its inputs, masks and tokens, must live during
 *  the newest operation. */
void nacre_pass_use_beside(const nacre_pass *, const nacre_vertex *);
bool nacre_pass_is_view(const nacre_pass *, const nacre_vertex *);
/** Whether backward of a vertex reads what it put out, or took in. */
bool nacre_pass_needs_y(const nacre_vertex *);
bool nacre_pass_needs_x(const nacre_vertex *);

/** Finds what is forgotten, before the forward pass is laid out. */
int nacre_pass_forget(nacre_pass *);
/** Finds what has to be repeated for the backward pass. */
void nacre_pass_find_repeated(const nacre_pass *);
/** Appends what is repeated of a segment. */
int nacre_pass_repeat(const nacre_pass *, int segment);

/** The losses, then the vertices in reverse. */
int nacre_pass_backward(const nacre_pass *);

#endif
