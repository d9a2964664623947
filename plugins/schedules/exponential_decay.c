/* SPDX-License-Identifier: MIT */
/* exponential_decay: a learning rate that shrinks by a constant factor. */
#include "decay.h"

typedef struct exponential_decay {
  double initial_learning_rate; /* NaN: the optimizer's */
  nacre_duration decay_steps;
  double decay_rate;
  bool staircase;
} exponential_decay;

static const nacre_param params[] = {
  NACRE_PARAM(exponential_decay, initial_learning_rate, "null", "[0,inf)", "",
              "Where it starts; null: the optimizer's learning_rate.", 0),
  NACRE_PARAM(exponential_decay, decay_steps, NULL, "(0,inf)", "steps",
              "How long each factor takes.", 0),
  NACRE_PARAM(exponential_decay, decay_rate, NULL, "(0,inf)", "",
              "The factor.", 0),
  NACRE_PARAM(exponential_decay, staircase, "false", NULL, "",
              "Shrink at once at the end of each decay_steps.", 0),
};

static double value(const nacre_schedule_run *run) {
  const exponential_decay *cfg = run->cfg;
  double start = decay_start(run, cfg->initial_learning_rate);
  double done = (double)run->step / decay_steps_of(run, cfg->decay_steps);
  return start * pow(cfg->decay_rate, cfg->staircase ? floor(done) : done);
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "exponential_decay",
  .summary = "Learning rate that shrinks by a constant factor",
  .doc = "rate = initial_learning_rate decay_rate^(step / decay_steps); with "
         "staircase the exponent is rounded down.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(exponential_decay),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(exponential_decay, component)
