/* SPDX-License-Identifier: MIT */
/* random_normal: normal distribution. */
#include <nacre/plugin.h>

#include "normal.h"

typedef struct random_normal {
  double mean, stddev;
} random_normal;

static int fill(const nacre_init_run *run) {
  const random_normal *cfg = run->cfg;
  nacre_normal_fill(run, cfg->mean, cfg->stddev, NACRE_NORMAL_WHOLE);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(random_normal, mean, "0.0", NULL, "", "Mean.", 0),
  NACRE_PARAM(random_normal, stddev, "0.05", "[0,inf)", "",
              "Standard deviation.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "random_normal", .aliases = "normal",
  .summary = "Normal distribution",
  .doc = "w = mean + stddev z, z standard normal. As Keras's RandomNormal.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(random_normal), .ops = &ops,
};

NACRE_COMPONENT_MODULE(random_normal, component)
