/* SPDX-License-Identifier: MIT */
/* gemm: products of matrices by own kernels.
 *
 * Small ones run without packing. For the others C is cut into blocks
 * (gemm_cut), which threads take as they come; within a block, panels of A of
 * a few rows stay in the first-level cache while packed panels of B stream
 * past from the second. B is packed by the first panel of A as it multiplies.
 * The sum over k is one chain per element of C, cut at the same places for
 * every shape k, so neither the blocks nor the threads can be seen in the
 * result, but for which of two NaNs is kept.
 *
 * Where k are the samples and many, as in the gradient of a weight, it is two
 * chains, of the first and of the second half of k. Where there is room for
 * the second sums, half of the threads take each: they then read the samples
 * that they worked on in the layers around, and nothing of the others. In the
 * same way they read their own rows of a weight that is large against what it
 * is multiplied by. A line that two cores have read must be taken back from
 * one before the other can write it again, which costs more than fetching it,
 * most of all where the cores are far apart. */
#include "gemm_piece.h"

#include <stdatomic.h>
#include <string.h>

/* Multiply-adds up to which plain loops, or kernels without packing, win. */
#define SCALAR_WORK 48
#define DIRECT_WORK 8192
#define STACK_REALS 2048 /* of a small transposed B */
#define WORK_PER_NS 40.0

void nacre_gemm_activate(const nacre_math *math, const nacre_gemm *g,
                         int64_t rows, int64_t cols, real *c) {
  const nacre_activation *act = g->act;
  if (cols == g->ldc) {
    act->forward(math, act->cfg, rows, cols, c, c);
    return;
  }
  for (int64_t i = 0; i < rows; i++) {
    real *row = gemm_row(c, g->ldc, i);
    act->forward(math, act->cfg, 1, cols, row, row);
  }
}

/* A handful of multiply-adds: anything but plain loops costs more. */
static void run_scalar(const nacre_gemm *g, const real *a, const real *b,
                       real *c) {
  const int64_t a_row = g->flags & NACRE_GEMM_TRANS_A ? 1 : g->lda;
  const int64_t a_k = g->flags & NACRE_GEMM_TRANS_A ? g->lda : 1;
  const int64_t b_col = g->flags & NACRE_GEMM_TRANS_B ? g->ldb : 1;
  const int64_t b_k = g->flags & NACRE_GEMM_TRANS_B ? 1 : g->ldb;
  const real alpha = (real)g->alpha;
  const real beta = (real)g->beta;
  for (int64_t i = 0; i < g->m; i++) {
    for (int64_t j = 0; j < g->n; j++) {
      real sum = 0;
      for (int64_t k = 0; k < g->k; k++) {
        sum += a[i * a_row + k * a_k] * b[k * b_k + j * b_col];
      }
      real *at = &c[i * g->ldc + j];
      sum *= alpha;
      if (beta != 0) {
        sum += beta * *at;
      }
      *at = g->bias == NULL ? sum : sum + g->bias[j];
    }
  }
}

static void run_small(const nacre_math *math, const nacre_gemm *g,
                      const real *a, const real *b, real *c) {
  const kernels *kern = ((const host_device *)math->self)->kern;
  if (g->m * g->n * g->k <= SCALAR_WORK) {
    run_scalar(g, a, b, c);
  } else if (g->flags & NACRE_GEMM_TRANS_B) {
    real turned[STACK_REALS]; /* [k, width] */
    const int64_t width = gemm_whole_lanes(kern, g->n);
    kern->transpose(g->k, g->n, b, g->ldb, width, turned);
    kern->direct(g, a, turned, width, c);
  } else {
    kern->direct(g, a, b, g->ldb, c);
  }
  if (g->act != NULL) {
    nacre_gemm_activate(math, g, g->m, g->n, c);
  }
}

static int is_small(const kernels *kern, const nacre_gemm *g) {
  return nacre_gemm_work(g) <= DIRECT_WORK && !(g->flags & NACRE_GEMM_PACKED) &&
         (!(g->flags & NACRE_GEMM_TRANS_B) ||
          gemm_whole_lanes(kern, g->n) * g->k <= STACK_REALS);
}

int nacre_gemm_run_small(const nacre_math *math, const nacre_gemm *g) {
  const host_device *d = math->self;
  if (g->batch != 1 || !is_small(d->kern, g)) {
    return 0;
  }
  run_small(math, g, g->a, g->b, g->c);
  return 1;
}

