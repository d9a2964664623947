/* SPDX-License-Identifier: MIT */
/* device: the checks of devices whose memory is the host's: their math
 * against loops that anybody can read. */
#include <math.h>
#include <string.h>

#include "candidates.h"
#include "kinds.h"
#include "values.h"

#define M 19
#define N 23
#define K 29
#define MOST 4099 /* elements of vectors: a prime beyond a tile */

typedef struct trial {
  nacre_suite *suite;
  nacre_suite_device *device;
  const nacre_math *math;
  real *x, *y, *z; /* [MOST] */
} trial;

static void twice(const nacre_math *math, const void *cfg, int64_t rows,
                  int64_t cols, const real *x, real *y) {
  (void)math;
  (void)cfg;
  for (int64_t i = 0; i < rows * cols; i++) {
    y[i] = 2 * x[i];
  }
}

/* One product against three loops in double. */
static void check_gemm_case(trial *t, int64_t m, int64_t n, int64_t k,
                            uint32_t flags, double alpha, double beta,
                            bool extras) {
  static const nacre_activation doubled = { twice, NULL, NULL };
  const nacre_activation *act = extras ? &doubled : NULL;
  bool ta = (flags & NACRE_GEMM_TRANS_A) != 0;
  bool tb = (flags & NACRE_GEMM_TRANS_B) != 0;
  int64_t lda = (ta ? m : k) + 1, ldb = (tb ? k : n) + 2, ldc = n + 3;
  real *c = t->z, *kept = t->z + MOST / 2;
  nacre_values_spaced(t->suite, MOST, t->x);
  nacre_values_spaced(t->suite, MOST, t->y);
  nacre_values_spaced(t->suite, m * ldc + 1, c);
  if (beta == 0) { /* C is not read */
    nacre_values_poison(m * ldc + 1, c);
  }
  memcpy(kept, c, (size_t)(m * ldc + 1) * sizeof *c);
  const real *bias = extras ? t->x + MOST - N : NULL;
  nacre_gemm gemm = { sizeof gemm, flags, m, n, k, t->x, lda, t->y, ldb, c,
                      ldc, 1, 0, 0, 0, alpha, beta, bias, act };
  nacre_suite_enter(t->suite, t->device);
  t->math->gemm(t->math, &gemm);
  nacre_suite_leave(t->suite, t->device);
  bool gap = true;
  for (int64_t i = 0; i < m; i++) {
    for (int64_t j = 0; j < n; j++) {
      double sum = 0;
      for (int64_t p = 0; p < k; p++) {
        sum += (double)t->x[ta ? p * lda + i : i * lda + p] *
               (double)t->y[tb ? j * ldb + p : p * ldb + j];
      }
      sum = alpha * sum +
            (beta == 0 ? 0 : beta * (double)kept[i * ldc + j]) +
            (bias == NULL ? 0 : (double)bias[j]);
      double expected = act == NULL ? sum : 2 * sum;
      double got = (double)c[i * ldc + j];
      nacre_suite_check(t->suite, "gemm",
                        fabs(got - expected) <=
                          NACRE_SUITE_ROUNDING * fmax(1, fabs(expected)),
                        "[%lld, %lld, %lld] flags %u alpha %g beta %g: C is "
                        "%.9g, not %.9g", (long long)m, (long long)n,
                        (long long)k, flags, alpha, beta, got, expected);
    }
    for (int64_t j = n; j < ldc; j++) {
      gap = gap && memcmp(&c[i * ldc + j], &kept[i * ldc + j],
                          sizeof *c) == 0;
    }
  }
  nacre_suite_check(t->suite, "bounds", gap,
                    "gemm wrote between the rows of C");
}

static void check_gemm(trial *t) {
  static const int64_t sizes[][3] = {
    { M, N, K }, { 1, 1, 1 }, { 1, N, K }, { M, 1, K }, { M, N, 1 },
    { 8, 16, 32 }, { M, N, 0 }, { 0, N, K }, { 3, 7, 5 }
  };
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    for (uint32_t flags = 0; flags < 4; flags++) {
      const int64_t *s = sizes[i];
      check_gemm_case(t, s[0], s[1], s[2], flags, 1, 0, false);
      check_gemm_case(t, s[0], s[1], s[2], flags, 1, 1, false);
      check_gemm_case(t, s[0], s[1], s[2], flags, 0.5, 0, true);
    }
  }
}

