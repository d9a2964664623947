/* SPDX-License-Identifier: MIT */
/* he_normal: cut normal, variance 2 / fan_in. */
#include <nacre/plugin.h>

#include "fan.h"

static int fill(const nacre_init_run *run) {
  return nacre_fan_fill_normal(run, 2.0, NACRE_FAN_IN);
}

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "he_normal",
  .summary = "He's normal distribution, for relu",
  .doc = "Normal cut off at two standard deviations, variance 2 / fan_in "
         "after the cut.\n\n"
         "As Keras's. He, Zhang, Ren and Sun, \"Delving deep into "
         "rectifiers\", ICCV 2015.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(he_normal, component)
