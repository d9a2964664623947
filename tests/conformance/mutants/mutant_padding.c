/* SPDX-License-Identifier: MIT */
/* mutant_padding: an optimizer that moves parameters without a gradient. */
#include <nacre/plugin.h>

typedef struct padding {
  double learning_rate;
} padding;

static uint32_t slots(const void *cfg, double *start) {
  (void)cfg;
  (void)start;
  return 0;
}

static void update(const nacre_opt_run *run) {
  for (int64_t i = 0; i < run->n; i++) {
    real sign = run->g[i] > 0 ? 1 : -1; /* of 0 as well */
    run->w[i] -= (real)run->learning_rate * sign;
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(padding, learning_rate, "0.001", "(0,inf)", "",
              "Size of a step.", NACRE_PARAM_SCHEDULABLE)
};

static const nacre_optimizer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_OPT_ELEMENTWISE, .slots = slots,
  .update = update
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_OPTIMIZER, .contract = 1,
  .name = "mutant_padding", .summary = "Wrong on purpose",
  .doc = "Must fail: zero gradient", .params = NACRE_SPAN(params),
  .cfg_size = sizeof(padding), .ops = &ops
};

NACRE_COMPONENT_MODULE(mutant_padding, component)
