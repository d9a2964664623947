/* SPDX-License-Identifier: MIT */
#include "run/program.h"

#include "base/random.h"
#include "run/steps.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TAG_LAYER 2u

/* While a program is bound. */
typedef struct binder {
  nacre_program *program;
  const nacre_graph *graph;
  uint64_t seed;
  nacre_error *error;
  int room_batched, room_random;
} binder;

static void *array(const binder *bind, size_t n, size_t size) {
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
    }
  }
}

/* Tensors. */

static void *buffer_at(const binder *bind, int buffer) {
  return bind->program->activations +
         bind->program->layout.buffer[buffer].offset;
}

/* A tensor with the batch in front; it follows set_batch(). */
static void bind_sample(const binder *bind, nacre_tensor *tensor,
                        const nacre_shape *shape, void *data) {
  nacre_program *program = bind->program;
  tensor->data = data;
  tensor->rank = shape->rank + 1;
  tensor->dtype = NACRE_REAL;
  tensor->dim[0] = program->batch_max;
  for (int i = 0; i < shape->rank; i++) {
    tensor->dim[i + 1] = shape->dim[i];
  }
  program->batched[program->n_batched++] = tensor;
}

static void bind_whole(nacre_tensor *tensor, const nacre_shape *shape,
                       void *data) {
  tensor->data = data;
  tensor->rank = shape->rank;
  tensor->dtype = NACRE_REAL;
  memcpy(tensor->dim, shape->dim, sizeof(tensor->dim));
}

static void bind_edge(const binder *bind, nacre_tensor *tensor, int edge,
                      int buffer) {
  bind_sample(bind, tensor, &bind->graph->edge[edge].shape,
              buffer < 0 ? NULL : buffer_at(bind, buffer));
}

static void bind_slot(const binder *bind, nacre_tensor *tensor,
                      const nacre_slot *slot, void *data) {
  if (slot->per_sample) {
    bind_sample(bind, tensor, &slot->shape, data);
  } else {
    bind_whole(tensor, &slot->shape, data);
  }
}

/* Vertices. */

static nacre_activation *bind_activation(const binder *bind,
                                         const nacre_vertex *vertex) {
  nacre_activation *act = array(bind, 1, sizeof(*act));
  if (act != NULL) {
    *act = vertex->act_ops->call;
    act->cfg = vertex->activation.cfg;
  }
  return act;
}

