/* SPDX-License-Identifier: MIT */
/* l2: penalty on the squares of the weights. */
#include <nacre/plugin.h>

typedef struct l2 {
  double l2;
} l2;

/* l2 sum w^2; dw += 2 l2 w. */
static double penalty(const nacre_math *math, const void *config,
                      const nacre_shape *shape, const real *w, real *dw) {
  const l2 *cfg = config;
  int64_t n = nacre_shape_count(shape);
  if (dw) {
    math->axpy(math, n, (real)(2 * cfg->l2), w, dw);
  }
  return cfg->l2 * math->dot(math, n, w, w);
}

static const nacre_param params[] = {
  NACRE_PARAM(l2, l2, "0.01", "[0,inf)", "", "Factor.", 0),
};

static const nacre_regularizer_ops ops = {
  .size = sizeof(ops), .penalty = penalty,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_REGULARIZER, .contract = 1,
  .name = "l2", .summary = "Penalty on the squares of the weights",
  .doc = "l2 sum w^2, added to the loss; its gradient is 2 l2 w. As Keras's "
         "L2.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(l2), .ops = &ops,
};

NACRE_COMPONENT_MODULE(l2, component)
