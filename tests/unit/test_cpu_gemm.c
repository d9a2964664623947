/* SPDX-License-Identifier: MIT */
/* Matrix products of the device `cpu` against sums in double, at shapes that
 * reach every kernel, edge and cut, and at every instruction set. */
#include "cpu_fixture.h"

#define GAP ((real)77.25) /* what lies between the rows of C */

static void halve_positive(const nacre_math *math, const void *cfg,
                           int64_t rows, int64_t cols, const real *x,
                           real *y) {
  (void)math;
  for (int64_t i = 0; i < rows * cols; i++) {
    y[i] = x[i] > 0 ? x[i] * *(const real *)cfg : x[i];
  }
}

static const real half = (real)0.5;
static const nacre_activation activation = { halve_positive, NULL, &half };

/* A product with its operands, each up against forbidden memory. */
typedef struct product {
  nacre_gemm g;
  cpu_block a, b, c, before, bias;
  size_t c_count;
} product;

static size_t span_of(int64_t rows, int64_t cols, int64_t ld, int64_t batch,
                      int64_t stride) {
  if (rows <= 0 || cols <= 0 || batch <= 0) {
    return 0;
  }
  return (size_t)((batch - 1) * stride + (rows - 1) * ld + cols);
}

static product product_new(uint64_t *state, unsigned flags, int64_t m,
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
  g->act = extras & 2 ? &activation : NULL;
  return p;
}

static void product_free(product *p) {
  cpu_block_free(&p->a);
  cpu_block_free(&p->b);
  cpu_block_free(&p->c);
  cpu_block_free(&p->before);
  cpu_block_free(&p->bias);
}

/* With beta 0 what C held must not matter: it starts as NaN. */
static void product_run(product *p, const nacre_math *math) {
  memcpy(p->c.at, p->before.at, p->c_count * sizeof(real));
  for (size_t i = 0; p->g.beta == 0 && i < p->c_count; i++) {
    p->c.at[i] = p->c.at[i] == GAP ? GAP : (real)NAN;
  }
  math->gemm(math, &p->g);
}

