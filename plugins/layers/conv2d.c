/* SPDX-License-Identifier: MIT */
/* conv2d: convolution over height and width. */
#include "conv.h"

typedef struct conv2d {
  int64_t filters;
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  nacre_ints dilation_rate;
  int64_t groups;
  bool use_bias;
} conv2d;

static nacre_conv_params params_of(const void *config) {
  const conv2d *cfg = config;
  return (nacre_conv_params){ 2, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate,
                              cfg->groups };
}

static int plan(nacre_plan *plan) {
  const conv2d *cfg = plan->cfg;
  const nacre_conv_params params = params_of(cfg);
  return nacre_conv_plan(plan, &params, cfg->filters, cfg->use_bias);
}

static void forward(nacre_run *run) {
  const nacre_conv_params params = params_of(run->cfg);
  nacre_conv_forward(run, &params);
}

static void backward(nacre_run *run) {
  const nacre_conv_params params = params_of(run->cfg);
  nacre_conv_backward(run, &params);
}

static const nacre_param params[] = {
  NACRE_PARAM(conv2d, filters, NULL, "[1,inf)", "", "Output channels.", 0),
  NACRE_PARAM(conv2d, kernel_size, NULL, "[1,inf)", "pixels",
              "Height and width of the kernel; one number for both.", 0),
  NACRE_PARAM(conv2d, strides, "1", "[1,inf)", "pixels",
              "Steps along height and width.", 0),
  NACRE_PARAM(conv2d, padding, "valid", "valid|same", "",
              "Whether zeros around the input keep its extents.", 0),
  NACRE_PARAM(conv2d, dilation_rate, "1", "[1,inf)", "pixels",
              "Distances between the taps of the kernel.", 0),
  NACRE_PARAM(conv2d, groups, "1", "[1,inf)", "",
              "Groups of channels, each with its share of the filters.", 0),
  NACRE_PARAM(conv2d, use_bias, "true", NULL, "", "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform",
    "Weights, [kernel height, kernel width, channels / groups, filters].", 0,
    0 },
  { "bias", "zeros", "Added to every pixel, [filters].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
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
  .params = NACRE_SPAN(params), .cfg_size = sizeof(conv2d), .ops = &ops,
};

NACRE_COMPONENT_MODULE(conv2d, component)
