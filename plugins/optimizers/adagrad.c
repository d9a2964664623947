/* SPDX-License-Identifier: MIT */
/* adagrad: steps divided by the root of all squared gradients so far. */
#include <nacre/plugin.h>
#include <tgmath.h>

typedef struct adagrad {
  double learning_rate, initial_accumulator_value, epsilon;
} adagrad;

static const nacre_param params[] = {
  NACRE_PARAM_AS(adagrad, learning_rate, "lr", "0.001", "[0,inf)", "",
                 "Size of a step.", NACRE_PARAM_SCHEDULABLE),
  NACRE_PARAM(adagrad, initial_accumulator_value, "0.1", "[0,inf)", "",
              "What the sum of squares starts from.", 0),
  NACRE_PARAM(adagrad, epsilon, "1e-7", "[0,inf)", "",
              "Added to the sum under the root.", 0),
};

static const char *const slot_names[] = { "accumulator" };

static uint32_t slots(const void *cfg, double *start) {
  start[0] = ((const adagrad *)cfg)->initial_accumulator_value;
  return 1;
}

/* w, g, sum: [n] */
NACRE_KERNEL
static void move(int64_t n, real rate, real epsilon, const real *restrict g,
                 real *restrict sum, real *restrict w) {
  for (int64_t i = 0; i < n; i++) {
    sum[i] += g[i] * g[i];
    w[i] -= rate * g[i] / sqrt(sum[i] + epsilon);
  }
}

static void update(const nacre_opt_run *run) {
  const adagrad *cfg = run->cfg;
  move(run->n, (real)run->learning_rate, (real)cfg->epsilon, run->g,
       run->slot[0], run->w);
}

static const nacre_optimizer_ops ops = {
  .size = sizeof(nacre_optimizer_ops),
  .flags = NACRE_OPT_ELEMENTWISE,
  .slots = slots,
  .update = update,
  .slot_names = slot_names,
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_OPTIMIZER,
  .contract = 1,
  .name = "adagrad",
  .summary = "Steps divided by the root of all squared gradients so far",
  .doc =
    "s = s + g^2, w = w - rate g / sqrt(s + epsilon).\n\n"
    "Duchi, Hazan and Singer, Adaptive subgradient methods for online "
    "learning and stochastic optimization, JMLR 12, 2011.",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(adagrad),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(adagrad, component)