/* The same from a packed B, in just the room that it may count on. */
static void product_run_packed(product *p, const nacre_math *math) {
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
static double expected(const product *p, int64_t e, int64_t i, int64_t j,
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

static void product_check(const product *p) {
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

static const double factors[] = { 1, 0, -0.75, 2.385 };

/* Shapes of all sizes from the smallest on, at one instruction set. */
START_TEST(agrees_with_sums_in_double) {
  cpu_device d = cpu_open(cpu_levels[_i / 2], _i % 2 == 0 ? 1 : 3);
  uint64_t state = 20 + (uint64_t)_i;
  for (int round = 0; round < 420; round++) {
    const int64_t most[] = { 4, 20, 40, 70, 150 };
    const int64_t m = cpu_whole(&state, 1, most[round % 5]);
    const int64_t n = cpu_whole(&state, 1, most[round / 5 % 5]);
    const int64_t k = cpu_whole(&state, 0, most[round / 25 % 5]);
    product p = product_new(&state, (unsigned)round % 4u, m, n, k,
                            round % 7 == 0 ? 3 : 1,
                            round % 3 == 0 ? -1.25 : 1,
                            factors[cpu_whole(&state, 0, 3)],
                            (int)cpu_whole(&state, 0, 3));
    product_run(&p, d.math);
    product_check(&p);
    if (p.g.batch == 1) {
      product_run_packed(&p, d.math);
      product_check(&p);
    }
    product_free(&p);
  }
  cpu_close(&d);
}
END_TEST

typedef struct extents {
  int64_t m, n, k;
} extents;

/* Rows and columns one off every kernel's height and width, sums longer than
 * one piece of k, and vectors. */
static const extents edges[] = {
  { 13, 31, 17 },  { 14, 32, 16 },   { 15, 33, 9 },   { 29, 65, 513 },
  { 28, 257, 40 }, { 7, 300, 1025 }, { 200, 1, 300 }, { 200, 2, 300 },
  { 1, 700, 300 }, { 300, 3, 70 },   { 1, 1, 5000 },  { 300, 10, 1 },
  { 128, 10, 512 }, { 2, 530, 300 }, { 3, 700, 90 }
};
#define EDGES ((int)(sizeof edges / sizeof edges[0]))

START_TEST(holds_at_edges) {
  cpu_device d = cpu_open(cpu_levels[_i], 2);
  uint64_t state = 7;
  for (int e = 0; e < 4 * EDGES; e++) {
    const extents *x = &edges[e / 4];
    for (int extras = 0; extras < 4; extras += 3) {
      product p = product_new(&state, (unsigned)e % 4u, x->m, x->n, x->k, 1,
                              1, extras == 0 ? 1 : 0, extras);
      product_run(&p, d.math);
      product_check(&p);
      product_run_packed(&p, d.math);
      product_check(&p);
      product_free(&p);
    }
  }
  cpu_close(&d);
}
END_TEST

/* A vector laid out without gaps takes its own way. */
START_TEST(dense_vectors) {
  cpu_device d = cpu_open(cpu_levels[_i], 2);
  uint64_t state = 11;
  for (unsigned flags = 0; flags < 4; flags++) {
    for (int column = 0; column < 2; column++) {
      product p = product_new(&state, flags, column ? 333 : 1,
                              column ? 1 : 333, 257, 1, 1, 1, 0);
      p.g.ldc = p.g.n;
      p.g.lda = p.g.flags & NACRE_GEMM_TRANS_A ? p.g.m : p.g.k;
      p.g.ldb = p.g.flags & NACRE_GEMM_TRANS_B ? p.g.k : p.g.n;
      product_run(&p, d.math);
      product_check(&p);
      product_free(&p);
    }
  }
  cpu_close(&d);
}
END_TEST

/* One row with many zeros, and a large B: rows that meet a zero are passed
 * over, which leaves the same bits as when all are read. */
START_TEST(zeros_are_passed_over) {
  static const double shares[] = { 0, 0.2, 0.5, 0.9, 1 };
  cpu_device d = cpu_open(cpu_levels[_i / 2], _i % 2 == 0 ? 1 : 3);
  uint64_t state = 13;
  for (int i = 0; i < 5; i++) {
    product p = product_new(&state, 0, 1, 333, 1303, 1, 1.5, i % 2, 3);
    for (int64_t k = 0; k < p.g.k; k++) {
      p.a.at[k] = cpu_value(&state) < shares[i] ? 0 : p.a.at[k];
    }
    real *all = malloc(p.c_count * sizeof(real));
    ck_assert_ptr_nonnull(all);
    product_run_packed(&p, d.math);
    memcpy(all, p.c.at, p.c_count * sizeof(real));
    product_run(&p, d.math);
    product_check(&p);
    ck_assert_mem_eq(all, p.c.at, p.c_count * sizeof(real));
    free(all);
    product_free(&p);
  }
  cpu_close(&d);
}
END_TEST

/* Every bit is the same for 1, 2, 3, 4 and 7 threads. */
static void product_same_bits(product *p, const char *level) {
  static const int64_t threads[] = { 1, 2, 3, 4, 7 };
  real *first = malloc(p->c_count * sizeof(real));
  ck_assert_ptr_nonnull(first);
  for (int t = 0; t < 5; t++) {
    cpu_device d = cpu_open(level, threads[t]);
    product_run(p, d.math);
    if (t == 0) {
      memcpy(first, p->c.at, p->c_count * sizeof(real));
    }
    ck_assert_mem_eq(first, p->c.at, p->c_count * sizeof(real));
    cpu_close(&d);
  }
  free(first);
}

/* An infinity that meets a zero may be seen or not, but not by some threads
 * and in some columns: of A in rows, and of A in columns. */
START_TEST(threads_see_the_same_infinities) {
  for (unsigned flags = 0; flags < 4; flags++) {
    uint64_t state = 17;
    product p = product_new(&state, flags, 1, 96, 20000, 1, 1, 0, 0);
    p.g.lda = p.g.flags & NACRE_GEMM_TRANS_A ? 1 : p.g.lda;
    for (int64_t k = 0; k < p.g.k; k++) {
      p.a.at[k] = k % 3 == 0 ? p.a.at[k] : 0;
    }
    p.b.at[p.g.flags & NACRE_GEMM_TRANS_B ? 1 : p.g.ldb] = (real)INFINITY;
    product_same_bits(&p, cpu_levels[_i]);
    product_free(&p);
  }
}
END_TEST

START_TEST(empty_extents) {
  cpu_device d = cpu_open(cpu_levels[_i], 2);
  uint64_t state = 3;
  const extents none[] = { { 0, 5, 5 }, { 5, 0, 5 }, { 0, 0, 0 } };
  for (int i = 0; i < 3; i++) {
    product p = product_new(&state, 0, none[i].m, none[i].n, none[i].k, 1, 1,
                            1, 3);
    product_run(&p, d.math);
    product_free(&p);
  }
  product p = product_new(&state, 0, 40, 70, 0, 1, 1, 1, 3);
  product_run(&p, d.math);
  product_check(&p);
  p.g.batch = 0;
  p.g.bias = NULL;
  product_run(&p, d.math);
  ck_assert_mem_eq(p.c.at, p.before.at, p.c_count * sizeof(real));
  product_free(&p);
  cpu_close(&d);
}
END_TEST

START_TEST(threads_leave_no_trace) {
  static const extents shapes[] = {
    { 128, 512, 784 }, { 784, 512, 128 }, { 128, 10, 512 }, { 333, 77, 600 },
    { 1, 900, 900 },   { 900, 1, 900 },   { 40, 40, 3000 },
    { 64, 512, 128 },  { 64, 128, 512 },  { 27, 1500, 90 }
  };
  for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
    for (unsigned flags = 0; flags < 4; flags++) {
      uint64_t state = 5;
      const extents *x = &shapes[s];
      product p =
        product_new(&state, flags, x->m, x->n, x->k, 1, 1, 1, 3);
      product_same_bits(&p, cpu_levels[_i]);
      product_free(&p);
    }
  }
}
END_TEST

/* A sum over many rows is two sums: in one block or several, with and without
 * room for the second one of all of C, over an odd number of rows. */
START_TEST(deep_sums_leave_no_trace) {
  static const extents shapes[] = {
    { 64, 100, 600 }, { 150, 300, 1537 }, { 3, 300, 2100 },
    { 700, 500, 1100 }, { 40, 1, 1300 }
  };
  for (size_t s = 0; s < 2 * sizeof shapes / sizeof shapes[0]; s++) {
    uint64_t state = 21 + s;
    const extents *x = &shapes[s / 2];
    product p = product_new(&state, NACRE_GEMM_TRANS_A, x->m, x->n, x->k, 1,
                            s % 2 == 0 ? 1.5 : 1, s % 2 == 0 ? 0.5 : 0, 0);
    product_same_bits(&p, cpu_levels[_i]);
    product_check(&p);
    product_free(&p);
  }
}
END_TEST

typedef struct nested {
  const nacre_math *math;
  const nacre_gemm *g;
  real *c; /* [tiles, m * ldc] */
} nested;

static void nested_body(void *ctx, int64_t begin, int64_t end) {
  const nested *u = ctx;
  for (int64_t i = begin; i < end; i++) {
    nacre_gemm g = *u->g;
    g.c = u->c + i * g.m * g.ldc;
    u->math->gemm(u->math, &g);
  }
}

/* A layer may multiply within tiles of its own. */
static void check_within_tiles(product *p) {
  cpu_device d = cpu_open(NULL, 3);
  const size_t count = (size_t)(p->g.m * p->g.n);
  p->g.ldc = p->g.n;
  real *all = malloc(24 * count * sizeof(real));
  real *one = malloc(count * sizeof(real));
  ck_assert_ptr_nonnull(all);
  ck_assert_ptr_nonnull(one);
  nested u = { d.math, &p->g, all };
  nested alone = { d.math, &p->g, one };
  nested_body(&alone, 0, 1);
  d.math->parallel(d.math, 24, 1, nested_body, &u);
  for (size_t i = 0; i < 24; i++) {
    ck_assert_mem_eq(all + i * count, one, count * sizeof(real));
  }
  free(all);
  free(one);
  product_free(p);
  cpu_close(&d);
}

START_TEST(products_within_tiles) {
  uint64_t state = 9;
  product p = product_new(&state, 0, 64, 96, 200, 1, 1, 0, 3);
  check_within_tiles(&p);
  p = product_new(&state, NACRE_GEMM_TRANS_A, 64, 96, 1200, 1, 1, 0, 0);
  check_within_tiles(&p);
}
END_TEST

Suite *test_cpu_gemm_suite(void);
Suite *test_cpu_gemm_suite(void) {
  Suite *suite = suite_create("cpu_gemm");
  TCase *tests = tcase_create("gemm");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, agrees_with_sums_in_double, 0, 2 * CPU_LEVELS);
  tcase_add_loop_test(tests, holds_at_edges, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, dense_vectors, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, zeros_are_passed_over, 0, 2 * CPU_LEVELS);
  tcase_add_loop_test(tests, threads_see_the_same_infinities, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, empty_extents, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, threads_leave_no_trace, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, deep_sums_leave_no_trace, 0, CPU_LEVELS);
  tcase_add_test(tests, products_within_tiles);
  suite_add_tcase(suite, tests);
  return suite;
}
