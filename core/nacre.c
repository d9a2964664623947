/* SPDX-License-Identifier: MIT */
/* nacre: what a program outside sees, on top of all floors. */
#include <nacre/nacre.h>

#include "train/predict.h"
#include "train/train.h"

#include <string.h>

#ifndef NACRE_VERSION
#define NACRE_VERSION "0.1.0"
#endif
#define DEFAULT_BATCH 256

struct nacre_problems {
  nacre_error error;
  char *shown; /* the last text handed out */
};

struct nacre_network {
  nacre_registry *registry;
  nacre_error error; /* what calls write to before it goes to the caller */
  nacre_experiment experiment;
  nacre_predictor predictor;
};

struct nacre_session {
  nacre_registry *registry;
  nacre_error error;
  nacre_experiment experiment;
  nacre_trainer trainer;
  nacre_program predict;
  bool can_predict;
  int64_t batch;
};

const char *nacre_version(void) {
  return NACRE_VERSION;
}

/* Problems. */

nacre_problems *nacre_problems_new(void) {
  nacre_problems *problems = nacre_alloc(1, sizeof(*problems));
  if (problems != NULL) {
    nacre_error_init(&problems->error);
  }
  return problems;
}

static void clear(nacre_problems *problems) {
  nacre_error_fini(&problems->error);
  nacre_error_init(&problems->error);
  nacre_free(problems->shown);
  problems->shown = NULL;
}

void nacre_problems_free(nacre_problems *problems) {
  if (problems != NULL) {
    clear(problems);
    nacre_error_fini(&problems->error);
    nacre_free(problems);
  }
}

int nacre_problems_count(const nacre_problems *problems) {
  return problems->error.count;
}

const char *nacre_problems_text(const nacre_problems *problems, int index) {
  /* The text is made when it is asked for; the object is the caller's, so
   * that a const view of it may keep the last one. */
  nacre_problems *self = (nacre_problems *)(uintptr_t)problems;
  if (index < 0 || index >= problems->error.count) {
    return NULL;
  }
  nacre_free(self->shown);
  self->shown = nacre_problem_format(&problems->error.problem[index]);
  return self->shown;
}

int nacre_problems_code(const nacre_problems *problems) {
  return nacre_error_code(&problems->error);
}

/* Hands what a call has collected to the caller: the object's own error is
 * empty again afterwards. */
static int deliver(nacre_error *own, nacre_problems *problems, int status) {
  clear(problems);
  problems->error = *own;
  nacre_error_init(own);
  return status == NACRE_OK ? 0 : -1;
}

static nacre_options options_of(const nacre_options *given) {
  nacre_options options = { .size = sizeof(options) };
  if (given != NULL) {
    size_t n = given->size < sizeof(options) ? given->size : sizeof(options);
    memcpy(&options, given, n);
  }
  return options;
}

/* Networks. */

static int load_network(nacre_network *network, const char *run,
                        const nacre_options *options) {
  nacre_registry_options where = { .plugin_path = options->plugin_path };
  char *config = nacre_format("%s/config.yaml", run);
  char *weights = nacre_format("%s/weights.safetensors", run);
  int status = NACRE_ERROR;
  network->registry = nacre_registry_open(&where, &network->error);
  if (config == NULL || weights == NULL) {
    nacre_no_memory(&network->error);
  } else if (network->registry != NULL) {
    status = nacre_experiment_load(&network->experiment, network->registry,
                                   config, NULL, NULL, NULL, 0, NULL, 0,
                                   &network->error);
  }
  if (status == NACRE_OK) {
    status = nacre_predictor_make(
      &network->predictor, &network->experiment, weights, NULL,
      options->batch > 0 ? options->batch : DEFAULT_BATCH, options->threads,
      NULL);
  }
  nacre_free(config);
  nacre_free(weights);
  return status;
}

nacre_network *nacre_network_load(const char *run,
                                  const nacre_options *given,
                                  nacre_problems *problems) {
  nacre_options options = options_of(given);
  nacre_network *network = nacre_alloc(1, sizeof(*network));
  if (network == NULL) {
    clear(problems);
    nacre_no_memory(&problems->error);
    return NULL;
  }
  nacre_error_init(&network->error);
  int status = load_network(network, run, &options);
  if (deliver(&network->error, problems, status) != 0) {
    nacre_network_free(network);
    return NULL;
  }
  return network;
}

