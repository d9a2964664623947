/* SPDX-License-Identifier: MIT */
/* spatial_dropout: sets whole channels of a sample to 0 in training. */
#ifndef NACRE_LAYERS_SPATIAL_DROPOUT_H
#define NACRE_LAYERS_SPATIAL_DROPOUT_H

#include <nacre/plugin.h>

#include "tiles.h"

typedef struct nacre_spatial_dropout {
  double rate;
} nacre_spatial_dropout;

#define NACRE_SPATIAL_DROPOUT_PARAMS(T)                                     \
  NACRE_PARAM(T, rate, NULL, "[0,1)", "",                                   \
              "Share of the channels that are set to 0.", 0)

/** plan() of a layer over `axes` axes. */
static inline int nacre_spatial_dropout_plan(nacre_plan *plan,
                                             int32_t axes) {
  const nacre_shape *in = &plan->input[0];
  if (in->rank != axes + 1) {
    return nacre_plan_refuse(plan, "the input must be %s, but has %d axes "
                             "without the batch",
                             axes == 1 ? "[steps, channels]"
                                       : "[rows, cols, channels]", in->rank);
  }
  nacre_plan_flops(plan, (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

typedef struct nacre_spatial_dropout_pass {
  const nacre_run *run;
  int64_t steps, channels; /* of a sample */
  const real *x;
  real *y;
} nacre_spatial_dropout_pass;

/* x, y: [steps, channels], `n` of them from here on; u: [n] */
NACRE_KERNEL
static void nacre_spatial_dropout_mask(int64_t steps, int64_t channels,
                                       int64_t n, real rate, real scale,
                                       const real *u, const real *x,
                                       real *y) {
  for (int64_t i = 0; i < steps; i++) {
    for (int64_t j = 0; j < n; j++) {
      real kept = scale * x[i * channels + j];
      y[i * channels + j] = u[j] < rate ? 0 : kept;
    }
  }
}

/* Word i channels + j of the stream decides about channel j of sample i, in
 * both directions: the mask need not be kept. */
static inline void nacre_spatial_dropout_samples(void *ctx, int64_t begin,
                                                 int64_t end) {
  const nacre_spatial_dropout_pass *p = ctx;
  double rate = ((const nacre_spatial_dropout *)p->run->cfg)->rate;
  const nacre_math *math = p->run->math;
  real u[NACRE_TILES_BLOCK];
  for (int64_t i = begin; i < end; i++) {
    int64_t at = i * p->steps * p->channels;
    for (int64_t j = 0; j < p->channels; j += NACRE_TILES_BLOCK) {
      int64_t n = p->channels - j < NACRE_TILES_BLOCK ? p->channels - j
                                                      : NACRE_TILES_BLOCK;
      math->uniform(math, p->run->key, (uint64_t)(i * p->channels + j), n, u);
      nacre_spatial_dropout_mask(p->steps, p->channels, n, (real)rate,
                                 (real)(1 / (1 - rate)), u, p->x + at + j,
                                 p->y + at + j);
    }
  }
}

static inline void nacre_spatial_dropout_apply(const nacre_run *run,
                                               const nacre_tensor *x,
                                               const nacre_tensor *y) {
  nacre_spatial_dropout_pass p = { run, 1, x->dim[x->rank - 1],
                                   nacre_data(x), nacre_data(y) };
  for (int32_t i = 1; i < x->rank - 1; i++) {
    p.steps *= x->dim[i];
  }
  if (p.y) {
    nacre_tiles_run(run->math, run->batch,
                    nacre_tiles_rows(p.steps * p.channels),
                    nacre_spatial_dropout_samples, &p);
  }
}

#endif
