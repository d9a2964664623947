/* SPDX-License-Identifier: MIT */
/* judge: a trained model measured again, on any part of the data. */
#ifndef NACRE_TRAIN_JUDGE_H
#define NACRE_TRAIN_JUDGE_H

#include "train/train.h"

/** Puts weights from a file into a trainer's model, and what its transforms
 *  had learned into their pipes, in place of what the trainer has fitted. */
int nacre_judge_load(nacre_trainer *, const char *weights);
/** Joins a split to a program that takes losses. */
int nacre_pass_make(nacre_pass_over *, nacre_trainer *, nacre_program *,
                    const nacre_split *);
/** Prepares a pass over a split that is to be measured. The split must
 *  outlive it. */
int nacre_judge_open(nacre_pass_over *, nacre_trainer *,
                     const nacre_split *);
void nacre_judge_close(nacre_pass_over *);
/** Runs it; the numbers stand in pass->measure. When the trainer is
 *  `interrupted` it ended early, and they are worth nothing. */
int nacre_judge_run(nacre_trainer *, nacre_pass_over *);
/** Runs it and lists its numbers, named with `prefix`, in the arena; returns
 *  how many, 0 if the pass was not opened, -1 with a problem. When the
 *  trainer is `interrupted` they are worth nothing. */
int nacre_judge_numbers(nacre_trainer *, nacre_pass_over *,
                        const char *prefix, nacre_log_item **items);

#endif
