/* SPDX-License-Identifier: MIT */
/* train: the loop: steps, epochs, the whole. */
#include "train/train.h"

#include "base/random.h"
#include "train/judge.h"
#include "train/state.h"
#include "yaml/report.h"

#include <math.h>
#include <string.h>

/* The order follows from the seed and the epoch, whenever it is asked for. */
static void order_epoch(nacre_trainer *trainer) {
  nacre_feed *feed = &trainer->training.feed;
  int64_t n = trainer->samples.train.n;
  int64_t size = trainer->experiment->batch_size;
  nacre_feed_end(feed); /* its threads read the order */
  for (int64_t i = 0; i < n; i++) {
    trainer->order[i] = i;
  }
  if (trainer->experiment->train.shuffle) {
    /* An epoch of some steps over millions of windows shuffles no more. */
    int64_t k = trainer->batches * trainer->experiment->batch_size;
    trainer->shuffle.tag[0] = (uint32_t)trainer->epoch;
    nacre_random_draw(trainer->shuffle, n, k, trainer->order);
  }
  trainer->augment.tag[0] = (uint32_t)trainer->epoch;
  int64_t used = trainer->batches * size; /* at most n, rounded up to size */
  nacre_feed_begin(feed, trainer->order, used < n ? used : n, size,
                   trainer->augment);
}

static void begin_epoch(nacre_trainer *trainer) {
  order_epoch(trainer);
  nacre_measure_reset(&trainer->training.measure);
  nacre_model_begin(&trainer->model);
}

int nacre_trainer_fault(const nacre_trainer *trainer,
                        const nacre_program *program,
                        const nacre_split *split, const int64_t *position) {
  const nacre_graph *graph = &trainer->experiment->graph;
  nacre_place place = { 0 };
  int64_t at = program->fault_sample;
  int64_t row = position[at >= 0 && at < program->batch ? at : 0];
  row = split->row != NULL ? split->row[row] : row;
  if (program->fault_vertex < 0) {
    const nacre_head *head = &graph->head[program->fault_head];
    place = nacre_node_place(split->set->choice->node);
    if ((head->loss_ops->flags & NACRE_LOSS_SAMPLE) != 0) {
      return nacre_error_add(trainer->experiment->error, NACRE_EDATA, &place,
                             "sample %lld: its target is none for loss '%s' "
                             "of output '%s'", (long long)row,
                             head->loss.component->name, head->name);
    }
    return nacre_error_add(trainer->experiment->error, NACRE_EDATA, &place,
                           "sample %lld: its target is not a class of "
                           "output '%s', which has %lld", (long long)row,
                           head->name, (long long)nacre_shape_last(
                             &graph->edge[head->edge].shape));
  }
  const nacre_vertex *vertex = &graph->vertex[program->fault_vertex];
  place = nacre_node_place(vertex->node);
  return nacre_error_add(trainer->experiment->error, NACRE_EDATA, &place,
                         "layer '%s' (%s), sample %lld: %s", vertex->name,
                         vertex->type, (long long)row, program->fault_text);
}

static double step_loss(const nacre_program *program, double penalty) {
  const nacre_graph *graph = program->model->graph;
  double loss = penalty;
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_bound_head *head = &program->head[i];
    if (head->head->loss_ops != NULL) {
      loss += head->counted > 0
        ? head->head->weight * head->loss_sum / head->counted : 0;
    }
  }
  return loss;
}

