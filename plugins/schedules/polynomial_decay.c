/* SPDX-License-Identifier: MIT */
/* polynomial_decay: a learning rate that falls to an end along a power. */
#include "decay.h"

typedef struct polynomial_decay {
  double initial_learning_rate; /* NaN: the optimizer's */
  nacre_duration decay_steps;   /* 0: the whole training */
  double end_learning_rate, power;
  bool cycle;
} polynomial_decay;

static const nacre_param params[] = {
  NACRE_PARAM(polynomial_decay, initial_learning_rate, "null", "[0,inf)", "",
              "Where it starts; null: the optimizer's learning_rate.", 0),
  NACRE_PARAM(polynomial_decay, decay_steps, "0", "[0,inf)", "steps",
              "How long it falls; 0: the whole training.", 0),
  NACRE_PARAM(polynomial_decay, end_learning_rate, "0.0001", "[0,inf)", "",
              "Where it ends.", 0),
  NACRE_PARAM(polynomial_decay, power, "1", "(0,inf)", "",
              "The exponent; 1 is a straight line.", 0),
  NACRE_PARAM(polynomial_decay, cycle, "false", NULL, "",
              "At the end, start again with a fall that lasts longer.", 0),
};

static double value(const nacre_schedule_run *run) {
  const polynomial_decay *cfg = run->cfg;
  double start = decay_start(run, cfg->initial_learning_rate);
  double end = cfg->end_learning_rate;
  double step = (double)run->step;
  double length = cfg->decay_steps.count > 0.0
                    ? decay_steps_of(run, cfg->decay_steps)
                    : (double)run->total_steps;
  if (cfg->cycle && step > 0.0) {
    length *= ceil(step / length);
  }
  double left = step < length ? 1.0 - step / length : 0.0;
  return (start - end) * pow(left, cfg->power) + end;
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "polynomial_decay",
  .summary = "Learning rate that falls to an end along a power",
  .doc =
    "rate = (initial_learning_rate - end_learning_rate) "
    "(1 - step / decay_steps)^power + end_learning_rate, and "
    "end_learning_rate after decay_steps. With cycle, decay_steps grows to "
    "its next multiple each time that it is over.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(polynomial_decay),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(polynomial_decay, component)
