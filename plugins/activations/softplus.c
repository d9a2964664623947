/* SPDX-License-Identifier: MIT */
/* softplus: smooth relu, log(1 + exp(x)). */
#include <nacre/plugin.h>

#include "block.h"

NACRE_KERNEL
static void fold(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = x[i] > 0 ? -x[i] : x[i];
  }
}

NACRE_KERNEL
static void add_positive(int64_t n, const real *t, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = (x[i] > 0 ? x[i] : 0) + t[i];
  }
}

NACRE_KERNEL
static void negate(int64_t n, const real *y, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = -y[i];
  }
}

/* dx = (1 - exp(-y)) dy; where y is small and the difference would cancel,
 * by the series, whose next term is below 1e-15 of it. */
NACRE_KERNEL
static void derive(int64_t n, const real *e, const real *y, const real *dy,
                   real *dx) {
  const real c2 = (real)(1.0 / 2), c3 = (real)(1.0 / 6);
  const real c4 = (real)(1.0 / 24), c5 = (real)(1.0 / 120);
  const real c6 = (real)(1.0 / 720), limit = (real)(1.0 / 64);
  for (int64_t i = 0; i < n; i++) {
    real v = y[i];
    real near = v * (1 - v * (c2 - v * (c3 - v * (c4 - v * (c5 - v * c6)))));
    real far = 1 - e[i];
    dx[i] = dy[i] * (v < limit ? near : far);
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  real t[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    fold(n, x + at, t);
    math->exp(math, n, t, t);
    math->log1p(math, n, t, t);
    add_positive(n, t, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)cfg;
  real e[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    negate(n, y + at, e);
    math->exp(math, n, e, e);
    derive(n, e, y + at, dy + at, dx + at);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "softplus", .summary = "Smooth rectified linear unit",
  .doc = "f(x) = log(1 + exp(x)), computed as max(x, 0) + log(1 + "
         "exp(-|x|)); f'(x) = 1 - exp(-f(x)). As Keras's softplus.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(softplus, component)
