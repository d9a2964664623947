/* SPDX-License-Identifier: MIT */
/* slots: the arrays of an optimizer's state, of each variable. */
#include "run/optimize.h"

/* A slot of a variable begins at a cache line. */
#define ALIGN ((int64_t)(64 / sizeof(real)))

/* Whether slots have sizes of their own. */
static bool is_sized(const nacre_optimizer_ops *ops) {
  return ops->slot_size != NULL && (ops->flags & NACRE_OPT_ELEMENTWISE) == 0;
}

static int64_t size_of(const nacre_optimizer_cfg *cfg, uint32_t slot,
                       const nacre_variable *variable) {
  const nacre_optimizer_ops *ops = cfg->optimizer.component->ops;
  return is_sized(ops)
    ? ops->slot_size(cfg->optimizer.cfg, slot, &variable->shape)
    : variable->count;
}

/* No more than the variables themselves, whose padded sizes can be counted:
 * none of the sums here overflows. */
static bool is_possible(const nacre_variable *variable, int64_t size) {
  return size >= 1 && size <= variable->count;
}

static int64_t padded(int64_t size) {
  return (size + ALIGN - 1) / ALIGN * ALIGN;
}

int64_t nacre_optimizer_bytes(const nacre_optimizer_cfg *cfg,
                              const nacre_graph *graph) {
  const nacre_optimizer_ops *ops = cfg->optimizer.component->ops;
  double start[NACRE_OPT_SLOTS] = { 0 };
  uint32_t slots = ops->slots(cfg->optimizer.cfg, start);
  int64_t reals = 0;
  for (int i = 0; i < graph->n_variables; i++) {
    const nacre_variable *variable = &graph->variable[i];
    for (uint32_t j = 0; j < slots && variable->trained; j++) {
      int64_t size = size_of(cfg, j, variable);
      reals += is_possible(variable, size) ? padded(size) : 0;
    }
  }
  return reals * (int64_t)sizeof(real);
}

static int refuse(const nacre_optimizer *optimizer, uint32_t slot,
                  const nacre_variable *variable, int64_t size,
                  nacre_error *error) {
  return nacre_error_add(error, NACRE_EPLUGIN, NULL,
                         "optimizer '%s' asks for %lld numbers in slot %u of "
                         "'%s', which has %lld itself",
                         optimizer->cfg->optimizer.component->name,
                         (long long)size, slot, variable->name,
                         (long long)variable->count);
}

/* Those of one slot lie in the order of the parameters, as far apart unless
 * they have sizes of their own. */
static int place_slot(nacre_optimizer *optimizer, uint32_t slot,
                      nacre_error *error) {
  const nacre_model *model = optimizer->model;
  const nacre_graph *graph = model->graph;
  const bool sized = is_sized(optimizer->ops);
  const int64_t first = optimizer->slot_reals;
  optimizer->slot_reals += sized ? 0 : model->trained;
  for (int i = 0; i < graph->n_variables; i++) {
    int index = model->order[i];
    const nacre_variable *variable = &graph->variable[index];
    int64_t *at =
      &optimizer->slot_at[(int64_t)slot * graph->n_variables + index];
    if (!variable->trained) {
      continue;
    }
    int64_t size = size_of(optimizer->cfg, slot, variable);
    if (!is_possible(variable, size)) {
      return refuse(optimizer, slot, variable, size, error);
    }
    *at = sized ? optimizer->slot_reals : first + model->offset[index];
    optimizer->slot_reals += sized ? padded(size) : 0;
  }
  return NACRE_OK;
}

int nacre_optimizer_make_slots(nacre_optimizer *optimizer,
                               nacre_error *error) {
  nacre_model *model = optimizer->model;
  nacre_device *device = model->device;
  double start[NACRE_OPT_SLOTS] = { 0 };
  int64_t end[NACRE_OPT_SLOTS] = { 0 };
  optimizer->n_slots =
    optimizer->ops->slots(optimizer->cfg->optimizer.cfg, start);
  if (optimizer->n_slots > NACRE_OPT_SLOTS) {
    return nacre_error_add(error, NACRE_EPLUGIN, NULL,
                           "optimizer '%s' asks for %u slots of %d",
                           optimizer->cfg->optimizer.component->name,
                           optimizer->n_slots, NACRE_OPT_SLOTS);
  }
  if (optimizer->n_slots == 0 || model->trained == 0) {
    return NACRE_OK;
  }
  optimizer->slot_at =
    nacre_alloc((size_t)model->graph->n_variables,
                optimizer->n_slots * sizeof(*optimizer->slot_at));
  if (optimizer->slot_at == NULL) {
    return nacre_no_memory(error);
  }
  for (uint32_t i = 0; i < optimizer->n_slots; i++) {
    if (place_slot(optimizer, i, error) != NACRE_OK) {
      return NACRE_ERROR;
    }
    end[i] = optimizer->slot_reals;
  }
  optimizer->slots =
    nacre_device_alloc(device, optimizer->slot_reals, sizeof(real),
                       "the optimizer's state", error);
  if (optimizer->slots == NULL) {
    return NACRE_ERROR;
  }
  for (uint32_t i = 0; i < optimizer->n_slots; i++) {
    int64_t first = i > 0 ? end[i - 1] : 0;
    if (start[i] > 0 || start[i] < 0) {
      device->math->fill(device->math, end[i] - first, (real)start[i],
                         optimizer->slots + first);
    }
  }
  return NACRE_OK;
}

void nacre_optimizer_free_slots(nacre_optimizer *optimizer) {
  nacre_device_free(optimizer->model->device, optimizer->slots,
                    optimizer->slot_reals, sizeof(real));
  nacre_free(optimizer->slot_at);
}

real *nacre_optimizer_slot(const nacre_optimizer *optimizer, uint32_t slot,
                           int variable, nacre_shape *shape) {
  const nacre_graph *graph = optimizer->model->graph;
  const nacre_variable *of = &graph->variable[variable];
  int64_t size = size_of(optimizer->cfg, slot, of);
  *shape = size == of->count ? of->shape : nacre_shape_1d(size);
  return optimizer->slots +
         optimizer->slot_at[(int64_t)slot * graph->n_variables + variable];
}
