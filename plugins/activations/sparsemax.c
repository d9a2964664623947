/* SPDX-License-Identifier: MIT */
/* sparsemax: softmax with exact zeros. */
#include <nacre/plugin.h>

#include <math.h>

/* The t for which sum max(x - t, 0) = 1. Elements that are not above the
 * level which the remaining ones would need are dropped until none is; the
 * level only rises, so it ends after at most `cols` rounds. */
static double level(int64_t cols, const real *x) {
  double t = -INFINITY;
  for (int64_t count = cols + 1, before = 0; count != before;) {
    double sum = 0;
    before = count;
    count = 0;
    for (int64_t j = 0; j < cols; j++) {
      if ((double)x[j] > t) {
        sum += (double)x[j];
        count++;
      }
    }
    if (count > 0 && count != before) {
      t = (sum - 1) / (double)count;
    }
  }
  return t;
}

static void forward(const nacre_math *math, const void *cfg, int64_t rows,
                    int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows; i++) {
    const real *from = x + i * cols;
    real *to = y + i * cols;
    double t = level(cols, from);
    for (int64_t j = 0; j < cols; j++) {
      double v = (double)from[j] - t;
      to[j] = v <= 0 ? 0 : (real)v;
    }
  }
}

static void backward(const nacre_math *math, const void *cfg, int64_t rows,
                     int64_t cols, const real *y, const real *dy, real *dx) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows; i++) {
    int64_t row = i * cols, count = 0;
    double sum = 0;
    for (int64_t j = row; j < row + cols; j++) {
      sum += y[j] > 0 ? (double)dy[j] : 0;
      count += y[j] > 0;
    }
    real mean = (real)(sum / (double)(count > 0 ? count : 1));
    for (int64_t j = row; j < row + cols; j++) {
      dx[j] = y[j] > 0 ? dy[j] - mean : 0;
    }
  }
}

static const nacre_activation_ops ops = {
  .size = sizeof(ops), .flags = NACRE_ACT_NEED_Y,
  .call = { forward, backward, NULL },
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_ACTIVATION, .contract = 1,
  .name = "sparsemax",
  .summary = "Probabilities that sum to 1, many of them exactly 0",
  .doc = "f(x)_j = max(x_j - t, 0), with t such that the row sums to "
         "1: the nearest point of the probability simplex. On each row "
         "of the last axis.\n\n"
         "As Keras's sparsemax. Martins and Astudillo, \"From softmax "
         "to sparsemax\", ICML 2016; t is found as in Michelot, \"A "
         "finite algorithm for finding the projection of a point onto "
         "the canonical simplex of R^n\", 1986.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(sparsemax, component)
