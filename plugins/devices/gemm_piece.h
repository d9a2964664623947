/* SPDX-License-Identifier: MIT */
/* gemm_piece: one piece of k of one block of C, on the calling thread. */
#ifndef NACRE_DEVICES_GEMM_PIECE_H
#define NACRE_DEVICES_GEMM_PIECE_H

#include "gemm_cut.h"

typedef struct gemm_piece {
  const nacre_math *math;
  const kernels *kern;
  const nacre_gemm *g;
  real *a_space, *b_space;
  const real *packed;       /* where the block of B lies packed; or NULL */
  const real *a, *b;        /* of this entry of the batch */
  real *c;                  /* of the block, rows ldc apart */
  int64_t ldc;
  int64_t row, rows, col, cols; /* the block */
  int64_t k, k_count;
  real beta;
  int last;                 /* of the pieces of k */
} gemm_piece;

static inline real *gemm_row(real *c, int64_t ldc, int64_t i) {
  return c + i * ldc;
}

static inline int64_t gemm_whole_lanes(const kernels *kern, int64_t n) {
  return (n + kern->lanes - 1) / kern->lanes * kern->lanes;
}

/** Sets k, k_count and last: piece i of nacre_gemm_pieces(). */
void nacre_gemm_cut_k(gemm_piece *, int64_t i);

/** c = alpha A B + beta c over the piece, and behind the last one bias and
 *  activation. */
void nacre_gemm_run_piece(const gemm_piece *);

#endif
