/* SPDX-License-Identifier: MIT */
/* top_k_accuracy: the share of rows with their class among the k largest. */
#include "classes.h"

#include <math.h>

typedef struct top_k_accuracy {
  int64_t k;
} top_k_accuracy;

static const nacre_param params[] = {
  NACRE_PARAM(top_k_accuracy, k, "5", "[1,inf)", "",
              "How many outputs may hold the class.", 0),
};

static int plan(nacre_metric_plan *plan) {
  if (nacre_shape_last(&plan->y) < 2) {
    plan->fail->fail(plan->fail, NULL,
                     "top_k_accuracy needs two or more outputs");
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(metric_mean);
  return NACRE_OK;
}

/* Outputs that tie with the class's do not stand before it. */
static bool is_right(const nacre_metric_run *run, int64_t row) {
  const top_k_accuracy *cfg = run->cfg;
  const real *y = row_of_y(run, row);
  const real *target = row_of_target(run, row);
  int64_t before = 0;
  if (has_indices(run) &&
      !(target[0] >= 0 && (double)target[0] < (double)run->cols)) {
    return false;
  }
  real own = y[has_indices(run) ? (int64_t)target[0]
                                : argmax(run->cols, target)];
  for (int64_t j = 0; j < run->cols; j++) {
    before += y[j] > own;
  }
  return isfinite(own) && before < cfg->k;
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
  .name = "top_k_accuracy",
  .aliases = "top_k_categorical_accuracy,sparse_top_k_categorical_accuracy",
  .summary = "Share of rows with their class among the k largest outputs",
  .doc = "For class indices and for one-hot targets.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(top_k_accuracy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(top_k_accuracy, component)
