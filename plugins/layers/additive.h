/* SPDX-License-Identifier: MIT */
/* additive: attention whose scores are sums of hyperbolic tangents,
 *
 *   out = softmax(sum over features of factor tanh(inner (q + k))) v
 *
 * Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning
 * to align and translate", arXiv:1409.0473. */
#ifndef NACRE_LAYERS_ADDITIVE_H
#define NACRE_LAYERS_ADDITIVE_H

#include <math.h>

#include "query_value.h"
#include "tiles.h"

typedef struct nacre_additive {
  const nacre_math *math;
  int64_t batch, queries, keys, features, values;
  const real *q;      /* [batch, queries, features] */
  const real *k;      /* [batch, keys, features] */
  const real *v;      /* [batch, keys, values] */
  const real *mask;   /* [batch, keys], 0: nobody sees that key; or NULL */
  const real *factor; /* that of feature f is at f factor_step; NULL: 1 */
  int64_t factor_step;
  real inner;
  bool causal;        /* query i sees the keys up to i */
  double dropout;
  nacre_key key;
  real *shares;  /* [batch, queries, keys]: softmax, kept for the gradient */
  real *dropped; /* the same, after dropout; may be unset without */
  real *out;     /* [batch, queries, values] */
  /* For the gradient: */
  const real *dout;
  real *dshares;      /* [batch, queries, keys]: scratch */
  real *dq, *dk, *dv; /* as q, k, v, or NULL; dk is added to */
  real *sums; /* [batch, nacre_additive_sums()]: of each sample, of the factors
                 and then of inner */
} nacre_additive;

/** Reals of the sums of a sample. */
static inline int64_t nacre_additive_sums(int64_t features,
                                          int64_t factor_step) {
  return 2 + (features - 1) * factor_step;
}

static inline real nacre_additive_factor(const nacre_additive *a, int64_t f) {
  return a->factor != NULL ? a->factor[f * a->factor_step] : 1;
}

/* Keys that query i may see, but for the mask. */
static inline int64_t nacre_additive_seen(const nacre_additive *a,
                                          int64_t i) {
  return a->causal && i + 1 < a->keys ? i + 1 : a->keys;
}

/* n elements of tanh(inner (q + k)), from `first` of [keys, features] on. */
static inline void nacre_additive_tanh(const nacre_additive *a, const real *q,
                                       const real *k, int64_t first,
                                       int64_t n, real *t) {
  int64_t f = first % a->features;
  for (int64_t e = 0; e < n; e++) {
    t[e] = a->inner * (q[f] + k[first + e]);
    f = f + 1 < a->features ? f + 1 : 0;
  }
  a->math->tanh(a->math, n, t, t);
}

/* Scores of one query over the keys that it sees; then their softmax. */
static inline void nacre_additive_row(const nacre_additive *a, int64_t row) {
  const int64_t sample = row / a->queries;
  const int64_t seen = nacre_additive_seen(a, row % a->queries);
  const real *q = a->q + row * a->features;
  const real *k = a->k + sample * a->keys * a->features;
  const real *mask = a->mask != NULL ? a->mask + sample * a->keys : NULL;
  real *share = a->shares + row * a->keys; /* [keys] */
  real t[NACRE_TILES_BLOCK];
  a->math->fill(a->math, a->keys, 0, share);
  const int64_t n = seen * a->features;
  int64_t j = 0, f = 0;
  for (int64_t at = 0; at < n; at += NACRE_TILES_BLOCK) {
    const int64_t m =
      n - at < NACRE_TILES_BLOCK ? n - at : NACRE_TILES_BLOCK;
    nacre_additive_tanh(a, q, k, at, m, t);
    for (int64_t e = 0; e < m; e++) {
      share[j] += nacre_additive_factor(a, f) * t[e];
      f = f + 1 < a->features ? f + 1 : 0;
      j += f == 0;
    }
  }
  bool any = false;
  for (j = 0; j < a->keys; j++) {
    const bool sees = j < seen && (mask == NULL || mask[j] != 0);
    share[j] = sees ? share[j] : -(real)INFINITY;
    any = any || sees;
  }
  if (any) {
    a->math->softmax(a->math, 1, a->keys, share, share);
  } else {
    a->math->fill(a->math, a->keys, 0, share);
  }
}

