/* SPDX-License-Identifier: MIT */
/* mean_absolute_error: the mean of |y - target| over a whole set. */
#include "mean.h"

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "mean_absolute_error");
}

static void update(nacre_metric_run *run) {
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    double sum = 0.0;
    for (int64_t j = i * cols; j < (i + 1) * cols; j++) {
      double error = (double)run->y[j] - (double)run->target[j];
      sum += error < 0.0 ? -error : error;
    }
    metric_mean_add(run->state, sum / (double)cols, metric_weight(run, i));
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
  .name = "mean_absolute_error",
  .aliases = "mae",
  .summary = "Mean of absolute differences",
  .doc = "The mean over rows and outputs of |y - target|.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_absolute_error, component)
