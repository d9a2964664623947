/* SPDX-License-Identifier: MIT */
/* steps: the calls of a program that are the core's own. Each finds what it
 * needs in the nacre_run that program.c bound for it. */
#ifndef NACRE_RUN_STEPS_H
#define NACRE_RUN_STEPS_H

#include "run/program.h"

/** in[0] through the activation `self` to out[0]. */
void nacre_step_activate(nacre_run *);
/** din[0] = derivative of the activation `self` at in[0], times dout[0]. */
void nacre_step_derive(nacre_run *);
/** Loss of the nacre_bound_head `self`: value, gradient, prediction. */
void nacre_step_loss(nacre_run *);
/** out[0] += in[0]; out[0] = in[0]; out[0] = 0. */
void nacre_step_add(nacre_run *);
void nacre_step_copy(nacre_run *);
void nacre_step_zero(nacre_run *);

#endif
