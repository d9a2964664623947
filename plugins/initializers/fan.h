/* SPDX-License-Identifier: MIT */
/* fan: the variance-scaling family: weights whose variance is
 * scale / (number of inputs, outputs, or the mean of both). */
#ifndef NACRE_INITIALIZERS_FAN_H
#define NACRE_INITIALIZERS_FAN_H

#include <nacre/plugin.h>

#include <math.h>

#include "normal.h"

/** What the variance is divided by. */
enum nacre_fan_mode { NACRE_FAN_IN, NACRE_FAN_OUT, NACRE_FAN_AVG };

/** Variance of a weight: scale / max(1, fan). */
static inline double nacre_fan_variance(const nacre_init_run *run,
                                        double scale, int mode) {
  double fan = mode == NACRE_FAN_IN    ? (double)run->fan_in
               : mode == NACRE_FAN_OUT ? (double)run->fan_out
                                       : ((double)run->fan_in +
                                          (double)run->fan_out) / 2;
  return scale / (fan > 1 ? fan : 1);
}

/** out = uniform in [low, high); the host's stream, one word a weight. */
static inline void nacre_fan_uniform(const nacre_init_run *run, double low,
                                     double high) {
  int64_t n = nacre_shape_count(&run->shape);
  real *out = run->out; /* [n] */
  real from = (real)low, width = (real)(high - low);
  run->math->uniform(run->math, run->key, 0, n, out);
  for (int64_t i = 0; i < n; i++) {
    out[i] = from + width * out[i];
  }
}

/** Uniform of variance scale / fan: limits +-sqrt(3 scale / fan). */
static inline int nacre_fan_fill_uniform(const nacre_init_run *run,
                                         double scale, int mode) {
  double limit = sqrt(3 * nacre_fan_variance(run, scale, mode));
  nacre_fan_uniform(run, -limit, limit);
  return NACRE_OK;
}

/** Normal, cut off at two standard deviations, widened so that the variance
 *  after the cut is scale / fan. */
static inline int nacre_fan_fill_normal(const nacre_init_run *run,
                                        double scale, int mode) {
  double deviation = sqrt(nacre_fan_variance(run, scale, mode));
  nacre_normal_fill(run, 0, deviation / NACRE_NORMAL_CUT_DEVIATION,
                    NACRE_NORMAL_CUT);
  return NACRE_OK;
}

#endif
