/* SPDX-License-Identifier: MIT */
/* tanh_shrink: x - tanh(x). */
#include <nacre/plugin.h>

#include "block.h"

NACRE_KERNEL
static void compute(int64_t n, const real *t, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = x[i] - t[i];
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *t, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    dx[i] = dy[i] * (t[i] * t[i]);
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  real t[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    math->tanh(math, n, x + at, t);
    compute(n, t, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)cfg;
  real t[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    math->tanh(math, n, x + at, t);
    derive(n, t, dy + at, dx + at);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "tanh_shrink", .summary = "What tanh takes away",
  .doc = "f(x) = x - tanh(x); f'(x) = tanh(x)^2. As Keras's "
         "tanh_shrink.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(tanh_shrink, component)
