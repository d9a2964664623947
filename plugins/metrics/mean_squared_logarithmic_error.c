/* SPDX-License-Identifier: MIT */
/* mean_squared_logarithmic_error: the mean of squared errors of
 * logarithms over a whole set. */
#include "mean.h"

#include <math.h>

#define LEAST 1e-7

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "mean_squared_logarithmic_error");
}

/* y, t: [cols] */
static double row(int64_t cols, const real *y, const real *t) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double error = log1p(fmax((double)y[j], LEAST)) -
                   log1p(fmax((double)t[j], LEAST));
    sum += error * error;
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
  .name = "mean_squared_logarithmic_error",
  .aliases = "msle",
  .summary = "Mean of squared differences of logarithms",
  .doc = "The mean over rows and outputs of (log(1 + y) - log(1 + target))^2; "
         "what is below 1e-7 counts as that.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_squared_logarithmic_error, component)
