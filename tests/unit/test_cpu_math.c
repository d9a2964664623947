/* SPDX-License-Identifier: MIT */
/* The vector functions, random numbers and reductions of the device `cpu`, at
 * every instruction set of this machine. */
#include "cpu_fixture.h"

/* --- pointwise functions against the C library in more digits --- */

#ifdef NACRE_DOUBLE
typedef long double wide;
#define WIDE(name) name##l
#define REAL_NEXT nextafter
#else
typedef double wide;
#define WIDE(name) name
#define REAL_NEXT nextafterf
#endif

typedef void (*pointwise)(const nacre_math *, int64_t, const real *, real *);

static wide wide_sigmoid(wide x) {
  return x < 0 ? WIDE(exp)(x) / (1 + WIDE(exp)(x)) : 1 / (1 + WIDE(exp)(-x));
}

typedef struct function {
  const char *name;
  wide (*wide)(wide);
  size_t offset; /* in nacre_math */
  double ulp;
} function;

#define FUNCTION(name, wide, ulp) \
  { #name, wide, offsetof(nacre_math, name), ulp }
static const function functions[] = {
  FUNCTION(exp, WIDE(exp), 2),     FUNCTION(log, WIDE(log), 2),
  FUNCTION(log1p, WIDE(log1p), 2), FUNCTION(tanh, WIDE(tanh), 2),
  FUNCTION(sigmoid, wide_sigmoid, 2), FUNCTION(erf, WIDE(erf), 3),
};
#define FUNCTIONS ((int)(sizeof functions / sizeof functions[0]))

static pointwise function_of(const nacre_math *math, const function *f) {
  pointwise call;
  memcpy(&call, (const char *)math + f->offset, sizeof call);
  return call;
}

static void check_value(const function *f, real x, real y) {
  const wide want = f->wide((wide)x);
  const real near = (real)want;
  /* Limits are exact, and erf stays within them. */
  if (isinf(x) && !isnan(want)) {
    ck_assert_msg(y == near, "%s(%a) is %a, not %a", f->name, (double)x,
                  (double)y, (double)near);
  }
  ck_assert_msg(f->wide != WIDE(erf) || !(y > 1 || y < -1),
                "erf(%a) is %a", (double)x, (double)y);
  if (isnan(want)) {
    ck_assert_msg(isnan(y), "%s(%a) is %a, not NaN", f->name, (double)x,
                  (double)y);
    return;
  }
  if (isinf(near) || want == 0) {
    ck_assert_msg(y == near && !signbit(y) == !signbit(near),
                  "%s(%a) is %a, not %a", f->name, (double)x, (double)y,
                  (double)near);
    return;
  }
  const real size = near < 0 ? -near : near;
  const wide ulp = (wide)REAL_NEXT(size, (real)INFINITY) - (wide)size;
  const wide error = (want - (wide)y) / ulp;
  ck_assert_msg(error <= (wide)f->ulp && error >= -(wide)f->ulp,
                "%s(%a) is %a: %g ulp from %a", f->name, (double)x,
                (double)y, (double)error, (double)near);
}

#define BATCH 1024

/* Numbers of every exponent, then the range where results are not trivial. */
static void next_arguments(uint64_t *state, int round, real *x) {
  for (int i = 0; i < BATCH; i++) {
    if (round % 2 == 0) {
      uint64_t bits = (uint64_t)(cpu_value(state) * 9007199254740992.0) << 11;
      bits >>= 64 - 8 * sizeof(real);
      memcpy(&x[i], &bits, sizeof(real));
    } else {
      const double reach[] = { 0.01, 1, 6, 110 };
      x[i] = (real)((2 * cpu_value(state) - 1) * reach[round / 2 % 4]);
    }
  }
}

START_TEST(pointwise_within_ulp) {
  cpu_device d = cpu_open(cpu_levels[_i / FUNCTIONS], 1);
  const function *f = &functions[_i % FUNCTIONS];
  const pointwise call = function_of(d.math, f);
  uint64_t state = 17;
  static real x[BATCH], y[BATCH];
  for (int round = 0; round < 600; round++) {
    next_arguments(&state, round, x);
    call(d.math, BATCH, x, y);
    for (int i = 0; i < BATCH; i++) {
      check_value(f, x[i], y[i]);
    }
  }
  cpu_close(&d);
}
END_TEST

static const double limits[] = {
  0.0,     -0.0,     1,      -1,       0.5,     -0.5,    INFINITY, -INFINITY,
  NAN,     1e-45,    -1e-45, 1e-40,    -1e-40,  1.2e-38, 88.7,     88.8,
  -87.3,   -87.4,    -103.9, -104.1,   709.7,   709.8,   -745.1,   -745.2,
  3.4e38,  -3.4e38,  2.5e38, -0.99999, 0.99999, 0.625,   0.921875, 3.99,
  4.01,    8.3,      20,     -20,      1e30,    -1e30,   4e-310,   1e-320,
  0.1269,  0.127,   3.91,    3.93
};
#define LIMITS ((int)(sizeof limits / sizeof limits[0]))

START_TEST(pointwise_at_limits) {
  cpu_device d = cpu_open(cpu_levels[_i / FUNCTIONS], 1);
  const function *f = &functions[_i % FUNCTIONS];
  const pointwise call = function_of(d.math, f);
  for (int i = 0; i < LIMITS; i++) {
    real x = (real)limits[i], y = 0;
    call(d.math, 1, &x, &y);
    check_value(f, x, y);
  }
  cpu_close(&d);
}
END_TEST

/* Where in an array an element stands does not show, nothing behind the end
 * is touched, and y may be x. */
START_TEST(pointwise_of_any_length) {
  cpu_device d = cpu_open(cpu_levels[_i / FUNCTIONS], 1);
  const pointwise call =
    function_of(d.math, &functions[_i % FUNCTIONS]);
  uint64_t state = 4;
  real x[70], all[70];
  cpu_fill(&state, 70, x);
  call(d.math, 70, x, all);
  for (int n = 0; n <= 70; n++) {
    cpu_block b = cpu_block_new((size_t)n);
    memcpy(b.at, x + 70 - n, (size_t)n * sizeof(real));
    call(d.math, n, b.at, b.at);
    ck_assert_mem_eq(b.at, all + 70 - n, (size_t)n * sizeof(real));
    cpu_block_free(&b);
  }
  cpu_close(&d);
}
END_TEST

/* --- softmax and random numbers --- */

START_TEST(softmax_of_rows) {
  cpu_device d = cpu_open(cpu_levels[_i], 2);
  /* The difference to the largest is rounded, at up to 60. */
  const double bound = sizeof(real) == 4 ? 6e-6 : 1.2e-14;
  uint64_t state = 8;
  for (int cols = 1; cols < 40; cols++) {
    cpu_block x = cpu_block_new((size_t)(5 * cols));
    cpu_block y = cpu_block_new((size_t)(5 * cols));
    cpu_fill(&state, (size_t)(5 * cols), x.at);
    for (int i = 0; i < 5 * cols; i++) {
      x.at[i] = x.at[i] * 30 + (real)(i / cols * 500);
    }
    d.math->softmax(d.math, 5, cols, x.at, y.at);
    for (int i = 0; i < 5; i++) {
      const real *row = x.at + i * cols;
      double most = (double)row[0], sum = 0;
      for (int j = 0; j < cols; j++) {
        most = (double)row[j] > most ? (double)row[j] : most;
      }
      for (int j = 0; j < cols; j++) {
        sum += exp((double)row[j] - most);
      }
      for (int j = 0; j < cols; j++) {
        double want = exp((double)row[j] - most) / sum;
        double error = fabs((double)y.at[i * cols + j] - want);
        ck_assert_double_le(error, bound * want + 1e-37);
      }
    }
    cpu_block_free(&x);
    cpu_block_free(&y);
  }
  cpu_close(&d);
}
END_TEST

START_TEST(random_words_of_the_stream) {
  cpu_device d = cpu_open(cpu_levels[_i], 3);
  const nacre_key key = { { 0x1234567u, 0x89abcdefu },
                          { 0xdeadbeefu, 0x42u } };
  const uint64_t firsts[] = { 0, 1, 2, 3, 5, 1000003, 0x3fffffff0u };
  for (size_t f = 0; f < sizeof firsts / sizeof firsts[0]; f++) {
    for (int64_t n = 0; n < 70000; n = n < 150 ? n + 1 : n * 3) {
      cpu_block y = cpu_block_new((size_t)n);
      d.math->uniform(d.math, key, firsts[f], n, y.at);
      for (int64_t i = 0; i < n; i++) {
        const uint64_t word = firsts[f] + (uint64_t)i;
        uint32_t words[4];
        nacre_random_block(key, word / 4, words);
        ck_assert(y.at[i] == (real)nacre_random_unit(words[word % 4]));
      }
      cpu_block_free(&y);
    }
  }
  cpu_close(&d);
}
END_TEST

/* --- reductions and passes --- */

#define MANY 4500000 /* more than one round of partial sums */

START_TEST(sums_in_a_fixed_order) {
  static const int64_t threads[] = { 1, 2, 3, 4, 7 };
  static const int64_t counts[] = { 0, 1, 15, 17, 4096, 4097, 70001, MANY };
  uint64_t state = 6;
  real *x = malloc(MANY * sizeof(real));
  ck_assert_ptr_nonnull(x);
  cpu_fill(&state, MANY, x);
  for (int c = 0; c < 8; c++) {
    const int64_t n = counts[c];
    double first[2] = { 0, 0 }, sum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
      sum += (double)x[i];
      size += fabs((double)x[i]);
    }
    for (int t = 0; t < 5 * CPU_LEVELS; t++) {
      cpu_device d = cpu_open(cpu_levels[t / 5], threads[t % 5]);
      const double got[2] = { d.math->sum(d.math, n, x),
                              d.math->dot(d.math, n, x, x + MANY - n) };
      /* In float the products are exact, and all levels agree. */
      if (t == 0 || (sizeof(real) == 8 && t % 5 == 0)) {
        memcpy(first, got, sizeof first);
        ck_assert_double_le(fabs(sum - got[0]), 1e-12 * size);
      }
      ck_assert_mem_eq(first, got, sizeof first);
      cpu_close(&d);
    }
  }
  free(x);
}
END_TEST

