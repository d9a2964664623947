/* SPDX-License-Identifier: MIT */
/* conv: what the layers of convolutions share: reading their parameters,
 * extents by Keras's rules of padding, and the runs themselves. */
#ifndef NACRE_LAYERS_CONV_H
#define NACRE_LAYERS_CONV_H

#include <nacre/plugin.h>

#define NACRE_CONV_VALID 0
#define NACRE_CONV_SAME 1
#define NACRE_CONV_CAUSAL 2 /* zeros in front alone: no look ahead */

enum { NACRE_CONV_KERNEL, NACRE_CONV_BIAS }; /* weights */
enum {
  NACRE_CONV_SCRATCH,
  NACRE_CONV_PREPARED /* of forward: kept from call to call */
};

static const char *const nacre_conv_axis[3] = { "depth", "height", "width" };

/** Parameters of a layer over `axes` (1 to 3) axes. */
typedef struct nacre_conv_params {
  int32_t axes, padding;
  nacre_ints kernel_size, strides, dilation_rate;
  int64_t groups;
} nacre_conv_params;

/** Number `axis` of a list of one for all, or one for each. */
static inline int64_t nacre_conv_item(nacre_ints list, int axis) {
  return list.n == 1 ? list.at[0] : list.at[axis];
}

/** Refuses a list of another length. */
static inline int nacre_conv_check_list(nacre_plan *plan, const char *name,
                                        nacre_ints list, int axes) {
  if (list.n == 1 || list.n == axes) {
    return NACRE_OK;
  }
  return nacre_plan_refuse(
    plan, "%s has %lld numbers; there are %d axes, so give one for all%s",
    name, (long long)list.n, axes, axes > 1 ? " or one for each" : "");
}

/** Refuses an input that is not [extents..., channels], and lists that do
 *  not fit it. */
