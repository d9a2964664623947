/* SPDX-License-Identifier: MIT */
/* l1: penalty on the sizes of the weights, which drives them to 0. */
#include <nacre/plugin.h>

#include "size.h"

typedef struct l1 {
  double l1;
} l1;

static double penalty(const nacre_math *math, const void *config,
                      const nacre_shape *shape, const real *w, real *dw) {
  (void)math;
  const l1 *cfg = config;
  return nacre_size_penalty(cfg->l1, nacre_shape_count(shape), w, dw);
}

static const nacre_param params[] = {
  NACRE_PARAM(l1, l1, "0.01", "[0,inf)", "", "Factor.", 0),
};

static const nacre_regularizer_ops ops = {
  .size = sizeof(ops), .penalty = penalty,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_REGULARIZER, .contract = 1,
  .name = "l1", .summary = "Penalty on the sizes of the weights",
  .doc = "l1 sum |w|, added to the loss; its gradient is l1 sign(w). As "
         "Keras's L1.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(l1), .ops = &ops,
};

NACRE_COMPONENT_MODULE(l1, component)
