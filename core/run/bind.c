/* SPDX-License-Identifier: MIT */
/* bind: a vertex's tensors, weights and slots become addresses in a run. */
#include "run/bind.h"

#include "base/random.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAG_LAYER 2u

void *nacre_bind_array(const nacre_binder *bind, size_t n, size_t size) {
  void *at = nacre_arena_alloc(bind->program->arena, n + 1, size);
  if (at == NULL) {
    nacre_no_memory(bind->error);
  }
  return at;
}

/* Faults. */

static void fault(nacre_run *run, int64_t sample, const char *format, ...) {
  nacre_program *program = run->host;
  if (program->faulted) {
    return;
  }
  va_list args;
  va_start(args, format);
  vsnprintf(program->fault_text, sizeof(program->fault_text), format, args);
  va_end(args);
  program->faulted = true;
  program->fault_sample = sample;
  program->fault_vertex = -1;
  for (int i = 0; i < program->n_steps; i++) {
    if (program->step[i].run == run) {
      program->fault_vertex = program->layout.op[i].index;
      program->fault_sample = sample / program->times[i];
    }
  }
}

/* Tensors. */

void *nacre_bind_buffer(const nacre_binder *bind, int buffer) {
  return bind->program->activations +
         bind->program->layout.buffer[buffer].offset;
}

/* A tensor with the batch in front; it follows set_batch(). */
void nacre_bind_sample(const nacre_binder *bind, nacre_tensor *tensor,
                        const nacre_shape *shape, int64_t times,
                        void *data) {
  nacre_program *program = bind->program;
  tensor->data = data;
  tensor->rank = shape->rank + 1;
  tensor->dtype = NACRE_REAL;
  tensor->dim[0] = program->batch_max * times;
  for (int i = 0; i < shape->rank; i++) {
    tensor->dim[i + 1] = shape->dim[i];
  }
  program->batched[program->n_batched++] =
    (struct nacre_batched){ tensor, times };
}

static void bind_whole(nacre_tensor *tensor, const nacre_shape *shape,
                       void *data) {
  tensor->data = data;
  tensor->rank = shape->rank;
  tensor->dtype = NACRE_REAL;
  memcpy(tensor->dim, shape->dim, sizeof(tensor->dim));
}

void nacre_bind_edge(const nacre_binder *bind, nacre_tensor *tensor, int edge,
                      int buffer) {
  const nacre_edge *at = &bind->graph->edge[edge];
  nacre_bind_sample(bind, tensor, &at->shape, at->times,
                    buffer < 0 ? NULL : nacre_bind_buffer(bind, buffer));
}

static void bind_slot(const nacre_binder *bind, nacre_tensor *tensor,
                      const nacre_slot *slot, int64_t times, void *data) {
  if (slot->per_sample) {
    nacre_bind_sample(bind, tensor, &slot->shape, times, data);
  } else {
    bind_whole(tensor, &slot->shape, data);
  }
}

/* Vertices. */

static nacre_activation *bind_activation(const nacre_binder *bind,
                                         const nacre_vertex *vertex) {
  nacre_activation *act = nacre_bind_array(bind, 1, sizeof(*act));
  if (act != NULL) {
    *act = vertex->act_ops->call;
    act->cfg = vertex->activation.cfg;
  }
  return act;
}

static int bind_weights(const nacre_binder *bind, const nacre_vertex *vertex,
                        nacre_run *run) {
  nacre_model *model = bind->program->model;
  uint32_t n = vertex->ops->weights.n;
  nacre_tensor *weight = nacre_bind_array(bind, n, sizeof(*weight));
  nacre_tensor *dweight = nacre_bind_array(bind, n, sizeof(*dweight));
  if (weight == NULL || dweight == NULL) {
    return NACRE_ERROR;
  }
  for (uint32_t i = 0; i < n; i++) {
    int index = vertex->variable[i];
    if (index < 0) {
      continue;
    }
    const nacre_variable *variable = &bind->graph->variable[index];
    bool graded = variable->trained && model->grads != NULL &&
                  bind->program->mode == NACRE_MODE_TRAIN;
    bind_whole(&weight[i], &variable->shape,
               model->params + model->offset[index]);
    bind_whole(&dweight[i], &variable->shape,
               graded ? model->grads + model->offset[index] : NULL);
  }
  run->weight = weight;
  run->dweight = dweight;
  return NACRE_OK;
}

