/* SPDX-License-Identifier: MIT */
#include "run/program.h"

#include "run/bind.h"
#include "run/profile.h"
#include "run/steps.h"

/* Operations. Gradients differ from call to call, so that a backward call
 * has a run of its own, which shares all else with the vertex's. */

static int bind_backward(const nacre_binder *bind, const nacre_op *op,
                         nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[op->index];
  size_t n = (size_t)vertex->n_inputs + (size_t)vertex->n_outputs;
  nacre_tensor *grad = nacre_bind_array(bind, n, sizeof(*grad));
  if (grad == NULL ||
      nacre_bind_again(bind, op->index, NULL, run) != NACRE_OK) {
    return NACRE_ERROR;
  }
  for (int i = 0; i < vertex->n_inputs; i++) {
    nacre_bind_edge(bind, &grad[i], vertex->input[i], op->din[i]);
  }
  nacre_tensor *dout = grad + vertex->n_inputs;
  for (int i = 0; i < vertex->n_outputs; i++) {
    nacre_bind_edge(bind, &dout[i], vertex->output[i], op->dout[i]);
  }
  run->din = grad;
  run->dout = dout;
  return NACRE_OK;
}

/* The first call is all bound; a second has other places. */
static int bind_forward(const nacre_binder *bind, const nacre_op *op,
                        nacre_run *run) {
  if (!op->again) {
    return NACRE_OK;
  }
  run->flags |= NACRE_RUN_RECOMPUTE;
  return nacre_bind_again(bind, op->index, op->dout, run);
}

static int bind_derive(const nacre_binder *bind, const nacre_op *op,
                       nacre_run *run) {
  const nacre_vertex *vertex = &bind->graph->vertex[op->index];
  const nacre_layout *layout = &bind->program->layout;
  bool needs_x = (vertex->act_ops->flags & NACRE_ACT_NEED_X) != 0;
  int edge = needs_x ? vertex->input[0] : vertex->output[0];
  nacre_tensor *tensor = nacre_bind_array(bind, 3, sizeof(*tensor));
  if (tensor == NULL) {
    return NACRE_ERROR;
  }
  run->self = (void *)(uintptr_t)run->epilogue;
  nacre_bind_edge(bind, &tensor[0], edge, layout->again[edge]);
  nacre_bind_edge(bind, &tensor[1], edge, op->from);
  nacre_bind_edge(bind, &tensor[2], edge, op->to);
  run->in = &tensor[0];
  run->dout = &tensor[1];
  run->din = &tensor[2];
  return NACRE_OK;
}

static int bind_move(const nacre_binder *bind, const nacre_op *op,
                     nacre_run *run) {
  const nacre_layout *layout = &bind->program->layout;
  nacre_tensor *tensor = nacre_bind_array(bind, 2, sizeof(*tensor));
  if (tensor == NULL) {
    return NACRE_ERROR;
  }
  nacre_shape shape = nacre_shape_1d(layout->buffer[op->to].count);
  nacre_bind_start(bind, run);
  if (op->from >= 0) {
    nacre_bind_sample(bind, &tensor[0], &shape, 1,
                      nacre_bind_buffer(bind, op->from));
  }
  nacre_bind_sample(bind, &tensor[1], &shape, 1,
                    nacre_bind_buffer(bind, op->to));
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
    .prob = on_logits ? head->prediction : NULL, .on_logits = on_logits,
    .sample_rows = head->rows_per_sample, .target_size = head->target_size,
    .shape = &head->program->model->graph->edge[head->head->edge].shape
  };
}