static bool near(double a, double b) {
  return a == b || fabs(a - b) <= NACRE_SUITE_ROUNDING * fmax(1, fabs(b));
}

static void check_sums(trial *t) {
  const nacre_math *math = t->math;
  double sum = 0, dot = 0;
  nacre_values_spaced(t->suite, MOST, t->x);
  nacre_values_spaced(t->suite, MOST, t->y);
  for (int i = 0; i < MOST; i++) {
    sum += (double)t->x[i];
    dot += (double)t->x[i] * (double)t->y[i];
  }
  nacre_suite_check(t->suite, "sums", near(math->sum(math, MOST, t->x), sum),
                    "sum is %.12g, not %.12g", math->sum(math, MOST, t->x),
                    sum);
  nacre_suite_check(t->suite, "sums",
                    near(math->dot(math, MOST, t->x, t->y), dot),
                    "dot is %.12g, not %.12g",
                    math->dot(math, MOST, t->x, t->y), dot);
  nacre_suite_check(t->suite, "sums", math->sum(math, 0, t->x) == 0,
                    "the sum of nothing is not 0");
  memset(t->z, 0, MOST * sizeof *t->z);
  t->z[2] = 5;
  math->col_sum(math, 40, 17, t->x, t->z);
  for (int j = 0; j < 17; j++) {
    double expected = j == 2 ? 5 : 0;
    for (int i = 0; i < 40; i++) {
      expected += (double)t->x[i * 17 + j];
    }
    nacre_suite_check(t->suite, "sums", near((double)t->z[j], expected),
                      "col_sum is %.9g, not %.9g", (double)t->z[j],
                      expected);
  }
}

static void check_vectors(trial *t) {
  const nacre_math *math = t->math;
  nacre_values_spaced(t->suite, MOST, t->x);
  math->copy(math, MOST, t->x, t->y);
  math->axpy(math, MOST, (real)0.5, t->x, t->y);
  math->scale(math, MOST, 2, t->y);
  bool ok = true;
  for (int i = 0; i < MOST; i++) {
    ok = ok && near((double)t->y[i], 3 * (double)t->x[i]);
  }
  nacre_suite_check(t->suite, "vectors", ok, "copy, axpy or scale is wrong");
  math->fill(math, MOST - 1, (real)1.25, t->y);
  nacre_suite_check(t->suite, "vectors",
                    t->y[0] == (real)1.25 && t->y[MOST - 2] == (real)1.25 &&
                      t->y[MOST - 1] != (real)1.25,
                    "fill is wrong");
  nacre_key key = { { 1, 2 }, { 3, 4 } };
  math->uniform(math, key, 3, 1000, t->y);
  ok = true;
  for (uint64_t i = 0; i < 1000; i++) {
    uint32_t word[4];
    nacre_random_block(key, (i + 3) / 4, word);
    double u = (double)nacre_random_unit(word[(i + 3) % 4]);
    ok = ok && fabs(u - (double)t->y[i]) < 1e-7 && t->y[i] < 1;
  }
  nacre_suite_check(t->suite, "random", ok,
                    "uniform is not the stream of the key");
}

static double sigmoid_of(double x) {
  return 1 / (1 + exp(-x));
}

