/* SPDX-License-Identifier: MIT */
/* heads_run: forward and backward of what heads.h plans. */
#ifndef NACRE_LAYERS_HEADS_RUN_H
#define NACRE_LAYERS_HEADS_RUN_H

#include "heads.h"

/* Extents of a tensor's axes from `first` to `end`, multiplied. */
static inline int64_t nacre_heads_extent(const nacre_tensor *tensor,
                                         int32_t first, int32_t end) {
  int64_t extent = 1;
  for (int32_t i = first; i < end; i++) {
    extent *= tensor->dim[i];
  }
  return extent;
}

/* y = x kernel + bias; x: [rows, features], kernel: [features, cols],
 * y: [rows, cols]. */
static inline void nacre_heads_project(const nacre_run *run, const real *x,
                                       int64_t rows, int64_t features,
                                       int64_t cols, uint32_t weight,
                                       real *y) {
  nacre_gemm product = {
    .size = sizeof(product), .batch = 1, .alpha = 1.0,
    .m = rows, .n = cols, .k = features, .a = x, .lda = features,
    .b = nacre_data(&run->weight[weight]), .ldb = cols,
    .c = y, .ldc = cols, .bias = nacre_data(&run->weight[weight + 1]),
  };
  run->math->gemm(run->math, &product);
}

/* From dy, [rows, cols]: dkernel += x^T dy, dbias += the sum of its rows, and
 * dx = dy kernel^T, or with `add` dx += that. dx may be NULL. */
static inline void nacre_heads_project_back(const nacre_run *run,
                                            const real *x, int64_t rows,
                                            int64_t features, int64_t cols,
                                            uint32_t weight, const real *dy,
                                            bool add, real *dx) {
  const nacre_math *math = run->math;
  real *dkernel = nacre_data(&run->dweight[weight]); /* [features, cols] */
  real *dbias = nacre_data(&run->dweight[weight + 1]); /* [cols] */
  if (dkernel != NULL) {
    nacre_gemm product = {
      .size = sizeof(product), .flags = NACRE_GEMM_TRANS_A, .batch = 1,
      .alpha = 1.0, .beta = 1.0, .m = features, .n = cols, .k = rows,
      .a = x, .lda = features, .b = dy, .ldb = cols,
      .c = dkernel, .ldc = cols,
    };
    math->gemm(math, &product);
  }
  if (dbias != NULL) {
    math->col_sum(math, rows, cols, dy, dbias);
  }
  if (dx != NULL) {
    nacre_gemm product = {
      .size = sizeof(product), .flags = NACRE_GEMM_TRANS_B, .batch = 1,
      .alpha = 1.0, .beta = add ? 1.0 : 0.0, .m = rows, .n = features,
      .k = cols, .a = dy, .lda = cols,
      .b = nacre_data(&run->weight[weight]), .ldb = cols,
      .c = dx, .ldc = features,
    };
    math->gemm(math, &product);
  }
}

/* The keys' mask, [batch, keys], or NULL: that of the values, of the keys,
 * or what both leave. */
static inline const real *nacre_heads_mask(const nacre_run *run) {
  const uint32_t at = nacre_heads_value_input(run->n_inputs);
  if (run->saved[HEADS_MASK].data != NULL) {
    return nacre_data(&run->saved[HEADS_MASK]);
  }
  return run->mask[at].data != NULL
           ? nacre_data(&run->mask[at])
           : nacre_data(&run->mask[run->n_inputs - 1]);
}

static inline void nacre_heads_join_masks(const nacre_run *run) {
  const nacre_tensor *joint = &run->saved[HEADS_MASK];
  if (joint->data == NULL) {
    return;
  }
  const real *value = nacre_data(&run->mask[1]);
  const real *key = nacre_data(&run->mask[2]);
  for (int64_t i = 0; i < nacre_tensor_count(joint); i++) {
    nacre_data(joint)[i] = value[i] * key[i];
  }
}

/* Everything of it but the gradients. */
static inline nacre_attention nacre_heads_attention(const nacre_heads *cfg,
                                                    const nacre_run *run) {
  const int64_t all = INT64_MAX;
  const int64_t window = cfg->window > 0 ? cfg->window - 1 : all;
  const bool drops =
    (run->flags & NACRE_RUN_TRAINING) != 0 && cfg->dropout > 0;
  return (nacre_attention){
    .size = sizeof(nacre_attention), .batch = run->batch,
    .queries = run->saved[HEADS_Q].dim[1], .keys = run->saved[HEADS_K].dim[1],
    .heads = cfg->heads, .kv_heads = cfg->kv_heads,
    .key_dim = cfg->key_dim, .value_dim = cfg->value_dim,
    .before = window, .after = cfg->causal ? 0 : window,
    .scale = 1 / sqrt((double)cfg->key_dim),
    .q = nacre_data(&run->saved[HEADS_Q]),
    .k = nacre_data(&run->saved[HEADS_K]),
    .v = nacre_data(&run->saved[HEADS_V]),
    .out = nacre_data(&run->saved[HEADS_OUT]),
    .q_step = cfg->heads * cfg->key_dim,
    .k_step = cfg->kv_heads * cfg->key_dim,
    .v_step = cfg->kv_heads * cfg->value_dim,
    .out_step = cfg->heads * cfg->value_dim,
    .mask = nacre_heads_mask(run), .dropout = drops ? cfg->dropout : 0,
    .key = run->key, .log_sum = nacre_data(&run->saved[HEADS_LOG_SUM]),
  };
}

