/* SPDX-License-Identifier: MIT */
/* flatten: all axes of a sample in one. */
#include <nacre/plugin.h>

static int plan(nacre_plan *plan) {
  nacre_shape out = nacre_shape_1d(nacre_shape_count(&plan->input[0]));
  out.dtype = plan->input[0].dtype;
  return nacre_plan_output(plan, &out);
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_VIEW,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "flatten", .summary = "All axes of a sample in one",
  .doc = "Input [a, b, ...], output [a b ...], row-major: the last axis runs "
         "fastest. Costs nothing. As Keras's Flatten.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(flatten, component)
