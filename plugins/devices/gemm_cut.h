/* SPDX-License-Identifier: MIT */
/* gemm_cut: which blocks of C the threads take in a product. */
#ifndef NACRE_DEVICES_GEMM_CUT_H
#define NACRE_DEVICES_GEMM_CUT_H

#include "host.h"

/* Multiply-adds that are worth a block of their own. */
#define GEMM_BLOCK_WORK 262144.0

/** C in row_blocks x col_blocks blocks. by_rows: they are counted along the
 *  rows of blocks, else down the columns; a thread takes neighbours. */
typedef struct gemm_cut {
  int64_t row_blocks, col_blocks;
  int by_rows;
} gemm_cut;

#define GEMM_WHOLE { 1, 1, 1 }

/** How many parts of `size` cover n; both at least 1. */
static inline int64_t gemm_parts(int64_t n, int64_t size) {
  return (n - 1) / size + 1;
}

/** Whether the sum over k is two, of the first and of the second half of k,
 *  the second added to the first at last. Of two pieces it is that anyway. */
static inline int nacre_gemm_is_deep(const nacre_gemm *g) {
  const uint32_t turned =
    g->flags & (NACRE_GEMM_TRANS_A | NACRE_GEMM_TRANS_B | NACRE_GEMM_PACKED);
  if (g->batch != 1 || g->k <= KERNEL_K_MAX) {
    return 0;
  }
  return turned == 0 ? g->k <= 2 * KERNEL_K_MAX
                     : turned == NACRE_GEMM_TRANS_A && g->bias == NULL &&
                         g->act == NULL;
}

/** Pieces of k that go through the kernels one after another, as many in each
 *  half. */
static inline int64_t nacre_gemm_pieces(const nacre_gemm *g) {
  const int64_t pieces = g->k > 0 ? gemm_parts(g->k, KERNEL_K_MAX) : 1;
  return nacre_gemm_is_deep(g) ? pieces + pieces % 2 : pieces;
}

/** Multiply-adds of one entry of the batch. Extents of real matrices fit in
 *  memory, so products of two of them do not overflow; of three they may, and
 *  that is compared in double. */
static inline double nacre_gemm_work(const nacre_gemm *g) {
  return (double)g->m * (double)g->n * (double)g->k;
}

/** Blocks are whole tiles wide: multiples of so many columns. */
static inline int64_t nacre_gemm_unit(const kernels *kern,
                                      const nacre_gemm *g) {
  return g->m <= KERNEL_FEW_ROWS ? kern->few_columns / 2 : 2 * kern->lanes;
}

/** [compute] The cut of a product that is not small: m, n, batch >= 1. */
gemm_cut nacre_gemm_cut(const host_device *, const nacre_gemm *);

#endif