static inline void nacre_heads_forward(const nacre_heads *cfg,
                                       nacre_run *run) {
  const nacre_tensor *key = &run->in[nacre_heads_key_input(run->n_inputs)];
  const nacre_tensor *value =
    &run->in[nacre_heads_value_input(run->n_inputs)];
  nacre_heads_join_masks(run);
  nacre_attention a = nacre_heads_attention(cfg, run);
  const int64_t queries = a.batch * a.queries, keys = a.batch * a.keys;
  if (run->out_mask->data != NULL) {
    run->math->copy(run->math, queries, nacre_data(&run->mask[0]),
                    nacre_data(run->out_mask));
  }
  nacre_heads_project(run, nacre_data(&run->in[0]), queries,
                      run->weight[HEADS_QUERY_KERNEL].dim[0], a.q_step,
                      HEADS_QUERY_KERNEL, nacre_data(&run->saved[HEADS_Q]));
  nacre_heads_project(run, nacre_data(key), keys,
                      run->weight[HEADS_KEY_KERNEL].dim[0], a.k_step,
                      HEADS_KEY_KERNEL, nacre_data(&run->saved[HEADS_K]));
  nacre_heads_project(run, nacre_data(value), keys,
                      run->weight[HEADS_VALUE_KERNEL].dim[0], a.v_step,
                      HEADS_VALUE_KERNEL, nacre_data(&run->saved[HEADS_V]));
  if (run->self != NULL) {
    real *q = nacre_data(&run->saved[HEADS_Q]);
    real *k = nacre_data(&run->saved[HEADS_K]);
    nacre_rotary_turn(run->math, run->self, a.batch, a.queries, a.heads, 1,
                      q, q);
    nacre_rotary_turn(run->math, run->self, a.batch, a.keys, a.kv_heads, 1,
                      k, k);
  }
  run->math->attention(run->math, &a);
  const nacre_tensor *kernel = &run->weight[HEADS_OUTPUT_KERNEL];
  nacre_heads_project(run, a.out, queries, a.out_step,
                      nacre_heads_extent(kernel, 2, kernel->rank),
                      HEADS_OUTPUT_KERNEL, nacre_data(&run->out[0]));
}

/* Gradients of the heads' queries, keys and values. */
static inline void nacre_heads_attention_back(const nacre_run *run,
                                              nacre_attention *a) {
  a->dout = nacre_data(&run->scratch[HEADS_DOUT]);
  a->dq = nacre_data(&run->scratch[HEADS_DQ]);
  a->dk = nacre_data(&run->scratch[HEADS_DK]);
  a->dv = nacre_data(&run->scratch[HEADS_DV]);
  run->math->attention_gradient(run->math, a);
  if (run->self != NULL) {
    nacre_rotary_turn(run->math, run->self, a->batch, a->queries, a->heads,
                      -1, a->dq, a->dq);
    nacre_rotary_turn(run->math, run->self, a->batch, a->keys, a->kv_heads,
                      -1, a->dk, a->dk);
  }
}

static inline void nacre_heads_backward(const nacre_heads *cfg,
                                        nacre_run *run) {
  const uint32_t key = nacre_heads_key_input(run->n_inputs);
  const uint32_t value = nacre_heads_value_input(run->n_inputs);
  nacre_attention a = nacre_heads_attention(cfg, run);
  const int64_t queries = a.batch * a.queries, keys = a.batch * a.keys;
  const nacre_tensor *kernel = &run->weight[HEADS_OUTPUT_KERNEL];
  nacre_heads_project_back(run, a.out, queries, a.out_step,
                           nacre_heads_extent(kernel, 2, kernel->rank),
                           HEADS_OUTPUT_KERNEL, nacre_data(&run->dout[0]),
                           false, nacre_data(&run->scratch[HEADS_DOUT]));
  nacre_heads_attention_back(run, &a);
  nacre_heads_project_back(run, nacre_data(&run->in[0]), queries,
                           run->weight[HEADS_QUERY_KERNEL].dim[0], a.q_step,
                           HEADS_QUERY_KERNEL, a.dq, false,
                           nacre_data(&run->din[0]));
  nacre_heads_project_back(run, nacre_data(&run->in[value]), keys,
                           run->weight[HEADS_VALUE_KERNEL].dim[0], a.v_step,
                           HEADS_VALUE_KERNEL, a.dv, value == 0,
                           nacre_data(&run->din[value]));
  nacre_heads_project_back(run, nacre_data(&run->in[key]), keys,
                           run->weight[HEADS_KEY_KERNEL].dim[0], a.k_step,
                           HEADS_KEY_KERNEL, a.dk, key == value,
                           nacre_data(&run->din[key]));
}

#endif
