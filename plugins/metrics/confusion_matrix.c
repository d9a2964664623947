/* SPDX-License-Identifier: MIT */
/* confusion_matrix: how often each class was taken for which. */
#include "classes.h"

#include <string.h>

typedef struct matrix {
  int64_t classes;
  double count[]; /* [classes, classes]: rows true, columns predicted */
} matrix;

#define MOST_CLASSES 4096 /* the matrix takes 128 MiB then */

static int plan(nacre_metric_plan *plan) {
  const int64_t cols = nacre_shape_last(&plan->y);
  if (plan->task == NACRE_TASK_OTHER) {
    plan->fail->fail(plan->fail, NULL,
                     "confusion_matrix needs a classification loss");
    return NACRE_ERROR;
  }
  if (cols > MOST_CLASSES) {
    plan->fail->fail(plan->fail, NULL, "confusion_matrix of %lld classes is "
                     "beyond its limit of %d", (long long)cols, MOST_CLASSES);
    return NACRE_ERROR;
  }
  const size_t classes = cols == 1 ? 2 : (size_t)cols;
  plan->state_size = sizeof(matrix) + classes * classes * sizeof(double);
  return NACRE_OK;
}

/* The true class of a row, or -1 for an index that is none. */
static int64_t truth(const nacre_metric_run *run, int64_t row) {
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

static void update(nacre_metric_run *run) {
  matrix *state = run->state;
  state->classes = run->cols == 1 ? 2 : run->cols;
  for (int64_t i = 0; i < run->rows; i++) {
    const real *y = row_of_y(run, i);
    int64_t is = truth(run, i);
    int64_t said = run->cols == 1 ? y[0] > (real)0.5 : argmax(run->cols, y);
    if (is >= 0) {
      state->count[is * state->classes + said] += metric_weight(run, i);
    }
  }
}

static double result(const void *cfg, const void *at) {
  const matrix *state = at;
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
  const matrix *state = at;
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
  .update = update,
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
