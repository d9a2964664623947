/* SPDX-License-Identifier: MIT */
/* confusion.h: how often each class was taken for which, for metrics of whole
 * tables. */
#ifndef NACRE_METRICS_CONFUSION_H
#define NACRE_METRICS_CONFUSION_H

#include "classes.h"

typedef struct confusion {
  int64_t classes;
  double count[]; /* [classes, classes]: rows true, columns predicted */
} confusion;

#define CONFUSION_MOST 4096 /* the matrix takes 128 MiB then */

static inline int confusion_plan(nacre_metric_plan *plan,
                                 const char *name) {
  const int64_t cols = nacre_shape_last(&plan->y);
  if (plan->task == NACRE_TASK_OTHER) {
    plan->fail->fail(plan->fail, NULL, "%s needs a classification loss",
                     name);
    return NACRE_ERROR;
  }
  if (cols > CONFUSION_MOST) {
    plan->fail->fail(plan->fail, NULL, "%s of %lld classes is beyond its "
                     "limit of %d", name, (long long)cols, CONFUSION_MOST);
    return NACRE_ERROR;
  }
  const size_t classes = cols == 1 ? 2 : (size_t)cols;
  plan->state_size = sizeof(confusion) + classes * classes * sizeof(double);
  return NACRE_OK;
}

/* The true class of a row, or -1 for an index that is none. */
static inline int64_t confusion_truth(const nacre_metric_run *run,
                                      int64_t row) {
  const real *target = row_of_target(run, row);
  if (run->cols == 1) {
    return target[0] > (real)0.5;
  }
  if (!has_indices(run)) {
    return argmax(run->cols, target);
  }
  bool known = target[0] >= 0 && (double)target[0] < (double)run->cols;
  return known ? (int64_t)target[0] : -1;
}

static inline void confusion_update(nacre_metric_run *run) {
  confusion *state = run->state;
  state->classes = run->cols == 1 ? 2 : run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *y = row_of_y(run, i);
    int64_t is = confusion_truth(run, i);
    int64_t said = run->cols == 1 ? y[0] > (real)0.5 : argmax(run->cols, y);
    if (is >= 0) {
      state->count[is * state->classes + said] += metric_weight(run, i);
    }
  }
}

#endif
