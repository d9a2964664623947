/* SPDX-License-Identifier: MIT */
/* mutant_slots: an optimizer that asks for one number of state for each row,
 * and keeps one for each element. */
#include <nacre/plugin.h>

typedef struct slots_cfg {
  double learning_rate;
} slots_cfg;

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 1;
}

static int64_t slot_size(const void *cfg, uint32_t slot,
                         const nacre_shape *shape) {
  (void)cfg;
  (void)slot;
  return shape->dim[0];
}

static void update(const nacre_opt_run *run) {
  for (int64_t i = 0; i < run->n; i++) {
    run->slot[0][i] = run->g[i];
    run->w[i] -= (real)run->learning_rate * run->slot[0][i];
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(slots_cfg, learning_rate, "0.001", "(0,inf)", "",
              "Size of a step.", NACRE_PARAM_SCHEDULABLE)
};

static const nacre_optimizer_ops ops = {
  .size = sizeof(ops), .slots = slots, .update = update,
  .slot_size = slot_size
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_OPTIMIZER, .contract = 1,
  .name = "mutant_slots", .summary = "Wrong on purpose",
  .doc = "Must fail: bounds", .params = NACRE_SPAN(params),
  .cfg_size = sizeof(slots_cfg), .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_slots, component)
