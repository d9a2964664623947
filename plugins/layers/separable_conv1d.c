/* SPDX-License-Identifier: MIT */
/* separable_conv1d: a depthwise convolution over steps, then a
 * product with a matrix at every place. */
#include "depthwise.h"

typedef struct separable_conv1d {
  int64_t filters;
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  nacre_ints dilation_rate;
  int64_t depth_multiplier;
  bool use_bias;
} separable_conv1d;

static nacre_conv_params params_of(const separable_conv1d *cfg,
                                   int64_t channels) {
  return (nacre_conv_params){ 1, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate, channels };
}

static int plan(nacre_plan *plan) {
  const separable_conv1d *cfg = plan->cfg;
  const nacre_conv_params params =
    params_of(cfg, nacre_depthwise_groups(plan));
  return nacre_separable_plan(plan, &params, cfg->depth_multiplier,
                              cfg->filters, cfg->use_bias);
}

static void forward(nacre_run *run) {
  const nacre_tensor *in = &run->in[0];
  const nacre_conv_params params =
    params_of(run->cfg, in->dim[in->rank - 1]);
  nacre_separable_forward(run, &params);
}

static void backward(nacre_run *run) {
  const nacre_tensor *in = &run->in[0];
  const nacre_conv_params params =
    params_of(run->cfg, in->dim[in->rank - 1]);
  nacre_separable_backward(run, &params);
}

static const nacre_param params[] = {
  NACRE_PARAM(separable_conv1d, filters, NULL, "[1,inf)", "",
              "Output channels.", 0),
  NACRE_PARAM(separable_conv1d, kernel_size, NULL, "[1,inf)", "steps",
              "Length of the kernel.", 0),
  NACRE_PARAM(separable_conv1d, strides, "1", "[1,inf)", "steps",
              "Distance between the steps that are kept.", 0),
  NACRE_PARAM(separable_conv1d, padding, "valid", "valid|same", "",
              "Whether zeros around the input keep its extents.", 0),
  NACRE_PARAM(separable_conv1d, dilation_rate, "1", "[1,inf)", "steps",
              "Distances between the taps of the kernel.", 0),
  NACRE_PARAM(separable_conv1d, depth_multiplier, "1", "[1,inf)", "",
              "Filters of each channel in between.", 0),
  NACRE_PARAM(separable_conv1d, use_bias, "true", NULL, "",
              "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "depthwise_kernel", "glorot_uniform",
    "Filters of each channel, [kernel size, channels, "
    "depth_multiplier].", 0, 0 },
  { "pointwise_kernel", "glorot_uniform",
    "What mixes their results, [1, channels depth_multiplier, "
    "filters].", 0, 0 },
  { "bias", "zeros", "Added to every output, [filters].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "separable_conv1d",
  .summary = "Depthwise, then pointwise convolution over steps",
  .doc = "A depthwise_conv1d without bias or activation, then y = "
         "activation(z pointwise_kernel + bias) at every place. Far "
         "fewer weights and operations than a conv1d.\n\n"
         "Input [steps, channels], output [steps', filters], "
         "depthwise_kernel [kernel size, channels, depth_multiplier], "
         "pointwise_kernel [1, channels depth_multiplier, filters], "
         "bias [filters].\n\n"
         "As Keras's SeparableConv1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(separable_conv1d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(separable_conv1d, component)