static inline void nacre_additive_rows(void *ctx, int64_t begin,
                                       int64_t end) {
  for (int64_t row = begin; row < end; row++) {
    nacre_additive_row(ctx, row);
  }
}

/* Word i of the stream decides about element i. x may be y. */
static inline void nacre_additive_drop(const nacre_additive *a, const real *x,
                                       real *y) {
  const int64_t n = a->batch * a->queries * a->keys;
  const real rate = (real)a->dropout;
  const real scale = (real)(1 / (1 - a->dropout));
  real u[NACRE_TILES_BLOCK];
  for (int64_t at = 0; at < n; at += NACRE_TILES_BLOCK) {
    const int64_t m =
      n - at < NACRE_TILES_BLOCK ? n - at : NACRE_TILES_BLOCK;
    a->math->uniform(a->math, a->key, (uint64_t)at, m, u);
    for (int64_t e = 0; e < m; e++) {
      y[at + e] = u[e] < rate ? 0 : scale * x[at + e];
    }
  }
}

/* The shares that values are weighed by. */
static inline const real *nacre_additive_weights(const nacre_additive *a) {
  if (a->dropout <= 0) {
    return a->shares;
  }
  nacre_additive_drop(a, a->shares, a->dropped);
  return a->dropped;
}

static inline void nacre_additive_forward(nacre_additive *a) {
  nacre_tiles_run(a->math, a->batch * a->queries,
                  nacre_tiles_rows(a->keys * a->features),
                  nacre_additive_rows, a);
  nacre_gemm product = {
    .size = sizeof(product), .alpha = 1.0, .batch = a->batch,
    .m = a->queries, .n = a->values, .k = a->keys,
    .a = nacre_additive_weights(a), .lda = a->keys,
    .stride_a = a->queries * a->keys,
    .b = a->v, .ldb = a->values, .stride_b = a->keys * a->values,
    .c = a->out, .ldc = a->values, .stride_c = a->queries * a->values,
  };
  a->math->gemm(a->math, &product);
}

/* From the gradient of a query's shares to that of its scores. */
static inline void nacre_additive_scores(const nacre_additive *a,
                                         int64_t row) {
  const real *share = a->shares + row * a->keys;
  real *d = a->dshares + row * a->keys;
  double mean = 0;
  for (int64_t j = 0; j < a->keys; j++) {
    mean += (double)share[j] * (double)d[j];
  }
  for (int64_t j = 0; j < a->keys; j++) {
    d[j] = share[j] * (d[j] - (real)mean);
  }
}

/* What the scores of a query add to all gradients behind them. */
static inline void nacre_additive_spread(const nacre_additive *a, int64_t row,
                                         real *sums) {
  const int64_t sample = row / a->queries;
  const int64_t last = nacre_additive_sums(a->features, a->factor_step) - 1;
  const real *q = a->q + row * a->features;
  const real *k = a->k + sample * a->keys * a->features;
  const real *d = a->dshares + row * a->keys;
  real *dq = a->dq != NULL ? a->dq + row * a->features : NULL;
  real *dk =
    a->dk != NULL ? a->dk + sample * a->keys * a->features : NULL;
  real t[NACRE_TILES_BLOCK];
  const int64_t n =
    nacre_additive_seen(a, row % a->queries) * a->features;
  int64_t j = 0, f = 0;
  for (int64_t at = 0; at < n; at += NACRE_TILES_BLOCK) {
    const int64_t m =
      n - at < NACRE_TILES_BLOCK ? n - at : NACRE_TILES_BLOCK;
    nacre_additive_tanh(a, q, k, at, m, t);
    for (int64_t e = 0; e < m; e++) {
      const real slope =
        d[j] * nacre_additive_factor(a, f) * (1 - t[e] * t[e]);
      sums[f * a->factor_step] += d[j] * t[e];
      sums[last] += slope * (q[f] + k[at + e]);
      if (dq != NULL) {
        dq[f] += a->inner * slope;
      }
      if (dk != NULL) {
        dk[at + e] += a->inner * slope;
      }
      f = f + 1 < a->features ? f + 1 : 0;
      j += f == 0;
    }
  }
}

