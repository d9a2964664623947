/* SPDX-License-Identifier: MIT */
/* group_query_attention: multi_head_attention in which several heads of
 * queries share one head of keys and values. */
#include <nacre/plugin.h>

#include "heads_run.h"

typedef struct group_query_attention {
  int64_t head_dim, num_query_heads, num_key_value_heads;
  double dropout;
  bool use_bias, use_causal_mask;
  int64_t sliding_window;
  double rope_max_wavelength;
} group_query_attention;

static nacre_heads heads_of(const group_query_attention *cfg) {
  return (nacre_heads){
    .heads = cfg->num_query_heads, .kv_heads = cfg->num_key_value_heads,
    .key_dim = cfg->head_dim, .value_dim = cfg->head_dim,
    .dropout = cfg->dropout, .use_bias = cfg->use_bias,
    .causal = cfg->use_causal_mask, .window = cfg->sliding_window,
    .wavelength = cfg->rope_max_wavelength,
  };
}

static int plan(nacre_plan *plan) {
  const nacre_heads heads = heads_of(plan->cfg);
  return nacre_heads_plan(&heads, plan);
}

static int create(const nacre_plan *plan, void **self) {
  const nacre_heads heads = heads_of(plan->cfg);
  return nacre_heads_create(&heads, plan, self);
}

static void forward(nacre_run *run) {
  const nacre_heads heads = heads_of(run->cfg);
  nacre_heads_forward(&heads, run);
}

static void backward(nacre_run *run) {
  const nacre_heads heads = heads_of(run->cfg);
  nacre_heads_backward(&heads, run);
}

static const nacre_param params[] = {
  NACRE_PARAM(group_query_attention, head_dim, NULL, "[1,1024]", "",
              "Size of each head.", 0),
  NACRE_PARAM(group_query_attention, num_query_heads, NULL, "[1,65536]", "",
              "Number of heads of queries.", 0),
  NACRE_PARAM(group_query_attention, num_key_value_heads, NULL, "[1,65536]",
              "", "Number of heads of keys and values; it divides the "
              "former.", 0),
  NACRE_PARAM(group_query_attention, dropout, "0", "[0,1)", "",
              "Share of the weights of values that is set to 0 in training.",
              0),
  NACRE_PARAM(group_query_attention, use_bias, "true", NULL, "",
              "Add learned biases to the projections.", 0),
  NACRE_PARAM(group_query_attention, use_causal_mask, "false", NULL, "",
              "A step sees no later ones.", 0),
  NACRE_PARAM(group_query_attention, sliding_window, "null", "[1,inf)",
              "steps", "A step sees only those nearer than this.", 0),
  NACRE_PARAM(group_query_attention, rope_max_wavelength, "null", "(0,inf)",
              "", "Turn queries and keys by their positions (rotary_embedding "
              "has the formula); 10000 is usual.", 0),
};

static const nacre_weight weights[] =
  NACRE_HEADS_WEIGHTS("query heads", "key heads", "key_dim");

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RANDOM | NACRE_LAYER_MASK_READ,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 3,
  .plan = plan, .forward = forward, .backward = backward,
  .create = create, .destroy = nacre_rotary_free,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "group_query_attention",
  .aliases = "grouped_query_attention",
  .summary = "Attention whose heads of queries share heads of keys",
  .doc = "As multi_head_attention, with fewer heads of keys and values than "
         "of queries: query head h looks at key head "
         "h num_key_value_heads / num_query_heads (rounded down). One key "
         "head is multi-query attention.\n\n"
         "Inputs: [query], [query, value] or [query, value, key], each "
         "[steps, features]; output as the query.\n\n"
         "As Keras's GroupQueryAttention. Ainslie et al., \"GQA: training "
         "generalized multi-query transformer models from multi-head "
         "checkpoints\", arXiv:2305.13245.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(group_query_attention),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(group_query_attention, component)
