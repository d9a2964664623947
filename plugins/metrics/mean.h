/* SPDX-License-Identifier: MIT */
/* mean.h: metrics that are a weighted mean of one number per row. */
#ifndef NACRE_METRICS_MEAN_H
#define NACRE_METRICS_MEAN_H

#include <nacre/plugin.h>

typedef struct metric_mean {
  double sum, weight; /* sums over rows */
} metric_mean;

static inline double metric_weight(const nacre_metric_run *run, int64_t row) {
  return run->weight != NULL ? run->weight[row] : 1.0;
}

static inline void metric_mean_add(metric_mean *mean, double value,
                                   double weight) {
  mean->sum += value * weight;
  mean->weight += weight;
}

/* result() of a metric whose state is a metric_mean; 0/0, when it has seen
 * nothing, is NaN. */
static inline double metric_mean_result(const void *cfg, const void *state) {
  const metric_mean *mean = state;
  (void)cfg;
  return mean->sum / mean->weight;
}

/* Whether each prediction has a target of its own; refuses otherwise. */
static inline int metric_plan_pairs(nacre_metric_plan *plan,
                                    const char *name) {
  if (nacre_shape_count(&plan->y) == nacre_shape_count(&plan->target)) {
    return NACRE_OK;
  }
  plan->fail->fail(plan->fail, NULL, "%s needs a target for each output, not "
                   "a class index for a row of them", name);
  return NACRE_ERROR;
}

#endif
