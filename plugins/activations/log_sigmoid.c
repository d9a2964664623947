/* SPDX-License-Identifier: MIT */
/* log_sigmoid: logarithm of the sigmoid. */
#include <nacre/plugin.h>

#include "block.h"

NACRE_KERNEL
static void fold(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = x[i] > 0 ? -x[i] : x[i];
  }
}

NACRE_KERNEL
static void subtract(int64_t n, const real *t, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = (x[i] < 0 ? x[i] : 0) - t[i];
  }
}

NACRE_KERNEL
static void negate(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = -x[i];
  }
}

/* dx = sigmoid(-x) dy. */
NACRE_KERNEL
static void derive(int64_t n, const real *s, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    dx[i] = dy[i] * s[i];
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
    subtract(n, t, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)cfg;
  real s[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    negate(n, x + at, s);
    math->sigmoid(math, n, s, s);
    derive(n, s, dy + at, dx + at);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "log_sigmoid", .summary = "Logarithm of the sigmoid",
  .doc = "f(x) = -log(1 + exp(-x)), computed as min(x, 0) - log(1 + "
         "exp(-|x|)). As Keras's log_sigmoid.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(log_sigmoid, component)
