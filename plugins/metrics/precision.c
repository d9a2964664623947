/* SPDX-License-Identifier: MIT */
/* precision: of what was predicted to be so, the share that is. */
#include "classes.h"

typedef struct precision {
  double threshold;
  int64_t class_id; /* INT64_MIN: all */
} precision;

static const nacre_param params[] = {
  NACRE_PARAM_AS(precision, threshold, "thresholds", "0.5", "[0,1]", "",
                 "Outputs above it say yes.", 0),
  NACRE_PARAM(precision, class_id, "null", "[0,inf)", "",
              "The one output to look at; null: all of them.", 0),
};

typedef struct counts {
  double right, wrong, seen; /* said yes: rightly, wrongly; all */
} counts;

static int plan(nacre_metric_plan *plan) {
  const precision *cfg = plan->cfg;
  const int64_t cols = nacre_shape_last(&plan->y);
  if (cfg->class_id != INT64_MIN && cfg->class_id >= cols) {
    plan->fail->fail(plan->fail, NULL, "class_id %lld is not one of %lld "
                     "outputs", (long long)cfg->class_id, (long long)cols);
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(counts);
  return NACRE_OK;
}

static void update(nacre_metric_run *run) {
  const precision *cfg = run->cfg;
  const bool one = cfg->class_id != INT64_MIN;
  const int64_t first = one ? cfg->class_id : 0;
  const int64_t end = one ? first + 1 : run->cols;
  const real threshold = (real)cfg->threshold;
  counts *state = run->state;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *y = row_of_y(run, i);
    double weight = metric_weight(run, i);
    state->seen += weight;
    for (int64_t j = first; j < end; j++) {
      if (y[j] > threshold) {
        bool member = is_member(run, i, j);
        *(member ? &state->right : &state->wrong) += weight;
      }
    }
  }
}

static double result(const void *cfg, const void *at) {
  const counts *state = at;
  (void)cfg;
  double said = state->right + state->wrong;
  /* Without any, 0, or NaN when nothing was seen. */
  return said > 0.0 ? state->right / said : 0.0 / state->seen;
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
  .name = "precision",
  .summary = "Of what was predicted to be so, the share that is",
  .doc = "true positives / (true + false positives) over all outputs; 0 when "
         "nothing was predicted. Class indices count as one-hot targets.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(precision),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(precision, component)
