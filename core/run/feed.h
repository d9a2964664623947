/* SPDX-License-Identifier: MIT */
/* feed: batches from a split into the places that a program's plan gave. */
#ifndef NACRE_RUN_FEED_H
#define NACRE_RUN_FEED_H

#include "run/dataset.h"
#include "run/program.h"

/** Decoded and transformed data are kept when they fit in this much. */
#define NACRE_FEED_CACHE ((int64_t)32 << 20)

/** Which weight a class has, by its number; from `class_weight:`. */
typedef struct nacre_class_weights {
  double *weight; /* NULL: none */
  int64_t n;
} nacre_class_weights;

/** One field on its way to one place. */
typedef struct nacre_channel {
  const nacre_pipe *pipe;
  int field;
  int64_t count;   /* elements of a sample */
  int input;       /* of the model, or -1 */
  int head;        /* or -1 */
  real *to;        /* [batch, count] on the device */
  real *cache;     /* [split, count], or NULL */
} nacre_channel;

typedef struct nacre_feed {
  const nacre_split *split;
  nacre_program *program;
  nacre_channel *channel;
  int n_channels;
  int weight_field;         /* "sample_weight", or -1 */
  real *weight;             /* [batch] of that field; NULL: none */
  const nacre_class_weights *class_weight; /* [heads], or NULL */
  bool training;
  real *staging, *work;     /* [batch, room] host */
  int64_t *rows;            /* [batch] */
  nacre_error *error;
} nacre_feed;

/** Joins the fields of a split to the inputs and (unless the program only
 *  predicts) the targets of a program, by name or, where there is only one,
 *  by kind. `pipes` are looked up by their field's name. */
int nacre_feed_make(nacre_feed *, nacre_program *, const nacre_split *,
                    const nacre_pipe *pipes, int n_pipes, bool training,
                    nacre_error *);
void nacre_feed_fini(nacre_feed *);
/** Brings samples position[0..n) of the split, n <= the program's batch, and
 *  sets the program's batch to n. key: of this epoch. */
int nacre_feed_batch(nacre_feed *, const int64_t *position, int64_t n,
                     nacre_key key);

/** Weights of a head's classes from {class or its name: weight}. */
int nacre_class_weights_read(nacre_class_weights *, nacre_node *,
                             const nacre_field *, nacre_params_ctx *);

#endif
