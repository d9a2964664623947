/* SPDX-License-Identifier: MIT */
/* mean_absolute_percentage_error: the mean of errors relative to their
 * targets over a whole set. */
#include "mean.h"

#include <math.h>

#define LEAST 1e-7 /* targets are divided by no less than this */

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "mean_absolute_percentage_error");
}

/* y, t: [cols] */
static double row(int64_t cols, const real *y, const real *t) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double error = fabs((double)y[j] - (double)t[j]);
    sum += 100.0 * error / fmax(fabs((double)t[j]), LEAST);
  }
  return sum / (double)cols;
}

static void update(nacre_metric_run *run) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double value = row(cols, run->y + i * cols, run->target + i * cols);
    metric_mean_add(run->state, value, metric_weight(run, i));
  }
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .plan = plan,
  .update = update,
  .result = metric_mean_result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "mean_absolute_percentage_error",
  .aliases = "mape",
  .summary = "Mean of absolute differences in percent of targets",
  .doc = "100 times the mean over rows and outputs of |y - target| / "
         "max(|target|, 1e-7).",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_absolute_percentage_error, component)
