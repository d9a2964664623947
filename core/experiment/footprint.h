/* SPDX-License-Identifier: MIT */
/* footprint: the memory that a training takes, region by region, worked out
 * without allocating any of it; and the step that is laid out to fit. */
#ifndef NACRE_EXPERIMENT_FOOTPRINT_H
#define NACRE_EXPERIMENT_FOOTPRINT_H

#include "experiment/experiment.h"
#include "graph/layout.h"

/** Bytes of each region. */
typedef struct nacre_footprint {
  bool trains;          /* there are a loss and an optimizer */
  int64_t parameters, gradients, optimizer, activations, scratch;
  int64_t evaluation;   /* activations and scratch of validation and test */
  int64_t total;
  int64_t limit;        /* of the total; INT64_MAX: none was asked for */
  nacre_layout layout;  /* of a step of training, or else of predicting */
} nacre_footprint;

/** Lays out a planned experiment's step as `memory:` says, within its limit
 *  or, if the step may forget activations, within `machine` bytes. A problem
 *  (NACRE_ELIMIT) when that cannot be; then all is filled in nevertheless
 *  and `total` is not 0. */
int nacre_footprint_make(nacre_footprint *, const nacre_experiment *,
                         uint64_t machine);
void nacre_footprint_fini(nacre_footprint *);

#endif
