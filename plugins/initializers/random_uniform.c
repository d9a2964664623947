/* SPDX-License-Identifier: MIT */
/* random_uniform: uniform between two limits. */
#include <nacre/plugin.h>

#include "fan.h"

typedef struct random_uniform {
  double minval, maxval;
} random_uniform;

static int fill(const nacre_init_run *run) {
  const random_uniform *cfg = run->cfg;
  if (cfg->minval > cfg->maxval) {
    run->fail->fail(run->fail, NULL, "minval %g is greater than maxval %g",
                    cfg->minval, cfg->maxval);
    return NACRE_ERROR;
  }
  nacre_fan_uniform(run, cfg->minval, cfg->maxval);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(random_uniform, minval, "-0.05", NULL, "", "Lower limit.", 0),
  NACRE_PARAM(random_uniform, maxval, "0.05", NULL, "", "Upper limit.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "random_uniform", .aliases = "uniform",
  .summary = "Uniform between two limits",
  .doc = "w uniform in [minval, maxval). As Keras's RandomUniform.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(random_uniform),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_uniform, component)
