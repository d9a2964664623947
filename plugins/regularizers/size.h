/* SPDX-License-Identifier: MIT */
/* size: the penalty on absolute values that l1 and l1_l2 share. */
#ifndef NACRE_REGULARIZERS_SIZE_H
#define NACRE_REGULARIZERS_SIZE_H

#include <nacre/plugin.h>

/** Returns factor sum |w| and adds factor sign(w) to dw unless it is NULL;
 *  the sign of 0 is 0. w, dw: [n]. */
static inline double nacre_size_penalty(double factor, int64_t n,
                                        const real *w, real *dw) {
  real slope = (real)factor;
  double part[8] = { 0 }; /* independent sums, added in a fixed order */
  for (int64_t i = 0; i < n; i++) {
    part[i % 8] += w[i] < 0 ? -(double)w[i] : (double)w[i];
  }
  for (int64_t i = 0; dw && i < n; i++) {
    dw[i] += w[i] > 0 ? slope : w[i] < 0 ? -slope : 0;
  }
  return factor * (((part[0] + part[1]) + (part[2] + part[3])) +
                   ((part[4] + part[5]) + (part[6] + part[7])));
}

#endif