static int bind_slots(const nacre_binder *bind, int index, nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  nacre_program *program = bind->program;
  nacre_tensor *saved = nacre_bind_array(bind, NACRE_SLOT_MAX, sizeof(*saved));
  nacre_tensor *scratch =
    nacre_bind_array(bind, NACRE_SLOT_MAX, sizeof(*scratch));
  if (saved == NULL || scratch == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    int buffer = program->layout.saved[index][i];
    if (buffer >= 0) {
      bind_slot(bind, &saved[i], &vertex->saved[i], vertex->times,
                nacre_bind_buffer(bind, buffer));
    }
    if (vertex->scratch[i].used) {
      bind_slot(bind, &scratch[i], &vertex->scratch[i], vertex->times,
                program->scratch + program->layout.scratch[index][i]);
    }
  }
  run->saved = saved;
  run->scratch = scratch;
  return NACRE_OK;
}

/* Tokens and masks that are read, and behind them the mask that is written. */
static int bind_beside(const nacre_binder *bind, const nacre_vertex *vertex,
                       nacre_run *run) {
  const nacre_layout *layout = &bind->program->layout;
  const size_t n = (size_t)vertex->n_inputs;
  nacre_tensor *mask = nacre_bind_array(bind, n + 1, sizeof(*mask));
  nacre_tensor *tokens = nacre_bind_array(bind, n, sizeof(*tokens));
  if (mask == NULL || tokens == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    int edge = nacre_graph_mask_of(bind->graph, vertex, i);
    if (edge >= 0) {
      nacre_bind_edge(bind, &mask[i], edge, layout->value[edge]);
    }
    edge = nacre_graph_tokens_of(bind->graph, vertex, i);
    if (edge >= 0) {
      nacre_bind_edge(bind, &tokens[i], edge, layout->value[edge]);
    }
  }
  nacre_tensor *own = mask + vertex->n_inputs;
  if (vertex->mask >= 0) {
    nacre_bind_edge(bind, own, vertex->mask, layout->value[vertex->mask]);
  }
  run->mask = mask;
  run->tokens = tokens;
  run->out_mask = own;
  return NACRE_OK;
}

static int bind_edges(const nacre_binder *bind, int index, nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  const nacre_layout *layout = &bind->program->layout;
  size_t n = (size_t)vertex->n_inputs + (size_t)vertex->n_outputs;
  nacre_tensor *value = nacre_bind_array(bind, n, sizeof(*value));
  /* Forward has no gradients: tensors are there, their data are not. */
  nacre_tensor *absent = nacre_bind_array(bind, n, sizeof(*absent));
  if (value == NULL || absent == NULL) {
    return NACRE_ERROR;
  }
  run->din = run->dout = absent;
  nacre_tensor *out = value + vertex->n_inputs;
  for (int i = 0; i < vertex->n_inputs; i++) {
    nacre_bind_edge(bind, &value[i], vertex->input[i],
              layout->value[vertex->input[i]]);
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    nacre_bind_edge(bind, &out[i], vertex->output[i],
              layout->value[vertex->output[i]]);
  }
  if (bind_beside(bind, vertex, run) != NACRE_OK) {
    return NACRE_ERROR;
  }
  run->in = value;
  run->out = out;
  run->residual =
    vertex->sum == NULL ? NULL : &value[nacre_vertex_inputs(vertex)];
  run->n_inputs = (uint32_t)nacre_vertex_inputs(vertex);
  run->n_outputs = (uint32_t)vertex->n_outputs;
  return NACRE_OK;
}

/* What is the same in every call. */
void nacre_bind_start(const nacre_binder *bind, nacre_run *run) {
  nacre_program *program = bind->program;
  run->size = sizeof(*run);
  run->math = program->model->device->math;
  run->batch = program->batch_max;
  run->fault = fault;
  run->host = program;
}

