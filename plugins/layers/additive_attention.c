/* SPDX-License-Identifier: MIT */
/* additive_attention: queries look up values by a learned comparison with
 * their keys. */
#include <nacre/plugin.h>

#include "additive.h"
#include "query_value.h"

typedef struct additive_attention {
  bool use_scale;
  double dropout;
  bool use_causal_mask;
} additive_attention;

enum { SCALE };
enum { SHARES, MASK };                 /* saved */
enum { DROPPED, DSHARES, SUMS, DOUT }; /* scratch */

static int plan(nacre_plan *plan) {
  const additive_attention *cfg = plan->cfg;
  if (nacre_query_value_check(plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t queries = plan->input[0].dim[0];
  const int64_t keys = plan->input[1].dim[0];
  const int64_t features = plan->input[0].dim[1];
  const nacre_shape scale = nacre_shape_1d(features);
  const nacre_shape shares = nacre_shape_2d(queries, keys);
  const nacre_shape sums = nacre_shape_1d(nacre_additive_sums(features, 1));
  if ((cfg->use_scale &&
       nacre_plan_weight(plan, SCALE, &scale, features, features) !=
         NACRE_OK) ||
      nacre_plan_saved(plan, SHARES, &shares, NACRE_PER_SAMPLE) != NACRE_OK ||
      (cfg->dropout > 0 && nacre_plan_scratch(plan, DROPPED, &shares,
                                              NACRE_PER_SAMPLE) !=
                             NACRE_OK) ||
      nacre_plan_scratch(plan, DSHARES, &shares, NACRE_PER_SAMPLE) !=
        NACRE_OK ||
      nacre_plan_scratch(plan, SUMS, &sums, NACRE_PER_SAMPLE) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan, (double)queries * (double)keys *
                           (4 * (double)features +
                            2 * (double)plan->input[1].dim[1]));
  return nacre_query_value_plan(plan, MASK, DOUT);
}

static nacre_additive attention_of(const nacre_run *run) {
  const additive_attention *cfg = run->cfg;
  const bool training = (run->flags & NACRE_RUN_TRAINING) != 0;
  nacre_additive a = nacre_additive_of(run, MASK, SHARES, DROPPED);
  a.factor = nacre_data(&run->weight[SCALE]);
  a.factor_step = 1;
  a.causal = cfg->use_causal_mask;
  a.dropout = training ? cfg->dropout : 0;
  return a;
}

static void forward(nacre_run *run) {
  nacre_query_value_join(run, MASK);
  nacre_additive a = attention_of(run);
  nacre_additive_forward(&a);
  nacre_query_value_finish(run);
}

static void backward(nacre_run *run) {
  const nacre_math *math = run->math;
  nacre_additive a = attention_of(run);
  a.dout = nacre_query_value_dout(run, DOUT);
  nacre_additive_gradients(run, &a, DSHARES, SUMS);
  real *dscale = nacre_data(&run->dweight[SCALE]);
  for (int64_t i = 0; dscale != NULL && i < run->batch; i++) {
    math->axpy(math, a.features, 1,
               a.sums + i * nacre_additive_sums(a.features, 1), dscale);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(additive_attention, use_scale, "true", NULL, "",
              "Multiply each feature's tangent by a learned number.", 0),
  NACRE_PARAM(additive_attention, dropout, "0", "[0,1)", "",
              "Share of the weights of values that is set to 0 in training.",
              0),
  NACRE_PARAM(additive_attention, use_causal_mask, "false", NULL, "",
              "A step sees no later ones.", 0),
};

static const nacre_weight weights[] = {
  { "scale", "glorot_uniform", "Factors of the tangents, [features].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RANDOM | NACRE_LAYER_MASK_READ,
  .weights = NACRE_SPAN(weights), .min_inputs = 2, .max_inputs = 3,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "additive_attention",
  .summary = "Values, weighed by tangents of sums of queries and keys",
  .doc = "y = softmax(sum over features of scale tanh(q + k)) v. Inputs: "
         "[query, value], or [query, value, key]; query [steps, features], "
         "value [other steps, any features], key [other steps, features]; "
         "output [steps, features of the values]. Keys that are masked are "
         "not looked at; the output is 0 where the query is masked, and has "
         "its mask.\n\n"
         "As Keras's AdditiveAttention. Bahdanau, Cho and Bengio, \"Neural "
         "machine translation by jointly learning to align and translate\", "
         "arXiv:1409.0473.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(additive_attention),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(additive_attention, component)
