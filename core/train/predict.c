/* SPDX-License-Identifier: MIT */
#include "train/predict.h"

#include "yaml/report.h"

#include <stdlib.h>
#include <string.h>

int nacre_predictor_make(nacre_predictor *predictor,
                         nacre_experiment *experiment, const char *weights,
                         const nacre_shape *input, int64_t batch,
                         int64_t threads, const char *cpu_level) {
  nacre_error *error = experiment->error;
  *predictor = (nacre_predictor){ .experiment = experiment, .batch = batch };
  /* Layers were told the largest batch of a training. */
  bool larger = batch > experiment->batch_size;
  experiment->batch_size = larger ? batch : experiment->batch_size;
  if (((larger || !experiment->planned) &&
       nacre_experiment_plan(experiment, input) != NACRE_OK) ||
      nacre_tensors_read(&predictor->tensors, weights, error) != NACRE_OK ||
      nacre_device_open_best(&predictor->device, &experiment->ctx,
                             experiment->device, threads, cpu_level) !=
        NACRE_OK ||
      nacre_model_make(&predictor->model, &experiment->graph,
                       &predictor->device, false, error) != NACRE_OK ||
      nacre_checkpoint_load(&predictor->model, &predictor->tensors, weights,
                            error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_program_make(&predictor->program, &predictor->model,
                            NACRE_MODE_PREDICT, batch, experiment->seed,
                            error);
}

void nacre_predictor_fini(nacre_predictor *predictor) {
  nacre_program_fini(&predictor->program);
  nacre_model_fini(&predictor->model);
  nacre_device_close(&predictor->device);
  nacre_tensors_fini(&predictor->tensors);
  *predictor = (nacre_predictor){ 0 };
}

void nacre_predictor_write(nacre_program *program, int input,
                           const real *from, int64_t n) {
  const nacre_device *device = program->model->device;
  real *to = nacre_program_input(program, input);
  if (device->ops->write != NULL) {
    device->ops->write(device->self, to, from, (size_t)n * sizeof(real));
  } else {
    memcpy(to, from, (size_t)n * sizeof(real));
  }
}

void nacre_predictor_read(const nacre_program *program, int edge, real *to,
                          int64_t n) {
  const nacre_device *device = program->model->device;
  const real *from = nacre_program_value(program, edge);
  if (device->ops->read != NULL) {
    device->ops->read(device->self, to, from, (size_t)n * sizeof(real));
  } else {
    memcpy(to, from, (size_t)n * sizeof(real));
  }
}

int nacre_predictor_fault(const nacre_program *program, int64_t first,
                          nacre_error *error) {
  const nacre_vertex *vertex =
    &program->model->graph->vertex[program->fault_vertex];
  nacre_place place = nacre_node_place(vertex->node);
  return nacre_error_add(error, NACRE_EDATA, &place,
                         "layer '%s' (%s), sample %lld: %s", vertex->name,
                         vertex->type,
                         (long long)(first + program->fault_sample),
                         program->fault_text);
}

int nacre_predictor_run(nacre_predictor *predictor, int64_t n,
                        int64_t first) {
  nacre_program *program = &predictor->program;
  const nacre_device *device = &predictor->device;
  uint64_t saved =
    device->ops->enter != NULL ? device->ops->enter(device->self) : 0;
  program->faulted = false;
  if (program->batch != n) {
    nacre_program_set_batch(program, n);
  }
  nacre_program_run(program);
  if (device->ops->leave != NULL) {
    device->ops->leave(device->self, saved);
  }
  return program->faulted
    ? nacre_predictor_fault(program, first, predictor->experiment->error)
    : NACRE_OK;
}

static void take_outputs(const nacre_predictor *predictor, int64_t n,
                         real *const *outputs) {
  const nacre_graph *graph = &predictor->experiment->graph;
  for (int i = 0; i < graph->n_heads; i++) {
    int edge = graph->head[i].edge;
    int64_t count = nacre_shape_count(&graph->edge[edge].shape);
    nacre_predictor_read(&predictor->program, edge,
                         outputs[i], n * count);
  }
}

/* Input files. */

/* Whether a suffix is one of what sources of many files take apart. */
static bool is_taken_apart(const nacre_registry *registry,
                           const char *suffix) {
  static const uint32_t kinds[] = { NACRE_KIND_ARCHIVE, NACRE_KIND_IMAGE,
                                    NACRE_KIND_SOUND };
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if (nacre_registry_has(registry, kinds[i], suffix)) {
      return true;
    }
  }
  return false;
}

/* "values.csv.gz" with a codec called gz: "csv". NULL for what is read as
 * the training data were: folders, archives, pictures, sounds. */
static char *format_of(nacre_registry *registry, const char *path) {
  if (nacre_is_folder(path)) {
    return NULL;
  }
  const char *slash = strrchr(path, '/');
  char *base = nacre_strdup(slash != NULL ? slash + 1 : path);
  char *dot = base != NULL ? strrchr(base, '.') : NULL;
  if (dot != NULL && nacre_registry_has(registry, NACRE_KIND_CODEC,
                                        dot + 1)) {
    *dot = '\0';
    dot = strrchr(base, '.');
  }
  for (char *c = dot; c != NULL && *c != '\0'; c++) {
    *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
  }
  bool named = dot != NULL && !is_taken_apart(registry, dot + 1);
  char *format = named ? nacre_strdup(dot + 1) : NULL;
  nacre_free(base);
  return format;
}

/* The parameter that names the file a source reads; NULL: it reads none. */
static const char *file_param(const nacre_component *source) {
  for (uint32_t i = 0; source != NULL && i < source->params.n; i++) {
    const nacre_param *param = (const nacre_param *)
      ((const char *)source->params.at + (size_t)i * source->params.stride);
    if ((param->flags & NACRE_PARAM_PATH) != 0) {
      return param->name;
    }
  }
  return NULL;
}

/* The training source's parameters if the input is of the same kind, with
 * the file in place of its own; else a source of the file's kind. */
static nacre_node *describe_input(nacre_experiment *experiment,
                                  const char *type, const char *file,
                                  const char *path) {
  nacre_tree *tree = experiment->tree;
  nacre_node *trained = experiment->train_data.source.node;
  const nacre_component *source =
    experiment->train_data.source.component;
  nacre_node *map = NULL;
  if (source != NULL && strcmp(source->name, type) == 0 &&
      trained->kind == NACRE_NODE_MAP) {
    map = nacre_node_copy(tree, trained);
  } else {
    map = nacre_node_new(tree, NACRE_NODE_MAP);
    nacre_node *key = map != NULL
      ? nacre_node_scalar(tree, "type", trained) : NULL;
    nacre_node *value = key != NULL
      ? nacre_node_scalar(tree, type, trained) : NULL;
    if (value == NULL) {
      return NULL;
    }
    nacre_node_append(map, key, value);
  }
  nacre_node *old = map != NULL ? nacre_node_peek(map, file) : NULL;
  if (old != NULL) {
    nacre_node_remove(map, old);
  }
  nacre_node *key = nacre_node_scalar(tree, file, trained);
  nacre_node *value = nacre_node_scalar(tree, path, trained);
  if (map == NULL || key == NULL || value == NULL) {
    return NULL;
  }
  value->quoted = true;
  nacre_node_append(map, key, value);
  return map;
}

/* What reads the input: what the user says, what its name says, what the
 * training data were. `*file` gets its parameter for the file. Caller frees
 * with nacre_free(). NULL: a problem was added. */
static char *choose_type(nacre_experiment *experiment, const char *path,
                         const char *format, const char **file) {
  nacre_error *error = experiment->error;
  nacre_registry *registry = experiment->registry;
  nacre_place place = {
    .file = strcmp(path, "-") == 0 ? "standard input" : path
  };
  const nacre_component *trained = experiment->train_data.source.component;
  bool alone = trained != NULL && (((const nacre_source_ops *)
                                    trained->ops)->flags &
                                   NACRE_SOURCE_ALONE) != 0;
  char *type = format != NULL ? nacre_strdup(format)
               : alone        ? NULL
                              : format_of(registry, path);
  if (type == NULL && file_param(trained) != NULL) {
    type = nacre_strdup(trained->name);
  }
  if (type == NULL) {
    nacre_error_add(error, NACRE_EDATA, &place,
                    "its name does not tell which data source reads it: "
                    "the format must be given");
    return NULL;
  }
  *file = nacre_registry_has(registry, NACRE_KIND_SOURCE, type)
    ? file_param(nacre_registry_find(registry, NACRE_KIND_SOURCE, type, NULL,
                                     0, error))
    : NULL;
  if (*file == NULL) {
    nacre_error_add(error, NACRE_EDATA, &place,
                    "no data source reads files of this kind");
    nacre_free(type);
    return NULL;
  }
  return type;
}

static int choose_input(nacre_prediction_input *input,
                        nacre_experiment *experiment, const char *path,
                        const char *format) {
  nacre_error *error = experiment->error;
  nacre_place place = { .file = path };
  const char *file = NULL;
  char *type = choose_type(experiment, path, format, &file);
  if (type == NULL) {
    return NACRE_ERROR;
  }
  /* Relative to where the user stands, not to the config. */
  char *absolute = strcmp(path, "-") == 0 ? nacre_strdup(path)
                                          : realpath(path, NULL);
  nacre_node *node = absolute != NULL
    ? describe_input(experiment, type, file, absolute) : NULL;
  int status = NACRE_OK;
  if (absolute == NULL) {
    status = nacre_error_add(error, NACRE_EDATA, &place,
                             "there is no such file");
  } else if (node == NULL) {
    status = nacre_no_memory(error);
  } else {
    status = nacre_choose(&experiment->ctx, NACRE_KIND_SOURCE, node, NULL,
                          false, &input->choice);
  }
  free(absolute);
  nacre_free(type);
  return status;
}

int nacre_prediction_open(nacre_prediction_input *input,
                          nacre_experiment *experiment,
                          const nacre_tensors *tensors, const char *weights,
                          const char *path, const char *format) {
  nacre_params_ctx *ctx = &experiment->ctx;
  *input = (nacre_prediction_input){ .weights = weights };
  const char *state = nacre_checkpoint_source(tensors);
  if (choose_input(input, experiment, path, format) != NACRE_OK) {
    return NACRE_ERROR;
  }
  bool same = experiment->train_data.source.component ==
              input->choice.component;
  if (nacre_dataset_open(&input->set, ctx, &input->choice,
                         same ? state : NULL, true) != NACRE_OK) {
    return NACRE_ERROR;
  }
  input->split = (nacre_split){ .set = &input->set, .n = input->set.count };
  input->pipe =
    nacre_alloc((size_t)input->set.n_fields + 1, sizeof(nacre_pipe));
  if (input->pipe == NULL) {
    return nacre_no_memory(ctx->error);
  }
  for (int i = 0; i < input->set.n_fields; i++) {
    if ((input->set.field[i].flags & NACRE_FIELD_TARGET) != 0) {
      continue;
    }
    if (nacre_pipe_make(&input->pipe[input->n_pipes++],
                        &input->set.field[i], experiment->transform,
                        experiment->n_transforms, ctx) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return nacre_checkpoint_fit(input->pipe, input->n_pipes, tensors, weights,
                              ctx->error);
}

static bool is_input(const nacre_dataset *set, const char *name) {
  int field = nacre_dataset_find(set, name, false, false);
  return field >= 0 && (set->field[field].flags & NACRE_FIELD_TARGET) == 0;
}

/* The name of a head's target among the fields that transforms name; NULL:
 * none is put on it, or one that cannot be undone. */
static const char *find_undo(const nacre_prediction_input *input,
                             const nacre_experiment *experiment, int head) {
  const nacre_graph *graph = &experiment->graph;
  const char *name = NULL;
  bool possible = true;
  for (int i = 0; i < experiment->n_transforms; i++) {
    const nacre_transform *transform = &experiment->transform[i];
    const char *field = transform->field;
    if (field == NULL || transform->augments || is_input(&input->set, field) ||
        strcmp(field, "sample_weight") == 0 ||
        (graph->n_heads > 1 && strcmp(field, graph->head[head].name) != 0)) {
      continue;
    }
    name = field;
    possible = possible && transform->ops->invert != NULL;
  }
  return possible ? name : NULL;
}

/* Predictions leave as targets came, so their transforms are made again from
 * the saved state: the input file need not have the targets. */
static int make_undo(nacre_prediction_input *input,
                     const nacre_predictor *predictor) {
  nacre_experiment *experiment = predictor->experiment;
  const nacre_graph *graph = &experiment->graph;
  input->undo = nacre_alloc((size_t)graph->n_heads + 1, sizeof(nacre_pipe));
  if (input->undo == NULL) {
    return nacre_no_memory(experiment->error);
  }
  for (int i = 0; i < graph->n_heads; i++) {
    nacre_pipe *undo = &input->undo[input->n_undo++];
    nacre_field field = { .name = find_undo(input, experiment, i),
                          .shape = graph->edge[graph->head[i].edge].shape,
                          .flags = NACRE_FIELD_TARGET };
    if (field.name != NULL &&
        nacre_pipe_make(undo, &field, experiment->transform,
                        experiment->n_transforms, &experiment->ctx) !=
          NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return nacre_checkpoint_fit(input->undo, input->n_undo,
                              &predictor->tensors, input->weights,
                              experiment->error);
}

int nacre_prediction_join(nacre_prediction_input *input,
                          nacre_predictor *predictor) {
  if (make_undo(input, predictor) != NACRE_OK) {
    return NACRE_ERROR;
  }
  input->ready = true;
  input->position =
    nacre_alloc((size_t)predictor->batch, sizeof(*input->position));
  if (input->position == NULL) {
    return nacre_no_memory(predictor->experiment->error);
  }
  return nacre_feed_make(&input->feed, &predictor->program, &input->split,
                         input->pipe, input->n_pipes, false,
                         predictor->experiment->error);
}

void nacre_prediction_close(nacre_prediction_input *input) {
  if (input->ready) {
    nacre_feed_fini(&input->feed);
  }
  for (int i = 0; i < input->n_pipes; i++) {
    nacre_pipe_fini(&input->pipe[i]);
  }
  nacre_free(input->pipe);
  for (int i = 0; i < input->n_undo; i++) {
    nacre_pipe_fini(&input->undo[i]);
  }
  nacre_free(input->undo);
  nacre_free(input->position);
  nacre_dataset_close(&input->set);
  *input = (nacre_prediction_input){ 0 };
}

/* What the source did to the targets is undone where nothing stands between:
 * a transform that could not be undone would. */
static void restore(const nacre_prediction_input *input,
                    const nacre_predictor *predictor, int head, int64_t n,
                    real *y) {
  const nacre_experiment *experiment = predictor->experiment;
  const nacre_graph *graph = &experiment->graph;
  const nacre_dataset *set = &input->set;
  int field = nacre_dataset_find(set, graph->head[head].name, true,
                                 graph->n_heads == 1);
  if (set->ops->restore == NULL || field < 0 ||
      nacre_shape_count(&set->field[field].shape) !=
        nacre_shape_count(&graph->edge[graph->head[head].edge].shape)) {
    return;
  }
  for (int i = 0; i < experiment->n_transforms; i++) {
    const char *name = experiment->transform[i].field;
    if (name != NULL && strcmp(name, set->field[field].name) == 0 &&
        input->undo[head].n_stages == 0) {
      return;
    }
  }
  set->ops->restore(set->self, (uint32_t)field, n, y);
}

int nacre_prediction_rows(nacre_prediction_input *input,
                          nacre_predictor *predictor, int64_t first,
                          int64_t n, real *const *outputs) {
  nacre_key none = { { 0, 0 }, { 0, 0 } };
  for (int64_t i = 0; i < n; i++) {
    input->position[i] = first + i;
  }
  if (nacre_feed_batch(&input->feed, input->position, n, none) != NACRE_OK ||
      nacre_predictor_run(predictor, n, first) != NACRE_OK) {
    return NACRE_ERROR;
  }
  take_outputs(predictor, n, outputs);
  for (int i = 0; i < input->n_undo; i++) {
    if (nacre_pipe_invert(&input->undo[i], n, outputs[i]) != NACRE_OK) {
      return NACRE_ERROR;
    }
    restore(input, predictor, i, n, outputs[i]);
  }
  return NACRE_OK;
}
