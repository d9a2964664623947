/* SPDX-License-Identifier: MIT */
/* gelu: input times the normal distribution function of it. */
#include <nacre/plugin.h>

#include "block.h"

typedef struct gelu {
  bool approximate;
} gelu;

/* Bounds beyond which the function is its limit to the last bit: without
 * them an infinite x would meet a factor of 0. */
#define FAR 30

static inline real bound(real x) {
  real low = x < -FAR ? -FAR : x;
  return low > FAR ? FAR : low;
}

NACRE_KERNEL
static void scale(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    t[i] = x[i] * (real)0.70710678118654752440;
  }
}

#define SLOPE (real)0.79788456080286535588 /* sqrt(2 / pi) */
#define CUBIC (real)0.044715

NACRE_KERNEL
static void bend(int64_t n, const real *x, real *t) {
  for (int64_t i = 0; i < n; i++) {
    real v = bound(x[i]);
    t[i] = SLOPE * (v + CUBIC * v * v * v);
  }
}

/* t = erf(..) or tanh(..) of the formula. */
static void inner(const nacre_math *math, const gelu *cfg, int64_t n,
                  const real *x, real *t) {
  if (cfg->approximate) {
    bend(n, x, t);
    math->tanh(math, n, t, t);
  } else {
    scale(n, x, t);
    math->erf(math, n, t, t);
  }
}

NACRE_KERNEL
static void compute(int64_t n, const real *t, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] < -FAR ? -FAR : x[i];
    y[i] = (real)0.5 * v * (1 + t[i]);
  }
}

NACRE_KERNEL
static void halve_square(int64_t n, const real *x, real *e) {
  for (int64_t i = 0; i < n; i++) {
    real v = bound(x[i]);
    e[i] = (real)-0.5 * v * v;
  }
}

/* f' = (1 + t) / 2 + x exp(-x^2 / 2) / sqrt(2 pi). */
NACRE_KERNEL
static void derive_erf(int64_t n, const real *t, const real *e,
                       const real *x, const real *dy, real *dx) {
  const real density = (real)0.39894228040143267794; /* 1 / sqrt(2 pi) */
  for (int64_t i = 0; i < n; i++) {
    real v = bound(x[i]);
    dx[i] = dy[i] * ((real)0.5 * (1 + t[i]) + v * density * e[i]);
  }
}

/* f' = (1 + t) / 2 + x (1 - t^2) SLOPE (1 + 3 CUBIC x^2) / 2. */
NACRE_KERNEL
static void derive_tanh(int64_t n, const real *t, const real *x,
                        const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real v = bound(x[i]);
    real dt = (1 - t[i] * t[i]) * SLOPE * (1 + 3 * CUBIC * v * v);
    dx[i] = dy[i] * ((real)0.5 * (1 + t[i]) + (real)0.5 * v * dt);
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  const gelu *cfg = config;
  real t[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    inner(math, cfg, n, x + at, t);
    compute(n, t, x + at, y + at);
  }
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  const gelu *cfg = config;
  real t[NACRE_BLOCK], e[NACRE_BLOCK];
  for (int64_t at = 0, n; (n = nacre_block_size(rows * cols, at)) > 0;
       at += n) {
    inner(math, cfg, n, x + at, t);
    if (cfg->approximate) {
      derive_tanh(n, t, x + at, dy + at, dx + at);
    } else {
      halve_square(n, x + at, e);
      math->exp(math, n, e, e);
      derive_erf(n, t, e, x + at, dy + at, dx + at);
    }
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(gelu, approximate, "false", NULL, "",
              "Use the formula with tanh.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "gelu",
  .summary = "Input times the normal distribution function of it",
  .doc = "f(x) = x Phi(x) = x (1 + erf(x / sqrt(2))) / 2; approximate: "
         "x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.\n\n"
         "As Keras's gelu. Hendrycks and Gimpel, \"Gaussian error "
         "linear units\", arXiv:1606.08415.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(gelu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(gelu, component)