void nacre_network_free(nacre_network *network) {
  if (network == NULL) {
    return;
  }
  nacre_predictor_fini(&network->predictor);
  nacre_experiment_free(&network->experiment);
  nacre_registry_free(network->registry);
  nacre_error_fini(&network->error);
  nacre_free(network);
}

static void describe(const nacre_edge *edge, const char *name,
                     nacre_slot_info *info) {
  *info = (nacre_slot_info){ .name = name, .rank = edge->shape.rank,
                             .count = nacre_shape_count(&edge->shape) };
  memcpy(info->dim, edge->shape.dim, sizeof(info->dim));
}

int nacre_network_inputs(const nacre_network *network) {
  return network->experiment.graph.n_inputs;
}

int nacre_network_outputs(const nacre_network *network) {
  return network->experiment.graph.n_heads;
}

int nacre_network_input(const nacre_network *network, int index,
                        nacre_slot_info *info) {
  const nacre_graph *graph = &network->experiment.graph;
  if (index < 0 || index >= graph->n_inputs) {
    return -1;
  }
  describe(&graph->edge[index], graph->edge[index].name, info);
  return 0;
}

int nacre_network_output(const nacre_network *network, int index,
                         nacre_slot_info *info) {
  const nacre_graph *graph = &network->experiment.graph;
  if (index < 0 || index >= graph->n_heads) {
    return -1;
  }
  const nacre_head *head = &graph->head[index];
  describe(&graph->edge[head->edge], head->name, info);
  return 0;
}

/* Elements of a sample of the largest input or output. */
static int64_t widest_slot(const nacre_graph *graph) {
  int64_t widest = 1;
  for (int i = 0; i < graph->n_inputs + graph->n_heads; i++) {
    int edge =
      i < graph->n_inputs ? i : graph->head[i - graph->n_inputs].edge;
    int64_t count = nacre_shape_count(&graph->edge[edge].shape);
    widest = count > widest ? count : widest;
  }
  return widest;
}

/* Runs a forward program over the caller's arrays, batch by batch. */
static int predict(nacre_program *program, int64_t n,
                   const float *const *inputs, float *const *outputs,
                   nacre_error *error) {
  const nacre_graph *graph = program->model->graph;
  const nacre_device *device = program->model->device;
  int64_t batch = program->batch_max, room = widest_slot(graph);
  real *staging = nacre_alloc((size_t)batch, (size_t)room * sizeof(real));
  if (staging == NULL) {
    return nacre_no_memory(error);
  }
  uint64_t saved =
    device->ops->enter != NULL ? device->ops->enter(device->self) : 0;
  program->faulted = false;
  int64_t first = 0;
  for (int64_t at = 0; at < n && !program->faulted; at += batch) {
    first = at;
    int64_t size = n - at < batch ? n - at : batch;
    nacre_program_set_batch(program, size);
    for (int i = 0; i < graph->n_inputs; i++) {
      int64_t count = size * nacre_shape_count(&graph->edge[i].shape);
      const float *from =
        inputs[i] + at * nacre_shape_count(&graph->edge[i].shape);
      for (int64_t j = 0; j < count; j++) {
        staging[j] = (real)from[j];
      }
      nacre_predictor_write(program, i, staging, count);
    }
    nacre_program_run(program);
    for (int i = 0; i < graph->n_heads; i++) {
      int edge = graph->head[i].edge;
      int64_t each = nacre_shape_count(&graph->edge[edge].shape);
      nacre_predictor_read(program, edge, staging, size * each);
      for (int64_t j = 0; j < size * each; j++) {
        outputs[i][at * each + j] = (float)staging[j];
      }
    }
  }
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  nacre_free(staging);
  return program->faulted ? nacre_predictor_fault(program, first, error)
                          : NACRE_OK;
}

int nacre_network_predict(nacre_network *network, int64_t n,
                          const float *const *inputs, float *const *outputs,
                          nacre_problems *problems) {
  return deliver(&network->error, problems,
                 predict(&network->predictor.program, n, inputs, outputs,
                         &network->error));
}

/* Sessions. */

