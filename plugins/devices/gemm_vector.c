/* SPDX-License-Identifier: MIT */
/* gemm_vector: products with a vector whose elements lie side by side, where
 * registers across the columns of C would be all but empty. */
#include "gemm_cut.h"

/* Rows that a thread takes at a time. */
#define VECTOR_ROWS 32

typedef struct job {
  const nacre_math *math;
  const nacre_gemm *g;
} job;

static void run_rows(void *ctx, int64_t begin, int64_t end) {
  const job *u = ctx;
  const nacre_gemm *g = u->g;
  const kernels *kern = ((const host_device *)u->math->self)->kern;
  real sums[VECTOR_ROWS];
  kern->times_vector(end - begin, g->k, g->a + begin * g->lda, g->lda, g->b,
                     sums);
  for (int64_t i = begin; i < end; i++) {
    real *at = g->c + i * g->ldc;
    real sum = (real)g->alpha * sums[i - begin];
    if (g->beta != 0) {
      sum += (real)g->beta * *at;
    }
    *at = g->bias == NULL ? sum : sum + g->bias[0];
  }
  if (g->act != NULL) {
    nacre_gemm_activate(u->math, g, end - begin, 1,
                        g->c + begin * g->ldc);
  }
}

int nacre_gemm_run_vector(const nacre_math *math, const nacre_gemm *g) {
  host_device *d = math->self;
  if (g->n != 1 || g->batch != 1 || g->m < 1 || g->k < d->kern->lanes ||
      (g->flags & NACRE_GEMM_PACKED) ||
      (!(g->flags & NACRE_GEMM_TRANS_B) && g->ldb != 1)) {
    return 0;
  }
  if (!(g->flags & NACRE_GEMM_TRANS_A)) {
    job u = { math, g };
    nacre_pool_run(d->pool, g->m, VECTOR_ROWS, nacre_gemm_work(g) / 8,
                   run_rows, &u);
    return 1;
  }
  if (g->ldc != 1 || g->bias != NULL) {
    return 0;
  }
  /* The column C is a row of the transposed product. */
  nacre_gemm turned = *g;
  turned.flags = 0;
  turned.m = 1;
  turned.n = g->m;
  turned.a = g->b;
  turned.lda = g->k;
  turned.b = g->a;
  turned.ldb = g->lda;
  turned.ldc = g->m;
  nacre_gemm_run(math, &turned);
  return 1;
}
