/* SPDX-License-Identifier: MIT */
/* global_pooling: pooling with one window, the whole sample. */
#ifndef NACRE_LAYERS_GLOBAL_POOLING_H
#define NACRE_LAYERS_GLOBAL_POOLING_H

#include "pooling.h"

typedef struct nacre_global_pooling {
  bool keepdims;
} nacre_global_pooling;

#define NACRE_GLOBAL_POOLING_PARAMS(T)                                      \
  NACRE_PARAM(T, keepdims, "false", NULL, "",                               \
              "Keep the axes that are pooled, with extent 1.", 0)

/** plan() of a layer over `axes` axes. */
static inline int nacre_global_pooling_plan(nacre_plan *plan, int32_t axes) {
  const nacre_global_pooling *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank != axes + 1) {
    return nacre_plan_refuse(plan, "the input must be %s, but has %d axes "
                             "without the batch",
                             axes == 1 ? "[steps, channels]"
                                       : "[rows, cols, channels]", in->rank);
  }
  nacre_shape out = nacre_shape_1d(in->dim[axes]);
  if (cfg->keepdims) {
    out = *in;
    for (int32_t i = 0; i < axes; i++) {
      out.dim[i] = 1;
    }
  }
  nacre_plan_flops(plan, (double)nacre_shape_count(in));
  return nacre_plan_output(plan, &out);
}

/** The window over a tensor [batch, ..., channels]. */
static inline nacre_pooling nacre_global_pooling_of(const nacre_tensor *x) {
  int64_t channels = x->dim[x->rank - 1], steps = 1;
  for (int32_t i = 1; i < x->rank - 1; i++) {
    steps *= x->dim[i];
  }
  nacre_pooling pool = { { 1, 1, 1, 1, 0 }, { steps, 1, steps, steps, 0 },
                         channels };
  return pool;
}

#endif
