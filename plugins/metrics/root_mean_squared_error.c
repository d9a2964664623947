/* SPDX-License-Identifier: MIT */
/* root_mean_squared_error: the root of the mean of squared
 * differences over a whole set. */
#include "mean.h"

#include <math.h>

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "root_mean_squared_error");
}

static void update(nacre_metric_run *run) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double sum = 0.0;
    for (int64_t j = i * cols; j < (i + 1) * cols; j++) {
      double error = (double)run->y[j] - (double)run->target[j];
      sum += error * error;
    }
    metric_mean_add(run->state, sum / (double)cols, metric_weight(run, i));
  }
}

static double result(const void *cfg, const void *state) {
  return sqrt(metric_mean_result(cfg, state));
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .plan = plan,
  .update = update,
  .result = result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "root_mean_squared_error",
  .aliases = "rmse",
  .summary = "Root of the mean of squared differences",
  .doc = "The square root of the mean over rows and outputs of "
         "(y - target)^2.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(root_mean_squared_error, component)
