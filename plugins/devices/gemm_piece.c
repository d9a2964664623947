/* SPDX-License-Identifier: MIT */
/* gemm_piece: panels of A and of B, brought where the kernels read them, and
 * the kernels over them. */
#include "gemm_piece.h"

#include <string.h>

/* Bytes of B that come from beyond the second-level cache: time goes by their
 * number, and rows that meet a zero are better left where they are. */
#define FAR_BYTES 524288.0
/* Share of the rows up to which reading some of them is faster than all: what
 * lies in pieces comes more slowly. */
#define SOME_SHARE 0.8

/* Panel j of B is this wide: only the last may have half the registers. */
static int64_t panel_registers(const gemm_piece *p, int64_t cols) {
  return cols <= p->kern->lanes ? 1 : 2;
}

/* A panel of B, from column j of the block on, turned over. */
static void turn_panel(const gemm_piece *p, int64_t j, real *out) {
  const int64_t width = 2 * p->kern->lanes;
  const int64_t cols = p->cols - j < width ? p->cols - j : width;
  p->kern->transpose(p->k_count, cols,
                     p->b + (p->col + j) * p->g->ldb + p->k, p->g->ldb,
                     panel_registers(p, cols) * p->kern->lanes, out);
}

/* All of the block's B at once, when it must be turned anyway. */
static void pack_b_turned(const gemm_piece *p) {
  for (int64_t j = 0; j < p->cols; j += 2 * p->kern->lanes) {
    turn_panel(p, j, p->b_space + p->k_count * j);
  }
}

/* The same of a B that is in order, filled up with zeros. */
static void copy_panel(const gemm_piece *p, int64_t j, real *out) {
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
static int place_a(const gemm_piece *p, kernel_tile *t, int64_t row,
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
static int64_t run_few(const gemm_piece *p, kernel_tile *t, int64_t row,
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
    t->c = gemm_row(p->c, p->ldc, row - p->row) + j;
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
static void run_panel(const gemm_piece *p, int64_t row, int64_t rows,
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
    t.c = gemm_row(p->c, p->ldc, row - p->row) + j;
    t.bias = p->last && g->bias != NULL ? g->bias + col : NULL;
    p->kern->tile[a_layout][b_layout][wide - 1][rows - 1](&t);
    at += p->k_count * wide * p->kern->lanes;
  }
  if (p->last && g->act != NULL) {
    nacre_gemm_activate(p->math, g, rows, p->cols,
                        gemm_row(p->c, p->ldc, row - p->row));
  }
}

void nacre_gemm_run_piece(const gemm_piece *p) {
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
void nacre_gemm_cut_k(gemm_piece *p, int64_t i) {
  const int64_t k = p->g->k, pieces = nacre_gemm_pieces(p->g);
  p->k = k * i / pieces;
  p->k_count = k * (i + 1) / pieces - p->k;
  p->last = i == pieces - 1;
}

/* A whole B that is packed for later. */
typedef struct packing {
  gemm_piece piece;
  real *packed;
  int64_t panels; /* of each piece of k */
} packing;

static void pack_panels(void *ctx, int64_t begin, int64_t end) {
  const packing *all = ctx;
  gemm_piece p = all->piece;
  for (int64_t i = begin; i < end; i++) {
    nacre_gemm_cut_k(&p, i / all->panels);
    const int64_t j = i % all->panels * 2 * p.kern->lanes;
    real *out = all->packed + p.k * gemm_whole_lanes(p.kern, p.cols) +
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
