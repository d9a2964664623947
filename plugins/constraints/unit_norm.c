/* SPDX-License-Identifier: MIT */
/* unit_norm: makes the length of each unit's weights 1. */
#include <nacre/plugin.h>

#include "norm.h"

typedef struct unit_norm {
  nacre_ints axis;
} unit_norm;

static double factor(const void *cfg, double length) {
  (void)cfg;
  return 1 / (NACRE_NORM_EPSILON + length);
}

static void project(const nacre_math *math, const void *config,
                    const nacre_shape *shape, real *w) {
  (void)math;
  const unit_norm *cfg = config;
  nacre_norm_project(cfg->axis, shape, w, factor, cfg);
}

static const nacre_param params[] = {
  NACRE_PARAM(unit_norm, axis, "0", NULL, "",
              "Axis or axes along which a vector runs: 0 for the inputs of "
              "one unit of a dense layer.", 0),
};

static const nacre_constraint_ops ops = {
  .size = sizeof(ops), .project = project,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_CONSTRAINT, .contract = 1,
  .name = "unit_norm", .summary = "Makes the length of each unit's weights 1",
  .doc = "w = w / |w|, after each update. As Keras's UnitNorm.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(unit_norm), .ops = &ops,
};

NACRE_COMPONENT_MODULE(unit_norm, component)
