/* SPDX-License-Identifier: MIT */
/* classes.h: what metrics of classifications read out of a row. */
#ifndef NACRE_METRICS_CLASSES_H
#define NACRE_METRICS_CLASSES_H

#include "mean.h"

/* The first of the largest. x: [cols] */
static inline int64_t argmax(int64_t cols, const real *x) {
  int64_t best = 0;
  for (int64_t j = 1; j < cols; j++) {
    if (x[j] > x[best]) {
      best = j;
    }
  }
  return best;
}

static inline const real *row_of_y(const nacre_metric_run *run, int64_t row) {
  return run->y + row * run->cols;
}

static inline const real *row_of_target(const nacre_metric_run *run,
                                        int64_t row) {
  return run->target + row * run->target_cols;
}

/* Whether targets are class indices; a single column is a yes or no. */
static inline bool has_indices(const nacre_metric_run *run) {
  return run->target_cols == 1 && run->cols > 1;
}

/* Whether the row belongs to class `col`, by its index or its 0s and 1s. */
static inline bool is_member(const nacre_metric_run *run, int64_t row,
                             int64_t col) {
  const real *target = row_of_target(run, row);
  return has_indices(run) ? target[0] == (real)col : target[col] != 0;
}

#endif
