/* SPDX-License-Identifier: MIT */
/* selu: elu scaled so that activations keep their variance. */
#include <nacre/plugin.h>

#include "block.h"

#define SCALE (real)1.0507009873554804934
#define ALPHA (real)1.6732632423543772848

NACRE_KERNEL
static void halve(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = x[i] < 0 ? x[i] * (real)0.5 : 0;
  }
}

/* exp(v) - 1 = 2 t / (1 - t) with t = tanh(v / 2), which loses nothing near
 * 0, where the difference would. */
NACRE_KERNEL
static void compute(int64_t n, const real *t, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real below = 2 * t[i] / (1 - t[i]);
    y[i] = x[i] < 0 ? SCALE * ALPHA * below : SCALE * x[i];
  }
}

NACRE_KERNEL
static void derive(int64_t n, const real *y, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    dx[i] = dy[i] * (y[i] < 0 ? y[i] + SCALE * ALPHA : SCALE);
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  real t[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    halve(n, x + at, t);
    math->tanh(math, n, t, t);
    compute(n, t, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  derive(rows * cols, y, dy, dx);
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "selu",
  .summary = "Elu scaled so that activations keep their variance",
  .doc = "f(x) = 1.0507 x for x > 0, otherwise 1.0507 * 1.6733 (exp(x) "
         "- 1); the constants make mean 0 and variance 1 a fixed "
         "point. Goes with lecun_normal.\n\n"
         "As Keras's selu. Klambauer, Unterthiner, Mayr and "
         "Hochreiter, \"Self-normalizing neural networks\", NeurIPS "
         "2017.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(selu, component)
