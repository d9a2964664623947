/* SPDX-License-Identifier: MIT */
/* heads: attention of several heads between learned projections: what
 * multi_head_attention and group_query_attention share. */
#ifndef NACRE_LAYERS_HEADS_H
#define NACRE_LAYERS_HEADS_H

#include <nacre/plugin.h>

#include <math.h>

#include "rotary.h"

/** What the layers differ in. */
typedef struct nacre_heads {
  int64_t heads, kv_heads, key_dim, value_dim;
  double dropout;
  bool use_bias, causal;
  int64_t window;     /* INT64_MIN: none */
  double wavelength;  /* of rotary positions; NaN: none */
  nacre_ints output;  /* of a vector; none: as the query's */
} nacre_heads;

/* Weights, in the order of the table. */
enum {
  HEADS_QUERY_KERNEL, HEADS_QUERY_BIAS, HEADS_KEY_KERNEL, HEADS_KEY_BIAS,
  HEADS_VALUE_KERNEL, HEADS_VALUE_BIAS, HEADS_OUTPUT_KERNEL,
  HEADS_OUTPUT_BIAS
};

#define NACRE_HEADS_WEIGHTS(heads, kv_heads, value_dim)                      \
  {                                                                          \
    { "query_kernel", "glorot_uniform",                                      \
      "Of the queries, [features, " heads ", key_dim].", 0, 0 },             \
    { "query_bias", "zeros", "Of the queries, [" heads ", key_dim].", 0, 0 },\
    { "key_kernel", "glorot_uniform",                                        \
      "Of the keys, [features, " kv_heads ", key_dim].", 0, 0 },             \
    { "key_bias", "zeros", "Of the keys, [" kv_heads ", key_dim].", 0, 0 },  \
    { "value_kernel", "glorot_uniform",                                      \
      "Of the values, [features, " kv_heads ", " value_dim "].", 0, 0 },     \
    { "value_bias", "zeros",                                                 \
      "Of the values, [" kv_heads ", " value_dim "].", 0, 0 },               \
    { "attention_output_kernel", "glorot_uniform",                           \
      "Of the output, [" heads ", " value_dim ", features].", 0, 0 },        \
    { "attention_output_bias", "zeros", "Of the output, [features].", 0, 0 } \
  }

/* Saved. */
enum { HEADS_Q, HEADS_K, HEADS_V, HEADS_OUT, HEADS_LOG_SUM, HEADS_MASK };
/* Scratch. */
enum { HEADS_DQ, HEADS_DK, HEADS_DV, HEADS_DOUT };

/* The input that keys, or values, are made of: 0 to 2. */
static inline uint32_t nacre_heads_key_input(uint32_t n_inputs) {
  return n_inputs - 1;
}

static inline uint32_t nacre_heads_value_input(uint32_t n_inputs) {
  return n_inputs > 1 ? 1 : 0;
}

/* All axes but the last, per sample. */
static inline int64_t nacre_heads_steps(const nacre_shape *in) {
  int64_t steps = 1;
  for (int32_t i = 0; i < in->rank - 1; i++) {
    steps *= in->dim[i];
  }
  return steps;
}

static inline int nacre_heads_check(const nacre_heads *cfg,
                                    nacre_plan *plan) {
  const nacre_shape *query = &plan->input[0];
  const nacre_shape *key = &plan->input[plan->n_inputs - 1];
  const nacre_shape *value =
    &plan->input[nacre_heads_value_input(plan->n_inputs)];
  if (query->rank < 2 || key->rank < 2 || value->rank < 2) {
    return nacre_plan_refuse(plan, "the inputs must be [steps, features]");
  }
  if (query->rank > 2 &&
      (cfg->causal || cfg->window > 0 || !isnan(cfg->wavelength))) {
    return nacre_plan_refuse(plan, "steps that stand in several axes have no "
                             "order for use_causal_mask, sliding_window or "
                             "rope_max_wavelength: use a reshape");
  }
  if (nacre_heads_steps(key) != nacre_heads_steps(value)) {
    return nacre_plan_refuse(
      plan, "keys and values must have as many steps, not %lld and %lld",
      (long long)nacre_heads_steps(key), (long long)nacre_heads_steps(value));
  }
  if (!isnan(cfg->wavelength) && cfg->key_dim % 2 != 0) {
    return nacre_plan_refuse(plan, "rotary positions turn pairs: the size "
                             "of a head must be even, not %lld",
                             (long long)cfg->key_dim);
  }
  if (cfg->heads % cfg->kv_heads != 0) {
    return nacre_plan_refuse(
      plan, "%lld heads of queries cannot share %lld heads of keys evenly",
      (long long)cfg->heads, (long long)cfg->kv_heads);
  }
  for (uint32_t i = 0; i < plan->n_inputs; i++) {
    if ((plan->masked >> i & 1) != 0 && plan->input[i].rank > 2) {
      return nacre_plan_refuse(plan, "a masked input must be [steps, "
                               "features]");
    }
  }
  return NACRE_OK;
}

