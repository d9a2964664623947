/* SPDX-License-Identifier: MIT */
/* trainer: a training's making and end, and its weights as a whole. */
#include "train/train.h"

#include "base/random.h"
#include "train/judge.h"
#include "yaml/report.h"

#include <math.h>
#include <string.h>

#define TAG_SHUFFLE 4u
#define TAG_AUGMENT 5u

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
    const nacre_shape *shape = &graph->edge[head->edge].shape;
    if (nacre_shape_count(shape) != nacre_shape_last(shape)) {
      return nacre_report_key(experiment->error, weights, NACRE_ECONFIG,
                              "output '%s' gives several classes a sample: "
                              "there is no one class to weigh it by",
                              head->name);
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
  nacre_samples *samples = &trainer->samples;
  if (nacre_program_bind(&trainer->program, &trainer->model,
                         NACRE_MODE_TRAIN, &trainer->footprint.layout,
                         experiment->batch_size, experiment->seed,
                         experiment->error) != NACRE_OK ||
      nacre_pass_make(&trainer->training, trainer, &trainer->program,
                      &samples->train) != NACRE_OK) {
    return NACRE_ERROR;
  }
  trainer->training.feed.class_weight = trainer->class_weight;
  if (samples->validation.n > 0 &&
      nacre_judge_open(&trainer->validation, trainer,
                       &samples->validation) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return samples->test.n > 0
    ? nacre_judge_open(&trainer->test, trainer, &samples->test) : NACRE_OK;
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
    nacre_place place =
      nacre_node_place(trainer->experiment->train_data.node);
    return nacre_error_add(trainer->experiment->error, NACRE_EDATA, &place,
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
      nacre_footprint_make(&trainer->footprint, experiment,
                           trainer->device.limit) != NACRE_OK ||
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
  nacre_judge_close(&trainer->training);
  nacre_judge_close(&trainer->validation);
  nacre_judge_close(&trainer->test);
  nacre_program_fini(&trainer->program);
  nacre_footprint_fini(&trainer->footprint);
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
