/* SPDX-License-Identifier: MIT */
/* mish: x tanh(softplus(x)). */
#include <nacre/plugin.h>

#include "block.h"

/* Bounds beyond which the function is its limit to the last bit: without
 * them an infinite x would meet a factor of 0. */
#define LOW (-800)
#define HIGH 20

NACRE_KERNEL
static void bound(int64_t n, const real *x, real *v) {
  for (int64_t i = 0; i < n; i++) {
    real low = x[i] < LOW ? LOW : x[i];
    v[i] = low > HIGH ? HIGH : low;
  }
}

/* With e = exp(x) and w = e (e + 2), tanh(log(1 + e)) = w / (w + 2). */
NACRE_KERNEL
static void compute(int64_t n, const real *e, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real w = e[i] * (e[i] + 2);
    y[i] = (x[i] < LOW ? LOW : x[i]) * (w / (w + 2));
  }
}

/* f' = w / (w + 2) + x 4 e (e + 1) / (w + 2)^2. */
NACRE_KERNEL
static void derive(int64_t n, const real *e, const real *x, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real low = x[i] < LOW ? LOW : x[i];
    real v = low > HIGH ? HIGH : low;
    real w = e[i] * (e[i] + 2), over = 1 / (w + 2);
    dx[i] = dy[i] * (w * over + v * 4 * e[i] * (e[i] + 1) * over * over);
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  real e[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    bound(n, x + at, e);
    math->exp(math, n, e, e);
    compute(n, e, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)cfg;
  real e[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    bound(n, x + at, e);
    math->exp(math, n, e, e);
    derive(n, e, x + at, dy + at, dx + at);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "mish", .summary = "Input times the tanh of its softplus",
  .doc = "f(x) = x tanh(log(1 + exp(x))).\n\n"
         "As Keras's mish. Misra, \"Mish: a self regularized non- "
         "monotonic activation function\", BMVC 2020.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(mish, component)
