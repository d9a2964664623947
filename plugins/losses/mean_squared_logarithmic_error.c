/* SPDX-License-Identifier: MIT */
/* mean_squared_logarithmic_error: squared errors of logarithms. */
#include <math.h>
#include <nacre/plugin.h>

#define LEAST 1e-7 /* of what logarithms are taken of, less 1 */

static double log_of(real x) {
  return log1p((double)x > LEAST || isnan(x) ? (double)x : LEAST);
}

/* Sum over one row; y, t, dy: [cols]. */
static double row(int64_t cols, const real *y, const real *t, double slope,
                  real *dy) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double error = log_of(y[j]) - log_of(t[j]);
    sum += error * error;
    if (dy != NULL) {
      double inner = (double)y[j] > LEAST ? 1.0 / (1.0 + (double)y[j]) : 0.0;
      dy[j] = (real)(2.0 * slope * error * inner);
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
  .name = "mean_squared_logarithmic_error",
  .aliases = "msle",
  .summary = "Squared errors of logarithms",
  .doc =
    "loss = mean over the last axis of (log(1 + y) - log(1 + t))^2, for y and "
    "t that are not negative: below 1e-7 they count as that.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_squared_logarithmic_error, component)
