/* SPDX-License-Identifier: MIT */
/* bench_gemm: matrix products of the device, in GFLOP/s, as a share of the
 * multiply-add peak measured beside them and against a CBLAS if the program
 * was built with one (-DNACRE_BENCH_CBLAS).
 *
 *   bench_gemm PATH/TO/cpu.so [THREADS [ROUNDS]]
 *
 * The contestants take turns, so that a busy machine hurts them alike; of
 * each the best and, for the ratio, the median of the rounds counts. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <nacre/plugin.h>

#ifdef NACRE_BENCH_CBLAS
#include <cblas.h>
extern void openblas_set_num_threads(int) __attribute__((weak));
#endif

#define ROUNDS_MAX 201
#define ROUND_NS 1.5e6 /* each turn repeats for about this long */

typedef struct shape {
  const char *what;
  unsigned flags;
  int64_t m, n, k;
  double beta;
} shape;

#define NN 0u
#define TN NACRE_GEMM_TRANS_A
#define NT NACRE_GEMM_TRANS_B

static const shape shapes[] = {
  { "784-512 forward", NN, 128, 512, 784, 0 },
  { "784-512 dkernel", TN, 784, 512, 128, 1 },
  { "512-512 forward", NN, 128, 512, 512, 0 },
  { "512-512 dkernel", TN, 512, 512, 128, 1 },
  { "512-512 dx", NT, 128, 512, 512, 0 },
  { "512-10 forward", NN, 128, 10, 512, 0 },
  { "512-10 dkernel", TN, 512, 10, 128, 1 },
  { "512-10 dx", NT, 128, 512, 10, 0 },
  { "784-128 forward", NN, 32, 128, 784, 0 },
  { "784-128 dkernel", TN, 784, 128, 32, 1 },
  { "128-10 forward", NN, 32, 10, 128, 0 },
  { "128-10 dkernel", TN, 128, 10, 32, 1 },
  { "128-10 dx", NT, 32, 128, 10, 0 },
  { "batch 1", NN, 1, 512, 784, 0 },
  { "one output", NN, 128, 1, 512, 0 },
  { "lstm gates", NN, 32, 512, 128, 1 },
  { "lstm dh", NT, 32, 128, 512, 0 },
  { "lstm inputs", NN, 2048, 512, 128, 0 },
  { "lstm dkernel", TN, 128, 512, 2048, 1 },
  { "lstm dx", NT, 2048, 128, 512, 0 },
  { "attention", NT, 64, 64, 32, 0 },
  { "gpt mlp", NN, 768, 512, 128, 0 },
  { "16-16 batch 32", NN, 32, 16, 16, 0 },
  { "xor forward", NN, 1, 2, 2, 0 },
  { "xor dkernel", TN, 2, 2, 1, 1 },
  { "square", NN, 1024, 1024, 1024, 0 },
};

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void print_failure(nacre_fail *fail, const char *place,
                          const char *format, ...) {
  (void)fail;
  va_list args;
  va_start(args, format);
  fprintf(stderr, "%s: ", place == NULL ? "device" : place);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, compare);
  return values[n / 2];
}

static void run_nacre(const nacre_math *math, const nacre_gemm *g) {
  math->gemm(math, g);
}

static void run_cblas(const nacre_math *math, const nacre_gemm *g) {
  (void)math;
#ifdef NACRE_BENCH_CBLAS
#ifdef NACRE_DOUBLE
#define CBLAS_GEMM cblas_dgemm
#else
#define CBLAS_GEMM cblas_sgemm
#endif
  CBLAS_GEMM(CblasRowMajor,
             g->flags & NACRE_GEMM_TRANS_A ? CblasTrans : CblasNoTrans,
             g->flags & NACRE_GEMM_TRANS_B ? CblasTrans : CblasNoTrans,
             (int)g->m, (int)g->n, (int)g->k, (real)g->alpha, g->a,
             (int)g->lda, g->b, (int)g->ldb, (real)g->beta, g->c,
             (int)g->ldc);
#else
  (void)g;
#endif
}

typedef void (*contestant)(const nacre_math *, const nacre_gemm *);

static double time_calls(contestant run, const nacre_math *math,
                         const nacre_gemm *g, int64_t calls) {
  double start = now_ns();
  for (int64_t i = 0; i < calls; i++) {
    run(math, g);
  }
  return (now_ns() - start) / (double)calls;
}

