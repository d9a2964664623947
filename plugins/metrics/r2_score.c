/* SPDX-License-Identifier: MIT */
/* r2_score: the share of the targets' variance that is explained. */
#include "mean.h"

#include <math.h>

typedef struct r2_score {
  nacre_enum class_aggregation;
} r2_score;

enum { UNIFORM, BY_VARIANCE };

static const nacre_param params[] = {
  NACRE_PARAM(r2_score, class_aggregation, "uniform_average",
              "uniform_average|variance_weighted_average", "",
              "How outputs are put together.", 0),
};

/* Sums over rows, of one output. */
typedef struct sums {
  double target, square, error;
} sums;

typedef struct fit {
  double weight;
  int64_t outputs;
  sums output[]; /* [outputs] */
} fit;

#define MOST_OUTPUTS (1 << 20)

static int plan(nacre_metric_plan *plan) {
  const int64_t cols = nacre_shape_last(&plan->y);
  if (cols > MOST_OUTPUTS) {
    plan->fail->fail(plan->fail, NULL, "r2_score of %lld outputs is beyond "
                     "its limit of %d", (long long)cols, MOST_OUTPUTS);
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(fit) + (size_t)cols * sizeof(sums);
  return metric_plan_pairs(plan, "r2_score");
}

static void update(nacre_metric_run *run) {
  fit *state = run->state;
  state->outputs = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *y = run->y + i * run->cols;
    const real *t = run->target + i * run->cols;
    double weight = metric_weight(run, i);
    state->weight += weight;
    for (int64_t j = 0; j < run->cols; j++) {
      double target = (double)t[j], error = target - (double)y[j];
      state->output[j].target += weight * target;
      state->output[j].square += weight * target * target;
      state->output[j].error += weight * error * error;
    }
  }
}

static double result(const void *config, const void *at) {
  const r2_score *cfg = config;
  const fit *state = at;
  double sum = 0.0, weighted = 0.0, variance = 0.0;
  for (int64_t j = 0; j < state->outputs; j++) {
    sums s = state->output[j];
    double total = s.square - s.target * (s.target / state->weight);
    double score = 1.0 - s.error / total;
    score = isinf(score) ? 0.0 : score;
    sum += score;
    weighted += score * total;
    variance += total;
  }
  return cfg->class_aggregation.value == BY_VARIANCE
           ? weighted / variance
           : sum / (double)state->outputs; /* nothing seen: 0/0 */
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .flags = NACRE_METRIC_MAXIMIZE,
  .plan = plan,
  .update = update,
  .result = result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "r2_score",
  .summary = "Share of the targets' variance that is explained",
  .doc =
    "1 - sum of (target - y)^2 / sum of (target - mean target)^2 for each "
    "output, then their mean, plain or weighted by the targets' variance. A "
    "constant target that is missed scores 0.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(r2_score),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(r2_score, component)