/* One product that threads share. */
typedef struct job {
  const nacre_math *math;
  const nacre_gemm *g;
  gemm_cut cut;
  real *sums; /* NULL, or [m, sums_step] for the second sums over k */
  int64_t sums_step;
  const nacre_gemm *whole; /* with them: with bias and activation, too */
} job;

/* The pieces [begin, end) of k. */
static void run_pieces(gemm_piece *p, int64_t begin, int64_t end, real beta) {
  const nacre_gemm *g = p->g;
  p->beta = beta;
  for (int64_t i = begin; i < end; i++) {
    nacre_gemm_cut_k(p, i);
    p->packed = NULL;
    if (g->flags & NACRE_GEMM_PACKED) {
      p->packed =
        p->b + p->k * gemm_whole_lanes(p->kern, g->n) + p->k_count * p->col;
    }
    nacre_gemm_run_piece(p);
    p->beta = 1;
  }
}

/* Both sums over k, one after the other. The second needs no room of its own
 * when it is of one piece: to add that is to add its sum. */
static void run_both(gemm_piece *p, real *space) {
  const int64_t pieces = nacre_gemm_pieces(p->g);
  const int64_t middle = pieces / 2;
  run_pieces(p, 0, middle, (real)p->g->beta);
  if (pieces - middle < 2) {
    run_pieces(p, middle, pieces, 1);
    return;
  }
  real *c = p->c;
  p->c = space;
  p->ldc = KERNEL_N_MAX;
  run_pieces(p, middle, pieces, 0);
  for (int64_t i = 0; i < p->rows; i++) {
    p->kern->axpy(p->cols, 1, gemm_row(space, KERNEL_N_MAX, i),
                  gemm_row(c, p->g->ldc, i));
  }
}

static void run_sums(const job *u, gemm_piece *p, int64_t sum, real *space) {
  const nacre_gemm *g = u->g;
  const int64_t pieces = nacre_gemm_pieces(g);
  const int64_t middle = pieces / 2;
  if (u->sums == NULL) {
    run_both(p, space);
  } else if (sum == 0) {
    run_pieces(p, 0, middle, (real)g->beta);
  } else {
    p->c = gemm_row(u->sums, u->sums_step, p->row) + p->col;
    p->ldc = u->sums_step;
    run_pieces(p, middle, pieces, 0);
  }
}

static void run_block(const job *u, real *space, int64_t index) {
  const nacre_gemm *g = u->g;
  const kernels *kern = ((const host_device *)u->math->self)->kern;
  const gemm_cut *cut = &u->cut;
  const int64_t width = nacre_gemm_unit(kern, g);
  const int64_t units = gemm_parts(g->n, width);
  const int64_t entry = index / (cut->row_blocks * cut->col_blocks);
  const int64_t at = index % (cut->row_blocks * cut->col_blocks);
  const int64_t i = cut->by_rows ? at / cut->col_blocks
                                 : at % cut->row_blocks;
  const int64_t j = cut->by_rows ? at % cut->col_blocks
                                 : at / cut->row_blocks;
  gemm_piece p = { .math = u->math, .kern = kern, .g = g, .ldc = g->ldc,
                   .a_space = space, .b_space = space + HOST_A_REALS };
  p.row = g->m * i / cut->row_blocks;
  p.rows = g->m * (i + 1) / cut->row_blocks - p.row;
  p.col = units * j / cut->col_blocks * width;
  const int64_t end = units * (j + 1) / cut->col_blocks * width;
  p.cols = (end < g->n ? end : g->n) - p.col;
  p.a = g->a;
  p.b = g->b;
  p.c = gemm_row(g->c, g->ldc, p.row) + p.col;
  if (nacre_gemm_is_deep(g)) {
    run_sums(u, &p, entry, space + HOST_SPACE_REALS);
    return;
  }
  p.a += entry * g->stride_a;
  p.b += entry * g->stride_b;
  p.c += entry * g->stride_c;
  run_pieces(&p, 0, nacre_gemm_pieces(g), (real)g->beta);
}

static void run_blocks(void *ctx, int64_t begin, int64_t end) {
  const job *u = ctx;
  host_device *d = u->math->self;
  real *space = nacre_host_take_space(d);
  for (int64_t i = begin; i < end; i++) {
    run_block(u, space, i);
  }
  nacre_host_give_space(d, space);
}

static void run_small_entries(void *ctx, int64_t begin, int64_t end) {
  const job *u = ctx;
  const nacre_gemm *g = u->g;
  for (int64_t i = begin; i < end; i++) {
    run_small(u->math, g, g->a + i * g->stride_a, g->b + i * g->stride_b,
              g->c + i * g->stride_c);
  }
}

