/* SPDX-License-Identifier: MIT */
/* global_average_pooling1d: the mean of each channel over all steps that
 * count. */
#include "average_pooling.h"

#include "global_pooling.h"

static int plan(nacre_plan *plan) {
  return nacre_global_pooling_plan(plan, 1);
}

/* out += share times those rows of x that count. x: [steps, channels], mask:
 * [steps]. */
NACRE_KERNEL
static void add_rows(int64_t steps, int64_t channels, const real *mask,
                     real share, const real *x, real *out) {
  for (int64_t i = 0; i < steps; i++) {
    if (mask[i] > 0) {
      for (int64_t j = 0; j < channels; j++) {
        out[j] += share * x[i * channels + j];
      }
    }
  }
}

/* dx[i] = share dy for the steps that count, 0 for others. */
NACRE_KERNEL
static void give_rows(int64_t steps, int64_t channels, const real *mask,
                      real share, const real *dy, real *dx) {
  for (int64_t i = 0; i < steps; i++) {
    real factor = mask[i] > 0 ? share : 0;
    for (int64_t j = 0; j < channels; j++) {
      dx[i * channels + j] = factor * dy[j];
    }
  }
}

/* The share of each step that counts; without any the mean is 0. */
static real share_of(int64_t steps, const real *mask) {
  real count = 0;
  for (int64_t i = 0; i < steps; i++) {
    count += mask[i];
  }
  return count > 0 ? 1 / count : 0;
}

static void forward_samples(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  int64_t steps = run->in[0].dim[1], channels = run->in[0].dim[2];
  for (int64_t i = begin; i < end; i++) {
    const real *mask = nacre_data(&run->mask[0]) + i * steps;
    real *y = nacre_data(&run->out[0]) + i * channels;
    for (int64_t j = 0; j < channels; j++) {
      y[j] = 0;
    }
    add_rows(steps, channels, mask, share_of(steps, mask),
             nacre_data(&run->in[0]) + i * steps * channels, y);
  }
}

static void backward_samples(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  int64_t steps = run->din[0].dim[1], channels = run->din[0].dim[2];
  for (int64_t i = begin; i < end; i++) {
    const real *mask = nacre_data(&run->mask[0]) + i * steps;
    give_rows(steps, channels, mask, share_of(steps, mask),
              nacre_data(&run->dout[0]) + i * channels,
              nacre_data(&run->din[0]) + i * steps * channels);
  }
}

static void forward(nacre_run *run) {
  nacre_pooling pool = nacre_global_pooling_of(&run->in[0]);
  if (run->mask[0].data) {
    nacre_tiles_run(run->math, run->batch,
                    nacre_tiles_rows(pool.cols.in * pool.channels),
                    forward_samples, run);
  } else {
    nacre_pooling_forward(run, &pool, nacre_average_forward_tile);
  }
}

static void backward(nacre_run *run) {
  nacre_pooling pool = nacre_global_pooling_of(&run->din[0]);
  if (run->din[0].data && run->mask[0].data) {
    nacre_tiles_run(run->math, run->batch,
                    nacre_tiles_rows(pool.cols.in * pool.channels),
                    backward_samples, run);
  } else {
    nacre_pooling_backward(run, &pool, nacre_average_by_row,
                           nacre_average_by_sample);
  }
}

static const nacre_param params[] = {
  NACRE_GLOBAL_POOLING_PARAMS(nacre_global_pooling),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_MASK_READ,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "global_average_pooling1d",
  .summary = "The mean of each channel over all steps",
  .doc = "Input [steps, channels], output [channels], or [1, channels] with "
         "keepdims. Steps that are masked do not count; without any that "
         "does the mean is 0.\n\n"
         "As Keras's GlobalAveragePooling1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(nacre_global_pooling),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(global_average_pooling1d, component)
