/* SPDX-License-Identifier: MIT */
/* l1_l2: penalties on the sizes and on the squares of the weights. */
#include <nacre/plugin.h>

#include "size.h"

typedef struct l1_l2 {
  double l1, l2;
} l1_l2;

static double penalty(const nacre_math *math, const void *config,
                      const nacre_shape *shape, const real *w, real *dw) {
  const l1_l2 *cfg = config;
  int64_t n = nacre_shape_count(shape);
  if (dw) {
    math->axpy(math, n, (real)(2 * cfg->l2), w, dw);
  }
  return nacre_size_penalty(cfg->l1, n, w, dw) +
         cfg->l2 * math->dot(math, n, w, w);
}

static const nacre_param params[] = {
  NACRE_PARAM(l1_l2, l1, "0.0", "[0,inf)", "", "Factor of the sizes.", 0),
  NACRE_PARAM(l1_l2, l2, "0.0", "[0,inf)", "", "Factor of the squares.", 0),
};

static const nacre_regularizer_ops ops = {
  .size = sizeof(ops), .penalty = penalty,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_REGULARIZER, .contract = 1,
  .name = "l1_l2",
  .summary = "Penalties on the sizes and on the squares of the weights",
  .doc = "l1 sum |w| + l2 sum w^2, added to the loss. Both factors are 0 "
         "unless given. As Keras's L1L2.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(l1_l2), .ops = &ops,
};

NACRE_COMPONENT_MODULE(l1_l2, component)
