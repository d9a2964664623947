/* SPDX-License-Identifier: MIT */
/* accuracy: the share of samples whose class was predicted. */
#include "classes.h"

static int plan(nacre_metric_plan *plan) {
  const int64_t cols = nacre_shape_last(&plan->y);
  if (plan->task == NACRE_TASK_OTHER) {
    plan->fail->fail(plan->fail, NULL,
                     "accuracy needs a classification loss; for a regression "
                     "see mean_absolute_error or r2_score");
    return NACRE_ERROR;
  }
  if (plan->task == NACRE_TASK_INDEX && cols < 2) {
    plan->fail->fail(plan->fail, NULL,
                     "accuracy of class indices needs two or more outputs");
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(metric_mean);
  return NACRE_OK;
}

/* One column is a yes or no, told apart by the widths of both sides. */
static bool is_right(const nacre_metric_run *run, int64_t row) {
  const real *y = row_of_y(run, row);
  const real *target = row_of_target(run, row);
  if (run->cols == 1) {
    return target[0] == (real)(y[0] > (real)0.5);
  }
  int64_t best = argmax(run->cols, y);
  if (has_indices(run)) {
    return target[0] == (real)best;
  }
  return argmax(run->cols, target) == best;
}

static void update(nacre_metric_run *run) {
  for (int64_t i = 0; i < run->rows; i++) {
    metric_mean_add(run->state, is_right(run, i) ? 1.0 : 0.0,
                    metric_weight(run, i));
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
  .name = "accuracy",
  .aliases = "acc",
  .summary = "Share of samples whose class was predicted",
  .doc =
    "What it compares follows from the loss and the shapes, and is refused "
    "where it would have to be guessed. Class indices: the largest output is "
    "the target's. One output: it is above 0.5 when the target is 1. Several "
    "outputs: both sides have their largest value at one place.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(accuracy, component)
