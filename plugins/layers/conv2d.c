/* SPDX-License-Identifier: MIT */
/* conv2d: convolution over height and width. */
#include "conv2d.h"

static int plan(nacre_plan *plan) {
  const conv2d *cfg = plan->cfg;
  const nacre_conv_params params = conv2d_params(cfg);
  return nacre_conv_plan(plan, &params, cfg->filters, cfg->use_bias);
}

static void forward(nacre_run *run) {
  const nacre_conv_params params = conv2d_params(run->cfg);
  nacre_conv_forward(run, &params);
}

static void backward(nacre_run *run) {
  const nacre_conv_params params = conv2d_params(run->cfg);
  nacre_conv_backward(run, &params);
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(conv2d_weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "conv2d", .summary = "Convolution over height and width",
  .doc = "y = activation(x * kernel + bias): every filter slides over the "
         "image, channels last.\n\n"
         "Input [height, width, channels], output [height', width', "
         "filters], kernel [kernel height, kernel width, channels / groups, "
         "filters], bias [filters]. With padding same, height' = height / "
         "stride, rounded up; with valid, (height - (kernel height - 1) "
         "dilation - 1) / stride + 1, rounded down.\n\n"
         "As Keras's Conv2D.",
  .params = NACRE_SPAN(conv2d_table), .cfg_size = sizeof(conv2d), .ops = &ops,
};

NACRE_COMPONENT_MODULE(conv2d, component)
