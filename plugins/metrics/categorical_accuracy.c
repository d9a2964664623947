/* SPDX-License-Identifier: MIT */
/* categorical_accuracy: the share of rows whose largest output is where the
 * target's is. */
#include "classes.h"

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "categorical_accuracy");
}

static void update(nacre_metric_run *run) {
  for (int64_t i = 0; i < run->rows; i++) {
    bool right = argmax(run->cols, row_of_y(run, i)) ==
                 argmax(run->target_cols, row_of_target(run, i));
    metric_mean_add(run->state, right ? 1.0 : 0.0, metric_weight(run, i));
  }
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .flags = NACRE_METRIC_MAXIMIZE,
  .plan = plan,
  .update = update,
  .result = metric_mean_result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "categorical_accuracy",
  .summary = "Share of rows whose largest output is where the target's is",
  .doc = "For one-hot targets. Of several largest values the first counts.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(categorical_accuracy, component)
