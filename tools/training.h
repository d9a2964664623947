/* SPDX-License-Identifier: MIT */
/* training: a training from its making to its outcome, in a new run directory
 * or in one that it goes on in. */
#ifndef NACRE_TOOLS_TRAINING_H
#define NACRE_TOOLS_TRAINING_H

#include "cli.h"
#include "progress.h"

/** Lets the first SIGINT, SIGTERM or SIGUSR1 end the training after its
 *  step, saved; the second has its usual effect. To be called first. */
void training_catch_signals(void);
/** Trains the session's experiment and tells the outcome. `older` is the
 *  open directory of the run that it goes on with; NULL: it begins one.
 *  Words behind the first of `args` are settings. Returns the exit code. */
int training_run(cli_session *, const cli_args *, progress *,
                 nacre_rundir *older);

#endif
