/* SPDX-License-Identifier: MIT */
/* adam.h: the step of adam, for optimizers that differ in what they do
 * around it. */
#ifndef NACRE_OPTIMIZERS_ADAM_H
#define NACRE_OPTIMIZERS_ADAM_H

#include <nacre/plugin.h>
#include <tgmath.h>

enum { ADAM_MEAN, ADAM_SQUARE, ADAM_LARGEST };
static const char *const adam_slot_names[] = { "momentum", "velocity",
                                               "velocity_hat" };

/* Corrects the step number `step` for both moments having started at 0. */
static inline double adam_correction(double beta_1, double beta_2,
                                     int64_t step) {
  const double t = (double)step;
  return sqrt(1.0 - pow(beta_2, t)) / (1.0 - pow(beta_1, t));
}

/* Everything in the precision of the tensors: the corrected rate, what each
 * moment takes of the new gradient, and epsilon. */
typedef struct adam_factors {
  real alpha, mean, square, epsilon;
} adam_factors;

/* w, g, m, v: [n] */
NACRE_KERNEL
static void adam_plain(int64_t n, adam_factors f, const real *restrict g,
                       real *restrict m, real *restrict v, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] += f.mean * (g[i] - m[i]);
    v[i] += f.square * (g[i] * g[i] - v[i]);
    w[i] -= f.alpha * m[i] / (sqrt(v[i]) + f.epsilon);
  }
}

/* w, g, m, v, top: [n] */
NACRE_KERNEL
static void adam_amsgrad(int64_t n, adam_factors f, const real *restrict g,
                         real *restrict m, real *restrict v,
                         real *restrict top, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    m[i] += f.mean * (g[i] - m[i]);
    v[i] += f.square * (g[i] * g[i] - v[i]);
    top[i] = v[i] > top[i] ? v[i] : top[i];
    w[i] -= f.alpha * m[i] / (sqrt(top[i]) + f.epsilon);
  }
}

static inline void adam_update(const nacre_opt_run *run, adam_factors f,
                               bool amsgrad) {
  if (amsgrad) {
    adam_amsgrad(run->n, f, run->g, run->slot[ADAM_MEAN],
                 run->slot[ADAM_SQUARE], run->slot[ADAM_LARGEST], run->w);
  } else {
    adam_plain(run->n, f, run->g, run->slot[ADAM_MEAN],
               run->slot[ADAM_SQUARE], run->w);
  }
}

#endif
