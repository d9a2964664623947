/* SPDX-License-Identifier: MIT */
/* multi_head_attention: queries look up values by their likeness to keys, in
 * several learned projections at once. */
#include <nacre/plugin.h>

#include "heads_run.h"

typedef struct multi_head_attention {
  int64_t num_heads, key_dim, value_dim;
  double dropout;
  bool use_bias;
  nacre_ints output_shape;
  bool use_causal_mask;
  int64_t sliding_window;
  double rope_max_wavelength;
} multi_head_attention;

static nacre_heads heads_of(const multi_head_attention *cfg) {
  return (nacre_heads){
    .heads = cfg->num_heads, .kv_heads = cfg->num_heads,
    .key_dim = cfg->key_dim,
    .value_dim = cfg->value_dim > 0 ? cfg->value_dim : cfg->key_dim,
    .dropout = cfg->dropout, .use_bias = cfg->use_bias,
    .causal = cfg->use_causal_mask, .window = cfg->sliding_window,
    .wavelength = cfg->rope_max_wavelength, .output = cfg->output_shape,
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
  NACRE_PARAM(multi_head_attention, num_heads, NULL, "[1,65536]", "",
              "Number of heads.", 0),
  NACRE_PARAM(multi_head_attention, key_dim, NULL, "[1,1024]", "",
              "Size of each head's queries and keys.", 0),
  NACRE_PARAM(multi_head_attention, value_dim, "null", "[1,1024]", "",
              "Size of each head's values; key_dim by default.", 0),
  NACRE_PARAM(multi_head_attention, dropout, "0", "[0,1)", "",
              "Share of the weights of values that is set to 0 in training.",
              0),
  NACRE_PARAM(multi_head_attention, use_bias, "true", NULL, "",
              "Add learned biases to the projections.", 0),
  NACRE_PARAM(multi_head_attention, output_shape, "null", "[1,inf)", "",
              "Shape of an output vector; as the query's by default.", 0),
  NACRE_PARAM(multi_head_attention, use_causal_mask, "false", NULL, "",
              "A step sees no later ones.", 0),
  NACRE_PARAM(multi_head_attention, sliding_window, "null", "[1,inf)",
              "steps", "A step sees only those nearer than this.", 0),
  NACRE_PARAM(multi_head_attention, rope_max_wavelength, "null", "(0,inf)",
              "", "Turn queries and keys by their positions (rotary_embedding "
              "has the formula); 10000 is usual.", 0),
};

static const nacre_weight weights[] =
  NACRE_HEADS_WEIGHTS("num_heads", "num_heads", "value_dim");

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RANDOM | NACRE_LAYER_MASK_READ,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 3,
  .plan = plan, .forward = forward, .backward = backward,
  .create = create, .destroy = nacre_rotary_free,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "multi_head_attention", .summary = "Attention of several heads",
  .doc = "Each head projects queries, keys and values, "
         "q = query kernel + bias and so on, and gives "
         "softmax(q k^T / sqrt(key_dim)) v; the heads' results, side by "
         "side, are projected to the output.\n\n"
         "Inputs: [query] attends to itself, [query, value], or "
         "[query, value, key]. Query [steps, features], value and key "
         "[other steps, features]; output [steps, features of the query]. "
         "Steps may stand in several axes. Keys that are masked are not "
         "looked at; the output has the query's mask.\n\n"
         "The scores are not stored: memory grows with the steps, not with "
         "their square.\n\n"
         "As Keras's MultiHeadAttention. Vaswani et al., \"Attention is all "
         "you need\", arXiv:1706.03762; Dao, \"FlashAttention-2\", "
         "arXiv:2307.08691.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(multi_head_attention),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(multi_head_attention, component)
