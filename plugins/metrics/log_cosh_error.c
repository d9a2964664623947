/* SPDX-License-Identifier: MIT */
/* log_cosh_error: the mean of log cosh of errors over a whole set. */
#include "mean.h"

#include <math.h>

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(metric_mean);
  return metric_plan_pairs(plan, "log_cosh_error");
}

/* log cosh e = |e| + log(1 + exp(-2 |e|)) - log 2. y, t: [cols] */
static double row(int64_t cols, const real *y, const real *t) {
  double sum = 0.0;
  for (int64_t j = 0; j < cols; j++) {
    double size = fabs((double)y[j] - (double)t[j]);
    sum += size + log1p(exp(-2.0 * size)) - 0.6931471805599453;
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
  .name = "log_cosh_error",
  .aliases = "logcosh",
  .summary = "Mean of log cosh of differences",
  .doc = "The mean over rows and outputs of log cosh(y - target): half the "
         "square of small errors, the size of large ones.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(log_cosh_error, component)
