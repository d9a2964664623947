/* SPDX-License-Identifier: MIT */
/* average_pooling1d: the mean of each window over one axis. */
#include "average_pooling.h"

typedef nacre_pooling1d average_pooling1d;

static void forward(nacre_run *run) {
  nacre_pooling pool = nacre_pooling_of_1d(run->cfg, run->in[0].dim + 1);
  nacre_pooling_forward(run, &pool, nacre_average_forward_tile);
}

static void backward(nacre_run *run) {
  nacre_pooling pool = nacre_pooling_of_1d(run->cfg, run->din[0].dim + 1);
  nacre_pooling_backward(run, &pool, nacre_average_by_row,
                         nacre_average_by_sample);
}

static const nacre_param params[] = {
  NACRE_POOLING_PARAMS(average_pooling1d, "2"),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = 0,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = nacre_pooling_plan_1d, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "average_pooling1d",
  .summary = "The mean of each window over one axis",
  .doc = "Input [steps, channels], output [windows, channels]. Where windows "
         "hang over the edges, only what lies inside counts.\n\n"
         "As Keras's AveragePooling1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(average_pooling1d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(average_pooling1d, component)
