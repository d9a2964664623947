/* SPDX-License-Identifier: MIT */
/* train: the loop over epochs and steps.
 *
 * A trainer owns what a training needs; it can be driven by whole trainings,
 * epochs or single steps. It prints nothing: an observer hears of progress. */
#ifndef NACRE_TRAIN_TRAIN_H
#define NACRE_TRAIN_TRAIN_H

#include "experiment/footprint.h"
#include "run/checkpoint.h"
#include "run/feed.h"
#include "run/profile.h"
#include "run/rundir.h"
#include "train/samples.h"

#include <signal.h>

/** What an observer is told. */
typedef enum nacre_event {
  NACRE_EVENT_STEP,  /* now and then within an epoch */
  NACRE_EVENT_EPOCH, /* an epoch's numbers are complete */
  NACRE_EVENT_NOTE   /* a callback has something to say */
} nacre_event;

typedef struct nacre_progress {
  nacre_event event;
  int64_t epoch, epochs;    /* of the running epoch, from 1 */
  int64_t batch, batches;   /* done in this epoch */
  double loss;              /* of the epoch so far */
  double seconds;           /* since training began */
  const nacre_log_item *log;
  int n_logs;
  const char *note;
  nacre_hash digest;        /* of the weights, if asked for */
} nacre_progress;

typedef struct nacre_train_options {
  int64_t threads;          /* 0: as many as there are */
  const char *cpu_level;
  nacre_rundir *dir;        /* where to write; NULL: nowhere */
  bool digest;
  const volatile sig_atomic_t *interrupt; /* stop after the running step,
                               of training or evaluation; NULL: never */
  void (*observe)(void *, const nacre_progress *);
  void *observer;
} nacre_train_options;

/** A callback and its state. */
typedef struct nacre_bound_callback {
  const nacre_choice *choice;
  const nacre_callback_ops *ops;
  void *state;
} nacre_bound_callback;

/** A pass over one part of the data with losses and metrics. */
typedef struct nacre_pass_over {
  nacre_feed feed;
  nacre_measure measure;
  bool ready;
} nacre_pass_over;

typedef struct nacre_trainer {
  nacre_experiment *experiment;
  nacre_train_options options;
  nacre_samples samples;
  nacre_device device;
  nacre_model model;
  nacre_footprint footprint; /* its layout goes to the program */
  nacre_program program;    /* training steps */
  nacre_program judge;      /* evaluation */
  nacre_pass_over training, validation, test;
  nacre_optimizer optimizer;
  nacre_class_weights *class_weight;
  int64_t *order;           /* of the epoch: positions in the split */
  nacre_key shuffle, augment; /* streams; their tags follow the epoch */
  int64_t epoch;            /* finished */
  int64_t at;               /* position in the running epoch */
  int64_t batches;          /* of an epoch */
  nacre_log_item *log;
  int n_logs;
  bool logged;              /* log[] has the numbers of some epoch */
  bool validated;           /* this epoch has numbers of validation */
  real *remembered;         /* weights, by callbacks; host; NULL: none */
  real *best;               /* the same, of final_weights: best */
  double best_value;        /* their loss */
  nacre_bound_callback *callback;
  int n_callbacks;
  nacre_training view;      /* as callbacks see this */
  bool stopped, diverged, interrupted;
  bool closing;             /* an epoch has been run, not yet told of */
  bool ended;               /* all epochs have, and final weights are set */
  bool resumed;             /* put there from a checkpoint */
  const struct nacre_identity *identity; /* of state_identity.c; or NULL */
  char stop_reason[256];
  double started;
  int64_t stride;           /* steps between reports to the observer */
  double reported;
} nacre_trainer;

/** Opens the data and the device, makes and initialises the model. The
 *  experiment must outlive the trainer. */
int nacre_trainer_make(nacre_trainer *, nacre_experiment *,
                       const nacre_train_options *);
void nacre_trainer_fini(nacre_trainer *);

/** One step, with its loss if `loss` is not NULL; begins a new epoch where
 *  one has ended. Callbacks and validation are left to _epoch(). */
int nacre_trainer_step(nacre_trainer *, double *loss);
/** Runs to the end of the epoch, validates, logs, tells callbacks. */
int nacre_trainer_epoch(nacre_trainer *);
/** All epochs that are left, then the final weights; writes the run
 *  directory, and checkpoints in it as the experiment asks. Returns
 *  NACRE_ERROR with a problem of code NACRE_EDIVERGED when a callback said
 *  so. After an interruption (`interrupted`) the state has been saved, and
 *  the weights as they are. */
int nacre_trainer_fit(nacre_trainer *);
/** Turns the fault of a program's last run into a problem that names the
 *  sample, position: [batch] of its samples in the split. Returns NACRE_ERROR;
 *  the same step can be tried again, to the same end. */
int nacre_trainer_fault(const nacre_trainer *, const nacre_program *,
                        const nacre_split *, const int64_t *position);

/** Whether somebody wants the training to stop here. */
bool nacre_trainer_asked(nacre_trainer *);

/* Of callbacks.c. */
int nacre_callbacks_make(nacre_trainer *);
void nacre_callbacks_fini(nacre_trainer *);
int nacre_callbacks_tell(nacre_trainer *, int32_t event);
bool nacre_callbacks_want(const nacre_trainer *, int32_t event);
/** Copies the weights to memory, made at first, and back if there are any
 *  in it. */
int nacre_trainer_remember(nacre_trainer *, real **to);
void nacre_trainer_restore(nacre_trainer *, const real *from);
int nacre_trainer_save(nacre_trainer *, const char *file);

#endif
