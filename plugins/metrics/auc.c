/* SPDX-License-Identifier: MIT */
/* auc: the area under a curve of decisions over all thresholds. */
#include "classes.h"

#include <math.h>

typedef struct auc {
  int64_t num_thresholds;
  nacre_enum curve;
} auc;

enum { ROC, PR };

static const nacre_param params[] = {
  NACRE_PARAM(auc, num_thresholds, "200", "[2,1000000]", "",
              "Points of the curve.", 0),
  NACRE_PARAM(auc, curve, "ROC", "ROC|PR", "",
              "True over false positive rate, or precision over recall.", 0),
};

/* Thresholds stand at i / (n - 1); bucket i holds outputs above threshold i
 * and not above the next, the first and last reaching beyond 0 and 1. */
typedef struct bucket {
  double so, not_so; /* sums of weights */
} bucket;

static int plan(nacre_metric_plan *plan) {
  const auc *cfg = plan->cfg;
  plan->state_size = (size_t)cfg->num_thresholds * sizeof(bucket);
  return NACRE_OK;
}

static int64_t bucket_of(int64_t thresholds, real y) {
  if (!(y > 0)) {
    return 0;
  }
  real top = (real)(thresholds - 1);
  real place = y < 1 ? y * top : top;
  int64_t index = (int64_t)place;
  return (real)index == place && index > 0 ? index - 1 : index;
}

static void update(nacre_metric_run *run) {
  const auc *cfg = run->cfg;
  bucket *buckets = run->state;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *y = row_of_y(run, i);
    double weight = metric_weight(run, i);
    for (int64_t j = 0; j < run->cols; j++) {
      bucket *b = &buckets[bucket_of(cfg->num_thresholds, y[j])];
      *(is_member(run, i, j) ? &b->so : &b->not_so) += weight;
    }
  }
}

static double ratio(double a, double b) {
  return b != 0.0 ? a / b : 0.0;
}

/* What is above one threshold, and above the next. */
typedef struct strip {
  bucket here, next;
} strip;

static double roc_area(strip s, bucket all) {
  double rise = ratio(s.here.so, all.so) + ratio(s.next.so, all.so);
  double run = ratio(s.here.not_so, all.not_so) -
               ratio(s.next.not_so, all.not_so);
  return 0.5 * rise * run;
}

/* Between two points true positives grow linearly with all positives, which
 * makes precision a curve: Davis and Goadrich, section 4. */
static double pr_area(strip s, bucket all) {
  double here = s.here.so + s.here.not_so;
  double next = s.next.so + s.next.not_so;
  double grown = s.here.so - s.next.so;
  double slope = ratio(grown, here - next);
  double intercept = s.next.so - slope * next;
  double bent = here > 0.0 && next > 0.0 ? log(here / next) : 0.0;
  return ratio(slope * (grown + intercept * bent), all.so);
}

static double result(const void *config, const void *state) {
  const auc *cfg = config;
  const bucket *buckets = state;
  bucket all = { 0.0, 0.0 };
  for (int64_t i = 0; i < cfg->num_thresholds; i++) {
    all.so += buckets[i].so;
    all.not_so += buckets[i].not_so;
  }
  if (!(all.so + all.not_so > 0.0)) {
    return (double)NAN;
  }
  double area = 0.0;
  strip s = { { 0.0, 0.0 }, buckets[cfg->num_thresholds - 1] };
  for (int64_t i = cfg->num_thresholds - 2; i >= 0; i--) {
    s.here.so = s.next.so + buckets[i].so;
    s.here.not_so = s.next.not_so + buckets[i].not_so;
    area += cfg->curve.value == PR ? pr_area(s, all) : roc_area(s, all);
    s.next = s.here;
  }
  return area;
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
  .name = "auc",
  .summary = "Area under a curve of decisions over all thresholds",
  .doc =
    "Outputs are probabilities. The curve has num_thresholds points; between "
    "them ROC is straight and PR bends as in Davis and Goadrich, The "
    "relationship between precision-recall and ROC curves, ICML 2006. All "
    "outputs count alike; class indices count as one-hot targets.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(auc),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(auc, component)
