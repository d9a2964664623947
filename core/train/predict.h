/* SPDX-License-Identifier: MIT */
/* predict: a trained model at work: batches in, predictions out. */
#ifndef NACRE_TRAIN_PREDICT_H
#define NACRE_TRAIN_PREDICT_H

#include "experiment/experiment.h"
#include "run/checkpoint.h"
#include "run/feed.h"

typedef struct nacre_predictor {
  nacre_experiment *experiment;
  nacre_tensors tensors;    /* the checkpoint */
  nacre_device device;
  nacre_model model;
  nacre_program program;
  int64_t batch;
} nacre_predictor;

/** Loads weights from a file into the experiment's model. An experiment that
 *  leaves its input's shape to the data must be given `input`. */
int nacre_predictor_make(nacre_predictor *, nacre_experiment *,
                         const char *weights, const nacre_shape *input,
                         int64_t batch, int64_t threads,
                         const char *cpu_level);
void nacre_predictor_fini(nacre_predictor *);

/** Copies n numbers from the host to an input, or from an edge to the
 *  host. */
void nacre_predictor_write(nacre_program *, int input, const real *from,
                           int64_t n);
void nacre_predictor_read(const nacre_program *, int edge, real *to,
                          int64_t n);
/** Runs a batch of n samples whose inputs are in place; `first` is as in
 *  nacre_predictor_fault(), whose problem it adds. */
int nacre_predictor_run(nacre_predictor *, int64_t n, int64_t first);
/** A fault of the last run as a problem; `first` is the number of the
 *  batch's first sample. */
int nacre_predictor_fault(const nacre_program *, int64_t first,
                          nacre_error *);

/** An input file as a data set with the training set's transforms, fitted as
 *  saved. `path` "-" is standard input; `format` (may be NULL) names the
 *  source's component, else the file's suffix does. */
typedef struct nacre_prediction_input {
  const char *weights; /* borrowed, for messages */
  nacre_choice choice;
  nacre_dataset set;
  nacre_split split;
  nacre_pipe *pipe;
  int n_pipes;
  nacre_feed feed;
  nacre_pipe *undo; /* [heads]: what was done to the targets; no stages where
                       that cannot be undone */
  int n_undo;
  int64_t *position; /* [the predictor's batch] */
  bool ready;
} nacre_prediction_input;

/** Opens an input file, and makes the transforms of its fields from the
 *  saved state. Before the predictor is made: a model that leaves its input's
 *  shape to the data finds it in the pipes. Caller closes it, after an error
 *  too. */
int nacre_prediction_open(nacre_prediction_input *, nacre_experiment *,
                          const nacre_tensors *, const char *weights,
                          const char *path, const char *format);
/** Joins an opened input to the predictor that its rows go to, which must
 *  outlive it. */
int nacre_prediction_join(nacre_prediction_input *, nacre_predictor *);
void nacre_prediction_close(nacre_prediction_input *);
/** Predicts rows first .. first+n-1, n at most the predictor's batch;
 *  outputs[i] gets head i's predictions, in the units that the data had
 *  before transforms, wherever these can be undone. */
int nacre_prediction_rows(nacre_prediction_input *, nacre_predictor *,
                          int64_t first, int64_t n, real *const *outputs);

#endif
