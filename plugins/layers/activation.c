/* SPDX-License-Identifier: MIT */
/* activation: an activation as a layer of its own. */
#include <nacre/plugin.h>

static int plan(nacre_plan *plan) {
  /* The key `activation` belongs to every layer and is seen to by the host;
   * nothing is left to do here but to pass the input on. */
  return nacre_plan_output(plan, &plan->input[0]);
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_VIEW | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "activation", .summary = "An activation as a layer of its own",
  .doc = "y = activation(x), the activation being given by the key "
         "'activation' that every layer has. As Keras's Activation.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(activation, component)