/* Private state of a layer, made after the plan of its own call site. */
static int create_self(const nacre_binder *bind, const nacre_vertex *vertex,
                       nacre_run *run) {
  if (vertex->ops->create == NULL) {
    return NACRE_OK;
  }
  const int n_inputs = nacre_vertex_inputs(vertex);
  nacre_shape *inputs =
    nacre_bind_array(bind, (size_t)n_inputs, sizeof(*inputs));
  if (inputs == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < n_inputs; i++) {
    inputs[i] = bind->graph->edge[vertex->input[i]].shape;
  }
  nacre_plan plan = { .size = sizeof(plan),
                      .n_inputs = (uint32_t)n_inputs,
                      .cfg = vertex->layer.cfg, .input = inputs,
                      .batch = bind->program->batch_max * vertex->times,
                      .needs = vertex->needs };
  nacre_graph_announce(bind->graph, vertex, &plan);
  if (vertex->ops->create(&plan, &run->self) != NACRE_OK) {
    return nacre_error_add(bind->error, NACRE_EPLUGIN, NULL,
                           "layer '%s' (%s) could not be set up",
                           vertex->name, vertex->type);
  }
  return NACRE_OK;
}

int nacre_bind_vertex(nacre_binder *bind, int index, nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  nacre_program *program = bind->program;
  nacre_bind_start(bind, run);
  run->cfg = vertex->layer.cfg;
  run->flags = program->mode == NACRE_MODE_TRAIN ? NACRE_RUN_TRAINING : 0;
  if (!vertex->trainable) {
    run->flags |= NACRE_RUN_FROZEN;
  }
  if (bind_edges(bind, index, run) != NACRE_OK) {
    return NACRE_ERROR;
  }
  if (vertex->act_ops != NULL) {
    nacre_activation *act = bind_activation(bind, vertex);
    if (act == NULL) {
      return NACRE_ERROR;
    }
    run->epilogue = act;
    if (vertex->ops == NULL) {
      run->self = act;
      return NACRE_OK;
    }
  }
  if ((vertex->ops->flags & NACRE_LAYER_RANDOM) != 0) {
    run->key = nacre_key_make(bind->seed, vertex->name, TAG_LAYER);
    program->random[program->n_random++] = run;
  }
  if (bind_weights(bind, vertex, run) != NACRE_OK ||
      bind_slots(bind, index, run) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return create_self(bind, vertex, run);
}

/* Whether something that a vertex reads backward was computed again. */
static bool is_elsewhere(const nacre_binder *bind, int index) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  const nacre_layout *layout = &bind->program->layout;
  bool elsewhere = memcmp(layout->saved[index], layout->saved_again[index],
                          sizeof(layout->saved[index])) != 0;
  for (int i = 0; i < vertex->n_inputs; i++) {
    int edge = vertex->input[i];
    elsewhere = elsewhere || layout->again[edge] != layout->value[edge];
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    int edge = vertex->output[i];
    elsewhere = elsewhere || layout->again[edge] != layout->value[edge];
  }
  return elsewhere;
}

int nacre_bind_again(const nacre_binder *bind, int index, const int *out,
                     nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  const nacre_layout *layout = &bind->program->layout;
  if (out == NULL && !is_elsewhere(bind, index)) {
    return NACRE_OK;
  }
  size_t n = (size_t)vertex->n_inputs + (size_t)vertex->n_outputs;
  nacre_tensor *value = nacre_bind_array(bind, n, sizeof(*value));
  nacre_tensor *saved = nacre_bind_array(bind, NACRE_SLOT_MAX, sizeof(*saved));
  if (value == NULL || saved == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    nacre_bind_edge(bind, &value[i], vertex->input[i],
                    layout->again[vertex->input[i]]);
  }
  run->in = value;
  run->residual =
    vertex->sum == NULL ? NULL : &value[nacre_vertex_inputs(vertex)];
  run->out = value + vertex->n_inputs;
  for (int i = 0; i < vertex->n_outputs; i++) {
    nacre_bind_edge(bind, &value[vertex->n_inputs + i], vertex->output[i],
                    out != NULL ? out[i] : layout->again[vertex->output[i]]);
  }
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    int buffer = layout->saved_again[index][i];
    if (buffer >= 0) {
      bind_slot(bind, &saved[i], &vertex->saved[i], vertex->times,
                nacre_bind_buffer(bind, buffer));
    }
  }
  run->saved = saved;
  return NACRE_OK;
}
