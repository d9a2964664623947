/* SPDX-License-Identifier: MIT */
/* max_pooling: the largest element of each window, channel by channel, and
 * its gradient, which goes to the first of equal ones. */
#ifndef NACRE_LAYERS_MAX_POOLING_H
#define NACRE_LAYERS_MAX_POOLING_H

#include "pooling.h"

/* The part of the input under a window: rows `step` apart of `cols` positions
 * of `channels`. */
typedef struct nacre_max_window {
  int64_t rows, cols, step, channels;
} nacre_max_window;

/* y[j] = the largest of channel j, or NaN if there is one. */
static inline void nacre_max_of(const nacre_max_window *w, int64_t n,
                                const real *restrict x, real *restrict y) {
  real most[NACRE_POOLING_LANES];
  for (int64_t j = 0; j < n; j++) {
    most[j] = x[j];
  }
  for (int64_t r = 0; r < w->rows; r++) {
    for (int64_t c = 0; c < w->cols; c++) {
      const real *at = x + r * w->step + c * w->channels;
      for (int64_t j = 0; j < n; j++) {
        real larger = at[j] > most[j] ? at[j] : most[j];
        most[j] = at[j] == at[j] ? larger : at[j];
      }
    }
  }
  for (int64_t j = 0; j < n; j++) {
    y[j] = most[j];
  }
}

/* dx[j] += dy[j] where x[j] is y[j] for the first time. */
static inline void nacre_max_give(const nacre_max_window *w, int64_t n,
                                  const real *restrict x,
                                  const real *restrict y,
                                  const real *restrict dy,
                                  real *restrict dx) {
  real left[NACRE_POOLING_LANES];
  for (int64_t j = 0; j < n; j++) {
    left[j] = dy[j];
  }
  for (int64_t r = 0; r < w->rows; r++) {
    for (int64_t c = 0; c < w->cols; c++) {
      int64_t at = r * w->step + c * w->channels;
      for (int64_t j = 0; j < n; j++) {
        real given = x[at + j] >= y[j] ? left[j] : 0;
        left[j] -= given; /* to exactly 0 */
        dx[at + j] += given;
      }
    }
  }
}

/* The window that is `row`'s and `col`'s, and where it begins in a sample. */
static inline nacre_max_window nacre_max_at(const nacre_pooling *pool,
                                            int64_t row, int64_t col,
                                            int64_t *first) {
  int64_t top, bottom, left, right;
  nacre_pooling_window(&pool->rows, row, &top, &bottom);
  nacre_pooling_window(&pool->cols, col, &left, &right);
  *first = (top * pool->cols.in + left) * pool->channels;
  nacre_max_window w = { bottom - top, right - left,
                         pool->cols.in * pool->channels, pool->channels };
  return w;
}

/** Row i of windows of forward. */
NACRE_KERNEL
static void nacre_max_forward(const nacre_pooling_pass *pass, int64_t i) {
  const nacre_pooling *pool = &pass->pool;
  int64_t channels = pool->channels, first;
  const real *x = pass->x + i / pool->rows.out * pool->rows.in *
                              pool->cols.in * channels;
  for (int64_t col = 0; col < pool->cols.out; col++) {
    nacre_max_window w = nacre_max_at(pool, i % pool->rows.out, col, &first);
    real *y = pass->out + (i * pool->cols.out + col) * channels;
    int64_t j = 0;
    for (; j + NACRE_POOLING_LANES <= channels; j += NACRE_POOLING_LANES) {
      nacre_max_of(&w, NACRE_POOLING_LANES, x + first + j, y + j);
    }
    for (; j + NACRE_POOLING_FEW <= channels; j += NACRE_POOLING_FEW) {
      nacre_max_of(&w, NACRE_POOLING_FEW, x + first + j, y + j);
    }
    for (; j < channels; j++) {
      nacre_max_of(&w, 1, x + first + j, y + j);
    }
  }
}

/** Row i of windows of backward; adds to dx. */
NACRE_KERNEL
static void nacre_max_backward(const nacre_pooling_pass *pass, int64_t i) {
  const nacre_pooling *pool = &pass->pool;
  int64_t channels = pool->channels, first;
  int64_t sample = i / pool->rows.out * pool->rows.in * pool->cols.in *
                   channels;
  for (int64_t col = 0; col < pool->cols.out; col++) {
    nacre_max_window w = nacre_max_at(pool, i % pool->rows.out, col, &first);
    const real *y = pass->y + (i * pool->cols.out + col) * channels;
    const real *dy = pass->dy + (i * pool->cols.out + col) * channels;
    int64_t j = 0, at = sample + first;
    for (; j + NACRE_POOLING_LANES <= channels; j += NACRE_POOLING_LANES) {
      nacre_max_give(&w, NACRE_POOLING_LANES, pass->x + at + j, y + j,
                     dy + j, pass->out + at + j);
    }
    for (; j + NACRE_POOLING_FEW <= channels; j += NACRE_POOLING_FEW) {
      nacre_max_give(&w, NACRE_POOLING_FEW, pass->x + at + j, y + j, dy + j,
                     pass->out + at + j);
    }
    for (; j < channels; j++) {
      nacre_max_give(&w, 1, pass->x + at + j, y + j, dy + j,
                     pass->out + at + j);
    }
  }
}

static inline void nacre_max_forward_tile(void *ctx, int64_t begin,
                                          int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    nacre_max_forward(ctx, i);
  }
}

static inline void nacre_max_by_row(void *ctx, int64_t begin, int64_t end) {
  nacre_pooling_by_row(ctx, nacre_max_backward, begin, end);
}

static inline void nacre_max_by_sample(void *ctx, int64_t begin,
                                       int64_t end) {
  nacre_pooling_by_sample(ctx, nacre_max_backward, begin, end);
}

#endif
