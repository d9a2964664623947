/* SPDX-License-Identifier: MIT */
/* gemm: products of matrices by own kernels.
 *
 * Small ones run without packing. For the others C is cut into blocks
 * (gemm_cut), which threads take as they come; within a block, panels of A of
 * a few rows stay in the first-level cache while packed panels of B stream
 * past from the second. B is packed by the first panel of A as it multiplies.
 * The sum over k is one chain per element of C, cut at the same places for
 * every shape k, so neither the blocks nor the threads can be seen in the
 * result.
 *
 * Where k are the samples and many, as in the gradient of a weight, it is two
 * chains, of the first and of the second half of k. Where there is room for
 * the second sums, half of the threads take each: they then read the samples
 * that they worked on in the layers around, and nothing of the others. A line
 * that two cores have read must be taken back from one before the other can
 * write it again, which costs more than fetching it, most of all where the
 * cores are far apart. */
#include "gemm_cut.h"

#include <stdatomic.h>
#include <string.h>

/* Multiply-adds up to which plain loops, or kernels without packing, win. */
#define SCALAR_WORK 48
#define DIRECT_WORK 8192
#define STACK_REALS 2048 /* of a small transposed B */
#define WORK_PER_NS 40.0
/* Bytes of B that come from beyond the second-level cache: time goes by their
 * number, and rows that meet a zero are better left where they are. */
#define FAR_BYTES 524288.0
/* Share of the rows up to which reading some of them is faster than all: what
 * lies in pieces comes more slowly. */
#define SOME_SHARE 0.8

static real *row_of(real *c, int64_t ldc, int64_t i) {
  return c + i * ldc;
}

