/* SPDX-License-Identifier: MIT */
/* model: a graph's weights on a device. */
#ifndef NACRE_RUN_MODEL_H
#define NACRE_RUN_MODEL_H

#include "base/text.h"
#include "graph/graph.h"
#include "run/device.h"

/** Parameters and gradients, one allocation each. Trained weights come
 *  first, so that the optimizer walks one flat range where it can; frozen
 *  ones and states follow. */
typedef struct nacre_model {
  const nacre_graph *graph; /* borrowed */
  nacre_device *device;     /* borrowed */
  int64_t *offset;          /* [variables]: elements into params */
  int *order;               /* [variables]: by offset */
  int64_t trained, total;   /* elements, padding included */
  real *params;             /* [total] on the device */
  real *grads;              /* [trained] on the device; NULL: inference */
  uint64_t version;         /* counts changes of weights; states aside */
} nacre_model;

/** Bytes of gradients and of parameters that a model would take, padding
 *  included. */
int nacre_model_measure(const nacre_graph *, int64_t *gradients,
                        int64_t *parameters, nacre_error *);
int nacre_model_make(nacre_model *, const nacre_graph *, nacre_device *,
                     bool training, nacre_error *);
void nacre_model_fini(nacre_model *);
/** Fills every variable by its initializer, from streams of the seed. */
int nacre_model_init(nacre_model *, uint64_t seed, nacre_error *);

/** Before a pass over data: zeros what is carried from batch to batch. */
void nacre_model_begin(nacre_model *);

/** Copies a variable to or from host memory. */
void nacre_model_read(const nacre_model *, int variable, real *out);
void nacre_model_write(nacre_model *, int variable, const real *in);
/** A hash over all variables in their order: equal means the same bits.
 *  Returns NACRE_ERROR when there is no memory to copy them into. */
int nacre_model_digest(const nacre_model *, nacre_hash *out);

#endif
