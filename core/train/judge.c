/* SPDX-License-Identifier: MIT */
#include "train/judge.h"

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

int nacre_pass_make(nacre_pass_over *pass, nacre_trainer *trainer,
                    nacre_program *program, const nacre_split *split) {
  nacre_experiment *experiment = trainer->experiment;
  const nacre_pipe **targets = nacre_samples_targets(&trainer->samples);
  *pass = (nacre_pass_over){ .ready = true };
  if (targets == NULL) {
    return nacre_no_memory(experiment->error);
  }
  bool training = program->mode == NACRE_MODE_TRAIN;
  if (nacre_feed_make(&pass->feed, program, split, trainer->samples.pipe,
                      trainer->samples.n_pipes, training,
                      experiment->error) != NACRE_OK ||
      nacre_feed_mix(&pass->feed, experiment->mixer,
                     training ? experiment->n_mixers : 0) != NACRE_OK ||
      nacre_feed_prefetch(&pass->feed, experiment->workers,
                          experiment->prefetch) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_measure_make(&pass->measure, program, experiment->metric,
                            experiment->n_metrics, targets,
                            &experiment->ctx);
}

int nacre_judge_open(nacre_pass_over *pass, nacre_trainer *trainer,
                     const nacre_split *split) {
  nacre_experiment *experiment = trainer->experiment;
  /* All parts are measured by one program, made when it is first needed. */
  if (trainer->judge.model == NULL &&
      nacre_program_make(&trainer->judge, &trainer->model,
                         NACRE_MODE_EVALUATE, experiment->batch_size,
                         experiment->seed, experiment->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_pass_make(pass, trainer, &trainer->judge, split);
}

void nacre_judge_close(nacre_pass_over *pass) {
  if (pass->ready) {
    nacre_feed_fini(&pass->feed);
    nacre_measure_fini(&pass->measure);
  }
  *pass = (nacre_pass_over){ 0 };
}

static int run_evaluation(nacre_trainer *trainer, nacre_pass_over *pass) {
  nacre_program *program = pass->feed.program;
  const nacre_split *split = pass->feed.split;
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  int64_t batch = program->batch_max;
  const int64_t *position = NULL;
  nacre_measure_reset(&pass->measure);
  nacre_model_begin(&trainer->model);
  double penalty = nacre_optimizer_penalty(&trainer->optimizer, false);
  int status = NACRE_OK;
  nacre_feed_begin(&pass->feed, NULL, split->n, batch, none);
  for (int64_t at = 0; at * batch < split->n && status == NACRE_OK; at++) {
    if (nacre_trainer_asked(trainer)) {
      break;
    }
    status = nacre_feed_step(&pass->feed, at, &position);
    if (status == NACRE_OK) {
      nacre_program_run(program);
      status = program->faulted
        ? nacre_trainer_fault(trainer, program, split, position) : NACRE_OK;
      nacre_measure_batch(&pass->measure, penalty);
    }
  }
  nacre_feed_end(&pass->feed);
  return status;
}

int nacre_judge_run(nacre_trainer *trainer, nacre_pass_over *pass) {
  const nacre_device *device = &trainer->device;
  uint64_t saved =
    device->ops->enter != NULL ? device->ops->enter(device->self) : 0;
  int status = run_evaluation(trainer, pass);
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  return status;
}

int nacre_judge_numbers(nacre_trainer *trainer, nacre_pass_over *pass,
                        const char *prefix, nacre_log_item **items) {
  nacre_arena *arena = trainer->experiment->ctx.arena;
  int n = 0;
  *items = NULL;
  if (!pass->ready) {
    return 0;
  }
  if (nacre_judge_run(trainer, pass) != NACRE_OK) {
    return -1;
  }
  while (nacre_measure_name(&pass->measure, n) != NULL) {
    n++;
  }
  *items = nacre_arena_alloc(arena, (size_t)n, sizeof(nacre_log_item));
  for (int i = 0; i < n; i++) {
    const char *name = nacre_arena_format(
      arena, "%s%s", prefix, nacre_measure_name(&pass->measure, i));
    if (*items == NULL || name == NULL) {
      nacre_no_memory(trainer->experiment->error);
      return -1;
    }
    (*items)[i] = (nacre_log_item){ name,
                                    nacre_measure_value(&pass->measure, i) };
  }
  return n;
}
