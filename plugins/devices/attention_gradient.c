/* SPDX-License-Identifier: MIT */
/* attention_gradient: the gradients of q, k and v, from scores that are
 * computed once more.
 *
 * With weights p = exp(s - log_sum), for the scores s of a query,
 *
 *   dp = dout v^T,  ds = p (dp - sum of p dp),  the sum being dout . out,
 *   dv += p^T dout,  dq += scale ds k,  dk += scale ds^T q.
 *
 * A thread has all queries that read one head of keys, in their order: the
 * gradients of keys and values are sums in an order that is always the same.
 * Tiles that no query sees are left out. */
#include "attention.h"

#include <string.h>

#define BLOCK_QUERIES 64
#define BLOCK_KEYS 128
#define WORK_PER_NS 30.0

/* The workspace: weights and gradients of scores of a block, as panels of A
 * lie, a panel of q or dout, and packed keys and values. */
#define BLOCK_REALS (BLOCK_QUERIES * KERNEL_A_STRIDE)
#define PACKED_REALS \
  (HOST_SPACE_REALS - 2 * BLOCK_REALS - ATTENTION_PANEL_REALS)

/* A block of queries of one head on a block of keys. */
typedef struct block {
  attention_head at;
  const real *out, *dout;       /* [queries, value_dim], out_step apart */
  real *dq, *dk, *dv;           /* as q, k and v of this head */
  int64_t begin, end;           /* queries */
  int64_t first, last;          /* keys */
  const real *bias;             /* [last - first], or NULL */
  real *p, *ds;                 /* [queries, keys], KERNEL_A_STRIDE apart */
  real *room;                   /* a panel */
  const real *k_packed, *v_packed;
} block;

/* Query i: its scores and the gradients of its weights to rows of p and ds,
 * with zeros for keys that it does not see, as far as a panel of keys that
 * it does see may reach. */
static void soften_row(block *b, int64_t i) {
  const nacre_attention *a = b->at.a;
  const kernels *kern = b->at.kern;
  const int64_t cols = b->last - b->first;
  const int64_t first = attention_least(
    attention_most(attention_first(a, i) - b->first, 0), cols);
  const int64_t end = attention_most(
    attention_least(attention_end(a, i) - b->first, cols), first);
  real *p = b->p + (i - b->begin) * KERNEL_A_STRIDE;
  real *ds = b->ds + (i - b->begin) * KERNEL_A_STRIDE;
  const int64_t before = attention_least(first, KERNEL_ROWS_MAX);
  const int64_t behind = attention_least(cols - end, KERNEL_ROWS_MAX);
  if (before > 0) {
    memset(p + first - before, 0, (size_t)before * sizeof(real));
    memset(ds + first - before, 0, (size_t)before * sizeof(real));
  }
  if (behind > 0) {
    memset(p + end, 0, (size_t)behind * sizeof(real));
    memset(ds + end, 0, (size_t)behind * sizeof(real));
  }
  if (first == end) {
    return;
  }
  real keep[BLOCK_KEYS];
  if (a->dropout > 0) {
    attention_keep(&b->at, i, b->first + first, end - first, keep);
  }
  real mean; /* of the gradients of the weights */
  kern->times_vector(1, a->value_dim, b->dout + i * a->out_step, a->out_step,
                     b->out + i * a->out_step, &mean);
  kern->soften_gradient(end - first,
                        a->log_sum[b->at.index * a->queries + i], mean,
                        a->dropout > 0 ? keep : NULL, p + first, ds + first);
}

/* Queries [from, to): their rows of p and ds, and dq. */
static void run_queries(block *b, int64_t from, int64_t to) {
  const nacre_attention *a = b->at.a;
  const int64_t begin = attention_most(attention_first(a, from), b->first);
  const int64_t end = attention_least(attention_end(a, to - 1), b->last);
  const int64_t at = (from - b->begin) * KERNEL_A_STRIDE;
  if (begin >= end) {
    return;
  }
  attention_rows product = {
    .rows = to - from, .dims = a->key_dim, .a = b->at.q + from * a->q_step,
    .lda = a->q_step, .b = b->k_packed, .begin = begin - b->first,
    .end = end - b->first, .n = b->last - b->first, .alpha = a->scale,
    .bias = b->bias, .c = b->p + at,
  };
  attention_scores(b->at.kern, &product, b->room);
  product.dims = a->value_dim;
  product.a = b->dout + from * a->out_step;
  product.lda = a->out_step;
  product.b = b->v_packed;
  product.alpha = 1;
  product.bias = NULL;
  product.c = b->ds + at;
  attention_scores(b->at.kern, &product, b->room);
  for (int64_t i = from; i < to; i++) {
    soften_row(b, i);
  }
  kernel_tile t = {
    .k = end - begin, .a = b->ds + at + begin - b->first,
    .b = b->at.k + begin * a->k_step, .c = b->dq + from * a->q_step,
    .ldc = a->q_step, .alpha = (real)a->scale, .beta = 1,
  };
  attention_apply(b->at.kern, KERNEL_A_ROWS, to - from, a->key_dim,
                  a->k_step, &t);
}