static int bind_op(nacre_binder *bind, int index, nacre_run **of_vertex) {
  nacre_program *program = bind->program;
  const nacre_op *op = &program->layout.op[index];
  nacre_run *run = &program->run[index];
  nacre_step *step = &program->step[index];
  const nacre_vertex *vertex = NULL;
  step->run = run;
  program->times[index] = 1;
  if (op->kind != NACRE_OP_LOSS && op->index >= 0) {
    vertex = &bind->graph->vertex[op->index];
    program->times[index] = vertex->times;
    if (of_vertex[op->index] == NULL) {
      if (nacre_bind_vertex(bind, op->index, run) != NACRE_OK) {
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
    return bind_forward(bind, op, run);
  case NACRE_OP_ACTIVATE:
    step->call = nacre_step_activate;
    return bind_forward(bind, op, run);
  case NACRE_OP_BACKWARD:
    step->call = vertex->ops->backward;
    return bind_backward(bind, op, run);
  case NACRE_OP_DERIVE:
    step->call = nacre_step_derive;
    return bind_derive(bind, op, run);
  case NACRE_OP_LOSS:
    step->call = nacre_step_loss;
    nacre_bind_start(bind, run);
    run->self = &program->head[op->index];
    bind_loss(&program->head[op->index],
              op->to < 0 ? NULL : nacre_bind_buffer(bind, op->to));
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

static void *device_alloc(const nacre_binder *bind, int64_t count,
                          size_t size) {
  return nacre_device_alloc(bind->program->model->device, count, size,
                            "the activations", bind->error);
}

static int bind_head(const nacre_binder *bind, int index) {
  nacre_program *program = bind->program;
  nacre_bound_head *bound = &program->head[index];
  const nacre_head *head = &bind->graph->head[index];
  const nacre_shape *shape = &bind->graph->edge[head->edge].shape;
  *bound = (nacre_bound_head){ .head = head, .program = program };
  bound->cols = nacre_shape_last(shape);
  bound->rows_per_sample = nacre_shape_count(shape) / bound->cols;
  bound->prediction =
    nacre_bind_buffer(bind, program->layout.value[head->edge]);
  bound->y = nacre_bind_buffer(bind, program->layout.value[head->loss_edge]);
  if (head->loss_ops == NULL || program->mode == NACRE_MODE_PREDICT) {
    return NACRE_OK;
  }
  bool by_index = (head->loss_ops->flags & NACRE_LOSS_INDEX) != 0;
  int64_t rows = program->batch_max * bound->rows_per_sample;
  bound->target_cols = by_index ? 1 : bound->cols;
  bound->target_size = bound->rows_per_sample * bound->target_cols;
  bound->target = device_alloc(bind, rows * bound->target_cols, sizeof(real));
  bound->sample_weight = nacre_bind_array(bind, (size_t)program->batch_max,
                               sizeof(double));
  bound->row_loss = nacre_bind_array(bind, (size_t)rows, sizeof(double));
  bound->row_factor = nacre_bind_array(bind, (size_t)rows, sizeof(double));
  int mask = bind->graph->edge[head->loss_edge].mask;
  if (mask >= 0 && nacre_shape_count(&bind->graph->edge[mask].shape) ==
                     bound->rows_per_sample) {
    bound->mask = nacre_bind_buffer(bind, program->layout.value[mask]);
    bound->row_weight = nacre_bind_array(bind, (size_t)rows, sizeof(double));
    if (bound->row_weight == NULL) {
      return NACRE_ERROR;
    }
  }
  return bound->target != NULL && bound->sample_weight != NULL &&
         bound->row_loss != NULL && bound->row_factor != NULL
    ? NACRE_OK : NACRE_ERROR;
}

static bool is_by_batch(const nacre_bound_head *head) {
  return (head->head->loss_ops->flags & NACRE_LOSS_BATCH) != 0;
}

/* Bytes of a head's scratch. */
static int64_t scratch_count(const nacre_bound_head *head) {
  if (head->scratch == NULL) {
    return 0;
  }
  return is_by_batch(head) ? head->scratch_bytes
                           : head->scratch_bytes * head->program->batch_max;
}

int nacre_program_bind_target(nacre_program *program, int index,
                              const nacre_shape *target,
                              nacre_error *error) {
  nacre_bound_head *head = &program->head[index];
  nacre_device *device = program->model->device;
  const nacre_loss_ops *ops = head->head->loss_ops;
  head->target_size = nacre_shape_count(target);
  head->call.target_size = head->target_size;
  if (ops->scratch == NULL) {
    return NACRE_OK;
  }
  int64_t samples = is_by_batch(head) ? 1 : program->batch_max;
  int64_t bytes = ops->scratch(head->head->loss.cfg, head->call.shape, target,
                               is_by_batch(head) ? program->batch_max : 1);
  if (bytes < 0 || bytes > (INT64_MAX - 64) / samples - 64) {
    return nacre_error_add(error, NACRE_ELIMIT, NULL,
                           "loss '%s' of output '%s' would need more memory "
                           "than can be counted",
                           head->head->loss.component->name,
                           head->head->name);
  }
  nacre_device_free(device, head->scratch, scratch_count(head), 1);
  /* Each sample's begins at a cache line. */
  head->scratch_bytes = (bytes + 63) / 64 * 64;
  head->scratch = nacre_device_alloc(device, head->scratch_bytes * samples, 1,
                                     "the loss", error);
  head->call.scratch = head->scratch;
  return head->scratch != NULL ? NACRE_OK : NACRE_ERROR;
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
      n += 4 * (size_t)vertex->n_inputs + 2 * (size_t)vertex->n_outputs +
           2 * (size_t)NACRE_SLOT_MAX + 1; /* also of one called again */
    }
  }
  return n;
}

static int bind_all(nacre_binder *bind) {
  nacre_program *program = bind->program;
  const nacre_layout *layout = &program->layout;
  size_t ops = (size_t)layout->n_ops;
  program->batched = nacre_bind_array(bind, count_tensors(program),
                           sizeof(*program->batched));
  program->times = nacre_bind_array(bind, ops, sizeof(*program->times));
  program->random = nacre_bind_array(bind, 2 * ops, sizeof(nacre_run *));
  program->run = nacre_bind_array(bind, ops, sizeof(*program->run));
  program->step = nacre_bind_array(bind, ops, sizeof(*program->step));
  program->head = nacre_bind_array(bind, (size_t)bind->graph->n_heads,
                        sizeof(*program->head));
  nacre_run **of_vertex =
    nacre_bind_array(bind, (size_t)bind->graph->n_vertices,
                     sizeof(nacre_run *));
  program->activations = device_alloc(bind, layout->activation_bytes, 1);
  program->scratch = device_alloc(bind, layout->scratch_bytes, 1);
  if (program->batched == NULL || program->times == NULL ||
      program->random == NULL ||
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
  nacre_binder bind = { .program = program, .graph = model->graph, .seed = seed,
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
    nacre_device_free(device, head->scratch, scratch_count(head), 1);
  }
  nacre_device_free(device, program->activations,
                    program->layout.activation_bytes, 1);
  nacre_device_free(device, program->scratch, program->layout.scratch_bytes,
                    1);
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
    program->batched[i].tensor->dim[0] = batch * program->batched[i].times;
  }
  for (int i = 0; i < program->n_runs; i++) {
    program->run[i].batch = batch * program->times[i];
  }
}

void nacre_program_set_step(nacre_program *program, int64_t step) {
  for (int i = 0; i < program->n_random; i++) {
    program->random[i]->key.tag[0] = (uint32_t)step;
  }
}

/* What layers have prepared from weights is good while these are the same. */
static void tell_kept(nacre_program *program) {
  const nacre_layout *layout = &program->layout;
  const bool kept = program->version == program->model->version;
  for (int i = 0; i < layout->n_ops && kept != program->kept; i++) {
    const nacre_op *op = &layout->op[i];
    if (op->kind == NACRE_OP_FORWARD && layout->keeps[op->index]) {
      program->run[i].flags ^= NACRE_RUN_KEPT;
    }
  }
  program->kept = kept;
  program->version = program->model->version;
}

void nacre_program_run(nacre_program *program) {
  if (program->layout.any_keeps) {
    tell_kept(program);
  }
  if (program->profile != NULL) {
    nacre_profile_run(program->profile, program);
    return;
  }
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
