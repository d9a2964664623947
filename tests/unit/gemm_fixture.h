/* SPDX-License-Identifier: MIT */
/* gemm_fixture: matrix products with operands up against forbidden memory,
 * and what they should come to. */
#ifndef NACRE_TESTS_GEMM_FIXTURE_H
#define NACRE_TESTS_GEMM_FIXTURE_H

#include "cpu_fixture.h"

#define GAP ((real)77.25) /* what lies between the rows of C */

/* A product with its operands, each up against forbidden memory. */
typedef struct product {
  nacre_gemm g;
  cpu_block a, b, c, before, bias;
  size_t c_count;
} product;

static inline size_t span_of(int64_t rows, int64_t cols, int64_t ld,
                             int64_t batch, int64_t stride) {
  if (rows <= 0 || cols <= 0 || batch <= 0) {
    return 0;
  }
  return (size_t)((batch - 1) * stride + (rows - 1) * ld + cols);
}

static inline product product_new(uint64_t *state, unsigned flags, int64_t m,
                                  int64_t n, int64_t k, int64_t batch,
                                  double alpha, double beta, int extras) {
  const int64_t a_rows = flags & NACRE_GEMM_TRANS_A ? k : m;
  const int64_t a_cols = flags & NACRE_GEMM_TRANS_A ? m : k;
  const int64_t b_rows = flags & NACRE_GEMM_TRANS_B ? n : k;
  const int64_t b_cols = flags & NACRE_GEMM_TRANS_B ? k : n;
  product p;
  memset(&p, 0, sizeof p);
  nacre_gemm *g = &p.g;
  g->size = sizeof *g;
  g->flags = flags;
  g->m = m;
  g->n = n;
  g->k = k;
  g->lda = (a_cols > 0 ? a_cols : 1) + cpu_whole(state, 0, 2);
  g->ldb = (b_cols > 0 ? b_cols : 1) + cpu_whole(state, 0, 2);
  g->ldc = (n > 0 ? n : 1) + cpu_whole(state, 0, 2);
  g->batch = batch;
  g->stride_a = a_rows * g->lda + 1;
  g->stride_b = b_rows * g->ldb + 1;
  g->stride_c = m * g->ldc + 1;
  g->alpha = alpha;
  g->beta = beta;
  const size_t a_count = span_of(a_rows, a_cols, g->lda, batch, g->stride_a);
  const size_t b_count = span_of(b_rows, b_cols, g->ldb, batch, g->stride_b);
  p.c_count = span_of(m, n, g->ldc, batch, g->stride_c);
  p.a = cpu_block_new(a_count);
  p.b = cpu_block_new(b_count);
  p.c = cpu_block_new(p.c_count);
  p.before = cpu_block_new(p.c_count);
  p.bias = cpu_block_new((size_t)n);
  cpu_fill(state, a_count, p.a.at);
  cpu_fill(state, b_count, p.b.at);
  cpu_fill(state, (size_t)n, p.bias.at);
  for (size_t i = 0; i < p.c_count; i++) {
    p.before.at[i] = GAP;
  }
  for (int64_t e = 0; e < batch; e++) {
    for (int64_t i = 0; i < m; i++) {
      cpu_fill(state, (size_t)n,
               p.before.at + e * g->stride_c + i * g->ldc);
    }
  }
  g->a = p.a.at;
  g->b = p.b.at;
  g->c = p.c.at;
  g->bias = extras & 1 ? p.bias.at : NULL;
  g->act = extras & 2 ? &cpu_activation : NULL;
  return p;
}

static inline void product_free(product *p) {
  cpu_block_free(&p->a);
  cpu_block_free(&p->b);
  cpu_block_free(&p->c);
  cpu_block_free(&p->before);
  cpu_block_free(&p->bias);
}

/* With beta 0 what C held must not matter: it starts as NaN. */
static inline void product_run(product *p, const nacre_math *math) {
  memcpy(p->c.at, p->before.at, p->c_count * sizeof(real));
  for (size_t i = 0; p->g.beta == 0 && i < p->c_count; i++) {
    p->c.at[i] = p->c.at[i] == GAP ? GAP : (real)NAN;
  }
  math->gemm(math, &p->g);
}

/* The same from a packed B, in just the room that it may count on. */
static inline void product_run_packed(product *p, const nacre_math *math) {
  const size_t room = (size_t)(p->g.k * nacre_packed_cols(p->g.n));
  cpu_block packed = cpu_block_new(room);
  product by = *p;
  math->pack(math, &p->g, packed.at);
  by.g.flags |= NACRE_GEMM_PACKED;
  by.g.b = packed.at;
  by.g.ldb = -1;
  product_run(&by, math);
  cpu_block_free(&packed);
}

/* One element in double, and the size of what was summed. */
static inline double expected(const product *p, int64_t e, int64_t i, int64_t j,
                       double *size) {
  const nacre_gemm *g = &p->g;
  const real *a = g->a + e * g->stride_a, *b = g->b + e * g->stride_b;
  double sum = 0, total = 0;
  for (int64_t k = 0; k < g->k; k++) {
    double x = (double)(g->flags & NACRE_GEMM_TRANS_A ? a[k * g->lda + i]
                                                      : a[i * g->lda + k]);
    double y = (double)(g->flags & NACRE_GEMM_TRANS_B ? b[j * g->ldb + k]
                                                      : b[k * g->ldb + j]);
    sum += x * y;
    total += fabs(x * y);
  }
  sum *= g->alpha;
  total *= fabs(g->alpha);
  if (g->beta != 0) {
    double c = g->beta *
               (double)p->before.at[e * g->stride_c + i * g->ldc + j];
    sum += c;
    total += fabs(c);
  }
  if (g->bias != NULL) {
    sum += (double)g->bias[j];
    total += fabs((double)g->bias[j]);
  }
  *size = total;
  return g->act != NULL && sum > 0 ? sum * 0.5 : sum;
}

static inline void product_check(const product *p) {
  const nacre_gemm *g = &p->g;
  const double unit = sizeof(real) == 4 ? 5.97e-8 : 1.12e-16;
  for (int64_t e = 0; e < g->batch; e++) {
    for (int64_t i = 0; i < g->m; i++) {
      for (int64_t j = 0; j < g->ldc; j++) {
        const size_t at = (size_t)(e * g->stride_c + i * g->ldc + j);
        if (at >= p->c_count) {
          continue;
        }
        const double got = (double)p->c.at[at];
        if (j >= g->n) {
          ck_assert_msg(p->c.at[at] == GAP, "wrote beside C");
          continue;
        }
        double size, want = expected(p, e, i, j, &size);
        double bound = 8 * (double)(g->k + 3) * unit * size + 1e-300;
        ck_assert_msg(fabs(got - want) <= bound,
                      "flags %u, %lld x %lld x %lld: [%lld, %lld, %lld] is "
                      "%.9g, not %.9g",
                      g->flags, (long long)g->m, (long long)g->n,
                      (long long)g->k, (long long)e, (long long)i,
                      (long long)j, got, want);
      }
    }
  }
}

typedef struct extents {
  int64_t m, n, k;
} extents;

#endif