static void check_functions(trial *t) {
  const nacre_math *math = t->math;
  const struct {
    const char *name;
    void (*function)(const nacre_math *, int64_t, const real *, real *);
    double (*truth)(double);
    double low, high;
  } list[] = {
    { "exp", math->exp, exp, -80, 80 },
    { "log", math->log, log, 1e-6, 1e6 },
    { "log1p", math->log1p, log1p, -0.9, 100 },
    { "tanh", math->tanh, tanh, -12, 12 },
    { "sigmoid", math->sigmoid, sigmoid_of, -40, 40 },
    { "erf", math->erf, erf, -5, 5 }
  };
  const double ulp = sizeof(real) == 4 ? 1.2e-7 : 2.3e-16;
  for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
    nacre_values_between(t->suite, list[k].low, list[k].high, MOST, t->x);
    list[k].function(math, MOST, t->x, t->y);
    for (int i = 0; i < MOST; i++) {
      double truth = list[k].truth((double)t->x[i]);
      nacre_suite_check(t->suite, "functions",
                        fabs((double)t->y[i] - truth) <=
                          4.5 * ulp * fabs(truth) + 1e-300,
                        "%s(%.9g) is %.17g, not %.17g", list[k].name,
                        (double)t->x[i], (double)t->y[i], truth);
    }
  }
  t->x[0] = (real)NAN;
  t->x[1] = -(real)INFINITY;
  math->exp(math, 2, t->x, t->y);
  nacre_suite_check(t->suite, "functions",
                    isnan((double)t->y[0]) && t->y[1] == 0,
                    "exp of NaN or of -inf is wrong");
  nacre_values_between(t->suite, -900, 900, 60, t->x);
  math->softmax(math, 12, 5, t->x, t->y);
  for (int row = 0; row < 12; row++) {
    double sum = 0;
    for (int j = 0; j < 5; j++) {
      sum += (double)t->y[row * 5 + j];
    }
    nacre_suite_check(t->suite, "functions", near(sum, 1),
                      "a row of softmax sums to %.9g", sum);
  }
}

/* Marks its tile; a tile that is not one of [i*100, (i+1)*100) marks -1. */
static void mark(void *ctx, int64_t begin, int64_t end) {
  real *seen = ctx;
  bool lawful = begin % 100 == 0 &&
                (end == begin + 100 || end == MOST);
  for (int64_t i = begin; i < end; i++) {
    seen[i] = lawful ? seen[i] + 1 : -1;
  }
}

static void check_parallel(trial *t) {
  memset(t->x, 0, MOST * sizeof *t->x);
  t->math->parallel(t->math, MOST, 100, mark, t->x);
  t->math->parallel(t->math, 0, 100, mark, t->x);
  bool once = true;
  for (int i = 0; i < MOST; i++) {
    once = once && t->x[i] == 1;
  }
  nacre_suite_check(t->suite, "parallel", once,
                    "not every tile was called exactly once");
}

static void check_memory(trial *t) {
  const nacre_device_ops *ops = t->device->ops;
  size_t bytes = 1000;
  unsigned char *memory = ops->alloc(t->device->self, bytes);
  bool zero = memory != NULL;
  for (size_t i = 0; zero && i < bytes; i++) {
    zero = memory[i] == 0;
  }
  nacre_suite_check(t->suite, "memory",
                    zero && (uintptr_t)memory % 64 == 0,
                    "alloc() does not give zeroed, 64-byte aligned memory");
  if (memory != NULL) {
    ops->free(t->device->self, memory, bytes);
  }
  const char *text = ops->describe(t->device->self);
  nacre_suite_check(t->suite, "docs", text != NULL && text[0] != '\0',
                    "describe() says nothing");
}

void nacre_device_check(nacre_suite *suite) {
  const nacre_device_ops *ops = suite->component->ops;
  if (!nacre_suite_check(suite, "table",
                         ops->open != NULL && ops->close != NULL &&
                           ops->math != NULL && ops->describe != NULL &&
                           ops->alloc != NULL && ops->free != NULL &&
                           (ops->write == NULL) == (ops->read == NULL),
                         "a function is missing")) {
    return;
  }
  if (ops->write != NULL) {
    nacre_suite_skip(suite, "gemm", "its memory is not the host's");
    return;
  }
  nacre_suite_device device = { 0 };
  trial t = { .suite = suite, .device = &device,
              .x = nacre_suite_alloc(suite, MOST, sizeof(real)),
              .y = nacre_suite_alloc(suite, MOST, sizeof(real)),
              .z = nacre_suite_alloc(suite, MOST, sizeof(real)) };
  if (t.x == NULL || t.y == NULL || t.z == NULL) {
    return;
  }
  for (int64_t threads = 1; threads <= 3; threads += 2) {
    if (!nacre_suite_open_one(suite, suite->component, threads, &device)) {
      nacre_suite_skip(suite, "gemm", "it cannot be opened here: %s",
                       nacre_suite_problem(suite));
      return;
    }
    t.math = device.math;
    check_gemm(&t);
    check_sums(&t);
    check_vectors(&t);
    check_functions(&t);
    check_parallel(&t);
    check_memory(&t);
    device.ops->close(device.self);
  }
}
