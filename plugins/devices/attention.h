/* SPDX-License-Identifier: MIT */
/* attention: what attention and its gradient share: which keys a query sees,
 * and products of panels of rows with packed keys. */
#ifndef NACRE_DEVICES_ATTENTION_H
#define NACRE_DEVICES_ATTENTION_H

#include "host.h"

#include <math.h>

/* Rows of a panel of A lie KERNEL_A_STRIDE apart in workspaces, so that a
 * tile of scores is, where it was written, the A of the next product. */
#define ATTENTION_PANEL_REALS (KERNEL_ROWS_MAX * KERNEL_A_STRIDE)

/* One head of one entry of the batch. */
typedef struct attention_head {
  const nacre_attention *a;
  const kernels *kern;
  const real *q, *k, *v; /* [queries or keys, dims], rows a *_step apart */
  const real *mask;      /* [keys], or NULL */
  int64_t index;         /* of (batch, head) */
} attention_head;

static inline attention_head attention_head_of(const nacre_math *math,
                                               const nacre_attention *a,
                                               int64_t batch, int64_t head) {
  const int64_t shared = head / (a->heads / a->kv_heads);
  attention_head at = {
    .a = a,
    .kern = ((const host_device *)math->self)->kern,
    .q = a->q + batch * a->queries * a->q_step + head * a->key_dim,
    .k = a->k + batch * a->keys * a->k_step + shared * a->key_dim,
    .v = a->v + batch * a->keys * a->v_step + shared * a->value_dim,
    .mask = a->mask == NULL ? NULL : a->mask + batch * a->keys,
    .index = batch * a->heads + head,
  };
  return at;
}

static inline int64_t attention_least(int64_t x, int64_t y) {
  return x < y ? x : y;
}

static inline int64_t attention_most(int64_t x, int64_t y) {
  return x > y ? x : y;
}

/* Query i sees the keys [attention_first, attention_end). */
static inline int64_t attention_first(const nacre_attention *a, int64_t i) {
  return i > a->before ? i - a->before : 0;
}

static inline int64_t attention_end(const nacre_attention *a, int64_t i) {
  return a->after < a->keys - i ? i + a->after + 1 : a->keys;
}

/* Panels as large as the tiles of the kernels, of nearly equal size: panel
 * number `index` of `count` begins at this one of `rows`. */
static inline int64_t attention_panels(const kernels *kern, int64_t rows) {
  return (rows - 1) / kern->rows + 1;
}

/* Columns of one block of keys, of `dims` reals each, packed: whole tiles
 * that fit into `room`, up to `most`. */
static inline int64_t attention_block(const kernels *kern, int64_t dims,
                                      int64_t room, int64_t most) {
  const int64_t width = 2 * kern->lanes;
  const int64_t fit = attention_least(room / dims, most);
  return fit < width ? kern->lanes : fit / width * width;
}

/* Packs `n` rows of `dims` each, ldb apart, as the columns of a B, in panels
 * of two registers (the last of one, if that is enough). */
static inline void attention_pack(const kernels *kern, int64_t n,
                                  int64_t dims, const real *b, int64_t ldb,
                                  real *out) {
  const int64_t width = 2 * kern->lanes;
  for (int64_t j = 0; j < n; j += width) {
    const int64_t cols = attention_least(n - j, width);
    const int64_t wide = cols <= kern->lanes ? kern->lanes : width;
    kern->transpose(dims, cols, b + j * ldb, ldb, wide, out);
    out += dims * wide;
  }
}

/* What is added to the scores of a block of keys: minus infinity for those
 * that are masked. NULL when there is no mask. */
static inline const real *attention_bias(const attention_head *at,
                                         int64_t first, int64_t end,
                                         real *bias) {
  if (at->mask == NULL) {
    return NULL;
  }
  for (int64_t j = first; j < end; j++) {
    bias[j - first] = at->mask[j] != 0 ? 0 : -(real)INFINITY;
  }
  return bias;
}

/* Factors of dropout of query i and the keys from `first` on. */
static inline void attention_keep(const attention_head *at, int64_t i,
                                  int64_t first, int64_t n, real *keep) {
  const nacre_attention *a = at->a;
  const uint64_t row =
    (uint64_t)at->index * (uint64_t)a->queries + (uint64_t)i;
  at->kern->uniform(a->key, row * (uint64_t)a->keys + (uint64_t)first, n,
                    keep);
  at->kern->keep(n, (real)a->dropout, keep);
}

/* A panel of rows times packed columns. */
typedef struct attention_rows {
  int64_t rows, dims;
  const real *a;    /* [rows, dims] */
  int64_t lda;
  const real *b;    /* packed, [dims, n] */
  int64_t begin, end, n; /* columns wanted; packed */
  double alpha;
  const real *bias; /* [n], or NULL */
  real *c;          /* [rows, n], rows KERNEL_A_STRIDE apart */
} attention_rows;

/* c = alpha a b + bias; `begin` is rounded down, and `end` up, to tiles.
 * room: [KERNEL_ROWS_MAX, KERNEL_A_STRIDE] */
static inline void attention_scores(const kernels *kern,
                                    const attention_rows *p, real *room) {
  const int64_t width = 2 * kern->lanes;
  const int64_t start = p->begin / width * width;
  kernel_tile t = { .a = room, .save = room, .alpha = (real)p->alpha,
                    .ldc = KERNEL_A_STRIDE };
  for (int64_t d = 0; d < p->dims; d += KERNEL_K_MAX) {
    t.k = attention_least(p->dims - d, KERNEL_K_MAX);
    kern->pack_rows(p->rows, t.k, p->a + d, p->lda, room);
    t.beta = d > 0 ? 1 : 0;
    for (int64_t j = start; j < p->end; j += width) {
      t.cols = attention_least(p->n - j, width);
      const int64_t wide = t.cols <= kern->lanes ? 1 : 2;
      t.b = p->b + j * p->dims + d * wide * kern->lanes;
      t.c = p->c + j;
      t.bias = d > 0 || p->bias == NULL ? NULL : p->bias + j;
      kern->tile[KERNEL_A_ROWS][KERNEL_B_PACKED][wide - 1][p->rows - 1](&t);
    }
  }
}

/* c = alpha op(a) b + beta c for one panel of rows, b where it is. With
 * KERNEL_A_COLUMNS a is [k, rows], else [rows, k]; rows of either lie
 * KERNEL_A_STRIDE apart. b: [k, cols], c: [rows, cols]. */
static inline void attention_apply(const kernels *kern, int layout,
                                   int64_t rows, int64_t cols, int64_t ldb,
                                   kernel_tile *t) {
  const int64_t width = 2 * kern->lanes;
  const real *b = t->b;
  real *c = t->c;
  t->a_step = KERNEL_A_STRIDE;
  t->b_step = ldb;
  t->bias = NULL;
  t->save = c; /* moved along, but not written to */
  for (int64_t j = 0; j < cols; j += width) {
    t->cols = attention_least(cols - j, width);
    t->b = b + j;
    t->c = c + j;
    kern->tile[layout][KERNEL_B_DIRECT][t->cols <= kern->lanes ? 0 : 1]
              [rows - 1](t);
  }
}

#endif
