/* SPDX-License-Identifier: MIT */
/* elu: exponential below 0, straight above. */
#include <nacre/plugin.h>

#include "block.h"

typedef struct elu {
  double alpha;
} elu;

NACRE_KERNEL
static void halve(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = x[i] < 0 ? x[i] * (real)0.5 : 0;
  }
}

/* exp(v) - 1 = 2 t / (1 - t) with t = tanh(v / 2), which loses nothing near
 * 0, where the difference would. */
NACRE_KERNEL
static void compute(int64_t n, real alpha, const real *t, const real *x,
                    real *y) {
  for (int64_t i = 0; i < n; i++) {
    real below = 2 * t[i] / (1 - t[i]);
    y[i] = x[i] < 0 ? alpha * below : x[i];
  }
}

NACRE_KERNEL
static void derive(int64_t n, real alpha, const real *y, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    dx[i] = dy[i] * (y[i] < 0 ? y[i] + alpha : 1);
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  const elu *cfg = config;
  real t[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    halve(n, x + at, t);
    math->tanh(math, n, t, t);
    compute(n, (real)cfg->alpha, t, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  const elu *cfg = config;
  derive(rows * cols, (real)cfg->alpha, y, dy, dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(elu, alpha, "1.0", "(0,inf)", "",
              "What the function tends to below, negated.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "elu", .summary = "Exponential below 0, straight above",
  .doc = "f(x) = x for x > 0, otherwise alpha (exp(x) - 1).\n\n"
         "As Keras's elu. Clevert, Unterthiner and Hochreiter, \"Fast "
         "and accurate deep network learning by exponential linear "
         "units\", ICLR 2016.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(elu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(elu, component)
