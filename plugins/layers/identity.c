/* SPDX-License-Identifier: MIT */
/* identity: passes its input on. */
#include <nacre/plugin.h>

static int plan(nacre_plan *plan) {
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
  .name = "identity", .summary = "Passes its input on",
  .doc = "y = x. Gives a tensor another name, or a place for an activation. As "
         "Keras's Identity.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(identity, component)
