/* SPDX-License-Identifier: MIT */
/* dataset: an open data source, what is split off it, and the transforms
 * that its fields go through. */
#ifndef NACRE_RUN_DATASET_H
#define NACRE_RUN_DATASET_H

#include "plugin/params.h"

/** An open source. */
typedef struct nacre_dataset {
  const nacre_choice *choice; /* borrowed */
  const nacre_source_ops *ops;
  void *self;
  const nacre_field *field;
  int n_fields;
  int64_t count;
} nacre_dataset;

/** Opens it; `state` is what the training set's nacre_dataset_state() gave,
 *  or NULL. */
int nacre_dataset_open(nacre_dataset *, nacre_params_ctx *,
                       const nacre_choice *, const char *state,
                       bool predicting);
/** The same for the vocabulary alone, which is in `state`: no file is read,
 *  and there are no samples. For sources that have encode(). */
int nacre_dataset_open_tokens(nacre_dataset *, nacre_params_ctx *,
                              const nacre_choice *, const char *state);
void nacre_dataset_close(nacre_dataset *);
/** The text that makes other sources read alike; NULL in out->at if there is
 *  none. Caller frees with nacre_free(). */
int nacre_dataset_state(const nacre_dataset *, nacre_params_ctx *,
                        nacre_bytes *out);
/** Number of the field `name`; else, if `target` fits exactly one field and
 *  `alone`, that one; else -1. */
int nacre_dataset_find(const nacre_dataset *, const char *name, bool target,
                       bool alone);

/** Part of a data set: which rows. */
typedef struct nacre_split {
  const nacre_dataset *set;
  int64_t *row; /* [n]; NULL: all */
  int64_t n;
} nacre_split;

/** How a part is taken from the training set. */
typedef struct nacre_split_cfg {
  double fraction;      /* NaN: by folds */
  int64_t folds, fold;  /* 0: by fraction */
  bool stratify, shuffle;
  const nacre_node *node; /* where that is said; or NULL */
} nacre_split_cfg;
extern const nacre_span nacre_split_params;

/** Marks the rows of one part in `taken` (bytes, one for each row) among the
 *  rows that are still free, and fills `split`. */
int nacre_split_take(nacre_split *, const nacre_dataset *,
                     const nacre_split_cfg *, uint64_t seed,
                     unsigned char *taken, nacre_params_ctx *);
/** The rows that are left. */
int nacre_split_rest(nacre_split *, const nacre_dataset *,
                     const unsigned char *taken, nacre_params_ctx *);
void nacre_split_fini(nacre_split *);

/** One transform of the experiment's list. */
typedef struct nacre_transform {
  nacre_choice choice;
  const nacre_transform_ops *ops;
  const char *field;   /* NULL: every field that is not a target */
  int number;          /* in the list */
} nacre_transform;

/** A field on its way to the network: its transforms, planned and fitted. */
typedef struct nacre_pipe {
  nacre_field field;         /* as the source gives it */
  nacre_shape shape;         /* after all transforms */
  int n_stages;
  struct nacre_stage {
    const nacre_transform *transform;
    nacre_shape in, out;
    double *state;           /* [state_count] */
    int64_t state_count;
  } *stage;
} nacre_pipe;

int nacre_pipe_make(nacre_pipe *, const nacre_field *,
                    const nacre_transform *, int n_transforms,
                    nacre_params_ctx *);
void nacre_pipe_fini(nacre_pipe *);
/** Fits all stages, in order, on the rows of a split. */
int nacre_pipe_fit(nacre_pipe *, const nacre_split *, int field,
                   nacre_params_ctx *);
bool nacre_pipe_random(const nacre_pipe *);
/** Whether every transform can be undone: then predictions of the field can
 *  be given, and measured, in the data's own units. */
bool nacre_pipe_invertible(const nacre_pipe *);
/** Undoes all transforms of an invertible pipe on n samples, in place.
 *  x: [n, shape] */
int nacre_pipe_invert(const nacre_pipe *, int64_t n, real *x);
/** The largest number of elements that a sample has on the way. */
int64_t nacre_pipe_room(const nacre_pipe *);
/** Reads rows of a field and sends them through the first `stages` stages
 *  (-1: all). out and work: [n, room]; the result is in out. Random stages
 *  only act when `training`. */
int nacre_pipe_read(const nacre_pipe *, const nacre_dataset *, int field,
                    const int64_t *rows, int64_t n, int stages,
                    bool training, nacre_key key, real *out, real *work,
                    nacre_error *);
/** Sends one sample of the field, x: [field.shape], through all stages but
 *  random ones. out, work: [room] */
int nacre_pipe_apply(const nacre_pipe *, const nacre_dataset *, const real *x,
                     real *out, real *work, nacre_error *);

#endif
