/* SPDX-License-Identifier: MIT */
/* softmax: turns each row into probabilities, exp(x_j) / sum exp(x_k). */
#include <nacre/plugin.h>

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  math->softmax(math, rows, cols, x, y);
}

#define LANES 16

/* sum_k y_k dy_k, in LANES parts that are added in a fixed order. */
NACRE_KERNEL
static real inner(int64_t cols, const real *y, const real *dy) {
  real part[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= cols; j += LANES) {
    for (int l = 0; l < LANES; l++) {
      part[l] += y[j + l] * dy[j + l];
    }
  }
  for (; j < cols; j++) {
    part[j % LANES] += y[j] * dy[j];
  }
  double sum = 0;
  for (int l = 0; l < LANES; l++) {
    sum += (double)part[l];
  }
  return (real)sum;
}

NACRE_KERNEL
static void derive(int64_t cols, real mean, const real *y, const real *dy,
                   real *dx) {
  for (int64_t j = 0; j < cols; j++) {
    dx[j] = y[j] * (dy[j] - mean);
  }
}

/* dx = y (dy - sum_k y_k dy_k), row by row. */
static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows; i++) {
    int64_t at = i * cols;
    real mean = inner(cols, y + at, dy + at);
    derive(cols, mean, y + at, dy + at, dx + at);
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "softmax", .summary = "Probabilities that sum to 1 along the last "
                                "axis",
  .doc = "f(x)_j = exp(x_j - m) / sum_k exp(x_k - m) with m = max_k x_k, on "
         "each row of the last axis. As Keras's softmax.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(softmax, component)
