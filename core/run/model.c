/* SPDX-License-Identifier: MIT */
#include "run/model.h"

#include "base/random.h"

#include <string.h>

/* 64 bytes: what tensors are aligned to. */
#define ALIGN ((int64_t)(64 / sizeof(real)))

/* Streams of different uses never meet. */
#define TAG_INIT 1u

/* Trained before untrained; trained ones by learning rate scale, so that
 * ranges of one scale are contiguous; else as in the graph. */
static int rank_of(const nacre_graph *graph, int variable) {
  const nacre_variable *at = &graph->variable[variable];
  return at->trained ? 0 : at->state ? 2 : 1;
}

static bool comes_before(const nacre_graph *graph, int a, int b) {
  int rank_a = rank_of(graph, a), rank_b = rank_of(graph, b);
  if (rank_a != rank_b) {
    return rank_a < rank_b;
  }
  double scale_a = graph->variable[a].learning_rate_scale;
  double scale_b = graph->variable[b].learning_rate_scale;
  if (rank_a == 0 && (scale_a < scale_b || scale_a > scale_b)) {
    return scale_a < scale_b;
  }
  return a < b;
}

static void sort_variables(const nacre_graph *graph, int *order) {
  for (int i = 0; i < graph->n_variables; i++) {
    int at = i;
    while (at > 0 && comes_before(graph, i, order[at - 1])) {
      order[at] = order[at - 1];
      at--;
    }
    order[at] = i;
  }
}

static int place_variables(nacre_model *model, nacre_error *error) {
  const nacre_graph *graph = model->graph;
  int64_t at = 0;
  sort_variables(graph, model->order);
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[model->order[i]];
    int64_t room = 0;
    model->offset[model->order[i]] = at;
    if (!nacre_int_add(variable->count, ALIGN - 1, &room) ||
        !nacre_int_add(at, room / ALIGN * ALIGN, &at) ||
        at > INT64_MAX / (int64_t)sizeof(real) / 64) {
      return nacre_error_add(error, NACRE_ELIMIT, NULL,
                             "the model has more parameters than can be "
                             "counted");
    }
    if (variable->trained) {
      model->trained = at;
    }
  }
  model->total = at;
  return NACRE_OK;
}

static int plan_memory(nacre_model *model, nacre_error *error) {
  size_t n = (size_t)model->graph->n_variables + 1;
  model->offset = nacre_alloc(n, sizeof(*model->offset));
  model->order = nacre_alloc(n, sizeof(*model->order));
  if (model->offset == NULL || model->order == NULL) {
    return nacre_no_memory(error);
  }
  return place_variables(model, error);
}

int nacre_model_measure(const nacre_graph *graph, int64_t *gradients,
                        int64_t *parameters, nacre_error *error) {
  nacre_model model = { .graph = graph };
  int status = plan_memory(&model, error);
  *gradients = model.trained * (int64_t)sizeof(real);
  *parameters = model.total * (int64_t)sizeof(real);
  nacre_model_fini(&model);
  return status;
}

int nacre_model_make(nacre_model *model, const nacre_graph *graph,
                     nacre_device *device, bool training,
                     nacre_error *error) {
  *model = (nacre_model){ .graph = graph, .device = device, .version = 1 };
  if (plan_memory(model, error) != NACRE_OK) {
    return NACRE_ERROR;
  }
  model->params = nacre_device_alloc(device, model->total, sizeof(real),
                                     "the parameters", error);
  if (training && model->params != NULL) {
    model->grads = nacre_device_alloc(device, model->trained, sizeof(real),
                                      "the gradients", error);
  }
  return model->params != NULL && (!training || model->grads != NULL)
    ? NACRE_OK : NACRE_ERROR;
}

void nacre_model_fini(nacre_model *model) {
  if (model->device != NULL && model->device->ops != NULL) {
    nacre_device_free(model->device, model->params, model->total,
                      sizeof(real));
    nacre_device_free(model->device, model->grads, model->trained,
                      sizeof(real));
  }
  nacre_free(model->offset);
  nacre_free(model->order);
  *model = (nacre_model){ 0 };
}

void nacre_model_read(const nacre_model *model, int variable, real *out) {
  const real *at = model->params + model->offset[variable];
  size_t bytes = (size_t)model->graph->variable[variable].count *
                 sizeof(real);
  if (model->device->ops->read != NULL) {
    model->device->ops->read(model->device->self, out, at, bytes);
  } else {
    memcpy(out, at, bytes);
  }
}

void nacre_model_write(nacre_model *model, int variable, const real *in) {
  real *at = model->params + model->offset[variable];
  size_t bytes = (size_t)model->graph->variable[variable].count *
                 sizeof(real);
  model->version++;
  if (model->device->ops->write != NULL) {
    model->device->ops->write(model->device->self, at, in, bytes);
  } else {
    memcpy(at, in, bytes);
  }
}

int nacre_model_init(nacre_model *model, uint64_t seed, nacre_error *error) {
  const nacre_graph *graph = model->graph;
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    const nacre_initializer_ops *ops = variable->initializer.component->ops;
    nacre_place place = { 0 };
    if (variable->initializer.node != NULL) {
      place = nacre_node_place(variable->initializer.node);
    }
    nacre_error_fail fail;
    int first = error->count;
    real *values = nacre_alloc((size_t)variable->count, sizeof(real));
    if (values == NULL) {
      return nacre_no_memory(error);
    }
    nacre_init_run run = {
      .size = sizeof(run), .math = model->device->math,
      .cfg = variable->initializer.cfg, .shape = variable->shape,
      .fan_in = variable->fan_in, .fan_out = variable->fan_out,
      .key = nacre_key_make(seed, variable->name, TAG_INIT),
      .fail = nacre_error_fail_init(&fail, error, NACRE_ECONFIG, &place),
      .out = values, .alloc = nacre_alloc, .free = nacre_free
    };
    int status = ops->fill(&run);
    for (int64_t k = 0; k < variable->start_n; k++) {
      values[variable->start_first + k] = (real)variable->start_value;
    }
    if (status == NACRE_OK) {
      nacre_model_write(model, i, values);
    }
    nacre_free(values);
    if (status != NACRE_OK) {
      nacre_error_context(error, first, "initial values of '%s'",
                          variable->name);
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

void nacre_model_begin(nacre_model *model) {
  for (int i = 0; i < model->graph->n_variables; i++) {
    const nacre_variable *variable = &model->graph->variable[i];
    if (variable->carried) {
      model->device->math->fill(model->device->math, variable->count, 0,
                                model->params + model->offset[i]);
    }
  }
}

int nacre_model_digest(const nacre_model *model, nacre_hash *out) {
  const nacre_graph *graph = model->graph;
  *out = (nacre_hash){ { 0, 0 } };
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    if (variable->carried) {
      continue;
    }
    real *values = nacre_alloc((size_t)variable->count, sizeof(real));
    if (values == NULL) {
      return NACRE_ERROR;
    }
    nacre_model_read(model, i, values);
    nacre_hash_add(out, values, (size_t)variable->count * sizeof(real));
    nacre_free(values);
  }
  return NACRE_OK;
}