/* A kernel [features, heads, dim] and its bias. */
static inline int nacre_heads_plan_projection(nacre_plan *plan, bool bias,
                                              uint32_t index,
                                              int64_t features,
                                              int64_t heads, int64_t dim) {
  nacre_shape kernel = { { features, heads, dim }, 3, NACRE_REAL };
  nacre_shape shape = nacre_shape_2d(heads, dim);
  if (nacre_plan_weight(plan, index, &kernel, features, heads * dim) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  return bias ? nacre_plan_weight(plan, index + 1, &shape, features,
                                  heads * dim) : NACRE_OK;
}

/* The kernel [heads, value_dim, ...] and bias of the output, and itself. */
static inline int nacre_heads_plan_output(const nacre_heads *cfg,
                                          nacre_plan *plan) {
  const nacre_shape *query = &plan->input[0];
  nacre_shape out = *query;
  nacre_shape kernel = { { cfg->heads, cfg->value_dim }, 2, NACRE_REAL };
  nacre_shape bias = { { 0 }, 0, NACRE_REAL };
  const int64_t last = nacre_shape_last(query);
  const nacre_ints dims = cfg->output.n > 0 ? cfg->output
                                            : (nacre_ints){ &last, 1 };
  if (query->rank - 1 + dims.n > NACRE_RANK_MAX - 1 ||
      2 + dims.n > NACRE_RANK_MAX) {
    return nacre_plan_refuse(plan, "output_shape has too many axes");
  }
  out.rank--;
  int64_t units = 1;
  for (int64_t i = 0; i < dims.n; i++) {
    out.dim[out.rank++] = dims.at[i];
    kernel.dim[kernel.rank++] = dims.at[i];
    bias.dim[bias.rank++] = dims.at[i];
    units = units > INT64_MAX / dims.at[i] ? INT64_MAX : units * dims.at[i];
  }
  const int64_t inner = cfg->heads * cfg->value_dim;
  if (nacre_plan_weight(plan, HEADS_OUTPUT_KERNEL, &kernel, inner, units) !=
        NACRE_OK ||
      (cfg->use_bias && nacre_plan_weight(plan, HEADS_OUTPUT_BIAS, &bias,
                                          inner, units) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  return nacre_plan_output(plan, &out);
}

static inline int nacre_heads_plan_slots(const nacre_heads *cfg,
                                         nacre_plan *plan, int64_t queries,
                                         int64_t keys) {
  const nacre_shape q = nacre_shape_2d(queries, cfg->heads * cfg->key_dim);
  const nacre_shape k = nacre_shape_2d(keys, cfg->kv_heads * cfg->key_dim);
  const nacre_shape v = nacre_shape_2d(keys, cfg->kv_heads * cfg->value_dim);
  const nacre_shape out =
    nacre_shape_2d(queries, cfg->heads * cfg->value_dim);
  const nacre_shape sums = nacre_shape_2d(cfg->heads, queries);
  const nacre_shape mask = nacre_shape_1d(keys);
  const nacre_shape *saved[] = { &q, &k, &v, &out, &sums };
  const nacre_shape *scratch[] = { &q, &k, &v, &out };
  for (uint32_t i = 0; i < 5; i++) {
    if (nacre_plan_saved(plan, i, saved[i], NACRE_PER_SAMPLE) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  for (uint32_t i = 0; i < 4; i++) {
    if (nacre_plan_scratch(plan, i, scratch[i], NACRE_PER_SAMPLE) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  /* Keys and values with a mask each: a key counts where both say so. */
  if (plan->n_inputs == 3 && (plan->masked & 6) == 6 &&
      nacre_plan_saved(plan, HEADS_MASK, &mask, NACRE_PER_SAMPLE) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static inline int nacre_heads_plan(const nacre_heads *cfg,
                                   nacre_plan *plan) {
  if (nacre_heads_check(cfg, plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_shape *in = plan->input;
  const nacre_shape *key = &in[nacre_heads_key_input(plan->n_inputs)];
  const nacre_shape *value = &in[nacre_heads_value_input(plan->n_inputs)];
  const int64_t queries = nacre_heads_steps(in);
  const int64_t keys = nacre_heads_steps(key);
  if (nacre_heads_plan_projection(plan, cfg->use_bias, HEADS_QUERY_KERNEL,
                                  nacre_shape_last(in), cfg->heads,
                                  cfg->key_dim) != NACRE_OK ||
      nacre_heads_plan_projection(plan, cfg->use_bias, HEADS_KEY_KERNEL,
                                  nacre_shape_last(key), cfg->kv_heads,
                                  cfg->key_dim) != NACRE_OK ||
      nacre_heads_plan_projection(plan, cfg->use_bias, HEADS_VALUE_KERNEL,
                                  nacre_shape_last(value), cfg->kv_heads,
                                  cfg->value_dim) != NACRE_OK ||
      nacre_heads_plan_output(cfg, plan) != NACRE_OK ||
      nacre_heads_plan_slots(cfg, plan, queries, keys) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_shape steps = nacre_shape_1d(queries);
  if ((plan->masked & 1) != 0 && nacre_plan_mask(plan, &steps) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const double q_cols = (double)cfg->heads * (double)cfg->key_dim;
  const double out_cols = (double)cfg->heads * (double)cfg->value_dim;
  const double kv_heads = (double)cfg->kv_heads;
  nacre_plan_flops(
    plan,
    2 * (double)queries * (double)nacre_shape_last(in) * (q_cols + out_cols) +
      2 * (double)keys * kv_heads *
        ((double)nacre_shape_last(key) * (double)cfg->key_dim +
         (double)nacre_shape_last(value) * (double)cfg->value_dim) +
      2 * (double)queries * (double)keys * (q_cols + out_cols));
  return NACRE_OK;
}

/* The table of rotary positions, if there are any. */
static inline int nacre_heads_create(const nacre_heads *cfg,
                                     const nacre_plan *plan, void **self) {
  *self = NULL;
  if (isnan(cfg->wavelength)) {
    return NACRE_OK;
  }
  const int64_t queries = nacre_heads_steps(&plan->input[0]);
  const int64_t keys = nacre_heads_steps(&plan->input[plan->n_inputs - 1]);
  *self = nacre_rotary_new(queries > keys ? queries : keys, cfg->key_dim,
                           cfg->wavelength, 1);
  return *self == NULL ? NACRE_ERROR : NACRE_OK;
}

#endif
