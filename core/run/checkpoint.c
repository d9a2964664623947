/* SPDX-License-Identifier: MIT */
#include "run/checkpoint.h"

#include <string.h>

#define FITTED "fitted." /* prefix of what transforms have learned */
#define SOURCE "nacre.source"

static char *fitted_name(const nacre_pipe *pipe, int stage) {
  return nacre_format(FITTED "%s.%d", pipe->field.name,
                      pipe->stage[stage].transform->number);
}

/* Saving. */

static int count_fitted(const nacre_fitted *fitted) {
  int n = 0;
  for (int i = 0; i < fitted->n_pipes; i++) {
    n += fitted->pipe[i].n_stages;
  }
  return n;
}

static int add_weights(const nacre_model *model, nacre_arena *arena,
                       nacre_entry *entry, int *n, nacre_error *error) {
  const nacre_graph *graph = model->graph;
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    if (variable->carried) {
      continue;
    }
    real *copy =
      nacre_arena_alloc(arena, (size_t)variable->count, sizeof(real));
    if (copy == NULL) {
      return nacre_no_memory(error);
    }
    nacre_model_read(model, i, copy);
    entry[(*n)++] = (nacre_entry){ variable->name, variable->shape, copy };
  }
  return NACRE_OK;
}

static int add_fitted(const nacre_fitted *fitted, nacre_arena *arena,
                      nacre_entry *entry, int *n, nacre_error *error) {
  for (int i = 0; i < fitted->n_pipes; i++) {
    const nacre_pipe *pipe = &fitted->pipe[i];
    for (int j = 0; j < pipe->n_stages; j++) {
      if (pipe->stage[j].state_count == 0) {
        continue;
      }
      char *name = fitted_name(pipe, j);
      char *kept = name != NULL
        ? nacre_arena_strndup(arena, name, strlen(name)) : NULL;
      nacre_free(name);
      if (kept == NULL) {
        return nacre_no_memory(error);
      }
      nacre_shape shape = nacre_shape_1d(pipe->stage[j].state_count);
      shape.dtype = NACRE_F64;
      entry[(*n)++] = (nacre_entry){ kept, shape, pipe->stage[j].state };
    }
  }
  return NACRE_OK;
}

int nacre_checkpoint_save(const nacre_model *model,
                          const nacre_fitted *fitted, const char *path,
                          nacre_error *error) {
  nacre_arena *arena = nacre_arena_new();
  int room = model->graph->n_variables + count_fitted(fitted) + 1, n = 0;
  nacre_entry *entry =
    arena != NULL ? nacre_arena_alloc(arena, (size_t)room, sizeof(*entry))
                  : NULL;
  nacre_text_pair texts[2] = { { "format", "nacre" } };
  int n_texts = 1;
  if (fitted->source_state != NULL) {
    texts[n_texts++] = (nacre_text_pair){ SOURCE, fitted->source_state };
  }
  int status = entry != NULL ? NACRE_OK : nacre_no_memory(error);
  if (status == NACRE_OK) {
    status = add_weights(model, arena, entry, &n, error);
  }
  if (status == NACRE_OK) {
    status = add_fitted(fitted, arena, entry, &n, error);
  }
  if (status == NACRE_OK) {
    status = nacre_tensors_write(path, entry, n, texts, n_texts, error);
  }
  nacre_arena_free(arena);
  return status;
}

/* Loading. */

/* Numbers of a file as the build's reals; a double build reads float files
 * and the reverse. */
static void convert(const nacre_entry *entry, int64_t count, real *out) {
  const char *at = entry->data;
  for (int64_t i = 0; i < count; i++) {
    if (entry->shape.dtype == NACRE_F64) {
      double value = 0;
      memcpy(&value, at + (size_t)i * sizeof(value), sizeof(value));
      out[i] = (real)value;
    } else {
      float value = 0;
      memcpy(&value, at + (size_t)i * sizeof(value), sizeof(value));
      out[i] = (real)value;
    }
  }
}

static int load_variable(nacre_model *model, int index,
                         const nacre_tensors *tensors,
                         const nacre_place *place, nacre_error *error) {
  const nacre_variable *variable = &model->graph->variable[index];
  const nacre_entry *entry = nacre_tensors_find(tensors, variable->name);
  if (entry == NULL) {
    return nacre_error_add(error, NACRE_EMODEL, place,
                           "tensor '%s' is missing", variable->name);
  }
  if (!nacre_shape_equal(&entry->shape, &variable->shape) ||
      (entry->shape.dtype != NACRE_F32 && entry->shape.dtype != NACRE_F64)) {
    return nacre_error_add(error, NACRE_EMODEL, place,
                           "tensor '%s' has another shape or type than the "
                           "model's", variable->name);
  }
  real *values = nacre_alloc((size_t)variable->count, sizeof(real));
  if (values == NULL) {
    return nacre_no_memory(error);
  }
  convert(entry, variable->count, values);
  nacre_model_write(model, index, values);
  nacre_free(values);
  return NACRE_OK;
}

int nacre_checkpoint_load(nacre_model *model, const nacre_tensors *tensors,
                          const char *path, nacre_error *error) {
  const nacre_graph *graph = model->graph;
  nacre_place place = { .file = path };
  int status = NACRE_OK;
  for (int i = 0; i < graph->n_variables; i++) {
    if (!graph->variable[i].carried &&
        load_variable(model, i, tensors, &place, error) != NACRE_OK) {
      status = NACRE_ERROR;
    }
  }
  for (int i = 0; i < tensors->n_entries; i++) {
    const char *name = tensors->entry[i].name;
    bool known = strncmp(name, FITTED, strlen(FITTED)) == 0;
    for (int j = 0; j < graph->n_variables && !known; j++) {
      known = strcmp(graph->variable[j].name, name) == 0;
    }
    if (!known) {
      status = nacre_error_add(error, NACRE_EMODEL, &place,
                               "tensor '%s' is not of this model", name);
    }
  }
  return status;
}

int nacre_checkpoint_fit(nacre_pipe *pipes, int n_pipes,
                         const nacre_tensors *tensors, const char *path,
                         nacre_error *error) {
  nacre_place place = { .file = path };
  for (int i = 0; i < n_pipes; i++) {
    for (int j = 0; j < pipes[i].n_stages; j++) {
      struct nacre_stage *stage = &pipes[i].stage[j];
      if (stage->state_count == 0) {
        continue;
      }
      char *name = fitted_name(&pipes[i], j);
      const nacre_entry *entry =
        name != NULL ? nacre_tensors_find(tensors, name) : NULL;
      if (entry == NULL || entry->shape.dtype != NACRE_F64 ||
          nacre_shape_count(&entry->shape) != stage->state_count) {
        nacre_error_add(error, NACRE_EMODEL, &place,
                        "tensor '%s' is missing or of another size",
                        name != NULL ? name : FITTED);
        nacre_free(name);
        return NACRE_ERROR;
      }
      nacre_free(name);
      memcpy(stage->state, entry->data,
             (size_t)stage->state_count * sizeof(double));
    }
  }
  return NACRE_OK;
}

const char *nacre_checkpoint_source(const nacre_tensors *tensors) {
  return nacre_tensors_text(tensors, SOURCE);
}
