/* SPDX-License-Identifier: MIT */
/* variance_scaling: variance scale / fan, of a chosen distribution. */
#include <nacre/plugin.h>

#include "fan.h"

typedef struct variance_scaling {
  double scale;
  nacre_enum mode, distribution;
} variance_scaling;

/* Indices into the words of `distribution`; those of `mode` are
 * nacre_fan_mode's. */
enum { TRUNCATED, UNTRUNCATED, UNIFORM };

static int fill(const nacre_init_run *run) {
  const variance_scaling *cfg = run->cfg;
  int mode = cfg->mode.value;
  if (cfg->distribution.value == UNIFORM) {
    return nacre_fan_fill_uniform(run, cfg->scale, mode);
  }
  if (cfg->distribution.value == TRUNCATED) {
    return nacre_fan_fill_normal(run, cfg->scale, mode);
  }
  nacre_normal_fill(run, 0, sqrt(nacre_fan_variance(run, cfg->scale, mode)),
                    NACRE_NORMAL_WHOLE);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(variance_scaling, scale, "1.0", "(0,inf)", "",
              "Variance times fan.", 0),
  NACRE_PARAM(variance_scaling, mode, "fan_in", "fan_in|fan_out|fan_avg", "",
              "Which fan: inputs, outputs or the mean of both.", 0),
  NACRE_PARAM(variance_scaling, distribution, "truncated_normal",
              "truncated_normal|untruncated_normal|uniform", "",
              "Distribution of that variance; truncated_normal is cut off at "
              "two standard deviations.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "variance_scaling",
  .summary = "Variance scale / fan, of a chosen distribution",
  .doc = "The glorot, he and lecun initializers are its special cases: "
         "glorot is scale 1, fan_avg; he is scale 2, fan_in; lecun is scale "
         "1, fan_in.\n\n"
         "As Keras's VarianceScaling.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(variance_scaling),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(variance_scaling, component)
