/* SPDX-License-Identifier: MIT */
/* max_norm: bounds the length of each unit's weights. */
#include <nacre/plugin.h>

#include "norm.h"

typedef struct max_norm {
  double max_value;
  nacre_ints axis;
} max_norm;

static double factor(const void *config, double length) {
  const max_norm *cfg = config;
  double wanted = length > cfg->max_value ? cfg->max_value : length;
  return wanted / (NACRE_NORM_EPSILON + length);
}

static void project(const nacre_math *math, const void *config,
                    const nacre_shape *shape, real *w) {
  (void)math;
  const max_norm *cfg = config;
  nacre_norm_project(cfg->axis, shape, w, factor, cfg);
}

static const nacre_param params[] = {
  NACRE_PARAM(max_norm, max_value, "2", "[0,inf)", "", "Largest length.", 0),
  NACRE_PARAM(max_norm, axis, "0", NULL, "",
              "Axis or axes along which a vector runs: 0 for the inputs of "
              "one unit of a dense layer.", 0),
};

static const nacre_constraint_ops ops = {
  .size = sizeof(ops), .project = project,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_CONSTRAINT, .contract = 1,
  .name = "max_norm", .summary = "Bounds the length of each unit's weights",
  .doc = "w = w min(|w|, max_value) / |w|, after each update. As Keras's "
         "MaxNorm. Srivastava et al., \"Dropout: a simple way to prevent "
         "neural networks from overfitting\", JMLR 15 (2014).",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(max_norm), .ops = &ops,
};

NACRE_COMPONENT_MODULE(max_norm, component)
