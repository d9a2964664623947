/* SPDX-License-Identifier: MIT */
/* conv1d_transpose: transposed convolution over steps. */
#include "conv_transpose.h"

typedef struct conv1d_transpose {
  int64_t filters;
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  nacre_ints output_padding, dilation_rate;
  bool use_bias;
} conv1d_transpose;

static nacre_conv_params params_of(const conv1d_transpose *cfg) {
  return (nacre_conv_params){ 1, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate, 1 };
}

static int plan(nacre_plan *plan) {
  const conv1d_transpose *cfg = plan->cfg;
  const nacre_conv_params params = params_of(cfg);
  return nacre_conv_transpose_plan(plan, &params, cfg->output_padding,
                                   cfg->filters, cfg->use_bias);
}

static void forward(nacre_run *run) {
  const conv1d_transpose *cfg = run->cfg;
  const nacre_conv_params params = params_of(cfg);
  nacre_conv_transpose_forward(run, &params, cfg->output_padding);
}

static void backward(nacre_run *run) {
  const conv1d_transpose *cfg = run->cfg;
  const nacre_conv_params params = params_of(cfg);
  nacre_conv_transpose_backward(run, &params, cfg->output_padding);
}

static const nacre_param params[] = {
  NACRE_PARAM(conv1d_transpose, filters, NULL, "[1,inf)", "",
              "Output channels.", 0),
  NACRE_PARAM(conv1d_transpose, kernel_size, NULL, "[1,inf)", "steps",
              "Length of the kernel.", 0),
  NACRE_PARAM(conv1d_transpose, strides, "1", "[1,inf)", "steps",
              "Distance that two neighbours of the input come to have "
              "in the output.", 0),
  NACRE_PARAM(conv1d_transpose, padding, "valid", "valid|same", "",
              "Whether the output is all that is reached, or stride "
              "times the input.", 0),
  NACRE_PARAM(conv1d_transpose, output_padding, "null", "[0,inf)", "steps",
              "What is added to the least extent of the output, less "
              "than the stride; null: as padding says.", 0),
  NACRE_PARAM(conv1d_transpose, dilation_rate, "1", "[1,inf)", "steps",
              "Distances between the taps of the kernel.", 0),
  NACRE_PARAM(conv1d_transpose, use_bias, "true", NULL, "",
              "Add a learned bias.", 0),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform",
    "Weights, [kernel size, filters, channels].", 0, 0 },
  { "bias", "zeros", "Added to every output, [filters].", 0, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_EPILOGUE,
  .weights = NACRE_SPAN(weights), .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "conv1d_transpose",
  .summary = "Transposed convolution over steps",
  .doc = "The transpose of a convolution: every step of the input adds "
         "the kernel times its channels to the output, at places a "
         "stride apart.\n\n"
         "Input [steps, channels], output [steps', filters], kernel "
         "[kernel size, filters, channels], bias [filters]. With "
         "padding same an extent becomes extent stride; with valid, "
         "(extent - 1) stride + (kernel - 1) dilation + 1, or extent "
         "stride if that is more. With output_padding it is (extent - "
         "1) stride + output_padding, plus the dilated kernel with "
         "valid and 1, or 0 for an even one, with same.\n\n"
         "As Keras's Conv1DTranspose.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(conv1d_transpose),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(conv1d_transpose, component)
