/* SPDX-License-Identifier: MIT */
#include "run/train.h"

#include "base/random.h"
#include "yaml/report.h"

#include <math.h>
#include <string.h>

#define TAG_SHUFFLE 4u
#define TAG_AUGMENT 5u

/* Making. */

static int make_pass(nacre_trainer *trainer, nacre_pass_over *pass,
                     nacre_program *program, const nacre_split *split,
                     const nacre_pipe *const *targets) {
  nacre_experiment *experiment = trainer->experiment;
  if (split->n == 0) {
    return NACRE_OK;
  }
  pass->ready = true;
  bool training = program == &trainer->program;
  if (nacre_feed_make(&pass->feed, program, split, trainer->samples.pipe,
                      trainer->samples.n_pipes, training,
                      experiment->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (training) {
    pass->feed.class_weight = trainer->class_weight;
  }
  return nacre_measure_make(&pass->measure, program, experiment->metric,
                            experiment->n_metrics, targets,
                            &experiment->ctx);
}

static void fini_pass(nacre_pass_over *pass) {
  if (pass->ready) {
    nacre_feed_fini(&pass->feed);
    nacre_measure_fini(&pass->measure);
  }
  pass->ready = false;
}

/* `class_weight:` of each head's loss. */
static int read_class_weights(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  const nacre_graph *graph = &experiment->graph;
  const nacre_dataset *set = &trainer->samples.set[0];
  for (int i = 0; i < graph->n_heads; i++) {
    const nacre_head *head = &graph->head[i];
    nacre_node *loss = head->loss.node;
    nacre_node *weights = loss != NULL && loss->kind == NACRE_NODE_MAP
      ? nacre_node_peek(loss, "class_weight") : NULL;
    if (weights == NULL) {
      continue;
    }
    if (trainer->class_weight == NULL) {
      trainer->class_weight = nacre_alloc((size_t)graph->n_heads,
                                          sizeof(nacre_class_weights));
      if (trainer->class_weight == NULL) {
        return nacre_no_memory(experiment->error);
      }
    }
    int field =
      nacre_dataset_find(set, head->name, true, graph->n_heads == 1);
    if (field >= 0 &&
        nacre_class_weights_read(&trainer->class_weight[i], weights,
                                 &set->field[field], &experiment->ctx) !=
          NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

static int make_programs(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  nacre_error *error = experiment->error;
  nacre_samples *samples = &trainer->samples;
  const nacre_pipe **targets = nacre_samples_targets(samples);
  if (targets == NULL) {
    return nacre_no_memory(error);
  }
  if (nacre_program_make(&trainer->program, &trainer->model,
                         NACRE_MODE_TRAIN, experiment->batch_size,
                         experiment->seed, error) != NACRE_OK ||
      make_pass(trainer, &trainer->training, &trainer->program,
                &samples->train, targets) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (samples->validation.n == 0 && samples->test.n == 0) {
    return NACRE_OK;
  }
  if (nacre_program_make(&trainer->judge, &trainer->model,
                         NACRE_MODE_EVALUATE, experiment->batch_size,
                         experiment->seed, error) != NACRE_OK ||
      make_pass(trainer, &trainer->validation, &trainer->judge,
                &samples->validation, targets) != NACRE_OK ||
      make_pass(trainer, &trainer->test, &trainer->judge, &samples->test,
                targets) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return NACRE_OK;
}

static int plan_epochs(nacre_trainer *trainer) {
  const nacre_train_cfg *cfg = &trainer->experiment->train;
  int64_t n = trainer->samples.train.n;
  int64_t size = trainer->experiment->batch_size;
  trainer->batches = cfg->drop_remainder ? n / size : (n + size - 1) / size;
  if (cfg->steps_per_epoch != INT64_MIN &&
      cfg->steps_per_epoch < trainer->batches) {
    trainer->batches = cfg->steps_per_epoch;
  }
  if (trainer->batches < 1) {
    return nacre_error_add(trainer->experiment->error, NACRE_EDATA, NULL,
                           "%lld training samples do not fill one batch of "
                           "%lld", (long long)n, (long long)size);
  }
  int64_t each =
    trainer->experiment->optimizer.update.gradient_accumulation_steps;
  int64_t steps = trainer->batches / each, total = 0;
  trainer->optimizer.steps_per_epoch = steps > 0 ? steps : 1;
  /* Batches that an epoch leaves over count for the next one's update. */
  if (!nacre_int_mul(trainer->batches, cfg->epochs, &total)) {
    total = INT64_MAX;
  }
  trainer->optimizer.total_steps = total / each > 0 ? total / each : 1;
  trainer->shuffle =
    nacre_key_make(trainer->experiment->seed, "shuffle", TAG_SHUFFLE);
  trainer->augment =
    nacre_key_make(trainer->experiment->seed, "augment", TAG_AUGMENT);
  trainer->order = nacre_alloc((size_t)n, sizeof(*trainer->order));
  return trainer->order != NULL
    ? NACRE_OK : nacre_no_memory(trainer->experiment->error);
}

/* Names of an epoch's numbers; values follow. */
static int make_log(nacre_trainer *trainer) {
  const nacre_measure *measure = &trainer->training.measure;
  int n = 0;
  while (nacre_measure_name(measure, n) != NULL) {
    n++;
  }
  trainer->log = nacre_alloc((size_t)n * 2 + 2, sizeof(nacre_log_item));
  if (trainer->log == NULL) {
    return nacre_no_memory(trainer->experiment->error);
  }
  for (int i = 0; i < n; i++) {
    trainer->log[trainer->n_logs++].name = nacre_measure_name(measure, i);
  }
  for (int i = 0; i < n && trainer->validation.ready; i++) {
    const char *name = nacre_arena_format(
      trainer->experiment->ctx.arena, "val/%s",
      nacre_measure_name(measure, i));
    if (name == NULL) {
      return nacre_no_memory(trainer->experiment->error);
    }
    trainer->log[trainer->n_logs++].name = name;
  }
  trainer->log[trainer->n_logs++].name = "learning_rate";
  for (int i = 0; i < trainer->n_logs; i++) {
    trainer->log[i].value = (double)NAN;
  }
  return NACRE_OK;
}

static int check_trainable(const nacre_experiment *experiment) {
  bool any = false;
  for (int i = 0; i < experiment->graph.n_heads; i++) {
    any = any || experiment->graph.head[i].loss_ops != NULL;
  }
  if (any) {
    return NACRE_OK;
  }
  return nacre_report(experiment->error, experiment->tree->root,
                      NACRE_ECONFIG,
                      "the experiment has no loss to train with");
}

int nacre_trainer_make(nacre_trainer *trainer, nacre_experiment *experiment,
                       const nacre_train_options *options) {
  *trainer = (nacre_trainer){ .experiment = experiment,
                              .options = *options, .stride = 1 };
  nacre_error *error = experiment->error;
  if (nacre_samples_open(&trainer->samples, experiment,
                         NACRE_PART_VALIDATION | NACRE_PART_TEST) !=
        NACRE_OK ||
      check_trainable(experiment) != NACRE_OK ||
      nacre_device_open_best(&trainer->device, &experiment->ctx,
                             experiment->device, options->threads,
                             options->cpu_level) != NACRE_OK ||
      nacre_model_make(&trainer->model, &experiment->graph,
                       &trainer->device, true, error) != NACRE_OK ||
      nacre_model_init(&trainer->model, experiment->seed, error) !=
        NACRE_OK ||
      nacre_optimizer_make(&trainer->optimizer, &experiment->optimizer,
                           &trainer->model, error) != NACRE_OK ||
      read_class_weights(trainer) != NACRE_OK ||
      make_programs(trainer) != NACRE_OK ||
      plan_epochs(trainer) != NACRE_OK || make_log(trainer) != NACRE_OK ||
      nacre_callbacks_make(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  trainer->started = trainer->reported = nacre_clock();
  return NACRE_OK;
}

void nacre_trainer_fini(nacre_trainer *trainer) {
  const nacre_graph *graph =
    trainer->experiment != NULL ? &trainer->experiment->graph : NULL;
  nacre_callbacks_fini(trainer);
  fini_pass(&trainer->training);
  fini_pass(&trainer->validation);
  fini_pass(&trainer->test);
  nacre_program_fini(&trainer->program);
  nacre_program_fini(&trainer->judge);
  nacre_optimizer_fini(&trainer->optimizer);
  for (int i = 0; trainer->class_weight != NULL && i < graph->n_heads; i++) {
    nacre_free(trainer->class_weight[i].weight);
  }
  nacre_free(trainer->class_weight);
  nacre_free(trainer->order);
  nacre_free(trainer->log);
  nacre_free(trainer->remembered);
  nacre_free(trainer->best);
  nacre_model_fini(&trainer->model);
  nacre_device_close(&trainer->device);
  nacre_samples_close(&trainer->samples);
  *trainer = (nacre_trainer){ 0 };
}

/* Steps. */

static void begin_epoch(nacre_trainer *trainer) {
  int64_t n = trainer->samples.train.n;
  for (int64_t i = 0; i < n; i++) {
    trainer->order[i] = i;
  }
  if (trainer->experiment->train.shuffle) {
    trainer->shuffle.tag[0] = (uint32_t)trainer->epoch;
    nacre_random_shuffle(trainer->shuffle, n, trainer->order);
  }
  nacre_measure_reset(&trainer->training.measure);
}

/* A fault is of the data: say which row it was. */
static int report_fault(const nacre_trainer *trainer,
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
      loss += head->head->weight * head->loss_sum /
              (double)(program->batch * head->rows_per_sample);
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
  int64_t size = trainer->experiment->batch_size;
  int64_t begin = trainer->at * size, n = trainer->samples.train.n - begin;
  const int64_t *position = trainer->order + begin;
  n = n < size ? n : size;
  int64_t step = trainer->epoch * trainer->batches + trainer->at;
  trainer->augment.tag[0] = (uint32_t)step;
  if (nacre_feed_batch(&pass->feed, position, n, trainer->augment) !=
      NACRE_OK) {
    return NACRE_ERROR;
  }
  if (program->n_random > 0) {
    nacre_program_set_step(program, step);
  }
  nacre_program_run(program);
  if (program->faulted) {
    return report_fault(trainer, program, &trainer->samples.train, position);
  }
  double penalty = nacre_optimizer_penalty(&trainer->optimizer, true);
  nacre_measure_batch(&pass->measure, penalty);
  nacre_optimizer_step(&trainer->optimizer);
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

static int run_steps(nacre_trainer *trainer) {
  bool tell = nacre_callbacks_want(trainer, NACRE_ON_STEP_END);
  const volatile sig_atomic_t *interrupt = trainer->options.interrupt;
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
    if (interrupt != NULL && *interrupt != 0) {
      trainer->interrupted = trainer->stopped = true;
    }
  } while (status == NACRE_OK && trainer->at != 0 && !trainer->stopped);
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  return status;
}

/* Evaluation. */

static int run_evaluation(nacre_trainer *trainer, nacre_pass_over *pass) {
  nacre_program *program = pass->feed.program;
  const nacre_split *split = pass->feed.split;
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  int64_t batch = program->batch_max;
  int64_t *position = nacre_alloc((size_t)batch, sizeof(*position));
  if (position == NULL) {
    return nacre_no_memory(trainer->experiment->error);
  }
  nacre_measure_reset(&pass->measure);
  double penalty = nacre_optimizer_penalty(&trainer->optimizer, false);
  int status = NACRE_OK;
  for (int64_t at = 0; at < split->n && status == NACRE_OK; at += batch) {
    int64_t n = split->n - at < batch ? split->n - at : batch;
    for (int64_t i = 0; i < n; i++) {
      position[i] = at + i;
    }
    status = nacre_feed_batch(&pass->feed, position, n, none);
    if (status == NACRE_OK) {
      nacre_program_run(program);
      status = program->faulted
        ? report_fault(trainer, program, split, position) : NACRE_OK;
      nacre_measure_batch(&pass->measure, penalty);
    }
  }
  nacre_free(position);
  return status;
}

static int evaluate(nacre_trainer *trainer, nacre_pass_over *pass) {
  const nacre_device *device = &trainer->device;
  uint64_t saved =
    device->ops->enter != NULL ? device->ops->enter(device->self) : 0;
  int status = run_evaluation(trainer, pass);
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  return status;
}

int nacre_trainer_evaluate(nacre_trainer *trainer, nacre_pass_over *pass,
                           const char *prefix, nacre_log_item **items) {
  nacre_arena *arena = trainer->experiment->ctx.arena;
  int n = 0;
  *items = NULL;
  if (!pass->ready) {
    return 0;
  }
  if (evaluate(trainer, pass) != NACRE_OK) {
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

/* Epochs. */

static int log_epoch(nacre_trainer *trainer) {
  int n = 0;
  double rate = nacre_optimizer_rate(&trainer->optimizer);
  while (nacre_measure_name(&trainer->training.measure, n) != NULL) {
    trainer->log[n].value =
      nacre_measure_value(&trainer->training.measure, n);
    n++;
  }
  if (trainer->validation.ready &&
      (trainer->epoch % trainer->experiment->train.validation_frequency ==
         0 ||
       trainer->epoch == trainer->experiment->train.epochs)) {
    if (evaluate(trainer, &trainer->validation) != NACRE_OK) {
      return NACRE_ERROR;
    }
    for (int i = 0; i < n; i++) {
      trainer->log[n + i].value =
        nacre_measure_value(&trainer->validation.measure, i);
    }
  }
  trainer->log[trainer->n_logs - 1].value = rate;
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

static int finish_epoch(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  double seconds = nacre_clock() - trainer->started;
  if (log_epoch(trainer) != NACRE_OK ||
      nacre_callbacks_tell(trainer, NACRE_ON_EPOCH_END) != NACRE_OK ||
      keep_best(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->options.dir != NULL &&
      nacre_rundir_log(trainer->options.dir, trainer->epoch,
                       trainer->optimizer.step, seconds, trainer->log,
                       trainer->n_logs, experiment->error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->options.observe == NULL) {
    return NACRE_OK;
  }
  nacre_progress progress = {
    .event = NACRE_EVENT_EPOCH, .epoch = trainer->epoch,
    .epochs = experiment->train.epochs, .batch = trainer->batches,
    .batches = trainer->batches, .loss = trainer->log[0].value,
    .seconds = seconds, .log = trainer->log, .n_logs = trainer->n_logs
  };
  if (trainer->options.digest &&
      nacre_model_digest(&trainer->model, &progress.digest) != NACRE_OK) {
    return nacre_no_memory(experiment->error);
  }
  trainer->options.observe(trainer->options.observer, &progress);
  return NACRE_OK;
}

int nacre_trainer_epoch(nacre_trainer *trainer) {
  if (run_steps(trainer) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (trainer->at != 0) {
    return NACRE_OK; /* stopped within the epoch */
  }
  return finish_epoch(trainer);
}

int nacre_trainer_fit(nacre_trainer *trainer) {
  nacre_experiment *experiment = trainer->experiment;
  trainer->started = trainer->reported = nacre_clock();
  if (nacre_callbacks_tell(trainer, NACRE_ON_TRAIN_BEGIN) != NACRE_OK) {
    return NACRE_ERROR;
  }
  while (trainer->epoch < experiment->train.epochs && !trainer->stopped) {
    if (nacre_trainer_epoch(trainer) != NACRE_OK) {
      return NACRE_ERROR;
    }
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
  if (nacre_callbacks_tell(trainer, NACRE_ON_TRAIN_END) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (experiment->final_weights.value == NACRE_FINAL_BEST) {
    nacre_trainer_restore(trainer, trainer->best);
  }
  return trainer->options.dir != NULL
    ? nacre_trainer_save(trainer, "weights.safetensors") : NACRE_OK;
}

/* Weights. */

int nacre_trainer_remember(nacre_trainer *trainer, real **to) {
  nacre_model *model = &trainer->model;
  if (*to == NULL) {
    *to = nacre_alloc((size_t)model->total + 1, sizeof(real));
    if (*to == NULL) {
      return nacre_no_memory(trainer->experiment->error);
    }
  }
  for (int i = 0; i < model->graph->n_variables; i++) {
    nacre_model_read(model, i, *to + model->offset[i]);
  }
  return NACRE_OK;
}

void nacre_trainer_restore(nacre_trainer *trainer, const real *from) {
  nacre_model *model = &trainer->model;
  for (int i = 0; from != NULL && i < model->graph->n_variables; i++) {
    nacre_model_write(model, i, from + model->offset[i]);
  }
}

int nacre_trainer_save(nacre_trainer *trainer, const char *file) {
  nacre_fitted fitted = { trainer->samples.pipe, trainer->samples.n_pipes,
                          trainer->samples.state.at };
  char *path = nacre_rundir_file(trainer->options.dir, file);
  if (path == NULL) {
    return nacre_no_memory(trainer->experiment->error);
  }
  int status = nacre_checkpoint_save(&trainer->model, &fitted, path,
                                     trainer->experiment->error);
  nacre_free(path);
  return status;
}
