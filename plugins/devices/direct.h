/* SPDX-License-Identifier: MIT */
/* direct: matrix products too small to be worth packing anything, and
 * products of a matrix and a vector. */
#ifndef NACRE_DEVICES_DIRECT_H
#define NACRE_DEVICES_DIRECT_H

#include "microtile.h"

/* `rows` rows of up to two registers; a_row and a_k step through op(A). */
ALWAYS void direct_rows(const kernel_tile *t, const int rows, const int wide,
                        int64_t a_row, int64_t a_k) {
  vreal acc[4][2];
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < wide; j++) {
      acc[i][j] = (vreal){ 0 };
    }
  }
  part mask[2];
  mask[0] = part_first(t->cols);
  mask[1] = part_first(t->cols > LANES ? t->cols - LANES : 0);
  const real *a = t->a;
  const real *b = t->b;
  for (int64_t k = t->k; k > 0; k--) {
    vreal row[2];
    UNROLL for (int j = 0; j < wide; j++) {
      row[j] = v_load_part(b + j * LANES, mask[j]);
    }
    UNROLL for (int i = 0; i < rows; i++) {
      UNROLL for (int j = 0; j < wide; j++) {
        acc[i][j] = v_fma(v_set(a[i * a_row]), row[j], acc[i][j]);
      }
    }
    a += a_k;
    b += t->b_step;
  }
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < wide; j++) {
      tile_put(t, t->c + i * t->ldc + j * LANES,
               t->bias == NULL ? NULL : t->bias + j * LANES, mask[j],
               acc[i][j]);
    }
  }
}

ALWAYS void direct_columns(kernel_tile *t, const int wide, int64_t m,
                           const real *a, real *c, int64_t a_row,
                           int64_t a_k) {
  int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    t->a = a + i * a_row;
    t->c = c + i * t->ldc;
    direct_rows(t, 4, wide, a_row, a_k);
  }
  if (i + 2 <= m) {
    t->a = a + i * a_row;
    t->c = c + i * t->ldc;
    direct_rows(t, 2, wide, a_row, a_k);
    i += 2;
  }
  if (i < m) {
    t->a = a + i * a_row;
    t->c = c + i * t->ldc;
    direct_rows(t, 1, wide, a_row, a_k);
  }
}

static void KERNEL(direct)(const nacre_gemm *g, const real *a, const real *b,
                           int64_t ldb, real *c) {
  const int trans_a = (g->flags & NACRE_GEMM_TRANS_A) != 0;
  const int64_t a_row = trans_a ? 1 : g->lda;
  const int64_t a_k = trans_a ? g->lda : 1;
  kernel_tile t;
  t.k = g->k;
  t.b_step = ldb;
  t.ldc = g->ldc;
  t.alpha = (real)g->alpha;
  t.beta = (real)g->beta;
  for (int64_t j = 0; j < g->n; j += 2 * LANES) {
    int64_t left = g->n - j;
    t.cols = left < 2 * LANES ? left : 2 * LANES;
    t.b = b + j;
    t.bias = g->bias == NULL ? NULL : g->bias + j;
    if (left <= LANES) {
      direct_columns(&t, 1, g->m, a, c + j, a_row, a_k);
    } else {
      direct_columns(&t, 2, g->m, a, c + j, a_row, a_k);
    }
  }
}

/* Inner products of `rows` rows with x, along k: two chains of each. */
ALWAYS void vector_rows(const int rows, int64_t k, const real *a,
                        int64_t lda, const real *x, real *y) {
  vreal acc[4][2];
  UNROLL for (int i = 0; i < rows; i++) {
    acc[i][0] = acc[i][1] = (vreal){ 0 };
  }
  int64_t j = 0;
  for (; j + 2 * LANES <= k; j += 2 * LANES) {
    UNROLL for (int i = 0; i < rows; i++) {
      const real *row = a + i * lda + j;
      acc[i][0] = v_fma(v_load(row), v_load(x + j), acc[i][0]);
      acc[i][1] =
        v_fma(v_load(row + LANES), v_load(x + j + LANES), acc[i][1]);
    }
  }
  for (; j < k; j += LANES) {
    const part mask = part_first(k - j);
    UNROLL for (int i = 0; i < rows; i++) {
      acc[i][0] = v_fma(v_load_part(a + i * lda + j, mask),
                        v_load_part(x + j, mask), acc[i][0]);
    }
  }
  UNROLL for (int i = 0; i < rows; i++) {
    y[i] = v_add_across(acc[i][0] + acc[i][1]);
  }
}

static void KERNEL(times_vector)(int64_t rows, int64_t k, const real *a,
                                 int64_t lda, const real *x, real *y) {
  int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    vector_rows(4, k, a + i * lda, lda, x, y + i);
  }
  for (; i < rows; i++) {
    vector_rows(1, k, a + i * lda, lda, x, y + i);
  }
}

#endif
