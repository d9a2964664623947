/* SPDX-License-Identifier: MIT */
/* checkpoint: a model's weights in a file, with what was fitted to the data:
 * a run predicts from this file and its config alone. */
#ifndef NACRE_RUN_CHECKPOINT_H
#define NACRE_RUN_CHECKPOINT_H

#include "run/pipe.h"
#include "run/model.h"
#include "run/tensors.h"

/** What is saved beside the weights. */
typedef struct nacre_fitted {
  nacre_pipe *pipe; /* [n_pipes] */
  int n_pipes;
  const char *source_state; /* NULL: none */
} nacre_fitted;

int nacre_checkpoint_save(const nacre_model *, const nacre_fitted *,
                          const char *path, nacre_error *);
/** Strict both ways: every variable must be there in its shape, and nothing
 *  else. All differences are listed. */
int nacre_checkpoint_load(nacre_model *, const nacre_tensors *,
                          const char *path, nacre_error *);
/** Puts what was fitted back into pipes that were planned alike. */
int nacre_checkpoint_fit(nacre_pipe *, int n_pipes, const nacre_tensors *,
                         const char *path, nacre_error *);
/** The saved state of the training source, or NULL. */
const char *nacre_checkpoint_source(const nacre_tensors *);

#endif
