/* SPDX-License-Identifier: MIT */
/* dataset: an open data source, and what is split off it. */
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
 *  `alone`, that one; else -1. Fields of groups do not count. */
int nacre_dataset_find(const nacre_dataset *, const char *name, bool target,
                       bool alone);

/** Whether samples of this shape are not empty, and can be counted and
 *  batched. */
bool nacre_dataset_countable(const nacre_shape *);

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
  nacre_strings group, hold; /* fields; names of groups. n 0: none */
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

#endif
