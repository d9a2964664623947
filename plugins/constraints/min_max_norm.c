/* SPDX-License-Identifier: MIT */
/* min_max_norm: keeps the length of each unit's weights in a range. */
#include <nacre/plugin.h>

#include "norm.h"

typedef struct min_max_norm {
  double min_value, max_value, rate;
  nacre_ints axis;
} min_max_norm;

static double factor(const void *config, double length) {
  const min_max_norm *cfg = config;
  double wanted = length < cfg->min_value ? cfg->min_value : length;
  wanted = wanted > cfg->max_value ? cfg->max_value : wanted;
  wanted = cfg->rate * wanted + (1 - cfg->rate) * length;
  return wanted / (NACRE_NORM_EPSILON + length);
}

static void project(const nacre_math *math, const void *config,
                    const nacre_shape *shape, real *w) {
  (void)math;
  const min_max_norm *cfg = config;
  nacre_norm_project(cfg->axis, shape, w, factor, cfg);
}

static const nacre_param params[] = {
  NACRE_PARAM(min_max_norm, min_value, "0.0", "[0,inf)", "",
              "Smallest length.", 0),
  NACRE_PARAM(min_max_norm, max_value, "1.0", "[0,inf)", "",
              "Largest length.", 0),
  NACRE_PARAM(min_max_norm, rate, "1.0", "[0,1]", "",
              "How much of the way to go at each update.", 0),
  NACRE_PARAM(min_max_norm, axis, "0", NULL, "",
              "Axis or axes along which a vector runs: 0 for the inputs of "
              "one unit of a dense layer.", 0),
};

static const nacre_constraint_ops ops = {
  .size = sizeof(ops), .project = project,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_CONSTRAINT, .contract = 1,
  .name = "min_max_norm",
  .summary = "Keeps the length of each unit's weights in a range",
  .doc = "w = w (rate clip(|w|, min_value, max_value) + (1 - rate) |w|) / |w|, "
         "after each update. As Keras's MinMaxNorm.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(min_max_norm), .ops = &ops,
};

NACRE_COMPONENT_MODULE(min_max_norm, component)
