/* SPDX-License-Identifier: MIT */
/* cblas: the device `cpu` with its large matrix products done by a CBLAS
 * library, for processors that nacre has no kernels of its own for.
 *
 * The library runs on one thread at a time: C is cut into blocks that only
 * the shape decides, and the device's own pool takes them. A threaded BLAS
 * beside the pool would make the two fight for the processors, and would let
 * the number of threads show in the result. */
#include <cblas.h>
#include <limits.h>

#include "host.h"

/* The width of one call: with the depth of common layers its share of B fits
 * in the second-level cache. */
#define BLOCK_ROWS 256
#define BLOCK_COLS 256
#define WORK_PER_NS 20.0

#ifdef NACRE_DOUBLE
#define CBLAS_GEMM cblas_dgemm
#else
#define CBLAS_GEMM cblas_sgemm
#endif

#ifdef __GNUC__
/* Where a library has threads of its own, this is how to have none. */
extern void openblas_set_num_threads(int) __attribute__((weak));
extern void bli_thread_set_num_threads(long) __attribute__((weak));

static void stop_library_threads(void) {
  if (openblas_set_num_threads != NULL) {
    openblas_set_num_threads(1);
  }
  if (bli_thread_set_num_threads != NULL) {
    bli_thread_set_num_threads(1);
  }
}
#else
static void stop_library_threads(void) {
}
#endif

typedef struct cut {
  const nacre_math *math;
  const nacre_gemm *g;
  int64_t row_blocks, col_blocks;
} cut;

static void add_bias(const nacre_gemm *g, int64_t rows, int64_t cols,
                     const real *bias, real *c) {
  for (int64_t i = 0; i < rows; i++) {
    real *row = c + i * g->ldc;
    for (int64_t j = 0; j < cols; j++) {
      row[j] += bias[j];
    }
  }
}

static void run_block(const cut *u, int64_t index) {
  const nacre_gemm *g = u->g;
  const int trans_a = (g->flags & NACRE_GEMM_TRANS_A) != 0;
  const int trans_b = (g->flags & NACRE_GEMM_TRANS_B) != 0;
  const int64_t entry = index / (u->row_blocks * u->col_blocks);
  const int64_t row = index / u->col_blocks % u->row_blocks * BLOCK_ROWS;
  const int64_t col = index % u->col_blocks * BLOCK_COLS;
  const int64_t rows = g->m - row < BLOCK_ROWS ? g->m - row : BLOCK_ROWS;
  const int64_t cols = g->n - col < BLOCK_COLS ? g->n - col : BLOCK_COLS;
  const real *a = g->a + entry * g->stride_a + (trans_a ? row : row * g->lda);
  const real *b = g->b + entry * g->stride_b + (trans_b ? col * g->ldb : col);
  real *c = g->c + entry * g->stride_c + row * g->ldc + col;
  CBLAS_GEMM(CblasRowMajor, trans_a ? CblasTrans : CblasNoTrans,
             trans_b ? CblasTrans : CblasNoTrans, (int)rows, (int)cols,
             (int)g->k, (real)g->alpha, a, (int)g->lda, b, (int)g->ldb,
             (real)g->beta, c, (int)g->ldc);
  if (g->bias != NULL) {
    add_bias(g, rows, cols, g->bias + col, c);
  }
  if (g->act != NULL) {
    nacre_gemm_activate(u->math, g, rows, cols, c);
  }
}

static void run_blocks(void *ctx, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; i++) {
    run_block(ctx, i);
  }
}

/* The interface counts in int, and asks for rows that do not overlap. */
static int library_can(const nacre_gemm *g) {
  const int64_t a_cols = g->flags & NACRE_GEMM_TRANS_A ? g->m : g->k;
  const int64_t b_cols = g->flags & NACRE_GEMM_TRANS_B ? g->k : g->n;
  return g->k > 0 && g->k <= INT_MAX && g->lda <= INT_MAX &&
         g->ldb <= INT_MAX && g->ldc <= INT_MAX && g->lda >= a_cols &&
         g->ldb >= b_cols && g->ldc >= g->n;
}

static void cblas_run(const nacre_math *math, const nacre_gemm *given) {
  const host_device *d = math->self;
  nacre_gemm plain = *given;
  const nacre_gemm *g = &plain;
  if (g->flags & NACRE_GEMM_PACKED) { /* as cblas_pack left it */
    plain.flags &= ~(NACRE_GEMM_PACKED | NACRE_GEMM_TRANS_B);
    plain.ldb = g->n;
  }
  if (nacre_gemm_run_small(math, g) || g->m <= 0 || g->n <= 0) {
    return;
  }
  if (!library_can(g)) {
    nacre_gemm_run(math, g);
    return;
  }
  cut u = { math, g, (g->m - 1) / BLOCK_ROWS + 1,
            (g->n - 1) / BLOCK_COLS + 1 };
  const double work = (double)g->m * (double)g->n * (double)g->k;
  nacre_pool_run(d->pool, u.row_blocks * u.col_blocks * g->batch, 1,
                 work * (double)g->batch / WORK_PER_NS, run_blocks, &u);
}

/* The library packs in each call and lets nobody see it: B is put in order,
 * rows side by side, as it likes it best. */
static void cblas_pack(const nacre_math *math, const nacre_gemm *g,
                       real *packed) {
  const int64_t b_k = g->flags & NACRE_GEMM_TRANS_B ? 1 : g->ldb;
  const int64_t b_col = g->flags & NACRE_GEMM_TRANS_B ? g->ldb : 1;
  (void)math;
  for (int64_t k = 0; k < g->k; k++) {
    for (int64_t j = 0; j < g->n; j++) {
      *packed++ = g->b[k * b_k + j * b_col];
    }
  }
}

/* A cap on the instruction set cannot be passed on to the library: with one,
 * the device `cpu` is the right one. */
static int cblas_open(const nacre_device_open *open, void **self) {
  const kernels *kern = nacre_host_kernels(open->cpu_level, open->fail);
  if (kern == NULL) {
    return NACRE_ERROR;
  }
  if (open->cpu_level != NULL && !(open->flags & NACRE_DEVICE_LAST_RESORT)) {
    return NACRE_DECLINE;
  }
  stop_library_threads();
  host_device *d =
    nacre_host_open(open, kern, cblas_run, "products by CBLAS");
  if (d == NULL) {
    return NACRE_ERROR;
  }
  d->math.pack = cblas_pack;
  *self = d;
  return NACRE_OK;
}

static const nacre_device_ops ops = {
  sizeof(nacre_device_ops), 0, cblas_open, nacre_host_close,
  nacre_host_math, nacre_host_describe, nacre_host_alloc, nacre_host_free,
  NULL, NULL, nacre_host_enter, nacre_host_leave, nacre_host_peak
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_DEVICE,
  .contract = 1,
  .name = "cpu",
  .summary = "The host's processor, with matrix products by a CBLAS library",
  .doc = "Takes over where nacre has only portable kernels. Vector functions "
         "and small products are nacre's own; the library computes blocks of "
         "the others, one thread each.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
  .rank = -10,
};

NACRE_COMPONENT_MODULE(cblas, component)
