/* SPDX-License-Identifier: MIT */
/* Matrix products of the device `cpu` against sums in double, at shapes that
 * reach every kernel, edge and cut, and at every instruction set. */
#include "gemm_fixture.h"

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

Suite *test_cpu_gemm_suite(void);
Suite *test_cpu_gemm_suite(void) {
  Suite *suite = suite_create("cpu_gemm");
  TCase *tests = tcase_create("gemm");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, agrees_with_sums_in_double, 0, 2 * CPU_LEVELS);
  tcase_add_loop_test(tests, holds_at_edges, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, dense_vectors, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, zeros_are_passed_over, 0, 2 * CPU_LEVELS);
  tcase_add_loop_test(tests, empty_extents, 0, CPU_LEVELS);
  suite_add_tcase(suite, tests);
  return suite;
}
