/* SPDX-License-Identifier: MIT */
/* mean_squared_error: the mean over the last axis of (y - target)^2. */
#include <nacre/plugin.h>

#define LANES 8

/* Sum of squares of one row in LANES independent sums, so that it runs on the
 * vector unit and still adds in one fixed order. y, t, dy: [cols]. */
NACRE_KERNEL
static double row(int64_t cols, const real *restrict y,
                  const real *restrict t, real slope, real *restrict dy) {
  double lane[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= cols; j += LANES) {
    for (int k = 0; k < LANES; k++) {
      real error = y[j + k] - t[j + k];
      lane[k] += (double)error * (double)error;
    }
  }
  double sum = ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
               ((lane[2] + lane[6]) + (lane[3] + lane[7]));
  for (; j < cols; j++) {
    real error = y[j] - t[j];
    sum += (double)error * (double)error;
  }
  if (dy != NULL) {
    for (j = 0; j < cols; j++) {
      dy[j] = slope * (y[j] - t[j]);
    }
  }
  return sum;
}

static void rows(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  const double mean = 1.0 / (double)cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    run->loss[i] =
      mean * row(cols, run->y + i * cols, run->target + i * cols,
                 (real)(2.0 * mean * factor),
                 run->dy != NULL ? run->dy + i * cols : NULL);
  }
}

static const nacre_loss_ops ops = {
  .size = sizeof(nacre_loss_ops),
  .rows = rows,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_LOSS,
  .contract = 1,
  .name = "mean_squared_error",
  .aliases = "mse",
  .summary = "Mean of squared differences",
  .doc = "loss = mean over the last axis of (y - target)^2.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_squared_error, component)
