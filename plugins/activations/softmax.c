/* SPDX-License-Identifier: MIT */
/* softmax: turns each row into probabilities, exp(x_j) / sum exp(x_k). */
#include <nacre/plugin.h>

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)cfg;
  math->softmax(math, rows, cols, x, y);
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
  (void)cfg;
  for (int64_t i = 0; i < rows; i++) {
    int64_t at = i * cols;
    real mean = (real)math->dot(math, cols, y + at, dy + at);
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
