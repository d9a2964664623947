/* SPDX-License-Identifier: MIT */
/* mean_absolute_error: the mean over the last axis of |y - target|. */
#include <nacre/plugin.h>

#define LANES 8

/* Sum of absolute errors of one row in LANES independent sums, so that it
 * runs on the vector unit and still adds in one fixed order. The slope where
 * both are equal is 0. y, t, dy: [cols]. */
NACRE_KERNEL
static double row(int64_t cols, const real *restrict y,
                  const real *restrict t, real slope, real *restrict dy) {
  double lane[LANES] = { 0 };
  int64_t j = 0;
  for (; j + LANES <= cols; j += LANES) {
    for (int k = 0; k < LANES; k++) {
      real error = y[j + k] - t[j + k];
      lane[k] += (double)(error < 0 ? -error : error);
    }
  }
  double sum = ((lane[0] + lane[4]) + (lane[1] + lane[5])) +
               ((lane[2] + lane[6]) + (lane[3] + lane[7]));
  for (; j < cols; j++) {
    real error = y[j] - t[j];
    sum += (double)(error < 0 ? -error : error);
  }
  if (dy != NULL) {
    for (j = 0; j < cols; j++) {
      real above = y[j] > t[j] ? slope : (real)0;
      dy[j] = y[j] < t[j] ? -slope : above;
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
                 (real)(mean * factor),
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
  .name = "mean_absolute_error",
  .aliases = "mae",
  .summary = "Mean of absolute differences",
  .doc = "loss = mean over the last axis of |y - target|.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_absolute_error, component)
