/* SPDX-License-Identifier: MIT */
/* feed: batches from a split into the places that a program's plan gave. */
#ifndef NACRE_RUN_FEED_H
#define NACRE_RUN_FEED_H

#include "run/pipe.h"
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
  real *host;      /* the same on the host: `to`, or memory of its own */
  int fixed;       /* stages that `cache` has behind it */
  int64_t cached;  /* elements of a sample in it */
  real *cache;     /* [split, cached], or NULL */
} nacre_channel;

/** What one thread works in while it makes samples. */
typedef struct nacre_room {
  real *out, *work;        /* [block, the widest sample on its way] */
  int64_t *rows;           /* [block] */
  real **data;             /* [channels]: where a fetch puts samples */
  real *other;             /* a partner's fields, one behind the other */
  nacre_mix_field *mix;    /* [channels] */
} nacre_room;

struct nacre_prefetch;

typedef struct nacre_feed {
  const nacre_split *split;
  nacre_program *program;
  nacre_channel *channel;
  int n_channels;
  int weight_field;         /* "sample_weight", or -1 */
  real *weight;             /* [batch] of that field; NULL: none */
  real *weight_cache;       /* [split], or NULL */
  const nacre_class_weights *class_weight; /* [heads], or NULL */
  bool training;
  bool whole;               /* cached as the network reads it */
  const nacre_transform *mixer; /* [n_mixers] */
  int n_mixers;
  int64_t block;            /* samples that are made in one go */
  nacre_room room;          /* of the calling thread */
  /* The pass under way: */
  const int64_t *order;     /* positions; NULL: as they lie */
  int64_t pass_n, pass_size;
  nacre_key pass_key;
  int64_t *position;        /* [batch], where there is no order */
  struct nacre_prefetch *prefetch; /* NULL: batches are made when asked for */
  nacre_error *error;
} nacre_feed;

/** Joins the fields of a split to the inputs and (unless the program only
 *  predicts) the targets of a program, by name or, where there is only one,
 *  by kind. `pipes` are looked up by their field's name. */
int nacre_feed_make(nacre_feed *, nacre_program *, const nacre_split *,
                    const nacre_pipe *pipes, int n_pipes, bool training,
                    nacre_error *);
void nacre_feed_fini(nacre_feed *);
/** Puts transforms that mix samples on all that follow; before the first
 *  batch and before threads. Refuses fields that cannot be mixed. */
int nacre_feed_mix(nacre_feed *, const nacre_transform *mixers, int n);
/** Lets `workers` threads make batches while others run, at most `ahead` of
 *  them. INT64_MIN, for either: what suits the data. Batches are the same
 *  bits for any number; a thread that cannot be had is done without. */
int nacre_feed_prefetch(nacre_feed *, int64_t workers, int64_t ahead);
/** Brings samples position[0..n) of the split, n <= the program's batch, and
 *  sets the program's batch to n. key: of this epoch. */
int nacre_feed_batch(nacre_feed *, const int64_t *position, int64_t n,
                     nacre_key key);

/** Begins a pass over order[0..n) (NULL: the first n samples as they lie) in
 *  batches of `size`, after ending the one before. The order must stay as it
 *  is until the pass ends. */
void nacre_feed_begin(nacre_feed *, const int64_t *order, int64_t n,
                      int64_t size, nacre_key key);
/** Brings batch `index` of the pass. Going through them in turn is quickest.
 *  `*position` gets the positions of its samples, until the next call. */
int nacre_feed_step(nacre_feed *, int64_t index, const int64_t **position);
/** Ends the pass, so that its order may change. */
void nacre_feed_end(nacre_feed *);

/** Weights of a head's classes from {class or its name: weight}. */
int nacre_class_weights_read(nacre_class_weights *, nacre_node *,
                             const nacre_field *, nacre_params_ctx *);

#endif