static inline int nacre_conv_check(nacre_plan *plan,
                                   const nacre_conv_params *params) {
  static const char *const wanted[] = { "[steps, channels]",
                                        "[height, width, channels]",
                                        "[depth, height, width, channels]" };
  const nacre_shape *in = &plan->input[0];
  if (in->rank != params->axes + 1) {
    return nacre_plan_refuse(
      plan, "the input has %d ax%s; it must be %s, which a reshape before "
      "it can give", (int)in->rank, in->rank == 1 ? "is" : "es",
      wanted[params->axes - 1]);
  }
  if (nacre_conv_check_list(plan, "kernel_size", params->kernel_size,
                            params->axes) != NACRE_OK ||
      nacre_conv_check_list(plan, "strides", params->strides,
                            params->axes) != NACRE_OK ||
      nacre_conv_check_list(plan, "dilation_rate", params->dilation_rate,
                            params->axes) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

/** Sets out[axis] and before[axis]. */
static inline void nacre_conv_place(nacre_conv *c, int axis,
                                    int32_t padding) {
  const int64_t in = c->in[axis], stride = c->stride[axis];
  const int64_t span = (c->kernel[axis] - 1) * c->dilation[axis] + 1;
  c->before[axis] = 0;
  if (padding == NACRE_CONV_VALID) {
    c->out[axis] = (in - span) / stride + 1;
    return;
  }
  c->out[axis] = (in - 1) / stride + 1;
  const int64_t need = (c->out[axis] - 1) * stride + span;
  if (padding == NACRE_CONV_CAUSAL) {
    c->before[axis] = span - 1;
  } else if (need > in) {
    c->before[axis] = (need - in) / 2; /* the odd zero goes behind */
  }
}

/** A convolution over an input of in[], [extents..., channels], which has
 *  been checked, into `filters`. Pointers are NULL. */
static inline nacre_conv nacre_conv_describe(const nacre_conv_params *params,
                                             int64_t batch, const int64_t *in,
                                             int64_t filters) {
  nacre_conv c = { .size = sizeof c, .batch = batch,
                   .groups = params->groups, .channels = in[params->axes],
                   .filters = filters };
  for (int axis = 0; axis < 3; axis++) {
    c.in[axis] = c.kernel[axis] = c.out[axis] = 1;
    c.stride[axis] = c.dilation[axis] = 1;
  }
  for (int i = 0; i < params->axes; i++) {
    const int axis = 3 - params->axes + i;
    c.in[axis] = in[i];
    c.kernel[axis] = nacre_conv_item(params->kernel_size, i);
    c.stride[axis] = nacre_conv_item(params->strides, i);
    c.dilation[axis] = nacre_conv_item(params->dilation_rate, i);
    nacre_conv_place(&c, axis, params->padding);
  }
  return c;
}

/* Whether the kernel fits along axis i, in numbers that do not overflow. */
static inline int nacre_conv_check_axis(nacre_plan *plan,
                                        const nacre_conv_params *params,
                                        int i) {
  const char *axis = nacre_conv_axis[3 - params->axes + i];
  const int64_t most = INT64_MAX / 8;
  const int64_t in = plan->input[0].dim[i];
  const int64_t kernel = nacre_conv_item(params->kernel_size, i);
  const int64_t dilation = nacre_conv_item(params->dilation_rate, i);
  if (in > most || nacre_conv_item(params->strides, i) > most ||
      kernel - 1 > most / dilation) {
    return nacre_plan_refuse(plan, "the kernel's %s is too large", axis);
  }
  const int64_t span = (kernel - 1) * dilation + 1;
  if (params->padding == NACRE_CONV_VALID && span > in) {
    return nacre_plan_refuse(
      plan, "the kernel's %s%s, %lld, is larger than the input's, %lld: use "
      "padding: same or a smaller kernel", axis,
      dilation > 1 ? ", dilated" : "", (long long)span, (long long)in);
  }
  return NACRE_OK;
}

/* taps times channels, as a fan. */
static inline int64_t nacre_conv_fan(double taps, int64_t channels) {
  const double fan = taps * (double)channels;
  return fan < 9e18 ? (int64_t)fan : INT64_MAX;
}

/** Refuses a kernel that does not fit along some axis. */
static inline int nacre_conv_check_axes(nacre_plan *plan,
                                        const nacre_conv_params *params) {
  int status = NACRE_OK;
  for (int i = 0; i < params->axes && status == NACRE_OK; i++) {
    status = nacre_conv_check_axis(plan, params, i);
  }
  return status;
}

/** Announces kernel [kernel_size..., rows, cols] and bias [filters], and
 *  gives the shape of the output, [extents..., filters], after checking
 *  everything. */
static inline int nacre_conv_plan_weights(nacre_plan *plan,
                                          const nacre_conv_params *params,
                                          int64_t rows, int64_t cols,
                                          int64_t filters, int use_bias,
                                          nacre_shape *out) {
  const nacre_shape *in = &plan->input[0]; /* [extents..., channels] */
  const int axes = params->axes;
  nacre_shape kernel = *in, bias = nacre_shape_1d(filters);
  kernel.rank = axes + 2;
  double taps = 1;
  if (nacre_conv_check_axes(plan, params) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < axes; i++) {
    kernel.dim[i] = nacre_conv_item(params->kernel_size, i);
    taps *= (double)kernel.dim[i];
  }
  kernel.dim[axes] = rows;
  kernel.dim[axes + 1] = cols;
  const int64_t fan_in = nacre_conv_fan(taps, rows);
  const int64_t fan_out = nacre_conv_fan(taps, cols);
  if (nacre_plan_weight(plan, NACRE_CONV_KERNEL, &kernel, fan_in, fan_out) !=
        NACRE_OK ||
      (use_bias && nacre_plan_weight(plan, NACRE_CONV_BIAS, &bias, fan_in,
                                     fan_out) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  nacre_conv c = nacre_conv_describe(params, plan->batch, in->dim, filters);
  *out = *in;
  for (int i = 0; i < axes; i++) {
    out->dim[i] = c.out[3 - axes + i];
  }
  out->dim[axes] = filters;
  return NACRE_OK;
}

/** The same, and the scratch that the device's convolutions need: for forward
 *  no more for many samples than for one. */
static inline int nacre_conv_plan_kernel(nacre_plan *plan,
                                         const nacre_conv_params *params,
                                         int64_t rows, int64_t cols,
                                         int64_t filters, int use_bias,
                                         nacre_shape *out) {
  if (nacre_conv_plan_weights(plan, params, rows, cols, filters, use_bias,
                              out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  /* The kernel can be counted, so its scratch can be described. */
  nacre_conv c = nacre_conv_describe(params, plan->batch,
                                     plan->input[0].dim, filters);
  const nacre_shape scratch = nacre_conv_scratch(&c);
  c.batch = 1;
  const nacre_shape prepared = nacre_conv_scratch(&c);
  if (nacre_plan_scratch(plan, NACRE_CONV_SCRATCH, &scratch, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_scratch(plan, NACRE_CONV_PREPARED, &prepared, NACRE_KEPT);
}

/** Operations of a forward pass: each output sums taps times `channels`. */
static inline void nacre_conv_flops(nacre_plan *plan,
                                    const nacre_conv_params *params,
                                    int64_t channels, int use_bias,
                                    const nacre_shape *out) {
  double each = 2 * (double)channels;
  for (int i = 0; i < params->axes; i++) {
    each *= (double)nacre_conv_item(params->kernel_size, i);
  }
  nacre_plan_flops(plan, (each + (use_bias ? 1 : 0)) *
                           (double)nacre_shape_count(out));
}

/** Refuses what nacre_conv_check() does, and groups that do not come out
 *  even. */
static inline int nacre_conv_check_groups(nacre_plan *plan,
                                          const nacre_conv_params *params,
                                          int64_t filters) {
  if (nacre_conv_check(plan, params) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t channels = nacre_shape_last(&plan->input[0]);
  if (channels % params->groups != 0 || filters % params->groups != 0) {
    return nacre_plan_refuse(
      plan, "groups: %lld must divide the input's channels, %lld, and "
      "filters: %lld", (long long)params->groups, (long long)channels,
      (long long)filters);
  }
  return NACRE_OK;
}

/** The plan of a convolution into `filters`. */
static inline int nacre_conv_plan(nacre_plan *plan,
                                  const nacre_conv_params *params,
                                  int64_t filters, int use_bias) {
  if (nacre_conv_check_groups(plan, params, filters) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const int64_t share =
    nacre_shape_last(&plan->input[0]) / params->groups;
  nacre_shape out;
  if (nacre_conv_plan_kernel(plan, params, share, filters, filters, use_bias,
                             &out) != NACRE_OK ||
      nacre_plan_output(plan, &out) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_conv_flops(plan, params, share, use_bias, &out);
  return NACRE_OK;
}

/** The convolution of a run, with its tensors of forward. */
static inline nacre_conv nacre_conv_bind(const nacre_run *run,
                                         const nacre_conv_params *params) {
  const nacre_tensor *kernel = &run->weight[NACRE_CONV_KERNEL];
  const nacre_tensor *out = &run->out[0];
  nacre_conv c = nacre_conv_describe(params, run->batch, run->in[0].dim + 1,
                                     out->dim[out->rank - 1]);
  c.x = nacre_data(&run->in[0]);
  c.w = nacre_data(kernel);
  c.scratch = nacre_data(&run->scratch[NACRE_CONV_SCRATCH]);
  return c;
}

/** Of forward: what has been prepared of a kernel need not be done again. */
static inline void nacre_conv_use_prepared(const nacre_run *run,
                                           nacre_conv *c) {
  c->flags |= (run->flags & NACRE_RUN_KEPT) != 0 ? NACRE_CONV_KEPT : 0;
  c->scratch = nacre_data(&run->scratch[NACRE_CONV_PREPARED]);
}

/** out = act(in * kernel + bias) */
static inline void nacre_conv_forward(nacre_run *run,
                                      const nacre_conv_params *params) {
  nacre_conv c = nacre_conv_bind(run, params);
  nacre_conv_use_prepared(run, &c);
  c.y = nacre_data(&run->out[0]);
  c.bias = nacre_data(&run->weight[NACRE_CONV_BIAS]); /* [filters] */
  c.act = run->epilogue;
  run->math->conv(run->math, &c);
}

/** dkernel += of in and dout, dbias += sums of dout, din = dout * kernel
 *  transposed. */
static inline void nacre_conv_backward(nacre_run *run,
                                       const nacre_conv_params *params) {
  const nacre_math *math = run->math;
  nacre_conv c = nacre_conv_bind(run, params);
  c.y = nacre_data(&run->dout[0]);
  if (run->dweight[NACRE_CONV_KERNEL].data) {
    nacre_conv of_kernel = c;
    of_kernel.w = nacre_data(&run->dweight[NACRE_CONV_KERNEL]);
    math->conv_weights(math, &of_kernel);
  }
  if (run->dweight[NACRE_CONV_BIAS].data) {
    math->col_sum(math, nacre_tensor_count(&run->dout[0]) / c.filters,
                  c.filters, c.y, nacre_data(&run->dweight[NACRE_CONV_BIAS]));
  }
  if (run->din[0].data) {
    c.x = nacre_data(&run->din[0]);
    math->conv_data(math, &c);
  }
}

#endif
