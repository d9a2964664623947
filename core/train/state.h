/* SPDX-License-Identifier: MIT */
/* state: checkpoints of a training: all that it needs to go on to the same
 * bits, in one file.
 *
 * A state is a safetensors file in the run's checkpoints/: weights by their
 * names, and beside them "optimizer.SLOT.WEIGHT", "gradient.WEIGHT" in the
 * middle of an accumulation, "remembered.WEIGHT" and "best.WEIGHT",
 * "metric.NAME" and "measure.…" of the running epoch, "callback.I.NAME",
 * "training.…" (counters), and "identity.…": hashes of what must be the same
 * where it is read. Orders and random numbers follow from the counters. */
#ifndef NACRE_TRAIN_STATE_H
#define NACRE_TRAIN_STATE_H

#include "train/train.h"

/** Names of files in checkpoints/ that begin so are states. */
#define NACRE_STATE_PREFIX "state-"

/** What nacre_state_resume() found. */
typedef enum nacre_state_found {
  NACRE_STATE_NONE,    /* no checkpoint: the training is at its start */
  NACRE_STATE_RESTORED /* the trainer is where the checkpoint was written */
} nacre_state_found;

/** Writes the state as it is between two steps, or at the end of an epoch,
 *  by the safe protocol; when it has been read back, older ones go until
 *  `train.checkpoint.keep` are left, and so do those that a training which
 *  has been resumed before them left behind. Without a run directory nothing
 *  is done. */
int nacre_state_save(nacre_trainer *);
/** Puts the newest state of the run directory that is whole into a trainer
 *  that has just been made, and cuts the logs back to it. A damaged one is
 *  passed over with a warning. A state of another experiment, other data or
 *  another kind of build is a problem (NACRE_EMODEL), and so is a run whose
 *  states are all damaged. */
int nacre_state_resume(nacre_trainer *, nacre_state_found *);
/** Whether a run directory holds any state, whole or not; also where that
 *  cannot be found out, since reading them will then say why. */
bool nacre_state_exists(const nacre_rundir *);
/** Removes all states of a run that has come to its end, unless the
 *  experiment asks for checkpoints. */
void nacre_state_clear(const nacre_trainer *);

/* Of state.c. */
int nacre_state_write(nacre_trainer *, const char *path);
/** NACRE_DECLINE: the file is damaged, `error` says how, and the trainer is
 *  as it was. NACRE_ERROR: it is whole, but not of this training. */
int nacre_state_read(nacre_trainer *, const char *path, nacre_error *);

/* Of state_identity.c. */

/** A hash of one thing that must be the same when a training goes on. */
struct nacre_identity {
  const char *name; /* "config.model", "data", "components", "program" */
  nacre_hash hash;
};
typedef struct nacre_identity nacre_identity;

/** Lists them once, in the experiment's arena, ending with name NULL; NULL
 *  with a problem. */
const nacre_identity *nacre_state_identity(nacre_trainer *);
/** Compares with those of a state; a difference is a problem at `path`. */
int nacre_state_compare(nacre_trainer *, const nacre_tensors *,
                        const char *path, nacre_error *);
/** "float" or "double". */
const char *nacre_state_precision(void);

#endif
