/* SPDX-License-Identifier: MIT */
/* global_max_pooling2d: the largest element of each channel over all
 * positions. */
#include "max_pooling.h"

#include "global_pooling.h"

static int plan(nacre_plan *plan) {
  return nacre_global_pooling_plan(plan, 2);
}

static void forward(nacre_run *run) {
  nacre_pooling pool = nacre_global_pooling_of(&run->in[0]);
  nacre_pooling_forward(run, &pool, nacre_max_forward_tile);
}

static void backward(nacre_run *run) {
  nacre_pooling pool = nacre_global_pooling_of(&run->din[0]);
  nacre_pooling_backward(run, &pool, nacre_max_by_row,
                         nacre_max_by_sample);
}

static const nacre_param params[] = {
  NACRE_GLOBAL_POOLING_PARAMS(nacre_global_pooling),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "global_max_pooling2d",
  .summary = "The largest element of each channel over all positions",
  .doc = "Input [rows, cols, channels], output [channels], or "
         "[1, 1, channels] with keepdims. Of several largest elements "
         "the first gets the gradient.\n\n"
         "As Keras's GlobalMaxPooling2D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(nacre_global_pooling),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(global_max_pooling2d, component)
