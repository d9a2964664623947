/* SPDX-License-Identifier: MIT */
/* conv2d: parameters and weights of the layer conv2d, which every provider of
 * it must have alike. */
#ifndef NACRE_LAYERS_CONV2D_H
#define NACRE_LAYERS_CONV2D_H

#include "conv.h"

typedef struct conv2d {
  int64_t filters;
  nacre_ints kernel_size, strides;
  nacre_enum padding;
  nacre_ints dilation_rate;
  int64_t groups;
  bool use_bias;
} conv2d;

static inline nacre_conv_params conv2d_params(const void *config) {
  const conv2d *cfg = config;
  return (nacre_conv_params){ 2, cfg->padding.value, cfg->kernel_size,
                              cfg->strides, cfg->dilation_rate,
                              cfg->groups };
}

static const nacre_param conv2d_table[] = {
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

static const nacre_weight conv2d_weights[] = {
  { "kernel", "glorot_uniform",
    "Weights, [kernel height, kernel width, channels / groups, filters].", 0,
    0 },
  { "bias", "zeros", "Added to every pixel, [filters].", 0, 0 },
};

#endif
