/* SPDX-License-Identifier: MIT */
/* sections: what the files that read an experiment's sections share. Not for
 * others. */
#ifndef NACRE_EXPERIMENT_SECTIONS_H
#define NACRE_EXPERIMENT_SECTIONS_H

#include "experiment/experiment.h"

/** Reads `data:`; the batch size of `train:` must have been read. */
int nacre_experiment_read_data(nacre_experiment *, nacre_node *data);

/** Reads `train:`, which may be NULL. */
int nacre_experiment_read_train(nacre_experiment *, nacre_node *train);

/** Reads `memory:`, which may be NULL. */
int nacre_experiment_read_memory(nacre_experiment *, nacre_node *memory);

#endif
