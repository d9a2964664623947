/* SPDX-License-Identifier: MIT */
/* confusion_matrix: how often each class was taken for which. */
#include "confusion.h"

#include <string.h>

static int plan(nacre_metric_plan *plan) {
  return confusion_plan(plan, "confusion_matrix");
}

static double result(const void *cfg, const void *at) {
  const confusion *state = at;
  double right = 0.0, all = 0.0;
  (void)cfg;
  for (int64_t i = 0; i < state->classes * state->classes; i++) {
    all += state->count[i];
    right += i % (state->classes + 1) == 0 ? state->count[i] : 0.0;
  }
  return right / all; /* nothing seen: 0/0 is NaN */
}

static int table(const void *cfg, const void *at, int64_t *rows,
                 int64_t *cols, double *out) {
  const confusion *state = at;
  (void)cfg;
  *rows = state->classes;
  *cols = state->classes;
  if (out != NULL) {
    size_t n = (size_t)state->classes * (size_t)state->classes;
    memcpy(out, state->count, n * sizeof *out);
  }
  return NACRE_OK;
}

static const nacre_metric_ops ops = {
  .size = sizeof(nacre_metric_ops),
  .flags = NACRE_METRIC_MAXIMIZE,
  .plan = plan,
  .update = confusion_update,
  .result = result,
  .table = table,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_METRIC,
  .contract = 1,
  .name = "confusion_matrix",
  .summary = "How often each class was taken for which",
  .doc =
    "A table of weights, rows by true and columns by predicted class; the "
    "number that is logged is the accuracy. One output is a yes or no at "
    "0.5, and the table is 2 by 2.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(confusion_matrix, component)
