/* SPDX-License-Identifier: MIT */
/* squareplus: smooth relu without exponentials. */
#include <nacre/plugin.h>

#include <math.h>

typedef struct squareplus {
  double b;
} squareplus;

/* x beyond this is its own square root of x^2 + b in any precision, and its
 * square would overflow a float before long. */
#define FAR (real)1e9

static inline real root(real x, real b) {
  real square = x * x + b;
  return sizeof(real) == 4 ? (real)sqrtf((float)square)
                           : (real)sqrt((double)square);
}

/* Below 0 the sum would cancel: (x + r) / 2 = b / (2 (r - x)). */
NACRE_KERNEL
static void compute(int64_t n, real b, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] > FAR ? FAR : x[i] < -FAR ? -FAR : x[i];
    real r = root(v, b);
    real near = v > 0 ? (v + r) / 2 : b / (2 * (r - v));
    y[i] = x[i] > FAR ? x[i] : near;
  }
}

NACRE_KERNEL
static void derive(int64_t n, real b, const real *x, const real *dy, real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real v = x[i] > FAR ? FAR : x[i] < -FAR ? -FAR : x[i];
    real r = root(v, b);
    real y = v > 0 ? (v + r) / 2 : b / (2 * (r - v));
    dx[i] = dy[i] * (y / r);
  }
}

static void forward(const nacre_math *math, const void *config, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  const squareplus *cfg = config;
  compute(rows * cols, (real)cfg->b, x, y);
}

static void backward(const nacre_math *math, const void *config, int64_t rows,
                     int64_t cols, const real *x, const real *dy, real *dx) {
  (void)math;
  const squareplus *cfg = config;
  derive(rows * cols, (real)cfg->b, x, dy, dx);
}

static const nacre_param params[] = {
  NACRE_PARAM(squareplus, b, "4", "(0,inf)", "",
              "Smoothness: f(0) is half its square root.", 0),
};

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_POINTWISE | NACRE_ACT_NEED_X,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "squareplus",
  .summary = "Smooth rectified linear unit without exponentials",
  .doc = "f(x) = (x + sqrt(x^2 + b)) / 2.\n\n"
         "As Keras's squareplus. Barron, \"Squareplus: a softplus-like "
         "algebraic rectifier\", arXiv:2112.11687.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(squareplus), .ops = &ops,
};

NACRE_COMPONENT_MODULE(squareplus, component)
