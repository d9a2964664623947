/* SPDX-License-Identifier: MIT */
/* perplexity: among how many equal choices a language model would be as
 * unsure. */
#include "classes.h"

#include <math.h>

#define LEAST 1e-30 /* probabilities count as at least this */

typedef struct perplexity {
  int64_t ignore_class;
} perplexity;

static const nacre_param params[] = {
  NACRE_PARAM(perplexity, ignore_class, "null", NULL, "",
              "Rows of this class do not count.", 0),
};

static int plan(nacre_metric_plan *plan) {
  if (plan->task == NACRE_TASK_OTHER || nacre_shape_last(&plan->y) < 2) {
    plan->fail->fail(plan->fail, NULL, "perplexity needs a classification "
                     "loss and two or more classes");
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(metric_mean);
  return NACRE_OK;
}

/* -log of what the row gives its class, or its classes. */
static double surprise(const nacre_metric_run *run, int64_t row) {
  const real *y = row_of_y(run, row), *target = row_of_target(run, row);
  if (has_indices(run)) {
    return -log(fmax((double)y[(int64_t)target[0]], LEAST));
  }
  double sum = 0.0;
  for (int64_t j = 0; j < run->cols; j++) {
    if (target[j] != 0) {
      sum -= (double)target[j] * log(fmax((double)y[j], LEAST));
    }
  }
  return sum;
}

/* Whether the row's class is one, and counts. */
static bool counts(const nacre_metric_run *run, int64_t row) {
  const perplexity *cfg = run->cfg;
  const real *target = row_of_target(run, row);
  if (!has_indices(run)) {
    return cfg->ignore_class == INT64_MIN ||
           argmax(run->cols, target) != cfg->ignore_class;
  }
  return target[0] >= 0 && (double)target[0] < (double)run->cols &&
         (int64_t)target[0] != cfg->ignore_class;
}

static void update(nacre_metric_run *run) {
  for (int64_t i = 0; i < run->rows; i++) {
    if (counts(run, i)) {
      metric_mean_add(run->state, surprise(run, i), metric_weight(run, i));
    }
  }
}

static double result(const void *cfg, const void *state) {
  return exp(metric_mean_result(cfg, state));
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .plan = plan,
  .update = update,
  .result = result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "perplexity",
  .summary = "Among how many equal choices one would be as unsure",
  .doc =
    "exp of the mean over rows of -log p, p being the probability of the "
    "row's class. For class indices and for one-hot targets.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(perplexity),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(perplexity, component)
