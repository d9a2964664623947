/* SPDX-License-Identifier: MIT */
/* mutant_average: a metric that averages the averages of batches. */
#include <math.h>
#include <nacre/plugin.h>

typedef struct average {
  double sum, batches;
} average;

static int plan(nacre_metric_plan *plan) {
  plan->state_size = sizeof(average);
  return NACRE_OK;
}

static void update(nacre_metric_run *run) {
  average *state = run->state;
  double sum = 0, weights = 0;
  for (int64_t r = 0; r < run->rows; r++) {
    double weight = run->weight == NULL ? 1 : run->weight[r];
    sum += weight * fabs((double)run->y[r * run->cols] -
                         (double)run->target[r * run->target_cols]);
    weights += weight;
  }
  if (weights > 0) {
    state->sum += sum / weights;
    state->batches += 1;
  }
}

static double result(const void *cfg, const void *at) {
  const average *state = at;
  (void)cfg;
  return state->batches > 0 ? state->sum / state->batches : (double)NAN;
}

static const nacre_metric_ops ops = {
  .size = sizeof(ops), .plan = plan, .update = update, .result = result
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_METRIC, .contract = 1,
  .name = "mutant_average", .summary = "Wrong on purpose",
  .doc = "Must fail: tiles", .params = NACRE_EMPTY_SPAN, .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_average, component)
