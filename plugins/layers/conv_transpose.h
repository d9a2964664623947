/* SPDX-License-Identifier: MIT */
/* conv_transpose: what the layers of transposed convolutions share. Such a
 * layer computes what the gradient of a convolution's input is: the output
 * here is that convolution's input. */
#ifndef NACRE_LAYERS_CONV_TRANSPOSE_H
#define NACRE_LAYERS_CONV_TRANSPOSE_H

#include "conv.h"

/* The convolution whose transpose this is. Extents are Keras's: with padding
 * same the input's times the stride, with valid all that taps reach, in both
 * cases with `output_padding` more in its stead where it is given. */
static inline nacre_conv nacre_conv_transpose_describe(
  const nacre_conv_params *params, nacre_ints output_padding, int64_t batch,
  const int64_t *in, int64_t filters) {
  const int axes = params->axes;
  nacre_conv c = { .size = sizeof c, .batch = batch, .groups = 1,
                   .channels = filters, .filters = in[axes] };
  for (int axis = 0; axis < 3; axis++) {
    c.in[axis] = c.kernel[axis] = c.out[axis] = 1;
    c.stride[axis] = c.dilation[axis] = 1;
  }
  for (int i = 0; i < axes; i++) {
    const int axis = 3 - axes + i;
    const int64_t kernel = nacre_conv_item(params->kernel_size, i);
    const int64_t dilation = nacre_conv_item(params->dilation_rate, i);
    const int64_t stride = nacre_conv_item(params->strides, i);
    const int64_t span = (kernel - 1) * dilation + 1;
    const int64_t reached = (in[i] - 1) * stride; /* by the last's first tap */
    int64_t extent = reached + (span > stride ? span : stride);
    if (params->padding == NACRE_CONV_SAME) {
      extent = in[i] * stride;
    }
    if (output_padding.n > 0) {
      extent = reached + nacre_conv_item(output_padding, i) +
               (params->padding == NACRE_CONV_SAME ? span % 2 : span);
    }
    c.in[axis] = extent;
    c.out[axis] = in[i];
    c.kernel[axis] = kernel;
    c.stride[axis] = stride;
    c.dilation[axis] = dilation;
    const int64_t beyond = reached + span - extent;
    if (params->padding == NACRE_CONV_SAME && beyond > 0) {
      c.before[axis] = beyond / 2;
    }
  }
  return c;
}

/* Whether extents along axis i can be counted, and the extra is sensible. */
static inline int nacre_conv_transpose_check(nacre_plan *plan,
                                             const nacre_conv_params *params,
                                             nacre_ints output_padding,
                                             int i) {
  const int64_t most = INT64_MAX / 8;
  const int64_t stride = nacre_conv_item(params->strides, i);
  const int64_t kernel = nacre_conv_item(params->kernel_size, i);
  const int64_t dilation = nacre_conv_item(params->dilation_rate, i);
  if (plan->input[0].dim[i] > most / stride || kernel > most / dilation) {
    return nacre_plan_refuse(plan, "the output's %s would be too large",
                             nacre_conv_axis[3 - params->axes + i]);
  }
  if (output_padding.n > 0 && nacre_conv_item(output_padding, i) >= stride) {
    return nacre_plan_refuse(
      plan, "output_padding: %lld must be less than the stride, %lld",
      (long long)nacre_conv_item(output_padding, i), (long long)stride);
  }
  return NACRE_OK;
}

/** Announces kernel [kernel_size..., filters, channels], bias, scratch and
 *  output, after checking everything. */