START_TEST(sums_of_columns) {
  static const int64_t shapes[][2] = { { 1, 1 },     { 3, 17 },  { 128, 512 },
                                       { 2000, 10 }, { 50000, 32 },
                                       { 40, 5000 }, { 700, 600 } };
  static const int64_t threads[] = { 1, 2, 3, 7 };
  for (int s = 0; s < 7; s++) {
    const int64_t rows = shapes[s][0], cols = shapes[s][1];
    const size_t bytes = (size_t)cols * sizeof(real);
    uint64_t state = 12;
    cpu_block x = cpu_block_new((size_t)(rows * cols));
    cpu_block y = cpu_block_new((size_t)cols);
    real *first = malloc(bytes);
    ck_assert_ptr_nonnull(first);
    cpu_fill(&state, (size_t)(rows * cols), x.at);
    for (int t = 0; t < 4; t++) {
      cpu_device d = cpu_open(cpu_levels[_i], threads[t]);
      d.math->fill(d.math, cols, (real)2.5, y.at);
      d.math->col_sum(d.math, rows, cols, x.at, y.at);
      cpu_close(&d);
      if (t == 0) {
        memcpy(first, y.at, bytes);
      }
      ck_assert_mem_eq(first, y.at, bytes);
    }
    for (int64_t j = 0; j < cols; j++) {
      double sum = 2.5, size = 2.5;
      for (int64_t i = 0; i < rows; i++) {
        sum += (double)x.at[i * cols + j];
        size += fabs((double)x.at[i * cols + j]);
      }
      const double unit = sizeof(real) == 4 ? 6e-8 : 1.2e-16;
      ck_assert_double_le(fabs(sum - (double)y.at[j]), 64 * unit * size);
    }
    free(first);
    cpu_block_free(&x);
    cpu_block_free(&y);
  }
}
END_TEST

