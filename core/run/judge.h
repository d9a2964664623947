/* SPDX-License-Identifier: MIT */
/* judge: a trained model measured again, on any part of the data. */
#ifndef NACRE_RUN_JUDGE_H
#define NACRE_RUN_JUDGE_H

#include "run/train.h"

/** Puts weights from a file into a trainer's model, and what its transforms
 *  had learned into their pipes, in place of what the trainer has fitted. */
int nacre_judge_load(nacre_trainer *, const char *weights);
/** Prepares a pass over a split for nacre_trainer_evaluate(), after
 *  nacre_judge_load(). The split must outlive it. */
int nacre_judge_open(nacre_pass_over *, nacre_trainer *,
                     const nacre_split *);
void nacre_judge_close(nacre_pass_over *);

#endif