/* What is left to do for rows of C when there are both sums. */
static void add_sums(void *ctx, int64_t begin, int64_t end) {
  const job *u = ctx;
  const nacre_gemm *g = u->whole;
  const kernels *kern = ((const host_device *)u->math->self)->kern;
  for (int64_t i = begin; i < end; i++) {
    real *c = gemm_row(g->c, g->ldc, i);
    kern->axpy(g->n, 1, gemm_row(u->sums, u->sums_step, i), c);
    if (g->bias != NULL) {
      kern->axpy(g->n, 1, g->bias, c);
    }
  }
  if (g->act != NULL) {
    nacre_gemm_activate(u->math, g, end - begin, g->n,
                        gemm_row(g->c, g->ldc, begin));
  }
}

/* Whether different threads should take the sums. Where k are the samples,
 * always; else where B, which is most often a weight, is by far the largest:
 * a thread then reads the rows of it that it has updated. */
static int should_share(const nacre_gemm *g, double work) {
  return work >= 2 * GEMM_BLOCK_WORK &&
         (g->flags & NACRE_GEMM_TRANS_A || g->m <= g->k / 4);
}

/* To half of the threads the first sums, to half the second ones. */
static void run_shared(job *u, double work) {
  host_device *d = u->math->self;
  nacre_gemm bare = *u->g, half;
  bare.bias = NULL;
  bare.act = NULL;
  half = bare;
  half.batch = 2;
  half.k = bare.k / 2;
  u->whole = u->g;
  u->g = &bare;
  u->sums = d->sums;
  u->cut = nacre_gemm_cut(d, &half);
  nacre_pool_run(d->pool, u->cut.row_blocks * u->cut.col_blocks * 2, 1,
                 work / WORK_PER_NS, run_blocks, u);
  const int64_t grain = KERNEL_N_MAX * HOST_SUM_ROWS / u->sums_step / 4 + 1;
  const double each = u->whole->act != NULL ? 0.5 : 0.25; /* nanoseconds */
  nacre_pool_run(d->pool, bare.m, grain, each * (double)(bare.m * bare.n),
                 add_sums, u);
}

/* If there is no room for the second sums of all of C, each thread takes both
 * of a block. */
static void run_deep(job *u) {
  host_device *d = u->math->self;
  const nacre_gemm *g = u->g;
  const double work = nacre_gemm_work(g);
  u->sums_step = gemm_whole_lanes(d->kern, g->n);
  int idle = 0;
  if (should_share(g, work) && g->m <= HOST_SUMS_REALS / u->sums_step &&
      nacre_pool_threads(d->pool) > 1 &&
      atomic_compare_exchange_strong(&d->summing, &idle, 1)) {
    run_shared(u, work);
    atomic_store(&d->summing, 0);
    return;
  }
  u->cut = nacre_gemm_cut(d, g);
  if (nacre_gemm_pieces(g) > 2) { /* there is room for a block's sums */
    const int64_t least = gemm_parts(g->m, HOST_SUM_ROWS);
    u->cut.row_blocks = u->cut.row_blocks > least ? u->cut.row_blocks : least;
  }
  nacre_pool_run(d->pool, u->cut.row_blocks * u->cut.col_blocks, 1,
                 work / WORK_PER_NS, run_blocks, u);
}

void nacre_gemm_run(const nacre_math *math, const nacre_gemm *g) {
  if (nacre_gemm_run_small(math, g) || nacre_gemm_run_vector(math, g)) {
    return;
  }
  if (g->m <= 0 || g->n <= 0 || g->batch <= 0) {
    return;
  }
  host_device *d = math->self;
  job u = { .math = math, .g = g, .cut = GEMM_WHOLE };
  if (nacre_gemm_is_deep(g)) {
    run_deep(&u);
    return;
  }
  const double work = nacre_gemm_work(g);
  const double ns = work * (double)g->batch / WORK_PER_NS;
  const int small = is_small(d->kern, g);
  if (!small) {
    u.cut = nacre_gemm_cut(d, g);
  }
  const int64_t blocks = u.cut.row_blocks * u.cut.col_blocks * g->batch;
  /* Blocks that are small by themselves go together. */
  const double each = work * (double)g->batch / (double)blocks;
  const int64_t grain = each < GEMM_BLOCK_WORK / 2
                          ? (int64_t)(GEMM_BLOCK_WORK / (each + 256.0)) : 1;
  nacre_pool_run(d->pool, blocks, grain > 0 ? grain : 1, ns,
                 small ? run_small_entries : run_blocks, &u);
}
