/* SPDX-License-Identifier: MIT */
/* attention: softmax(scale q k^T) v, a few queries at a time.
 *
 * A panel of as many queries as the kernels have rows goes along the keys in
 * blocks: its scores are one packed panel, which is softened where it lies
 * and then multiplied with the values. Between blocks only the largest score
 * and the sum of exponentials of each query are carried: Milakov and
 * Gimelshein, "Online normalizer calculation for softmax", arXiv:1805.02867.
 * Tiles of scores that no query of the panel sees are left out. */
#include "attention.h"

#include <math.h>
#include <string.h>

#define TILE_QUERIES 128 /* share the keys that are packed */
#define BLOCK_REALS 16384 /* of packed keys */
#define WORK_PER_NS 30.0

/* A tile of queries of one head. */
typedef struct tile {
  attention_head at;
  int64_t begin, end; /* queries */
  real *room;         /* a panel of q */
  real *scores;       /* a panel of scores */
  real *packed;       /* a block of keys */
  real *out;          /* [queries of the tile, value_dim], out_step apart */
  real top[TILE_QUERIES], sum[TILE_QUERIES];
  uint8_t begun[TILE_QUERIES]; /* of each panel: out has been written */
} tile;

/* A block of keys, as a panel sees it. */
typedef struct block {
  int64_t begin, end; /* keys */
  const real *bias;   /* [end - begin], or NULL */
} block;

/* Query i: scores of the panel's keys [begin, end) to weights. */
static void soften_row(tile *t, const block *b, int64_t i, int64_t begin,
                       int64_t end, real *row) {
  const nacre_attention *a = t->at.a;
  const int64_t n = i - t->begin;
  const int64_t first = attention_most(attention_first(a, i), begin);
  const int64_t last = attention_least(attention_end(a, i), end);
  row -= b->begin;
  if (first >= last) {
    memset(row + begin, 0, (size_t)(end - begin) * sizeof(real));
    return;
  }
  if (first > begin) {
    memset(row + begin, 0, (size_t)(first - begin) * sizeof(real));
  }
  if (end > last) {
    memset(row + last, 0, (size_t)(end - last) * sizeof(real));
  }
  const real old = t->top[n];
  const real sum = t->at.kern->soften(last - first, row + first, &t->top[n]);
  if (t->sum[n] != 0 && t->top[n] != old) {
    const real factor = (real)exp((double)old - (double)t->top[n]);
    t->sum[n] *= factor;
    t->at.kern->scale(a->value_dim, factor, t->out + n * a->out_step);
  }
  t->sum[n] += sum;
  if (a->dropout > 0) {
    real keep[KERNEL_K_MAX];
    attention_keep(&t->at, i, first, last - first, keep);
    t->at.kern->times(last - first, keep, row + first);
  }
}

/* Panel number `index`: queries [from, to) on one block of keys. */
static void run_panel(tile *t, const block *b, int64_t index, int64_t from,
                      int64_t to) {
  const nacre_attention *a = t->at.a;
  const int64_t begin = attention_most(attention_first(a, from), b->begin);
  const int64_t end = attention_least(attention_end(a, to - 1), b->end);
  if (begin >= end) {
    return;
  }
  attention_rows product = {
    .rows = to - from, .dims = a->key_dim, .a = t->at.q + from * a->q_step,
    .lda = a->q_step, .b = t->packed, .begin = begin - b->begin,
    .end = end - b->begin, .n = b->end - b->begin, .alpha = a->scale,
    .bias = b->bias, .c = t->scores,
  };
  attention_scores(t->at.kern, &product, t->room);
  for (int64_t i = from; i < to; i++) {
    soften_row(t, b, i, begin, end,
               t->scores + (i - from) * KERNEL_A_STRIDE);
  }
  kernel_tile weighed = {
    .k = end - begin, .a = t->scores + begin - b->begin,
    .b = t->at.v + begin * a->v_step,
    .c = t->out + (from - t->begin) * a->out_step, .ldc = a->out_step,
    .alpha = 1, .beta = t->begun[index],
  };
  attention_apply(t->at.kern, KERNEL_A_ROWS, to - from, a->value_dim,
                  a->v_step, &weighed);
  t->begun[index] = 1;
}

