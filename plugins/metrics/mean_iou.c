/* SPDX-License-Identifier: MIT */
/* mean_iou: how far what is said to be a class overlaps what is it. */
#include "confusion.h"

static int plan(nacre_metric_plan *plan) {
  return confusion_plan(plan, "mean_iou");
}

/* Over the classes that are there, in truth or in predictions; of none, 0/0
 * is NaN. */
static double result(const void *cfg, const void *at) {
  const confusion *state = at;
  const int64_t n = state->classes;
  double sum = 0.0, found = 0.0;
  (void)cfg;
  for (int64_t i = 0; i < n; i++) {
    double both = state->count[i * n + i], either = -both;
    for (int64_t j = 0; j < n; j++) {
      either += state->count[i * n + j] + state->count[j * n + i];
    }
    if (either > 0.0) {
      sum += both / either;
      found += 1.0;
    }
  }
  return sum / found;
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .flags = NACRE_METRIC_MAXIMIZE,
  .plan = plan,
  .update = confusion_update,
  .result = result,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "mean_iou",
  .aliases = "one_hot_mean_iou,binary_iou",
  .summary = "Mean over classes of intersection over union",
  .doc =
    "For each class the weight of rows that are it and are said to be it, "
    "over that of rows that are or are said to be; the mean over the classes "
    "that occur. One output is a yes or no at 0.5, with two classes.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(mean_iou, component)
