/* SPDX-License-Identifier: MIT */
#include "run/judge.h"

int nacre_judge_load(nacre_trainer *trainer, const char *weights) {
  nacre_error *error = trainer->experiment->error;
  nacre_tensors tensors = { 0 };
  int status = nacre_tensors_read(&tensors, weights, error);
  if (status == NACRE_OK) {
    status = nacre_checkpoint_load(&trainer->model, &tensors, weights, error);
  }
  if (status == NACRE_OK) {
    status = nacre_checkpoint_fit(trainer->samples.pipe,
                                  trainer->samples.n_pipes, &tensors, weights,
                                  error);
  }
  nacre_tensors_fini(&tensors);
  return status;
}

int nacre_judge_open(nacre_pass_over *pass, nacre_trainer *trainer,
                     const nacre_split *split) {
  nacre_experiment *experiment = trainer->experiment;
  nacre_error *error = experiment->error;
  const nacre_pipe **targets = nacre_samples_targets(&trainer->samples);
  *pass = (nacre_pass_over){ 0 };
  if (targets == NULL) {
    return nacre_no_memory(error);
  }
  /* A trainer without validation and test data has no such program yet. */
  if (trainer->judge.model == NULL &&
      nacre_program_make(&trainer->judge, &trainer->model,
                         NACRE_MODE_EVALUATE, experiment->batch_size,
                         experiment->seed, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  pass->ready = true;
  if (nacre_feed_make(&pass->feed, &trainer->judge, split,
                      trainer->samples.pipe, trainer->samples.n_pipes, false,
                      error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_measure_make(&pass->measure, &trainer->judge,
                            experiment->metric, experiment->n_metrics,
                            targets, &experiment->ctx);
}

void nacre_judge_close(nacre_pass_over *pass) {
  if (pass->ready) {
    nacre_feed_fini(&pass->feed);
    nacre_measure_fini(&pass->measure);
  }
  *pass = (nacre_pass_over){ 0 };
}
