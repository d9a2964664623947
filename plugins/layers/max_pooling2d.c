/* SPDX-License-Identifier: MIT */
/* max_pooling2d: the largest element of each window over two axes. */
#include "max_pooling.h"

typedef nacre_pooling2d max_pooling2d;

static void forward(nacre_run *run) {
  nacre_pooling pool = nacre_pooling_of_2d(run->cfg, run->in[0].dim + 1);
  nacre_pooling_forward(run, &pool, nacre_max_forward_tile);
}

static void backward(nacre_run *run) {
  nacre_pooling pool = nacre_pooling_of_2d(run->cfg, run->din[0].dim + 1);
  nacre_pooling_backward(run, &pool, nacre_max_by_row,
                         nacre_max_by_sample);
}

static const nacre_param params[] = {
  NACRE_POOLING_PARAMS(max_pooling2d, "[2, 2]"),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_NEED_Y,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = nacre_pooling_plan_2d, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "max_pooling2d",
  .summary = "The largest element of each window over two axes",
  .doc = "Input [rows, cols, channels], output [rows of windows, windows in "
         "a row, channels]. Of several largest elements the first, row by "
         "row, gets the gradient; NaN counts as the largest.\n\n"
         "As Keras's MaxPooling2D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(max_pooling2d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(max_pooling2d, component)