static inline int nacre_conv_transpose_plan(nacre_plan *plan,
                                            const nacre_conv_params *params,
                                            nacre_ints output_padding,
                                            int64_t filters, int use_bias) {
  const nacre_shape *in = &plan->input[0]; /* [extents..., channels] */
  const int axes = params->axes;
  if (nacre_conv_check(plan, params) != NACRE_OK ||
      (output_padding.n > 0 &&
       nacre_conv_check_list(plan, "output_padding", output_padding, axes) !=
         NACRE_OK)) {
    return NACRE_ERROR;
  }
  nacre_shape out = *in, kernel = *in, bias = nacre_shape_1d(filters);
  double taps = 1;
  for (int i = 0; i < axes; i++) {
    if (nacre_conv_transpose_check(plan, params, output_padding, i) !=
        NACRE_OK) {
      return NACRE_ERROR;
    }
    kernel.dim[i] = nacre_conv_item(params->kernel_size, i);
    taps *= (double)kernel.dim[i];
  }
  kernel.rank = axes + 2;
  kernel.dim[axes] = filters;
  kernel.dim[axes + 1] = nacre_shape_last(in);
  const int64_t fan_in = nacre_conv_fan(taps, filters);
  const int64_t fan_out = nacre_conv_fan(taps, nacre_shape_last(in));
  if (nacre_plan_weight(plan, NACRE_CONV_KERNEL, &kernel, fan_in, fan_out) !=
        NACRE_OK ||
      (use_bias && nacre_plan_weight(plan, NACRE_CONV_BIAS, &bias, fan_in,
                                     fan_out) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  const nacre_conv c = nacre_conv_transpose_describe(
    params, output_padding, plan->batch, in->dim, filters);
  const nacre_shape scratch = nacre_conv_scratch(&c);
  for (int i = 0; i < axes; i++) {
    out.dim[i] = c.in[3 - axes + i];
  }
  out.dim[axes] = filters;
  if (nacre_plan_scratch(plan, NACRE_CONV_SCRATCH, &scratch, 0) !=
        NACRE_OK ||
      nacre_plan_output(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_plan_flops(plan,
                   2 * taps * (double)filters * (double)nacre_shape_count(in) +
                     (use_bias ? (double)nacre_shape_count(&out) : 0.0));
  return NACRE_OK;
}

/* The convolution of a run, without x and y. */
static inline nacre_conv nacre_conv_transpose_bind(
  const nacre_run *run, const nacre_conv_params *params,
  nacre_ints output_padding) {
  const nacre_tensor *kernel = &run->weight[NACRE_CONV_KERNEL];
  nacre_conv c = nacre_conv_transpose_describe(
    params, output_padding, run->batch, run->in[0].dim + 1,
    kernel->dim[params->axes]);
  c.w = nacre_data(kernel);
  c.scratch = nacre_data(&run->scratch[NACRE_CONV_SCRATCH]);
  return c;
}

/** out = act(in * kernel transposed + bias) */
static inline void nacre_conv_transpose_forward(
  nacre_run *run, const nacre_conv_params *params,
  nacre_ints output_padding) {
  nacre_conv c = nacre_conv_transpose_bind(run, params, output_padding);
  c.y = nacre_data(&run->in[0]);
  c.x = nacre_data(&run->out[0]);
  c.bias = nacre_data(&run->weight[NACRE_CONV_BIAS]); /* [filters] */
  c.act = run->epilogue;
  run->math->conv_data(run->math, &c);
}

/** dkernel += of dout and in, dbias += sums of dout, din = dout * kernel. */
static inline void nacre_conv_transpose_backward(
  nacre_run *run, const nacre_conv_params *params,
  nacre_ints output_padding) {
  const nacre_math *math = run->math;
  nacre_conv c = nacre_conv_transpose_bind(run, params, output_padding);
  c.x = nacre_data(&run->dout[0]);
  if (run->dweight[NACRE_CONV_KERNEL].data) {
    nacre_conv of_kernel = c;
    of_kernel.y = nacre_data(&run->in[0]);
    of_kernel.w = nacre_data(&run->dweight[NACRE_CONV_KERNEL]);
    math->conv_weights(math, &of_kernel);
  }
  if (run->dweight[NACRE_CONV_BIAS].data) {
    math->col_sum(math, nacre_tensor_count(&run->dout[0]) / c.channels,
                  c.channels, c.x,
                  nacre_data(&run->dweight[NACRE_CONV_BIAS]));
  }
  if (run->din[0].data) {
    c.y = nacre_data(&run->din[0]);
    math->conv(math, &c);
  }
}

#endif