/* Samples: no two of them add to one place. */
static inline void nacre_additive_samples(void *ctx, int64_t begin,
                                          int64_t end) {
  const nacre_additive *a = ctx;
  const int64_t n = nacre_additive_sums(a->features, a->factor_step);
  for (int64_t sample = begin; sample < end; sample++) {
    real *sums = a->sums + sample * n;
    a->math->fill(a->math, n, 0, sums);
    if (a->dq != NULL) {
      a->math->fill(a->math, a->queries * a->features, 0,
                    a->dq + sample * a->queries * a->features);
    }
    for (int64_t i = 0; i < a->queries; i++) {
      nacre_additive_scores(a, sample * a->queries + i);
      nacre_additive_spread(a, sample * a->queries + i, sums);
    }
  }
}

/** Writes dv, dq and sums, in this order, and adds to dk. */
static inline void nacre_additive_backward(nacre_additive *a) {
  nacre_gemm product = {
    .size = sizeof(product), .flags = NACRE_GEMM_TRANS_B, .alpha = 1.0,
    .batch = a->batch, .m = a->queries, .n = a->keys, .k = a->values,
    .a = a->dout, .lda = a->values, .stride_a = a->queries * a->values,
    .b = a->v, .ldb = a->values, .stride_b = a->keys * a->values,
    .c = a->dshares, .ldc = a->keys, .stride_c = a->queries * a->keys,
  };
  a->math->gemm(a->math, &product);
  if (a->dropout > 0) {
    nacre_additive_drop(a, a->dshares, a->dshares);
  }
  if (a->dv != NULL) {
    nacre_gemm values = {
      .size = sizeof(values), .flags = NACRE_GEMM_TRANS_A, .alpha = 1.0,
      .batch = a->batch, .m = a->keys, .n = a->values, .k = a->queries,
      .a = nacre_additive_weights(a), .lda = a->keys,
      .stride_a = a->queries * a->keys,
      .b = a->dout, .ldb = a->values, .stride_b = a->queries * a->values,
      .c = a->dv, .ldc = a->values, .stride_c = a->keys * a->values,
    };
    a->math->gemm(a->math, &values);
  }
  a->math->parallel(a->math, a->batch, 1, nacre_additive_samples, a);
}

/** Of a layer whose inputs are [query, value] or [query, value, key]; the slots
 *  are those of query_value.h's mask, of shares, and of dropped ones. */
static inline nacre_additive nacre_additive_of(const nacre_run *run,
                                               uint32_t mask, uint32_t shares,
                                               uint32_t dropped) {
  const nacre_tensor *query = &run->in[0], *value = &run->in[1];
  return (nacre_additive){
    .math = run->math, .batch = run->batch, .queries = query->dim[1],
    .keys = value->dim[1], .features = query->dim[2],
    .values = value->dim[2], .q = nacre_data(query),
    .k = nacre_data(&run->in[run->n_inputs - 1]), .v = nacre_data(value),
    .mask = nacre_query_value_mask(run, mask), .inner = 1, .key = run->key,
    .shares = nacre_data(&run->saved[shares]),
    .dropped = nacre_data(&run->scratch[dropped]),
    .out = nacre_data(&run->out[0]),
  };
}

/** Backward of a layer whose inputs are [query, value] or [query, value, key];
 *  the slots are scratch. `a` is that of forward, with dout. */
static inline void nacre_additive_gradients(nacre_run *run, nacre_additive *a,
                                            uint32_t dshares, uint32_t sums) {
  const nacre_tensor *dkey = &run->din[run->n_inputs - 1];
  a->dshares = nacre_data(&run->scratch[dshares]);
  a->sums = nacre_data(&run->scratch[sums]);
  a->dq = nacre_data(&run->din[0]);
  a->dv = nacre_data(&run->din[1]);
  a->dk = nacre_data(dkey);
  if (run->n_inputs > 2 && a->dk != NULL) {
    a->math->fill(a->math, nacre_tensor_count(dkey), 0, a->dk);
  }
  nacre_additive_backward(a);
}

#endif
