/* SPDX-License-Identifier: MIT */
/* conv3d: convolution over depth, height and width. */
#include "conv.h"

typedef struct conv3d {
  int64_t filters;
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  nacre_ints dilation_rate;
  int64_t groups;
  bool use_bias;
} conv3d;

static nacre_conv_params params_of(const void *config) {
  const conv3d *cfg = config;
  return (nacre_conv_params){ 3, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate,
                              cfg->groups };
}

static int plan(nacre_plan *plan) {
  const conv3d *cfg = plan->cfg;
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
  NACRE_PARAM(conv3d, filters, NULL, "[1,inf)", "", "Output channels.", 0),
  NACRE_PARAM(conv3d, kernel_size, NULL, "[1,inf)", "voxels",
              "Extents of the kernel; one number for all.", 0),
  NACRE_PARAM(conv3d, strides, "1", "[1,inf)", "voxels",
              "Steps along depth, height and width.", 0),
  NACRE_PARAM(conv3d, padding, "valid", "valid|same", "",
              "Whether zeros around the input keep its extents.", 0),
  NACRE_PARAM(conv3d, dilation_rate, "1", "[1,inf)", "voxels",
              "Distances between the taps of the kernel.", 0),
  NACRE_PARAM(conv3d, groups, "1", "[1,inf)", "",
              "Groups of channels, each with its share of the filters.", 0),
  NACRE_PARAM(conv3d, use_bias, "true", NULL, "", "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform",
    "Weights, [kernel depth, height, width, channels / groups, filters].", 0,
    0 },
  { "bias", "zeros", "Added to every voxel, [filters].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "conv3d", .summary = "Convolution over depth, height and width",
  .doc = "y = activation(x * kernel + bias): every filter slides over the "
         "volume, channels last.\n\n"
         "Input [depth, height, width, channels], output [depth', height', "
         "width', filters], kernel [kernel depth, height, width, channels / "
         "groups, filters], bias [filters]. With padding same, an extent is "
         "divided by its stride and rounded up; with valid, it becomes "
         "(extent - (kernel - 1) dilation - 1) / stride + 1, rounded "
         "down.\n\n"
         "As Keras's Conv3D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(conv3d), .ops = &ops,
};

NACRE_COMPONENT_MODULE(conv3d, component)
