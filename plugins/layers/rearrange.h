/* SPDX-License-Identifier: MIT */
/* rearrange: writes a dense tensor from elements that lie in another order. */
#ifndef NACRE_LAYERS_REARRANGE_H
#define NACRE_LAYERS_REARRANGE_H

#include "tiles.h"

/** A walk over `to`, dense and row-major, that reads `from` where each axis
 *  has its own step; step 0 reads the same again. */
typedef struct nacre_rearrange {
  const real *from;
  real *to;
  int64_t dim[NACRE_RANK_MAX], step[NACRE_RANK_MAX];
  int32_t rank; /* at least 1 */
  bool add;     /* to `to` rather than write it */
} nacre_rearrange;

/* Rows are those of the last axis. */
static inline void nacre_rearrange_rows(void *ctx, int64_t begin,
                                        int64_t end) {
  const nacre_rearrange *walk = ctx;
  const int32_t last = walk->rank - 1;
  const int64_t cols = walk->dim[last], step = walk->step[last];
  for (int64_t row = begin; row < end; row++) {
    const real *from = walk->from;
    real *to = walk->to + row * cols;
    int64_t rest = row;
    for (int32_t i = last - 1; i >= 0; i--) {
      from += rest % walk->dim[i] * walk->step[i];
      rest /= walk->dim[i];
    }
    if (walk->add) {
      for (int64_t j = 0; j < cols; j++) {
        to[j] += from[j * step];
      }
    } else {
      for (int64_t j = 0; j < cols; j++) {
        to[j] = from[j * step];
      }
    }
  }
}

/** Walks, on the device's threads. */
static inline void nacre_rearrange_run(const nacre_math *math,
                                       nacre_rearrange *walk) {
  int64_t rows = 1;
  for (int32_t i = 0; i < walk->rank - 1; i++) {
    rows *= walk->dim[i];
  }
  nacre_tiles_run(math, rows, nacre_tiles_rows(walk->dim[walk->rank - 1]),
                  nacre_rearrange_rows, walk);
}

#endif
