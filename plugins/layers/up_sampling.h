/* SPDX-License-Identifier: MIT */
/* up_sampling: every position several times. Channels are last; one axis is
 * two of which the first has extent 1. */
#ifndef NACRE_LAYERS_UP_SAMPLING_H
#define NACRE_LAYERS_UP_SAMPLING_H

#include <nacre/plugin.h>

#include <string.h>

#include "tiles.h"

typedef struct nacre_up_sampling {
  int64_t rows, cols, channels;  /* of the small tensor */
  int64_t row_times, col_times;
  const real *from;
  real *to;
} nacre_up_sampling;

/* Positions of row i of the small tensor, each col_times times. */
NACRE_KERNEL
static void nacre_up_sampling_repeat(const nacre_up_sampling *up, int64_t i) {
  int64_t channels = up->channels;
  const real *x = up->from + i * up->cols * channels;
  real *y = up->to + i * up->row_times * up->cols * up->col_times * channels;
  for (int64_t col = 0; col < up->cols; col++) {
    for (int64_t k = 0; k < up->col_times; k++) {
      real *at = y + (col * up->col_times + k) * channels;
      for (int64_t j = 0; j < channels; j++) {
        at[j] = x[col * channels + j];
      }
    }
  }
}

/* Row i of the small tensor: sums over what its positions became. */
NACRE_KERNEL
static void nacre_up_sampling_gather(const nacre_up_sampling *up, int64_t i) {
  int64_t channels = up->channels;
  int64_t wide = up->cols * up->col_times * channels;
  real *dx = up->to + i * up->cols * channels;
  for (int64_t r = 0; r < up->row_times; r++) {
    const real *dy = up->from + (i * up->row_times + r) * wide;
    for (int64_t col = 0; col < up->cols; col++) {
      real *sum = dx + col * channels;
      for (int64_t k = 0; k < up->col_times; k++) {
        const real *at = dy + (col * up->col_times + k) * channels;
        bool first = r == 0 && k == 0;
        for (int64_t j = 0; j < channels; j++) {
          sum[j] = first ? at[j] : sum[j] + at[j];
        }
      }
    }
  }
}

static inline void nacre_up_sampling_repeat_rows(void *ctx, int64_t begin,
                                                 int64_t end) {
  const nacre_up_sampling *up = ctx;
  int64_t wide = up->cols * up->col_times * up->channels;
  for (int64_t i = begin; i < end; i++) {
    nacre_up_sampling_repeat(up, i);
    real *first = up->to + i * up->row_times * wide;
    for (int64_t r = 1; r < up->row_times; r++) {
      memcpy(first + r * wide, first, (size_t)wide * sizeof(real));
    }
  }
}

static inline void nacre_up_sampling_gather_rows(void *ctx, int64_t begin,
                                                 int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    nacre_up_sampling_gather(ctx, i);
  }
}

static inline int64_t nacre_up_sampling_grain(const nacre_up_sampling *up) {
  return nacre_tiles_rows(up->cols * up->channels * up->row_times *
                          up->col_times);
}

/** out[0] = in[0], every position row_times * col_times times. */
static inline void nacre_up_sampling_forward(const nacre_run *run,
                                             nacre_up_sampling up) {
  up.from = nacre_data(&run->in[0]);
  up.to = nacre_data(&run->out[0]);
  nacre_tiles_run(run->math, run->batch * up.rows,
                  nacre_up_sampling_grain(&up),
                  nacre_up_sampling_repeat_rows, &up);
}

static inline void nacre_up_sampling_backward(const nacre_run *run,
                                              nacre_up_sampling up) {
  up.from = nacre_data(&run->dout[0]);
  up.to = nacre_data(&run->din[0]);
  if (up.to) {
    nacre_tiles_run(run->math, run->batch * up.rows,
                    nacre_up_sampling_grain(&up),
                    nacre_up_sampling_gather_rows, &up);
  }
}

#endif
