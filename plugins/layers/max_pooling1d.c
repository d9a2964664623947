/* SPDX-License-Identifier: MIT */
/* max_pooling1d: the largest element of each window over one axis. */
#include "max_pooling.h"

typedef nacre_pooling1d max_pooling1d;

static void forward(nacre_run *run) {
  nacre_pooling pool = nacre_pooling_of_1d(run->cfg, run->in[0].dim + 1);
  nacre_pooling_forward(run, &pool, nacre_max_forward_tile);
}

static void backward(nacre_run *run) {
  nacre_pooling pool = nacre_pooling_of_1d(run->cfg, run->din[0].dim + 1);
  nacre_pooling_backward(run, &pool, nacre_max_by_row,
                         nacre_max_by_sample);
}

static const nacre_param params[] = {
  NACRE_POOLING_PARAMS(max_pooling1d, "2"),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = nacre_pooling_plan_1d, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "max_pooling1d",
  .summary = "The largest element of each window over one axis",
  .doc = "Input [steps, channels], output [windows, channels]. Of several "
         "largest elements the first, row by row, gets the gradient; NaN "
         "counts as the largest.\n\n"
         "As Keras's MaxPooling1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(max_pooling1d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(max_pooling1d, component)
