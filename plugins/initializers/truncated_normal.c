/* SPDX-License-Identifier: MIT */
/* truncated_normal: normal distribution, cut off at two deviations. */
#include <nacre/plugin.h>

#include "normal.h"

typedef struct truncated_normal {
  double mean, stddev;
} truncated_normal;

static int fill(const nacre_init_run *run) {
  const truncated_normal *cfg = run->cfg;
  nacre_normal_fill(run, cfg->mean, cfg->stddev, NACRE_NORMAL_CUT);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(truncated_normal, mean, "0.0", NULL, "", "Mean.", 0),
  NACRE_PARAM(truncated_normal, stddev, "0.05", "[0,inf)", "",
              "Standard deviation before the cut.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "truncated_normal",
  .summary = "Normal distribution, cut off at two standard deviations",
  .doc = "w = mean + stddev z, z standard normal within [-2, 2]. As Keras's "
         "TruncatedNormal.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(truncated_normal),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(truncated_normal, component)
