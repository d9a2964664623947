/* SPDX-License-Identifier: MIT */
/* silu: x sigmoid(x). */
#include <nacre/plugin.h>

#include "block.h"

/* Bounds beyond which the function is its limit to the last bit: without
 * them an infinite x would meet a factor of 0. */
#define FAR 800

NACRE_KERNEL
static void compute(int64_t n, const real *s, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = s[i] * (x[i] < -FAR ? -FAR : x[i]);
  }
}

/* f' = s (1 + x (1 - s)) with s = sigmoid(x). */
NACRE_KERNEL
static void derive(int64_t n, const real *s, const real *x, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real low = x[i] < -FAR ? -FAR : x[i];
    real v = low > FAR ? FAR : low;
    dx[i] = dy[i] * (s[i] * (1 + v * (1 - s[i])));
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  real s[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    math->sigmoid(math, n, x + at, s);
    compute(n, s, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)cfg;
  real s[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    math->sigmoid(math, n, x + at, s);
    derive(n, s, x + at, dy + at, dx + at);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "silu", .aliases = "swish", .summary = "Input times its own sigmoid",
  .doc = "f(x) = x / (1 + exp(-x)), also known as swish.\n\n"
         "As Keras's silu. Ramachandran, Zoph and Le, \"Searching for "
         "activation functions\", arXiv:1710.05941.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(silu, component)
