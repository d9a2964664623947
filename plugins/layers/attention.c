/* SPDX-License-Identifier: MIT */
/* attention: queries look up values by the inner products with their keys. */
#include <nacre/plugin.h>

typedef struct attention {
  bool use_scale;
  double dropout;
  bool use_causal_mask;
} attention;

enum { SCALE };
enum { LOG_SUM, MASK }; /* saved, [queries]; [keys], what two masks leave */
/* Scratch: the queries times the scale; gradients of those; of keys and of
 * values, where no input wants just that. */
enum { Q, DQ, DK, DV };

static int plan(nacre_plan *plan) {
  const attention *cfg = plan->cfg;
  const nacre_shape *query = &plan->input[0];
  const nacre_shape *value = &plan->input[1];
  const nacre_shape *key = &plan->input[plan->n_inputs - 1];
  if (query->rank != 2 || value->rank != 2 || key->rank != 2) {
    return nacre_plan_refuse(plan, "the inputs must be [steps, features]");
  }
  if (key->dim[0] != value->dim[0]) {
    return nacre_plan_refuse(plan, "keys and values must have as many steps, "
                             "not %lld and %lld", (long long)key->dim[0],
                             (long long)value->dim[0]);
  }
  if (key->dim[1] != query->dim[1]) {
    return nacre_plan_refuse(plan, "queries and keys must have as many "
                             "features, not %lld and %lld",
                             (long long)query->dim[1],
                             (long long)key->dim[1]);
  }
  if (key->dim[1] > NACRE_ATTENTION_DIM_MAX ||
      value->dim[1] > NACRE_ATTENTION_DIM_MAX) {
    return nacre_plan_refuse(plan, "at most %d features can be attended to",
                             NACRE_ATTENTION_DIM_MAX);
  }
  const nacre_shape scalar = { { 0 }, 0, NACRE_REAL };
  const nacre_shape sums = nacre_shape_1d(query->dim[0]);
  const nacre_shape keys = nacre_shape_1d(key->dim[0]);
  const nacre_shape out = nacre_shape_2d(query->dim[0], value->dim[1]);
  if ((cfg->use_scale &&
       (nacre_plan_weight(plan, SCALE, &scalar, 1, 1) != NACRE_OK ||
        nacre_plan_scratch(plan, Q, query, NACRE_PER_SAMPLE) != NACRE_OK)) ||
      nacre_plan_saved(plan, LOG_SUM, &sums, NACRE_PER_SAMPLE) != NACRE_OK ||
      ((plan->masked & 6) == 6 &&
       nacre_plan_saved(plan, MASK, &keys, NACRE_PER_SAMPLE) != NACRE_OK) ||
      nacre_plan_scratch(plan, DQ, query, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, DK, key, NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, DV, value, NACRE_PER_SAMPLE) != NACRE_OK ||
      ((plan->masked & 1) != 0 &&
       nacre_plan_mask(plan, &sums) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, 2 * (double)query->dim[0] * (double)key->dim[0] *
                           (double)(key->dim[1] + value->dim[1]));
  return nacre_plan_output(plan, &out);
}

static const real *mask_of(const nacre_run *run) {
  return run->saved[MASK].data != NULL ? nacre_data(&run->saved[MASK])
         : run->mask[1].data != NULL   ? nacre_data(&run->mask[1])
                                       : nacre_data(&run->mask[run->n_inputs -
                                                               1]);
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
    .mask = mask_of(run), .dropout = drops ? cfg->dropout : 0,
    .key = run->key, .log_sum = nacre_data(&run->saved[LOG_SUM]),
  };
}

static void forward(nacre_run *run) {
  const nacre_tensor *joint = &run->saved[MASK];
  for (int64_t i = 0; joint->data && i < nacre_tensor_count(joint); i++) {
    nacre_data(joint)[i] =
      nacre_data(&run->mask[1])[i] * nacre_data(&run->mask[2])[i];
  }
  if (run->out_mask->data != NULL) {
    run->math->copy(run->math, nacre_tensor_count(run->out_mask),
                    nacre_data(&run->mask[0]), nacre_data(run->out_mask));
  }
  nacre_attention a = attention_of(run);
  run->math->attention(run->math, &a);
}

/* Gradients of keys and values that are one input are added. */
static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  const int64_t n = nacre_tensor_count(&run->in[0]);
  const uint32_t key = run->n_inputs - 1;
  nacre_attention a = attention_of(run);
  a.dout = nacre_data(&run->dout[0]);
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

static const nacre_param params[] = {
  NACRE_PARAM(attention, use_scale, "false", NULL, "",
              "Multiply the scores by a learned number.", 0),
  NACRE_PARAM(attention, dropout, "0", "[0,1)", "",
              "Share of the weights of values that is set to 0 in training.",
              0),
  NACRE_PARAM(attention, use_causal_mask, "false", NULL, "",
              "A step sees no later ones.", 0),
};

static const nacre_weight weights[] = {
  { "scale", "ones", "Factor of the scores, one number.", 0, 0 },
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
  .doc = "y = softmax(scale q k^T) v. Inputs: [query, value], or [query, "
         "value, key]; query [steps, features], value [other steps, any "
         "features], key [other steps, features]; output [steps, features of "
         "the values]. Keys that are masked are not looked at; the output "
         "has the query's mask. The scores are not stored.\n\n"
         "As Keras's Attention. Luong, Pham and Manning, \"Effective "
         "approaches to attention-based neural machine translation\", "
         "arXiv:1508.04025.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(attention), .ops = &ops,
};

NACRE_COMPONENT_MODULE(attention, component)