/* Divides by the sums. */
static void finish(tile *t, int64_t panels) {
  const nacre_attention *a = t->at.a;
  const int64_t rows = t->end - t->begin;
  for (int64_t p = 0; p < panels; p++) {
    for (int64_t n = rows * p / panels; n < rows * (p + 1) / panels; n++) {
      real *out = t->out + n * a->out_step;
      if (t->begun[p] && t->sum[n] != 0) {
        t->at.kern->scale(a->value_dim, 1 / t->sum[n], out);
      } else {
        memset(out, 0, (size_t)a->value_dim * sizeof(real));
      }
    }
  }
  if (a->log_sum == NULL) {
    return;
  }
  real *log_sum = a->log_sum + t->at.index * a->queries + t->begin;
  t->at.kern->log(NULL, rows, t->sum, log_sum);
  for (int64_t n = 0; n < rows; n++) {
    /* Minus infinity less infinity: still a weight of 0. */
    log_sum[n] = t->sum[n] != 0 ? log_sum[n] + t->top[n] : (real)INFINITY;
  }
}

static void run_tile(tile *t) {
  const nacre_attention *a = t->at.a;
  const kernels *kern = t->at.kern;
  const int64_t rows = t->end - t->begin;
  const int64_t panels = attention_panels(kern, rows);
  const int64_t step =
    attention_block(kern, a->key_dim, BLOCK_REALS, KERNEL_K_MAX);
  real bias[KERNEL_K_MAX];
  block b;
  for (int64_t n = 0; n < rows; n++) {
    t->top[n] = -(real)INFINITY;
    t->sum[n] = 0;
    t->begun[n] = 0;
  }
  const int64_t last = attention_end(a, t->end - 1);
  for (int64_t j = attention_first(a, t->begin); j < last; j += step) {
    b.begin = j;
    b.end = attention_least(j + step, last);
    b.bias = attention_bias(&t->at, b.begin, b.end, bias);
    attention_pack(kern, b.end - j, a->key_dim, t->at.k + j * a->k_step,
                   a->k_step, t->packed);
    for (int64_t p = 0; p < panels; p++) {
      run_panel(t, &b, p, t->begin + rows * p / panels,
                t->begin + rows * (p + 1) / panels);
    }
  }
  finish(t, panels);
}

typedef struct work {
  const nacre_math *math;
  const nacre_attention *a;
  int64_t tiles; /* of one head */
} work;

static void run_tiles(void *ctx, int64_t begin, int64_t end) {
  const work *w = ctx;
  const nacre_attention *a = w->a;
  host_device *d = w->math->self;
  real *space = nacre_host_take_space(d);
  tile t;
  t.room = space;
  t.scores = space + ATTENTION_PANEL_REALS;
  t.packed = space + 2 * ATTENTION_PANEL_REALS;
  for (int64_t i = begin; i < end; i++) {
    const int64_t entry = i / w->tiles, part = i % w->tiles;
    const int64_t batch = entry / a->heads, head = entry % a->heads;
    t.at = attention_head_of(w->math, a, batch, head);
    t.begin = a->queries * part / w->tiles;
    t.end = a->queries * (part + 1) / w->tiles;
    t.out = a->out + (batch * a->queries + t.begin) * a->out_step +
            head * a->value_dim;
    run_tile(&t);
  }
  nacre_host_give_space(d, space);
}

void nacre_attention_run(const nacre_math *math, const nacre_attention *a) {
  const host_device *d = math->self;
  if (a->batch <= 0 || a->queries <= 0) {
    return;
  }
  work w = { math, a, (a->queries - 1) / TILE_QUERIES + 1 };
  const double each = (double)a->queries * (double)a->keys *
                      (double)(a->key_dim + a->value_dim);
  const int64_t units = a->batch * a->heads * w.tiles;
  nacre_pool_run(d->pool, units, 1,
                 each * (double)(a->batch * a->heads) / WORK_PER_NS,
                 run_tiles, &w);
}
