/* SPDX-License-Identifier: MIT */
/* constant: one learning rate from the first step to the last. */
#include "decay.h"

typedef struct constant {
  double initial_learning_rate; /* NaN: the optimizer's */
} constant;

static const nacre_param params[] = {
  NACRE_PARAM(constant, initial_learning_rate, "null", "[0,inf)", "",
              "The rate; null: the optimizer's learning_rate.", 0),
};

static double value(const nacre_schedule_run *run) {
  const constant *cfg = run->cfg;
  return decay_start(run, cfg->initial_learning_rate);
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "constant",
  .summary = "One learning rate throughout",
  .doc = "rate = initial_learning_rate at every step.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(constant),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(constant, component)