static void bench(const nacre_math *math, const shape *s, int rounds,
                  double peak) {
  const size_t counts[] = { (size_t)(s->m * s->k), (size_t)(s->k * s->n),
                            (size_t)(s->m * s->n) };
  real *at[3];
  for (int i = 0; i < 3; i++) {
    at[i] = aligned_alloc(64, (counts[i] * sizeof(real) + 63) / 64 * 64);
    if (at[i] == NULL) {
      fprintf(stderr, "out of memory\n");
      exit(1);
    }
    for (size_t j = 0; j < counts[i]; j++) {
      at[i][j] = (real)((double)(j * 2654435761u % 2000u) * 1e-6);
    }
  }
  nacre_gemm g = { sizeof g, s->flags, s->m, s->n, s->k,
                   at[0], s->flags & TN ? s->m : s->k,
                   at[1], s->flags & NT ? s->k : s->n,
                   at[2], s->n, 1, 0, 0, 0, 1, s->beta, NULL, NULL };
  const contestant runs[2] = { run_nacre, run_cblas };
  double best[2] = { 1e30, 1e30 };
  double ratio[ROUNDS_MAX];
  int64_t calls = 1;
  run_nacre(math, &g);
  double one = time_calls(run_nacre, math, &g, 3);
  calls = one < ROUND_NS ? (int64_t)(ROUND_NS / (one + 1)) : 1;
  for (int r = 0; r < rounds; r++) {
    double took[2];
    for (int i = 0; i < 2; i++) {
      took[i] = time_calls(runs[i], math, &g, calls);
      best[i] = took[i] < best[i] ? took[i] : best[i];
    }
    ratio[r] = took[1] / took[0];
  }
  const double flops = 2.0 * (double)s->m * (double)s->n * (double)s->k;
  printf("%-16s %s %5lld %5lld %5lld %12.1f ns %8.1f GFLOP/s", s->what,
         s->flags & TN   ? "TN"
         : s->flags & NT ? "NT"
                         : "NN",
         (long long)s->m, (long long)s->n, (long long)s->k, best[0],
         flops / best[0]);
  if (peak > 0) {
    printf(" %5.1f %%", 100.0 * flops / best[0] / peak);
  }
#ifdef NACRE_BENCH_CBLAS
  printf("   cblas %8.1f GFLOP/s, ratio %5.2f best %5.2f median",
         flops / best[1], best[1] / best[0], median(ratio, rounds));
#else
  (void)median;
  (void)ratio;
#endif
  printf("\n");
  for (int i = 0; i < 3; i++) {
    free(at[i]);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: bench_gemm PATH/TO/cpu.so [THREADS [ROUNDS]]\n");
    return 2;
  }
  int rounds = argc > 3 ? atoi(argv[3]) : 15;
  rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
  void *object = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  const nacre_module *(*entry)(void);
  if (object == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  void *symbol = dlsym(object, NACRE_ENTRY_NAME);
  if (symbol == NULL) {
    fprintf(stderr, "%s: no %s\n", argv[1], NACRE_ENTRY_NAME);
    return 1;
  }
  memcpy(&entry, &symbol, sizeof entry);
  const nacre_component *component = entry()->components.at;
  const nacre_device_ops *ops = component->ops;
  nacre_fail fail = { sizeof fail, 0, print_failure };
  nacre_device_open open = { sizeof open, NACRE_DEVICE_LAST_RESORT, NULL,
                             argc > 2 ? atoi(argv[2]) : 1,
                             getenv("NACRE_CPU"), &fail, calloc, free };
  void *device = NULL;
  if (ops->open(&open, &device) != NACRE_OK) {
    return 1;
  }
#ifdef NACRE_BENCH_CBLAS
  if (openblas_set_num_threads != NULL) {
    openblas_set_num_threads(atoi(argc > 2 ? argv[2] : "1"));
  }
#endif
  const double peak = ops->peak(device) / 1e9;
  printf("%s; multiply-add peak of one thread %.1f GFLOP/s\n",
         ops->describe(device), peak);
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    bench(ops->math(device), &shapes[i], rounds, peak);
  }
  ops->close(device);
  return 0;
}
