/* SPDX-License-Identifier: MIT */
/* cosine_similarity: the cosine of the angle between y and target. */
#include "mean.h"

#include <math.h>

#define SHORTEST 1e-7

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "cosine_similarity");
}

/* y, t: [cols] */
static double row(int64_t cols, const real *y, const real *t) {
  double yy = 0.0, tt = 0.0, yt = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    yy += (double)y[j] * (double)y[j];
    tt += (double)t[j] * (double)t[j];
    yt += (double)y[j] * (double)t[j];
  }
  return yt / (fmax(sqrt(yy), SHORTEST) * fmax(sqrt(tt), SHORTEST));
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
  .flags = NACRE_METRIC_MAXIMIZE,
  .plan = plan,
  .update = update,
  .result = metric_mean_result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "cosine_similarity",
  .summary = "Cosine of the angle between y and target",
  .doc = "The mean over rows of (y / |y|) (target / |target|): 1 for one "
         "direction, 0 at right angles, -1 for opposite ones. Vectors "
         "shorter than 1e-7 are divided by that.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cosine_similarity, component)