int nacre_trainer_step(nacre_trainer *trainer, double *loss) {
  nacre_program *program = &trainer->program;
  nacre_pass_over *pass = &trainer->training;
  if (trainer->at == 0) {
    begin_epoch(trainer);
  }
  const int64_t *position = NULL;
  int64_t step = trainer->epoch * trainer->batches + trainer->at;
  nacre_profile *profile = program->profile;
  nacre_profile_begin(profile);
  if (nacre_feed_step(&pass->feed, trainer->at, &position) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_profile_end(profile, NACRE_PHASE_FEED);
  if (program->n_random > 0) {
    nacre_program_set_step(program, step);
  }
  nacre_program_run(program);
  if (program->faulted) {
    return nacre_trainer_fault(trainer, program, &trainer->samples.train,
                               position);
  }
  nacre_profile_begin(profile);
  double penalty = nacre_optimizer_penalty(&trainer->optimizer, true);
  nacre_measure_batch(&pass->measure, penalty);
  nacre_profile_end(profile, NACRE_PHASE_MEASURE);
  nacre_profile_begin(profile);
  nacre_optimizer_step(&trainer->optimizer);
  nacre_profile_end(profile, NACRE_PHASE_UPDATE);
  if (loss != NULL) {
    *loss = step_loss(program, penalty);
  }
  if (++trainer->at == trainer->batches) {
    trainer->at = 0;
    trainer->epoch++;
  }
  return NACRE_OK;
}

/* The observer is called about 20 times a second: the stride between calls
 * follows the speed of the steps, so that the clock is not read each time. */
static void observe_step(nacre_trainer *trainer, int64_t done) {
  double now = nacre_clock();
  double passed = now - trainer->reported;
  trainer->stride = passed < 0.02 ? trainer->stride * 2
                                  : passed > 0.08 ? trainer->stride / 2
                                                  : trainer->stride;
  trainer->stride = trainer->stride < 1 ? 1 : trainer->stride;
  trainer->reported = now;
  nacre_progress progress = {
    .event = NACRE_EVENT_STEP, .epoch = trainer->epoch + 1,
    .epochs = trainer->experiment->train.epochs, .batch = done,
    .batches = trainer->batches,
    .loss = nacre_measure_loss(&trainer->training.measure),
    .seconds = now - trainer->started
  };
  trainer->options.observe(trainer->options.observer, &progress);
}

bool nacre_trainer_asked(nacre_trainer *trainer) {
  const volatile sig_atomic_t *interrupt = trainer->options.interrupt;
  if (interrupt != NULL && *interrupt != 0) {
    trainer->interrupted = true;
  }
  return trainer->interrupted;
}

/* Checkpoints after this many batches; 0: none by steps. */
static int64_t steps_between(const nacre_trainer *trainer) {
  const nacre_checkpoint_cfg *cfg = &trainer->experiment->train.checkpoint;
  return trainer->options.dir != NULL && cfg->used && cfg->every.unit == 0
    ? (int64_t)cfg->every.count : 0;
}

static bool is_over(const nacre_trainer *trainer) {
  return trainer->stopped || trainer->interrupted;
}

static int run_steps(nacre_trainer *trainer) {
  bool tell = nacre_callbacks_want(trainer, NACRE_ON_STEP_END);
  int64_t every = steps_between(trainer);
  int64_t until = trainer->stride;
  uint64_t saved = 0;
  const nacre_device *device = &trainer->device;
  int status = NACRE_OK;
  if (device->ops->enter != NULL) {
    saved = device->ops->enter(device->self);
  }
  do {
    int64_t done = trainer->at + 1;
    status = nacre_trainer_step(trainer, tell ? &trainer->view.loss : NULL);
    if (status == NACRE_OK && tell) {
      status = nacre_callbacks_tell(trainer, NACRE_ON_STEP_END);
    }
    if (--until == 0) {
      if (trainer->options.observe != NULL && status == NACRE_OK) {
        observe_step(trainer, done);
      }
      until = trainer->stride;
    }
    if (every > 0 && trainer->at != 0 && !trainer->diverged &&
        status == NACRE_OK &&
        (trainer->epoch * trainer->batches + trainer->at) % every == 0) {
      status = nacre_state_save(trainer);
    }
    (void)nacre_trainer_asked(trainer);
  } while (status == NACRE_OK && trainer->at != 0 && !is_over(trainer));
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  return status;
}

/* Epochs. */

/* The numbers of training; those of validation are not known yet. */
static void log_training(nacre_trainer *trainer) {
  const nacre_measure *measure = &trainer->training.measure;
  int n = 0;
  for (; nacre_measure_name(measure, n) != NULL; n++) {
    trainer->log[n].value = nacre_measure_value(measure, n);
  }
  for (int i = 0; i < n && trainer->validation.ready; i++) {
    trainer->log[n + i].value = (double)NAN;
  }
  trainer->log[trainer->n_logs - 1].value =
    nacre_optimizer_rate(&trainer->optimizer);
}

/* An interruption leaves it for later. */
static int log_validation(nacre_trainer *trainer) {
  const nacre_train_cfg *cfg = &trainer->experiment->train;
  int n = (trainer->n_logs - 1) / 2;
  trainer->validated = trainer->validation.ready &&
                       (trainer->epoch % cfg->validation_frequency == 0 ||
                        trainer->epoch == cfg->epochs);
  if (trainer->validated &&
      nacre_judge_run(trainer, &trainer->validation) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n && trainer->validated && !trainer->interrupted; i++) {
    trainer->log[n + i].value =
      nacre_measure_value(&trainer->validation.measure, i);
  }
  trainer->logged = true;
  return NACRE_OK;
}

/* `final_weights: best`: by validation loss, or the loss without one. */
static int keep_best(nacre_trainer *trainer) {
  if (trainer->experiment->final_weights.value != NACRE_FINAL_BEST) {
    return NACRE_OK;
  }
  double value = trainer->log[0].value;
  for (int i = 0; i < trainer->n_logs; i++) {
    if (strcmp(trainer->log[i].name, "val/loss") == 0) {
      value = trainer->log[i].value;
    }
  }
  if (isfinite(value) &&
      (trainer->best == NULL || value < trainer->best_value)) {
    trainer->best_value = value;
    return nacre_trainer_remember(trainer, &trainer->best);
  }
  return NACRE_OK;
}

/* Whether the end of this epoch is the place for a checkpoint. */
static bool is_due(const nacre_trainer *trainer) {
  const nacre_checkpoint_cfg *cfg = &trainer->experiment->train.checkpoint;
  int64_t steps = steps_between(trainer);
  if (trainer->options.dir == NULL || !cfg->used || trainer->diverged) {
    return false;
  }
  return steps > 0 ? trainer->epoch * trainer->batches % steps == 0
                   : trainer->epoch % (int64_t)cfg->every.count == 0;
}

static int observe_epoch(nacre_trainer *trainer, double seconds) {
  nacre_progress progress = {
    .event = NACRE_EVENT_EPOCH, .epoch = trainer->epoch,
    .epochs = trainer->experiment->train.epochs, .batch = trainer->batches,
    .batches = trainer->batches, .loss = trainer->log[0].value,
    .seconds = seconds, .log = trainer->log, .n_logs = trainer->n_logs
  };
  if (trainer->options.digest &&
      nacre_model_digest(&trainer->model, &progress.digest) != NACRE_OK) {
    return nacre_no_memory(trainer->experiment->error);
  }
  trainer->options.observe(trainer->options.observer, &progress);
  return NACRE_OK;
}

/* What follows an epoch's last step. Interrupted in its validation, it is
 * all still to be done: `closing` stays. */
static int finish_epoch(nacre_trainer *trainer) {
  double seconds = nacre_clock() - trainer->started;
  if (log_validation(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->interrupted && trainer->validated) {
    return NACRE_OK;
  }
  /* The numbers are of these weights; callbacks may put back others. */
  if (keep_best(trainer) != NACRE_OK ||
      nacre_callbacks_tell(trainer, NACRE_ON_EPOCH_END) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->options.dir != NULL &&
      nacre_rundir_log(trainer->options.dir, trainer->epoch,
                       trainer->optimizer.step, seconds, trainer->log,
                       trainer->n_logs,
                       trainer->experiment->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  trainer->closing = false;
  if (trainer->options.observe != NULL &&
      observe_epoch(trainer, seconds) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return is_due(trainer) ? nacre_state_save(trainer) : NACRE_OK;
}

int nacre_trainer_epoch(nacre_trainer *trainer) {
  if (run_steps(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->at != 0) {
    return NACRE_OK; /* stopped within the epoch */
  }
  trainer->closing = true;
  log_training(trainer);
  return finish_epoch(trainer);
}

static int begin_training(nacre_trainer *trainer) {
  const nacre_checkpoint_cfg *cfg = &trainer->experiment->train.checkpoint;
  /* Before the steps, which compute without the smallest numbers. */
  if (trainer->options.dir != NULL && cfg->used &&
      nacre_state_identity(trainer) == NULL) {
    return NACRE_ERROR;
  }
  if (!trainer->resumed) {
    trainer->ended = false;
    trainer->started = trainer->reported = nacre_clock();
    return nacre_callbacks_tell(trainer, NACRE_ON_TRAIN_BEGIN);
  }
  trainer->reported = nacre_clock();
  if (trainer->at != 0) {
    order_epoch(trainer);
  }
  return nacre_callbacks_tell(trainer, NACRE_ON_RESUME);
}

static int run_epochs(nacre_trainer *trainer) {
  int64_t epochs = trainer->experiment->train.epochs;
  while (!nacre_trainer_asked(trainer) && !trainer->stopped &&
         (trainer->closing || trainer->epoch < epochs)) {
    int status = trainer->closing ? finish_epoch(trainer)
                                  : nacre_trainer_epoch(trainer);
    if (status != NACRE_OK) {
      return status;
    }
  }
  return NACRE_OK;
}

/* What is left when all epochs have been run, or no more shall be. */
static int end_training(nacre_trainer *trainer) {
  if (nacre_callbacks_tell(trainer, NACRE_ON_TRAIN_END) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->experiment->final_weights.value == NACRE_FINAL_BEST) {
    nacre_trainer_restore(trainer, trainer->best);
  }
  return NACRE_OK;
}

int nacre_trainer_fit(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  if (begin_training(trainer) != NACRE_OK ||
      (!trainer->ended && run_epochs(trainer) != NACRE_OK)) {
    return NACRE_ERROR;
  }
  if (trainer->diverged) {
    /* Nothing that is not a number replaces what was saved before. */
    return nacre_error_add(experiment->error, NACRE_EDIVERGED, NULL,
                           "training diverged in epoch %lld, step %lld: %s",
                           (long long)(trainer->epoch +
                                       (trainer->at > 0 ? 1 : 0)),
                           (long long)trainer->optimizer.step,
                           trainer->stop_reason);
  }
  /* Who asks after the last epoch has nothing to interrupt. */
  if (trainer->ended || trainer->stopped ||
      (trainer->epoch >= experiment->train.epochs && !trainer->closing &&
       trainer->at == 0)) {
    trainer->interrupted = false;
  }
  if (trainer->interrupted && nacre_state_save(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (!trainer->ended && end_training(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  trainer->ended = !trainer->interrupted;
  return trainer->options.dir != NULL
    ? nacre_trainer_save(trainer, "weights.safetensors") : NACRE_OK;
}
