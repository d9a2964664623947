/* SPDX-License-Identifier: MIT */
/* logits.h: passes over rows that losses on a softmax's input share. */
#ifndef NACRE_LOSSES_LOGITS_H
#define NACRE_LOSSES_LOGITS_H

#include <nacre/plugin.h>

#define LANES 8

static inline double factor_of(const nacre_loss_run *run, int64_t row) {
  return run->weight != NULL ? run->weight[row] : run->scale;
}

/* The largest in LANES independent comparisons, for the vector unit.
 * x: [cols], cols >= 1. */
NACRE_KERNEL
static real largest(int64_t cols, const real *restrict x) {
  real lane[LANES];
  int64_t j = 0;
  for (int k = 0; k < LANES; k++) {
    lane[k] = x[0];
  }
  for (; j + LANES <= cols; j += LANES) {
    for (int k = 0; k < LANES; k++) {
      lane[k] = x[j + k] > lane[k] ? x[j + k] : lane[k];
    }
  }
  real most = lane[0];
  for (int k = 1; k < LANES; k++) {
    most = lane[k] > most ? lane[k] : most;
  }
  for (; j < cols; j++) {
    most = x[j] > most ? x[j] : most;
  }
  return most;
}

/* e = x - shift; x, e: [n] */
NACRE_KERNEL
static void subtract(int64_t n, const real *restrict x, real shift,
                     real *restrict e) {
  for (int64_t j = 0; j < n; j++) {
    e[j] = x[j] - shift;
  }
}

/* y = a x; x, y: [n], y may be x. */
NACRE_KERNEL
static void scaled(int64_t n, real a, const real *x, real *y) {
  for (int64_t j = 0; j < n; j++) {
    y[j] = a * x[j];
  }
}

#endif
