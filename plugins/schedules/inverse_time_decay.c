/* SPDX-License-Identifier: MIT */
/* inverse_time_decay: a learning rate that falls as one over the time. */
#include "decay.h"

typedef struct inverse_time_decay {
  double initial_learning_rate; /* NaN: the optimizer's */
  nacre_duration decay_steps;
  double decay_rate;
  bool staircase;
} inverse_time_decay;

static const nacre_param params[] = {
  NACRE_PARAM(inverse_time_decay, initial_learning_rate, "null", "[0,inf)", "",
              "Where it starts; null: the optimizer's learning_rate.", 0),
  NACRE_PARAM(inverse_time_decay, decay_steps, NULL, "(0,inf)", "steps",
              "The unit that time is counted in.", 0),
  NACRE_PARAM(inverse_time_decay, decay_rate, NULL, "[0,inf)", "",
              "How much each unit adds to the divisor.", 0),
  NACRE_PARAM(inverse_time_decay, staircase, "false", NULL, "",
              "Fall at once at the end of each decay_steps.", 0),
};

static double value(const nacre_schedule_run *run) {
  const inverse_time_decay *cfg = run->cfg;
  double start = decay_start(run, cfg->initial_learning_rate);
  double done = (double)run->step / decay_steps_of(run, cfg->decay_steps);
  return start / (1.0 + cfg->decay_rate *
                          (cfg->staircase ? floor(done) : done));
}

static const nacre_schedule_ops ops = {
  .size = sizeof(nacre_schedule_ops),
  .value = value,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_SCHEDULE,
  .contract = 1,
  .name = "inverse_time_decay",
  .summary = "Learning rate that falls as one over the time",
  .doc = "rate = initial_learning_rate / (1 + decay_rate step / decay_steps); "
         "with staircase step / decay_steps is rounded down.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(inverse_time_decay),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(inverse_time_decay, component)
