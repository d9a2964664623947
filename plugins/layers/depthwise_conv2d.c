/* SPDX-License-Identifier: MIT */
/* depthwise_conv2d: convolution over height and width, of each channel by
 * itself. */
#include "depthwise.h"

typedef struct depthwise_conv2d {
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  int64_t depth_multiplier;
  nacre_ints dilation_rate;
  bool use_bias;
} depthwise_conv2d;

static nacre_conv_params params_of(const depthwise_conv2d *cfg,
                                   int64_t channels) {
  return (nacre_conv_params){ 2, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate, channels };
}

static int plan(nacre_plan *plan) {
  const depthwise_conv2d *cfg = plan->cfg;
  const nacre_conv_params params =
    params_of(cfg, nacre_depthwise_groups(plan));
  return nacre_depthwise_plan(plan, &params, cfg->depth_multiplier,
                              cfg->use_bias);
}

static void forward(nacre_run *run) {
  const nacre_tensor *in = &run->in[0];
  const nacre_conv_params params =
    params_of(run->cfg, in->dim[in->rank - 1]);
  nacre_conv_forward(run, &params);
}

static void backward(nacre_run *run) {
  const nacre_tensor *in = &run->in[0];
  const nacre_conv_params params =
    params_of(run->cfg, in->dim[in->rank - 1]);
  nacre_conv_backward(run, &params);
}

static const nacre_param params[] = {
  NACRE_PARAM(depthwise_conv2d, kernel_size, NULL, "[1,inf)", "pixels",
              "Height and width of the kernel; one number for both.", 0),
  NACRE_PARAM(depthwise_conv2d, strides, "1", "[1,inf)", "pixels",
              "Steps along height and width.", 0),
  NACRE_PARAM(depthwise_conv2d, padding, "valid", "valid|same", "",
              "Whether zeros around the input keep its extents.", 0),
  NACRE_PARAM(depthwise_conv2d, depth_multiplier, "1", "[1,inf)", "",
              "Filters of each channel.", 0),
  NACRE_PARAM(depthwise_conv2d, dilation_rate, "1", "[1,inf)", "pixels",
              "Distances between the taps of the kernel.", 0),
  NACRE_PARAM(depthwise_conv2d, use_bias, "true", NULL, "",
              "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform",
    "Weights, [kernel height, kernel width, channels, "
    "depth_multiplier].", 0, 0 },
  { "bias", "zeros",
    "Added to every output, [channels depth_multiplier].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "depthwise_conv2d",
  .summary = "Convolution of each channel by itself, over height and width",
  .doc = "Each channel has depth_multiplier filters of its own, whose "
         "results lie side by side.\n\n"
         "Input [height, width, channels], output [height', width', "
         "channels depth_multiplier], kernel [kernel height, kernel "
         "width, channels, depth_multiplier]. Extents are those of "
         "conv2d.\n\n"
         "As Keras's DepthwiseConv2D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(depthwise_conv2d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(depthwise_conv2d, component)