static int bind_weights(const binder *bind, const nacre_vertex *vertex,
                        nacre_run *run) {
  nacre_model *model = bind->program->model;
  uint32_t n = vertex->ops->weights.n;
  nacre_tensor *weight = array(bind, n, sizeof(*weight));
  nacre_tensor *dweight = array(bind, n, sizeof(*dweight));
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

static int bind_slots(const binder *bind, int index, nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  nacre_program *program = bind->program;
  nacre_tensor *saved = array(bind, NACRE_SLOT_MAX, sizeof(*saved));
  nacre_tensor *scratch = array(bind, NACRE_SLOT_MAX, sizeof(*scratch));
  if (saved == NULL || scratch == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < NACRE_SLOT_MAX; i++) {
    int buffer = program->layout.saved[index][i];
    if (buffer >= 0) {
      bind_slot(bind, &saved[i], &vertex->saved[i], buffer_at(bind, buffer));
    }
    if (vertex->scratch[i].used) {
      bind_slot(bind, &scratch[i], &vertex->scratch[i],
                program->scratch + program->layout.scratch[index][i]);
    }
  }
  run->saved = saved;
  run->scratch = scratch;
  return NACRE_OK;
}

static int bind_edges(const binder *bind, int index, nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  const nacre_layout *layout = &bind->program->layout;
  size_t n = (size_t)vertex->n_inputs + (size_t)vertex->n_outputs;
  nacre_tensor *value = array(bind, n, sizeof(*value));
  /* Forward has no gradients: tensors are there, their data are not. */
  nacre_tensor *absent = array(bind, n, sizeof(*absent));
  if (value == NULL || absent == NULL) {
    return NACRE_ERROR;
  }
  run->din = run->dout = absent;
  nacre_tensor *out = value + vertex->n_inputs;
  for (int i = 0; i < vertex->n_inputs; i++) {
    bind_edge(bind, &value[i], vertex->input[i],
              layout->value[vertex->input[i]]);
  }
  for (int i = 0; i < vertex->n_outputs; i++) {
    bind_edge(bind, &out[i], vertex->output[i],
              layout->value[vertex->output[i]]);
  }
  run->in = value;
  run->out = out;
  run->n_inputs = (uint32_t)vertex->n_inputs;
  run->n_outputs = (uint32_t)vertex->n_outputs;
  return NACRE_OK;
}

/* What is the same in every call. */
static void start_run(const binder *bind, nacre_run *run) {
  nacre_program *program = bind->program;
  run->size = sizeof(*run);
  run->math = program->model->device->math;
  run->batch = program->batch_max;
  run->fault = fault;
  run->host = program;
}

/* Private state of a layer, made after the plan of its own call site. */
static int create_self(const binder *bind, const nacre_vertex *vertex,
                       nacre_run *run) {
  if (vertex->ops->create == NULL) {
    return NACRE_OK;
  }
  nacre_shape *inputs = array(bind, (size_t)vertex->n_inputs,
                              sizeof(*inputs));
  if (inputs == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    inputs[i] = bind->graph->edge[vertex->input[i]].shape;
  }
  nacre_plan plan = { .size = sizeof(plan),
                      .n_inputs = (uint32_t)vertex->n_inputs,
                      .cfg = vertex->layer.cfg, .input = inputs,
                      .batch = bind->program->batch_max,
                      .needs = vertex->needs };
  if (vertex->ops->create(&plan, &run->self) != NACRE_OK) {
    return nacre_error_add(bind->error, NACRE_EPLUGIN, NULL,
                           "layer '%s' (%s) could not be set up",
                           vertex->name, vertex->type);
  }
  return NACRE_OK;
}

static int bind_vertex(binder *bind, int index, nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[index];
  nacre_program *program = bind->program;
  start_run(bind, run);
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

/* Operations. Gradients differ from call to call, so that a backward call
 * has a run of its own, which shares all else with the vertex's. */

static int bind_backward(const binder *bind, const nacre_op *op,
                         nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[op->index];
  size_t n = (size_t)vertex->n_inputs + (size_t)vertex->n_outputs;
  nacre_tensor *grad = array(bind, n, sizeof(*grad));
  if (grad == NULL) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    bind_edge(bind, &grad[i], vertex->input[i], op->din[i]);
  }
  nacre_tensor *dout = grad + vertex->n_inputs;
  for (int i = 0; i < vertex->n_outputs; i++) {
    bind_edge(bind, &dout[i], vertex->output[i], op->dout[i]);
  }
  run->din = grad;
  run->dout = dout;
  return NACRE_OK;
}

static int bind_derive(const binder *bind, const nacre_op *op,
                       nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[op->index];
  const nacre_layout *layout = &bind->program->layout;
  bool needs_x = (vertex->act_ops->flags & NACRE_ACT_NEED_X) != 0;
  int edge = needs_x ? vertex->input[0] : vertex->output[0];
  nacre_tensor *tensor = array(bind, 3, sizeof(*tensor));
  if (tensor == NULL) {
    return NACRE_ERROR;
  }
  run->self = (void *)(uintptr_t)run->epilogue;
  bind_edge(bind, &tensor[0], edge, layout->value[edge]);
  bind_edge(bind, &tensor[1], edge, op->from);
  bind_edge(bind, &tensor[2], edge, op->to);
  run->in = &tensor[0];
  run->dout = &tensor[1];
  run->din = &tensor[2];
  return NACRE_OK;
}

static int bind_move(const binder *bind, const nacre_op *op, nacre_run *run) {
  const nacre_layout *layout = &bind->program->layout;
  nacre_tensor *tensor = array(bind, 2, sizeof(*tensor));
  if (tensor == NULL) {
    return NACRE_ERROR;
  }
  nacre_shape shape = nacre_shape_1d(layout->buffer[op->to].count);
  start_run(bind, run);
  if (op->from >= 0) {
    bind_sample(bind, &tensor[0], &shape, buffer_at(bind, op->from));
  }
  bind_sample(bind, &tensor[1], &shape, buffer_at(bind, op->to));
  run->in = &tensor[0];
  run->out = &tensor[1];
  return NACRE_OK;
}

static void bind_loss(nacre_bound_head *head, real *dy) {
  bool on_logits = head->head->on_logits;
  head->dy = dy;
  head->call = (nacre_loss_run){
    .size = sizeof(head->call),
    .math = head->program->model->device->math,
    .cfg = head->head->loss.cfg, .cols = head->cols, .y = head->y,
    .target = head->target, .loss = head->row_loss, .dy = dy,
    .prob = on_logits ? head->prediction : NULL, .on_logits = on_logits
  };
}

static int bind_op(binder *bind, int index, nacre_run **of_vertex) {
  nacre_program *program = bind->program;
  const nacre_op *op = &program->layout.op[index];
  nacre_run *run = &program->run[index];
  nacre_step *step = &program->step[index];
  const nacre_vertex *vertex = NULL;
  step->run = run;
  if (op->kind != NACRE_OP_LOSS && op->index >= 0) {
    vertex = &bind->graph->vertex[op->index];
    if (of_vertex[op->index] == NULL) {
      if (bind_vertex(bind, op->index, run) != NACRE_OK) {
        return NACRE_ERROR;
      }
      of_vertex[op->index] = run;
    } else {
      *run = *of_vertex[op->index];
      if (vertex->ops != NULL &&
          (vertex->ops->flags & NACRE_LAYER_RANDOM) != 0) {
        program->random[program->n_random++] = run;
      }
    }
  }
  switch (op->kind) {
  case NACRE_OP_FORWARD:
    step->call = vertex->ops->forward;
    return NACRE_OK;
  case NACRE_OP_ACTIVATE:
    step->call = nacre_step_activate;
    return NACRE_OK;
  case NACRE_OP_BACKWARD:
    step->call = vertex->ops->backward;
    return bind_backward(bind, op, run);
  case NACRE_OP_DERIVE:
    step->call = nacre_step_derive;
    return bind_derive(bind, op, run);
  case NACRE_OP_LOSS:
    step->call = nacre_step_loss;
    start_run(bind, run);
    run->self = &program->head[op->index];
    bind_loss(&program->head[op->index],
              op->to < 0 ? NULL : buffer_at(bind, op->to));
    return NACRE_OK;
  case NACRE_OP_ADD:
    step->call = nacre_step_add;
    return bind_move(bind, op, run);
  case NACRE_OP_COPY:
    step->call = nacre_step_copy;
    return bind_move(bind, op, run);
  case NACRE_OP_ZERO:
    step->call = nacre_step_zero;
    return bind_move(bind, op, run);
  }
  return NACRE_ERROR;
}

/* Heads. */

static void *device_alloc(const binder *bind, int64_t count, size_t size) {
  return nacre_device_alloc(bind->program->model->device, count, size,
                            "the activations", bind->error);
}

static int bind_head(const binder *bind, int index) {
  nacre_program *program = bind->program;
  nacre_bound_head *bound = &program->head[index];
  const nacre_head *head = &bind->graph->head[index];
  const nacre_shape *shape = &bind->graph->edge[head->edge].shape;
  *bound = (nacre_bound_head){ .head = head, .program = program };
  bound->cols = nacre_shape_last(shape);
  bound->rows_per_sample = nacre_shape_count(shape) / bound->cols;
  bound->prediction = buffer_at(bind, program->layout.value[head->edge]);
  bound->y = buffer_at(bind, program->layout.value[head->loss_edge]);
  if (head->loss_ops == NULL || program->mode == NACRE_MODE_PREDICT) {
    return NACRE_OK;
  }
  bool by_index = (head->loss_ops->flags & NACRE_LOSS_INDEX) != 0;
  int64_t rows = program->batch_max * bound->rows_per_sample;
  bound->target_cols = by_index ? 1 : bound->cols;
  bound->target = device_alloc(bind, rows * bound->target_cols, sizeof(real));
  bound->sample_weight = array(bind, (size_t)program->batch_max,
                               sizeof(double));
  bound->row_loss = array(bind, (size_t)rows, sizeof(double));
  bound->row_factor = array(bind, (size_t)rows, sizeof(double));
  return bound->target != NULL && bound->sample_weight != NULL &&
         bound->row_loss != NULL && bound->row_factor != NULL
    ? NACRE_OK : NACRE_ERROR;
}

/* Counts tensors that can follow the batch, for one array of them. */
static size_t count_tensors(const nacre_program *program) {
  const nacre_graph *graph = program->model->graph;
  size_t n = 0;
  for (int i = 0; i < program->layout.n_ops; i++) {
    const nacre_op *op = &program->layout.op[i];
    n += 8;
    if (op->kind != NACRE_OP_LOSS && op->index >= 0) {
      const nacre_vertex *vertex = &graph->vertex[op->index];
      n += 2 * ((size_t)vertex->n_inputs + (size_t)vertex->n_outputs) +
           2 * (size_t)NACRE_SLOT_MAX;
    }
  }
  return n;
}

static int bind_all(binder *bind) {
  nacre_program *program = bind->program;
  const nacre_layout *layout = &program->layout;
  size_t ops = (size_t)layout->n_ops;
  program->batched = array(bind, count_tensors(program),
                           sizeof(nacre_tensor *));
  program->random = array(bind, 2 * ops, sizeof(nacre_run *));
  program->run = array(bind, ops, sizeof(*program->run));
  program->step = array(bind, ops, sizeof(*program->step));
  program->head = array(bind, (size_t)bind->graph->n_heads,
                        sizeof(*program->head));
  nacre_run **of_vertex =
    array(bind, (size_t)bind->graph->n_vertices, sizeof(nacre_run *));
  program->activations = device_alloc(bind, layout->activation_bytes, 1);
  program->scratch = device_alloc(bind, layout->scratch_bytes, 1);
  if (program->batched == NULL || program->random == NULL ||
      program->run == NULL || program->step == NULL ||
      program->head == NULL || of_vertex == NULL ||
      program->activations == NULL || program->scratch == NULL) {
    return NACRE_ERROR;
  }
  program->n_steps = program->n_runs = layout->n_ops;
  program->n_forward = layout->n_forward;
  for (int i = 0; i < bind->graph->n_heads; i++) {
    if (bind_head(bind, i) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  for (int i = 0; i < layout->n_ops; i++) {
    if (bind_op(bind, i, of_vertex) != NACRE_OK) {
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

int nacre_program_bind(nacre_program *program, nacre_model *model,
                       nacre_mode mode, nacre_layout *layout,
                       int64_t batch_max, uint64_t seed,
                       nacre_error *error) {
  *program = (nacre_program){ .model = model, .mode = mode,
                              .layout = *layout, .batch_max = batch_max };
  *layout = (nacre_layout){ 0 };
  program->arena = nacre_arena_new();
  if (program->arena == NULL) {
    return nacre_no_memory(error);
  }
  binder bind = { .program = program, .graph = model->graph, .seed = seed,
                  .error = error };
  if (bind_all(&bind) != NACRE_OK) {
    return NACRE_ERROR;
  }
  nacre_program_set_batch(program, batch_max);
  return NACRE_OK;
}

int nacre_program_make(nacre_program *program, nacre_model *model,
                       nacre_mode mode, int64_t batch_max, uint64_t seed,
                       nacre_error *error) {
  nacre_layout layout;
  *program = (nacre_program){ 0 };
  if (nacre_layout_make(&layout, model->graph, mode, batch_max) !=
      NACRE_OK) {
    nacre_layout_fini(&layout);
    return NACRE_ERROR;
  }
  return nacre_program_bind(program, model, mode, &layout, batch_max, seed,
                            error);
}

void nacre_program_fini(nacre_program *program) {
  if (program->model == NULL) {
    return;
  }
  nacre_device *device = program->model->device;
  const nacre_graph *graph = program->model->graph;
  for (int i = 0; i < program->n_forward; i++) {
    const nacre_op *op = &program->layout.op[i];
    if (op->kind == NACRE_OP_FORWARD && program->run[i].self != NULL &&
        graph->vertex[op->index].ops->destroy != NULL) {
      graph->vertex[op->index].ops->destroy(program->run[i].self);
    }
  }
  for (int i = 0; i < graph->n_heads && program->head != NULL; i++) {
    nacre_bound_head *head = &program->head[i];
    int64_t rows = program->batch_max * head->rows_per_sample;
    nacre_device_free(device, head->target, rows * head->target_cols,
                      sizeof(real));
  }
  nacre_device_free(device, program->activations, program->layout.activation_bytes, 1);
  nacre_device_free(device, program->scratch, program->layout.scratch_bytes, 1);
  nacre_layout_fini(&program->layout);
  nacre_arena_free(program->arena);
  *program = (nacre_program){ 0 };
}

void nacre_program_set_batch(nacre_program *program, int64_t batch) {
  if (program->batch == batch) {
    return;
  }
  program->batch = batch;
  for (int i = 0; i < program->n_batched; i++) {
    program->batched[i]->dim[0] = batch;
  }
  for (int i = 0; i < program->n_runs; i++) {
    program->run[i].batch = batch;
  }
}

void nacre_program_set_step(nacre_program *program, int64_t step) {
  for (int i = 0; i < program->n_random; i++) {
    program->random[i]->key.tag[0] = (uint32_t)step;
  }
}

void nacre_program_run(nacre_program *program) {
  const nacre_step *step = program->step;
  const nacre_step *end = step + program->n_steps;
  for (; step < end; step++) {
    step->call(step->run);
  }
}

real *nacre_program_input(const nacre_program *program, int index) {
  return nacre_program_value(program, index);
}

real *nacre_program_value(const nacre_program *program, int edge) {
  const nacre_layout *layout = &program->layout;
  return (real *)(void *)(program->activations +
                          layout->buffer[layout->value[edge]].offset);
}
