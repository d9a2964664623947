/* SPDX-License-Identifier: MIT */
/* keyed_sum: adds up the rows of a matrix that have the same key.
 *
 * Threads share out the columns, not the rows: a key may come several times,
 * and its rows are added in their order. Where there are many more rows than
 * keys, the first and the second half of the rows have sums of their own, so
 * that a thread reads mostly the samples that it has worked on. */
#ifndef NACRE_LAYERS_KEYED_SUM_H
#define NACRE_LAYERS_KEYED_SUM_H

#include "tiles.h"

#include <string.h>

/* Columns that a thread adds up at a time. */
#define NACRE_KEYED_SUM_BLOCK 64

typedef struct nacre_keyed_sum {
  const real *key; /* [n]: a row of sum; what is none is passed over */
  int64_t n;
  const real *x;   /* [n, cols], rows pitch apart */
  int64_t pitch;
  int64_t rows, cols;
  real *sum;       /* [rows, cols]: written if fresh, else added to */
  bool fresh;
  real *second;    /* [rows, cols], room that nacre_keyed_sum_halves() asks
                      for; not read where it does not */
} nacre_keyed_sum;

/** Whether n rows of so many keys have a second sum. */
static inline bool nacre_keyed_sum_halves(int64_t rows, double n) {
  return 4.0 * (double)rows <= n;
}

/** The row that a key names, or -1. */
static inline int64_t nacre_keyed_row(real key, int64_t rows) {
  if (!(key >= 0 && key < (real)rows)) {
    return -1;
  }
  const int64_t row = (int64_t)key;
  return (real)row == key ? row : -1;
}

/* The columns [begin, end) of the rows [first, last). */
NACRE_KERNEL
static void nacre_keyed_sum_add(const nacre_keyed_sum *s, int64_t first,
                                int64_t last, int64_t begin, int64_t end,
                                real *restrict sum) {
  const real *key = s->key, *x = s->x;
  const int64_t rows = s->rows, cols = s->cols, pitch = s->pitch;
  for (int64_t i = first; i < last; i++) {
    const int64_t row = nacre_keyed_row(key[i], rows);
    if (row < 0) {
      continue;
    }
    for (int64_t j = begin; j < end; j++) {
      sum[row * cols + j] += x[i * pitch + j];
    }
  }
}

static inline int64_t nacre_keyed_sum_blocks(const nacre_keyed_sum *s) {
  return (s->cols - 1) / NACRE_KEYED_SUM_BLOCK + 1;
}

static void nacre_keyed_sum_tile(void *ctx, int64_t tile, int64_t end) {
  const nacre_keyed_sum *s = ctx;
  const int64_t blocks = nacre_keyed_sum_blocks(s);
  const int64_t halves =
    nacre_keyed_sum_halves(s->rows, (double)s->n) ? 2 : 1;
  for (; tile < end; tile++) {
    const int64_t half = tile / blocks;
    const int64_t first = tile % blocks * NACRE_KEYED_SUM_BLOCK;
    const int64_t left = s->cols - first;
    const int64_t width =
      left < NACRE_KEYED_SUM_BLOCK ? left : NACRE_KEYED_SUM_BLOCK;
    real *sum = half > 0 ? s->second : s->sum;
    for (int64_t i = 0; (half > 0 || s->fresh) && i < s->rows; i++) {
      memset(sum + i * s->cols + first, 0, (size_t)width * sizeof(real));
    }
    nacre_keyed_sum_add(s, s->n * half / halves, s->n * (half + 1) / halves,
                        first, first + width, sum);
  }
}

static inline void nacre_keyed_sum_run(const nacre_math *math,
                                       nacre_keyed_sum *s) {
  const bool halves = nacre_keyed_sum_halves(s->rows, (double)s->n);
  const int64_t tiles = nacre_keyed_sum_blocks(s) * (halves ? 2 : 1);
  nacre_tiles_run(math, tiles, s->n * s->cols > NACRE_TILES_GRAIN ? 1 : tiles,
                  nacre_keyed_sum_tile, s);
  if (halves) {
    math->axpy(math, s->rows * s->cols, 1, s->second, s->sum);
  }
}

#endif