START_TEST(plain_passes) {
  static const int64_t counts[] = { 0, 1, 7, 16, 33, 65535, 65536, 200003 };
  cpu_device d = cpu_open(cpu_levels[_i], 3);
  const nacre_math *m = d.math;
  for (int c = 0; c < 8; c++) {
    const int64_t n = counts[c];
    cpu_block x = cpu_block_new((size_t)n), y = cpu_block_new((size_t)n);
    uint64_t state = 2;
    cpu_fill(&state, (size_t)n, x.at);
    m->copy(m, n, x.at, y.at);
    ck_assert_mem_eq(x.at, y.at, (size_t)n * sizeof(real));
    m->scale(m, n, (real)-0.5, y.at);
    m->axpy(m, n, (real)2.5, x.at, y.at);
    for (int64_t i = 0; i < n; i++) {
      double error = fabs((double)y.at[i] - 2 * (double)x.at[i]);
      ck_assert_double_le(error, 3e-7);
    }
    m->fill(m, n, (real)0.125, y.at);
    for (int64_t i = 0; i < n; i++) {
      ck_assert(y.at[i] == (real)0.125);
    }
    cpu_block_free(&x);
    cpu_block_free(&y);
  }
  cpu_close(&d);
}
END_TEST

/* --- opening --- */