void nacre_gemm_activate(const nacre_math *math, const nacre_gemm *g,
                         int64_t rows, int64_t cols, real *c) {
  const nacre_activation *act = g->act;
  if (cols == g->ldc) {
    act->forward(math, act->cfg, rows, cols, c, c);
    return;
  }
  for (int64_t i = 0; i < rows; i++) {
    real *row = row_of(c, g->ldc, i);
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

static int64_t whole_lanes(const kernels *kern, int64_t n) {
  return (n + kern->lanes - 1) / kern->lanes * kern->lanes;
}

static void run_small(const nacre_math *math, const nacre_gemm *g,
                      const real *a, const real *b, real *c) {
  const kernels *kern = ((const host_device *)math->self)->kern;
  if (g->m * g->n * g->k <= SCALAR_WORK) {
    run_scalar(g, a, b, c);
  } else if (g->flags & NACRE_GEMM_TRANS_B) {
    real turned[STACK_REALS]; /* [k, width] */
    const int64_t width = whole_lanes(kern, g->n);
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
          whole_lanes(kern, g->n) * g->k <= STACK_REALS);
}

int nacre_gemm_run_small(const nacre_math *math, const nacre_gemm *g) {
  const host_device *d = math->self;
  if (g->batch != 1 || !is_small(d->kern, g)) {
    return 0;
  }
  run_small(math, g, g->a, g->b, g->c);
  return 1;
}

/* One piece of k of one block of C. */
typedef struct piece {
  const nacre_math *math;
  const kernels *kern;
  const nacre_gemm *g;
  real *a_space, *b_space;
  const real *packed;       /* where the block of B lies packed; or NULL */
  const real *a, *b;        /* of this entry of the batch */
  real *c;                  /* of the block, rows ldc apart */
  int64_t ldc;
  int64_t row, rows, col, cols; /* the block */
  int64_t k, k_count;
  real beta;
  int last;                 /* of the pieces of k */
} piece;

/* Panel j of B is this wide: only the last may have half the registers. */
static int64_t panel_registers(const piece *p, int64_t cols) {
  return cols <= p->kern->lanes ? 1 : 2;
}

/* A panel of B, from column j of the block on, turned over. */
static void turn_panel(const piece *p, int64_t j, real *out) {
  const int64_t width = 2 * p->kern->lanes;
  const int64_t cols = p->cols - j < width ? p->cols - j : width;
  p->kern->transpose(p->k_count, cols,
                     p->b + (p->col + j) * p->g->ldb + p->k, p->g->ldb,
                     panel_registers(p, cols) * p->kern->lanes, out);
}

/* All of the block's B at once, when it must be turned anyway. */
static void pack_b_turned(const piece *p) {
  for (int64_t j = 0; j < p->cols; j += 2 * p->kern->lanes) {
    turn_panel(p, j, p->b_space + p->k_count * j);
  }
}

/* The same of a B that is in order, filled up with zeros. */
static void copy_panel(const piece *p, int64_t j, real *out) {
  const int64_t width = 2 * p->kern->lanes;
  const int64_t cols = p->cols - j < width ? p->cols - j : width;
  const int64_t wide = panel_registers(p, cols) * p->kern->lanes;
  const real *b = p->b + p->k * p->g->ldb + p->col + j;
  for (int64_t k = 0; k < p->k_count; k++, b += p->g->ldb, out += wide) {
    memcpy(out, b, (size_t)cols * sizeof(real));
    memset(out + cols, 0, (size_t)(wide - cols) * sizeof(real));
  }
}

/* Brings a panel of A where the kernels read it; returns its layout. */
static int place_a(const piece *p, kernel_tile *t, int64_t row,
                   int64_t rows) {
  const int64_t width = 2 * p->kern->lanes;
  t->a = p->a_space;
  if (!(p->g->flags & NACRE_GEMM_TRANS_A)) {
    p->kern->pack_rows(rows, p->k_count, p->a + row * p->g->lda + p->k,
                       p->g->lda, p->a_space);
    return KERNEL_A_ROWS;
  }
  const real *a = p->a + p->k * p->g->lda + row;
  if (p->cols <= width) {
    t->a = a; /* read once: where it is */
    t->a_step = p->g->lda;
  } else {
    t->a_step = KERNEL_A_STEP;
    p->kern->pack_columns(p->k_count, rows, a, p->g->lda, p->a_space);
  }
  return KERNEL_A_COLUMNS;
}

static int is_far(const nacre_gemm *g) {
  return (double)g->k * (double)g->n * (double)sizeof(real) >= FAR_BYTES;
}

/* As many columns as there are whole wide tiles for: returns their number. */
static int64_t run_few(const piece *p, kernel_tile *t, int64_t row,
                       int64_t rows, int a_layout) {
  const nacre_gemm *g = p->g;
  const int64_t most = p->kern->few_columns;
  const int64_t a_row = a_layout == KERNEL_A_ROWS ? KERNEL_A_STRIDE : 1;
  int32_t list[KERNEL_K_MAX + KERNEL_LIST_ROOM];
  int64_t j = 0;
  t->a_step = a_layout == KERNEL_A_ROWS ? 1 : t->a_step;
  t->b_step = g->ldb;
  int some = rows == 1 && a_layout == KERNEL_A_ROWS && is_far(g);
  const int64_t n = some ? p->kern->list(t->k, t->a, list) : t->k;
  some = some && (double)n <= SOME_SHARE * (double)t->k;
  while (p->cols - j >= most / 2) {
    const int narrow = p->cols - j < most;
    const int64_t col = p->col + j;
    t->b = p->b + p->k * g->ldb + col;
    t->c = row_of(p->c, p->ldc, row - p->row) + j;
    t->bias = p->last && g->bias != NULL ? g->bias + col : NULL;
    if (some) {
      p->kern->some[narrow](t, list, n);
    } else {
      p->kern->few[narrow][rows - 1](t, a_row);
    }
    j += narrow ? most / 2 : most;
  }
  return j;
}

/* One panel of rows of C, over all columns of the block. */
static void run_panel(const piece *p, int64_t row, int64_t rows,
                      int b_layout) {
  const nacre_gemm *g = p->g;
  const int64_t width = 2 * p->kern->lanes;
  kernel_tile t;
  t.k = p->k_count;
  t.ldc = p->ldc;
  t.alpha = (real)g->alpha;
  t.beta = p->beta;
  const int a_layout = place_a(p, &t, row, rows);
  const real *packed = p->packed != NULL ? p->packed : p->b_space;
  int64_t at = 0; /* of the panel of B */
  int64_t j = b_layout == KERNEL_B_DIRECT && rows <= KERNEL_FEW_ROWS
                ? run_few(p, &t, row, rows, a_layout) : 0;
  for (; j < p->cols; j += width) {
    const int64_t col = p->col + j;
    t.cols = p->cols - j < width ? p->cols - j : width;
    const int64_t wide = panel_registers(p, t.cols);
    t.save = p->b_space + at;
    t.b_step = g->ldb;
    t.b = b_layout == KERNEL_B_PACKED ? packed + at
                                      : p->b + p->k * g->ldb + col;
    t.c = row_of(p->c, p->ldc, row - p->row) + j;
    t.bias = p->last && g->bias != NULL ? g->bias + col : NULL;
    p->kern->tile[a_layout][b_layout][wide - 1][rows - 1](&t);
    at += p->k_count * wide * p->kern->lanes;
  }
  if (p->last && g->act != NULL) {
    nacre_gemm_activate(p->math, g, rows, p->cols,
                        row_of(p->c, p->ldc, row - p->row));
  }
}

static void run_piece(const piece *p) {
  const int packed = (p->g->flags & NACRE_GEMM_PACKED) != 0;
  const int turned = (p->g->flags & NACRE_GEMM_TRANS_B) != 0;
  const int64_t panels = (p->rows - 1) / p->kern->rows + 1;
  if (turned && !packed) {
    pack_b_turned(p);
  }
  for (int64_t i = 0; i < panels; i++) {
    const int64_t begin = p->rows * i / panels;
    const int64_t end = p->rows * (i + 1) / panels;
    int b_layout = KERNEL_B_PACKED;
    if (!turned && !packed && i == 0) {
      b_layout = panels > 1 ? KERNEL_B_SAVE : KERNEL_B_DIRECT;
    }
    run_panel(p, p->row + begin, end - begin, b_layout);
  }
}

/* Begin and length of piece i of k. */
static void cut_k(piece *p, int64_t i) {
  const int64_t k = p->g->k, pieces = nacre_gemm_pieces(p->g);
  p->k = k * i / pieces;
  p->k_count = k * (i + 1) / pieces - p->k;
  p->last = i == pieces - 1;
}

/* A whole B that is packed for later. */
typedef struct packing {
  piece piece;
  real *packed;
  int64_t panels; /* of each piece of k */
} packing;

static void pack_panels(void *ctx, int64_t begin, int64_t end) {
  const packing *all = ctx;
  piece p = all->piece;
  for (int64_t i = begin; i < end; i++) {
    cut_k(&p, i / all->panels);
    const int64_t j = i % all->panels * 2 * p.kern->lanes;
    real *out = all->packed + p.k * whole_lanes(p.kern, p.cols) +
                p.k_count * j;
    if (p.g->flags & NACRE_GEMM_TRANS_B) {
      turn_panel(&p, j, out);
    } else {
      copy_panel(&p, j, out);
    }
  }
}

void nacre_gemm_pack(const nacre_math *math, const nacre_gemm *g,
                     real *packed) {
  if (g->n <= 0 || g->k <= 0) {
    return;
  }
  host_device *d = math->self;
  nacre_gemm by = *g; /* as it will be run: k is cut by all of the flags */
  by.flags |= NACRE_GEMM_PACKED;
  packing all = {
    .piece = { .math = math, .kern = d->kern, .g = &by, .b = g->b,
               .cols = g->n },
    .packed = packed, .panels = gemm_parts(g->n, 2 * d->kern->lanes)
  };
  nacre_pool_run(d->pool, all.panels * nacre_gemm_pieces(&by), 1,
                 (double)g->k * (double)g->n / 4, pack_panels, &all);
}

/* One product that threads share. */
typedef struct job {
  const nacre_math *math;
  const nacre_gemm *g;
  gemm_cut cut;
  real *sums; /* NULL, or [m, sums_step] for the second sums over k */
  int64_t sums_step;
} job;

/* The pieces [begin, end) of k. */
static void run_pieces(piece *p, int64_t begin, int64_t end, real beta) {
  const nacre_gemm *g = p->g;
  p->beta = beta;
  for (int64_t i = begin; i < end; i++) {
    cut_k(p, i);
    p->packed = NULL;
    if (g->flags & NACRE_GEMM_PACKED) {
      p->packed =
        p->b + p->k * whole_lanes(p->kern, g->n) + p->k_count * p->col;
    }
    run_piece(p);
    p->beta = 1;
  }
}

/* Both sums over k, one after the other. The second needs no room of its own
 * when it is of one piece: to add that is to add its sum. */
static void run_both(piece *p, real *space) {
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
    p->kern->axpy(p->cols, 1, row_of(space, KERNEL_N_MAX, i),
                  row_of(c, p->g->ldc, i));
  }
}

static void run_sums(const job *u, piece *p, int64_t sum, real *space) {
  const nacre_gemm *g = u->g;
  const int64_t pieces = nacre_gemm_pieces(g);
  const int64_t middle = pieces / 2;
  if (u->sums == NULL) {
    run_both(p, space);
  } else if (sum == 0) {
    run_pieces(p, 0, middle, (real)g->beta);
  } else {
    p->c = row_of(u->sums, u->sums_step, p->row) + p->col;
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
  piece p = { .math = u->math, .kern = kern, .g = g, .ldc = g->ldc,
              .a_space = space, .b_space = space + HOST_A_REALS };
  p.row = g->m * i / cut->row_blocks;
  p.rows = g->m * (i + 1) / cut->row_blocks - p.row;
  p.col = units * j / cut->col_blocks * width;
  const int64_t end = units * (j + 1) / cut->col_blocks * width;
  p.cols = (end < g->n ? end : g->n) - p.col;
  p.a = g->a;
  p.b = g->b;
  p.c = row_of(g->c, g->ldc, p.row) + p.col;
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

static void add_sums(void *ctx, int64_t begin, int64_t end) {
  const job *u = ctx;
  const nacre_gemm *g = u->g;
  const kernels *kern = ((const host_device *)u->math->self)->kern;
  for (int64_t i = begin; i < end; i++) {
    kern->axpy(g->n, 1, row_of(u->sums, u->sums_step, i),
               row_of(g->c, g->ldc, i));
  }
}

/* A deep product: to half of the threads the first sums, if there is room
 * for the second ones of all of C; else each thread takes both of a block. */
static void run_deep(job *u) {
  host_device *d = u->math->self;
  const nacre_gemm *g = u->g;
  const double work = nacre_gemm_work(g);
  u->sums_step = whole_lanes(d->kern, g->n);
  int idle = 0;
  const int shares = work >= 2 * GEMM_BLOCK_WORK &&
                     g->m <= HOST_SUMS_REALS / u->sums_step &&
                     nacre_pool_threads(d->pool) > 1 &&
                     atomic_compare_exchange_strong(&d->summing, &idle, 1);
  nacre_gemm half = *g;
  if (shares) {
    half.batch = 2;
    half.k = g->k / 2;
    u->sums = d->sums;
  }
  u->cut = nacre_gemm_cut(d, &half);
  if (!shares && nacre_gemm_pieces(g) > 2) { /* room for a block's sums */
    const int64_t least = gemm_parts(g->m, HOST_SUM_ROWS);
    u->cut.row_blocks = u->cut.row_blocks > least ? u->cut.row_blocks : least;
  }
  nacre_pool_run(d->pool, u->cut.row_blocks * u->cut.col_blocks * half.batch,
                 1, work / WORK_PER_NS, run_blocks, u);
  if (shares) {
    const int64_t grain = KERNEL_N_MAX * HOST_SUM_ROWS / u->sums_step / 4 + 1;
    nacre_pool_run(d->pool, g->m, grain, (double)(g->m * g->n) / 4, add_sums,
                   u);
    atomic_store(&d->summing, 0);
  }
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
