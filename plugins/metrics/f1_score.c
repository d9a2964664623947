/* SPDX-License-Identifier: MIT */
/* f1_score: the harmonic mean of precision and recall. */
#include "classes.h"

#include <math.h>

#define EPSILON 1e-7 /* added to every divisor */

typedef struct f1_score {
  nacre_enum average;
  double threshold; /* NaN: the largest output says yes */
} f1_score;

enum { MACRO, MICRO, WEIGHTED, BINARY };

static const nacre_param params[] = {
  NACRE_PARAM(f1_score, average, "macro", "macro|micro|weighted|binary", "",
              "How classes are put together: their mean, one count of all, "
              "their mean by frequency, or a single output.", 0),
  NACRE_PARAM(f1_score, threshold, "null", "(0,1)", "",
              "Outputs above it say yes; null: the largest of each row, or "
              "above 0.5 with a single output.", 0),
};

typedef struct counts {
  double hit, wrong, missed; /* true and false positives, false negatives */
} counts;

typedef struct tally {
  double seen;
  int64_t classes;
  counts class[]; /* [classes] */
} tally;

#define MOST_CLASSES (1 << 20)

static int plan(nacre_metric_plan *plan) {
  const f1_score *cfg = plan->cfg;
  const int64_t cols = nacre_shape_last(&plan->y);
  if (cfg->average.value == BINARY && cols != 1) {
    plan->fail->fail(plan->fail, NULL,
                     "average 'binary' needs a single output, not %lld",
                     (long long)cols);
    return NACRE_ERROR;
  }
  if (cols > MOST_CLASSES) {
    plan->fail->fail(plan->fail, NULL, "f1_score of %lld classes is beyond "
                     "its limit of %d", (long long)cols, MOST_CLASSES);
    return NACRE_ERROR;
  }
  plan->state_size = sizeof(tally) + (size_t)cols * sizeof(counts);
  return NACRE_OK;
}

static bool says_yes(const f1_score *cfg, int64_t cols, real y, real top) {
  if (!isnan(cfg->threshold)) {
    return y > (real)cfg->threshold;
  }
  return cols == 1 ? y > (real)0.5 : y >= top && fabs((double)y) > 1e-9;
}

static void update(nacre_metric_run *run) {
  tally *state = run->state;
  state->classes = run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *y = row_of_y(run, i);
    real top = y[argmax(run->cols, y)];
    double weight = metric_weight(run, i);
    state->seen += weight;
    for (int64_t j = 0; j < run->cols; j++) {
      bool yes = says_yes(run->cfg, run->cols, y[j], top);
      bool member = is_member(run, i, j);
      state->class[j].hit += yes && member ? weight : 0.0;
      state->class[j].wrong += yes && !member ? weight : 0.0;
      state->class[j].missed += !yes && member ? weight : 0.0;
    }
  }
}

static double score(counts n) {
  double precision = n.hit / (n.hit + n.wrong + EPSILON);
  double recall = n.hit / (n.hit + n.missed + EPSILON);
  return 2.0 * precision * recall / (precision + recall + EPSILON);
}

static double result(const void *config, const void *at) {
  const f1_score *cfg = config;
  const tally *state = at;
  counts all = { 0.0, 0.0, 0.0 };
  double sum = 0.0, weighted = 0.0;
  for (int64_t j = 0; j < state->classes; j++) {
    counts n = state->class[j];
    sum += score(n);
    weighted += score(n) * (n.hit + n.missed);
    all.hit += n.hit;
    all.wrong += n.wrong;
    all.missed += n.missed;
  }
  if (!(state->seen > 0.0)) {
    return (double)NAN;
  }
  switch (cfg->average.value) {
    case MICRO:
      return score(all);
    case WEIGHTED:
      return weighted / (all.hit + all.missed + EPSILON);
    default:
      return sum / (double)state->classes;
  }
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
  .name = "f1_score",
  .summary = "Harmonic mean of precision and recall",
  .doc =
    "2 p r / (p + r) for each class, with 1e-7 added to every divisor, then "
    "averaged over classes. Class indices count as one-hot targets.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(f1_score),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(f1_score, component)
