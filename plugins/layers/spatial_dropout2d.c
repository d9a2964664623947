/* SPDX-License-Identifier: MIT */
/* spatial_dropout2d: sets whole channels to 0 in training. */
#include "spatial_dropout.h"

static int plan(nacre_plan *plan) {
  return nacre_spatial_dropout_plan(plan, 2);
}

static void forward(nacre_run *run) {
  nacre_spatial_dropout_apply(run, &run->in[0], &run->out[0]);
}

static void backward(nacre_run *run) {
  nacre_spatial_dropout_apply(run, &run->dout[0], &run->din[0]);
}

static const nacre_param params[] = {
  NACRE_SPATIAL_DROPOUT_PARAMS(nacre_spatial_dropout),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_TRAINING | NACRE_LAYER_RANDOM | NACRE_LAYER_INPLACE |
           NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "spatial_dropout2d",
  .summary = "Sets whole channels to 0 in training",
  .doc = "Input and output [rows, cols, channels]. In training each channel "
         "of a sample becomes 0 with probability rate and is divided by 1 - "
         "rate otherwise; elsewhere y = x.\n\n"
         "As Keras's SpatialDropout2D. Tompson et al., \"Efficient object "
         "localization using convolutional networks\", CVPR 2015.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(nacre_spatial_dropout),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(spatial_dropout2d, component)
