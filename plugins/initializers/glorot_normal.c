/* SPDX-License-Identifier: MIT */
/* glorot_normal: cut normal, variance 2 / (fan_in + fan_out). */
#include <nacre/plugin.h>

#include "fan.h"

static int fill(const nacre_init_run *run) {
  return nacre_fan_fill_normal(run, 1.0, NACRE_FAN_AVG);
}

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "glorot_normal",
  .summary = "Glorot's normal distribution",
  .doc = "Normal cut off at two standard deviations, variance "
         "2 / (fan_in + fan_out) after the cut.\n\n"
         "As Keras's. Glorot and Bengio, \"Understanding the difficulty of "
         "training deep feedforward neural networks\", AISTATS 2010.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(glorot_normal, component)
