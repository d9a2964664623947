/* SPDX-License-Identifier: MIT */
/* pipe: a field on its way from the data to the network, through transforms.
 *
 * What a random transform draws for a sample depends on the seed, the epoch,
 * the transform and the sample's row: not on the batch, nor on who computes
 * it. */
#ifndef NACRE_RUN_PIPE_H
#define NACRE_RUN_PIPE_H

#include "run/dataset.h"

/** One transform of the experiment's lists. */
typedef struct nacre_transform {
  nacre_choice choice;
  const nacre_transform_ops *ops;
  const char *field;   /* NULL: every field that is not a target */
  int number;          /* over both lists */
  bool augments;       /* of the second list: training batches only */
} nacre_transform;

/** A field's transforms, planned and fitted. */
typedef struct nacre_pipe {
  nacre_field field;         /* as the source gives it */
  nacre_shape shape;         /* after all transforms */
  uint32_t flags;            /* the same */
  int n_stages;
  struct nacre_stage {
    const nacre_transform *transform;
    nacre_shape in, out;
    double *state;           /* [state_count] */
    int64_t state_count;
    const void *cfg;         /* what its functions are given */
    void *self;              /* of open(); or NULL */
  } *stage;
} nacre_pipe;

/** Transforms that mix samples are left out: they see no field alone. */
int nacre_pipe_make(nacre_pipe *, const nacre_field *,
                    const nacre_transform *, int n_transforms,
                    nacre_params_ctx *);
void nacre_pipe_fini(nacre_pipe *);
/** Fits all stages, in order, on the rows of a split. */
int nacre_pipe_fit(nacre_pipe *, const nacre_split *, int field,
                   nacre_params_ctx *);
/** How many of the first stages do the same to a sample each time. */
int nacre_pipe_fixed(const nacre_pipe *, bool training);
/** Whether every transform can be undone: then predictions of the field can
 *  be given, and measured, in the data's own units. */
bool nacre_pipe_invertible(const nacre_pipe *);
/** Undoes all transforms of an invertible pipe on n samples, in place.
 *  x: [n, shape] */
int nacre_pipe_invert(const nacre_pipe *, int64_t n, real *x);
/** The largest number of elements that a sample has on the way. */
int64_t nacre_pipe_room(const nacre_pipe *);

/** Samples between two stages of a pipe. */
typedef struct nacre_flow {
  const nacre_pipe *pipe;
  const nacre_dataset *set;
  int field;
  int first, last;     /* stages: from `first` up to `last`, that excluded */
  bool training;       /* random stages act */
  nacre_key key;       /* of the epoch */
  real *out, *work;    /* [n, room], the second only if room for it was
                          asked for by the pipe; the result is in out */
} nacre_flow;

/** Where the samples that come in belong: out or work. */
real *nacre_flow_start(const nacre_flow *);
/** Reads rows into that place. */
int nacre_flow_read(const nacre_flow *, const int64_t *rows, int64_t n,
                    nacre_error *);
/** Sends n samples, of these rows, from there through the stages. */
int nacre_flow_run(const nacre_flow *, const int64_t *rows, int64_t n,
                   nacre_error *);
/** Sends one sample of the field, x: [field.shape], through all stages as in
 *  evaluation. out, work: [room] */
int nacre_pipe_apply(const nacre_pipe *, const nacre_dataset *, const real *x,
                     real *out, real *work, nacre_error *);
/** The stream of a sample in a transform: of the epoch's key. */
nacre_key nacre_flow_key(nacre_key, const nacre_transform *, int64_t row);

#endif
