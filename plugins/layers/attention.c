/* SPDX-License-Identifier: MIT */
/* attention: queries look up values by the inner products with their keys, or
 * by tangents of their sums. */
#include <nacre/plugin.h>

#include "additive.h"
#include "query_value.h"

typedef struct attention {
  bool use_scale;
  nacre_enum score_mode;
  double dropout;
  bool use_causal_mask;
} attention;

enum { DOT, CONCAT }; /* score_mode */
enum { SCALE, CONCAT_WEIGHT };
/* Saved: [queries], or [queries, keys]; [keys], what two masks leave. */
enum { LOG_SUM, MASK, SHARES = LOG_SUM };
/* Scratch: the queries times the scale; gradients of those; of keys and of
 * values, where no input wants just that; of the output, where it counts. */
enum { Q, DQ, DK, DV, DOUT };
enum { DROPPED, DSHARES, SUMS }; /* scratch, for tangents */

static int plan_dot(nacre_plan *plan) {
  const attention *cfg = plan->cfg;
  const nacre_shape *query = &plan->input[0];
  const nacre_shape *value = &plan->input[1];
  const nacre_shape *key = &plan->input[plan->n_inputs - 1];
  if (key->dim[1] > NACRE_ATTENTION_DIM_MAX ||
      value->dim[1] > NACRE_ATTENTION_DIM_MAX) {
    return nacre_plan_refuse(plan, "at most %d features can be attended to",
                             NACRE_ATTENTION_DIM_MAX);
  }
  const nacre_shape sums = nacre_shape_1d(query->dim[0]);
  plan->needs |= NACRE_LAYER_NEED_Y;
  if ((cfg->use_scale &&
       nacre_plan_scratch(plan, Q, query, NACRE_PER_SAMPLE) != NACRE_OK) ||
      nacre_plan_saved(plan, LOG_SUM, &sums, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, DQ, query, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, DK, key, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, DV, value, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 2 * (double)query->dim[0] * (double)key->dim[0] *
                           (double)(key->dim[1] + value->dim[1]));
  return NACRE_OK;
}

static int plan_concat(nacre_plan *plan) {
  const attention *cfg = plan->cfg;
  const nacre_shape scalar = { { 0 }, 0, NACRE_REAL };
  const nacre_shape *query = &plan->input[0], *value = &plan->input[1];
  const nacre_shape shares = nacre_shape_2d(query->dim[0], value->dim[0]);
  const nacre_shape sums =
    nacre_shape_1d(nacre_additive_sums(query->dim[1], 0));
  plan->needs &= ~NACRE_LAYER_NEED_Y;
  if (nacre_plan_weight(plan, CONCAT_WEIGHT, &scalar, 1, 1) != NACRE_OK ||
      nacre_plan_saved(plan, SHARES, &shares, NACRE_PER_SAMPLE) != NACRE_OK ||
      (cfg->dropout > 0 && nacre_plan_scratch(plan, DROPPED, &shares,
                                              NACRE_PER_SAMPLE) !=
                             NACRE_OK) ||
      nacre_plan_scratch(plan, DSHARES, &shares, NACRE_PER_SAMPLE) !=
        NACRE_OK ||
      nacre_plan_scratch(plan, SUMS, &sums, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, (double)query->dim[0] * (double)value->dim[0] *
                           (4 * (double)query->dim[1] +
                            2 * (double)value->dim[1]));
  return NACRE_OK;
}

static int plan(nacre_plan *plan) {
  const attention *cfg = plan->cfg;
  const nacre_shape scalar = { { 0 }, 0, NACRE_REAL };
  if (nacre_query_value_check(plan) != NACRE_OK ||
      (cfg->use_scale &&
       nacre_plan_weight(plan, SCALE, &scalar, 1, 1) != NACRE_OK) ||
      (cfg->score_mode.value == DOT ? plan_dot(plan) : plan_concat(plan)) !=
        NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_query_value_plan(plan, MASK, DOUT);
}

/* The queries, times the scale if there is one. */
static const real *queries_of(const nacre_run *run) {
  const real *query = nacre_data(&run->in[0]);
  const int64_t n = nacre_tensor_count(&run->in[0]);
  if (run->weight[SCALE].data == NULL) {
    return query;
  }
  real *scaled = nacre_data(&run->scratch[Q]);
  run->math->copy(run->math, n, query, scaled);
  run->math->scale(run->math, n, nacre_data(&run->weight[SCALE])[0], scaled);
  return scaled;
}

static nacre_attention attention_of(const nacre_run *run) {
  const attention *cfg = run->cfg;
  const nacre_tensor *query = &run->in[0], *value = &run->in[1];
  const bool drops =
    (run->flags & NACRE_RUN_TRAINING) != 0 && cfg->dropout > 0;
  return (nacre_attention){
    .size = sizeof(nacre_attention), .batch = run->batch,
    .queries = query->dim[1], .keys = value->dim[1],
    .heads = 1, .kv_heads = 1,
    .key_dim = query->dim[2], .value_dim = value->dim[2],
    .before = INT64_MAX, .after = cfg->use_causal_mask ? 0 : INT64_MAX,
    .scale = 1, .q = queries_of(run),
    .k = nacre_data(&run->in[run->n_inputs - 1]), .v = nacre_data(value),
    .out = nacre_data(&run->out[0]),
    .q_step = query->dim[2], .k_step = query->dim[2],
    .v_step = value->dim[2], .out_step = value->dim[2],
    .mask = nacre_query_value_mask(run, MASK),
    .dropout = drops ? cfg->dropout : 0, .key = run->key,
    .log_sum = nacre_data(&run->saved[LOG_SUM]),
  };
}

static nacre_additive additive_of(const nacre_run *run) {
  const attention *cfg = run->cfg;
  const bool training = (run->flags & NACRE_RUN_TRAINING) != 0;
  const real *scale = nacre_data(&run->weight[SCALE]);
  nacre_additive a = nacre_additive_of(run, MASK, SHARES, DROPPED);
  a.factor = nacre_data(&run->weight[CONCAT_WEIGHT]);
  a.factor_step = 0;
  a.inner = scale != NULL ? scale[0] : 1;
  a.causal = cfg->use_causal_mask;
  a.dropout = training ? cfg->dropout : 0;
  return a;
}

static bool is_additive(const nacre_run *run) {
  return ((const attention *)run->cfg)->score_mode.value == CONCAT;
}

static void forward(nacre_run *run) {
  nacre_query_value_join(run, MASK);
  if (is_additive(run)) {
    nacre_additive a = additive_of(run);
    nacre_additive_forward(&a);
  } else {
    nacre_attention a = attention_of(run);
    run->math->attention(run->math, &a);
  }
  nacre_query_value_finish(run);
}

static void backward_additive(nacre_run *run) {
  nacre_additive a = additive_of(run);
  a.dout = nacre_query_value_dout(run, DOUT);
  nacre_additive_gradients(run, &a, DSHARES, SUMS);
  real *dweight = nacre_data(&run->dweight[CONCAT_WEIGHT]);
  real *dscale = nacre_data(&run->dweight[SCALE]);
  for (int64_t i = 0; i < run->batch; i++) {
    if (dweight != NULL) {
      dweight[0] += a.sums[2 * i];
    }
    if (dscale != NULL) {
      dscale[0] += a.sums[2 * i + 1];
    }
  }
}

/* Gradients of keys and values that are one input are added. */
static void backward_dot(nacre_run *run) {
  const nacre_math *math = run->math;
  const int64_t n = nacre_tensor_count(&run->in[0]);
  const uint32_t key = run->n_inputs - 1;
  nacre_attention a = attention_of(run);
  a.dout = nacre_query_value_dout(run, DOUT);
  a.dq = nacre_data(&run->scratch[DQ]);
  a.dk = key > 1 && run->din[key].data ? nacre_data(&run->din[key])
                                       : nacre_data(&run->scratch[DK]);
  a.dv = run->din[1].data ? nacre_data(&run->din[1])
                          : nacre_data(&run->scratch[DV]);
  math->attention_gradient(math, &a);
  if (key == 1 && run->din[1].data) {
    math->axpy(math, nacre_tensor_count(&run->in[1]), 1, a.dk, a.dv);
  }
  if (run->dweight[SCALE].data) {
    nacre_data(&run->dweight[SCALE])[0] +=
      (real)math->dot(math, n, a.dq, nacre_data(&run->in[0]));
  }
  if (run->din[0].data) {
    real *din = nacre_data(&run->din[0]);
    math->copy(math, n, a.dq, din);
    if (run->weight[SCALE].data != NULL) {
      math->scale(math, n, nacre_data(&run->weight[SCALE])[0], din);
    }
  }
}

static void backward(nacre_run *run) {
  (is_additive(run) ? backward_additive : backward_dot)(run);
}

static const nacre_param params[] = {
  NACRE_PARAM(attention, use_scale, "false", NULL, "",
              "Multiply the scores, or the sums in the tangents, by a learned "
              "number.", 0),
  NACRE_PARAM(attention, score_mode, "dot", "dot|concat", "",
              "Inner products, or tangents of sums.", 0),
  NACRE_PARAM(attention, dropout, "0", "[0,1)", "",
              "Share of the weights of values that is set to 0 in training.",
              0),
  NACRE_PARAM(attention, use_causal_mask, "false", NULL, "",
              "A step sees no later ones.", 0),
};

static const nacre_weight weights[] = {
  { "scale", "ones", "Factor of the scores, or in the tangents, one number.",
    0, 0 },
  { "concat_score_weight", "ones", "Factor of the tangents, one number.", 0,
    0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y | NACRE_LAYER_RANDOM |
           NACRE_LAYER_MASK_READ,
  .weights = NACRE_SPAN(weights), .min_inputs = 2, .max_inputs = 3,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "attention",
  .summary = "Values, weighed by inner products of queries and keys",
  .doc = "y = softmax(scale q k^T) v; with score_mode concat, the scores are "
         "concat_score_weight times the sum of tanh(scale (q + k)) over the "
         "features. Inputs: [query, value], or [query, "
         "value, key]; query [steps, features], value [other steps, any "
         "features], key [other steps, features]; output [steps, features of "
         "the values]. Keys that are masked are not looked at; the output "
         "is 0 where the query is masked, and has its mask. Scores of inner "
         "products are not stored.\n\n"
         "As Keras's Attention. Luong, Pham and Manning, \"Effective "
         "approaches to attention-based neural machine translation\", "
         "arXiv:1508.04025.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(attention), .ops = &ops,
};

NACRE_COMPONENT_MODULE(attention, component)
