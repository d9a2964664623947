/* SPDX-License-Identifier: MIT */
/* decay.h: what schedules that fall from somewhere over some time share. */
#ifndef NACRE_SCHEDULES_DECAY_H
#define NACRE_SCHEDULES_DECAY_H

#include <math.h>
#include <nacre/plugin.h>

/* Steps that a duration stands for in this training. */
static inline double decay_steps_of(const nacre_schedule_run *run,
                                    nacre_duration duration) {
  return duration.unit == 1 ? duration.count * (double)run->steps_per_epoch
                            : duration.count;
}

/* An initial_learning_rate of null arrives as NaN: the optimizer's. */
static inline double decay_start(const nacre_schedule_run *run,
                                 double initial_learning_rate) {
  return isnan(initial_learning_rate) ? run->base : initial_learning_rate;
}

#endif
