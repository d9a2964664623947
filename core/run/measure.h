/* SPDX-License-Identifier: MIT */
/* measure: the loss and the metrics of a pass over data, streamed. */
#ifndef NACRE_RUN_MEASURE_H
#define NACRE_RUN_MEASURE_H

#include "run/pipe.h"
#include "run/program.h"

/** A metric of an output, as the experiment asks for it. */
typedef struct nacre_metric_cfg {
  nacre_choice choice;
  int head;
  bool weighted; /* count samples by their weights, as Keras's
                    weighted_metrics do */
} nacre_metric_cfg;

typedef struct nacre_metric {
  const nacre_metric_cfg *cfg;
  const nacre_metric_ops *ops;
  const char *name;      /* "accuracy"; "digit_accuracy" of several outputs */
  void *state;
  size_t state_size;
  nacre_metric_run call; /* bound: what is the same in every batch */
  const nacre_pipe *undo; /* the target's transforms; NULL: nothing to undo */
} nacre_metric;

typedef struct nacre_measure {
  nacre_program *program;
  nacre_metric *metric;
  int n_metrics;
  const char **loss_name; /* [n_losses] */
  int *loss_head;        /* [n_losses]: heads that log their own loss */
  int n_losses;          /* 0 of a model with one output */
  double *loss;          /* [heads]: sum over rows */
  double *rows;          /* [heads] */
  double penalty;        /* sum over batches, by samples */
  int64_t samples;
  real *y, *target;      /* copies on the host; NULL: metrics can read what
                            the program wrote */
} nacre_measure;

/** Plans metrics for a program that takes losses. `targets` are the pipes of
 *  the heads' targets, NULL for a head without one; they are borrowed.
 *  Losses are of transformed targets, as the network is trained to meet;
 *  metrics are of the data's own units wherever the transforms can be
 *  undone. */
int nacre_measure_make(nacre_measure *, nacre_program *,
                       const nacre_metric_cfg *, int n_metrics,
                       const nacre_pipe *const *targets, nacre_params_ctx *);
void nacre_measure_fini(nacre_measure *);

void nacre_measure_reset(nacre_measure *);
/** Takes in the batch that the program has just run. */
void nacre_measure_batch(nacre_measure *, double penalty);
/** The mean loss: of all heads by their weights, and penalties; or of one
 *  head alone. NaN when nothing was seen. */
double nacre_measure_loss(const nacre_measure *);
double nacre_measure_head_loss(const nacre_measure *, int head);

/** Names of what is logged: "loss", "NAME_loss" of each head with a loss if
 *  there are several heads, then the metrics; NULL past the end. Borrowed. */
const char *nacre_measure_name(const nacre_measure *, int index);
/** The number of that name, over all samples since the reset; NaN when there
 *  were none. `index` is one that has a name. */
double nacre_measure_value(const nacre_measure *, int index);

/** The name a metric is logged by. Lives in the arena. */
const char *nacre_metric_name(const nacre_graph *, const nacre_metric_cfg *);

#endif