START_TEST(opens_and_refuses) {
  const nacre_device_ops *ops = cpu_ops();
  fixture_fail fail = fixture_fail_new();
  nacre_device_open open = { sizeof open, 0, NULL, 0, "i486", &fail.base,
                             fixture_alloc, fixture_free };
  void *self = NULL;
  ck_assert_int_eq(ops->open(&open, &self), NACRE_ERROR);
  ck_assert_ptr_nonnull(strstr(fail.text, "'i486'"));
  open.cpu_level = "baseline";
  ck_assert_int_eq(ops->open(&open, &self), NACRE_DECLINE);
  open.flags = NACRE_DEVICE_LAST_RESORT;
  ck_assert_int_eq(ops->open(&open, &self), NACRE_OK);
  ck_assert_int_ge(ops->math(self)->threads, 1);
  ck_assert_ptr_nonnull(strstr(ops->describe(self), "own kernels"));
  char *memory = ops->alloc(self, 1000);
  ck_assert_ptr_nonnull(memory);
  ck_assert_uint_eq((uintptr_t)memory % 64, 0);
  for (int i = 0; i < 1000; i++) {
    ck_assert_int_eq(memory[i], 0);
  }
  ops->free(self, memory, 1000);
  ck_assert_ptr_null(ops->alloc(self, SIZE_MAX - 8));
  ops->close(self);
  ck_assert_int_eq(fixture_blocks, 0);
  for (long n = 0; n < 4; n++) {
    fixture_alloc_left = n;
    ck_assert_int_eq(ops->open(&open, &self), NACRE_ERROR);
    ck_assert_ptr_nonnull(strstr(fail.text, "out of memory"));
    ck_assert_int_eq(fixture_blocks, 0);
  }
  fixture_alloc_left = -1;
}
END_TEST

Suite *test_cpu_math_suite(void);
Suite *test_cpu_math_suite(void) {
  Suite *suite = suite_create("cpu_math");
  TCase *tests = tcase_create("math");
  tcase_set_timeout(tests, 120);
  const int each = CPU_LEVELS * FUNCTIONS;
  tcase_add_loop_test(tests, pointwise_within_ulp, 0, each);
  tcase_add_loop_test(tests, pointwise_at_limits, 0, each);
  tcase_add_loop_test(tests, pointwise_of_any_length, 0, each);
  tcase_add_loop_test(tests, softmax_of_rows, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, random_words_of_the_stream, 0, CPU_LEVELS);
  tcase_add_test(tests, sums_in_a_fixed_order);
  tcase_add_loop_test(tests, sums_of_columns, 0, CPU_LEVELS);
  tcase_add_loop_test(tests, plain_passes, 0, CPU_LEVELS);
  tcase_add_test(tests, opens_and_refuses);
  suite_add_tcase(suite, tests);
  return suite;
}
