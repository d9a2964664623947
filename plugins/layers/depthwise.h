/* SPDX-License-Identifier: MIT */
/* depthwise: convolutions in which each channel has filters of its own, and
 * those that mix the results by a product at every pixel. */
#ifndef NACRE_LAYERS_DEPTHWISE_H
#define NACRE_LAYERS_DEPTHWISE_H

#include "conv.h"

/** Weights and slots of a separable convolution; the first are conv.h's. */
enum { NACRE_DEPTHWISE_POINTWISE = 1, NACRE_DEPTHWISE_BIAS };
enum { NACRE_DEPTHWISE_MIDDLE };
enum { NACRE_DEPTHWISE_DMIDDLE = NACRE_CONV_PREPARED + 1 };

/** Every channel is a group; input [extents..., channels]. */
static inline int64_t nacre_depthwise_groups(const nacre_plan *plan) {
  const nacre_shape *in = &plan->input[0];
  return in->rank > 0 ? nacre_shape_last(in) : 1;
}

/** Announces kernel [kernel_size..., channels, multiplier] and scratch, and
 *  gives the shape [extents..., channels multiplier]. */
static inline int nacre_depthwise_plan_kernel(
  nacre_plan *plan, const nacre_conv_params *params, int64_t multiplier,
  int use_bias, nacre_shape *out) {
  if (nacre_conv_check(plan, params) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t channels = params->groups;
  if (multiplier > INT64_MAX / 64 / channels) {
    return nacre_plan_refuse(plan, "depth_multiplier is too large");
  }
  return nacre_conv_plan_kernel(plan, params, channels, multiplier,
                                channels * multiplier, use_bias, out);
}

/** The plan of a depthwise convolution. */
static inline int nacre_depthwise_plan(nacre_plan *plan,
                                       const nacre_conv_params *params,
                                       int64_t multiplier, int use_bias) {
  nacre_shape out;
  if (nacre_depthwise_plan_kernel(plan, params, multiplier, use_bias, &out) !=
        NACRE_OK ||
      nacre_plan_output(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_conv_flops(plan, params, 1, use_bias, &out);
  return NACRE_OK;
}

/** The plan of a separable convolution into `filters`. */
static inline int nacre_separable_plan(nacre_plan *plan,
                                       const nacre_conv_params *params,
                                       int64_t multiplier, int64_t filters,
                                       int use_bias) {
  nacre_shape middle;
  if (nacre_depthwise_plan_kernel(plan, params, multiplier, 0, &middle) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t channels = nacre_shape_last(&middle);
  nacre_shape pointwise = middle, bias = nacre_shape_1d(filters);
  nacre_shape out = middle;
  for (int i = 0; i < params->axes; i++) {
    pointwise.dim[i] = 1;
  }
  pointwise.rank = params->axes + 2;
  pointwise.dim[params->axes + 1] = filters;
  out.dim[params->axes] = filters;
  if (nacre_plan_weight(plan, NACRE_DEPTHWISE_POINTWISE, &pointwise, channels,
                        filters) != NACRE_OK ||
      (use_bias && nacre_plan_weight(plan, NACRE_DEPTHWISE_BIAS, &bias,
                                     channels, filters) != NACRE_OK) ||
      nacre_plan_saved(plan, NACRE_DEPTHWISE_MIDDLE, &middle,
                       NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_scratch(plan, NACRE_DEPTHWISE_DMIDDLE, &middle,
                         NACRE_PER_SAMPLE) != NACRE_OK ||
      nacre_plan_output(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  double each = 2;
  for (int i = 0; i < params->axes; i++) {
    each *= (double)nacre_conv_item(params->kernel_size, i);
  }
  nacre_plan_flops(plan, each * (double)nacre_shape_count(&middle) +
                           (2 * (double)channels + (use_bias ? 1 : 0)) *
                             (double)nacre_shape_count(&out));
  return NACRE_OK;
}

/* The depthwise half of a run, without x and y. */
static inline nacre_conv nacre_separable_bind(
  const nacre_run *run, const nacre_conv_params *params) {
  const nacre_tensor *middle = &run->saved[NACRE_DEPTHWISE_MIDDLE];
  nacre_conv c = nacre_conv_describe(params, run->batch, run->in[0].dim + 1,
                                     middle->dim[middle->rank - 1]);
  c.w = nacre_data(&run->weight[NACRE_CONV_KERNEL]);
  c.scratch = nacre_data(&run->scratch[NACRE_CONV_SCRATCH]);
  return c;
}

/** middle = in * depthwise kernel, out = act(middle pointwise + bias). */
static inline void nacre_separable_forward(nacre_run *run,
                                           const nacre_conv_params *params) {
  nacre_conv c = nacre_separable_bind(run, params);
  const nacre_tensor *out = &run->out[0];
  const int64_t filters = out->dim[out->rank - 1];
  nacre_conv_use_prepared(run, &c);
  c.x = nacre_data(&run->in[0]);
  c.y = nacre_data(&run->saved[NACRE_DEPTHWISE_MIDDLE]);
  run->math->conv(run->math, &c);
  nacre_gemm product = {
    .size = sizeof(product), .batch = 1, .alpha = 1.0,
    .m = nacre_tensor_count(out) / filters, .n = filters, .k = c.filters,
    .a = c.y, .lda = c.filters, /* [pixels, channels] */
    .b = nacre_data(&run->weight[NACRE_DEPTHWISE_POINTWISE]), .ldb = filters,
    .c = nacre_data(out), .ldc = filters,
    .bias = nacre_data(&run->weight[NACRE_DEPTHWISE_BIAS]),
    .act = run->epilogue,
  };
  run->math->gemm(run->math, &product);
}

/* dpointwise += middle^T dout, dbias += sums of dout. */
static inline void nacre_separable_backward_pointwise(nacre_run *run,
                                                      int64_t channels,
                                                      int64_t filters) {
  const nacre_math *math = run->math;
  const int64_t pixels = nacre_tensor_count(&run->dout[0]) / filters;
  const real *dout = nacre_data(&run->dout[0]); /* [pixels, filters] */
  if (run->dweight[NACRE_DEPTHWISE_POINTWISE].data) {
    nacre_gemm product = {
      .size = sizeof(product), .flags = NACRE_GEMM_TRANS_A, .batch = 1,
      .alpha = 1.0, .beta = 1.0, .m = channels, .n = filters, .k = pixels,
      .a = nacre_data(&run->saved[NACRE_DEPTHWISE_MIDDLE]), .lda = channels,
      .b = dout, .ldb = filters,
      .c = nacre_data(&run->dweight[NACRE_DEPTHWISE_POINTWISE]),
      .ldc = filters,
    };
    math->gemm(math, &product);
  }
  if (run->dweight[NACRE_DEPTHWISE_BIAS].data) {
    math->col_sum(math, pixels, filters, dout,
                  nacre_data(&run->dweight[NACRE_DEPTHWISE_BIAS]));
  }
}

/** All gradients; dmiddle = dout pointwise^T is scratch. */
static inline void nacre_separable_backward(nacre_run *run,
                                            const nacre_conv_params *params) {
  const nacre_math *math = run->math;
  nacre_conv c = nacre_separable_bind(run, params);
  const nacre_tensor *dout = &run->dout[0];
  const int64_t filters = dout->dim[dout->rank - 1];
  nacre_separable_backward_pointwise(run, c.filters, filters);
  if (!run->dweight[NACRE_CONV_KERNEL].data && !run->din[0].data) {
    return;
  }
  c.y = nacre_data(&run->scratch[NACRE_DEPTHWISE_DMIDDLE]);
  nacre_gemm product = {
    .size = sizeof(product), .flags = NACRE_GEMM_TRANS_B, .batch = 1,
    .alpha = 1.0, .m = nacre_tensor_count(dout) / filters, .n = c.filters,
    .k = filters, .a = nacre_data(dout), .lda = filters,
    .b = nacre_data(&run->weight[NACRE_DEPTHWISE_POINTWISE]), .ldb = filters,
    .c = c.y, .ldc = c.filters, /* [pixels, channels] */
  };
  math->gemm(math, &product);
  if (run->dweight[NACRE_CONV_KERNEL].data) {
    nacre_conv of_kernel = c;
    of_kernel.x = nacre_data(&run->in[0]);
    of_kernel.w = nacre_data(&run->dweight[NACRE_CONV_KERNEL]);
    math->conv_weights(math, &of_kernel);
  }
  if (run->din[0].data) {
    c.x = nacre_data(&run->din[0]);
    math->conv_data(math, &c);
  }
}

#endif
