/* SPDX-License-Identifier: MIT */
/* swish_beta: an activation from outside nacre's tree, y = x sigmoid(beta x).
 *
 * `make installcheck` builds it as a stranger would, with nothing but the
 * flags that pkg-config gives for an installed nacre. */
#include <nacre/plugin.h>

#define TILE 256 /* elements of the gate at a time, on the stack */

typedef struct swish_beta {
  double beta;
} swish_beta;

static const nacre_param params[] = {
  NACRE_PARAM(swish_beta, beta, "1", "(0,inf)", "", "Slope of the gate.", 0),
};

/* gate = sigmoid(beta x) of one tile. x, gate: [n], n <= TILE */
static void gate_of(const nacre_math *math, const void *cfg, int64_t n,
                    const real *x, real *gate) {
  const real beta = (real)((const swish_beta *)cfg)->beta;
  for (int64_t i = 0; i < n; i++) {
    gate[i] = beta * x[i];
  }
  math->sigmoid(math, n, gate, gate);
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  real gate[TILE];
  for (int64_t at = 0, all = rows * cols; at < all; at += TILE) {
    const int64_t n = all - at < TILE ? all - at : TILE;
    gate_of(math, cfg, n, x + at, gate);
    for (int64_t i = 0; i < n; i++) {
      y[at + i] = x[at + i] * gate[i];
    }
  }
}

/* With g the gate: dy/dx = g + beta x g (1 - g). */
static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  const real beta = (real)((const swish_beta *)cfg)->beta;
  real gate[TILE];
  for (int64_t at = 0, all = rows * cols; at < all; at += TILE) {
    const int64_t n = all - at < TILE ? all - at : TILE;
    gate_of(math, cfg, n, x + at, gate);
    for (int64_t i = 0; i < n; i++) {
      const real slope = 1 + beta * x[at + i] * (1 - gate[i]);
      dx[at + i] = dy[at + i] * (gate[i] * slope);
    }
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component components[] = {
  { .size = sizeof(nacre_component), .kind = NACRE_KIND_ACTIVATION,
    .contract = 1, .name = "swish_beta",
    .summary = "Swish with a slope of its own",
    .doc = "f(x) = x sigmoid(beta x). Ramachandran, Zoph and Le, Searching "
           "for Activation Functions, 2017.",
    .params = NACRE_SPAN(params), .cfg_size = sizeof(swish_beta),
    .ops = &ops },
};

static const nacre_module module = {
  .size = sizeof(nacre_module), .abi_major = NACRE_ABI_MAJOR,
  .real_size = sizeof(real), .name = "swish_beta", .version = "1.0",
  .license = "MIT", .author = "a stranger",
  .components = NACRE_SPAN(components),
};

NACRE_MODULE(swish_beta) { return &module; }
