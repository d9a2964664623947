/* SPDX-License-Identifier: MIT */
/* layout: a linked graph as a flat list of operations over buffers.
 *
 * An operation is one call: a layer forward or backward, an activation, a
 * loss, a sum of gradients. A buffer is a tensor's memory with the span of
 * operations in which it must live; several edges share one buffer where
 * layers are views or work in place. memory.c then gives buffers offsets. */
#ifndef NACRE_GRAPH_LAYOUT_H
#define NACRE_GRAPH_LAYOUT_H

#include "graph/graph.h"

/** What a list of operations is for. */
typedef enum nacre_mode {
  NACRE_MODE_PREDICT,  /* forward */
  NACRE_MODE_EVALUATE, /* forward and losses */
  NACRE_MODE_TRAIN     /* forward, losses and backward */
} nacre_mode;

typedef enum nacre_op_kind {
  NACRE_OP_FORWARD,      /* vertex: a layer */
  NACRE_OP_ACTIVATE,     /* vertex: an activation */
  NACRE_OP_LOSS,         /* index: a head */
  NACRE_OP_DERIVE,       /* vertex: derivative of an activation, or of an
                            epilogue (then in place) */
  NACRE_OP_BACKWARD,     /* vertex: a layer */
  NACRE_OP_ADD,          /* to += from */
  NACRE_OP_COPY,         /* to = from */
  NACRE_OP_ZERO          /* to = 0 */
} nacre_op_kind;

typedef struct nacre_op {
  nacre_op_kind kind;
  int index;        /* vertex or head */
  int from, to;     /* buffers; DERIVE: dy and dx; LOSS: to is dy */
  const int *din;   /* [inputs of the vertex]: buffers, -1 not wanted */
  const int *dout;  /* [outputs of the vertex]: buffers, -1 none */
  bool again;       /* FORWARD, ACTIVATE: a second time, for backward; what it
                       gives goes to dout */
} nacre_op;

typedef struct nacre_buffer {
  int64_t count;     /* elements, per sample or in all */
  bool per_sample;
  bool exclusive;    /* nobody reads it besides the last in the chain */
  int first, last;   /* operations; the last may be one past the end */
  int64_t bytes, offset;
} nacre_buffer;

typedef struct nacre_layout {
  nacre_op *op;
  int n_ops, n_forward;  /* the first n_forward are the forward pass */
  nacre_buffer *buffer;
  int n_buffers;
  int *value;            /* [edges]: buffer or -1 */
  int *grad;             /* [edges]: buffer or -1 */
  int (*saved)[NACRE_SLOT_MAX]; /* [vertices]: buffer or -1 */
  int *again;            /* [edges]: value, where backward finds it */
  int (*saved_again)[NACRE_SLOT_MAX]; /* [vertices]: the same of saved */
  int n_again;           /* calls that are made a second time */
  double flops_again;    /* of theirs, per sample */
  int64_t (*scratch)[NACRE_SLOT_MAX]; /* [vertices]: offset or -1 */
  bool *keeps;           /* [vertices]: its scratch that is to be kept is */
  bool any_keeps;
  int64_t activation_bytes, scratch_bytes;
} nacre_layout;

/** Lays out a step for batches of at most `batch`. The graph must be shaped
 *  and linked. */
int nacre_layout_make(nacre_layout *, const nacre_graph *, nacre_mode,
                      int64_t batch);
/** The same of a training step that forgets: what the vertices of a segment
 *  give lasts for the forward pass, but for what others read, and is computed
 *  again before their backward pass. segment: [vertices], numbers of
 *  consecutive vertices' segments, -1 for those that forget nothing. */
int nacre_layout_segmented(nacre_layout *, const nacre_graph *,
                           const int *segment, int64_t batch);
/** Lays out a training step within `room` bytes of activations and scratch:
 *  one that forgets nothing if it fits, else the one that computes least
 *  again of those that were found to fit, else the smallest found. */
int nacre_layout_fit(nacre_layout *, const nacre_graph *, int64_t batch,
                     int64_t room);
void nacre_layout_fini(nacre_layout *);

/** Gives buffers offsets by their spans: greedy, largest first. */
int nacre_memory_place(nacre_layout *, int64_t batch, nacre_error *);

#endif
