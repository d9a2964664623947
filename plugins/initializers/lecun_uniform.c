/* SPDX-License-Identifier: MIT */
/* lecun_uniform: uniform, variance 1 / fan_in. */
#include <nacre/plugin.h>

#include "fan.h"

static int fill(const nacre_init_run *run) {
  return nacre_fan_fill_uniform(run, 1.0, NACRE_FAN_IN);
}

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "lecun_uniform",
  .summary = "LeCun's uniform distribution",
  .doc = "Uniform in [-l, l) with l = sqrt(3 / fan_in).\n\n"
         "As Keras's. LeCun, Bottou, Orr and Müller, \"Efficient BackProp\", "
         "1998.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(lecun_uniform, component)
