/* SPDX-License-Identifier: MIT */
/* mean_absolute_percentage_error: errors relative to their targets. */
#include <math.h>
#include <nacre/plugin.h>

#define LEAST 1e-7 /* targets are divided by no less than this */

/* Sum over one row; y, t, dy: [cols]. */
static double row(int64_t cols, const real *y, const real *t, double slope,
                  real *dy) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double size = fabs((double)t[j]);
    double share = 100.0 / (size < LEAST ? LEAST : size);
    double error = (double)y[j] - (double)t[j];
    sum += share * fabs(error);
    if (dy != NULL) {
      double side = error > 0.0 ? 1.0 : error < 0.0 ? -1.0 : 0.0;
      dy[j] = (real)(slope * share * side);
    }
  }
  return sum;
}

static void rows(nacre_loss_run *run) {
  const int64_t cols = run->cols;
  const double mean = 1.0 / (double)cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double factor = run->weight != NULL ? run->weight[i] : run->scale;
    run->loss[i] = mean * row(cols, run->y + i * cols,
                              run->target + i * cols, mean * factor,
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
  .name = "mean_absolute_percentage_error",
  .aliases = "mape",
  .summary = "Absolute errors in percent of their targets",
  .doc =
    "loss = 100 times the mean over the last axis of |y - t| / max(|t|, "
    "1e-7).",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_absolute_percentage_error, component)
