/* SPDX-License-Identifier: MIT */
/* time_distributed: one layer at every step. */
#include <nacre/plugin.h>

typedef struct time_distributed {
  nacre_ref layer;
} time_distributed;

static int expand(nacre_expand *expand) {
  const nacre_expand_ops *ops = expand->ops;
  int32_t at = ops->fold(expand, "steps", 0);
  if (at >= 0) {
    at = ops->layer(expand, "layer", "layer", NULL, &at, 1);
  }
  return at >= 0 && ops->unfold(expand, NULL, at) >= 0 ? NACRE_OK
                                                       : NACRE_ERROR;
}

static const nacre_param params[] = {
  NACRE_PARAM(time_distributed, layer, NULL, "layer", "",
              "The layer: {type: conv2d, filters: 8, kernel_size: 3}.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1, .expand = expand,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "time_distributed", .summary = "One layer at every step",
  .doc = "Input [steps, ...], output [steps, ...]: the layer described by "
         "'layer' sees each step as a sample of its own, with the same "
         "weights. Nothing is copied: the steps join the batch.\n\n"
         "In a model its layer is called NAME/layer. As Keras's "
         "TimeDistributed.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(time_distributed),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(time_distributed, component)
