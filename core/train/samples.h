/* SPDX-License-Identifier: MIT */
/* samples: an experiment's data, opened, split and fitted. */
#ifndef NACRE_TRAIN_SAMPLES_H
#define NACRE_TRAIN_SAMPLES_H

#include "experiment/experiment.h"

/** What an opened experiment's data are. */
typedef struct nacre_samples {
  nacre_experiment *experiment;
  nacre_dataset set[3];      /* training, validation, test; some unopened */
  nacre_split train, validation, test; /* n 0: there is none */
  nacre_pipe *pipe;          /* one for each field of the training set */
  int n_pipes;
  nacre_bytes state;         /* of the training source */
} nacre_samples;

/** Opens the data, splits them, fits the transforms, and plans the model if
 *  that had to wait. parts: which of validation and test are wanted too. */
#define NACRE_PART_VALIDATION 1u
#define NACRE_PART_TEST 2u
int nacre_samples_open(nacre_samples *, nacre_experiment *, uint32_t parts);
void nacre_samples_close(nacre_samples *);
/** The pipes of the heads' targets, NULL where a head has none. [heads], in
 *  the arena. */
const nacre_pipe **nacre_samples_targets(const nacre_samples *);

#endif