static nacre_session *new_session(const char *name, const nacre_bytes *text,
                                  const char *dir,
                                  const char *const *overrides,
                                  int n_overrides,
                                  const nacre_options *given,
                                  nacre_problems *problems) {
  nacre_options options = options_of(given);
  nacre_registry_options where = { .plugin_path = options.plugin_path };
  nacre_train_options train = { .threads = options.threads };
  nacre_session *session = nacre_alloc(1, sizeof(*session));
  if (session == NULL) {
    clear(problems);
    nacre_no_memory(&problems->error);
    return NULL;
  }
  nacre_error_init(&session->error);
  session->batch = options.batch > 0 ? options.batch : DEFAULT_BATCH;
  session->registry = nacre_registry_open(&where, &session->error);
  int status = NACRE_ERROR;
  if (session->registry != NULL) {
    status = nacre_experiment_load(&session->experiment, session->registry,
                                   name, text, dir, NULL, 0, overrides,
                                   n_overrides, &session->error);
  }
  if (status == NACRE_OK) {
    status =
      nacre_trainer_make(&session->trainer, &session->experiment, &train);
  }
  if (deliver(&session->error, problems, status) != 0) {
    nacre_session_free(session);
    return NULL;
  }
  return session;
}

nacre_session *nacre_session_new(const char *config,
                                 const char *const *overrides,
                                 int n_overrides,
                                 const nacre_options *options,
                                 nacre_problems *problems) {
  return new_session(config, NULL, NULL, overrides, n_overrides, options,
                     problems);
}

nacre_session *nacre_session_new_text(const char *yaml, const char *dir,
                                      const nacre_options *options,
                                      nacre_problems *problems) {
  nacre_bytes text = { (char *)(uintptr_t)yaml, strlen(yaml) };
  return new_session("experiment", &text, dir, NULL, 0, options, problems);
}

void nacre_session_free(nacre_session *session) {
  if (session == NULL) {
    return;
  }
  nacre_program_fini(&session->predict);
  nacre_trainer_fini(&session->trainer);
  nacre_experiment_free(&session->experiment);
  nacre_registry_free(session->registry);
  nacre_error_fini(&session->error);
  nacre_free(session);
}

int nacre_session_steps(nacre_session *session, int64_t steps, double *loss,
                        nacre_problems *problems) {
  nacre_trainer *trainer = &session->trainer;
  const nacre_device *device = &trainer->device;
  uint64_t saved =
    device->ops->enter != NULL ? device->ops->enter(device->self) : 0;
  int status = NACRE_OK;
  for (int64_t i = 0; i < steps && status == NACRE_OK; i++) {
    status = nacre_trainer_step(trainer, i == steps - 1 ? loss : NULL);
  }
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  return deliver(&session->error, problems, status);
}

int nacre_session_step(nacre_session *session, double *loss,
                       nacre_problems *problems) {
  return nacre_session_steps(session, 1, loss, problems);
}

int nacre_session_fit(nacre_session *session, nacre_problems *problems) {
  return deliver(&session->error, problems,
                 nacre_trainer_fit(&session->trainer));
}

int nacre_session_value(const nacre_session *session, const char *name,
                        double *value) {
  const nacre_trainer *trainer = &session->trainer;
  if (!trainer->logged ||
      (strncmp(name, "val/", 4) == 0 && !trainer->validated)) {
    return -1;
  }
  for (int i = 0; i < trainer->n_logs; i++) {
    if (strcmp(trainer->log[i].name, name) == 0) {
      *value = trainer->log[i].value;
      return 0;
    }
  }
  return -1;
}

int64_t nacre_session_epoch(const nacre_session *session) {
  return session->trainer.epoch;
}

int nacre_session_predict(nacre_session *session, int64_t n,
                          const float *const *inputs, float *const *outputs,
                          nacre_problems *problems) {
  int status = NACRE_OK;
  /* Layers were told the training's batch as the largest. */
  int64_t most = session->experiment.batch_size;
  int64_t batch = session->batch < most ? session->batch : most;
  if (!session->can_predict) {
    status = nacre_program_make(&session->predict, &session->trainer.model,
                                NACRE_MODE_PREDICT, batch,
                                session->experiment.seed, &session->error);
    session->can_predict = status == NACRE_OK;
  }
  if (status == NACRE_OK) {
    status = predict(&session->predict, n, inputs, outputs, &session->error);
  }
  return deliver(&session->error, problems, status);
}
