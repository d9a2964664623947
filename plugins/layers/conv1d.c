/* SPDX-License-Identifier: MIT */
/* conv1d: convolution over steps. */
#include "conv.h"

typedef struct conv1d {
  int64_t filters;
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  nacre_ints dilation_rate;
  int64_t groups;
  bool use_bias;
} conv1d;

static nacre_conv_params params_of(const void *config) {
  const conv1d *cfg = config;
  return (nacre_conv_params){ 1, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate,
                              cfg->groups };
}

static int plan(nacre_plan *plan) {
  const conv1d *cfg = plan->cfg;
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
  NACRE_PARAM(conv1d, filters, NULL, "[1,inf)", "", "Output channels.", 0),
  NACRE_PARAM(conv1d, kernel_size, NULL, "[1,inf)", "steps",
              "Length of the kernel.", 0),
  NACRE_PARAM(conv1d, strides, "1", "[1,inf)", "steps",
              "Distance between the steps that are kept.", 0),
  NACRE_PARAM(conv1d, padding, "valid", "valid|same|causal",
              "", "Zeros around the input keep its length; causal: in front "
              "alone, so that no output sees a later step.", 0),
  NACRE_PARAM(conv1d, dilation_rate, "1", "[1,inf)", "steps",
              "Distance between the taps of the kernel.", 0),
  NACRE_PARAM(conv1d, groups, "1", "[1,inf)", "",
              "Groups of channels, each with its share of the filters.", 0),
  NACRE_PARAM(conv1d, use_bias, "true", NULL, "", "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform",
    "Weights, [kernel size, channels / groups, filters].", 0,
    0 },
  { "bias", "zeros", "Added to every step, [filters].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "conv1d", .summary = "Convolution over steps, as of time",
  .doc = "y = activation(x * kernel + bias): every filter slides over the "
         "steps, channels last.\n\n"
         "Input [steps, channels], output [steps', filters], kernel [kernel "
         "size, channels / groups, filters], bias [filters]. With padding "
         "same and causal, steps' = steps / stride, rounded up; with valid, "
         "(steps - (kernel size - 1) dilation - 1) / stride + 1, rounded "
         "down.\n\n"
         "As Keras's Conv1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(conv1d), .ops = &ops,
};

NACRE_COMPONENT_MODULE(conv1d, component)
