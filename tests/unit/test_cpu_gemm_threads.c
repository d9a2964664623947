/* SPDX-License-Identifier: MIT */
/* Matrix products of the device `cpu` over threads: the same bits for any
 * number of them, within tiles, and for several callers at once. */
#include "gemm_fixture.h"

#include <pthread.h>

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
 * and in some columns: of A in rows, and of A in columns; of many pieces of k,
 * and of two in float or in double. */
START_TEST(threads_see_the_same_infinities) {
  static const extents shapes[] = {
    { 1, 96, 20000 }, { 1, 1100, 1024 }, { 1, 1100, 512 }
  };
  for (unsigned s = 0; s < 3 * 4; s++) {
    const extents *x = &shapes[s / 4];
    uint64_t state = 17;
    product p =
      product_new(&state, s % 4, x->m, x->n, x->k, 1, 1, 0, 0);
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
    { 64, 100, 600 }, { 150, 70, 1537 }, { 3, 300, 2100 }, { 40, 1, 1300 }
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

START_TEST(deep_sums_without_room_leave_no_trace) {
  uint64_t state = 29;
  product p =
    product_new(&state, NACRE_GEMM_TRANS_A, 530, 500, 1030, 1, 1, 1, 0);
  product_same_bits(&p, NULL);
  product_free(&p);
}
END_TEST

/* So are plain ones of two pieces of k, in float or in double, where B is the
 * largest: bias and activation come after both. */
START_TEST(sums_of_two_pieces_leave_no_trace) {
  static const extents shapes[] = {
    { 60, 300, 501 }, { 60, 300, 901 }, { 2, 900, 512 }, { 2, 900, 1024 },
    { 121, 70, 485 }, { 256, 40, 1024 }
  };
  for (size_t s = 0; s < 4 * sizeof shapes / sizeof shapes[0]; s++) {
    uint64_t state = 41 + s;
    const extents *x = &shapes[s / 4];
    product p = product_new(&state, 0, x->m, x->n, x->k, 1,
                            s % 2 == 0 ? 1.5 : 1, s % 2 == 0 ? 0.5 : 0,
                            (int)(s % 4));
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
  p = product_new(&state, 0, 64, 130, 480, 1, 1, 0, 3);
  check_within_tiles(&p);
  p = product_new(&state, 0, 64, 130, 900, 1, 1, 0, 3);
  check_within_tiles(&p);
}
END_TEST

/* Two applications' threads on one device. */
static void *multiply_often(void *ctx) {
  nested *u = ctx;
  const size_t count = (size_t)(u->g->m * u->g->ldc);
  for (int i = 0; i < 200; i++) {
    nested_body(u, 1, 2);
    if (memcmp(u->c, u->c + count, count * sizeof(real)) != 0) {
      return u;
    }
  }
  return NULL;
}

START_TEST(products_at_once) {
  cpu_device d = cpu_open(NULL, 2);
  uint64_t state = 12;
  product p =
    _i == 0 ? product_new(&state, NACRE_GEMM_TRANS_A, 40, 64, 1400, 1, 1, 0, 0)
            : product_new(&state, 0, 40, 64, sizeof(real) == 4 ? 900 : 450, 1,
                          1, 0, 3);
  p.g.ldc = p.g.n;
  const size_t count = (size_t)(p.g.m * p.g.ldc);
  pthread_t thread[2];
  nested call[2];
  for (int i = 0; i < 2; i++) {
    call[i] = (nested){ d.math, &p.g, malloc(2 * count * sizeof(real)) };
    ck_assert_ptr_nonnull(call[i].c);
    nested_body(&call[i], 0, 1);
  }
  for (int i = 0; i < 2; i++) {
    ck_assert_int_eq(
      pthread_create(&thread[i], NULL, multiply_often, &call[i]), 0);
  }
  for (int i = 0; i < 2; i++) {
    void *differs = NULL;
    pthread_join(thread[i], &differs);
    ck_assert_ptr_null(differs);
    free(call[i].c);
  }
  product_free(&p);
  cpu_close(&d);
}
END_TEST

/* Large enough for threads to share the packing; and nothing at all. */
START_TEST(threads_pack_alike) {
  static const int64_t threads[] = { 1, 2, 3, 7 };
  uint64_t state = 31;
  for (unsigned flags = 0; flags < 4; flags++) {
    product p = product_new(&state, flags, 4, 300, 1100, 1, 1, 0, 0);
    const size_t room = (size_t)(p.g.k * nacre_packed_cols(p.g.n));
    cpu_block first = cpu_block_new(room), packed = cpu_block_new(room);
    for (int t = 0; t < 4; t++) {
      cpu_device d = cpu_open(cpu_levels[_i], threads[t]);
      d.math->pack(d.math, &p.g, t == 0 ? first.at : packed.at);
      if (t > 0) {
        ck_assert_mem_eq(first.at, packed.at, room * sizeof(real));
      }
      nacre_gemm none = p.g;
      none.n = 0;
      d.math->pack(d.math, &none, packed.at + room);
      cpu_close(&d);
    }
    cpu_block_free(&first);
    cpu_block_free(&packed);
    product_free(&p);
  }
}
END_TEST

Suite *test_cpu_gemm_threads_suite(void);
Suite *test_cpu_gemm_threads_suite(void) {
  Suite *suite = suite_create("cpu_gemm_threads");
  TCase *tests = tcase_create("threads");
  tcase_set_timeout(tests, 120);
  tcase_add_loop_test(tests, threads_see_the_same_infinities, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, threads_leave_no_trace, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, deep_sums_leave_no_trace, 0, CPU_LEVELS);
  tcase_add_test(tests, deep_sums_without_room_leave_no_trace);
  tcase_add_loop_test(tests, sums_of_two_pieces_leave_no_trace, 0,
                      CPU_LEVELS);
  tcase_add_test(tests, products_within_tiles);
  tcase_add_loop_test(tests, products_at_once, 0, 2);
  tcase_add_loop_test(tests, threads_pack_alike, 0, CPU_LEVELS);
  suite_add_tcase(suite, tests);
  return suite;
}
