/* SPDX-License-Identifier: MIT */
/* sparse_categorical_accuracy: the share of rows whose largest output is the
 * target's class. */
#include "classes.h"

static int plan(nacre_metric_plan *plan) {
  const int64_t cols = nacre_shape_last(&plan->y);
  if (nacre_shape_count(&plan->target) * cols !=
      nacre_shape_count(&plan->y)) {
    plan->fail->fail(plan->fail, NULL,
                     "sparse_categorical_accuracy needs a class index for "
                     "each row of outputs; for one-hot targets see "
                     "categorical_accuracy");
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(metric_mean);
  return NACRE_OK;
}

static void update(nacre_metric_run *run) {
  for (int64_t i = 0; i < run->rows; i++) {
    bool right =
      run->target[i] == (real)argmax(run->cols, row_of_y(run, i));
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
  .name = "sparse_categorical_accuracy",
  .summary = "Share of rows whose largest output is the target's class",
  .doc = "For class indices. Of several largest outputs the first counts.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(sparse_categorical_accuracy, component)
