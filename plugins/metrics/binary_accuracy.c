/* SPDX-License-Identifier: MIT */
/* binary_accuracy: the share of outputs on their target's side. */
#include "mean.h"

typedef struct binary_accuracy {
  double threshold;
} binary_accuracy;

static const nacre_param params[] = {
  NACRE_PARAM(binary_accuracy, threshold, "0.5", "(-inf,inf)", "",
              "Outputs above it say 1.", 0),
};

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "binary_accuracy");
}

static void update(nacre_metric_run *run) {
  const binary_accuracy *cfg = run->cfg;
  const real threshold = (real)cfg->threshold;
  const int64_t cols = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    int64_t right = 0;
    for (int64_t j = i * cols; j < (i + 1) * cols; j++) {
      right += run->target[j] == (real)(run->y[j] > threshold);
    }
    metric_mean_add(run->state, (double)right / (double)cols,
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
  .name = "binary_accuracy",
  .summary = "Share of outputs on the same side of a threshold as targets",
  .doc = "Each output counts by itself: right when it is above the threshold "
         "and its target is 1, or not above it and its target is 0.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(binary_accuracy),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(binary_accuracy, component)
