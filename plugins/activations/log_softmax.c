/* SPDX-License-Identifier: MIT */
/* log_softmax: logarithm of the softmax of each row. */
#include <nacre/plugin.h>

#include <math.h>

#include "block.h"

static double sum_exp(const nacre_math *math, int64_t cols, real top,
                      const real *x) {
  real e[NACRE_BLOCK];
  double sum = 0;
  for (int64_t at = 0, n; (n = nacre_block_size(cols, at)) > 0; at += n) {
    for (int64_t j = 0; j < n; j++) {
      e[j] = x[at + j] - top;
    }
    math->exp(math, n, e, e);
    for (int64_t j = 0; j < n; j++) {
      sum += (double)e[j];
    }
  }
  return sum;
}

/* dx = dy - softmax(x) sum_k dy_k. */
NACRE_KERNEL
static void derive(int64_t n, real sum, const real *p, const real *dy,
                   real *dx) {
  for (int64_t j = 0; j < n; j++) {
    dx[j] = dy[j] - p[j] * sum;
  }
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  for (int64_t i = 0; i < rows; i++) {
    const real *from = x + i * cols;
    real *to = y + i * cols;
    real top = from[0];
    for (int64_t j = 1; j < cols; j++) {
      top = from[j] > top ? from[j] : top;
    }
    double sum = sum_exp(math, cols, top, from);
    real shift = top + (real)log(sum);
    for (int64_t j = 0; j < cols; j++) {
      to[j] = from[j] - shift;
    }
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)cfg;
  real p[NACRE_BLOCK];
  for (int64_t i = 0; i < rows; i++) {
    int64_t row = i * cols;
    double sum = 0;
    for (int64_t j = 0; j < cols; j++) {
      sum += (double)dy[row + j];
    }
    for (int64_t at = 0, n; (n = nacre_block_size(cols, at)) > 0; at += n) {
      math->exp(math, n, y + row + at, p);
      derive(n, (real)sum, p, dy + row + at, dx + row + at);
    }
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "log_softmax", .summary = "Logarithm of softmax, along the last axis",
  .doc = "f(x)_j = x_j - m - log sum_k exp(x_k - m) with m = max_k "
         "x_k, on each row of the last axis. As Keras's log_softmax.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(log_softmax, component)
