/* SPDX-License-Identifier: MIT */
/* average_pooling: the mean of each window, channel by channel. Positions
 * outside of the input do not count. */
#ifndef NACRE_LAYERS_AVERAGE_POOLING_H
#define NACRE_LAYERS_AVERAGE_POOLING_H

#include "pooling.h"

/* y[j] = share times the sum of channel j over `rows` rows, `step` apart, of
 * `cols` positions. */
static inline void nacre_average_of(int64_t rows, int64_t cols, int64_t step,
                                    int64_t channels, int64_t n, real share,
                                    const real *x, real *y) {
  real sum[NACRE_POOLING_LANES] = { 0 };
  for (int64_t r = 0; r < rows; r++) {
    for (int64_t c = 0; c < cols; c++) {
      const real *at = x + r * step + c * channels;
      for (int64_t j = 0; j < n; j++) {
        sum[j] += at[j];
      }
    }
  }
  for (int64_t j = 0; j < n; j++) {
    y[j] = share * sum[j];
  }
}

/** Row i of windows of forward. */
NACRE_KERNEL
static void nacre_average_forward(const nacre_pooling_pass *pass,
                                  int64_t i) {
  const nacre_pooling *pool = &pass->pool;
  int64_t channels = pool->channels, width = pool->cols.in * channels;
  int64_t top, bottom, left, right;
  nacre_pooling_window(&pool->rows, i % pool->rows.out, &top, &bottom);
  const real *x = pass->x + (i / pool->rows.out * pool->rows.in + top) *
                              width;
  for (int64_t col = 0; col < pool->cols.out; col++) {
    nacre_pooling_window(&pool->cols, col, &left, &right);
    int64_t rows = bottom - top, cols = right - left;
    const real *from = x + left * channels;
    real *y = pass->out + (i * pool->cols.out + col) * channels;
    real share = 1 / (real)(rows * cols);
    int64_t j = 0;
    for (; j + NACRE_POOLING_LANES <= channels; j += NACRE_POOLING_LANES) {
      nacre_average_of(rows, cols, width, channels, NACRE_POOLING_LANES,
                       share, from + j, y + j);
    }
    for (; j + NACRE_POOLING_FEW <= channels; j += NACRE_POOLING_FEW) {
      nacre_average_of(rows, cols, width, channels, NACRE_POOLING_FEW, share,
                       from + j, y + j);
    }
    for (; j < channels; j++) {
      nacre_average_of(rows, cols, width, channels, 1, share, from + j,
                       y + j);
    }
  }
}

/** Row i of windows of backward; adds to dx. */
NACRE_KERNEL
static void nacre_average_backward(const nacre_pooling_pass *pass,
                                   int64_t i) {
  const nacre_pooling *pool = &pass->pool;
  int64_t channels = pool->channels, width = pool->cols.in * channels;
  int64_t top, bottom, left, right;
  nacre_pooling_window(&pool->rows, i % pool->rows.out, &top, &bottom);
  real *dx = pass->out + i / pool->rows.out * pool->rows.in * width;
  for (int64_t col = 0; col < pool->cols.out; col++) {
    nacre_pooling_window(&pool->cols, col, &left, &right);
    const real *dy = pass->dy + (i * pool->cols.out + col) * channels;
    real share = 1 / (real)((bottom - top) * (right - left));
    for (int64_t r = top; r < bottom; r++) {
      for (int64_t c = left; c < right; c++) {
        real *to = dx + r * width + c * channels;
        for (int64_t j = 0; j < channels; j++) {
          to[j] += share * dy[j];
        }
      }
    }
  }
}

static inline void nacre_average_forward_tile(void *ctx, int64_t begin,
                                              int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    nacre_average_forward(ctx, i);
  }
}

static inline void nacre_average_by_row(void *ctx, int64_t begin,
                                        int64_t end) {
  nacre_pooling_by_row(ctx, nacre_average_backward, begin, end);
}

static inline void nacre_average_by_sample(void *ctx, int64_t begin,
                                           int64_t end) {
  nacre_pooling_by_sample(ctx, nacre_average_backward, begin, end);
}

#endif