/* Keys [from, to): dk and dv, from the queries [begin, end). */
static void run_keys(block *b, int64_t from, int64_t to, int64_t begin,
                     int64_t end) {
  const nacre_attention *a = b->at.a;
  const int64_t at = (begin - b->begin) * KERNEL_A_STRIDE + from - b->first;
  kernel_tile t = {
    .k = end - begin, .a = b->p + at, .b = b->dout + begin * a->out_step,
    .c = b->dv + from * a->v_step, .ldc = a->v_step, .alpha = 1, .beta = 1,
  };
  attention_apply(b->at.kern, KERNEL_A_COLUMNS, to - from, a->value_dim,
                  a->out_step, &t);
  kernel_tile u = {
    .k = end - begin, .a = b->ds + at, .b = b->at.q + begin * a->q_step,
    .c = b->dk + from * a->k_step, .ldc = a->k_step,
    .alpha = (real)a->scale, .beta = 1,
  };
  attention_apply(b->at.kern, KERNEL_A_COLUMNS, to - from, a->key_dim,
                  a->q_step, &u);
}

static void run_block(block *b) {
  const nacre_attention *a = b->at.a;
  const int64_t rows = b->end - b->begin, cols = b->last - b->first;
  const int64_t panels = attention_panels(b->at.kern, rows);
  const int64_t key_panels = attention_panels(b->at.kern, cols);
  for (int64_t p = 0; p < panels; p++) {
    run_queries(b, b->begin + rows * p / panels,
                b->begin + rows * (p + 1) / panels);
  }
  for (int64_t p = 0; p < key_panels; p++) {
    const int64_t from = b->first + cols * p / key_panels;
    const int64_t to = b->first + cols * (p + 1) / key_panels;
    /* Those that see any of the keys: who sees nothing of the whole block
     * has no rows of p and ds. */
    int64_t begin = b->begin, end = b->end;
    while (begin < end && attention_end(a, begin) <= from) {
      begin++;
    }
    while (end > begin && attention_first(a, end - 1) >= to) {
      end--;
    }
    if (begin < end) {
      run_keys(b, from, to, begin, end);
    }
  }
}

/* All query heads that read one head of keys. */
static void run_group(block *b, const nacre_math *math,
                      const nacre_attention *a, int64_t batch,
                      int64_t shared, int64_t first, int64_t last) {
  const int64_t group = a->heads / a->kv_heads;
  for (int64_t head = shared * group; head < (shared + 1) * group; head++) {
    const int64_t at =
      batch * a->queries * a->out_step + head * a->value_dim;
    b->at = attention_head_of(math, a, batch, head);
    b->out = a->out + at;
    b->dout = a->dout + at;
    b->dq = a->dq + (b->at.q - a->q);
    b->dk = a->dk + (b->at.k - a->k);
    b->dv = a->dv + (b->at.v - a->v);
    const int64_t blocks = (a->queries - 1) / BLOCK_QUERIES + 1;
    for (int64_t i = 0; i < blocks; i++) {
      b->begin = a->queries * i / blocks;
      b->end = a->queries * (i + 1) / blocks;
      if (attention_end(a, b->end - 1) > first &&
          attention_first(a, b->begin) < last) {
        run_block(b);
      }
    }
  }
}

static void clear(int64_t rows, int64_t cols, int64_t step, real *y) {
  for (int64_t i = 0; i < rows; i++) {
    memset(y + i * step, 0, (size_t)cols * sizeof(real));
  }
}

typedef struct work {
  const nacre_math *math;
  const nacre_attention *a;
} work;

static void run_heads(void *ctx, int64_t begin, int64_t end) {
  const work *w = ctx;
  const nacre_attention *a = w->a;
  host_device *d = w->math->self;
  const kernels *kern = d->kern;
  real *space = nacre_host_take_space(d);
  real *packed = space + 2 * BLOCK_REALS + ATTENTION_PANEL_REALS;
  const int64_t dims = a->key_dim + a->value_dim;
  const int64_t step =
    attention_block(kern, dims, PACKED_REALS, BLOCK_KEYS);
  const int64_t group = a->heads / a->kv_heads;
  real bias[BLOCK_KEYS];
  for (int64_t unit = begin; unit < end; unit++) {
    const int64_t batch = unit / a->kv_heads, shared = unit % a->kv_heads;
    const attention_head at =
      attention_head_of(w->math, a, batch, shared * group);
    block b = { .p = space, .ds = space + BLOCK_REALS,
                .room = space + 2 * BLOCK_REALS, .k_packed = packed,
                .v_packed = packed + a->key_dim * step };
    clear(a->queries, group * a->key_dim, a->q_step,
          a->dq + (at.q - a->q));
    clear(a->keys, a->key_dim, a->k_step, a->dk + (at.k - a->k));
    clear(a->keys, a->value_dim, a->v_step, a->dv + (at.v - a->v));
    for (int64_t j = 0; j < a->keys; j += step) {
      b.first = j;
      b.last = attention_least(j + step, a->keys);
      b.bias = attention_bias(&at, b.first, b.last, bias);
      attention_pack(kern, b.last - j, a->key_dim, at.k + j * a->k_step,
                     a->k_step, packed);
      attention_pack(kern, b.last - j, a->value_dim, at.v + j * a->v_step,
                     a->v_step, packed + a->key_dim * step);
      run_group(&b, w->math, a, batch, shared, b.first, b.last);
    }
  }
  nacre_host_give_space(d, space);
}

void nacre_attention_gradient_run(const nacre_math *math,
                                  const nacre_attention *a) {
  const host_device *d = math->self;
  work w = { math, a };
  const double each = (double)a->queries * (double)a->keys *
                      (double)(a->key_dim + a->value_dim);
  if (a->batch <= 0 || a->keys <= 0) {
    return;
  }
  nacre_pool_run(d->pool, a->batch * a->kv_heads, 1,
                 2.5 * each * (double)(a->batch * a->heads) / WORK_PER_NS,
                 run_heads, &w);
}
